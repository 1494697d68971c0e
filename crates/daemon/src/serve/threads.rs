//! Threads of the daemon: their names, their end, and the following one, which a reload replaces.

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Scope, ScopedJoinHandle};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tunlog_ingest::{FollowConfig, Follower};

use super::Daemon;
use super::network::Shutdown;
use crate::engine::{Following, Left, follow};
use crate::intake::Intake;
use crate::notify;

/// Ends the daemon when the thread that holds it ends, for whatever reason.
pub(super) struct EndsDaemon;

impl Drop for EndsDaemon {
    fn drop(&mut self) {
        let _ = kill(Pid::this(), Signal::SIGTERM);
    }
}

/// Starts a thread that can be told from others.
pub(super) fn named<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>, String> {
    let thread = thread::Builder::new().name(name.to_owned());
    thread
        .spawn_scoped(scope, work)
        .map_err(|error| format!("a thread: {error}"))
}

/// What a reload changes.
pub(super) type Parts<'p, 'scope> = (&'p mut FollowThread<'scope>, &'p Shutdown, &'p notify::Handle);

/// The following thread, which may be ended and followed by another.
pub(super) struct FollowThread<'scope> {
    /// What it follows.
    pub(super) config: FollowConfig,
    stop: Arc<AtomicBool>,
    wake: UnixStream,
    thread: Option<ScopedJoinHandle<'scope, Left>>,
}

impl<'scope> FollowThread<'scope> {
    pub(super) fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        daemon: &'env Daemon<'_>,
        (follower, config): (Follower, FollowConfig),
        intake: Intake,
        left: Left,
    ) -> Result<FollowThread<'scope>, String> {
        let (wake, woken) = UnixStream::pair().map_err(|error| format!("a socket pair: {error}"))?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = named(scope, "follow", move || {
            let ends = EndsDaemon;
            let left = follow(Following {
                follower,
                intake,
                caught_up: left.caught_up,
                wake: woken,
                stop: &stopped,
                log: &daemon.log,
                saved: left.saved,
            });
            // it was asked to, or nobody takes what it has
            std::mem::forget(ends);
            left
        })?;
        Ok(FollowThread {
            config,
            stop,
            wake,
            thread: Some(thread),
        })
    }

    /// Ends it; what it leaves to the next one.
    pub(super) fn end(&mut self) -> Result<Left, String> {
        use std::io::Write as _;
        self.stop.store(true, Ordering::SeqCst);
        let _ = self.wake.write_all(b"x");
        let ended = self.thread.take().map(ScopedJoinHandle::join);
        match ended {
            Some(Ok(left)) => Ok(left),
            _ => Err("following failed: a fault of this program".to_owned()),
        }
    }
}
