//! Stories that a client's own log tells.

use expect_test::{Expect, expect};
use tunlog_testkit::lines_of;

use crate::gateway::called;
use crate::scenarios::headed;

fn check(log: &str, want: Expect) {
    want.assert_eq(&lines_of(&called(&headed(log))));
}

#[test]
fn the_words_of_a_clients_pppd_mean_the_other_direction() {
    check(
        "
        pppd[20]: pppd 2.4.9 started by root, uid 0
        pppd[20]: Using interface ppp0
        pppd[20]: Connect: ppp0 <--> /dev/pts/1
        calld[22]: Calling 198.51.100.10
        calld[22]: Outgoing call established (call ID 7)
        pppd[20]: CHAP authentication succeeded
        pppd[20]: MPPE 128-bit stateless compression enabled
        pppd[20]: local  IP address 192.168.0.10
        pppd[20]: remote IP address 192.168.0.1
        pppd[20]: Terminating on signal 15
        pppd[20]: Connect time 0.1 minutes.
        pppd[20]: Sent 100 bytes, received 50 bytes.
        pppd[20]: Connection terminated.
        calld[22]: Closing connection
        pppd[20]: Exit.
    ",
        expect![[r#"
            pptp established gets=192.168.0.10 on=ppp0 to=50 received=100 mppe=128 end=user-request
        "#]],
    );
}

#[test]
fn who_refuses_is_the_server() {
    check(
        "
        calld[22]: Client connection established.
        pppd[20]: Using interface ppp0
        calld[22]: Outgoing call established (call ID 7)
        pppd[20]: CHAP authentication succeeded
        pppd[20]: MPPE required but peer negotiation failed
        pppd[20]: Connection terminated.
        calld[22]: Closing connection
        pppd[20]: Exit.
        calld[32]: Client connection established.
        pppd[30]: Using interface ppp0
        calld[32]: Outgoing call established (call ID 8)
        pppd[30]: MS-CHAP authentication failed: E=691 Authentication failure
        pppd[30]: CHAP authentication failed
        pppd[30]: Connection terminated.
        calld[32]: Closing connection
        pppd[30]: Exit.
        calld[42]: Could not open control connection to 198.51.100.10
    ",
        expect![[r#"
            pptp failed at=control cause=control-unreachable
            pptp failed on=ppp0 at=auth cause=wrong-credentials
            pptp failed on=ppp0 at=ccp cause=encryption-refused-by-server
        "#]],
    );
}

#[test]
fn an_l2tp_client_calls_through_ipsec() {
    check(
        "
        charon: 11[IKE] initiating Main Mode IKE_SA work[1] to 198.51.100.10
        charon: 12[IKE] CHILD_SA work{1} established with SPIs c1_i c2_o and TS 192.0.2.5/32 === 198.51.100.10/32
        xl2tpd[5]: Connecting to host 198.51.100.10, port 1701
        xl2tpd[5]: Connection established to 198.51.100.10, 1701.  Local: 100, Remote: 200 (ref=0/0).
        xl2tpd[5]: Call established with 198.51.100.10, Local: 7, Remote: 8, Serial: 1 (ref=0/0)
        pppd[20]: pppd 2.4.9 started by root, uid 0
        pppd[20]: Using interface ppp0
        pppd[20]: CHAP authentication succeeded
        pppd[20]: local  IP address 192.168.0.10
        pppd[20]: remote IP address 192.168.0.1
        xl2tpd[5]: control_finish: Connection closed to 198.51.100.10, port 1701 (Goodbye!), Local: 100, Remote: 200
        pppd[20]: Sent 100 bytes, received 50 bytes.
        pppd[20]: Exit.
    ",
        expect![[r#"
            l2tp-ipsec established gets=192.168.0.10 on=ppp0 to=50 received=100 end=unknown
        "#]],
    );
}

#[test]
fn ipsec_that_did_not_come_up_is_the_clients_attempt() {
    check(
        "
        charon: 11[IKE] initiating Main Mode IKE_SA work[1] to 198.51.100.10
        charon: 12[IKE] received NO_PROPOSAL_CHOSEN error notify
    ",
        expect![[r#"
            l2tp-ipsec failed at=ike cause=ike-proposal-mismatch
        "#]],
    );
}

#[test]
fn a_gateway_that_also_calls_keeps_both_apart() {
    check(
        "
        pptpd[10]: CTRL: Client 203.0.113.7 control connection started
        pptpd[10]: CTRL: Starting call (launching pppd, opening GRE)
        pppd[20]: Using interface ppp1
        calld[22]: Calling 198.51.100.10
        pppd[11]: Using interface ppp0
        calld[22]: Outgoing call established (call ID 7)
        pppd[20]: CHAP authentication succeeded
        pppd[11]: peer from calling number 203.0.113.7 authorized
        pppd[11]: local  IP address 192.168.0.1
        pppd[11]: remote IP address 192.168.0.10
        pppd[20]: local  IP address 172.16.0.9
        pppd[20]: remote IP address 172.16.0.1
        pppd[20]: Exit.
        pppd[11]: Exit.
        pptpd[10]: CTRL: Reaping child PPP[11]
        pptpd[10]: CTRL: Client 203.0.113.7 control connection finished
        calld[22]: Closing connection
    ",
        expect![[r#"
            pptp established from=203.0.113.7 gets=192.168.0.10 on=ppp0 end=unknown
            pptp established gets=172.16.0.9 on=ppp1 end=unknown
        "#]],
    );
}

/// Both logs of a laptop, and the gateway that each attempt named.
#[test]
fn a_laptop_with_network_manager() {
    for (log, want) in [
        (
            include_str!("../../../pipeline/tests/fixtures/laptop/pptp.log"),
            expect![[r#"
                to 198.51.100.10: pptp established gets=10.8.0.12 on=ppp0 to=1048576 received=81920 mppe=128 end=user-request
                to 198.51.100.10: pptp failed on=ppp0 at=control cause=control-unreachable
                to : pptp failed on=ppp0 at=auth cause=wrong-credentials
                to : pptp failed on=ppp0 at=gre cause=gre-blocked
            "#]],
        ),
        (
            include_str!("../../../pipeline/tests/fixtures/laptop/l2tp.log"),
            expect![[r#"
                to 198.51.100.10: l2tp-ipsec established from=192.168.7.20 gets=10.9.0.7 on=ppp0 to=40960 received=20480 end=user-request
                to 198.51.100.10: l2tp-ipsec failed from=192.168.7.20 at=ike cause=ike-proposal-mismatch
                to 198.51.100.10: l2tp-ipsec failed from=192.168.7.20 on=ppp0 at=auth cause=wrong-credentials
            "#]],
        ),
    ] {
        let attempts = crate::attempts_of(log);
        let mut lines: Vec<String> = attempts
            .iter()
            .map(|attempt| {
                let gateway = attempt.server_ip.map(|ip| ip.to_string()).unwrap_or_default();
                format!("to {gateway}: {}", lines_of(std::slice::from_ref(attempt)))
            })
            .collect();
        lines.sort();
        want.assert_eq(&lines.concat());
    }
}
