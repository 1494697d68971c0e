//! A connection attempt: what one client's try to connect came to, over all layers.

use std::net::IpAddr;

use crate::{Layer, SourceId};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$item:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$item])* $variant,)* }
        impl $name {
            /// Every value with the contract's word.
            pub const ALL: &[($name, &str)] = &[$(($name::$variant, $word),)*];
            /// The contract's word.
            pub fn word(self) -> &'static str { crate::word_of(Self::ALL, self) }
            /// The value that a word names.
            pub fn from_word(word: &str) -> Option<$name> { crate::value_of(Self::ALL, word) }
        }
    };
}

words! {
    /// The tunnel protocol.
    Protocol {
        /// RFC 2637.
        Pptp = "pptp",
        /// RFC 2661 in the clear.
        L2tp = "l2tp",
        /// RFC 3193: L2TP inside IPsec.
        L2tpIpsec = "l2tp-ipsec",
    }
}

words! {
    /// What became of an attempt.
    Outcome {
        /// It came up; it may have ended since.
        Established = "established",
        /// It is up and had not ended when the evidence ended.
        Open = "open",
        /// It did not come up.
        Failed = "failed",
        /// The evidence ends before an outcome.
        Unfinished = "unfinished",
    }
}

words! {
    /// How sure we are.
    Confidence {
        /// The log says so.
        Certain = "certain",
        /// The evidence points there.
        Likely = "likely",
        /// It could be.
        Possible = "possible",
    }
}

words! {
    /// Why a session ended (CONTRACT §3).
    EndReason {
        /// The client said goodbye.
        UserRequest = "user-request",
        /// Echo timeout, or hang-up without a terminate.
        PeerGone = "peer-gone",
        /// Idle limit.
        IdleTimeout = "idle-timeout",
        /// Time limit.
        SessionTimeout = "session-timeout",
        /// An administrator ended it.
        Admin = "admin",
        /// The daemon was stopped.
        ServerStopped = "server-stopped",
        /// No exit was ever logged.
        Killed = "killed",
        /// The machine was restarted.
        GatewayRestarted = "gateway-restarted",
        /// The tunnel below it was closed.
        TunnelClosed = "tunnel-closed",
        /// The evidence does not tell.
        Unknown = "unknown",
    }
}

/// Where something stands: the proof of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Which source.
    pub source: SourceId,
    /// 1-based line, record or packet number.
    pub line: u64,
    /// The record; its secrets are redacted unless the user asked for them.
    pub text: Box<str>,
}

/// What was told of an attempt while it went on (`Correlator::prompts`): whoever heard that need not hear it again when it
/// closes. What was told otherwise than it turned out is not heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// That its session came up, of the same account and address.
    pub up: bool,
    /// How its session stood some seconds later, when all is said that is said of a session that comes up.
    pub settled: bool,
    /// That it failed so, or that its session ended.
    pub over: bool,
    /// What the session counted.
    pub counted: bool,
    /// The id under which it was told first, where that is another one: an id depends on who the client is, and that may be
    /// known later.
    pub id: Option<u64>,
}

/// One attempt. Absent is absent: nothing is made up (CONTRACT §2).
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Stable: the same evidence gives the same id. 64 bits, printed as hexadecimal.
    pub id: u64,
    /// Tunnel protocol.
    pub protocol: Option<Protocol>,
    /// Host that is the gateway.
    pub gateway: Option<Box<str>>,
    /// Socket address of the client.
    pub client_ip: Option<IpAddr>,
    /// Port of the client.
    pub client_port: Option<u16>,
    /// Address the peer claims to have.
    pub claimed_ip: Option<IpAddr>,
    /// Name the client gave; may be empty.
    pub user: Option<Box<str>>,
    /// First event, microseconds UTC.
    pub started: i64,
    /// When the link came up, microseconds UTC.
    pub up: Option<i64>,
    /// Last event, microseconds UTC; absent while open.
    pub ended: Option<i64>,
    /// Seconds the session was up.
    pub duration_s: Option<f64>,
    /// What became of it.
    pub outcome: Outcome,
    /// Highest layer that worked.
    pub reached: Layer,
    /// Layer at which it failed.
    pub failed_at: Option<Layer>,
    /// The contract's cause of a failure.
    pub cause: Option<&'static str>,
    /// How sure the cause is.
    pub confidence: Option<Confidence>,
    /// Address inside the tunnel.
    pub assigned_ip: Option<IpAddr>,
    /// The gateway's outer address.
    pub server_ip: Option<IpAddr>,
    /// PPP interface.
    pub interface: Option<Box<str>>,
    /// pap, chap-md5, ms-chap, ms-chap-v2, eap.
    pub auth_method: Option<&'static str>,
    /// MPPE key length.
    pub mppe_bits: Option<u8>,
    /// Bytes to the client.
    pub bytes_to_client: Option<u64>,
    /// Bytes from the client.
    pub bytes_from_client: Option<u64>,
    /// Why the session ended.
    pub end_reason: Option<EndReason>,
    /// Who decided the login: `radius`, `chap-secrets`, …
    pub backend: Option<&'static str>,
    /// A capture gives the login away to whoever has it: `pap`, whose password stands in it, or the method whose challenge
    /// and response it holds.
    pub exposed: Option<&'static str>,
    /// Latest time seen, microseconds UTC (for "last seen" of an open session).
    pub last_seen: i64,
    /// How many times this attempt stands for (a repeated line).
    pub times: u64,
    /// What had to be assumed about times.
    pub assumed: crate::Assumed,
    /// The lines it is made of, the telling ones first kept; bounded.
    pub evidence: Vec<Evidence>,
    /// Everything that was said about it, in the order of time; bounded, and empty unless a diagnosis is wanted.
    pub trail: crate::Trail,
    /// What was told of it before it closed.
    pub heard: Heard,
}
