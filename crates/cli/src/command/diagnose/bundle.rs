//! `--bundle`: the diagnosis and, of every source, the lines that concern the client at that time; what a colleague or a
//! vendor would ask for.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::path::Path;

use tunlog_analysis::diagnose::Diagnosis;
use tunlog_analysis::statistics::diagnoses::DiagnosisView;
use tunlog_ingest::{Discovered, SourceKind};
use tunlog_model::{Attempt, Event, SourceId, text};
use tunlog_pipeline::{Settings, Sources, Subscriber, Wants};
use tunlog_report::{Format, Look, Printer, diagnosis, rfc3339};

use super::super::Names;
use super::super::scope::{Scope, plain_name};
use super::zip::Archive;
use crate::config::Setup;
use crate::output::{Failure, Output, tell};

/// Attempts that are packed.
const ATTEMPTS_MAX: usize = 1000;
/// Diagnoses that are packed.
const DIAGNOSES_MAX: usize = 1000;
/// Bytes of lines that are packed.
const BYTES_MAX: usize = 256 << 20;

/// What is to be packed.
pub struct Bundle {
    scope: Scope,
    attempts: usize,
    diagnoses: Vec<Diagnosis>,
}

/// The error of a bundle of nothing in particular.
pub fn needs_a_name() -> Failure {
    Failure::Message("--bundle: say of whom or when: --ip ADDR, --user NAME or --at TIME".to_owned())
}

impl Bundle {
    /// Of nothing yet.
    ///
    /// # Errors
    /// If an input can be read only once.
    pub fn new(setup: &Setup) -> Result<Bundle, Failure> {
        if setup.found.specs.iter().any(|spec| spec.kind == SourceKind::Stdin) {
            let problem = "--bundle: standard input can be read only once; name files";
            return Err(Failure::Message(problem.to_owned()));
        }
        Ok(Bundle {
            scope: Scope::default(),
            attempts: 0,
            diagnoses: Vec::new(),
        })
    }

    /// An attempt that is meant.
    pub fn take(&mut self, attempt: &Attempt) {
        if self.attempts < ATTEMPTS_MAX {
            self.attempts += 1;
            self.scope.take(attempt);
        }
    }

    /// A diagnosis that is told.
    pub fn keep(&mut self, diagnosis: &Diagnosis) {
        if self.diagnoses.len() < DIAGNOSES_MAX {
            for item in &diagnosis.evidence {
                self.scope.keep_line(item.source, item.line);
            }
            self.diagnoses.push(diagnosis.clone());
        }
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
            scope: &self.scope,
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
        for (from, until) in self.scope.spans.all().take(20) {
            about.push_str(&format!("time    {} to {}\n", rfc3339(from), rfc3339(until)));
        }
        let mut clients: Vec<String> = self.scope.clients.iter().map(IpAddr::to_string).collect();
        clients.sort();
        about.push_str(&format!("client  {}\n", clients.join(", ")));
        let mut users: Vec<_> = self.scope.users.iter().map(|user| text::visible(user)).collect();
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
        if self.scope.concerns(event).is_none() {
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

/// `sources/1-syslog.log`.
fn entry_name(source: SourceId, name: &str) -> String {
    format!("sources/{}.log", plain_name(source, name))
}
