use expect_test::expect;
use proptest::prelude::*;
use tunlog_analysis::statistics::attempts::{AttemptView, SourceNames};
use tunlog_analysis::statistics::clients::{COLUMNS, Clients};
use tunlog_model::{Attempt, Cell, Column, EventKind, Evidence, Field, SourceId};

use super::build::{Fact, at, failed, message, open, pppd, session, utc};
use crate::event::EventView;
use crate::{Format, Printer, json, monitor};

fn print(format: Format, attempts: &[Attempt]) -> String {
    let names = vec!["a \"log\"".to_owned()];
    let mut printer = Printer::new(format, "attempt", AttemptView::COLUMNS, utc());
    let mut out = Vec::new();
    for attempt in attempts {
        let view = AttemptView {
            attempt,
            sources: &names,
        };
        printer
            .row(AttemptView::COLUMNS, &view, &mut out)
            .expect("a vector takes everything");
    }
    printer.finish(&mut out).expect("a vector takes everything");
    String::from_utf8(out).expect("every format is UTF-8")
}

fn some() -> [Attempt; 2] {
    let mut joe = failed(Some("=joe, \"the\"\u{1b}[2J\u{202e}"), at(60, 1));
    joe.evidence = vec![Evidence {
        source: SourceId(0),
        line: 7,
        text: "Peer joe failed\x07".into(),
    }];
    [session("anna", at(0, 3)), joe]
}

