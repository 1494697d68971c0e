//! Tests of ingest through its public door.
#![allow(clippy::unwrap_used)]

mod firewalls;
mod follow;
mod follow_copies;
mod follow_folders;
mod follow_journal;
mod follow_journald;
mod follow_live;
mod follow_random;
mod framing;
mod property;
mod sources;
mod time;
mod windows;
mod windows_damage;
mod windows_files;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use tunlog_ingest::{Chunk, Format, Framer, Options, Problem, Source, discover};
use tunlog_model::{AppFilter, EveryApp, Payload, RecordRef, Stamp};

/// 2026-11-21T12:00:00Z
pub(crate) const NOW: i64 = 1_795_262_400_000_000;

pub(crate) fn options() -> Options {
    Options {
        tz: Some("UTC".to_string()),
        now: NOW,
        ..Options::default()
    }
}

/// A record with everything owned.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) stamp: Stamp,
    pub(crate) host: String,
    pub(crate) app: String,
    pub(crate) pid: u32,
    pub(crate) severity: Option<String>,
    pub(crate) body: String,
    /// Named values, if it has any.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) raw: Vec<u8>,
    pub(crate) line: u64,
    pub(crate) trusted: bool,
    pub(crate) cmdline: String,
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Seen {
    pub(crate) fn of(record: &RecordRef<'_>) -> Seen {
        let body = match record.payload {
            Payload::Text(body) => text(body),
            Payload::Fields(fields) => fields
                .iter()
                .map(|(name, value)| format!("{}={};", text(name), text(value)))
                .collect(),
            Payload::Repeated(times) => format!("<repeated {times}>"),
            Payload::Lost(count) => format!("<lost {count:?}>"),
        };
        let fields = match record.payload {
            Payload::Fields(fields) => fields.iter().map(|(name, value)| (text(name), text(value))).collect(),
            _ => Vec::new(),
        };
        Seen {
            stamp: record.stamp,
            host: text(record.host),
            app: text(record.app),
            pid: record.pid,
            severity: record.severity.map(|severity| format!("{severity:?}")),
            body,
            fields,
            raw: record.raw.to_vec(),
            line: record.line,
            trusted: record.trusted,
            cmdline: text(record.cmdline),
        }
    }
}

pub(crate) fn cut_with(bytes: &[u8], filter: &dyn AppFilter) -> (Vec<Seen>, tunlog_ingest::Cut) {
    let mut seen = Vec::new();
    let cut =
        Framer::new(&options(), Format::Lines).cut(&Chunk::new(bytes.to_vec()), filter, &mut |record: &RecordRef<
            '_,
        >| {
            seen.push(Seen::of(record))
        });
    (seen, cut)
}

pub(crate) fn cut(bytes: impl AsRef<[u8]>) -> Vec<Seen> {
    cut_with(bytes.as_ref(), &EveryApp).0
}

/// A directory of one test's own, removed at its end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "tunlog-ingest-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// All that reading some paths gives.
#[derive(Default)]
pub(crate) struct Run {
    pub(crate) names: Vec<String>,
    pub(crate) sets: Vec<usize>,
    /// Body and time (microseconds), in the order of the sources.
    pub(crate) records: Vec<(Seen, tunlog_model::RecordTime)>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) lines: u64,
}

impl Run {
    pub(crate) fn bodies(&self) -> Vec<&str> {
        self.records.iter().map(|(seen, _)| seen.body.as_str()).collect()
    }

    pub(crate) fn times(&self) -> Vec<String> {
        let show = |micros| jiff::Timestamp::from_microsecond(micros).unwrap().to_string();
        self.records.iter().map(|(_, time)| show(time.micros)).collect()
    }

    pub(crate) fn told(&self) -> Vec<String> {
        self.problems
            .iter()
            .map(|problem| format!("{:?} {problem}", problem.kind))
            .collect()
    }
}

pub(crate) fn read(paths: &[PathBuf], rotate: bool, options: &Options) -> Run {
    let found = discover(paths, rotate);
    let mut run = Run {
        problems: found.problems,
        ..Run::default()
    };
    for spec in &found.specs {
        run.names.push(spec.name.clone());
        run.sets.push(spec.set);
        let mut source = match Source::open(spec, options) {
            Ok(source) => source,
            Err(problem) => {
                run.problems.push(problem);
                continue;
            }
        };
        let (framer, mut clock) = (source.framer(), source.clock());
        let (mut buffer, mut before) = (Vec::new(), 0);
        loop {
            match source.next_chunk(std::mem::take(&mut buffer)) {
                Ok(Some(chunk)) => {
                    let cut = framer.cut(&chunk, &EveryApp, &mut |record: &RecordRef<'_>| {
                        let mut seen = Seen::of(record);
                        seen.line += before;
                        run.records.push((seen, clock.resolve(record.stamp)));
                    });
                    run.problems
                        .extend(cut.notes.iter().map(|note| note.problem(&spec.name, before)));
                    before += cut.lines;
                    buffer = chunk.bytes;
                }
                Ok(None) => break,
                Err(problem) => run.problems.push(problem),
            }
        }
        run.problems.extend(source.problems());
        run.lines += before;
    }
    run
}

pub(crate) fn set_written(path: &Path, seconds: u64) {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    std::fs::File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(time)
        .unwrap();
}

/// A file of the shared hostile corpus, if it is there.
pub(crate) fn hostile(name: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus/hostile")).join(name);
    path.exists().then_some(path)
}
