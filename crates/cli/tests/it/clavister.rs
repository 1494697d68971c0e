//! The L2TP category of Clavister cOS Core, all of it, in every form in which its lines reach a log.
//! The lines are built from the reference; none was seen on a wire.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::harness::Folder;

/// Id, name, prio, keys, text.
const L2TP: &str = r#"02800001|l2tpclient_resolve_successful|2|iface=l2tp_office remotegwname=vpn.example.com remotegw=203.0.113.7|L2TP client l2tp_office resolved vpn.example.com to 203.0.113.7
02800002|l2tpclient_resolve_failed|3|iface=l2tp_office remotegwname=vpn.example.com|L2TP client l2tp_office failed to resolve vpn.example.com
02800003|l2tpclient_init|2|iface=l2tp_office remotegw=203.0.113.7|L2TP client initialized, request sent to server on 203.0.113.7
02800004|l2tp_connection_disallowed|2|rule=l2tp_users tunnelid=7 sessionid=21|L2TP connection disallowed according to rule l2tp_users! Tunnel ID: 7, Session ID: 21
02800005|unknown_l2tp_auth_source|3|rule=l2tp_users tunnelid=7 sessionid=21|Unknown L2TP authentication source for l2tp_users! Tunnel ID: 7, Session ID: 21
02800006|only_routes_set_up_by_server_iface_allowed|3|action=drop iface=l2tp_office|L2TP server l2tp_office received a packet routed by a route not set up by the interface itself. Dropping packet
02800007|l2tp_session_closed|2|iface=l2tp_office sessionid=21 tunnelid=7|Closed L2TP session. Session ID: 21, Tunnel ID: 7
02800008|l2tp_tunnel_closed|2|iface=l2tp_office tunnelid=7|Closed L2TP tunnel. Tunnel ID: 7, Interface: l2tp_office.
02800009|session_closed|3|iface=l2tp_office sessionid=21 remotegw=203.0.113.7|MPPE failed but is required, closing session 21 to 203.0.113.7 on l2tp_office
02800010|l2tp_session_request|2|tunnelid=7|L2TP session request sent. Tunnel ID: 7
02800011|l2tp_session_up|2|tunnelid=7 sessionid=21 auth=MS-CHAPv2 mppe="128 bit"|L2TP session up. Tunnel ID: 7, Session ID: 21, Auth: MS-CHAPv2, MPPE: 128 bit
02800014|l2tp_no_userauth_rule_found|3|tunnelid=7 sessionid=21|Did not find a matching userauth rule for this L2TP server! Tunnel ID: 7, Session ID: 21
02800015|l2tp_session_request|2|tunnelid=7|L2TP session request received. Tunnel ID: 7
02800016|l2tp_session_up|2|tunnelid=7 sessionid=21 user=anna auth=MS-CHAPv2 mppe="128 bit" assigned_ip=192.0.2.5|L2TP session up. Tunnel ID: 7, Session ID: 21, User: anna, Auth: MS-CHAPv2, MPPE: 128 bit, Assigned IP: 192.0.2.5
02800017|failure_init_radius_accounting|3|action=accounting_disabled|Failed to send Accounting Start to RADIUS Accounting Server. Accounting will be disabled
02800018|l2tpclient_tunnel_up|2|tunnelid=7 iface=l2tp_office remotegw=203.0.113.7|L2TP tunnel to 203.0.113.7 is up. Tunnel ID: 7
02800019|malformed_packet|3|iface=l2tp_office remotegw=203.0.113.7 error_code=4|Malformed packet received from 203.0.113.7 on tunnel l2tp_office. Error code: 4
02800020|unknown_ctrl_conn_id|3|iface=l2tp_office remotegw=203.0.113.7 ctrlconnid=3141592|Unknown Control Connection ID 3141592 from 203.0.113.7 on tunnel l2tp_office.
02800037|l2tp_session_closed|2|iface=l2tp_office sessionid=21 ctrlconnid=3141592|Closed L2TP session. Session ID: 21, Tunnel ID: 3141592
02800038|l2tp_tunnel_closed|2|iface=l2tp_office ctrlconnid=3141592|Closed L2TP tunnel. Tunnel ID: 3141592, Interface: l2tp_office.
02800045|l2tp_session_request|2|ctrlconnid=3141592|L2TP session request received. Control Connection ID: 3141592
02800046|l2tp_session_up|2|ctrlconnid=3141592 sessionid=21|L2TP session up. Control Connection ID: 3141592, Session ID: 21
02800047|l2tp_session_up|2|ctrlconnid=3141592 sessionid=21|L2TP session up. Control Connection ID: 3141592, Session ID: 21
02800050|waiting_for_ip_to_listen_on|2|iface=l2tp_office|L2TP server l2tp_office cannot start until it has an IP address to listen on
02800060|no_session_found|3|iface=l2tp_office remotegw=203.0.113.7|No session found for message sent from 203.0.113.7 on tunnel l2tp_office."#;

