//! `MANIFEST`: what belongs to the incident, signed anew after each subcommand, and what stands against it.
//!
//! It is the text of a signed note, so that who has no tunlog can check it with `sha256sum` and any tool for such notes:
//!
//! ```text
//! tunlog.incident/v1 vpn1
//! incident INC-20261028-1a2b3c
//! made 2026-10-29T08:00:00Z
//! acts 3 0d5f…
//! previous 77aa…
//! files 2
//! 9f86… 412 incident.toml
//! 60303ae2… 5120 evidence/sources/1-syslog.log
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tunlog_report::rfc3339;
use tunlog_seal::Digest;

use crate::act::Acts;
use crate::case::is_id;
use crate::found::time;

/// What the text begins with.
const ORIGIN: &str = "tunlog.incident/v1 ";
/// Most files of an incident.
pub const FILES_MAX: usize = 100_000;
/// The manifest cannot list itself.
pub const UNLISTED: &str = "MANIFEST";

/// A file as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact {
    /// SHA-256 of what is in it.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
}

/// The files of an incident by their paths in it.
pub type Files = BTreeMap<String, Fact>;

/// What was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The host that signed.
    pub host: String,
    /// The incident.
    pub incident: String,
    /// When, microseconds UTC.
    pub made: i64,
    /// How many acts.
    pub acts: u64,
    /// Hash of the last one.
    pub head: Digest,
    /// Hash of the manifest before, signatures included.
    pub previous: Option<Digest>,
    /// The files.
    pub files: Files,
}

/// A path in the incident as one word of a line: what is no plain character, the backslash too, is `\xNN`.
pub fn path_text(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'\\' => out.push_str("\\x5c"),
            b' '..=b'~' => out.push(char::from(*byte)),
            _ => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out
}

/// Whether a path stays in the incident and has one spelling.
fn is_path(path: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part != "." && part != "..";
    path.bytes().all(|byte| matches!(byte, b' '..=b'~')) && path.split('/').all(part)
}

/// A host's name as a word.
fn word(text: &str) -> String {
    let fits = |c: char| c.is_ascii_graphic() && c != '+';
    let word: String = text.chars().filter(|c| fits(*c)).take(100).collect();
    if word.is_empty() { "localhost".to_owned() } else { word }
}

impl Manifest {
    /// The text to be signed.
    pub fn text(&self) -> String {
        let mut out = format!(
            "{ORIGIN}{}\nincident {}\nmade {}\n",
            word(&self.host),
            self.incident,
            rfc3339(self.made)
        );
        let _ = writeln!(out, "acts {} {}", self.acts, self.head);
        let _ = match &self.previous {
            Some(previous) => writeln!(out, "previous {previous}"),
            None => writeln!(out, "previous -"),
        };
        let _ = writeln!(out, "files {}", self.files.len());
        for (path, fact) in &self.files {
            let _ = writeln!(out, "{} {} {path}", fact.digest, fact.size);
        }
        out
    }

    /// Reads the text of a note. What has another spelling than ours is none: two texts never say the same.
    pub fn parse(text: &str) -> Option<Manifest> {
        let mut lines = text.split_terminator('\n');
        let host = lines.next()?.strip_prefix(ORIGIN)?.to_owned();
        let incident = lines.next()?.strip_prefix("incident ")?.to_owned();
        is_id(&incident).then_some(())?;
        let made = time(lines.next()?.strip_prefix("made ")?)?;
        let (acts, head) = lines.next()?.strip_prefix("acts ")?.split_once(' ')?;
        let previous = match lines.next()?.strip_prefix("previous ")? {
            "-" => None,
            digest => Some(digest.parse().ok()?),
        };
        let count: usize = lines.next()?.strip_prefix("files ")?.parse().ok()?;
        (count <= FILES_MAX).then_some(())?;
        let mut files = Files::new();
        for line in lines {
            let (digest, rest) = line.split_once(' ')?;
            let (size, path) = rest.split_once(' ')?;
            is_path(path).then_some(())?;
            let fact = Fact {
                digest: digest.parse().ok()?,
                size: size.parse().ok()?,
            };
            files.insert(path.to_owned(), fact).is_none().then_some(())?;
        }
        let manifest = Manifest {
            host,
            incident,
            made,
            acts: acts.parse().ok()?,
            head: head.parse().ok()?,
            previous,
            files,
        };
        (manifest.files.len() == count && manifest.text() == text).then_some(manifest)
    }
}

