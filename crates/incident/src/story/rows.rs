//! What is told of attempts and accounts.

use std::net::IpAddr;

use tunlog_model::{Attempt, Outcome};

use crate::case::{AddressRole, Roles};

/// An attempt that belongs to the incident.
#[derive(Clone, Debug)]
pub struct Try {
    /// The attempt's id.
    pub id: u64,
    /// First event, microseconds UTC.
    pub started: i64,
    /// When it came up.
    pub up: Option<i64>,
    /// Last event; absent while open.
    pub ended: Option<i64>,
    /// Last sign.
    pub last: i64,
    /// The account.
    pub user: Option<Box<str>>,
    /// Where it came from.
    pub client_ip: Option<IpAddr>,
    /// The address is what the peer claims.
    pub claimed: bool,
    /// Its address inside the tunnel.
    pub assigned_ip: Option<IpAddr>,
    /// The gateway.
    pub gateway: Option<Box<str>>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it failed.
    pub cause: Option<&'static str>,
    /// Who decided.
    pub backend: Option<&'static str>,
    /// Bytes to the client and from it.
    pub bytes: (Option<u64>, Option<u64>),
    /// How many equal ones it stands for.
    pub times: u64,
    /// The role of its address.
    pub role: Option<AddressRole>,
}

impl Try {
    pub(super) fn of(attempt: &Attempt, roles: &Roles) -> Try {
        let client_ip = attempt.client_ip.or(attempt.claimed_ip);
        Try {
            id: attempt.id,
            started: attempt.started,
            up: attempt.up,
            ended: attempt.ended,
            last: attempt.last_seen,
            user: attempt.user.clone(),
            client_ip,
            claimed: attempt.client_ip.is_none() && client_ip.is_some(),
            assigned_ip: attempt.assigned_ip,
            gateway: attempt.gateway.clone(),
            outcome: attempt.outcome,
            cause: attempt.cause,
            backend: attempt.backend,
            bytes: (attempt.bytes_to_client, attempt.bytes_from_client),
            times: attempt.times.max(1),
            role: client_ip.and_then(|ip| roles.of(ip)),
        }
    }

    /// Whether it became a session.
    pub fn is_session(&self) -> bool {
        matches!(self.outcome, Outcome::Established | Outcome::Open)
    }

    /// Whether it came from an address of the incident.
    pub fn is_hostile(&self) -> bool {
        self.role.is_some()
    }

    /// Whether it came from an address that is known to attack.
    pub(super) fn is_attack(&self) -> bool {
        matches!(self.role, Some(AddressRole::Attacker | AddressRole::CompromisedSource))
    }
}

/// What is thought of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Somebody else got in.
    Compromised,
    /// Somebody else may have got in.
    Suspect,
    /// It was tried in vain.
    Tried,
    /// Nothing speaks against it.
    Unaffected,
}

impl Verdict {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Compromised => "compromised",
            Verdict::Suspect => "suspect",
            Verdict::Tried => "tried",
            Verdict::Unaffected => "unaffected",
        }
    }
}

/// An account with what happened to it.
#[derive(Clone, Debug)]
pub struct AccountRow {
    /// The account.
    pub user: String,
    /// What is thought of it.
    pub verdict: Verdict,
    /// Why.
    pub why: String,
    /// How often the attackers tried.
    pub tried: u64,
    /// How often they got in.
    pub succeeded: u64,
    /// First and last of their attempts.
    pub span: Option<(i64, i64)>,
    /// From where.
    pub sources: Vec<IpAddr>,
    /// Their sessions.
    pub sessions: Vec<u64>,
    /// Who decided its log-ins.
    pub backends: Vec<&'static str>,
}

/// A session that is not its account's owner's, or may not be.
#[derive(Clone, Debug)]
pub struct Stolen {
    /// The attempt that it is.
    pub id: u64,
    /// The account.
    pub user: String,
    /// From where.
    pub client_ip: Option<IpAddr>,
    /// Address inside the tunnel.
    pub assigned_ip: Option<IpAddr>,
    /// When the address was its own, microseconds UTC.
    pub from: i64,
    /// Until when.
    pub until: i64,
    /// It had not ended when the evidence ended.
    pub is_open: bool,
    /// What is thought of the account.
    pub verdict: Verdict,
    /// Its gateway.
    pub gateway: Option<Box<str>>,
    /// Bytes to the client and from it.
    pub bytes: (Option<u64>, Option<u64>),
}
