//! `tunlog import`, `tunlog store` and `tunlog status`: logs that are kept.

pub mod args;
mod import;
mod init;
mod keep;
mod live;
mod pins;
mod seal;
mod status;

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tunlog_daemon::reach;
use tunlog_report::{Format, Look};
use tunlog_store::{Store, StoreError};

use self::args::{FormArgs, StoreCommand};
use crate::args::ServeArgs;
use crate::command::serve;
use crate::config;
use crate::output::{Failure, tell, wants_color};

pub use import::run as import;
pub use keep::size;
pub use status::run as status;

/// How long a command waits for witnesses beyond the network.
const WITNESS_PATIENCE: Duration = Duration::from_secs(10);

/// Runs `tunlog store …`.
///
/// # Errors
/// What was typed wrong, or what the store says.
pub fn run(command: &StoreCommand) -> Result<u8, Failure> {
    match command {
        StoreCommand::Init(args) => init::run(args),
        StoreCommand::Verify(args) => seal::run_verify(args),
        StoreCommand::Prove(args) => seal::run_prove(args),
        StoreCommand::Checkpoint(args) => seal::run_checkpoint(args),
        StoreCommand::Retain(args) => keep::run_retain(args),
        StoreCommand::Export(args) => keep::run_export(args),
        StoreCommand::Backup(args) => keep::run_backup(args),
    }
}

/// Shows the witnesses of a store what they have not seen, and tells who could not be; whether there was one. Log servers by TLS are
/// trusted as `[store]` of the machine's configuration says.
fn show_witnesses(store: &mut Store) -> Result<bool, StoreError> {
    // without a configuration that can be read it is the system's list
    let trust = serve::configured(ServeArgs::default()).map(|config| config.store.trust());
    store.reach_by(reach::by_tls(trust.unwrap_or_default()));
    let failed = store.show_witnesses_within(WITNESS_PATIENCE)?;
    failed.iter().for_each(|error| tell(&format!("witness {error}")));
    Ok(!failed.is_empty())
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::Message(error.to_string())
    }
}

/// The present, microseconds UTC.
fn now() -> i64 {
    Timestamp::now().as_microsecond()
}

fn format_of(form: &FormArgs) -> Result<Format, Failure> {
    match (form.json, form.output) {
        (true, _) => Ok(Format::Jsonl),
        (false, Some(output)) => config::format(output),
        (false, None) => Ok(Format::Table),
    }
}

fn look_of(form: &FormArgs) -> Look {
    Look {
        zone: TimeZone::try_system().unwrap_or(TimeZone::UTC),
        color: wants_color(form.color, false),
    }
}
