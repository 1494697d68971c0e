//! What metrics are told by others when they are asked for: the state of sources, store and notifications.

use tunlog_model::Protocol;
use tunlog_store::StoreStatus;

use crate::state::State;

/// How one source does.
#[derive(Clone, Debug, Default)]
pub struct SourceHealth {
    /// Its name, as evidence calls it.
    pub name: String,
    /// Whether it can be read.
    pub up: bool,
    /// Lines that were understood.
    pub parsed: u64,
    /// Lines of no VPN daemon, and those that continue a record.
    pub filtered: u64,
    /// Lines of VPN daemons that nobody understood.
    pub unknown: u64,
    /// Damaged lines.
    pub error: u64,
    /// Records that are known to be lost.
    pub lost: u64,
}

/// What lies in the store.
#[derive(Clone, Debug, Default)]
pub struct StoreHealth {
    /// Records in sealed segments.
    pub sealed: u64,
    /// Records that are not sealed yet.
    pub open: u64,
    /// Segments that are there.
    pub segments: u64,
    /// Segments that retention removed.
    pub removed: u64,
    /// Segments that cannot be read.
    pub set_aside: u64,
    /// Bytes of the segments.
    pub bytes: u64,
    /// When it was sealed last, microseconds UTC.
    pub checkpoint: Option<i64>,
    /// Records that were given up because the disk was full.
    pub dropped: u64,
}

/// How one channel of notifications does.
#[derive(Clone, Debug, Default)]
pub struct ChannelHealth {
    /// Its name in the configuration.
    pub name: String,
    /// Sent.
    pub sent: u64,
    /// Tries that failed and will be repeated.
    pub failed: u64,
    /// Given up.
    pub given_up: u64,
    /// Waiting.
    pub waiting: u64,
}

/// What an interface has counted since it came up.
#[derive(Clone, Debug, Default)]
pub struct InterfaceBytes {
    /// `ppp0`.
    pub name: String,
    /// Bytes from the client.
    pub received: u64,
    /// Bytes to the client.
    pub sent: u64,
}

/// All of it. What is not known is left empty and is not told.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// The sources.
    pub sources: Vec<SourceHealth>,
    /// Attempts that have no outcome yet, by protocol.
    pub starting: Option<Vec<(Option<Protocol>, u64)>>,
    /// Whether what was there at the start is taken in; None where nobody starts.
    pub ready: Option<bool>,
    /// How often the system refused to write the store.
    pub refused: u64,
    /// Addresses that are blocked, by the ledger.
    pub banned: Option<u64>,
    /// The store, if there is one.
    pub store: Option<StoreHealth>,
    /// Channels of notifications.
    pub channels: Vec<ChannelHealth>,
    /// This machine's PPP interfaces.
    pub interfaces: Vec<InterfaceBytes>,
    /// This machine's name as its logs write it: only its own sessions are compared with its interfaces.
    pub host: Option<String>,
}

impl Health {
    /// What the daemon shows of its sources; the rest is for those who know it to fill in.
    pub fn of(state: &State) -> Health {
        let source = |(name, source): (String, crate::state::SourceState)| SourceHealth {
            name,
            // what is over is no trouble: a generation of a log, a peer that left
            up: source.ended || source.problem.is_none(),
            parsed: source.counts.stored,
            filtered: source.counts.filtered,
            unknown: source.counts.unparsed,
            error: source.counts.rejected,
            lost: source.counts.lost,
        };
        Health {
            sources: state.sources().into_iter().map(source).collect(),
            starting: Some(state.watching().starting_of),
            ready: Some(state.watching().caught_up),
            refused: state.keeping().refused,
            ..Health::default()
        }
    }
}

impl StoreHealth {
    /// Of a store's figures.
    pub fn of(status: &StoreStatus) -> StoreHealth {
        StoreHealth {
            sealed: status.sealed,
            open: status.open,
            segments: status.segments,
            removed: status.removed,
            set_aside: status.set_aside,
            bytes: status.bytes,
            checkpoint: status.checkpoint_time,
            dropped: status.dropped,
        }
    }
}