#[test]
fn jsonl() {
    expect![[r#"
        {"type":"attempt","id":"0000000000001234","protocol":"pptp","gateway":"vpn","started":"2026-11-20T09:00:03Z","ended":"2026-11-20T09:30:03Z","user":"anna","client_ip":"203.0.113.15","outcome":"established","reached":"ipcp","duration_s":1800,"assigned_ip":"192.168.0.10","interface":"ppp0","auth_method":"ms-chap-v2","mppe_bits":128,"bytes_to_client":1500000,"bytes_from_client":250000,"evidence":[]}
        {"type":"attempt","id":"0000000000001234","protocol":"pptp","gateway":"vpn","started":"2026-11-20T10:00:01Z","ended":"2026-11-20T10:00:04Z","user":"=joe, \"the\"\u001b[2J\u202e","client_ip":"203.0.113.15","outcome":"failed","reached":"ipcp","failed_at":"auth","cause":"wrong-credentials","auth_method":"ms-chap-v2","mppe_bits":128,"evidence":[{"source":"a \"log\"","line":7,"text":"Peer joe failed\u0007"}]}
    "#]].assert_eq(&print(Format::Jsonl, &some()));
}

#[test]
fn json_is_one_array() {
    assert_eq!(print(Format::Json, &[]), "[]\n");
    let two = print(Format::Json, &some());
    assert!(
        two.starts_with("[\n{\"type\":") && two.contains("},\n{") && two.ends_with("}\n]\n"),
        "{two}"
    );
}

#[test]
fn csv() {
    expect![[r#"
        id,protocol,gateway,started,ended,user,client_ip,client_port,claimed_ip,outcome,reached,failed_at,cause,confidence,duration_s,assigned_ip,server_ip,interface,auth_method,mppe_bits,bytes_to_client,bytes_from_client,end_reason,backend,exposed,times,assumed,evidence
        0000000000001234,pptp,vpn,2026-11-20T09:00:03Z,2026-11-20T09:30:03Z,anna,203.0.113.15,,,established,ipcp,,,,1800,192.168.0.10,,ppp0,ms-chap-v2,128,1500000,250000,,,,,,[]
        0000000000001234,pptp,vpn,2026-11-20T10:00:01Z,2026-11-20T10:00:04Z,"'=joe, ""the""\x1b[2J\u{202e}",203.0.113.15,,,failed,ipcp,auth,wrong-credentials,,,,,,ms-chap-v2,128,,,,,,,,"[{""source"":""a \""log\"""",""line"":7,""text"":""Peer joe failed\u0007""}]"
    "#]].assert_eq(&print(Format::Csv, &some()).replace("\r\n", "\n"));
    assert_eq!(print(Format::Csv, &[]).lines().count(), 1);
}

#[test]
fn logfmt() {
    expect![[r#"
        type=attempt id=0000000000001234 protocol=pptp gateway=vpn started=2026-11-20T09:00:03Z ended=2026-11-20T09:30:03Z user=anna client_ip=203.0.113.15 outcome=established reached=ipcp duration_s=1800 assigned_ip=192.168.0.10 interface=ppp0 auth_method=ms-chap-v2 mppe_bits=128 bytes_to_client=1500000 bytes_from_client=250000 evidence="[]"
        type=attempt id=0000000000001234 protocol=pptp gateway=vpn started=2026-11-20T10:00:01Z ended=2026-11-20T10:00:04Z user="=joe, \"the\"\u001b[2J\u202e" client_ip=203.0.113.15 outcome=failed reached=ipcp failed_at=auth cause=wrong-credentials auth_method=ms-chap-v2 mppe_bits=128 evidence="[{\"source\":\"a \\\"log\\\"\",\"line\":7,\"text\":\"Peer joe failed\\u0007\"}]"
    "#]].assert_eq(&print(Format::Logfmt, &some()));
}

#[test]
fn table() {
    expect![[r#"
        Protocol  Started              User                        Remote IP     Outcome      Failed at  Cause              Duration  Local IP      Int        TX         RX  End
        pptp      2026-11-20 09:00:03  anna                        203.0.113.15  established                                 0:30:00  192.168.0.10  ppp0  1.4 MiB  244.1 KiB
        pptp      2026-11-20 10:00:01  =joe, "the"\x1b[2J\u{202e}  203.0.113.15  failed       auth       wrong-credentials
    "#]].assert_eq(&print(Format::Table, &some()));
    assert_eq!(print(Format::Table, &[]), "");
}

#[test]
fn a_table_of_any_length_is_printed_as_it_comes() {
    let many: Vec<Attempt> = (0..3000)
        .map(|number| session(if number == 2500 { "a much longer name" } else { "x" }, at(number, 0)))
        .collect();
    let shown = print(Format::Table, &many);
    assert_eq!(shown.lines().count(), 3001);
    assert!(shown.contains("a much longer name  "));
}

#[test]
fn clients_in_the_contracts_keys() {
    let mut clients = Clients::new();
    [
        session("mark", at(0, 3)),
        failed(None, at(61, 1)),
        open("sally", at(120, 3)),
    ]
    .iter()
    .for_each(|attempt| clients.add(attempt));
    let mut printer = Printer::new(Format::Jsonl, "client", COLUMNS, utc());
    let mut out = Vec::new();
    for row in clients.rows(at(180, 3)) {
        printer.row(COLUMNS, &row, &mut out).expect("a vector takes everything");
    }
    expect![[r#"
        {"type":"client","online":false,"sessions":0,"sessions_open":0,"failures":1,"bytes_to_client":0,"bytes_from_client":0,"client_ip":"203.0.113.15","last_seen":"2026-11-20T10:01:04Z"}
        {"type":"client","user":"mark","online":false,"sessions":1,"sessions_open":0,"failures":0,"bytes_to_client":1500000,"bytes_from_client":250000,"client_ip":"203.0.113.15","assigned_ip":"192.168.0.10","interface":"ppp0","last_seen":"2026-11-20T09:30:03Z","duration_s":1800}
        {"type":"client","user":"sally","online":true,"sessions":1,"sessions_open":1,"failures":0,"bytes_to_client":0,"bytes_from_client":0,"client_ip":"203.0.113.15","assigned_ip":"192.168.0.10","interface":"ppp0","since":"2026-11-20T11:00:03Z","last_seen":"2026-11-20T11:00:03Z","duration_s":3600}
    "#]].assert_eq(&String::from_utf8_lossy(&out));
}

const FACTS: &[(Field, Fact<'_>)] = &[
    (Field::User, Fact::Text("an\u{1b}na")),
    (Field::ClientIp, Fact::Ip("203.0.113.9")),
    (Field::BytesToClient, Fact::Int(12)),
    (Field::Code, Fact::Int(-1)),
];

#[test]
fn an_event_written_directly_is_the_event_of_the_columns() {
    pppd(42, at(0, 3), message("up", EventKind::LinkUp), FACTS, &mut |event| {
        let view = EventView {
            event,
            source: "syslog",
            text: b"pppd[42]: \xff\x00 up",
        };
        let mut direct = Vec::new();
        view.write_json(&mut direct);
        direct.push(b'\n');
        let mut columns = Vec::new();
        let mut printer = Printer::new(Format::Jsonl, "event", EventView::COLUMNS, utc());
        printer
            .row(EventView::COLUMNS, &view, &mut columns)
            .expect("a vector takes everything");
        let direct = String::from_utf8_lossy(&direct);
        assert_eq!(direct, String::from_utf8_lossy(&columns));
        expect![[r#"
            {"type":"event","time":"2026-11-20T09:00:03Z","dialect":"pppd","message":"pppd/up","layer":"lcp","event":"link-up","severity":"info","gateway":"vpn","pid":42,"fields":{"user":"an\u001bna","client_ip":"203.0.113.9","bytes_to_client":12,"code":-1},"evidence":[{"source":"syslog","line":7,"text":"pppd[42]: \\xff\u0000 up"}],"assumed":["year"]}
        "#]].assert_eq(&direct);
    });
}

#[test]
fn an_event_in_a_table() {
    pppd(42, at(0, 3), message("up", EventKind::LinkUp), FACTS, &mut |event| {
        let view = EventView {
            event,
            source: "syslog",
            text: b"",
        };
        let mut out = Vec::new();
        let mut printer = Printer::new(Format::Table, "event", EventView::COLUMNS, utc());
        printer
            .row(EventView::COLUMNS, &view, &mut out)
            .expect("a vector takes everything");
        printer.finish(&mut out).expect("a vector takes everything");
        expect![[r#"
            Time                 Message  Layer  Severity  PID  Fields
            2026-11-20 09:00:03  pppd/up  lcp    info       42  user="an\u001bna" client_ip=203.0.113.9 bytes_to_client=12 code=-1
        "#]].assert_eq(&String::from_utf8_lossy(&out));
    });
}

#[test]
fn spreadsheets_run_nothing() {
    let columns: &[Column<&str>] = &[Column {
        key: "user",
        header: "",
        doc: "",
        value: |name| Cell::Text((*name).to_owned()),
    }];
    for name in [
        "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "＋1", "－1", "＠1",
    ] {
        let mut printer = Printer::new(Format::Csv, "x", columns, utc());
        let mut out = Vec::new();
        printer
            .row(columns, &name, &mut out)
            .expect("a vector takes everything");
        let out = String::from_utf8_lossy(&out);
        let cell = out.lines().nth(1).unwrap_or_default();
        assert!(cell.starts_with("\"'"), "{name:?} became {cell}");
    }
}

/// What may stand in any output besides visible characters.
fn harmless(out: &str) -> bool {
    out.chars()
        .all(|c| matches!(c, '\n' | '\r') || !tunlog_model::text::is_harmful(c))
}

proptest! {
    #[test]
    fn no_name_brings_a_control_character_into_any_format(name in any::<String>(), interface in any::<String>()) {
        let mut attempt = open(&name, at(0, 0));
        attempt.interface = Some(interface.as_str().into());
        attempt.gateway = Some(name.as_str().into());
        attempt.evidence = vec![Evidence { source: SourceId(0), line: 1, text: name.as_str().into() }];
        for (format, _) in Format::ALL {
            let out = print(*format, std::slice::from_ref(&attempt));
            prop_assert!(harmless(&out), "{:?}: {:?}", format, out);
            let lines = if matches!(format, Format::Csv | Format::Table) { 2 } else if *format == Format::Json { 3 } else { 1 };
            prop_assert_eq!(out.lines().count(), lines, "{:?}: {:?}", format, out);
        }
        let mut clients = Clients::new();
        clients.add(&attempt);
        let mut out = Vec::new();
        monitor::clients(clients.rows(0), &utc(), true, &mut out).expect("a vector takes everything");
        prop_assert!(harmless(&String::from_utf8_lossy(&out)));
    }
}

#[test]
fn names_of_sources() {
    let names = vec!["one".to_owned()];
    assert_eq!(names.source_name(SourceId(0)), "one");
    assert_eq!(names.source_name(SourceId(9)), "");
}

#[test]
fn json_escapes_what_must_be_wherever_it_stands() {
    for at in 0..40 {
        for special in ['"', '\\', '\n', '\u{1b}', '\u{7f}', '\u{202e}', 'ü', '利', '\u{1f600}'] {
            let text = format!("{}{special}{}{special}", "x".repeat(at), "y".repeat(20));
            let mut out = Vec::new();
            json::string(&mut out, &text);
            let read: String = serde_json::from_slice(&out).expect("JSON");
            assert_eq!(read, text);
            let written = String::from_utf8(out).expect("UTF-8");
            assert!(!written.chars().any(tunlog_model::text::is_harmful), "{written:?}");
        }
    }
}
