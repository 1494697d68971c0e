//! Programs: an argument vector, JSON on standard input, no shell. One that takes too long is killed with everything that it
//! started (its process group); what it says is read to a limit.

use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::config::Command as Config;
use super::courier::{Courier, Failed, said};
use super::message::Message;

/// Bytes of standard error that are kept.
const STDERR_BYTES_MAX: usize = 4096;
/// How often it is looked whether the program is over, while it says nothing.
const LOOK_MS: u16 = 20;
/// Where programs of programs are found.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

type Wrong = (&'static str, String);

/// Judges the configuration.
pub fn check(config: &Config) -> Result<(), Wrong> {
    match config.run.first() {
        None => return Err(("run", "is missing: [\"/path/of/program\", \"argument\"]".to_owned())),
        Some(program) if !program.starts_with('/') => {
            return Err(("run", format!("`{program}`: the program's whole path is wanted")));
        }
        Some(_) => {}
    }
    if config.run.iter().any(|word| word.contains('\0')) {
        return Err(("run", "holds a NUL".to_owned()));
    }
    if let Some(name) = config
        .environment
        .keys()
        .find(|name| name.is_empty() || name.contains(['=', '\0']))
    {
        return Err(("environment", format!("`{name}` is no name of a variable")));
    }
    match config.timeout.is_zero() {
        true => Err(("timeout", "must be at least a second".to_owned())),
        false => Ok(()),
    }
}

/// Runs a program.
pub struct Runner {
    run: Vec<String>,
    environment: Vec<(String, String)>,
    timeout: Duration,
}

impl Runner {
    /// Reads secrets.
    ///
    /// # Errors
    /// The key that is wrong, and why.
    pub fn open(config: &Config) -> Result<Runner, Wrong> {
        check(config)?;
        let read = config
            .environment
            .iter()
            .map(|(name, value)| Ok((name.clone(), value.read()?)));
        Ok(Runner {
            run: config.run.clone(),
            environment: read
                .collect::<Result<_, String>>()
                .map_err(|why| ("environment", why))?,
            timeout: config.timeout.duration(),
        })
    }

    fn start(&self, id: &str) -> io::Result<Child> {
        let (program, arguments) = self.run.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        Command::new(program)
            .args(arguments)
            .env_clear()
            .env("PATH", PATH)
            .env("LANG", "C.UTF-8")
            .env("TUNLOG_NOTIFICATION", id)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
    }
}

impl Courier for Runner {
    fn deliver(&mut self, message: &Message) -> Result<(), Failed> {
        let failed = |error: io::Error| Failed::for_now(said(&error.to_string()));
        let input = format!("{}\n", message.json());
        let mut child = self.start(&message.id).map_err(failed)?;
        let mut talk = Talk::new(&mut child, input.into_bytes());
        let deadline = Instant::now() + self.timeout;
        let ended = talk.until(&mut child, deadline);
        if !matches!(ended, Ok(Some(_))) {
            // it is not reaped yet, so the number is still its own
            if let Ok(group) = i32::try_from(child.id()) {
                let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        let status = ended.map_err(failed)?;
        match status {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(Failed::for_now(talk.why(&status.to_string()))),
            None => Err(Failed::for_now(talk.why("took too long and was killed"))),
        }
    }
}

/// What is said to a program and what it answers, without ever waiting for it.
struct Talk {
    stdin: Option<ChildStdin>,
    stderr: Option<ChildStderr>,
    input: Vec<u8>,
    written: usize,
    heard: Vec<u8>,
}

impl Talk {
    fn new(child: &mut Child, input: Vec<u8>) -> Talk {
        let talk = Talk {
            stdin: child.stdin.take(),
            stderr: child.stderr.take(),
            input,
            written: 0,
            heard: Vec::new(),
        };
        // if that fails, the pipe still takes what it has room for
        if let Some(stdin) = &talk.stdin {
            let _ = fcntl(stdin, FcntlArg::F_SETFL(OFlag::O_NONBLOCK));
        }
        if let Some(stderr) = &talk.stderr {
            let _ = fcntl(stderr, FcntlArg::F_SETFL(OFlag::O_NONBLOCK));
        }
        talk
    }

    /// How it ended; None: not before the deadline.
    fn until(&mut self, child: &mut Child, deadline: Instant) -> io::Result<Option<ExitStatus>> {
        loop {
            self.write();
            self.read();
            if let Some(status) = child.try_wait()? {
                self.read();
                return Ok(Some(status));
            }
            let now = Instant::now();
            if now >= deadline {
                return Ok(None);
            }
            self.wait(deadline - now);
        }
    }

    fn wait(&self, most: Duration) {
        let mut files = Vec::new();
        if let Some(stdin) = &self.stdin {
            files.push(PollFd::new(stdin.as_fd(), PollFlags::POLLOUT));
        }
        if let Some(stderr) = &self.stderr {
            files.push(PollFd::new(stderr.as_fd(), PollFlags::POLLIN));
        }
        let most = u16::try_from(most.as_millis()).unwrap_or(u16::MAX).clamp(1, LOOK_MS);
        let _ = poll(&mut files, PollTimeout::from(most));
    }

    fn write(&mut self) {
        let Some(stdin) = &mut self.stdin else { return };
        match stdin.write(&self.input[self.written..]) {
            Ok(count) => self.written += count,
            Err(error) if is_later(&error) => return,
            // a program that does not read may be content all the same: its exit status says
            Err(_) => self.written = self.input.len(),
        }
        if self.written >= self.input.len() {
            self.stdin = None;
        }
    }

    fn read(&mut self) {
        let Some(stderr) = &mut self.stderr else { return };
        let mut buffer = [0; 4096];
        match stderr.read(&mut buffer) {
            Ok(0) => self.stderr = None,
            Ok(count) => {
                let room = STDERR_BYTES_MAX.saturating_sub(self.heard.len());
                self.heard.extend_from_slice(&buffer[..count.min(room)]);
            }
            Err(error) if is_later(&error) => {}
            Err(_) => self.stderr = None,
        }
    }

    fn why(&self, what: &str) -> String {
        match self.heard.is_empty() {
            true => what.to_owned(),
            false => said(&format!("{what}: {}", String::from_utf8_lossy(&self.heard))),
        }
    }
}

fn is_later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
