//! Finds and reads the configuration of a machine, or of what was named. Nothing is changed, no program is asked.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufRead as _, Read as _};
use std::path::{Path, PathBuf};

use tunlog_audit::{ConfigFile, Kind, Machine, by_name, includes, is_left_over, kind_of};
use tunlog_model::text;

use crate::output::cause;

/// Bytes of one file; configuration is smaller.
const FILE_BYTES_MAX: u64 = 8 << 20;
/// Bytes of a file whose name says nothing, in a folder: what is larger is no configuration.
const SNIFFED_BYTES_MAX: u64 = 256 << 10;
/// Bytes of all together.
const TOTAL_BYTES_MAX: u64 = 128 << 20;
/// Entries of folders that are looked at.
const ENTRIES_MAX: usize = 50_000;
/// Folders in folders.
const DEPTH_MAX: usize = 12;
/// Files that include files.
const INCLUDES_MAX: usize = 2_000;

/// What was found.
#[derive(Default)]
pub struct Gathered {
    /// The configuration.
    pub machine: Machine,
    /// Files that were named and are no configuration that is known here: logs, perhaps.
    pub others: Vec<PathBuf>,
    /// What could not be read.
    pub problems: Vec<String>,
    seen: HashSet<PathBuf>,
    bytes: u64,
    entries: usize,
}

/// How a file came up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    /// Somebody named it.
    Named,
    /// It lies in a folder that somebody named: its contents may say what it is.
    InFolder,
    /// It lies in `/etc`: its name must say what it is, the rest is nobody's business.
    InEtc,
    /// Another file includes it.
    Included(Kind),
}

/// Reads what was named, or the machine's own `/etc`.
pub fn gather(paths: &[PathBuf]) -> Gathered {
    let mut gathered = Gathered::default();
    if paths.is_empty() {
        gathered.machine.is_whole = true;
        gathered.folder(Path::new("/etc"), Found::InEtc, 0);
    }
    for path in paths {
        if path.as_os_str() == "-" {
            gathered.standard_input();
        } else if path.is_dir() {
            let real = path.canonicalize().unwrap_or_else(|_| path.clone());
            let is_etc = real == Path::new("/etc");
            gathered.machine.is_whole |= !is_part(&real);
            gathered.folder(path, if is_etc { Found::InEtc } else { Found::InFolder }, 0);
        } else {
            gathered.file(path, Found::Named);
        }
    }
    gathered.follow();
    gathered
}

/// Whether a folder is one of several in an `etc`, such as `/etc/ppp`: what is missing there may stand beside it.
fn is_part(folder: &Path) -> bool {
    folder
        .ancestors()
        .skip(1)
        .any(|above| above.file_name().is_some_and(|name| name == "etc"))
}

impl Gathered {
    /// Standard input: its beginning, which stays there to be read, tells whether it is configuration; else it may be a log.
    fn standard_input(&mut self) {
        let mut input = std::io::stdin().lock();
        let mut bytes = Vec::new();
        let read = match input.fill_buf() {
            Ok(first) if kind_of("-", &text::lossy(first)).is_none() => {
                self.others.push(PathBuf::from("-"));
                return;
            }
            Ok(_) => input.take(FILE_BYTES_MAX).read_to_end(&mut bytes),
            Err(error) => Err(error),
        };
        match read {
            Ok(_) => {
                let text = text::lossy(&bytes).into_owned();
                self.machine.files.push(ConfigFile::new("-", text));
            }
            Err(error) => self
                .problems
                .push(format!("standard input: cannot read: {}", cause(&error))),
        }
    }

    fn folder(&mut self, folder: &Path, found: Found, depth: usize) {
        let listed = match fs::read_dir(folder) {
            Ok(listed) => listed,
            Err(error) => return self.problem(folder, &error),
        };
        let mut entries: Vec<PathBuf> = listed.filter_map(|entry| Some(entry.ok()?.path())).collect();
        entries.sort();
        for path in entries {
            self.entries += 1;
            if self.entries > ENTRIES_MAX {
                if self.entries == ENTRIES_MAX + 1 {
                    self.problems.push(format!(
                        "{}: more than {ENTRIES_MAX} entries, the rest was not looked at",
                        folder.display()
                    ));
                }
                return;
            }
            // a link to a folder may lead in circles, one to a file is how FreeRADIUS enables modules
            let Ok(kind) = fs::symlink_metadata(&path) else {
                continue;
            };
            if kind.is_dir() {
                if depth < DEPTH_MAX {
                    self.folder(&path, found, depth + 1);
                }
            } else if fs::metadata(&path).is_ok_and(|target| target.is_file()) {
                self.file(&path, found);
            }
        }
    }

    fn problem(&mut self, path: &Path, error: &std::io::Error) {
        self.problems
            .push(format!("{}: cannot read: {}", path.display(), cause(error)));
    }