/// Ids whose text is that of another, which comes first.
const TWINS: &[(&str, &str)] = &[
    ("02800037", "02800007"),
    ("02800038", "02800008"),
    ("02800047", "02800046"),
];

struct Row {
    id: &'static str,
    name: &'static str,
    prio: u32,
    keys: &'static str,
    text: &'static str,
}

fn rows() -> impl Iterator<Item = Row> {
    L2TP.lines().map(|line| {
        let mut parts = line.split('|');
        let mut part = || parts.next().expect("five parts");
        let (id, name, prio) = (part(), part(), part().parse().expect("a number"));
        Row {
            id,
            name,
            prio,
            keys: part(),
            text: part(),
        }
    })
}

impl Row {
    fn wire(&self, rev: u32) -> String {
        let line = format!(
            "prio={} id={} rev={rev} event={} {}",
            self.prio, self.id, self.name, self.keys
        );
        format!("EFW: L2TP: {}", line.trim_end())
    }

    /// Every form; whether it is prose.
    fn forms(&self) -> Vec<(String, bool)> {
        let (wire, pri) = (self.wire(1), 128 + 7 - self.prio);
        let (bare, zeros) = (wire.trim_start_matches("EFW: "), self.id.trim_start_matches('0'));
        let mut forms = vec![
            format!("<{pri}>[2026-03-02 08:00:01] {wire}"),
            format!("[2026-03-02 08:00:01] {wire}"),
            format!("<{pri}[2026-03-02 08:00:01] {wire}"),
            format!("<134>[2026-03-02 08:00:01] {} extra=1 authrule=\"a b\"", self.wire(3)),
            format!("2026-03-02 08:00:01\tLocal0.Notice\t198.51.100.10\t[2026-03-02 07:59:01] {wire}"),
            format!("<134>Mar  2 08:00:01 fw {wire}"),
            format!("Mar  2 08:00:01 fw {wire}"),
            format!("Mar  2 08:00:01 fw [2026-03-02 08:00:01] {wire}"),
            format!("<{pri}>1 2026-03-02T08:00:01Z fw EFW - - - {bare}"),
            format!("<{pri}>1 2026-03-02T08:00:01Z fw - - - - [2026-03-02 08:00:01] {wire}"),
            format!(
                "<1>1 2026-03-02T08:00:01Z 15c8cb06-465b-48b2-b7f7-b6c206e749dc L2TP : id={zeros} event={} [message=L2TP ][l2tp [tunnel {} ]]",
                self.name, self.keys
            ),
        ];
        let prose = [
            format!("Mar  2 08:00:01 fw EFW: {}", self.text),
            format!("Mar  2 08:00:01 fw EFW: L2TP: {}", self.text),
            format!("<{pri}>[2026-03-02 08:00:01] EFW: {}", self.text),
            format!("Mar  2 08:00:01 fw clavister: {}", self.text),
            format!("Mar  2 08:00:01 fw {}", self.text),
            self.text.to_owned(),
        ];
        let mut all: Vec<(String, bool)> = forms.drain(..).map(|line| (line, false)).collect();
        all.extend(prose.into_iter().map(|line| (line, true)));
        all
    }

