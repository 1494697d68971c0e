//! `--bundle`: the diagnosis and, of every source, the lines that concern the client at that time; what a colleague or a
//! vendor would ask for.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::path::Path;

use tunlog_analysis::diagnose::Diagnosis;
use tunlog_analysis::statistics::diagnoses::DiagnosisView;
use tunlog_ingest::{Discovered, SourceKind};
use tunlog_model::{Attempt, Event, Field, Layer, Role, SourceId, Value, text};
use tunlog_pipeline::{Settings, Sources, Subscriber, Wants};
use tunlog_report::{Format, Look, Printer, diagnosis, rfc3339};

use super::super::Names;
use super::zip::Archive;
use crate::config::Setup;
use crate::output::{Failure, Output, tell};

/// How much of the time before and after an attempt is packed, microseconds.
const MARGIN: i64 = 30_000_000;
/// Attempts that are packed.
const ATTEMPTS_MAX: usize = 1000;
/// Diagnoses that are packed.
const DIAGNOSES_MAX: usize = 1000;
/// Bytes of lines that are packed.
const BYTES_MAX: usize = 256 << 20;

/// What is to be packed.
pub struct Scope {
    spans: Vec<(i64, i64)>,
    clients: HashSet<IpAddr>,
    users: HashSet<Box<str>>,
    processes: HashSet<(Box<str>, u32)>,
    lines: HashSet<(SourceId, u64)>,
    diagnoses: Vec<Diagnosis>,
}

/// The error of a bundle of nothing in particular.
pub fn needs_a_name() -> Failure {
    Failure::Message("--bundle: say of whom or when: --ip ADDR, --user NAME or --at TIME".to_owned())
}

impl Scope {
    /// Of nothing yet.
    ///
    /// # Errors
    /// If an input can be read only once.
    pub fn new(setup: &Setup) -> Result<Scope, Failure> {
        if setup.found.specs.iter().any(|spec| spec.kind == SourceKind::Stdin) {
            let problem = "--bundle: standard input can be read only once; name files";
            return Err(Failure::Message(problem.to_owned()));
        }
        Ok(Scope {
            spans: Vec::new(),
            clients: HashSet::new(),
            users: HashSet::new(),
            processes: HashSet::new(),
            lines: HashSet::new(),
            diagnoses: Vec::new(),
        })
    }

    /// An attempt that is meant.
    pub fn take(&mut self, attempt: &Attempt) {
        if self.spans.len() >= ATTEMPTS_MAX {
            return;
        }
        self.spans.push((
            attempt.started.saturating_sub(MARGIN),
            attempt.last_seen.saturating_add(MARGIN),
        ));
        self.clients.extend(attempt.client_ip);
        self.clients.extend(attempt.claimed_ip);
        self.users.extend(attempt.user.clone().filter(|user| !user.is_empty()));
        let gateway = attempt.gateway.clone().unwrap_or_default();
        for clue in &attempt.trail {
            // daemons that serve many at once are not the client's process
            if clue.pid != 0 && matches!(clue.message.role, Role::Ppp | Role::Pptp) {
                self.processes.insert((gateway.clone(), clue.pid));
            }
            self.lines.insert((clue.source, clue.line));
            self.lines.insert((clue.source, clue.last_line));
        }
    }

    /// A diagnosis that is told.
    pub fn keep(&mut self, diagnosis: &Diagnosis) {
        if self.diagnoses.len() < DIAGNOSES_MAX {
            self.lines
                .extend(diagnosis.evidence.iter().map(|item| (item.source, item.line)));
            self.diagnoses.push(diagnosis.clone());
        }
    }

    fn concerns(&self, event: &Event<'_>) -> bool {
        if self.lines.contains(&(event.source, event.line())) {
            return true;
        }
        let time = event.time.micros;
        if !self.spans.iter().any(|(from, until)| (*from..=*until).contains(&time)) {
            return false;
        }
        let mut addresses = event.fields().iter().filter_map(|(_, value)| match value {
            Value::Ip(address) => Some(*address),
            _ => None,
        });
        if addresses.any(|address| self.clients.contains(&address)) {
            return true;
        }
        if let Some(user) = event.text(Field::User) {
            return self.users.contains(&*user);
        }
        let host: Box<str> = text::lossy(event.host()).into();
        if event.pid() != 0 && self.processes.contains(&(host, event.pid())) {
            return true;
        }
        // what daemons and the kernel say of themselves concerns everybody
        let message = event.message();
        let names_another = event.value(Field::ClientIp).is_some();
        !names_another && message.layer == Layer::System && message.role != Role::Firewall
    }

