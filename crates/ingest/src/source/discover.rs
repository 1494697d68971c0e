//! Which inputs the given paths name.

use std::collections::{HashMap, HashSet};
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tunlog_model::{Civil, Stamp};

use super::rotated::{self, Rotation, SetPlace};
use super::sniff::{self, Content, HEAD_BYTES};
use super::{SourceKind, SourceSpec, archive, journald, modified, open_input, read_head};
use crate::{Problem, ProblemKind, framing};

/// How deep directories are searched.
pub(crate) const DEPTH_MAX: usize = 8;

/// The file by which a store of tunlog's own is known; its files are no logs.
pub(crate) const STORE_MARK: &str = "tunlog-store";

/// Most files that are taken from directories.
const FILES_MAX: usize = 20_000;

/// Bytes of a file's end that are searched for another file's last line.
const TAIL_BYTES: u64 = 8 * 1024 * 1024;

/// The inputs found.
#[derive(Clone, Debug, Default)]
pub struct Discovered {
    /// The inputs; members of a rotated set stand together, oldest first.
    pub specs: Vec<SourceSpec>,
    /// What could not be read, and why.
    pub problems: Vec<Problem>,
    /// Whether these are the machine's own logs, which nobody named.
    pub machine: bool,
}

impl Discovered {
    /// Whether there is nothing to read, because of something that is told.
    pub fn is_unreadable(&self) -> bool {
        self.specs.is_empty() && self.problems.iter().any(|problem| problem.kind == ProblemKind::Error)
    }
}

/// An input before it has a place in a set.
struct Candidate {
    spec: SourceSpec,
    /// Directory (or archive) and log name: what a rotated set has in common.
    group: (PathBuf, String),
    rotation: Rotation,
    written: Option<i64>,
}

/// The inputs that `paths` name; `-` is standard input. With `rotate` a path stands for itself and its rotations.
pub fn discover(paths: &[PathBuf], rotate: bool) -> Discovered {
    let mut finder = Finder::default();
    for path in paths {
        if path.as_os_str() == "-" {
            finder.stdin();
        } else {
            finder.path(path, rotate);
        }
    }
    finder.finish()
}

/// The machine's own logs: those of syslog, else the journal.
pub fn machine_sources() -> Discovered {
    machine_logs(&[])
}

/// The same with the logs of other services that let people in, for who compares their log-ins with the gateway's.
pub fn machine_sources_with_services() -> Discovered {
    machine_logs(&["mail.log", "maillog", "dovecot.log"])
}

fn machine_logs(more: &[&'static str]) -> Discovered {
    let mut finder = Finder {
        quiet: true,
        ..Finder::default()
    };
    let folder = Path::new("/var/log");
    let main = folder.join("syslog");
    let has_main = has_lines(&main);
    for name in [
        "syslog",
        "messages",
        "daemon.log",
        "auth.log",
        "secure",
        "ppp.log",
        "freeradius/radius.log",
        "radius/radius.log",
    ]
    .iter()
    .chain(more)
    {
        let path = folder.join(name);
        if has_main && matches!(*name, "messages" | "daemon.log") && repeats(&path, &main) {
            let cause = format!("not read: its lines are in {} as well", main.display());
            finder.problems.push(Problem::note(path.display().to_string(), cause));
        } else if path.exists() {
            finder.path(&path, true);
        }
    }
    let syslog = ["syslog", "messages", "daemon.log"]
        .iter()
        .any(|name| has_lines(&folder.join(name)));
    let mut found = finder.finish();
    if !syslog && journald::available() {
        let set = found.specs.iter().map(|spec| spec.set + 1).max().unwrap_or(0);
        found.specs.push(SourceSpec::new("journald", set, SourceKind::Journal));
    }
    found.machine = true;
    found
}

fn has_lines(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|data| data.is_file() && data.len() > 0)
}

