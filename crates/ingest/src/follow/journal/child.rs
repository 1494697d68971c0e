//! A running `journalctl` that follows, read without waiting.

use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{self, ChildStderr, ChildStdout, Command, Stdio};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

/// Bytes of what it complained of that are kept.
const WORDS_MAX: usize = 300;

pub(super) struct Child {
    process: process::Child,
    output: ChildStdout,
    complaints: Option<ChildStderr>,
    /// The last that it complained of.
    pub words: String,
}

impl Child {
    /// Starts `program` to follow the journal from where `from` says. No shell is involved.
    pub(super) fn start(program: &str, from: &[String]) -> io::Result<Child> {
        let mut process = Command::new(program)
            .args(["-o", "json", "--all", "--no-pager", "-q", "--follow", "--no-tail"])
            .args(from)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (Some(output), complaints) = (process.stdout.take(), process.stderr.take()) else {
            let _ = process.kill();
            let _ = process.wait();
            return Err(io::Error::other("its output cannot be read"));
        };
        let child = Child {
            process,
            output,
            complaints,
            words: String::new(),
        };
        dont_wait(child.output.as_fd())?;
        child.complaints.as_ref().map(|fd| dont_wait(fd.as_fd())).transpose()?;
        Ok(child)
    }

    /// Reads what is there. None: nothing now. Some(0): it has ended.
    pub(super) fn read(&mut self, out: &mut [u8]) -> Option<usize> {
        loop {
            match self.output.read(out) {
                Ok(read) => return Some(read),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                Err(_) => return Some(0),
            }
        }
    }

    /// Takes what it complained of, so that it never has to wait for us.
    pub(super) fn listen(&mut self) {
        let mut block = [0; 4096];
        let Some(complaints) = &mut self.complaints else { return };
        while let Ok(read @ 1..) = complaints.read(&mut block) {
            self.words.push_str(&String::from_utf8_lossy(&block[..read]));
            let surplus = self.words.chars().count().saturating_sub(WORDS_MAX);
            self.words = self.words.chars().skip(surplus).collect();
        }
    }

    pub(super) fn output(&self) -> BorrowedFd<'_> {
        self.output.as_fd()
    }

    /// Why it ended, in words.
    pub(super) fn end(mut self) -> String {
        let status = match self.process.try_wait() {
            Ok(Some(status)) => status.to_string(),
            _ => "closed its output".to_string(),
        };
        self.listen();
        match self.words.trim() {
            "" => status,
            words => format!("{status}: {}", words.lines().last().unwrap_or_default()),
        }
    }
}

fn dont_wait(fd: BorrowedFd<'_>) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?);
    fcntl(fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
