//! What is in an incident's directory, or in a zip archive of it: each file's hash, and the few files that are read.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use tunlog_incident::manifest::{FILES_MAX, Fact, Files, UNLISTED, path_text};
use tunlog_incident::{act, manifest};
use tunlog_seal::{Hasher, note};

use crate::output::{Failure, cause};

/// What is there.
#[derive(Debug, Default)]
pub struct Contents {
    /// Every plain file but the manifest.
    pub files: Files,
    /// What is no plain file, and what it is.
    pub odd: Vec<(String, &'static str)>,
    /// The manifest.
    pub manifest: Option<Vec<u8>>,
    /// What was done.
    pub acts: Option<Vec<u8>>,
    /// The public key.
    pub key: Option<Vec<u8>>,
}

impl Contents {
    /// Of a directory. Links are not followed.
    ///
    /// # Errors
    /// If something cannot be read.
    pub fn of_folder(root: &Path) -> Result<Contents, Failure> {
        let mut contents = Contents::default();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            let failed =
                |error: io::Error| Failure::Message(format!("{}: cannot read: {}", folder.display(), cause(&error)));
            for entry in std::fs::read_dir(&folder).map_err(failed)? {
                let path = entry.map_err(failed)?.path();
                let kind = std::fs::symlink_metadata(&path).map_err(failed)?.file_type();
                let name = path_text(path.strip_prefix(root).unwrap_or(&path).as_os_str().as_bytes());
                if kind.is_dir() {
                    folders.push(path);
                } else if !kind.is_file() {
                    contents.odd.push((
                        name,
                        if kind.is_symlink() {
                            "is a link"
                        } else {
                            "is no plain file"
                        },
                    ));
                } else {
                    let added = File::open(&path).and_then(|mut file| contents.add(&name, &mut file));
                    added.map_err(|error| {
                        Failure::Message(format!("{}: cannot read: {}", path.display(), cause(&error)))
                    })?;
                }
            }
        }
        contents.odd.sort();
        Ok(contents)
    }

    /// Of a zip archive of the directory, whether its files stand at the top or in a folder.
    ///
    /// # Errors
    /// If the archive cannot be read or holds no manifest.
    pub fn of_zip(path: &Path) -> Result<Contents, Failure> {
        let failed = |words: String| Failure::Message(format!("{}: {words}", path.display()));
        let names = tunlog_ingest::zip_names(path).map_err(failed)?;
        let depth = |name: &str| name.matches('/').count();
        let manifests = names.iter().filter(|name| name.rsplit('/').next() == Some("MANIFEST"));
        let top = manifests.min_by_key(|name| depth(name)).cloned();
        let prefix = top
            .map(|name| name[..name.len() - "MANIFEST".len()].to_owned())
            .unwrap_or_default();
        let mut contents = Contents::default();
        let mut twice = Vec::new();
        let refused = tunlog_ingest::zip_members(path, &mut |name, reader| {
            let Some(inner) = name.strip_prefix(prefix.as_str()) else {
                twice.push((path_text(name.as_bytes()), "stands beside the incident in the archive"));
                return Ok(());
            };
            let inner = path_text(inner.as_bytes());
            if contents.files.contains_key(&inner) || (inner == UNLISTED && contents.manifest.is_some()) {
                twice.push((inner.clone(), "stands in the archive twice"));
            }
            contents.add(&inner, reader)
        })
        .map_err(failed)?;
        contents.odd = twice;
        contents.odd.extend(
            refused
                .into_iter()
                .map(|name| (path_text(name.as_bytes()), "cannot be read from the archive")),
        );
        contents.odd.sort();
        Ok(contents)
    }

    fn add(&mut self, name: &str, reader: &mut dyn Read) -> io::Result<()> {
        let most = match name {
            "MANIFEST" => note::BYTES_MAX,
            "acts.jsonl" => act::BYTES_MAX,
            "key.pub" => 64 << 10,
            _ => 0,
        };
        let (fact, kept) = hashed(reader, most)?;
        match name {
            "MANIFEST" => self.manifest = kept,
            "key.pub" => self.key = kept,
            "acts.jsonl" => self.acts = kept,
            _ => {}
        }
        if name != UNLISTED {
            self.files.insert(name.to_owned(), fact);
        }
        match self.files.len() > FILES_MAX {
            true => Err(io::Error::other("more files than an incident can have")),
            false => Ok(()),
        }
    }
}

/// Reads to the end: hash and size, and the bytes themselves if they are at most so many.
fn hashed(reader: &mut dyn Read, most: usize) -> io::Result<(Fact, Option<Vec<u8>>)> {
    let mut hasher = Hasher::new();
    let mut kept = Vec::new();
    let mut size = 0_u64;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&buffer[..read]);
        size += read as u64;
        if size <= most as u64 {
            kept.extend_from_slice(&buffer[..read]);
        }
    }
    let fact = manifest::Fact {
        digest: hasher.finish(),
        size,
    };
    Ok((fact, (size <= most as u64).then_some(kept)))
}

/// Hash and size of a file.
///
/// # Errors
/// If it cannot be read.
pub fn fact_of(path: &Path) -> io::Result<Fact> {
    Ok(hashed(&mut File::open(path)?, 0)?.0)
}
