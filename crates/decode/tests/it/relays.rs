//! Lines of one program in the name of another.

use tunlog_decode::Catalogue;

use crate::door::{understood, wanted_by_attempts};

/// (program, body, what comes of it: its beginning)
const LINES: &[(&str, &str, &str)] = &[
    (
        "xl2tpd",
        "xl2tpd[26176]: Calling on tunnel 7",
        "xl2tpd/calling xl2tpd[26176]",
    ),
    (
        "xl2tpd",
        "xl2tpd[26176]: something nobody has heard of",
        "unknown xl2tpd something nobody",
    ),
    // a host name with a line break, sent by anybody, may make xl2tpd write this: it says nothing of a pppd
    (
        "xl2tpd",
        "pppd[901]: remote IP address 192.0.2.200",
        "unknown xl2tpd pppd[901]",
    ),
    (
        "NetworkManager",
        "xl2tpd[9]: Calling on tunnel 7",
        "xl2tpd/calling xl2tpd[9]",
    ),
    ("NetworkManager", "pppd[9]: Modem hangup", "pppd/modem-hangup pppd[9]"),
    (
        "NetworkManager",
        "pppd[9]: something nobody has heard of",
        "unknown pppd something nobody",
    ),
    ("NetworkManager", "Terminating on signal 15", "pppd/"),
    (
        "NetworkManager",
        "initiating Main Mode IKE_SA work[1] to 198.51.100.10",
        "strongswan/",
    ),
    (
        "NetworkManager",
        "<info>  [1700000000.1] manager: (ppp0): new Ppp device (/org/freedesktop/NetworkManager/Devices/8)",
        "networkmanager/device NetworkManager[1] interface=ppp0",
    ),
    (
        "NetworkManager",
        "<info>  [1700000000.1] device (wlan0): state change: disconnected -> prepare",
        "nothing",
    ),
    (
        "NetworkManager",
        "<warn>  [1700000000.1] vpn-connection[0x55d0,2f9c,\"work\",0]: VPN plugin: failed: connect-failed (1)",
        "networkmanager/plugin-failed NetworkManager[1] connection=work",
    ),
    (
        "NetworkManager",
        "nm-l2tp[6382] <info>  starting ipsec",
        "networkmanager/ipsec-starting",
    ),
    ("NetworkManager", "something nobody has heard of", "nothing"),
    (
        "charon",
        "09[IKE] 203.0.113.11 is initiating a Main Mode IKE_SA",
        "strongswan/peer-initiates charon[1] client_ip=203.0.113.11",
    ),
    (
        "charon",
        "09[IKE] <work|1> 203.0.113.11 is initiating a Main Mode IKE_SA",
        "strongswan/peer-initiates charon[1] connection=work client_ip=203.0.113.11",
    ),
    (
        "charon",
        "09[IKE1] <1> 203.0.113.11 is initiating a Main Mode IKE_SA",
        "strongswan/peer-initiates charon[1] client_ip=203.0.113.11",
    ),
    (
        "",
        "002 \"work\" #1: initiating Main Mode",
        "libreswan/initiating [1] connection=work",
    ),
    (
        "NetworkManager",
        "002 \"work\" #1: initiating Main Mode",
        "libreswan/initiating",
    ),
    (
        "nm-l2tp-service",
        "xl2tpd started with pid 557",
        "networkmanager/l2tpd-started nm-l2tp-service[1] pid=557",
    ),
    ("nm-l2tp-service", "something nobody has heard of", "nothing"),
    ("pptp", "Modem hangup", "pppd/modem-hangup pptp[1]"),
    (
        "pptp",
        "anon log[ctrlp_disp:pptp_ctrl.c:938]: Outgoing call established (call ID 3, peer's call ID 128).",
        "pptp-client/call-established pptp[1] call_id=3 peer_call_id=128",
    ),
    (
        "pptp",
        "nm-pptp-service-77 warn[open_inetsock: pptp_callmgr.c:352]: connect: Connection refused",
        "pptp-client/connect-refused",
    ),
    (
        "",
        "anon warn[open_inetsock:pptp_callmgr.c:352]: connect: Connection timed out",
        "pptp-client/connect-timeout",
    ),
    (
        "pptp",
        "something nobody has heard of",
        "unknown pptp-client something nobody",
    ),
    ("systemd", "Started something nobody has heard of.", "nothing"),
    ("systemd", "xl2tpd.service: Main process exited, code=exited", "nothing"),
    ("kernel", "something nobody has heard of", "nothing"),
    ("pppd", "something nobody has heard of", "unknown pppd something nobody"),
    ("pppd", "  script /etc/ppp/ip-up, pid 77", "pppd/"),
    ("pptpd", "GRE: Bad checksum from pppd.", "pptpd/"),
];

#[test]
fn relayed_lines_are_their_writers() {
    let catalogue = Catalogue::builtin();
    let wrong: Vec<String> = LINES
        .iter()
        .map(|(app, body, want)| {
            (
                format!("{app}: {body}"),
                understood(&catalogue, app, body.as_bytes()),
                want,
            )
        })
        .filter(|(_, got, want)| !got.starts_with(*want))
        .map(|(line, got, want)| format!("{line}\n  wanted {want}\n  got    {got}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_packet_filters_line_is_not_taken_by_another_dialect() {
    let catalogue = Catalogue::builtin();
    let packet = "IN=wan0 OUT= MAC= SRC=203.0.113.7 DST=198.51.100.10 LEN=60 PROTO=TCP SPT=60884 DPT=1723 SYN URGP=0";
    for (prefix, dialect) in [("FW DROP", "iptables/"), ("UFW BLOCK", "ufw/")] {
        let line = format!("[ 1523.910856] [{prefix}] {packet}");
        assert!(
            wanted_by_attempts(&catalogue, "kernel", line.as_bytes()).starts_with(dialect),
            "{line}"
        );
    }
}
