//! What metrics ask of the parts that know.

use std::path::PathBuf;
use std::sync::Arc;

use tunlog_store::Reader;

use crate::listen::interfaces;
use crate::metrics::{AskHealth, ChannelHealth, Health, InterfaceBytes, SourceHealth, StoreHealth};
use crate::notify::ChannelCounts;
use crate::state::State;

/// Tells how notifications do.
pub type AskChannels = Box<dyn Fn() -> Vec<ChannelCounts> + Send + Sync>;

/// Whom metrics ask.
pub fn asked(state: Arc<State>, folder: Option<PathBuf>, channels: AskChannels) -> AskHealth {
    Box::new(move || Health {
        sources: sources(&state),
        store: folder.as_ref().and_then(|folder| store(folder)),
        channels: channels().into_iter().map(channel).collect(),
        interfaces: interfaces::ppp()
            .into_iter()
            .map(|(name, counters)| InterfaceBytes {
                name,
                received: counters.bytes_from_client,
                sent: counters.bytes_to_client,
            })
            .collect(),
        host: host(),
        ..Health::default()
    })
}

fn sources(state: &State) -> Vec<SourceHealth> {
    let sources = state.sources().into_iter().filter(|(_, source)| !source.ended);
    sources
        .map(|(name, source)| SourceHealth {
            name,
            up: source.problem.is_none(),
            parsed: source.counts.stored,
            filtered: source.counts.filtered,
            unknown: source.counts.unparsed,
            error: source.counts.rejected,
            lost: source.counts.lost,
        })
        .collect()
}

fn store(folder: &std::path::Path) -> Option<StoreHealth> {
    let status = Reader::open(folder).and_then(|reader| reader.status()).ok()?;
    Some(StoreHealth {
        sealed: status.sealed,
        open: status.open,
        segments: status.segments,
        removed: status.removed,
        set_aside: status.set_aside,
        bytes: status.bytes,
        checkpoint: status.checkpoint_time,
        dropped: status.dropped,
    })
}

fn channel(counts: ChannelCounts) -> ChannelHealth {
    ChannelHealth {
        name: counts.name,
        sent: counts.sent,
        failed: counts.failed,
        given_up: counts.given_up,
        waiting: counts.waiting,
    }
}

/// This machine's name as its logs write it.
fn host() -> Option<String> {
    nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok())
        .map(|name| name.split('.').next().unwrap_or_default().to_owned())
        .filter(|name| !name.is_empty())
}
