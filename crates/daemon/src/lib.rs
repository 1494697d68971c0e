//! Live operation: sources that are followed, records that are kept, findings that are told.
//!
//! Sources (each on its own thread, or on the one that waits for the network) send [`tunlog_ingest::Arrival`]s into one
//! bounded queue. The keeping thread decodes them, and commits records and positions together. The watching thread joins
//! what was committed into attempts, looks for attacks, and tells every [`Listener`].

pub mod config;
mod crowd;
pub mod engine;
pub mod intake;
pub mod listen;
pub mod log;
pub mod metrics;
pub mod notify;
pub mod reach;
mod secret;
mod serve;
pub mod service;
pub mod signals;
pub mod state;
pub mod told;
pub mod validity;
pub mod web;

pub use intake::{Arrivals, Closed, Depth, Intake, Next, Refused};
pub use serve::{MakePlaces, Setup, serve};
pub use state::State;
pub use told::{Hearing, Listener, Told};
