//! The files of the repository.

use std::path::{Path, PathBuf};

/// Folders that are not ours to check.
const SKIPPED: &[&str] = &["target", ".git", "corpus", "artifacts", "gateway"];

/// The repository.
pub struct Tree {
    root: PathBuf,
}

impl Tree {
    /// The repository that this program was built from.
    pub fn of_this_repository() -> Tree {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        Tree {
            root: manifest.parent().unwrap_or(manifest).to_path_buf(),
        }
    }

    /// Where a file of the repository lies.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// The text of a file; empty if it is not there.
    pub fn read(&self, relative: &str) -> String {
        std::fs::read(self.path(relative))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// All files, as paths relative to the root with `/` between, sorted; build results left out.
    pub fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.walk(&self.root, &mut found);
        found.sort();
        found
    }

    /// The names of the entries of a folder, sorted.
    pub fn names(&self, relative: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(relative)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }

    fn walk(&self, folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() {
                if !SKIPPED.iter().any(|skipped| name == *skipped) {
                    self.walk(&path, found);
                }
            } else if let Ok(relative) = path.strip_prefix(&self.root) {
                found.push(relative.to_string_lossy().replace('\\', "/"));
            }
        }
    }
}
