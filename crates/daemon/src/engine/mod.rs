//! The middle of the daemon: one thread keeps, one watches.

mod chronicle;
mod follow;
mod keep;
mod patience;
mod watch;

use std::path::PathBuf;
use std::sync::mpsc::SyncSender;

use tunlog_pipeline::Taken;

pub use chronicle::Chronicle;
pub use follow::{Following, Left, follow, follower};
pub use keep::{Kit, keep};
pub use watch::{Desk, Mood, watch};

/// Deliveries that wait for the watching thread: a quarter of a MiB each at most.
pub const WAITING: usize = 128;

/// What the keeping thread hands to the watching one.
pub enum Delivery {
    /// Names of sources that are new.
    Names(Vec<String>),
    /// The store is to be read, up to what is committed now.
    Replay {
        /// Where it lies.
        folder: PathBuf,
        /// The number that the next record gets.
        upto: u64,
        /// To be told when the store is open: what is committed later is not seen.
        opened: SyncSender<()>,
    },
    /// Events that came.
    Taken(Box<Taken>),
    /// Records were lost on the way (how many, if known; when, microseconds UTC).
    Lost(Option<u64>, i64),
}
