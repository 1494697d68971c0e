//! Who still uses the old tunnels.

use std::net::IpAddr;

use expect_test::{Expect, expect};
use tunlog_audit::migration::{COLUMNS, Migration, Row};
use tunlog_model::{Attempt, Cell, Outcome, Protocol};
use tunlog_testkit::{Log, NOW, Told, session};

const DAY: i64 = 86_400_000_000;

fn rows(log: &str, attempts: &[Attempt]) -> Vec<Row> {
    let mut migration = Migration::default();
    Log::default().tell(log, &mut |told| {
        if let Told::Event(event) = told {
            migration.event(&event);
        }
    });
    for attempt in attempts {
        migration.attempt(attempt);
    }
    migration.rows()
}

fn word(cell: Cell) -> String {
    match cell {
        Cell::None => "-".to_owned(),
        Cell::Text(text) => text,
        Cell::Word(word) => word.to_owned(),
        Cell::Count(count) => count.to_string(),
        Cell::Ip(address) => address.to_string(),
        Cell::List(cells) => cells.into_iter().map(word).collect::<Vec<_>>().join(","),
        other => format!("{other:?}"),
    }
}

fn check(log: &str, attempts: &[Attempt], expected: &Expect) {
    let shown = [
        "order",
        "step",
        "user",
        "protocols",
        "sessions",
        "unencrypted",
        "auth_methods",
        "mppe_bits",
        "clients",
        "client_ips",
    ];
    let mut told = String::new();
    for row in rows(log, attempts) {
        let columns = shown
            .iter()
            .filter_map(|key| COLUMNS.iter().find(|column| column.key == *key));
        let words: Vec<String> = columns.map(|column| word((column.value)(&row))).collect();
        told.push_str(&words.join(" "));
        told.push('\n');
    }
    expected.assert_eq(&told);
}

fn over(user: &str, protocol: Protocol) -> Attempt {
    let mut attempt = session(user);
    attempt.protocol = Some(protocol);
    if protocol != Protocol::Pptp {
        attempt.mppe_bits = None;
    }
    attempt
}

#[test]
fn users_are_told_in_the_order_in_which_they_should_move() {
    let mut weak = over("carl", Protocol::Pptp);
    weak.mppe_bits = Some(40);
    let mut gone = over("dora", Protocol::Pptp);
    gone.up = Some(NOW - 40 * DAY);
    let mut failed = over("eve", Protocol::Pptp);
    failed.outcome = Outcome::Failed;
    let mut elsewhere = over("anna", Protocol::Pptp);
    elsewhere.client_ip = Some(IpAddr::from([198, 51, 100, 7]));
    let attempts = [
        over("anna", Protocol::Pptp),
        elsewhere,
        over("busy", Protocol::Pptp),
        over("busy", Protocol::Pptp),
        over("busy", Protocol::Pptp),
        weak,
        gone,
        failed,
        over("frida", Protocol::Pptp),
        over("frida", Protocol::L2tpIpsec),
        over("gustav", Protocol::L2tp),
        over("hanna", Protocol::L2tpIpsec),
    ];
    check(
        "",
        &attempts,
        &expect![[r#"
        1 in-the-clear gustav l2tp 1 1 ms-chap-v2 - - 203.0.113.9
        2 has-another frida pptp,l2tp-ipsec 1 0 ms-chap-v2 128 - 203.0.113.9
        3 weak carl pptp 1 0 ms-chap-v2 40 - 203.0.113.9
        4 active busy pptp 3 0 ms-chap-v2 128 - 203.0.113.9
        5 active anna pptp 2 0 ms-chap-v2 128 - 198.51.100.7,203.0.113.9
        6 gone dora pptp 1 0 ms-chap-v2 128 - 203.0.113.9
    "#]],
    );
}

#[test]
fn what_clients_say_of_themselves() {
    let log = "\
Nov 20 23:00:00 vpn1 pppd[9]: Connect: ppp0 <--> /dev/pts/1
Nov 20 23:00:00 vpn1 pppd[9]: rcvd [LCP Ident id=0x2 magic=0x3b2e \"MSRASV5.20\"]
Nov 20 23:00:00 vpn1 pppd[9]: rcvd [LCP Ident id=0x3 magic=0x3b2e \"MSRAS-0-PC7\"]
Nov 20 23:00:01 vpn1 pppd[9]: remote IP address 192.168.0.10
";
    let mut anna = over("anna", Protocol::Pptp);
    check(
        log,
        &[anna.clone()],
        &expect![[r#"
        1 active anna pptp 1 0 ms-chap-v2 128 Windows PC7 203.0.113.9
    "#]],
    );
    // two sessions that came up in one second: whose it is nobody knows
    let both = format!("{log}Nov 20 23:00:01 vpn1 pppd[10]: remote IP address 192.168.0.11\n");
    check(
        &both,
        &[anna.clone()],
        &expect![[r#"
        1 active anna pptp 1 0 ms-chap-v2 128 - 203.0.113.9
    "#]],
    );
    // a name that is no Windows' says nothing
    check(
        &log.replace("MSRAS", "EVIL"),
        &[anna.clone()],
        &expect![[r#"
        1 active anna pptp 1 0 ms-chap-v2 128 - 203.0.113.9
    "#]],
    );
    let l2tp = "\
Nov 20 22:59:59 vpn1 xl2tpd[5]: get_call: allocating new tunnel for host 203.0.113.9, port 1701.
Nov 20 22:59:59 vpn1 xl2tpd[5]: vendor_avp: peer reports vendor 'Microsoft'
";
    anna = over("anna", Protocol::L2tp);
    check(
        l2tp,
        &[anna.clone()],
        &expect![[r#"
        1 in-the-clear anna l2tp 1 1 ms-chap-v2 - Windows 203.0.113.9
    "#]],
    );
    // another session from there, much later
    anna.started += DAY;
    anna.last_seen += DAY;
    check(
        l2tp,
        &[anna],
        &expect![[r#"
        1 in-the-clear anna l2tp 1 1 ms-chap-v2 - - 203.0.113.9
    "#]],
    );
}

#[test]
fn the_table_is_bounded() {
    let mut migration = Migration::default();
    for number in 0..50_010 {
        migration.attempt(&session(&format!("user{number}")));
    }
    assert_eq!(migration.beyond(), 10);
    assert_eq!(migration.rows().len(), 50_000);
}
