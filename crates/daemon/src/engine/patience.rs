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