    /// The id that the prose is read as.
    fn told(&self) -> &'static str {
        TWINS
            .iter()
            .find(|(id, _)| *id == self.id)
            .map_or(self.id, |(_, first)| first)
    }
}

/// What stands behind a key, up to the next mark.
fn after<'o>(line: &'o str, key: &str) -> &'o str {
    let rest = line.split_once(key).map_or("", |(_, rest)| rest);
    &rest[..rest.find([',', '"', '}']).unwrap_or(rest.len())]
}

#[test]
fn every_message_is_told_in_every_form() {
    let (mut log, mut want) = (String::new(), Vec::new());
    for row in rows() {
        for (line, prose) in row.forms() {
            let _ = writeln!(log, "{line}");
            want.push((line, if prose { row.told() } else { row.id }));
        }
    }
    assert_eq!(want.len(), 25 * 17);
    let folder = Folder::new();
    folder.bytes("log", log.as_bytes());
    let out = folder.run(&["decode", "--json", "--year", "2026", "log"]).good();
    let seen: BTreeMap<usize, &str> = out
        .lines()
        .map(|line| {
            (
                after(line, "\"line\":").parse().expect("a number"),
                after(line, "\"message\":\"clavister/"),
            )
        })
        .collect();
    let wrong: Vec<String> = (1..)
        .zip(&want)
        .filter(|(number, (_, id))| seen.get(number) != Some(id))
        .map(|(number, (line, id))| format!("{id}, not {:?}: {line}", seen.get(&number)))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        want.len(),
        wrong.join("\n")
    );
    assert!(folder.run(&["unknown", "--json", "log"]).out.is_empty());
}

#[test]
fn the_firewall_says_how_grave_it_is() {
    // the priority of a relay is one for all; so is InControl's
    let row = rows().nth(8).expect("02800009");
    for (line, _) in row.forms() {
        let folder = Folder::new();
        folder.bytes("log", line.as_bytes());
        let out = folder.run(&["decode", "--json", "--year", "2026", "log"]).good();
        assert_eq!(after(&out, "\"severity\":\""), "warning", "{line}");
    }
}

#[test]
fn a_line_and_a_code_are_explained_as_the_reference_has_them() {
    let folder = Folder::new();
    for row in rows() {
        let explained = |asked: &str| folder.run(&["explain", "--json", asked]).good();
        for asked in [row.id.to_owned(), format!("clavister/{}", row.id), row.wire(1)] {
            let out = explained(&asked);
            assert_eq!(after(&out, "\"id\":\"clavister/"), row.id, "{asked}");
            assert_eq!(after(&out, "\"name\":\""), row.name, "{asked}");
            assert_eq!(after(&out, "\"revision\":"), "1", "{asked}");
        }
        assert_eq!(after(&explained(row.text), "\"id\":\"clavister/"), row.told());
    }
    let one = folder.run(&["explain", "--json", "02800009"]).good();
    for part in [
        r#""template":"MPPE failed but is required, closing session <sessionid> to <remotegw> on <iface>""#,
        r#""severity":"warning""#,
        r#""firewall_action":"None""#,
        r#""parameters":["iface","sessionid","remotegw"]"#,
    ] {
        assert!(one.contains(part), "{part} in {one}");
    }
}

#[test]
fn a_day_of_a_firewall_is_understood() {
    let log = include_str!("../../../analysis/tests/fixtures/clavister.log");
    let folder = Folder::new();
    folder.bytes("log", log.as_bytes());
    let out = folder.run(&["decode", "--json", "log"]).good();
    // all but the one connection that is no VPN's
    assert_eq!(out.lines().count(), log.lines().count() - 1, "{out}");
    assert!(!out.contains("-other\""), "{out}");
    assert!(folder.run(&["unknown", "--json", "log"]).out.is_empty());
}
