//! What kind of thing happened. The list is closed; a dialect names a kind by its kebab-case word.

macro_rules! kinds {
    ($($name:ident = $word:literal,)*) => {
        /// What kind of thing an event tells. `…Message` kinds are detail that no attempt needs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        #[allow(missing_docs)] // each name is its meaning; decode/dialects/README.md groups them by layer
        pub enum EventKind { $($name,)* }

        impl EventKind {
            /// Every kind with the contract's word.
            pub const ALL: &[(EventKind, &str)] = &[$((EventKind::$name, $word),)*];
        }
    };
}

kinds! {
    ControlOpened = "control-opened",
    ControlClosed = "control-closed",
    ControlMessage = "control-message",
    ControlError = "control-error",
    ControlTimeout = "control-timeout",
    CallStarted = "call-started",
    CallEstablished = "call-established",
    CallClosed = "call-closed",
    CallMessage = "call-message",
    TunnelOpened = "tunnel-opened",
    TunnelEstablished = "tunnel-established",
    TunnelClosed = "tunnel-closed",
    ChildReaped = "child-reaped",
    ConnectionRefused = "connection-refused",
    NotVpnTraffic = "not-vpn-traffic",
    LimitReached = "limit-reached",
    GreError = "gre-error",
    GreMessage = "gre-message",
    LinkUp = "link-up",
    LinkTimeout = "link-timeout",
    LinkTerminated = "link-terminated",
    LinkDown = "link-down",
    EchoTimeout = "echo-timeout",
    Loopback = "loopback",
    LcpMessage = "lcp-message",
    Hangup = "hangup",
    IdleTimeout = "idle-timeout",
    SessionTimeout = "session-timeout",
    AuthStarted = "auth-started",
    AuthSucceeded = "auth-succeeded",
    AuthFailed = "auth-failed",
    AuthMessage = "auth-message",
    AuthError = "auth-error",
    SecretMissing = "secret-missing",
    AuthTimeout = "auth-timeout",
    AuthMethodRefused = "auth-method-refused",
    EncryptionAgreed = "encryption-agreed",
    EncryptionRefused = "encryption-refused",
    EncryptionError = "encryption-error",
    CompressionAgreed = "compression-agreed",
    CcpMessage = "ccp-message",
    AddressAssigned = "address-assigned",
    AddressLocal = "address-local",
    AddressRefused = "address-refused",
    AddressMissing = "address-missing",
    IpcpFailed = "ipcp-failed",
    IpcpMessage = "ipcp-message",
    TrafficCounted = "traffic-counted",
    TimeCounted = "time-counted",
    DataMessage = "data-message",
    RoutingLoop = "routing-loop",
    RadiusAccepted = "radius-accepted",
    RadiusRejected = "radius-rejected",
    RadiusTimeout = "radius-timeout",
    RadiusError = "radius-error",
    RadiusMessage = "radius-message",
    AccountingStart = "accounting-start",
    AccountingInterim = "accounting-interim",
    AccountingStop = "accounting-stop",
    PacketDropped = "packet-dropped",
    PacketAccepted = "packet-accepted",
    PacketLogged = "packet-logged",
    HelperMissing = "helper-missing",
    FirewallMessage = "firewall-message",
    IkeStarted = "ike-started",
    IkeMessage = "ike-message",
    IkeEstablished = "ike-established",
    IkeFailed = "ike-failed",
    IkeTimeout = "ike-timeout",
    IkeClosed = "ike-closed",
    ChildEstablished = "child-established",
    ChildClosed = "child-closed",
    DaemonStarted = "daemon-started",
    DaemonStopped = "daemon-stopped",
    ProcessStarted = "process-started",
    ProcessExited = "process-exited",
    PluginLoaded = "plugin-loaded",
    ConfigError = "config-error",
    ResourceLimit = "resource-limit",
    ModuleMissing = "module-missing",
    SystemError = "system-error",
    SystemMessage = "system-message",
    Signal = "signal",
    ScriptRun = "script-run",
    HostStarted = "host-started",
    HostStopping = "host-stopping",
    EvidenceGap = "evidence-gap",
    Malformed = "malformed",
}

impl EventKind {
    /// The contract's word.
    pub fn word(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// The kind that a word names.
    pub fn from_word(word: &str) -> Option<EventKind> {
        crate::value_of(Self::ALL, word)
    }

    /// Whether this is detail that no attempt, table or diagnosis is made of.
    #[inline]
    pub fn is_detail(self) -> bool {
        IS_DETAIL[self as usize]
    }
}

/// By the numbers of kinds, whether their words end so. It is asked of many lines.
const IS_DETAIL: [bool; 256] = {
    let mut detail = [false; 256];
    let mut at = 0;
    while at < EventKind::ALL.len() {
        let (kind, word) = EventKind::ALL[at];
        detail[kind as usize] = ends_with(word.as_bytes(), b"-message");
        at += 1;
    }
    detail
};

const fn ends_with(text: &[u8], end: &[u8]) -> bool {
    let Some((_, last)) = text.split_at_checked(text.len().saturating_sub(end.len())) else {
        return false;
    };
    let mut at = 0;
    while at < last.len() && at < end.len() {
        if last[at] != end[at] {
            return false;
        }
        at += 1;
    }
    last.len() == end.len()
}

#[cfg(test)]
mod tests {
    use super::EventKind;

    #[test]
    fn detail_is_what_its_word_says() {
        for (kind, word) in EventKind::ALL {
            assert_eq!(kind.is_detail(), word.ends_with("-message"), "{word}");
        }
        assert!(EventKind::LcpMessage.is_detail() && !EventKind::AuthStarted.is_detail());
    }
}
