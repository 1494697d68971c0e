//! A running `journalctl` that follows, read without waiting.

use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{self, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

/// Bytes of what it complained of that are kept.
const WORDS_MAX: usize = 300;

/// How long it may take to end once it has closed its output.
const END_WAIT: Duration = Duration::from_millis(500);

pub(super) struct Child {
    process: process::Child,
    output: ChildStdout,
    complaints: Option<ChildStderr>,
    /// The last that it complained of.
    pub words: String,
}

impl Child {
    /// Starts `program` to show the journal from where `from` says, to its end or for ever. No shell is involved.
    pub(super) fn start(program: &str, follow: bool, from: &[String]) -> io::Result<Child> {
        let mut process = Command::new(program)
            .args(["-o", "json", "--all", "--no-pager", "-q"])
            .args(follow.then_some(["--follow", "--no-tail"]).into_iter().flatten())
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

    /// Whether it ended well, and why it ended, in words.
    pub(super) fn end(mut self) -> (bool, String) {
        let status = self.status();
        self.listen();
        let told = status.map_or_else(|| "closed its output".to_string(), |status| status.to_string());
        let told = match self.words.trim() {
            "" => told,
            words => format!("{told}: {}", words.lines().last().unwrap_or_default()),
        };
        (status.is_some_and(|status| status.success()), told)
    }

    /// With what it ended; None: it goes on without an output.
    fn status(&mut self) -> Option<ExitStatus> {
        let until = Instant::now() + END_WAIT;
        loop {
            match self.process.try_wait() {
                Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(1)),
                ended => return ended.ok().flatten(),
            }
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
