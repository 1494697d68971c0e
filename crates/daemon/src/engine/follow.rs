//! The following thread: files and the journal, as they grow.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tunlog_ingest::{Arrival, Feed, FollowConfig, Follower, Options, Position, Problem, What};

use crate::intake::{Intake, Refused};
use crate::log::{Log, value};

/// How long nothing must come before all that was there at the start counts as read: the journal is read by another program.
const SETTLED: Duration = Duration::from_millis(200);

/// The same where it is never quiet: so long after the start, once nothing more waits, and in any case.
const PATIENCE: Duration = Duration::from_secs(3);
const PATIENCE_MAX: Duration = Duration::from_secs(60);
/// How long to wait for room in the queue before looking again.
const FULL: Duration = Duration::from_millis(5);

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

/// What a following thread leaves to the next one.
pub struct Left {
    /// How far each source was handed on.
    pub saved: BTreeMap<String, Vec<u8>>,
    /// What still is to be said when all that was there at the start is read.
    pub caught_up: Option<Arc<Feed>>,
}

/// Follows until it is stopped.
pub fn follow(mut following: Following<'_>) -> Left {
    let began = Instant::now();
    let mut quiet_since = None;
    loop {
        let mut came = false;
        let mut over = false;
        let more = {
            let Following {
                follower,
                intake,
                stop,
                saved,
                ..
            } = &mut following;
            follower.poll(&mut |arrival| {
                came = true;
                let positions = arrival.positions.clone();
                // what was not handed on is read again by whoever comes next
                over = over || !hand_on(intake, arrival, stop);
                if !over {
                    remember(saved, positions);
                }
            })
        };
        if over || following.stop.load(Ordering::Relaxed) {
            return Left {
                saved: following.saved,
                caught_up: following.caught_up,
            };
        }
        let mut until = None;
        if following.caught_up.is_some() {
            if came {
                quiet_since = None;
            }
            let since = *quiet_since.get_or_insert_with(Instant::now);
            // on a busy machine it is never quiet: what comes later is late, but told
            let is_read =
                since.elapsed() >= SETTLED || !more && began.elapsed() >= PATIENCE || began.elapsed() >= PATIENCE_MAX;
            if is_read && let Some(feed) = following.caught_up.take() {
                let ended = Arrival {
                    feed,
                    what: What::End,
                    positions: Vec::new(),
                };
                let _ = following.intake.send(ended);
                continue;
            }
            until = Some(Instant::now() + SETTLED);
        }
        if more {
            continue;
        }
        if let Err(error) = following.follower.wait(until, following.wake.as_fd()) {
            following
                .log
                .error("cannot wait for files", &[("problem", value(error))]);
            std::thread::sleep(SETTLED);
        }
    }
}

/// Puts an arrival into the queue; waits for room until it is stopped. False if it was not taken.
fn hand_on(intake: &Intake, mut arrival: Arrival, stop: &AtomicBool) -> bool {
    loop {
        arrival = match intake.try_send(arrival) {
            Ok(()) => return true,
            Err(Refused::Closed(_)) => return false,
            Err(Refused::Full(arrival)) => arrival,
        };
        if stop.load(Ordering::Relaxed) {
            return false;
        }
        std::thread::sleep(FULL);
    }
}

fn remember(saved: &mut BTreeMap<String, Vec<u8>>, positions: Vec<Position>) {
    for position in positions {
        match position.value {
            Some(value) => drop(saved.insert(position.key, value)),
            None => drop(saved.remove(&position.key)),
        }
    }
}
