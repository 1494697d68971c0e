//! The layers of a remote-access connection, in the contract's words.

/// The layer a message belongs to. The order is that of a connection coming up, so that "the highest layer reached"
/// is a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layer {
    /// Daemon start and stop, configuration, plug-ins, kernel modules.
    System,
    /// A packet filter or connection tracking speaks.
    Firewall,
    /// IKE and IPsec (RFC 2409, RFC 7296).
    Ike,
    /// PPTP control connection (RFC 2637), L2TP tunnel and call (RFC 2661).
    Control,
    /// The PPTP data channel, IP protocol 47 (RFC 2637 §4).
    Gre,
    /// Link control (RFC 1661): link, echo, hang-up.
    Lcp,
    /// PAP, CHAP, EAP and what decides them.
    Auth,
    /// RADIUS exchange and accounting (RFC 2865, RFC 2866).
    Radius,
    /// Compression control and MPPE (RFC 1962, RFC 3078).
    Ccp,
    /// IPCP and IPV6CP (RFC 1332, RFC 5072).
    Ipcp,
    /// Traffic, byte counts, connect time.
    Data,
}

impl Layer {
    /// Every layer with the contract's word for it.
    pub const ALL: &[(Layer, &str)] = &[
        (Layer::System, "system"),
        (Layer::Firewall, "firewall"),
        (Layer::Ike, "ike"),
        (Layer::Control, "control"),
        (Layer::Gre, "gre"),
        (Layer::Lcp, "lcp"),
        (Layer::Auth, "auth"),
        (Layer::Radius, "radius"),
        (Layer::Ccp, "ccp"),
        (Layer::Ipcp, "ipcp"),
        (Layer::Data, "data"),
    ];

    /// The contract's word.
    pub fn word(self) -> &'static str {
        crate::word_of(Self::ALL, self)
    }

    /// The layer that a word names.
    pub fn from_word(word: &str) -> Option<Layer> {
        crate::value_of(Self::ALL, word)
    }
}

/// Severity of a message, in syslog's words (RFC 5424 §6.2.1). Ordered from worst to least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Severity {
    Emergency,
    Alert,
    Critical,
    Error,
    Warning,
    Notice,
    Info,
    Debug,
}

impl Severity {
    /// Every severity with its word, in the order of the syslog numbers 0 to 7.
    pub const ALL: &[(Severity, &str)] = &[
        (Severity::Emergency, "emergency"),
        (Severity::Alert, "alert"),
        (Severity::Critical, "critical"),
        (Severity::Error, "error"),
        (Severity::Warning, "warning"),
        (Severity::Notice, "notice"),
        (Severity::Info, "info"),
        (Severity::Debug, "debug"),
    ];

    /// The syslog word.
    pub fn word(self) -> &'static str {
        crate::word_of(Self::ALL, self)
    }

    /// The severity that a word names (`err`, `warn`, `crit` and `emerg` too).
    pub fn from_word(word: &str) -> Option<Severity> {
        let word = match word {
            "err" => "error",
            "warn" => "warning",
            "crit" => "critical",
            "emerg" | "panic" => "emergency",
            other => other,
        };
        crate::value_of(Self::ALL, word)
    }

    /// The severity of a syslog number (the low three bits of PRI).
    pub fn from_number(number: u8) -> Severity {
        Self::ALL[usize::from(number & 7)].0
    }
}
