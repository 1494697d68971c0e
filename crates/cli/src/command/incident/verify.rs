//! `tunlog incident verify`: whether an incident is as it was signed, and by whom.

use std::fmt::Write as _;
use std::path::Path;

use tunlog_incident::act::Acts;
use tunlog_incident::manifest::{How, Manifest, acts_differ, differences};
use tunlog_incident::text::{counted, row};
use tunlog_model::Cell;
use tunlog_seal::note::Verdict;
use tunlog_seal::{Digest, Note, VerifyingKey};

use super::args::VerifyArgs;
use super::contents::Contents;
use super::directory::read_text;
use super::{keys, print, print_rows};
use crate::output::Failure;

/// Differences that are told one by one.
const TOLD_MAX: usize = 200;

/// What came of it, with its exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Intact = 0,
    Changed = 1,
    Incomplete = 2,
    CannotJudge = 3,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Outcome::Intact => "intact",
            Outcome::Changed => "changed",
            Outcome::Incomplete => "incomplete",
            Outcome::CannotJudge => "cannot-judge",
        }
    }
}

/// What was found.
#[derive(Debug, Default)]
struct Findings {
    /// What proves a change.
    changed: Vec<String>,
    /// What is not there.
    missing: Vec<String>,
    /// Why nothing can be said.
    unjudged: Vec<String>,
    /// What is good to know.
    notes: Vec<String>,
}

impl Findings {
    fn outcome(&self) -> Outcome {
        if !self.changed.is_empty() {
            Outcome::Changed
        } else if !self.missing.is_empty() {
            Outcome::Incomplete
        } else if !self.unjudged.is_empty() {
            Outcome::CannotJudge
        } else {
            Outcome::Intact
        }
    }
}

/// Verifies.
pub fn run(args: &VerifyArgs) -> Result<u8, Failure> {
    let is_rows = args.form.is_rows()?;
    let contents = match args.path.is_dir() {
        true => Contents::of_folder(&args.path)?,
        false => Contents::of_zip(&args.path)?,
    };
    let pinned = match &args.key {
        Some(typed) => Some(pinned(typed)?),
        None => keys::own_key(args.key_file.as_deref())?,
    };
    let expected = args.manifest.as_deref().map(|typed| {
        let wrong = || Failure::Message("--manifest: is no SHA-256: 64 hexadecimal digits, lower case".to_owned());
        typed.trim().parse::<Digest>().map_err(|()| wrong())
    });
    let expected = expected.transpose()?;
    let mut found = Findings::default();
    let manifest = judge(&contents, pinned.as_ref(), expected, &mut found);
    let outcome = found.outcome();
    match is_rows {
        true => print_rows(&as_row(&found, manifest.as_ref(), pinned.as_ref(), outcome))?,
        false => print(&for_people(&args.path, &found, manifest.as_ref(), outcome))?,
    }
    Ok(outcome as u8)
}

/// Bytes of a file that holds a key: a line.
const KEY_MAX: u64 = 1 << 20;

/// A key as typed, or the first of a file.
fn pinned(typed: &str) -> Result<VerifyingKey, Failure> {
    let failed = |words: &str| Failure::Message(format!("--key: {typed}: {words}"));
    if typed.contains('+') && !Path::new(typed).exists() {
        return VerifyingKey::parse(typed).map_err(|error| failed(error.words()));
    }
    let text = read_text(Path::new(typed), KEY_MAX)
        .map_err(|error| failed(&format!("cannot read: {}", crate::output::cause(&error))))?;
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    match lines.as_slice() {
        [one] => VerifyingKey::parse(one).map_err(|error| failed(error.words())),
        _ => Err(failed("holds not exactly one key")),
    }
}

/// Compares everything with the manifest, and the manifest with the key.
fn judge(
    contents: &Contents,
    pinned: Option<&VerifyingKey>,
    expected: Option<Digest>,
    found: &mut Findings,
) -> Option<Manifest> {
    found
        .changed
        .extend(contents.odd.iter().map(|(name, what)| format!("{name} {what}")));
    let Some(bytes) = &contents.manifest else {
        found
            .missing
            .push("MANIFEST is missing: nothing says what belongs to it".to_owned());
        return None;
    };
    let note = Note::parse(bytes).ok();
    let manifest = note.as_ref().and_then(|note| Manifest::parse(note.text()));
    let (Some(note), Some(manifest)) = (note, manifest) else {
        found
            .changed
            .push("MANIFEST is damaged: it is no signed note of an incident".to_owned());
        return None;
    };
    signature(&note, contents, pinned, found);
    for (path, how) in differences(&manifest.files, &contents.files) {
        let list = if how == How::Missing {
            &mut found.missing
        } else {
            &mut found.changed
        };
        list.push(format!("{path} {}", how.word()));
    }
    // without the file its hash is missing already
    if let Some(bytes) = &contents.acts {
        match Acts::parse(bytes) {
            Err(broken) => found.changed.push(format!("acts.jsonl:{} {}", broken.line, broken.how)),
            Ok(acts) => found.changed.extend(acts_differ(&manifest, &acts)),
        }
    }
    earlier(&manifest, Digest::of(bytes), expected, found);
    Some(manifest)
}

