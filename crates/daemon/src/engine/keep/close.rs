//! What the keeping thread does when nothing comes, or enough did: segments are closed, what is too old goes, sources that are
//! gone are forgotten, witnesses are shown what was sealed.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tunlog_store::FullPolicy;

use super::{Ended, FORGET_EVERY, Keep, now};
use crate::log::value;

/// How long after a close that failed the next one is tried, where meanwhile more is taken in.
const CLOSE_AGAIN: Duration = Duration::from_secs(5);
/// Microseconds without a new checkpoint after which one is written although nothing came: so that a cut tail shows.
const HEARTBEAT: i64 = 3600 * 1_000_000;

impl Keep<'_> {
    /// How long to wait at most for an arrival: until the open segment or a heartbeat is due.
    pub(super) fn due(&self) -> Option<Duration> {
        let store = self.kit.store.as_ref()?;
        let heartbeat = self.last_checkpoint.saturating_add(HEARTBEAT);
        let others = [store.due_at(), self.kit.retention.due_at()];
        let due = others.into_iter().flatten().fold(heartbeat, i64::min);
        Some(Duration::from_micros(due.saturating_sub(now()).max(0) as u64))
    }

    pub(super) fn close_if_due(&mut self) -> Ended {
        let mut patience = self.patience();
        let Some(store) = &mut self.kit.store else {
            return Ok(());
        };
        let now = now();
        let heartbeat = now.saturating_sub(self.last_checkpoint) >= HEARTBEAT;
        let is_early = self.close_after.is_some_and(|after| Instant::now() < after);
        if is_early || (!store.is_due(now) && !heartbeat) {
            return Ok(());
        }
        // tried again before anything is added: a close that failed in its middle is finished as it was begun
        let closed = loop {
            match store.close(now, heartbeat) {
                Ok(closed) => break closed,
                // what is committed stays in the open segment, and is sealed when that works
                Err(error) if self.kit.full == FullPolicy::DropOldestUnsealed && !store.is_unsettled() => {
                    patience.tell(error)?;
                    self.close_after = Some(Instant::now() + CLOSE_AGAIN);
                    return Ok(());
                }
                // the same, and what is in memory is committed already
                Err(error) if error.may_pass() && self.kit.stop.load(Ordering::Relaxed) => return Ok(()),
                Err(error) => patience.refused(error)?,
            }
        };
        patience.over();
        if self.close_after.take().is_some() {
            self.kit.state.keep(|keeping| keeping.problem = None);
        }
        if let Some(number) = closed {
            self.kit.state.keep(|keeping| keeping.checkpoints = number + 1);
        }
        self.last_checkpoint = now;
        self.show_witnesses();
        Ok(())
    }

    /// Removes what is too old, now and then.
    pub(super) fn remove_if_due(&mut self) {
        self.forget_if_due();
        let Some(store) = &mut self.kit.store else { return };
        let now = now();
        match self.kit.retention.run(store, now) {
            Ok(None) => {}
            Ok(Some(gone)) => {
                let rows: u64 = gone.rows.iter().map(|line| line.rows).sum();
                let values = [
                    ("segments", value(gone.segments.len())),
                    ("rows", value(rows)),
                    ("checkpoint", value(gone.checkpoint.unwrap_or_default())),
                ];
                self.kit.log.info("what was too old is gone", &values);
                self.last_checkpoint = now;
                self.show_witnesses();
            }
            Err(error) => self.kit.log.error(
                "what is too old could not be removed: it is tried again in an hour",
                &[("problem", value(error))],
            ),
        }
    }

    /// Forgets peers and pipes that nothing speaks of any more, at the first chance after an hour: nobody is woken for it.
    fn forget_if_due(&mut self) {
        let (Some(store), Some(keeper)) = (&mut self.kit.store, &self.keeper) else {
            return;
        };
        if self.forgot.elapsed() < FORGET_EVERY {
            return;
        }
        self.forgot = Instant::now();
        match store.forget_gone(&keeper.live()) {
            Ok(gone) if gone.is_empty() => {}
            Ok(gone) => {
                let gone: HashSet<u64> = gone.into_iter().collect();
                self.known.retain(|_, known| !gone.contains(&known.source));
                let values = [("sources", value(gone.len()))];
                self.kit.log.info("sources that are gone were forgotten", &values);
            }
            Err(error) => self.kit.log.warning(
                "sources that are gone could not be forgotten: it is tried again in an hour",
                &[("problem", value(error))],
            ),
        }
    }

    pub(super) fn show_witnesses(&mut self) {
        let Some(store) = &mut self.kit.store else { return };
        let failed = store.show_witnesses().unwrap_or_else(|error| vec![error]);
        for error in failed {
            self.kit.log.warning(
                "a witness was not shown a checkpoint: it is shown the next time",
                &[("problem", value(error))],
            );
        }
    }
}
