//! The daemon from outside: metrics of whole logs, and HTTP as clients speak it.

#[path = "../../examples/support/replay.rs"]
mod replay;

mod http;
mod metrics;
mod openapi;

use std::path::{Path, PathBuf};

/// A file of the project.
fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// A hostile file, where the shared folder stands beside the clone.
fn hostile(name: &str) -> Option<PathBuf> {
    let beside = ["../../../shared/corpus/hostile", "../../../../shared/corpus/hostile"];
    let found = beside
        .iter()
        .map(|folder| Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(name))
        .find(|path| path.exists());
    if found.is_none() {
        eprintln!("skipped: no shared/corpus/hostile/{name}");
    }
    found
}

/// An empty folder of this test's own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("tunlog-daemon-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
