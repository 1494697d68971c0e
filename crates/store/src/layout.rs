//! Which file of a store lies where.

use std::path::{Path, PathBuf};

use crate::error::{Kind, Result, StoreError};

/// The first line of the file by which a store is known.
const MARK: &str = "tunlog store";
/// The version of the layout.
const VERSION: &str = "1";

/// The paths in a store.
#[derive(Clone, Debug)]
pub struct Layout {
    folder: PathBuf,
}

impl Layout {
    /// Of the store in this directory.
    pub fn new(folder: &Path) -> Layout {
        Layout {
            folder: folder.to_path_buf(),
        }
    }

    /// The store's own directory.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file by which a store is known.
    pub fn marker(&self) -> PathBuf {
        self.folder.join("tunlog-store")
    }

    /// The file that holds room for a full disk.
    pub fn room(&self) -> PathBuf {
        self.folder.join("room")
    }

    /// What it holds.
    pub fn marker_text(&self, origin: &str) -> String {
        format!("{MARK}\nversion {VERSION}\norigin {origin}\n")
    }

    /// The working database.
    pub fn working(&self) -> PathBuf {
        self.folder.join("working.db")
    }

    /// Attempts and findings.
    pub fn history(&self) -> PathBuf {
        self.folder.join("history.db")
    }

    /// Held by whoever writes.
    pub fn lock(&self) -> PathBuf {
        self.folder.join("lock")
    }

    /// The segments.
    pub fn segments(&self) -> PathBuf {
        self.folder.join("segments")
    }

    /// The checkpoints.
    pub fn notes(&self) -> PathBuf {
        self.folder.join("seal").join("checkpoints")
    }

    /// One checkpoint.
    pub fn note(&self, number: u64) -> PathBuf {
        self.notes().join(format!("{number:08}.note"))
    }

    /// Witnesses, one a line.
    pub fn witnesses(&self) -> PathBuf {
        self.folder.join("seal").join("witnesses")
    }

    /// Segments that cannot be read any more.
    pub fn quarantine(&self) -> PathBuf {
        self.folder.join("quarantine")
    }

    /// Whether there is a store.
    pub fn is_store(&self) -> bool {
        std::fs::read(self.marker()).is_ok_and(|text| text.starts_with(MARK.as_bytes()))
    }

    /// Says why there is none, or none that this version reads.
    ///
    /// # Errors
    /// That.
    pub fn check_is_store(&self) -> Result<String> {
        let text = std::fs::read_to_string(self.marker()).unwrap_or_default();
        let mut lines = text.lines();
        if lines.next() != Some(MARK) {
            let cause = "is no store (`tunlog store init` makes one)";
            return Err(StoreError::new(Kind::Absent, &self.folder, cause));
        }
        if lines.next().and_then(|line| line.strip_prefix("version ")) != Some(VERSION) {
            let cause = "written by a later version of tunlog: use that one";
            return Err(StoreError::new(Kind::Newer, &self.folder, cause));
        }
        let origin = lines.next().and_then(|line| line.strip_prefix("origin "));
        Ok(origin.unwrap_or_default().to_owned())
    }
}

/// The directory of a partition: `segments/day=2026-11-20/gateway=vpn1`. A day or gateway that is not known has Hive's name
/// for nothing.
pub fn partition(day: Option<&str>, gateway: &[u8]) -> String {
    const NOTHING: &str = "__HIVE_DEFAULT_PARTITION__";
    let gateway = match gateway.is_empty() {
        true => NOTHING.to_owned(),
        false => encoded(gateway),
    };
    format!("segments/day={}/gateway={gateway}", day.unwrap_or(NOTHING))
}

/// Most bytes of a gateway's name in a path.
const NAME_BYTES_MAX: usize = 100;

/// A name that somebody else chose as part of a path: whatever might mean something there is `%XX`.
fn encoded(name: &[u8]) -> String {
    let mut out = String::new();
    for (at, byte) in name.iter().take(NAME_BYTES_MAX / 3).enumerate() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || (*byte == b'.' && at > 0);
        match plain {
            true => out.push(char::from(*byte)),
            false => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Path of a file in a store, from what a note says.
pub(crate) fn within(folder: &Path, path: &str) -> PathBuf {
    // a database from elsewhere may say anything: what leads out of the store leads to a name that is not there
    let leads_out = |part: &str| matches!(part, "" | "." | "..") || part.contains(['\\', ':']);
    if path.split('/').any(leads_out) {
        return folder.join("no-such-file");
    }
    path.split('/')
        .fold(folder.to_path_buf(), |folder, part| folder.join(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateways_name_leads_nowhere() {
        assert_eq!(
            partition(Some("2026-11-20"), b"vpn1.example"),
            "segments/day=2026-11-20/gateway=vpn1.example"
        );
        assert_eq!(
            partition(None, b""),
            "segments/day=__HIVE_DEFAULT_PARTITION__/gateway=__HIVE_DEFAULT_PARTITION__"
        );
        for name in [
            &b"../../etc"[..],
            b"..",
            b"a/b",
            b"a\\b",
            b"C:",
            b"a=b",
            b"\xff\n\x1b",
            &[b'%'; 500],
        ] {
            let path = partition(None, name);
            let last = path.rsplit_once("gateway=").expect("a gateway").1;
            assert!(
                !last.contains(['/', '\\', ':', '=', '\n']) && !last.starts_with('.'),
                "{path}"
            );
            assert!(last.len() <= NAME_BYTES_MAX, "{path}");
        }
    }
}