    fn file(&mut self, path: &Path, found: Found) {
        let name = path.to_string_lossy();
        let named = by_name(&name);
        let in_folder = matches!(found, Found::InEtc | Found::InFolder);
        if in_folder && is_left_over(&name) || named.is_none() && found == Found::InEtc {
            return;
        }
        let Ok(canonical) = path.canonicalize().map_err(|error| self.problem(path, &error)) else {
            return;
        };
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) => return self.problem(path, &error),
        };
        // two names of one file: it is read once
        if self.seen.contains(&canonical) || named.is_none() && in_folder && metadata.len() > SNIFFED_BYTES_MAX {
            return;
        }
        match self.read(path, metadata.len()) {
            Ok(Some(text)) => {
                if self.take(path, &metadata, text, found) {
                    self.seen.insert(canonical);
                }
            }
            Ok(None) => {}
            // somebody else's secrets in a folder are no problem of this audit
            Err(_) if found == Found::InFolder && named.is_none() => {}
            Err(error) => self.problem(path, &error),
        }
    }

    fn read(&mut self, path: &Path, size: u64) -> std::io::Result<Option<String>> {
        if size > FILE_BYTES_MAX {
            self.others.push(path.to_owned());
            return Ok(None);
        }
        if self.bytes.saturating_add(size) > TOTAL_BYTES_MAX {
            self.problems.push(format!(
                "{}: not read: more than {} MiB in all",
                path.display(),
                TOTAL_BYTES_MAX >> 20
            ));
            return Ok(None);
        }
        let mut bytes = Vec::new();
        File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
        self.bytes += bytes.len() as u64;
        // Windows editors begin a file with a mark
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        Ok(Some(text::lossy(bytes).into_owned()))
    }

    /// Keeps a file if it is configuration that is known here.
    fn take(&mut self, path: &Path, metadata: &fs::Metadata, text: String, found: Found) -> bool {
        let name = path.to_string_lossy().into_owned();
        let kind = kind_of(&name, &text).or(match found {
            Found::Included(kind) => Some(kind),
            _ => None,
        });
        if kind.is_none() {
            if found == Found::Named {
                self.others.push(path.to_owned());
            }
            return false;
        }
        let (mode, owner_uid) = rights(path, metadata);
        self.machine.files.push(ConfigFile {
            path: name,
            mode,
            owner_uid,
            text,
        });
        true
    }

    /// Reads what the files name, and what those name.
    fn follow(&mut self) {
        let mut at = 0;
        let mut followed = 0;
        while let Some(file) = self.machine.files.get(at) {
            at += 1;
            let Some(kind) = kind_of(&file.path, &file.text) else {
                continue;
            };
            let base = PathBuf::from(&file.path);
            for pattern in includes(kind, &file.text) {
                followed += 1;
                if followed > INCLUDES_MAX {
                    return;
                }
                for path in self.named(&base, &pattern) {
                    self.file(&path, Found::Included(kind));
                }
            }
        }
    }

    /// The files that a pattern means in a file: beside it, or, if it is absolute, below the root that the file's own `/etc` lies in.
    /// A copy that lies in no `etc` has no root: this machine's files are not its files.
    fn named(&self, file: &Path, pattern: &str) -> Vec<PathBuf> {
        let wanted = if pattern.starts_with('/') {
            let Some(root) = root_of(file) else { return Vec::new() };
            root.join(pattern.trim_start_matches('/'))
        } else {
            file.parent().unwrap_or(Path::new("")).join(pattern)
        };
        if !pattern.contains(['*', '?', '[']) {
            return if wanted.is_dir() {
                files_of(&wanted, "*")
            } else {
                wanted.is_file().then_some(wanted).into_iter().collect()
            };
        }
        let (Some(folder), Some(name)) = (wanted.parent(), wanted.file_name()) else {
            return Vec::new();
        };
        files_of(folder, &name.to_string_lossy())
    }
}

/// Whether a folder lies in an `etc`, or is one: no logs are there.
pub fn is_in_etc(folder: &Path) -> bool {
    root_of(folder).is_some()
}

/// The folder that a file's `etc` lies in, in the form in which the file was named; `/` for those of this machine.
fn root_of(file: &Path) -> Option<PathBuf> {
    let root = |path: &Path| {
        let etc = path
            .ancestors()
            .find(|above| above.file_name().is_some_and(|name| name == "etc"))?;
        etc.parent().map(Path::to_owned)
    };
    root(file).or_else(|| root(&file.canonicalize().ok()?))
}

/// The files of a folder whose names a pattern with `*` and `?` matches, in order.
fn files_of(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let Ok(listed) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = listed
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.is_file()
                && path
                    .file_name()
                    .is_some_and(|name| matches(pattern.as_bytes(), name.to_string_lossy().as_bytes()))
        })
        .take(INCLUDES_MAX)
        .collect();
    found.sort();
    found
}

/// Shell patterns with `*` and `?`; hidden files need a dot that is written.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    if name.first() == Some(&b'.') && pattern.first() != Some(&b'.') {
        return false;
    }
    let (mut at, mut in_name) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while in_name < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, in_name));
                at += 1;
            }
            Some(wanted) if *wanted == b'?' || *wanted == name[in_name] => {
                at += 1;
                in_name += 1;
            }
            _ => {
                let Some((place, from)) = star else { return false };
                star = Some((place, from + 1));
                at = place + 1;
                in_name = from + 1;
            }
        }
    }
    pattern[at..].iter().all(|rest| *rest == b'*')
}

/// Permission bits and owner. Of a copy the bits say something only where they are tighter or looser by intent, the owner nothing.
#[cfg(unix)]
fn rights(path: &Path, metadata: &fs::Metadata) -> (Option<u32>, Option<u32>) {
    use std::os::unix::fs::MetadataExt as _;
    let own = path.canonicalize().is_ok_and(|path| path.starts_with("/etc"));
    (Some(metadata.mode() & 0o7777), own.then(|| metadata.uid()))
}

/// Elsewhere permissions are something else.
#[cfg(not(unix))]
fn rights(_: &Path, _: &fs::Metadata) -> (Option<u32>, Option<u32>) {
    (None, None)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_are_the_shells() {
        for (pattern, name, is) in [
            ("*.conf", "l2tp.conf", true),
            ("*.conf", ".hidden.conf", false),
            ("*.conf", "l2tp.conf.bak", false),
            ("a?c*", "abcd", true),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXc", false),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), is, "{pattern} {name}");
        }
    }
}
