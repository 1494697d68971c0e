//! Lines of `key=value` pairs: what a peer may write into them, and what is missing or too much.

use std::sync::LazyLock;

use tunlog_decode::{Catalogue, Facts, Keep};
use tunlog_model::AppFilter;

use crate::door::understood;

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::builtin);

fn check(rows: &[(&str, &str)]) {
    for (body, want) in rows {
        assert_eq!(understood(&CATALOGUE, "EFW", body.as_bytes()), *want, "{body}");
    }
}

const UP: &str = "clavister/02800016 EFW[1] tunnel_id=7 session_id=21 user=";

fn up(user: &str, line: &str) {
    let body = format!(
        "L2TP: prio=2 id=02800016 rev=1 event=l2tp_session_up tunnelid=7 sessionid=21 user={line} auth=MS-CHAPv2 mppe=128 assigned_ip=192.0.2.5"
    );
    let want = format!("{UP}{user} auth_method=ms-chap-v2 mppe_bits=128 assigned_ip=192.0.2.5");
    assert_eq!(understood(&CATALOGUE, "EFW", body.as_bytes()), want, "{body}");
}

#[test]
fn a_user_name_says_nothing_but_itself() {
    up("anna", "anna");
    up("anna smith", "\"anna smith\"");
    up("", "");
    up("", "\"\"");
    // each with and without the quotation marks that the writer may or may not put
    for name in [
        "x id=02800016",
        "x id=02800009 event=session_closed",
        "x tunnelid=666 sessionid=666",
        "x assigned_ip=198.51.100.66",
        "x auth=PAP mppe=none assigned_ip=198.51.100.66",
        "x remotegw=198.51.100.66 iface=wan",
        "x user=root",
        "x] [l2tp [user=root",
        "x\" auth=PAP user=\"root",
        "x\" id=02800009 \"",
        "auth=",
    ] {
        up(name, name);
        up(name, &format!("\"{name}\""));
    }
}

#[test]
fn prose_is_split_from_the_right() {
    check(&[(
        "L2TP session up. Tunnel ID: 7, Session ID: 21, User: x, Auth: PAP, MPPE: 40, Assigned IP: 198.51.100.66, Auth: EAP, MPPE: None, Assigned IP: 192.0.2.5",
        "clavister/02800016 EFW[1] tunnel_id=7 session_id=21 user=x, Auth: PAP, MPPE: 40, Assigned IP: 198.51.100.66 auth_method=eap assigned_ip=192.0.2.5",
    )]);
}

#[test]
fn an_export_that_says_two_things_is_believed_in_neither() {
    check(&[
        (
            "L2TP : id=2800016 event=l2tp_session_up [message=L2TP session up. Tunnel ID: 7, Session ID: 21, User: x tunnelid=666 assigned_ip=198.51.100.66 remotegw=198.51.100.66 y][l2tp [tunnel tunnelid=7 sessionid=21 user=x tunnelid=666 assigned_ip=198.51.100.66 remotegw=198.51.100.66 y auth=PAP mppe=none assigned_ip=192.0.2.5 ]]",
            "clavister/02800016 EFW[1] session_id=21 user=x tunnelid=666 assigned_ip=198.51.100.66 remotegw=198.51.100.66 y auth_method=pap",
        ),
        (
            "L2TP : id=2800007 event=l2tp_session_closed [message=Closed L2TP session ][l2tp [tunnel iface=l2tp_office sessionid=21 tunnelid=7 ]]",
            "clavister/02800007 EFW[1] interface=l2tp_office session_id=21 tunnel_id=7",
        ),
    ]);
}

