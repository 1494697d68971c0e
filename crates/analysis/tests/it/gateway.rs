//! A made-up gateway that is one program, `gwd`: it writes as the real ones do, by names, by interfaces, by numbers and by
//! accounts. And a made-up client's tunnel program, `calld`.

use std::fmt::Write as _;

use tunlog_analysis::correlate::Options;
use tunlog_model::Attempt;
use tunlog_testkit::Log;

/// id, template, layer, event, further keys, example, its fields.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const GATEWAY: &[Row] = &[
    (
        "opened",
        "connection from <client_ip:ip>:<client_port:int> is <connection:word>",
        "control",
        "control-opened",
        "",
        "connection from 192.0.2.1:5000 is C-1",
        r#"client_ip = "192.0.2.1", client_port = 5000, connection = "C-1""#,
    ),
    (
        "opened-bare",
        "new connection from <client_ip:ip>",
        "control",
        "control-opened",
        r#"set = { protocol = "pptp" }"#,
        "new connection from 192.0.2.1",
        r#"client_ip = "192.0.2.1", protocol = "pptp""#,
    ),
    (
        "link",
        "connect: <interface:word> for <client_ip:ip>",
        "lcp",
        "link-up",
        "",
        "connect: ppp0 for 192.0.2.1",
        r#"interface = "ppp0", client_ip = "192.0.2.1""#,
    ),
    (
        "joins",
        "link <connection:word> joins <name:word>",
        "lcp",
        "link-up",
        "",
        "link C-1 joins B-1",
        r#"connection = "C-1", name = "B-1""#,
    ),
    (
        "call",
        "link <connection:word>: call accepted",
        "control",
        "call-started",
        "",
        "link C-1: call accepted",
        r#"connection = "C-1""#,
    ),
    (
        "login",
        "on <connection:word> login of <user:name>",
        "auth",
        "auth-succeeded",
        "",
        "on C-1 login of anna",
        r#"connection = "C-1", user = "anna""#,
    ),
    (
        "login-interface",
        "<interface:word> logged in <user:name>",
        "auth",
        "auth-succeeded",
        "",
        "ppp0 logged in anna",
        r#"interface = "ppp0", user = "anna""#,
    ),
    (
        "refused",
        "on <connection:word> wrong password of <user:name>",
        "auth",
        "auth-failed",
        r#"blames = "wrong-password""#,
        "on C-1 wrong password of anna",
        r#"connection = "C-1", user = "anna""#,
    ),
    (
        "refused-client",
        "login failure of <user:name> from <client_ip:ip>",
        "auth",
        "auth-failed",
        "",
        "login failure of anna from 192.0.2.1",
        r#"user = "anna", client_ip = "192.0.2.1""#,
    ),
    (
        "address",
        "on <connection:word> address <assigned_ip:ip>",
        "ipcp",
        "address-assigned",
        "",
        "on B-1 address 10.0.0.1",
        r#"connection = "B-1", assigned_ip = "10.0.0.1""#,
    ),
    (
        "started",
        "<interface:word> ppp started",
        "ipcp",
        "link-up",
        "",
        "ppp0 ppp started",
        r#"interface = "ppp0""#,
    ),
    (
        "ended",
        "<interface:word> terminated by peer",
        "lcp",
        "link-terminated",
        r#"end_reason = "user-request""#,
        "ppp0 terminated by peer",
        r#"interface = "ppp0""#,
    ),
    (
        "gone",
        "closed <connection:word>",
        "control",
        "control-closed",
        "",
        "closed C-1",
        r#"connection = "C-1""#,
    ),
    (
        "counted",
        "on <connection:word> sent <bytes_to_client:int> received <bytes_from_client:int>",
        "data",
        "traffic-counted",
        "",
        "on B-1 sent 5 received 6",
        r#"connection = "B-1", bytes_to_client = 5, bytes_from_client = 6"#,
    ),
    (
        "request",
        "event=request tunnel=<tunnel_id:int> gw=<client_ip:ip>",
        "control",
        "call-started",
        "",
        "event=request tunnel=1 gw=192.0.2.1",
        r#"tunnel_id = 1, client_ip = "192.0.2.1""#,
    ),
    (
        "up",
        "event=up iface=<interface:word> tunnel=<tunnel_id:int> session=<session_id:int> ip=<assigned_ip:ip> user=<user:name>",
        "control",
        "call-established",
        "",
        "event=up iface=l2tp_server tunnel=1 session=2 ip=10.0.0.1 user=anna",
        r#"interface = "l2tp_server", tunnel_id = 1, session_id = 2, assigned_ip = "10.0.0.1", user = "anna""#,
    ),
    (
        "session-closed",
        "event=closed iface=<interface:word> session=<session_id:int> tunnel=<tunnel_id:int>",
        "control",
        "call-closed",
        "",
        "event=closed iface=l2tp_server session=2 tunnel=1",
        r#"interface = "l2tp_server", session_id = 2, tunnel_id = 1"#,
    ),
    (
        "tunnel-closed",
        "event=tunnel_closed iface=<interface:word> tunnel=<tunnel_id:int>",
        "control",
        "tunnel-closed",
        "",
        "event=tunnel_closed iface=l2tp_server tunnel=1",
        r#"interface = "l2tp_server", tunnel_id = 1"#,
    ),
    (
        "first-packet",
        "first L2TP packet from <client_ip:ip>",
        "control",
        "tunnel-opened",
        r#"set = { protocol = "l2tp" }"#,
        "first L2TP packet from 192.0.2.1",
        r#"client_ip = "192.0.2.1", protocol = "l2tp""#,
    ),
    (
        "summary",
        "up by <protocol:word>: <user:name>",
        "ipcp",
        "link-up",
        "",
        "up by l2tp: anna",
        r#"protocol = "l2tp", user = "anna""#,
    ),
    (
        "account-in",
        "account <user:name> in with <assigned_ip:ip> from <client_ip:ip>",
        "auth",
        "auth-succeeded",
        "",
        "account anna in with 10.0.0.1 from 192.0.2.1",
        r#"user = "anna", assigned_ip = "10.0.0.1", client_ip = "192.0.2.1""#,
    ),
    (
        "account-out",
        "account out after <duration_s:int> s, <bytes_to_client:int>/<bytes_from_client:int>: <user:name>",
        "data",
        "traffic-counted",
        "",
        "account out after 9 s, 5/6: anna",
        r#"duration_s = 9, bytes_to_client = 5, bytes_from_client = 6, user = "anna""#,
    ),
    (
        "dynamic-up",
        "interface <connection:word> connected",
        "lcp",
        "link-up",
        "",
        "interface pptp-anna connected",
        r#"connection = "pptp-anna""#,
    ),
    (
        "dynamic-down",
        "interface <connection:word> disconnected",
        "lcp",
        "link-down",
        "",
        "interface pptp-anna disconnected",
        r#"connection = "pptp-anna""#,
    ),
    (
        "ike",
        "respond new phase 1 with <client_ip:ip>",
        "ike",
        "ike-started",
        "",
        "respond new phase 1 with 192.0.2.1",
        r#"client_ip = "192.0.2.1""#,
    ),
    (
        "ike-up",
        "IPsec-SA established with <client_ip:ip>",
        "ike",
        "child-established",
        "",
        "IPsec-SA established with 192.0.2.1",
        r#"client_ip = "192.0.2.1""#,
    ),
    (
        "no-mppe",
        "on <connection:word> MPPE refused",
        "ccp",
        "encryption-refused",
        r#"blames = "encryption-refused-by-client""#,
        "on C-1 MPPE refused",
        r#"connection = "C-1""#,
    ),
    (
        "stopping",
        "gwd stopped",
        "system",
        "daemon-stopped",
        "",
        "gwd stopped",
        "",
    ),
    (
        "chatter",
        "packet <connection:word> seen",
        "control",
        "control-message",
        "",
        "packet C-1 seen",
        r#"connection = "C-1""#,
    ),
    (
        "drop",
        "dropped <protocol:word> of <client_ip:ip>",
        "firewall",
        "packet-dropped",
        r#"blames = "gre-blocked""#,
        "dropped 47 of 192.0.2.1",
        r#"protocol = "47", client_ip = "192.0.2.1""#,
    ),
];

