//! The messages of dialect `pcap` by name, so that the code that picks one is checked by the compiler.

use tunlog_model::Message;

use crate::Catalogue;

/// The contract's name of the dialect.
pub(super) const DIALECT: &str = "pcap";

macro_rules! messages {
    ($($name:ident = $word:literal,)*) => {
        /// A message of dialect `pcap`; what each means stands in `dialects/pcap.toml`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Id { $($name,)* }

        impl Id {
            /// Every message with its id in the dialect file.
            pub const ALL: &[(Id, &str)] = &[$((Id::$name, $word),)*];
        }
    };
}

messages! {
    MalformedLink = "malformed-link",
    MalformedIp = "malformed-ip",
    MalformedTcp = "malformed-tcp",
    MalformedUdp = "malformed-udp",
    MalformedPptp = "malformed-pptp",
    MalformedGre = "malformed-gre",
    MalformedPpp = "malformed-ppp",
    MalformedLcp = "malformed-lcp",
    MalformedAuth = "malformed-auth",
    MalformedCcp = "malformed-ccp",
    MalformedIpcp = "malformed-ipcp",
    MalformedL2tp = "malformed-l2tp",
    MalformedIke = "malformed-ike",
    MalformedRadius = "malformed-radius",
    MalformedIcmp = "malformed-icmp",
    TcpSyn = "tcp-syn",
    TcpOpened = "tcp-opened",
    TcpRefused = "tcp-refused",
    TcpClosed = "tcp-closed",
    TcpReset = "tcp-reset",
    NotPptp = "not-pptp",
    PptpSccrq = "pptp-start-request",
    PptpSccrp = "pptp-start-reply",
    PptpSccrpRefused = "pptp-start-refused",
    PptpStopRequest = "pptp-stop-request",
    PptpStopReply = "pptp-stop-reply",
    PptpEchoRequest = "pptp-echo-request",
    PptpEchoReply = "pptp-echo-reply",
    PptpOcrq = "pptp-call-request",
    PptpOcrp = "pptp-call-reply",
    PptpOcrpRefused = "pptp-call-refused",
    PptpIcrq = "pptp-incoming-call-request",
    PptpIcrp = "pptp-incoming-call-reply",
    PptpIccn = "pptp-incoming-call-connected",
    PptpClear = "pptp-call-clear",
    PptpDisconnect = "pptp-call-disconnect",
    PptpErrors = "pptp-wan-error",
    PptpLinkInfo = "pptp-set-link-info",
    PptpUnknown = "pptp-unknown",
    GreStarted = "gre-started",
    GreStrange = "gre-call-unknown",
    GreCounted = "gre-counted",
    GreNeverFromClient = "gre-never-from-client",
    GreNeverToClient = "gre-never-to-client",
    GreNotReceived = "gre-not-received",
    LcpRequest = "lcp-configure-request",
    LcpAck = "lcp-configure-ack",
    LcpNak = "lcp-configure-nak",
    LcpReject = "lcp-configure-reject",
    LcpTerminate = "lcp-terminate-request",
    LcpTerminated = "lcp-terminate-ack",
    LcpCodeReject = "lcp-code-reject",
    LcpProtocolReject = "lcp-protocol-reject",
    LcpEchoRequest = "lcp-echo-request",
    LcpEchoReply = "lcp-echo-reply",
    LcpOther = "lcp-other",
    PapRequest = "pap-request",
    PapAck = "pap-ack",
    PapNak = "pap-nak",
    ChapChallenge = "chap-challenge",
    ChapResponse = "chap-response",
    ChapSuccess = "chap-success",
    ChapFailure = "chap-failure",
    ChapRestricted = "chap-failure-restricted",
    ChapChange = "chap-change-password",
    EapRequest = "eap-request",
    EapResponse = "eap-response",
    EapSuccess = "eap-success",
    EapFailure = "eap-failure",
    CcpRequest = "ccp-configure-request",
    CcpAck = "ccp-configure-ack",
    CcpNak = "ccp-configure-nak",
    CcpReject = "ccp-configure-reject",
    CcpTerminate = "ccp-terminate",
    CcpReset = "ccp-reset",
    CcpOther = "ccp-other",
    IpcpRequest = "ipcp-configure-request",
    IpcpAck = "ipcp-configure-ack",
    IpcpNak = "ipcp-configure-nak",
    IpcpReject = "ipcp-configure-reject",
    IpcpTerminate = "ipcp-terminate",
    IpcpOther = "ipcp-other",
    Ipv6cp = "ipv6cp-packet",
    PppOther = "ppp-other-protocol",
    L2tpSccrq = "l2tp-start-request",
    L2tpSccrp = "l2tp-start-reply",
    L2tpScccn = "l2tp-start-connected",
    L2tpStop = "l2tp-stop",
    L2tpHello = "l2tp-hello",
    L2tpOcrq = "l2tp-outgoing-call-request",
    L2tpOcrp = "l2tp-outgoing-call-reply",
    L2tpOccn = "l2tp-outgoing-call-connected",
    L2tpIcrq = "l2tp-call-request",
    L2tpIcrp = "l2tp-call-reply",
    L2tpIccn = "l2tp-call-connected",
    L2tpCdn = "l2tp-call-disconnect",
    L2tpErrors = "l2tp-wan-error",
    L2tpLinkInfo = "l2tp-set-link-info",
    L2tpUnknown = "l2tp-unknown",
    L2tpCounted = "l2tp-counted",
    Ikev1Main = "ikev1-main-mode",
    Ikev1Aggressive = "ikev1-aggressive-mode",
    Ikev1Quick = "ikev1-quick-mode",
    Ikev1Informational = "ikev1-informational",
    Ikev1Notify = "ikev1-notify",
    Ikev1Proposal = "ikev1-no-proposal",
    Ikev1Secret = "ikev1-wrong-secret",
    Ikev1Other = "ikev1-other",
    Ikev2Init = "ikev2-init",
    Ikev2Auth = "ikev2-auth",
    Ikev2Child = "ikev2-create-child",
    Ikev2Informational = "ikev2-informational",
    Ikev2Notify = "ikev2-notify",
    Ikev2Proposal = "ikev2-no-proposal",
    IkeOther = "ike-other",
    EspStarted = "esp-started",
    EspCounted = "esp-counted",
    RadiusRequest = "radius-access-request",
    RadiusAccept = "radius-access-accept",
    RadiusReject = "radius-access-reject",
    RadiusChallenge = "radius-access-challenge",
    RadiusStart = "radius-accounting-start",
    RadiusInterim = "radius-accounting-interim",
    RadiusStop = "radius-accounting-stop",
    RadiusAccounting = "radius-accounting-other",
    RadiusAccounted = "radius-accounting-response",
    RadiusAgain = "radius-repeated",
    RadiusUnanswered = "radius-unanswered",
    RadiusDynamic = "radius-dynamic",
    RadiusOther = "radius-other",
    IcmpTooBig = "icmp-too-big",
    IcmpProtocol = "icmp-protocol-unreachable",
    IcmpPort = "icmp-port-unreachable",
    IcmpProhibited = "icmp-prohibited",
    IcmpHost = "icmp-host-unreachable",
    IcmpTime = "icmp-time-exceeded",
}