#[test]
fn the_code_stands_first_or_nowhere() {
    check(&[
        (
            "HTTP: prio=2 rev=2 event=request_url url=x id=02800016 user=root",
            "nothing",
        ),
        (
            "ALG: prio=2 id=00200125 event=request_url url=\"x id=02800016 user=root\"",
            "nothing",
        ),
        (
            "USERAUTH: prio=2 event=x username=\"y id=02800016\"",
            "clavister/userauth-other EFW[1] user=y id=02800016",
        ),
        (
            "L2TP: prio=2 id=02800099 rev=1 event=new iface=a",
            "clavister/l2tp-other EFW[1] interface=a",
        ),
        (
            "L2TP: prio=2 id=4096000000002800016 iface=a",
            "clavister/l2tp-other EFW[1] interface=a",
        ),
    ]);
}

#[test]
fn nothing_is_read_behind_a_name_whose_end_nobody_knows() {
    check(&[(
        "USERAUTH: prio=2 id=03700999 rev=1 event=new username=x remotegw=198.51.100.66 assigned_ip=198.51.100.66",
        "clavister/userauth-other EFW[1] user=x",
    )]);
}

#[test]
fn keys_may_be_missing_extra_or_of_another_revision() {
    check(&[
        (
            "L2TP: prio=2 id=02800007 rev=9 event=l2tp_session_closed sessionid=21",
            "clavister/02800007 EFW[1] session_id=21",
        ),
        ("L2TP: prio=3 id=02800009", "clavister/02800009 EFW[1]"),
        (
            "L2TP: prio=3 id=02800009 rev=2 event=session_closed reason=some words without marks iface=a b remotegw=[2001:db8::7] sessionid=x",
            "clavister/02800009 EFW[1] interface=a b",
        ),
        (
            "L2TP: prio=3 id=02800009 rev=2 event=session_closed iface=\"\" remotegw=2001:db8::7 sessionid=\"21\"",
            "clavister/02800009 EFW[1] client_ip=2001:db8::7 session_id=21",
        ),
        (
            "prio=3 id=02800060 rev=1 event=no_session_found iface=a remotegw=203.0.113.7",
            "clavister/02800060 EFW[1] interface=a client_ip=203.0.113.7",
        ),
        (
            "L2TP: prio=2 id=02800011 rev=1 event=l2tp_session_up tunnelid=1 sessionid=2 auth=CHAP_MD5 mppe=\"40/56/128\"",
            "clavister/02800011 EFW[1] tunnel_id=1 session_id=2 auth_method=chap-md5",
        ),
    ]);
}

#[test]
fn other_categories_are_noise_and_ours_are_not() {
    check(&[
        (
            "CONN: prio=1 id=00600004 rev=1 event=conn_open connsrcip=203.0.113.7 conndestport=443",
            "nothing",
        ),
        ("USAGE: conns=1174 if0=core", "nothing"),
        ("L2TP: gibberish", "unknown clavister L2TP: gibberish"),
        ("gibberish", "unknown clavister gibberish"),
        ("L2TP:", "unknown clavister L2TP:"),
    ]);
    let facts = Facts::of(&CATALOGUE, Keep::Facts);
    let program = facts.program(b"EFW").expect("known");
    let chatter = |body: &str| facts.glance(program, body.as_bytes()).is_none();
    assert!(chatter(
        "CONN: prio=1 id=00600004 rev=1 event=conn_open conndestport=443"
    ));
    assert!(chatter("HTTP: anything"));
    assert!(!chatter("L2TP: prio=2 id=02800016 rev=1 event=l2tp_session_up"));
    assert!(!chatter("Closed L2TP tunnel. Tunnel ID: 7, Interface: a."));
    assert!(!chatter("L2TP: gibberish"));
}

#[test]
fn damaged_lines_are_read_or_not() {
    let line = "L2TP : prio=2 id=02800016 event=e [message=a b ][x [y tunnelid=7 user=\"anna\" auth=PAP assigned_ip=192.0.2.5 ]]";
    for end in 0..=line.len() {
        understood(&CATALOGUE, "EFW", &line.as_bytes()[..end]);
        understood(&CATALOGUE, "EFW", &line.as_bytes()[end..]);
    }
}
