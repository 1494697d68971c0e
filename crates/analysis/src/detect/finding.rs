//! What a rule found: the contract's `finding`.

use std::net::IpAddr;

use tunlog_model::Evidence;
pub use tunlog_model::FindingSeverity as Severity;

use super::region::Network;

/// An account that was got into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The account.
    pub user: Box<str>,
    /// From where.
    pub client_ip: Option<IpAddr>,
    /// When, microseconds UTC.
    pub time: i64,
}

/// Most sources and users that one finding lists; `attempts` counts all.
pub const LISTED_MAX: usize = 500;
/// Most lines of evidence of one finding.
pub const EVIDENCE_MAX: usize = 12;

/// What was found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    /// How bad.
    pub severity: Severity,
    /// ATT&CK techniques.
    pub techniques: &'static [&'static str],
    /// Addresses of sockets, or networks that act as one.
    pub sources: Vec<Network>,
    /// The sources are what peers claim: no daemon took them from a socket.
    pub claimed: bool,
    /// Names that were tried or are concerned.
    pub users: Vec<Box<str>>,
    /// First and last attempt that it is made of, microseconds UTC.
    pub first: i64,
    /// The last one.
    pub last: i64,
    /// How many attempts.
    pub attempts: u64,
    /// Accounts that were got into.
    pub succeeded: Vec<Taken>,
    /// The event time at which it was known.
    pub alarm_time: i64,
    /// What was seen, which bar it crossed, and what would have been normal.
    pub summary: String,
    /// What to do.
    pub actions: &'static [&'static str],
    /// Lines that tell.
    pub evidence: Vec<Evidence>,
}
