//! A disk on which one step fails, or of which the power is cut.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::files::{Disk, Storage};

/// What happens at the chosen step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// That step fails, the next ones do not.
    Once(io::ErrorKind),
    /// The process is killed: that step is half done, nothing follows.
    Killed,
    /// The power is cut: what was not synced is half there.
    PowerCut,
    /// The same, and names that were not synced are the old ones.
    PowerCutNames,
}

#[derive(Default)]
struct State {
    steps: u64,
    dead: bool,
    unsynced: Vec<PathBuf>,
    /// Renames whose directory was not synced: from, to, and what `to` held.
    renamed: Vec<(PathBuf, PathBuf, Option<Vec<u8>>)>,
}

/// A disk that fails at one step.
#[derive(Clone)]
pub struct Faulty {
    at: u64,
    fault: Fault,
    state: Arc<Mutex<State>>,
}

impl Faulty {
    pub fn new(at: u64, fault: Fault) -> Faulty {
        Faulty {
            at,
            fault,
            state: Arc::default(),
        }
    }

    /// How many steps there were.
    pub fn steps(&self) -> u64 {
        self.state.lock().expect("a state").steps
    }

    /// Whether this step is to be left out, after what the fault does.
    fn fails(&self, half: impl FnOnce()) -> Option<io::Error> {
        let mut state = self.state.lock().expect("a state");
        if state.dead {
            return Some(io::Error::other("dead"));
        }
        state.steps += 1;
        if state.steps != self.at {
            return None;
        }
        match self.fault {
            Fault::Once(kind) => return Some(io::Error::from(kind)),
            Fault::Killed => half(),
            Fault::PowerCut | Fault::PowerCutNames => {
                half();
                if self.fault == Fault::PowerCutNames {
                    for (from, to, before) in state.renamed.drain(..).rev() {
                        let _ = std::fs::rename(&to, &from);
                        if let Some(before) = before {
                            std::fs::write(&to, before).expect("a file");
                        }
                    }
                }
                for path in &state.unsynced {
                    if let Ok(bytes) = std::fs::read(path) {
                        std::fs::write(path, &bytes[..bytes.len() / 2]).expect("a file");
                    }
                }
            }
        }
        state.dead = true;
        Some(io::Error::other("dead"))
    }
}

impl Storage for Faulty {
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let half = || drop(std::fs::write(path, &bytes[..bytes.len() / 2]));
        if let Some(error) = self.fails(half) {
            return Err(error);
        }
        Disk.write(path, bytes)?;
        self.state.lock().expect("a state").unsynced.push(path.to_owned());
        Ok(())
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        if let Some(error) = self.fails(|| ()) {
            return Err(error);
        }
        self.state
            .lock()
            .expect("a state")
            .unsynced
            .retain(|known| known != path);
        Disk.sync(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        if let Some(error) = self.fails(|| ()) {
            return Err(error);
        }
        let before = std::fs::read(to).ok();
        Disk.rename(from, to)?;
        let mut state = self.state.lock().expect("a state");
        for path in &mut state.unsynced {
            if path == from {
                *path = to.to_owned();
            }
        }
        state.renamed.push((from.to_owned(), to.to_owned(), before));
        Ok(())
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        if let Some(error) = self.fails(|| ()) {
            return Err(error);
        }
        let mut state = self.state.lock().expect("a state");
        state.renamed.retain(|(_, to, _)| to.parent() != Some(path));
        Disk.sync_folder(path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match self.fails(|| ()) {
            Some(error) => Err(error),
            None => Disk.remove(path),
        }
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        match self.fails(|| ()) {
            Some(error) => Err(error),
            None => Disk.make_folder(path),
        }
    }
}