/// How a file differs from the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Other bytes.
    Changed,
    /// Not in the manifest.
    Added,
    /// In the manifest alone.
    Missing,
}

impl How {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            How::Changed => "changed",
            How::Added => "added",
            How::Missing => "missing",
        }
    }
}

/// What stands against the manifest: paths, and how each differs.
pub fn differences(manifest: &Files, found: &Files) -> Vec<(String, How)> {
    let mut all: Vec<(String, How)> = manifest
        .iter()
        .filter_map(|(path, fact)| match found.get(path) {
            None => Some((path.clone(), How::Missing)),
            Some(other) if other != fact => Some((path.clone(), How::Changed)),
            Some(_) => None,
        })
        .collect();
    let added = found.keys().filter(|path| !manifest.contains_key(*path));
    all.extend(added.map(|path| (path.clone(), How::Added)));
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

/// How the acts differ from what the manifest says of them, in words.
pub fn acts_differ(manifest: &Manifest, acts: &Acts) -> Option<String> {
    let count = acts.all.len() as u64;
    if count == manifest.acts && acts.head() == manifest.head {
        return None;
    }
    Some(match count.cmp(&manifest.acts) {
        std::cmp::Ordering::Less => format!(
            "acts.jsonl holds {count} of the {} acts that were signed: the last ones were taken out",
            manifest.acts
        ),
        std::cmp::Ordering::Greater => format!(
            "acts.jsonl holds {count} acts, {} were signed: acts were added, or the manifest is an earlier one",
            manifest.acts
        ),
        std::cmp::Ordering::Equal => "acts.jsonl holds other acts than were signed".to_owned(),
    })
}

/// Whether people are expected to write into a file: a change is taken in and recorded.
pub fn is_editable(path: &str) -> bool {
    matches!(
        path,
        "incident.toml" | "lessons.toml" | "remediation.md" | "remediation.jsonl"
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fact(text: &str) -> Fact {
        Fact {
            digest: Digest::of(text.as_bytes()),
            size: text.len() as u64,
        }
    }

    fn manifest() -> Manifest {
        let files = [("a b.txt", "1"), ("evidence/x", "22")];
        Manifest {
            host: "vpn1".to_owned(),
            incident: "INC-1".to_owned(),
            made: 1_800_000_000_000_000,
            acts: 2,
            head: Digest::of(b"act"),
            previous: Some(Digest::of(b"before")),
            files: files
                .into_iter()
                .map(|(path, text)| (path.to_owned(), fact(text)))
                .collect(),
        }
    }

    #[test]
    fn a_manifest_reads_back() {
        assert_eq!(Manifest::parse(&manifest().text()), Some(manifest()));
    }

    #[test]
    fn another_spelling_is_none() {
        let text = manifest().text();
        for (from, to) in [
            ("files 2", "files 3"),
            ("files 2", "files 02"),
            ("acts 2", "acts 02"),
            ("evidence/x", "evidence/../x"),
            ("evidence/x", "/evidence/x"),
            ("evidence/x", "a b.txt"),
            ("T", "t"),
            ("previous ", "previous  "),
            ("v1 vpn1", "v2 vpn1"),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            assert_eq!(Manifest::parse(&changed), None, "{to}");
        }
    }

    #[test]
    fn differences_are_named() {
        let manifest = manifest();
        let mut found = manifest.files.clone();
        found.remove("a b.txt");
        found.insert("evidence/x".to_owned(), fact("23"));
        found.insert("zz".to_owned(), fact(""));
        let named = |path: &str, how| (path.to_owned(), how);
        let expected = [
            named("a b.txt", How::Missing),
            named("evidence/x", How::Changed),
            named("zz", How::Added),
        ];
        assert_eq!(differences(&manifest.files, &found), expected);
        assert!(differences(&manifest.files, &manifest.files).is_empty());
    }

    #[test]
    fn names_of_files_are_plain() {
        assert_eq!(path_text(b"a b/\xff\n\\x"), "a b/\\xff\\x0a\\x5cx");
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "\\PC{0,300}") {
            let _ = Manifest::parse(&text);
            let _ = Manifest::parse(&format!("{ORIGIN}{text}"));
        }
    }
}
