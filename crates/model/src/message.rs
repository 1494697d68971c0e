//! What the catalogue knows of one message.

use crate::{EndReason, EventKind, Layer, Severity};

/// What a dialect's writer is to a connection: the side of an attempt that its events belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// None: its events are shown, not joined.
    None,
    /// The PPP daemon: one process, one link.
    Ppp,
    /// The PPTP daemon: one process, one control connection.
    Pptp,
    /// The L2TP daemon: one process, many tunnels.
    L2tp,
    /// The IKE daemon.
    Ike,
    /// A RADIUS server.
    Radius,
    /// A packet filter.
    Firewall,
    /// The operating system.
    System,
    /// One program that is the whole gateway: tunnels, PPP and accounts (accel-ppp, a router, a firewall appliance).
    Server,
    /// A client's own tunnel program: it calls a gateway (pptp-linux).
    Caller,
}

impl Role {
    /// Every role with its word in dialect files.
    pub const ALL: &[(Role, &str)] = &[
        (Role::None, "none"),
        (Role::Ppp, "ppp"),
        (Role::Pptp, "pptp"),
        (Role::L2tp, "l2tp"),
        (Role::Ike, "ike"),
        (Role::Radius, "radius"),
        (Role::Firewall, "firewall"),
        (Role::System, "system"),
        (Role::Server, "server"),
        (Role::Caller, "caller"),
    ];

    /// The role that a word names.
    pub fn from_word(word: &str) -> Option<Role> {
        crate::value_of(Self::ALL, word)
    }
}

/// One entry of the catalogue. Its identity is (dialect, id), never its text.
#[derive(Clone, Debug)]
pub struct Message {
    /// The contract's dialect name.
    pub dialect: &'static str,
    /// What its writer is to a connection.
    pub role: Role,
    /// Slug or vendor code, unique within the dialect.
    pub id: &'static str,
    /// Syslog severity as the writer logs it.
    pub severity: Severity,
    /// The layer it belongs to.
    pub layer: Layer,
    /// What kind of thing it tells.
    pub kind: EventKind,
    /// The contract's cause that this message speaks for, if it does.
    pub blames: Option<&'static str>,
    /// The contract's end reason that this message proves, if it does.
    pub end_reason: Option<EndReason>,
    /// Only the calling side writes this: its writer is no gateway for this connection.
    pub calling: bool,
    /// The line holds a secret (password, challenge and response): redact its text.
    pub secret: bool,
    /// Whether an attempt may be made of it or explained by it; the rest is only counted when attempts are asked for.
    pub concerns_attempts: bool,
    /// The templates, the main one first; empty for shapes without templates.
    pub templates: &'static [&'static str],
    /// What it means.
    pub meaning: &'static str,
    /// Likely cause, or "none".
    pub cause: &'static str,
    /// Recommended action, or "none".
    pub action: &'static str,
    /// Where the fact comes from (daemon source file, RFC, lab).
    pub source: &'static str,
    /// Versions of the daemon that write it, if known.
    pub versions: &'static str,
}
