//! `tunlog incident collect`: the lines, packets and settings that prove what happened, before they rotate away.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::path::Path;

use tunlog_incident::case::Case;
use tunlog_incident::manifest::Fact;
use tunlog_incident::mask;
use tunlog_incident::movement::Search;
use tunlog_incident::text::{counted, row};
use tunlog_ingest::{SourceKind, SourceSpec};
use tunlog_model::{Cell, Event, SourceId, text};
use tunlog_pipeline::{PlainRecord, Sources, Subscriber};

use super::args::CollectArgs;
use super::capture::{self, Cut};
use super::contents::fact_of;
use super::directory::Directory;
use super::gather::{Gathered, gather, take_paths};
use super::{host, print, print_rows};
use crate::command::scope::{Scope, plain_name};
use crate::output::Failure;

/// Bytes of lines that are held before they are written.
const BYTES_MAX: usize = 256 << 20;

/// Lines of sources by their numbers.
#[derive(Default)]
struct Slices {
    of: BTreeMap<SourceId, BTreeMap<u64, Vec<u8>>>,
    bytes: usize,
    /// Lines that found no room.
    no_room: BTreeMap<SourceId, u64>,
}

impl Slices {
    fn add(&mut self, source: SourceId, line: u64, bytes: &[u8]) {
        let bytes = bytes.trim_ascii_end();
        if self.bytes + bytes.len() > BYTES_MAX {
            *self.no_room.entry(source).or_default() += 1;
            return;
        }
        let slice = self.of.entry(source).or_default();
        if let Entry::Vacant(place) = slice.entry(line) {
            self.bytes += bytes.len();
            place.insert(bytes.to_vec());
        }
    }
}

/// Understood lines of the incident.
struct Understood<'a> {
    scope: &'a Scope,
    window: (i64, i64),
    captures: &'a HashSet<SourceId>,
    show_secrets: bool,
    slices: Slices,
    /// Lines that were understood: they are never taken again unmasked, or twice.
    seen: HashSet<(SourceId, u64)>,
}

impl Subscriber for Understood<'_> {
    fn event(&mut self, event: &Event<'_>, _: &Sources) -> ControlFlow<()> {
        let in_time = (self.window.0..=self.window.1).contains(&event.time.micros);
        if !in_time || self.captures.contains(&event.source) || self.scope.concerns(event).is_none() {
            return ControlFlow::Continue(());
        }
        let shown = match self.show_secrets || event.redacted() {
            true => std::borrow::Cow::Borrowed(event.raw()),
            false => tunlog_decode::redact(event.message(), event.raw()),
        };
        self.seen.insert((event.source, event.line()));
        self.slices.add(event.source, event.line(), &shown);
        ControlFlow::Continue(())
    }
}

/// What is written about each thing that was taken.
struct Item {
    path: String,
    original: String,
    fact: Option<Fact>,
    taken: u64,
    left: u64,
    what: &'static str,
    redacted: bool,
    notes: Vec<String>,
}

impl Item {
    fn row(&self, window: (i64, i64)) -> String {
        let some = |cell: Option<Cell>| cell.unwrap_or(Cell::None);
        let notes = Cell::List(self.notes.iter().map(|note| Cell::Text(note.clone())).collect());
        row(
            "item",
            &[
                (
                    "path",
                    if self.path.is_empty() {
                        Cell::None
                    } else {
                        Cell::Text(self.path.clone())
                    },
                ),
                ("original", Cell::Text(self.original.clone())),
                ("original_size", some(self.fact.map(|fact| Cell::Bytes(fact.size)))),
                (
                    "original_sha256",
                    some(self.fact.map(|fact| Cell::Text(fact.digest.to_string()))),
                ),
                ("what", Cell::Word(self.what)),
                ("since", Cell::Time(window.0)),
                ("until", Cell::Time(window.1)),
                ("taken", Cell::Count(self.taken)),
                ("left", Cell::Count(self.left)),
                ("redacted", Cell::Bool(self.redacted)),
                ("notes", if self.notes.is_empty() { Cell::None } else { notes }),
            ],
        )
    }
}

/// The original's hash, where it is a file.
fn original(spec: &SourceSpec) -> Option<Fact> {
    match &spec.kind {
        SourceKind::File(path) | SourceKind::ZipMember(path, _) | SourceKind::JournalFile(path) => fact_of(path).ok(),
        SourceKind::Stdin | SourceKind::Journal | SourceKind::Stored { .. } => None,
    }
}

