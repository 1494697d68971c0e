//! The files that logs lie in.

use super::{Scene, Watch};
use crate::{Check, Family, Report, Rule, Severity};

const READABLE: Rule = Rule {
    id: "log-readable-by-all",
    severity: Severity::Medium,
    title: "Everybody can read a log",
    finds: "Log files of this machine whose mode lets every account read them.",
    why: "Logs of a gateway name users, addresses and times, and with `debug` log-ins that can be cracked.",
    wrong: "A machine on which nobody but its administrators has an account.",
    action: "chmod o-r on the file, and the mode of its successors: `create 640 root adm` in logrotate, `$FileCreateMode 0640` in rsyslog.",
    reference: "logrotate(8), create; rsyslog, FileCreateMode",
};

/// What is asked of log files.
pub static FAMILY: Family = Family {
    name: "log-files",
    title: "Log files",
    rules: &[READABLE],
    run: |_, _| {},
};

/// A file that logs lie in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// Its path.
    pub path: String,
    /// Its permission bits.
    pub mode: u32,
}

/// Looks at the files' rights.
pub struct Files;

impl Watch for Files {
    fn finish(&mut self, scene: &Scene<'_>, report: &mut Report) {
        let readable = scene.beside.log_files.iter().filter(|file| file.mode & 0o004 != 0);
        report.checks.extend(readable.map(|file| {
            let summary = format!(
                "Its mode is {:04o}: every account of the machine can read it.",
                file.mode & 0o7777
            );
            let action = format!(
                "chmod o-r {}, and {}",
                file.path,
                "the mode of its successors: `create 640 root adm` in logrotate, `$FileCreateMode 0640` in rsyslog."
            );
            Check::new(&READABLE, summary).file(&file.path).action(action)
        }));
    }
}
