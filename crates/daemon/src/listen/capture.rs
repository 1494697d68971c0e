//! A packet capture that is read while it is written: `tcpdump -w - … | tunlog serve --capture -`, or a named pipe.
//!
//! A capture has no place from which it could be gone on with: whoever starts to read one later has lost its header. So each is
//! a feed of its own. The end of a named pipe's writer ends a capture, and the next writer begins another.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::EventFd;
use tunlog_ingest::{Arrival, Feed, Position, Problem, What};

use crate::intake::{Closed, Intake};

/// Bytes of one read; a pipe rarely holds more.
const READ_BYTES: usize = 256 * 1024;

/// How often it is tried to open a capture that cannot be opened.
const RETRY: Duration = Duration::from_secs(5);

/// A capture that is being read.
pub struct Capture {
    stop: Arc<EventFd>,
    thread: Option<JoinHandle<()>>,
}

impl Capture {
    /// Reads a capture on a thread of its own: `-` is standard input. `known` says whether a position with this key was kept: a plain
    /// file that was read to its end is not read again.
    ///
    /// # Errors
    /// If there can be no thread.
    pub fn start(path: &str, intake: Intake, known: impl Fn(&str) -> bool + Send + 'static) -> io::Result<Capture> {
        let stop = Arc::new(EventFd::new()?);
        let reader = Reader {
            name: match path {
                "-" => "capture:-".to_owned(),
                path => format!("capture:{path}"),
            },
            path: path.to_owned(),
            intake,
            stop: stop.clone(),
        };
        let thread = std::thread::Builder::new().name("capture".to_owned());
        let thread = thread.spawn(move || {
            // nobody takes arrivals any more: the daemon ends
            let _ = reader.run(&known);
        })?;
        Ok(Capture {
            stop,
            thread: Some(thread),
        })
    }

    /// Ends it; what was read is handed over first.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // it cannot be full: nobody else writes to it
        let _ = self.stop.write(1);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.end();
    }
}

struct Reader {
    name: String,
    path: String,
    intake: Intake,
    stop: Arc<EventFd>,
}

/// Why waiting ended.
#[derive(PartialEq, Eq)]
enum Woken {
    Readable,
    Stop,
    Timeout,
}

impl Reader {
    fn run(&self, known: &dyn Fn(&str) -> bool) -> Result<(), Closed> {
        let mut told = false;
        // a pipe without a reader forgets what was written into it: the last one is held until the next one is open
        let mut held = None;
        loop {
            let (mut input, key) = match self.open() {
                Ok(open) => open,
                Err(error) => {
                    if !std::mem::replace(&mut told, true) {
                        let cause = format!("cannot be opened: {error}; tried again every {} s", RETRY.as_secs());
                        self.send(
                            &self.feed(None),
                            What::Problem(Problem::error(self.name.as_str(), cause)),
                        )?;
                    }
                    match self.wait(None, Some(RETRY)) {
                        Woken::Stop => return Ok(()),
                        _ => continue,
                    }
                }
            };
            told = false;
            drop(held.take());
            match &key {
                Some(key) if known(key) => return Ok(()),
                _ => {}
            }
            let again = matches!(input, Input::Pipe(_));
            if self.read(&mut input, key)? == Woken::Stop || !again {
                return Ok(());
            }
            held = Some(input);
        }
    }

    /// Opens it; with the key of a plain file, which is read once.
    fn open(&self) -> io::Result<(Input, Option<String>)> {
        if self.path == "-" {
            return Ok((Input::Stdin(io::stdin()), None));
        }
        // a pipe is opened although nobody writes to it yet
        let file = File::options()
            .read(true)
            .custom_flags(OFlag::O_NONBLOCK.bits())
            .open(&self.path)?;
        let data = file.metadata()?;
        if data.file_type().is_fifo() {
            return Ok((Input::Pipe(file), None));
        }
        let key = format!(
            "{}:{}:{}:{}:{}",
            self.name,
            data.dev(),
            data.ino(),
            data.len(),
            data.mtime()
        );
        Ok((Input::File(file), Some(key)))
    }

    /// Reads a capture to its end, or until it is to stop.
    fn read(&self, input: &mut Input, key: Option<String>) -> Result<Woken, Closed> {
        let feed = self.feed(key.as_deref());
        let (mut begun, mut drained) = (false, true);
        loop {
            // a writer that went before we opened the pipe is not told of by poll: only reading shows that there is none
            let timeout = (!drained && matches!(input, Input::Pipe(_))).then_some(Duration::ZERO);
            if self.wait(Some(input), timeout) == Woken::Stop {
                return Ok(Woken::Stop);
            }
            let mut bytes = vec![0; READ_BYTES];
            match input.read(&mut bytes) {
                Ok(0) => break,
                Ok(read) => {
                    bytes.truncate(read);
                    // many small reads must not hold much room each
                    bytes.shrink_to_fit();
                    (begun, drained) = (true, false);
                    self.send(&feed, What::Capture(bytes))?;
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                    drained = true;
                }
                Err(error) => {
                    self.send(&feed, What::Problem(Problem::io(self.name.as_str(), &error)))?;
                    break;
                }
            }
        }
        if begun {
            let position = key.map(|key| Position {
                key,
                value: Some(b"whole".to_vec()),
            });
            self.intake.send(Arrival {
                feed,
                what: What::End,
                positions: position.into_iter().collect(),
            })?;
        }
        Ok(Woken::Readable)
    }

    fn feed(&self, key: Option<&str>) -> Arc<Feed> {
        // whoever writes into a pipe again is the same source
        let key = key.unwrap_or(&self.name);
        Arc::new(Feed {
            key: key.into(),
            name: self.name.as_str().into(),
            set: self.name.as_str().into(),
        })
    }

    fn send(&self, feed: &Arc<Feed>, what: What) -> Result<(), Closed> {
        self.intake.send(Arrival {
            feed: feed.clone(),
            what,
            positions: Vec::new(),
        })
    }

    /// Waits until there is something to read, the time is over, or it is to stop.
    fn wait(&self, input: Option<&Input>, timeout: Option<Duration>) -> Woken {
        let timeout = timeout.and_then(|timeout| PollTimeout::try_from(timeout).ok());
        let timeout = timeout.unwrap_or(PollTimeout::NONE);
        loop {
            let mut waited = vec![PollFd::new(self.stop.as_fd(), PollFlags::POLLIN)];
            waited.extend(input.map(|input| PollFd::new(input.as_fd(), PollFlags::POLLIN)));
            match poll(&mut waited, timeout) {
                Err(nix::errno::Errno::EINTR) => continue,
                // it cannot be waited for: reading says why
                Err(_) => return Woken::Readable,
                Ok(0) => return Woken::Timeout,
                Ok(_) if waited[0].any().unwrap_or(false) => return Woken::Stop,
                Ok(_) => return Woken::Readable,
            }
        }
    }
}

enum Input {
    Stdin(io::Stdin),
    Pipe(File),
    File(File),
}

impl Input {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            // past the standard library's buffer, of which poll knows nothing
            Input::Stdin(stdin) => Ok(nix::unistd::read(stdin.as_fd(), out)?),
            Input::Pipe(file) | Input::File(file) => file.read(out),
        }
    }
}

impl AsFd for Input {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        match self {
            Input::Stdin(stdin) => stdin.as_fd(),
            Input::Pipe(file) | Input::File(file) => file.as_fd(),
        }
    }
}

#[cfg(test)]
mod tests;