/// Whether the last line of `path` also stands near the end of `other`: syslog daemons write some lines twice.
pub fn repeats(path: &Path, other: &Path) -> bool {
    let tail = |path: &Path, bytes: u64| -> Option<Vec<u8>> {
        let file = fs::File::open(path).ok()?;
        let len = file.metadata().ok()?.len();
        let mut text = vec![0; bytes.min(len) as usize];
        let read = super::read_at(&file, &mut text, len - bytes.min(len)).ok()?;
        text.truncate(read);
        Some(text)
    };
    let (Some(text), Some(whole)) = (tail(path, 16 * 1024), tail(other, TAIL_BYTES)) else {
        return false;
    };
    let last = text
        .trim_ascii_end()
        .rsplit(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    !last.is_empty() && memchr::memmem::find(&whole, last).is_some()
}

#[derive(Default)]
struct Finder {
    candidates: Vec<Candidate>,
    problems: Vec<Problem>,
    /// Files already taken, by device and inode.
    seen: HashSet<(u64, u64)>,
    stdin: bool,
    /// Whether empty files pass in silence although they are named.
    quiet: bool,
}

impl Finder {
    fn stdin(&mut self) {
        if !std::mem::replace(&mut self.stdin, true) {
            let spec = SourceSpec::new("-", 0, SourceKind::Stdin);
            self.push(spec, (PathBuf::from("-"), "-".to_string()), Rotation::Current, None);
        }
    }

    fn push(&mut self, spec: SourceSpec, group: (PathBuf, String), rotation: Rotation, written: Option<i64>) {
        self.candidates.push(Candidate {
            spec,
            group,
            rotation,
            written,
        });
    }

    fn error(&mut self, path: &Path, cause: impl Into<String>) {
        self.problems.push(Problem::error(path.display().to_string(), cause));
    }

    fn path(&mut self, path: &Path, rotate: bool) {
        match fs::metadata(path) {
            Ok(data) if data.is_dir() => self.named_folder(path),
            Ok(data) => {
                if rotate && data.is_file() {
                    self.rotations_of(path);
                }
                self.file(path, &data, true);
            }
            Err(error) => {
                let pattern = path.to_str().filter(|text| text.contains(['*', '?', '[']));
                match pattern.and_then(|text| glob::glob(text).ok()) {
                    Some(matches) => self.matches(path, matches, rotate),
                    None => self.problems.push(Problem::io(path.display().to_string(), &error)),
                }
            }
        }
    }

    fn matches(&mut self, pattern: &Path, matches: glob::Paths, rotate: bool) {
        let mut any = false;
        for found in matches {
            any = true;
            match found {
                Ok(path) => self.path(&path, rotate),
                Err(error) => self
                    .problems
                    .push(Problem::io(error.path().display().to_string(), error.error())),
            }
        }
        if !any {
            self.error(pattern, "no file matches");
        }
    }

    /// The rotations beside a file.
    fn rotations_of(&mut self, path: &Path) {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return;
        };
        let base = rotated::parse(name).0;
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            let other = entry.file_name();
            let Some(other) = other.to_str() else { continue };
            if other != name && rotated::parse(other).0 == base {
                // Named like the path that the user gave, without a `./` of ours.
                let sibling = path.with_file_name(other);
                if let Ok(data) = fs::metadata(&sibling)
                    && data.is_file()
                    && data.len() > 0
                {
                    self.file(&sibling, &data, true);
                }
            }
        }
    }

    fn named_folder(&mut self, path: &Path) {
        let before = (self.candidates.len(), self.problems.len());
        self.folder(path, 0);
        if (self.candidates.len(), self.problems.len()) == before {
            self.error(path, "no logs in this directory");
        }
    }

    fn folder(&mut self, path: &Path, depth: usize) {
        let mut names: Vec<PathBuf> = match fs::read_dir(path) {
            Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
            Err(error) => return self.problems.push(Problem::io(path.display().to_string(), &error)),
        };
        names.sort();
        for path in names {
            // A link inside a tree may lead out of it or back into it.
            let Ok(data) = fs::symlink_metadata(&path) else {
                continue;
            };
            if data.is_dir() && path.join(STORE_MARK).is_file() {
                let cause = "a store of logs: read where it is named itself, not among the logs that it was made of";
                self.problems.push(Problem::note(path.display().to_string(), cause));
            } else if data.is_dir() && depth < DEPTH_MAX {
                self.folder(&path, depth + 1);
            } else if data.is_file() && data.len() > 0 {
                if self.candidates.len() == FILES_MAX {
                    return self.error(
                        &path,
                        format!("more than {FILES_MAX} files: this one and the rest are not read"),
                    );
                }
                self.file(&path, &data, false);
            }
        }
    }

    fn file(&mut self, path: &Path, data: &Metadata, named: bool) {
        if let Some(cause) = refused(data) {
            return self.error(path, cause);
        }
        if data.is_file() && data.len() == 0 {
            if !self.quiet {
                self.error(path, "empty: there is nothing to read");
            }
            return;
        }
        if let Some(identity) = identity(data)
            && !self.seen.insert(identity)
        {
            return; // the same file under another name
        }
        let name = path.display().to_string();
        let (folder, file) = (
            path.parent().unwrap_or(Path::new("")).to_path_buf(),
            path.file_name().unwrap_or_default(),
        );
        let (base, rotation) = rotated::parse(&file.to_string_lossy());
        let spec = SourceSpec::new(name.as_str(), 0, SourceKind::File(path.to_path_buf()));
        if !data.is_file() {
            return self.push(spec, (path.to_path_buf(), base), Rotation::Current, None);
        }
        let head = match head(&spec, HEAD_BYTES) {
            Ok(head) => head,
            Err(problem) => return self.problems.push(problem),
        };
        match sniff::content(&head) {
            Content::Zip => self.zip(path, named),
            Content::JournalFile if named || rotation == Rotation::Current => {
                let spec = SourceSpec {
                    kind: SourceKind::JournalFile(path.to_path_buf()),
                    ..spec
                };
                self.push(spec, (folder, base), rotation, modified(data));
            }
            Content::JournalFile => {}
            // A named file is opened whatever it is, so that the reason why it cannot be read is told.
            _ if named => self.push(spec, (folder, base), rotation, modified(data)),
            Content::Unread(reason) if reason.starts_with("a ") => self.problems.push(Problem::note(name, reason)),
            Content::Unread(_) => {}
            _ if sniff::looks_like_log(&file.to_string_lossy(), &head) => {
                self.push(spec, (folder, base), rotation, modified(data));
            }
            _ => {}
        }
    }

    fn zip(&mut self, path: &Path, named: bool) {
        let (members, refused) = match archive::members(path) {
            Ok(found) => found,
            Err(cause) => {
                if named {
                    self.error(path, cause);
                }
                return;
            }
        };
        let archive = path.display().to_string();
        self.problems
            .extend(refused.into_iter().map(|cause| Problem::note(archive.as_str(), cause)));
        let mut any = false;
        for member in members {
            let name = format!("{archive}:{}", member.name);
            let spec = SourceSpec::new(
                name.as_str(),
                0,
                SourceKind::ZipMember(path.to_path_buf(), member.index),
            );
            let head = match head(&spec, HEAD_BYTES) {
                Ok(head) => head,
                Err(problem) => {
                    self.problems.push(problem);
                    continue;
                }
            };
            let inside = Path::new(&member.name);
            let file = inside.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let text = matches!(
                sniff::content(&head),
                Content::Lines
                    | Content::JournalExport
                    | Content::JsonDocument
                    | Content::EventXml
                    | Content::Evtx
                    | Content::Capture
            ) && !head.is_empty();
            if text && (sniff::looks_like_log(&file, &head) || named) {
                any = true;
                let (base, rotation) = rotated::parse(&file);
                let folder = path.join(inside.parent().unwrap_or(Path::new("")));
                self.push(spec, (folder, base), rotation, member.written);
            }
        }
        if !any && named {
            self.error(path, "no logs in this archive");
        }
    }

    /// Puts the candidates into their sets.
    fn finish(self) -> Discovered {
        let Finder {
            candidates, problems, ..
        } = self;
        let mut groups: Vec<Vec<Candidate>> = Vec::new();
        let mut places: HashMap<(PathBuf, String), usize> = HashMap::new();
        for candidate in candidates {
            let place = *places.entry(candidate.group.clone()).or_insert(groups.len());
            if place == groups.len() {
                groups.push(Vec::new());
            }
            groups[place].push(candidate);
        }
        let mut found = Discovered {
            problems,
            ..Discovered::default()
        };
        for (set, group) in groups.into_iter().enumerate() {
            found.specs.extend(ordered(group, set));
        }
        found
    }
}

