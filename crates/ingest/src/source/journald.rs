//! The machine's journal, read through `journalctl`: its file format is journald's own business.

use std::io;
use std::path::Path;
use std::process::{self, Command, Stdio};

/// A running `journalctl` and its output.
pub(crate) struct Child {
    process: process::Child,
    ended: bool,
}

/// Starts `journalctl` for the machine's journal, or for one journal file. No shell is involved.
pub(crate) fn start(file: Option<&Path>) -> io::Result<Child> {
    let mut command = Command::new("journalctl");
    command.args(["-o", "json", "--all", "--no-pager", "-q"]);
    if let Some(path) = file {
        command.arg("--file").arg(path);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    match command.spawn() {
        Ok(process) => Ok(Child { process, ended: false }),
        Err(error) => Err(io::Error::new(
            error.kind(),
            format!("journalctl cannot be started: {error}"),
        )),
    }
}

impl Child {
    pub(crate) fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(output) = &mut self.process.stdout else {
            return Ok(0);
        };
        let read = super::compressed::read_some(output, out)?;
        if read > 0 || self.ended || out.is_empty() {
            return Ok(read);
        }
        self.ended = true;
        let status = self.process.wait()?;
        if status.success() {
            Ok(0)
        } else {
            Err(io::Error::other(format!("journalctl ended with {status}")))
        }
    }
}

impl Drop for Child {
    /// A reader that goes away early must not leave a process behind.
    fn drop(&mut self) {
        if !self.ended {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

/// Whether `journalctl` can be run here at all.
pub(crate) fn available() -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join("journalctl").is_file()))
}