/// Collects.
pub fn run(args: &CollectArgs) -> Result<u8, Failure> {
    let is_rows = args.case.form.is_rows()?;
    let mut directory = Directory::open(&args.case)?;
    take_paths(&mut directory, &args.paths, &args.reading)?;
    let gathered = gather(&directory.case, args.case.quiet, args.show_secrets)?;
    let options = &gathered.setup.settings.ingest;
    let specs = gathered.found.specs.iter().enumerate();
    let captures: HashSet<SourceId> = specs
        .filter(|(_, spec)| capture::is_capture(spec, options))
        .map(|(number, _)| SourceId(number as u32))
        .collect();
    directory.clear("evidence")?;
    let mut items = sources(&gathered, &directory, &captures, args.show_secrets)?;
    items.extend(cut_captures(&gathered, &directory, &captures, args.show_secrets)?);
    items.extend(machine(&directory, args)?);
    let window = (directory.case.since, directory.case.until);
    let rows: String = items.iter().map(|item| item.row(window)).collect();
    directory.write("evidence/collection.jsonl", rows.as_bytes())?;
    directory.write("evidence/README.txt", about(args.show_secrets).as_bytes())?;
    let status = gathered.setup.close(&gathered.summary, 1);
    let told = tell(&items, args.show_secrets);
    let sum = |what: &str| {
        items
            .iter()
            .filter(|item| item.what == what)
            .map(|item| item.taken)
            .sum::<u64>()
    };
    let result = format!(
        "{}, {}, {}; secrets {}",
        counted(sum("lines"), "line", "lines"),
        counted(sum("packets"), "packet", "packets"),
        counted(sum("configuration"), "file of configuration", "files of configuration"),
        if args.show_secrets { "left in" } else { "taken out" }
    );
    let root = directory.root().display().to_string();
    let signed = directory.done("collect", &result)?;
    match is_rows {
        true => print_rows(&rows)?,
        false => print(&format!(
            "collected into {root}/evidence: {result}\n{told}{signed}next: tunlog incident analyse {root}\n"
        ))?,
    }
    Ok(status)
}

/// Lines of the incident by source, and how many records each source holds.
fn slices(
    gathered: &Gathered,
    case: &Case,
    captures: &HashSet<SourceId>,
    show_secrets: bool,
) -> (Slices, BTreeMap<SourceId, u64>) {
    let mut understood = Understood {
        scope: &gathered.scope,
        window: (case.since, case.until),
        captures,
        show_secrets,
        slices: Slices::default(),
        seen: HashSet::new(),
    };
    let _ = tunlog_pipeline::run(
        gathered.found.clone(),
        &gathered.setup.catalogue,
        &gathered.events(),
        &mut understood,
    );
    let Understood { mut slices, seen, .. } = understood;
    let search = Search::new(case, &gathered.known.stolen);
    let mut records: BTreeMap<SourceId, u64> = BTreeMap::new();
    let mut each = |record: &PlainRecord<'_>| {
        *records.entry(record.source).or_default() += 1;
        let is_new = !seen.contains(&(record.source, record.line));
        if is_new && search.hit(record.time.micros, record.raw).is_some() {
            match show_secrets {
                true => slices.add(record.source, record.line, record.raw),
                false => slices.add(
                    record.source,
                    record.line,
                    mask::line(&text::lossy(record.raw)).as_bytes(),
                ),
            }
        }
        ControlFlow::Continue(())
    };
    // what cannot be read was told by the first reading
    let _ = tunlog_pipeline::plain(&gathered.found, &gathered.setup.settings.ingest, &mut each);
    (slices, records)
}

/// Slices of logs, in the order of each file.
fn sources(
    gathered: &Gathered,
    directory: &Directory,
    captures: &HashSet<SourceId>,
    show_secrets: bool,
) -> Result<Vec<Item>, Failure> {
    let (mut slices, records) = slices(gathered, &directory.case, captures, show_secrets);
    let mut items = Vec::new();
    for (number, spec) in gathered.found.specs.iter().enumerate() {
        let id = SourceId(number as u32);
        if captures.contains(&id) {
            continue;
        }
        let lines = slices.of.remove(&id).unwrap_or_default();
        let path = match lines.is_empty() {
            true => String::new(),
            false => format!(
                "evidence/sources/{}",
                capture::suffixed(&plain_name(id, &spec.name), ".log")
            ),
        };
        if !lines.is_empty() {
            let mut draft = directory.draft(&path)?;
            for line in lines.values() {
                draft.put(line)?;
                draft.put(b"\n")?;
            }
            draft.finish()?;
        }
        let no_room = slices.no_room.get(&id).copied().unwrap_or(0);
        let notes = (no_room > 0).then(|| {
            format!(
                "{no_room} lines found no room: a collection holds {} MiB of lines",
                BYTES_MAX >> 20
            )
        });
        items.push(Item {
            path,
            original: spec.name.clone(),
            fact: original(spec),
            taken: lines.len() as u64,
            left: records
                .get(&id)
                .copied()
                .unwrap_or(0)
                .saturating_sub(lines.len() as u64),
            what: "lines",
            redacted: !show_secrets,
            notes: notes.into_iter().collect(),
        });
    }
    Ok(items)
}