/// The files of one set in order, each byte once.
fn ordered(mut group: Vec<Candidate>, set: usize) -> Vec<SourceSpec> {
    if group.len() > 1 {
        drop_copies(&mut group);
    }
    if group.len() == 1 {
        return group
            .into_iter()
            .map(|candidate| SourceSpec { set, ..candidate.spec })
            .collect();
    }
    let mut files: Vec<(Candidate, Option<Stamp>)> = group
        .into_iter()
        .map(|candidate| {
            let first = head(&candidate.spec, HEAD_BYTES)
                .ok()
                .and_then(|head| first_stamp(&head));
            (candidate, first)
        })
        .collect();
    rotated::order(&mut files, |file| &file.0.rotation, |file| file.1);
    let firsts: Arc<[Option<Civil>]> = files
        .iter()
        .map(|(_, first)| match first {
            Some(Stamp::Civil(civil)) if civil.year.is_none() => Some(*civil),
            _ => None,
        })
        .collect();
    let written = files.last().and_then(|(newest, _)| newest.written);
    files
        .into_iter()
        .enumerate()
        .map(|(index, (candidate, _))| SourceSpec {
            set,
            place: Some(SetPlace::new(Arc::clone(&firsts), index, written)),
            ..candidate.spec
        })
        .collect()
}

