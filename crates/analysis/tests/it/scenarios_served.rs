//! Stories of gateways that are one program.

use expect_test::{Expect, expect};
use tunlog_testkit::lines_of;

use crate::gateway::served;
use crate::scenarios::headed;

/// Lines of `gwd` on the host `gw`; those that begin with a program are taken as they are.
fn check(log: &str, want: Expect) {
    let lines: Vec<String> = log
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| match line.split_once("]: ") {
            Some((program, _)) if !program.contains(' ') => line.to_string(),
            _ => format!("gwd: {line}"),
        })
        .collect();
    want.assert_eq(&lines_of(&served(&headed(&lines.join("\n")))));
}

#[test]
fn names_that_come_together_are_one_session() {
    check(
        "
        connection from 203.0.113.7:5000 is C-1
        connection from 203.0.113.8:5000 is C-2
        on C-1 login of anna
        on C-2 login of bert
        link C-2 joins B-1
        link C-1 joins B-2
        on B-1 address 10.0.0.8
        on B-2 address 10.0.0.7
        on B-2 sent 700 received 70
        on B-1 sent 800 received 80
        closed C-2
        closed C-1
    ",
        expect![[r#"
            ? established user="anna" from=203.0.113.7 gets=10.0.0.7 to=700 received=70 end=peer-gone
            ? established user="bert" from=203.0.113.8 gets=10.0.0.8 to=800 received=80 end=peer-gone
        "#]],
    );
}

#[test]
fn an_interface_comes_again() {
    check(
        "
        new connection from 203.0.113.7
        connect: ppp0 for 203.0.113.7
        ppp0 logged in anna
        ppp0 ppp started
        ppp0 terminated by peer
        new connection from 203.0.113.8
        connect: ppp0 for 203.0.113.8
        ppp0 logged in bert
        ppp0 ppp started
        new connection from 203.0.113.9
        connect: ppp0 for 203.0.113.9
    ",
        expect![[r#"
            pptp established user="anna" from=203.0.113.7 on=ppp0 end=user-request
            pptp open user="bert" from=203.0.113.8 on=ppp0
            pptp unfinished from=203.0.113.9 on=ppp0
        "#]],
    );
}

#[test]
fn a_tunnel_carries_several_sessions_through_one_interface() {
    check(
        "
        event=request tunnel=1 gw=203.0.113.7
        event=up iface=l2tp_server tunnel=1 session=2 ip=10.0.0.2 user=anna
        event=request tunnel=1 gw=203.0.113.7
        event=up iface=l2tp_server tunnel=1 session=3 ip=10.0.0.3 user=bert
        event=request tunnel=2 gw=203.0.113.8
        event=up iface=l2tp_server tunnel=2 session=2 ip=10.0.0.4 user=cleo
        event=closed iface=l2tp_server session=2 tunnel=1
        event=tunnel_closed iface=l2tp_server tunnel=1
    ",
        expect![[r#"
            l2tp established user="anna" from=203.0.113.7 gets=10.0.0.2 on=l2tp_server end=unknown
            l2tp established user="bert" from=203.0.113.7 gets=10.0.0.3 on=l2tp_server end=tunnel-closed
            l2tp open user="cleo" from=203.0.113.8 gets=10.0.0.4 on=l2tp_server
        "#]],
    );
}

#[test]
fn accounts_join_where_there_is_nothing_else() {
    check(
        "
        new connection from 203.0.113.7
        account anna in with 10.0.0.7 from 203.0.113.7
        interface pptp-anna connected
        new connection from 203.0.113.8
        login failure of anna from 203.0.113.8
        interface pptp-anna disconnected
        account out after 5 s, 100/200: anna
    ",
        expect![[r#"
            pptp established user="anna" from=203.0.113.7 gets=10.0.0.7 to=100 received=200 end=unknown
            pptp failed user="anna" from=203.0.113.8 at=auth cause=wrong-credentials
        "#]],
    );
}

#[test]
fn an_account_that_is_spelled_like_another_session_is_not_it() {
    check(
        "
        connection from 203.0.113.7:5000 is C-1
        on C-1 login of anna
        link C-1 joins B-1
        on B-1 address 10.0.0.7
        connection from 203.0.113.66:6000 is C-2
        on C-2 wrong password of C-1
        login failure of B-1 from 203.0.113.67
        login failure of anna from 203.0.113.68
        closed C-2
        closed C-1
    ",
        expect![[r#"
            ? established user="anna" from=203.0.113.7 gets=10.0.0.7 end=peer-gone
            ? failed user="B-1" from=203.0.113.67 at=auth cause=wrong-credentials
            ? failed user="C-1" from=203.0.113.66 at=auth cause=wrong-password
            ? failed user="anna" from=203.0.113.68 at=auth cause=wrong-credentials
        "#]],
    );
}

#[test]
fn ike_of_the_same_program_belongs_to_the_tunnel() {
    check(
        "
        respond new phase 1 with 203.0.113.7
        IPsec-SA established with 203.0.113.7
        first L2TP packet from 203.0.113.7
        account anna in with 10.0.0.7 from 203.0.113.7
        first L2TP packet from 203.0.113.9
        new connection from 203.0.113.8
        connect: ppp8 for 203.0.113.8
        dropped 47 of 203.0.113.8
        ppp8 terminated by peer
    ",
        expect![[r#"
            l2tp unfinished from=203.0.113.9
            l2tp-ipsec open user="anna" from=203.0.113.7 gets=10.0.0.7
            pptp failed from=203.0.113.8 on=ppp8 at=firewall cause=gre-blocked
        "#]],
    );
}

#[test]
fn that_ipsec_carries_it_may_be_said_last() {
    check(
        "
        first L2TP packet from 203.0.113.7
        account anna in with 10.0.0.7 from 203.0.113.7
        up by L2TP/IPsec: anna
        new connection from 203.0.113.8
        connect: ppp8 for 203.0.113.8
        ppp8 logged in bert
        up by l2tp: bert
    ",
        expect![[r#"
            l2tp-ipsec open user="anna" from=203.0.113.7 gets=10.0.0.7
            pptp open user="bert" from=203.0.113.8 on=ppp8
        "#]],
    );
}

#[test]
fn a_stop_of_the_program_ends_its_sessions_and_no_others() {
    check(
        "
        connection from 203.0.113.7:5000 is C-1
        on C-1 login of anna
        on C-1 address 10.0.0.7
        connection from 203.0.113.8:5000 is C-2
        pppd[11]: Using interface ppp0
        pppd[11]: remote IP address 192.168.0.10
        gwd stopped
        closed C-1
    ",
        expect![[r#"
            ? established user="anna" from=203.0.113.7 gets=10.0.0.7 end=server-stopped
            ? failed from=203.0.113.8 at=control cause=server-stopped
            ? open gets=192.168.0.10 on=ppp0
        "#]],
    );
}

#[test]
fn radius_tells_who_it_was() {
    check(
        "
        connection from 203.0.113.7:5000 is C-1
        on C-1 wrong password of anna
        2026-10-24T09:00:02Z gw freeradius[9]: (1) Login incorrect (mschap: MS-CHAP2-Response is incorrect): [anna] (from client gw port 0 cli 203.0.113.7)
        closed C-1
    ",
        expect![[r#"
            ? failed user="anna" from=203.0.113.7 at=auth cause=wrong-password
        "#]],
    );
}

#[test]
fn a_call_without_address_is_that_of_the_connection_before_it() {
    check(
        "
        new connection from 203.0.113.7
        link L-1: call accepted
        on L-1 login of anna
        on L-1 MPPE refused
        closed L-1
    ",
        expect![[r#"
            pptp failed user="anna" from=203.0.113.7 at=ccp cause=encryption-refused-by-client
        "#]],
    );
}
