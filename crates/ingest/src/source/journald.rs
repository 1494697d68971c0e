//! The machine's journal, read through `journalctl`: its file format is journald's own business.

use std::io;
use std::path::Path;
use std::process::{self, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};

/// A running `journalctl` and its output.
pub(crate) struct Child {
    process: process::Child,
    ended: bool,
}

/// Starts `journalctl` for the machine's journal, or for one journal file. No shell is involved.
pub(crate) fn start(file: Option<&Path>) -> io::Result<Child> {
    let mut command = Command::new("journalctl");
    command.args(["-o", "json", "--all", "--no-pager", "-q"]);
    if let Some(path) = file {
        command.arg("--file").arg(path);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    match command.spawn() {
        Ok(process) => Ok(Child { process, ended: false }),
        Err(error) => Err(io::Error::new(
            error.kind(),
            format!("journalctl cannot be started: {error}"),
        )),
    }
}

/// Pieces of the journal that may wait to be taken, of 1 MiB at most.
const WAITING_MAX: usize = 8;

/// The journal as it grows; `journalctl` runs until this is dropped.
pub(crate) struct Follow {
    process: process::Child,
    lines: Receiver<Vec<u8>>,
}

/// Starts to follow the machine's journal from its beginning.
pub(crate) fn follow() -> io::Result<Follow> {
    let mut process = Command::new("journalctl")
        .args(["-o", "json", "--all", "--no-pager", "-q", "-f", "-n", "all"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let (sender, lines) = sync_channel(WAITING_MAX);
    let output = process.stdout.take();
    std::thread::spawn(move || {
        let Some(mut output) = output else { return };
        let mut held = Vec::new();
        loop {
            let start = held.len();
            held.resize(start + super::refill::CHUNK_BYTES, 0);
            let read = super::compressed::read_some(&mut output, &mut held[start..]).unwrap_or(0);
            held.truncate(start + read);
            let end = memchr::memrchr(b'\n', &held).map_or(0, |at| at + 1);
            let rest = held.split_off(end);
            let whole = std::mem::replace(&mut held, rest);
            // A record beyond all measure is given up; its rest is no whole record either.
            if held.len() > super::refill::CHUNK_BYTES {
                held.clear();
            }
            if read == 0 || (!whole.is_empty() && sender.send(whole).is_err()) {
                return;
            }
        }
    });
    Ok(Follow { process, lines })
}

impl Follow {
    /// Whole lines that have come since the last call.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = Vec<u8>> {
        self.lines.try_iter().take(WAITING_MAX)
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Child {
    pub(crate) fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(output) = &mut self.process.stdout else {
            return Ok(0);
        };
        let read = super::compressed::read_some(output, out)?;
        if read > 0 || self.ended || out.is_empty() {
            return Ok(read);
        }
        self.ended = true;
        let status = self.process.wait()?;
        if status.success() {
            Ok(0)
        } else {
            Err(io::Error::other(format!("journalctl ended with {status}")))
        }
    }
}

impl Drop for Child {
    /// A reader that goes away early must not leave a process behind.
    fn drop(&mut self) {
        if !self.ended {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

/// Whether `journalctl` can be run here at all.
pub(crate) fn available() -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join("journalctl").is_file()))
}