fn first_stamp(head: &[u8]) -> Option<Stamp> {
    let mut first = None;
    framing::stamps(head, &mut |stamp| {
        first = (stamp != Stamp::Missing).then_some(stamp);
        first.is_none()
    });
    first
}

/// Drops a file whose content is also in another one (`syslog.1` and `syslog.1.gz` while logrotate is at work).
fn drop_copies(group: &mut Vec<Candidate>) {
    let heads: Vec<Vec<u8>> = group
        .iter()
        .map(|file| head(&file.spec, HEAD_BYTES).unwrap_or_default())
        .collect();
    let mut dropped = vec![false; group.len()];
    for a in 0..group.len() {
        for b in a + 1..group.len() {
            let common = heads[a].len().min(heads[b].len());
            if dropped[a] || dropped[b] || common == 0 || heads[a][..common] != heads[b][..common] {
                continue;
            }
            match same_bytes(&group[a].spec, &group[b].spec) {
                Some(std::cmp::Ordering::Less) => dropped[a] = true,
                Some(_) => dropped[b] = true,
                None => {}
            }
        }
    }
    let mut dropped = dropped.into_iter();
    group.retain(|_| !dropped.next().unwrap_or(false));
}

/// Whether one input begins with all of the other; which is the shorter. A packed copy that is not finished yet is shorter.
fn same_bytes(a: &SourceSpec, b: &SourceSpec) -> Option<std::cmp::Ordering> {
    let (mut a, mut b) = (open_input(a).ok()?.0, open_input(b).ok()?.0);
    let (mut left, mut right) = (Vec::new(), Vec::new());
    loop {
        let (ended_a, ended_b) = (more(&mut a, &mut left), more(&mut b, &mut right));
        let common = left.len().min(right.len());
        if left[..common] != right[..common] {
            return None;
        }
        left.drain(..common);
        right.drain(..common);
        match (ended_a && left.is_empty(), ended_b && right.is_empty()) {
            (true, true) => return Some(std::cmp::Ordering::Equal),
            (true, false) => return Some(std::cmp::Ordering::Less),
            (false, true) => return Some(std::cmp::Ordering::Greater),
            (false, false) => {}
        }
    }
}

/// Reads on if nothing is pending; whether the end is reached.
fn more(input: &mut super::Input, pending: &mut Vec<u8>) -> bool {
    read_head(input, pending, HEAD_BYTES).is_err() || pending.len() < HEAD_BYTES
}

/// Whether a file that nobody named is a log, by its beginning and its name; packed ones are looked into.
pub(crate) fn is_log(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let spec = SourceSpec::new(path.to_string_lossy(), 0, SourceKind::File(path.to_path_buf()));
    head(&spec, HEAD_BYTES).is_ok_and(|head| sniff::looks_like_log(&name, &head))
}

fn head(spec: &SourceSpec, bytes: usize) -> Result<Vec<u8>, Problem> {
    let (mut input, _) = open_input(spec)?;
    let mut head = Vec::new();
    // A cut stream is told when it is read; here its beginning is enough.
    let _ = read_head(&mut input, &mut head, bytes);
    Ok(head)
}

/// Why a path is no input.
#[cfg(unix)]
fn refused(data: &Metadata) -> Option<&'static str> {
    use std::os::unix::fs::FileTypeExt;
    let kind = data.file_type();
    if kind.is_block_device() || kind.is_char_device() {
        return Some("a device, not a log");
    }
    kind.is_socket().then_some("a socket, not a log")
}

/// Why a path is no input.
#[cfg(not(unix))]
fn refused(data: &Metadata) -> Option<&'static str> {
    (!data.is_file()).then_some("not a regular file")
}

#[cfg(unix)]
fn identity(data: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    data.is_file().then(|| (data.dev(), data.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<(u64, u64)> {
    None
}
