//! A zip archive of a few texts, stored as they are (PKWARE APPNOTE 4.3; no compression, no times of ours).

use std::io::{self, Write};

/// Writes files one after another.
pub struct Archive<'w> {
    out: &'w mut dyn Write,
    written: u32,
    directory: Vec<u8>,
    count: u16,
}

/// 1980-01-01, the first day of the format: the same bundle has the same bytes.
const DATE: u16 = 0x0021;

impl<'w> Archive<'w> {
    /// Into `out`.
    pub fn new(out: &'w mut dyn Write) -> Archive<'w> {
        Archive {
            out,
            written: 0,
            directory: Vec::new(),
            count: 0,
        }
    }

    /// Adds a file; its name is ours, in ASCII.
    pub fn add(&mut self, name: &str, contents: &[u8]) -> io::Result<()> {
        let too_large = || io::Error::other("the bundle is too large for a zip archive");
        let size = u32::try_from(contents.len()).map_err(|_| too_large())?;
        let name_len = u16::try_from(name.len()).map_err(|_| too_large())?;
        let mut common = Vec::with_capacity(32);
        for half in [20_u16, 0, 0, 0, DATE] {
            common.extend(half.to_le_bytes());
        }
        for word in [crc32(contents), size, size] {
            common.extend(word.to_le_bytes());
        }
        common.extend(name_len.to_le_bytes());
        common.extend([0, 0]);
        let at = self.written;
        self.put(b"PK\x03\x04")?;
        self.put(&common)?;
        self.put(name.as_bytes())?;
        self.put(contents)?;
        self.directory.extend(b"PK\x01\x02\x14\x00");
        self.directory.extend(&common);
        // comment length, disk, internal attributes (2 each), external attributes
        self.directory.extend([0_u8; 10]);
        self.directory.extend(at.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.count = self.count.checked_add(1).ok_or_else(too_large)?;
        Ok(())
    }

    /// Writes the directory.
    pub fn finish(mut self) -> io::Result<()> {
        let directory = std::mem::take(&mut self.directory);
        let at = self.written;
        let size = directory.len() as u32;
        self.put(&directory)?;
        self.put(b"PK\x05\x06\x00\x00\x00\x00")?;
        let count = self.count.to_le_bytes();
        self.put(&[count, count].concat())?;
        self.put(&size.to_le_bytes())?;
        self.put(&at.to_le_bytes())?;
        self.put(&[0, 0])
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).ok();
        self.written = length
            .and_then(|length| self.written.checked_add(length))
            .ok_or_else(|| io::Error::other("the bundle is too large for a zip archive"))?;
        self.out.write_all(bytes)
    }
}

/// CRC-32 as zip has it (ISO 3309, reflected).
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xedb8_8320
            } else {
                crc >> 1
            };
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_standard() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn an_archive_begins_and_ends_as_one() {
        let mut out = Vec::new();
        let mut archive = Archive::new(&mut out);
        archive.add("a.txt", b"hello\n").expect("memory");
        archive.add("b.txt", b"").expect("memory");
        archive.finish().expect("memory");
        assert!(out.starts_with(b"PK\x03\x04"));
        assert_eq!(out[out.len() - 22..out.len() - 18], *b"PK\x05\x06");
        // two files, a directory of 2 × (46 + 5) bytes
        assert_eq!(out[out.len() - 12..out.len() - 6], [2, 0, 102, 0, 0, 0]);
    }
}
