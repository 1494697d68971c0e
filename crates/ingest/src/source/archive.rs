//! Zip archives: their members are streams like any other; nothing is ever written to a disk.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use crate::time::seconds_of;

/// A member that may be read.
pub(crate) struct Member {
    /// Its index in the archive.
    pub index: usize,
    /// Its name, which is safe to show and to compare.
    pub name: String,
    /// When it was last written, microseconds UTC (as if the zip's local time were UTC).
    pub written: Option<i64>,
}

/// What an archive holds: the members that may be read, and the reasons why others may not.
pub(crate) fn members(path: &Path) -> Result<(Vec<Member>, Vec<String>), String> {
    let archive = open(path)?;
    let (mut members, mut refused) = (Vec::new(), Vec::new());
    for index in 0..archive.len() {
        let entry = archive.by_index_data(index).map_err(|error| error.to_string())?;
        let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
        if entry.is_dir() {
            continue;
        }
        match unsafe_name(&name) {
            Some(reason) => refused.push(format!("member '{}' was not read: {reason}", printable(&name))),
            None if !entry.is_file() || is_special(entry.unix_mode()) => {
                refused.push(format!(
                    "member '{}' was not read: not a regular file",
                    printable(&name)
                ));
            }
            None if entry.encrypted() => {
                refused.push(format!("member '{}' was not read: encrypted", printable(&name)));
            }
            None => members.push(Member {
                index,
                name,
                written: entry.last_modified().map(micros),
            }),
        }
    }
    Ok((members, refused))
}

/// Opens a member for reading; also says when it was last written, microseconds UTC.
pub(crate) fn open_member(path: &Path, index: usize) -> Result<(Box<dyn Read + Send>, Option<i64>), String> {
    let mut archive = open(path)?;
    let entry = archive.by_index_raw(index).map_err(|error| error.to_string())?;
    let start = entry.data_start().ok_or("the member's data cannot be found")?;
    let (size, method, written) = (
        entry.compressed_size(),
        entry.compression(),
        entry.last_modified().map(micros),
    );
    drop(entry);
    let mut file = File::open(path).map_err(|error| crate::error::io_cause(&error))?;
    file.seek(SeekFrom::Start(start))
        .map_err(|error| crate::error::io_cause(&error))?;
    let packed = BufReader::with_capacity(64 * 1024, file.take(size));
    let reader: Box<dyn Read + Send> = match method {
        CompressionMethod::Stored => Box::new(packed),
        CompressionMethod::Deflated => Box::new(flate2::bufread::DeflateDecoder::new(packed)),
        CompressionMethod::Bzip2 => Box::new(bzip2::bufread::BzDecoder::new(packed)),
        CompressionMethod::Zstd => {
            Box::new(zstd::stream::read::Decoder::with_buffer(packed).map_err(|error| error.to_string())?)
        }
        other => return Err(format!("compressed by a method that is not read here ({other})")),
    };
    Ok((reader, written))
}

/// Names of the members of a zip archive that may be read.
///
/// # Errors
/// If it is none.
pub fn zip_names(path: &Path) -> Result<Vec<String>, String> {
    let (members, _) = members(path)?;
    Ok(members.into_iter().map(|member| member.name).collect())
}

/// Hands every member of a zip archive to `each`, as bytes; answers the names of those that may not be read (encrypted, special,
/// leading out of the archive). Nothing is written to a disk.
///
/// # Errors
/// If the archive or a member cannot be read.
pub fn zip_members(
    path: &Path,
    each: &mut dyn FnMut(&str, &mut dyn Read) -> std::io::Result<()>,
) -> Result<Vec<String>, String> {
    if open(path)?.has_duplicate_names() {
        // only the last of them would be seen here, and another reader may take the first
        return Err("the zip archive has two members of the same name".to_owned());
    }
    let (members, refused) = members(path)?;
    for member in members {
        let (mut reader, _) = open_member(path, member.index)?;
        each(&member.name, &mut reader).map_err(|error| {
            format!(
                "member '{}': {}",
                printable(&member.name),
                crate::error::io_cause(&error)
            )
        })?;
    }
    Ok(refused)
}

fn open(path: &Path) -> Result<ZipArchive<BufReader<File>>, String> {
    let file = File::open(path).map_err(|error| crate::error::io_cause(&error))?;
    ZipArchive::new(BufReader::new(file)).map_err(|error| match error {
        ZipError::InvalidArchive(_) => {
            "a zip archive that is cut short or damaged: its directory, which stands at the end, is missing or wrong"
                .to_owned()
        }
        error => format!("the zip archive cannot be read: {error}"),
    })
}

/// Why a member's name is refused: it points out of the archive.
fn unsafe_name(name: &str) -> Option<&'static str> {
    let bytes = name.as_bytes();
    if name.is_empty() || bytes.contains(&0) {
        return Some("its name is not valid");
    }
    if name.starts_with(['/', '\\']) || (bytes.len() > 1 && bytes[1] == b':' && bytes[0].is_ascii_alphabetic()) {
        return Some("its name is an absolute path");
    }
    name.split(['/', '\\'])
        .any(|part| part == "..")
        .then_some("its name leads out of the archive")
}

fn is_special(mode: Option<u32>) -> bool {
    mode.is_some_and(|mode| mode & 0o170_000 != 0 && mode & 0o170_000 != 0o100_000)
}

fn printable(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .take(200)
        .collect()
}

fn micros(time: zip::DateTime) -> i64 {
    let second = u32::from(time.hour()) * 3600 + u32::from(time.minute()) * 60 + u32::from(time.second());
    seconds_of(time.year() as i16, time.month(), time.day(), second) * 1_000_000
}
