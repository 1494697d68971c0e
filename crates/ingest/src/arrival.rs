//! What live sources hand over: bytes as they come, and how far each source was read with them.
//!
//! Whoever follows, listens or captures sends [`Arrival`]s in the order in which they happened. Whoever keeps records commits
//! those of an arrival and its positions together, so that after a crash a source goes on exactly where its last kept
//! record ends.

use std::sync::Arc;

use crate::Problem;
use crate::framing::Framer;
use crate::source::Chunk;
use crate::time::Clock;

/// One stretch of evidence with line numbers of its own: a file (one generation of a rotated log), the journal, what one
/// peer sends to a listener.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Feed {
    /// Tells it from all others, and stays the same over restarts and renamings.
    pub key: Box<str>,
    /// What evidence calls it: a path, `journal`, `udp:0.0.0.0:514/192.0.2.1`.
    pub name: Box<str>,
    /// Which log it is part of: the generations of one rotated log are one set, whose order is that of their lines
    /// (see [`crate::set_name`]).
    pub set: Box<str>,
}

/// How far a source was read, in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Whose; usually a feed's `key`.
    pub key: String,
    /// What the source needs to go on from here; None: it is over and need not be remembered any longer.
    pub value: Option<Vec<u8>>,
}

/// Something came.
#[derive(Debug)]
pub struct Arrival {
    /// Where from.
    pub feed: Arc<Feed>,
    /// What it is.
    pub what: What,
    /// How far its source is read when this was taken in; committed together with it.
    pub positions: Vec<Position>,
}

/// What may come.
#[derive(Debug)]
pub enum What {
    /// A feed begins, or is gone on with after a restart: the clock for its stamps. Before anything else of it.
    Begin(Box<Clock>),
    /// Whole records.
    Chunk(Chunk, Framer),
    /// Bytes of a packet capture, cut anywhere. No clock is needed: packets have times of their own.
    Capture(Vec<u8>),
    /// Nothing but positions.
    Position,
    /// Records were lost on the way: how many, if anybody knows, and why.
    Lost(Option<u64>, String),
    /// Something to be told; the feed goes on.
    Problem(Problem),
    /// Nothing will come any more.
    End,
}
