//! The following thread: files and the journal, as they grow.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tunlog_ingest::{Arrival, Feed, FollowConfig, Follower, Options, Position, Problem, What};

use crate::intake::Intake;
use crate::log::{Log, value};

/// How long nothing must come before all that was there at the start counts as read: the journal is read by another program.
const SETTLED: Duration = Duration::from_millis(200);

/// What the following thread works with.
pub struct Following<'a> {
    /// What is followed, and from where.
    pub follower: Follower,
    /// Where arrivals go.
    pub intake: Intake,
    /// To be ended once, when all that was there at the start is read.
    pub caught_up: Option<Arc<Feed>>,
    /// Ends the waiting.
    pub wake: UnixStream,
    /// To end.
    pub stop: &'a AtomicBool,
    /// Where the daemon speaks of itself.
    pub log: &'a Log,
    /// How far each source was handed on.
    pub saved: BTreeMap<String, Vec<u8>>,
}

/// A follower for what a configuration says, going on from what is saved.
///
/// # Errors
/// If the configuration cannot be followed.
pub fn follower(
    config: &FollowConfig,
    options: &Options,
    saved: &BTreeMap<String, Vec<u8>>,
) -> Result<Follower, Problem> {
    let saved = saved.iter().map(|(key, value)| Position {
        key: key.clone(),
        value: Some(value.clone()),
    });
    Follower::new(config, options, saved.collect())
}

/// Follows until it is stopped; how far each source was handed on, for the next one.
pub fn follow(mut following: Following<'_>) -> BTreeMap<String, Vec<u8>> {
    let mut closed = false;
    let mut quiet_since: Option<Instant> = None;
    loop {
        let (intake, saved) = (&following.intake, &mut following.saved);
        let mut came = false;
        let more = following.follower.poll(&mut |arrival| {
            came = true;
            for position in &arrival.positions {
                match &position.value {
                    Some(value) => drop(saved.insert(position.key.clone(), value.clone())),
                    None => drop(saved.remove(&position.key)),
                }
            }
            closed |= intake.send(arrival).is_err();
        });
        if closed || following.stop.load(Ordering::Relaxed) {
            return following.saved;
        }
        if more {
            continue;
        }
        let mut until = None;
        if let Some(feed) = &following.caught_up {
            let since = *quiet_since.get_or_insert_with(Instant::now);
            if came {
                quiet_since = None;
            } else if since.elapsed() >= SETTLED {
                let ended = Arrival {
                    feed: Arc::clone(feed),
                    what: What::End,
                    positions: Vec::new(),
                };
                let _ = following.intake.send(ended);
                following.caught_up = None;
                continue;
            }
            until = Some(Instant::now() + SETTLED);
        }
        if let Err(error) = following.follower.wait(until, following.wake.as_fd()) {
            following
                .log
                .error("cannot wait for files", &[("problem", value(error))]);
            std::thread::sleep(SETTLED);
        }
    }
}
