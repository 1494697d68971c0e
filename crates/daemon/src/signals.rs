//! Signals of the system as something that the engine can wait for together with everything else.
//!
//! SIGTERM and SIGINT ask for the end, SIGHUP asks to read the configuration anew. The handlers set a flag and then write a
//! byte into a socket, in this order, so that whoever empties the socket first and looks at the flags afterwards misses
//! nothing.

use std::io::{self, Read as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use signal_hook::SigId;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

/// Exit status of a shell's command that ended by SIGINT: 128 and the number of the signal.
const INTERRUPTED: i32 = 130;

/// What was asked for since somebody looked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// End: SIGTERM or SIGINT. Stays true once it is.
    pub stop: bool,
    /// Read the configuration anew: SIGHUP.
    pub reload: bool,
}

/// Takes SIGTERM, SIGINT and SIGHUP as long as it lives.
#[derive(Debug)]
pub struct Signals {
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
    /// Readable when a signal came.
    awake: UnixStream,
    handlers: Vec<SigId>,
}

impl Signals {
    /// Takes the signals from now on. A second SIGINT ends the program at once: nothing is lost by that, because what was
    /// not committed is read again.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn new() -> io::Result<Signals> {
        let (awake, wake) = UnixStream::pair()?;
        awake.set_nonblocking(true)?;
        wake.set_nonblocking(true)?;
        let mut signals = Signals {
            stop: Arc::default(),
            reload: Arc::default(),
            awake,
            handlers: Vec::new(),
        };
        let interrupted = Arc::new(AtomicBool::new(false));
        // the actions of a signal run in the order in which they were registered
        signals.keep(flag::register_conditional_shutdown(
            SIGINT,
            INTERRUPTED,
            Arc::clone(&interrupted),
        )?);
        signals.keep(flag::register(SIGINT, interrupted)?);
        for (signal, asked) in [
            (SIGINT, Arc::clone(&signals.stop)),
            (SIGTERM, Arc::clone(&signals.stop)),
            (SIGHUP, Arc::clone(&signals.reload)),
        ] {
            signals.keep(flag::register(signal, asked)?);
            signals.keep(low_level::pipe::register(signal, wake.try_clone()?)?);
        }
        Ok(signals)
    }

    fn keep(&mut self, handler: SigId) {
        self.handlers.push(handler);
    }

    /// What was asked for since the last call. Does not wait.
    pub fn take(&self) -> Asked {
        let mut bytes = [0; 64];
        // emptied first: a signal that comes now is seen below or wakes us again
        while matches!((&self.awake).read(&mut bytes), Ok(count) if count > 0) {}
        Asked {
            stop: self.stop.load(Ordering::SeqCst),
            reload: self.reload.swap(false, Ordering::SeqCst),
        }
    }

    /// Waits until a signal came, or the time is over, and says what was asked for.
    pub fn wait(&self, at_most: Duration) -> Asked {
        let mut waited = [PollFd::new(self.awake.as_fd(), PollFlags::POLLIN)];
        let at_most = PollTimeout::try_from(at_most).unwrap_or(PollTimeout::MAX);
        // interrupted by a signal, most likely: then there is something to take
        let _ = poll(&mut waited, at_most);
        self.take()
    }

    /// Whether somebody asked for the end; costs one load, for loops that do not wait.
    pub fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// The flag behind `is_stopping`, for threads that outlive the borrow. Setting it ends the program as SIGTERM would, once
    /// somebody looks.
    pub fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }
}

/// Readable when a signal came, for `poll` together with other descriptors; then `take`.
impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.awake.as_fd()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for handler in self.handlers.drain(..) {
            low_level::unregister(handler);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    /// One test: signals are of the whole process.
    #[test]
    fn what_was_asked_is_told_once_and_the_end_stays() {
        let signals = Signals::new().expect("the system takes handlers");
        assert_eq!(signals.take(), Asked::default());
        assert_eq!(signals.wait(Duration::ZERO), Asked::default());

        low_level::raise(SIGHUP).expect("SIGHUP");
        let reload = Asked {
            stop: false,
            reload: true,
        };
        assert_eq!(signals.wait(LONG), reload);
        assert_eq!(signals.take(), Asked::default(), "told once");

        // many are one
        for _ in 0..10_000 {
            low_level::raise(SIGHUP).expect("SIGHUP");
        }
        assert_eq!(signals.wait(LONG), reload);
        assert_eq!(signals.wait(Duration::ZERO), Asked::default());

        low_level::raise(SIGTERM).expect("SIGTERM");
        low_level::raise(SIGINT).expect("SIGINT");
        assert!(signals.is_stopping());
        let stop = Asked {
            stop: true,
            reload: false,
        };
        assert_eq!(signals.wait(LONG), stop);
        assert_eq!(signals.take(), stop, "stays");
    }
}
