//! What metrics ask of the parts that know.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tunlog_store::Reader;

use crate::listen::interfaces;
use crate::metrics::{self, AskHealth, ChannelHealth, HashUser, Health, InterfaceBytes, StoreHealth};
use crate::notify::ChannelCounts;
use crate::state::State;

/// Tells how notifications do.
pub type AskChannels = Box<dyn Fn() -> Vec<ChannelCounts> + Send + Sync>;

/// Tells how many addresses are blocked, if anybody knows.
pub type AskBanned = Arc<dyn Fn() -> Option<u64> + Send + Sync>;

/// Whom metrics ask.
pub fn asked(state: Arc<State>, folder: Option<PathBuf>, channels: AskChannels, banned: AskBanned) -> AskHealth {
    Box::new(move || Health {
        store: folder.as_ref().and_then(|folder| store(folder)),
        channels: channels().into_iter().map(channel).collect(),
        banned: banned(),
        interfaces: interfaces::ppp()
            .into_iter()
            .map(|(name, counters)| InterfaceBytes {
                name,
                received: counters.bytes_from_client,
                sent: counters.bytes_to_client,
            })
            .collect(),
        host: host(),
        ..Health::of(&state)
    })
}

/// What stands for users' names, where these are not to be told; its key stays in the store.
///
/// # Errors
/// If the key cannot be read or written.
pub fn hash(config: &metrics::Config, folder: Option<&Path>) -> Result<Option<HashUser>, String> {
    let folder = folder.filter(|_| config.hash_users);
    folder.map(metrics::hash_kept_in).transpose()
}

fn store(folder: &Path) -> Option<StoreHealth> {
    let status = Reader::open(folder).and_then(|reader| reader.status()).ok()?;
    Some(StoreHealth::of(&status))
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