/// The catalogue's entries, by `Id`.
#[derive(Debug)]
pub(super) struct Messages([Option<&'static Message>; Id::ALL.len()]);

impl Messages {
    /// Those of a catalogue; a user's catalogue has them too, because it begins with the shipped dialects.
    pub fn of(catalogue: &Catalogue) -> Messages {
        let mut found = [None; Id::ALL.len()];
        let dialect = catalogue.dialects().iter().find(|dialect| dialect.name == DIALECT);
        for message in dialect.map_or(&[][..], |dialect| &dialect.ready().messages) {
            if let Some(at) = Id::ALL.iter().position(|(_, word)| *word == message.id) {
                found[at] = Some(*message);
            }
        }
        Messages(found)
    }

    pub fn get(&self, id: Id) -> Option<&'static Message> {
        self.0[id as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dialect_file_has_every_message_and_no_other() {
        let catalogue = Catalogue::builtin();
        let listed: Vec<&str> = catalogue
            .listed()
            .filter(|listed| listed.dialect() == DIALECT)
            .map(|listed| listed.id())
            .collect();
        let missing: Vec<&str> = Id::ALL
            .iter()
            .map(|(_, word)| *word)
            .filter(|word| !listed.contains(word))
            .collect();
        let unused: Vec<&&str> = listed
            .iter()
            .filter(|id| !Id::ALL.iter().any(|(_, word)| word == *id))
            .collect();
        assert_eq!((missing, unused), (vec![], vec![]));
    }
}
