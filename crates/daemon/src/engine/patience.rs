//! A store that refuses for now: a full disk, an error of the disk, no more open files. Whoever keeps waits and tries again,
//! and says so; nothing that was taken in is lost meanwhile, because nothing more is taken.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tunlog_store::{ErrorKind, FullPolicy, StoreError};

use crate::log::{Log, value};
use crate::state::State;

/// How long to wait before the first further try; each one doubles it.
const FIRST: Duration = Duration::from_millis(500);
/// The longest wait: room that was made is used soon.
const LONGEST: Duration = Duration::from_secs(8);
/// How often it is looked whether to end.
const SLICE: Duration = Duration::from_millis(100);
/// How long it is tried on when somebody asked for the end: what is refused for a moment only is kept before it.
const GRACE: Duration = Duration::from_secs(2);

/// Tries again what the store refuses for now.
pub struct Patience<'a> {
    /// What a full disk means.
    pub full: FullPolicy,
    /// What is shown.
    pub state: &'a State,
    /// Where the daemon speaks of itself.
    pub log: &'a Log,
    /// Somebody asked for the end.
    pub stop: &'a AtomicBool,
    wait: Duration,
    /// How long it may still be tried once somebody asked for the end.
    grace: Duration,
    told: bool,
}

impl<'a> Patience<'a> {
    /// Nothing was refused yet.
    pub fn new(full: FullPolicy, (state, log, stop): (&'a State, &'a Log, &'a AtomicBool)) -> Patience<'a> {
        Patience {
            full,
            state,
            log,
            stop,
            wait: FIRST,
            grace: GRACE,
            told: false,
        }
    }

    /// Does something until it works.
    ///
    /// # Errors
    /// If no waiting helps, the policy wants no waiting, or somebody asked for the end.
    pub fn until<T>(mut self, mut attempt: impl FnMut() -> Result<T, StoreError>) -> Result<T, StoreError> {
        loop {
            match attempt() {
                Ok(done) => {
                    self.over();
                    return Ok(done);
                }
                Err(error) => self.refused(error)?,
            }
        }
    }

    /// Something was refused: says so, and waits.
    ///
    /// # Errors
    /// As `until`.
    pub fn refused(&mut self, error: StoreError) -> Result<(), StoreError> {
        let error = self.tell(error)?;
        let mut left = self.wait;
        while !left.is_zero() {
            if self.stop.load(Ordering::Relaxed) && !self.grace.is_zero() {
                self.grace -= SLICE;
                thread::sleep(SLICE);
                return Ok(());
            }
            if self.stop.load(Ordering::Relaxed) {
                let cause = format!("{}: what was not kept is read again from its sources", error.cause);
                return Err(StoreError { cause, ..error });
            }
            let slice = left.min(SLICE);
            thread::sleep(slice);
            left -= slice;
        }
        self.wait = (self.wait * 2).min(LONGEST);
        Ok(())
    }

    /// Says that something was refused, once for all tries.
    ///
    /// # Errors
    /// If no waiting helps, or the policy wants none.
    pub fn tell(&mut self, error: StoreError) -> Result<StoreError, StoreError> {
        self.state.keep(|keeping| {
            keeping.refused += 1;
            keeping.problem = Some(error.to_string());
        });
        if !error.may_pass() || self.full == FullPolicy::Stop {
            return Err(error);
        }
        if !std::mem::replace(&mut self.told, true) {
            let words = match error.kind {
                ErrorKind::Full => "the disk is full: sources wait until there is room",
                _ => "the store cannot be written: sources wait, and it is tried again",
            };
            self.log.error(words, &[("problem", value(&error))]);
        }
        Ok(error)
    }

    /// It works again.
    pub fn over(&self) {
        if self.told {
            self.state.keep(|keeping| keeping.problem = None);
            self.log.info("the store can be written again: records are kept", &[]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn refused(kind: ErrorKind) -> StoreError {
        StoreError::new(kind, Path::new("working.db"), "no")
    }

    /// What comes of trying while the first tries are refused, how many there were, and what is shown then.
    fn tried(full: FullPolicy, kind: ErrorKind, times: u64, stop: bool) -> (Result<u64, StoreError>, u64, State) {
        let (state, log, stop) = (
            State::new(0),
            Log::new(&crate::log::Config::default()),
            AtomicBool::new(stop),
        );
        let mut tries = 0;
        let ended = Patience::new(full, (&state, &log, &stop)).until(|| {
            tries += 1;
            match tries > times {
                true => Ok(tries),
                false => Err(refused(kind)),
            }
        });
        (ended, tries, state)
    }

    #[test]
    fn what_may_pass_is_tried_again_and_shown() {
        for kind in [ErrorKind::Io, ErrorKind::Full, ErrorKind::Busy] {
            let (ended, tries, state) = tried(FullPolicy::Block, kind, 1, false);
            assert_eq!((ended, tries), (Ok(2), 2), "{kind:?}");
            let keeping = state.keeping();
            assert_eq!((keeping.refused, keeping.problem), (1, None), "{kind:?}");
        }
    }

    #[test]
    fn what_does_not_pass_ends_it_and_so_do_the_policy_and_the_end() {
        let block = FullPolicy::Block;
        for (full, kind) in [
            (block, ErrorKind::Corrupt),
            (block, ErrorKind::Apart),
            (FullPolicy::Stop, ErrorKind::Io),
        ] {
            let (ended, tries, state) = tried(full, kind, 9, false);
            assert_eq!((ended, tries), (Err(refused(kind)), 1));
            assert_eq!(state.keeping().problem.as_deref(), Some("working.db: no"));
        }
        let (ended, tries, _) = tried(block, ErrorKind::Busy, 9, true);
        assert_eq!((ended, tries), (Ok(10), 10), "busy for a moment");
        let (ended, tries, _) = tried(block, ErrorKind::Full, u64::MAX, true);
        let error = ended.expect_err("the end");
        assert_eq!((error.kind, tries), (ErrorKind::Full, 21));
        assert!(error.cause.contains("read again"), "{error}");
    }
}