/// Captures cut to the time and the hosts.
fn cut_captures(
    gathered: &Gathered,
    directory: &Directory,
    captures: &HashSet<SourceId>,
    show_secrets: bool,
) -> Result<Vec<Item>, Failure> {
    let known = &gathered.known;
    let mut hosts: HashSet<IpAddr> = known
        .tries
        .iter()
        .filter(|one| !one.claimed)
        .filter_map(|one| one.client_ip)
        .collect();
    hosts.extend(known.stolen.iter().filter_map(|session| session.assigned_ip));
    let cut = Cut {
        case: &directory.case,
        roles: directory.case.roles(),
        hosts: &hosts,
        show_secrets,
    };
    let mut items = Vec::new();
    for (number, spec) in gathered.found.specs.iter().enumerate() {
        let id = SourceId(number as u32);
        if !captures.contains(&id) {
            continue;
        }
        let name = plain_name(id, &spec.name);
        let told = capture::cut(spec, &gathered.setup.settings.ingest, &cut, &name, directory)?;
        let mut notes = told.problems;
        if told.shortened > 0 {
            notes.push(format!(
                "{} packets that log in were cut before the secret",
                told.shortened
            ));
        }
        if told.no_room > 0 {
            notes.push(format!(
                "{} packets found no room: a cut capture holds 1 GiB",
                told.no_room
            ));
        }
        items.push(Item {
            path: told.files.join(" "),
            original: spec.name.clone(),
            fact: original(spec),
            taken: told.taken,
            left: told.left,
            what: "packets",
            redacted: !show_secrets,
            notes,
        });
    }
    Ok(items)
}

/// The machine: configuration, versions, itself.
fn machine(directory: &Directory, args: &CollectArgs) -> Result<Vec<Item>, Failure> {
    let folder = args.config.clone().unwrap_or_else(|| "/etc".into());
    let (files, left_out) = host::configuration(&folder, args.show_secrets);
    let mut items = Vec::new();
    for file in files {
        let path = format!("evidence/config/{}", file.name);
        directory.write(&path, &file.text)?;
        let notes = file.is_cut.then(|| "only the first MiB".to_owned());
        items.push(Item {
            path,
            original: file.path.display().to_string(),
            fact: fact_of(&file.path).ok(),
            taken: 1,
            left: 0,
            what: "configuration",
            redacted: !args.show_secrets,
            notes: notes.into_iter().collect(),
        });
    }
    if !left_out.is_empty() {
        items.push(Item {
            path: String::new(),
            original: folder.display().to_string(),
            fact: None,
            taken: 0,
            left: left_out.len() as u64,
            what: "configuration",
            redacted: false,
            notes: left_out,
        });
    }
    let versions = host::versions(Path::new("/var/lib/dpkg/status"));
    directory.write("evidence/versions.txt", versions.as_bytes())?;
    directory.write("evidence/host.txt", host::facts(directory.now).as_bytes())?;
    Ok(items)
}

fn about(show_secrets: bool) -> String {
    let secrets = match show_secrets {
        true => "SECRETS WERE LEFT IN: passwords, challenges and responses stand in lines, packets and settings.\n",
        false => {
            "Passwords, challenges and responses were taken out: of lines that tunlog understands exactly there, of others where a\n\
             word announces a secret; packets that log in to the VPN or to RADIUS are cut before it. What users sent through tunnels\n\
             and in other protocols is whole.\n"
        }
    };
    format!(
        "sources/          of every log the lines that belong to the incident, in the order of the file\n\
         captures/         of every capture the packets of its hosts and time, as pcap\n\
         config/           settings of the VPN daemons\n\
         versions.txt      versions of their packages\n\
         host.txt          the machine on which this was collected\n\
         collection.jsonl  of each item where it came from, with the SHA-256 of the whole original, and how much was left out\n\n{secrets}"
    )
}

fn tell(items: &[Item], show_secrets: bool) -> String {
    let mut out = String::new();
    for item in items {
        if item.what == "configuration" && item.notes.is_empty() {
            continue;
        }
        let left = match item.left {
            0 => String::new(),
            left => format!(" (of {})", item.taken + left),
        };
        let what = if item.taken == 1 {
            item.what.trim_end_matches('s')
        } else {
            item.what
        };
        let _ = writeln!(out, "  {:>6} {what}{left}  {}", item.taken, item.original);
        for note in &item.notes {
            let _ = writeln!(out, "         {note}");
        }
    }
    if show_secrets {
        out.push_str("SECRETS WERE LEFT IN: keep this directory to yourself\n");
    }
    out
}