    /// Reads the sources again and writes the archive.
    ///
    /// # Errors
    /// If the archive cannot be written.
    pub fn pack(self, path: &Path, found: Discovered, setup: &Setup) -> Result<(), Failure> {
        let sources = Sources::of(&found);
        let settings = Settings {
            wants: Wants::Events,
            since: None,
            until: None,
            ..setup.settings.clone()
        };
        let mut slices = Slices {
            scope: &self,
            show_secrets: settings.show_secrets,
            of: BTreeMap::new(),
            bytes: 0,
        };
        let _ = tunlog_pipeline::run(found, &setup.catalogue, &settings, &mut slices);
        let Slices { of, bytes, .. } = slices;
        if bytes > BYTES_MAX {
            tell("--bundle: more lines than a bundle holds; the last ones were left out");
        }
        let mut file = Output::open(Some(path))?;
        let mut archive = Archive::new(&mut file);
        let failed = |error: std::io::Error| Failure::write(&path.display().to_string(), &error);
        let plain = Look {
            color: false,
            ..setup.look.clone()
        };
        let about = self.about(&of, &sources, settings.show_secrets);
        archive.add("README.txt", about.as_bytes()).map_err(failed)?;
        let people = self.for_people(&sources, &plain).map_err(failed)?;
        archive.add("diagnosis.txt", &people).map_err(failed)?;
        let rows = self.for_programs(&sources, &plain).map_err(failed)?;
        archive.add("diagnosis.jsonl", &rows).map_err(failed)?;
        for (source, lines) in &of {
            archive
                .add(&entry_name(*source, sources.name(*source)), lines)
                .map_err(failed)?;
        }
        archive.finish().map_err(failed)?;
        file.finish()
    }

    fn about(&self, of: &BTreeMap<SourceId, Vec<u8>>, sources: &Sources, show_secrets: bool) -> String {
        let mut about = format!("tunlog {}\n\n", env!("CARGO_PKG_VERSION"));
        about.push_str("diagnosis.txt    for people\ndiagnosis.jsonl  the same for programs\n");
        about.push_str(
            "sources/         of every source the lines that concern the client, from 30 s before to 30 s after\n\n",
        );
        about.push_str(match show_secrets {
            true => "SECRETS ARE NOT TAKEN OUT: passwords, challenges and responses stand in the lines.\n\n",
            false => "Passwords, challenges and responses are taken out. Lines that tunlog does not understand are left out.\n\n",
        });
        for (from, until) in self.spans.iter().take(20) {
            about.push_str(&format!("time    {} to {}\n", rfc3339(*from), rfc3339(*until)));
        }
        let mut clients: Vec<String> = self.clients.iter().map(IpAddr::to_string).collect();
        clients.sort();
        about.push_str(&format!("client  {}\n", clients.join(", ")));
        let mut users: Vec<_> = self.users.iter().map(|user| text::visible(user)).collect();
        users.sort();
        about.push_str(&format!("user    {}\n\n", users.join(", ")));
        for source in of.keys() {
            let name = sources.name(*source);
            about.push_str(&format!("{}  is {}\n", entry_name(*source, name), text::visible(name)));
        }
        about
    }

    fn for_people(&self, sources: &Sources, look: &Look) -> std::io::Result<Vec<u8>> {
        let mut out = Vec::new();
        for found in &self.diagnoses {
            diagnosis::whole(found, &Names(sources), look, 100, &mut out)?;
            out.push(b'\n');
        }
        Ok(out)
    }

    fn for_programs(&self, sources: &Sources, look: &Look) -> std::io::Result<Vec<u8>> {
        let mut out = Vec::new();
        let mut printer = Printer::new(Format::Jsonl, "diagnosis", DiagnosisView::COLUMNS, look.clone());
        for diagnosis in &self.diagnoses {
            let view = DiagnosisView {
                diagnosis,
                sources: &Names(sources),
            };
            printer.row(DiagnosisView::COLUMNS, &view, &mut out)?;
        }
        Ok(out)
    }
}

/// Of every source the lines that concern the client.
struct Slices<'s> {
    scope: &'s Scope,
    show_secrets: bool,
    of: BTreeMap<SourceId, Vec<u8>>,
    bytes: usize,
}

impl Subscriber for Slices<'_> {
    fn event(&mut self, event: &Event<'_>, _sources: &Sources) -> ControlFlow<()> {
        if !self.scope.concerns(event) {
            return ControlFlow::Continue(());
        }
        let shown = match self.show_secrets || event.redacted() {
            true => std::borrow::Cow::Borrowed(event.raw()),
            false => tunlog_decode::redact(event.message(), event.raw()),
        };
        self.bytes += shown.len() + 1;
        if self.bytes > BYTES_MAX {
            return ControlFlow::Break(());
        }
        let slice = self.of.entry(event.source).or_default();
        slice.extend_from_slice(shown.trim_ascii_end());
        slice.push(b'\n');
        ControlFlow::Continue(())
    }
}

/// `sources/1-syslog.log`: the number keeps equal names apart, and nothing of a path gets out of the folder.
fn entry_name(source: SourceId, name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let plain: String = last
        .chars()
        .map(|c| if is_plain(c) { c } else { '_' })
        .take(80)
        .collect();
    format!("sources/{}-{plain}.log", source.0 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_stay_in_their_folder() {
        let name = |name: &str| entry_name(SourceId(0), name);
        assert_eq!(name("/var/log/syslog"), "sources/1-syslog.log");
        assert_eq!(name("a/../../etc/pass wd"), "sources/1-pass_wd.log");
        assert_eq!(name(".."), "sources/1-...log");
        assert_eq!(name(""), "sources/1-.log");
    }
}
