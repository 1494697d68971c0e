//! Decisions as commands. Nothing here is carried out: what would be done is a value that can be shown, compared and
//! handed to whoever does it.
//!
//! A *plan* is an ordered list of steps, each an argument vector (never a line for a shell) with what it changes, and the
//! steps that undo it. The *guard* says which addresses are never blocked. The *ledger* is what was done. Times are
//! microseconds since 1970-01-01T00:00:00Z.

pub mod backend;
mod findings;
mod guard;
pub mod kick;
mod known;
mod ledger;
mod plan;
mod prefix;
mod request;
pub mod words;

pub use findings::{FindingLine, Offender};
pub use guard::{Guard, Latitude, Reason, Refusal};
pub use known::KnownLogins;
pub use ledger::{Action, Blocked, Entry, Ledger, Outcome};
pub use plan::{How, Plan, ProcessCheck, Step};
pub use prefix::Prefix;
pub use request::{Limits, Order, Planned, Standing, request};