const CALLER: &[Row] = &[
    (
        "connected",
        "Client connection established.",
        "control",
        "control-opened",
        "",
        "Client connection established.",
        "",
    ),
    (
        "connected-to",
        "Calling <server_ip:ip>",
        "control",
        "control-opened",
        "",
        "Calling 192.0.2.1",
        r#"server_ip = "192.0.2.1""#,
    ),
    (
        "call",
        "Outgoing call established (call ID <call_id:int>)",
        "control",
        "call-established",
        "",
        "Outgoing call established (call ID 7)",
        "call_id = 7",
    ),
    (
        "closing",
        "Closing connection",
        "control",
        "control-closed",
        "",
        "Closing connection",
        "",
    ),
    (
        "unreachable",
        "Could not open control connection to <server_ip:ip>",
        "control",
        "control-error",
        r#"blames = "control-unreachable""#,
        "Could not open control connection to 192.0.2.1",
        r#"server_ip = "192.0.2.1""#,
    ),
];

fn dialect(app: &str, role: &str, rows: &[Row]) -> String {
    let mut out = format!("name = \"{app}\"\napps = [\"{app}\"]\nrole = \"{role}\"\n");
    for (number, (id, template, layer, event, more, line, fields)) in rows.iter().enumerate() {
        let _ = write!(
            out,
            "\n[[message]]\nid = \"{id}\"\ntemplate = '{template}'\nseverity = \"info\"\nlayer = \"{layer}\"\nevent = \"{event}\"\n{more}\n\
             source = \"a test\"\nmeaning = \"Meaning {number}.\"\ncause = \"none\"\naction = \"none\"\n\
             [[message.example]]\nline = '{line}'\nfrom = \"source\"\nfields = {{ {fields} }}\n",
        );
    }
    out
}

/// The attempts that a gateway's log tells of.
pub fn served(log: &str) -> Vec<Attempt> {
    served_with(log, Options::default())
}

/// The same within limits.
pub fn served_with(log: &str, options: Options) -> Vec<Attempt> {
    thread_local!(static LOG: Result<Log, Vec<String>> = Log::with_dialect("gwd", &dialect("gwd", "server", GATEWAY)));
    LOG.with(|log_of| told(log_of, log, options))
}

/// The attempts that a client's log tells of.
pub fn called(log: &str) -> Vec<Attempt> {
    thread_local!(static LOG: Result<Log, Vec<String>> = Log::with_dialect("calld", &dialect("calld", "caller", CALLER)));
    LOG.with(|log_of| told(log_of, log, Options::default()))
}

fn told(reader: &Result<Log, Vec<String>>, log: &str, options: Options) -> Vec<Attempt> {
    match reader {
        Ok(reader) => crate::attempts_with(reader, log, options),
        Err(problems) => panic!("{}", problems.join("\n")),
    }
}
