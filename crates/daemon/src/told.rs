//! What the watching side of the daemon tells: one enum and one trait, so that metrics, notifications, the history and
//! whoever comes next hear the same, in the same order.

use std::time::Instant;

use tunlog_analysis::detect::Finding;
use tunlog_model::{Attempt, Event, RecordTime};
use tunlog_pipeline::Sources;

/// Something happened.
#[derive(Clone, Copy)]
pub enum Told<'a> {
    /// A message that was understood.
    Event(&'a Event<'a>),
    /// A session came up (as it stands), told once, at once. It comes again as `Closed` when it ends.
    Opened(&'a Attempt),
    /// An attempt is over: it failed, or its session ended. Told once, at the line that decides it.
    Closed(&'a Attempt),
    /// The final form of an attempt that was told as closed: lines that came up to a minute later may have added to it.
    Settled(&'a Attempt),
    /// An attack, or something strange.
    Found(&'a Finding),
    /// Records were lost: how many, if known.
    Lost(Option<u64>, RecordTime),
    /// Nothing happened; time passed.
    Tick,
}

/// Around what is told.
pub struct Hearing<'a> {
    /// Names of the sources that evidence speaks of.
    pub sources: &'a Sources,
    /// The present, microseconds UTC.
    pub now: i64,
    /// When the bytes were read that this comes of; for measuring.
    pub read: Instant,
    /// It is told again because the daemon was started anew: it goes into state, but nobody is to be bothered with it.
    pub replayed: bool,
}

/// Who hears it. Called on the watching thread, in order: whatever takes long (network, disk) is done elsewhere.
pub trait Listener: Send {
    /// Something happened.
    fn hear(&mut self, told: Told<'_>, hearing: &Hearing<'_>);

    /// Whether what was heard is where a killed process leaves it. The history says that something was told only when
    /// everybody has it: else nobody would tell it again.
    fn has_kept(&self) -> bool {
        true
    }
}