fn signature(note: &Note<'_>, contents: &Contents, pinned: Option<&VerifyingKey>, found: &mut Findings) {
    let signers: Vec<&str> = note.signers().collect();
    match pinned.map(|key| (key, note.verify(key))) {
        Some((key, Verdict::Good)) => found.notes.push(format!("signed by {} ({})", key.text(), key.spoken())),
        Some((key, Verdict::Bad)) => found
            .changed
            .push(format!("the signature of {} does not fit MANIFEST", key.name())),
        Some((key, Verdict::Absent)) => found.unjudged.push(format!(
            "MANIFEST is signed by {}, not by the key of {} that is known here",
            signers.join(", "),
            key.name()
        )),
        None => found
            .unjudged
            .push("no key is known here of which it is known whose it is: name one with --key".to_owned()),
    }
    if found.unjudged.is_empty() {
        return;
    }
    let text = contents.key.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
    let keys: Vec<VerifyingKey> = text.lines().filter_map(|line| VerifyingKey::parse(line).ok()).collect();
    match keys.iter().find(|key| note.verify(key) != Verdict::Absent) {
        None => found
            .changed
            .push("the signature fits none of the keys in key.pub".to_owned()),
        Some(key) if note.verify(key) == Verdict::Bad => {
            found
                .changed
                .push(format!("the signature of {} does not fit MANIFEST", key.name()));
        }
        Some(key) => found.notes.push(format!(
            "it fits the key in the directory, which proves only itself: {} (read aloud: {})",
            key.text(),
            key.spoken()
        )),
    }
}

/// Whether this is an earlier state that somebody put back.
fn earlier(manifest: &Manifest, digest: Digest, expected: Option<Digest>, found: &mut Findings) {
    if let Some(expected) = expected
        && expected != digest
    {
        found.changed.push(format!(
            "MANIFEST has the SHA-256 {digest}, not the one that was named: another state"
        ));
    }
    match keys::remembered(&manifest.incident) {
        Some((acts, _)) if acts > manifest.acts => found.changed.push(format!(
            "this is an earlier state, with {} acts: this machine has signed {acts}",
            manifest.acts
        )),
        Some((acts, known)) if acts == manifest.acts && known != digest => {
            found
                .changed
                .push("this machine has signed another manifest with as many acts".to_owned());
        }
        _ => {}
    }
    found.notes.push(format!("MANIFEST sha256 {digest}"));
}

fn for_people(path: &Path, found: &Findings, manifest: Option<&Manifest>, outcome: Outcome) -> String {
    let mut out = String::new();
    match manifest {
        Some(manifest) => {
            let made = tunlog_report::rfc3339(manifest.made);
            let files = counted(manifest.files.len() as u64, "file", "files");
            let acts = counted(manifest.acts, "act", "acts");
            let _ = writeln!(
                out,
                "incident {} of {}, {files}, {acts}, signed {made}",
                manifest.incident, manifest.host
            );
        }
        None => {
            let _ = writeln!(out, "{}", path.display());
        }
    }
    for note in &found.notes {
        let _ = writeln!(out, "  {note}");
    }
    for (head, list) in [
        ("CHANGED", &found.changed),
        ("MISSING", &found.missing),
        ("UNKNOWN", &found.unjudged),
    ] {
        for words in list.iter().take(TOLD_MAX) {
            let _ = writeln!(out, "  {head}  {words}");
        }
        if list.len() > TOLD_MAX {
            let _ = writeln!(out, "  {head}  and {} more", list.len() - TOLD_MAX);
        }
    }
    let words = match (outcome, manifest.is_some()) {
        (Outcome::Intact, _) => {
            "INTACT: every file is as it was signed, nothing was added, the record of acts is whole"
        }
        (Outcome::Changed, _) => "CHANGED: it is not what was signed",
        (Outcome::Incomplete, true) => "INCOMPLETE: what is there is as it was signed, but something is missing",
        (Outcome::Incomplete, false) => "INCOMPLETE: of what is there nothing says whether it is as it was signed",
        (Outcome::CannotJudge, _) => {
            "CANNOT JUDGE: the files fit the manifest, but whose signature that is nobody here knows"
        }
    };
    let _ = writeln!(out, "{words}");
    out
}

fn as_row(found: &Findings, manifest: Option<&Manifest>, pinned: Option<&VerifyingKey>, outcome: Outcome) -> String {
    let list = |all: &[String]| Cell::List(all.iter().map(|words| Cell::Text(words.clone())).collect());
    let some = |cell: Option<Cell>| cell.unwrap_or(Cell::None);
    row(
        "verification",
        &[
            ("result", Cell::Word(outcome.word())),
            (
                "incident",
                some(manifest.map(|manifest| Cell::Text(manifest.incident.clone()))),
            ),
            ("signed", some(manifest.map(|manifest| Cell::Time(manifest.made)))),
            (
                "files",
                some(manifest.map(|manifest| Cell::Count(manifest.files.len() as u64))),
            ),
            ("acts", some(manifest.map(|manifest| Cell::Count(manifest.acts)))),
            ("key", some(pinned.map(|key| Cell::Text(key.text())))),
            ("changed", list(&found.changed)),
            ("missing", list(&found.missing)),
            ("unknown", list(&found.unjudged)),
            ("notes", list(&found.notes)),
        ],
    )
}
