//! Filters, jails and an action for fail2ban (jail.conf(5), filters).

use std::fmt::Write as _;

use super::lines::{Dialect, Line, Writer, escape, head, regex};
use super::{File, SEVERITIES, banner, rules};

/// Files below fail2ban's folder.
pub fn files(writers: &[Writer]) -> Vec<File> {
    let mut files: Vec<File> = writers
        .iter()
        .map(|writer| File {
            path: format!("filter.d/tunlog-{}.conf", writer.dialect),
            text: filter(writer),
        })
        .collect();
    files.push(File {
        path: "filter.d/tunlog-findings.conf".to_owned(),
        text: findings(),
    });
    files.push(File {
        path: "action.d/tunlog.conf".to_owned(),
        text: ACTION.replace("BANNER\n", &banner("#")),
    });
    files.push(File {
        path: "jail.d/tunlog.conf".to_owned(),
        text: jails(writers),
    });
    files
}

/// In fail2ban's files `%` begins an interpolation.
fn literal(text: &str) -> String {
    escape(text).replace('%', "%%")
}

const DIALECT: Dialect = Dialect {
    address: "<ADDR>",
    name: ".*",
    literal,
};

fn filter(writer: &Writer) -> String {
    let mut out = banner("#");
    let _ = writeln!(
        out,
        "# Refused logins of {}, by lines that name the client's address and the user.",
        writer.dialect
    );
    if writer.claimed {
        out += CLAIMED;
    }
    if !writer.left_out.is_empty() {
        let _ = writeln!(
            out,
            "# Not used, since they do not tell both: {}.",
            writer.left_out.join(", ")
        );
    }
    out += "\n[Definition]\n";
    let head = head(writer).replace('%', "%%");
    let _ = writeln!(out, "prefregex = ^{head}<F-CONTENT>.+</F-CONTENT>$");
    write_list(&mut out, "failregex", &writer.lines);
    write_list(&mut out, "ignoreregex", &writer.others);
    out
}

fn write_list(out: &mut String, key: &str, lines: &[Line]) {
    let patterns: Vec<String> = lines
        .iter()
        .flat_map(|line| {
            line.patterns
                .iter()
                .map(|pattern| format!("^{}$", regex(pattern, &DIALECT)))
        })
        .collect();
    let _ = writeln!(out, "{key} = {}", patterns.join(&format!("\n{:1$}", "", key.len() + 3)));
}

const CLAIMED: &str = "# The address is Calling-Station-Id. With PPTP the gateway takes it from the socket; with L2TP some gateways pass on what
# the client says, and a client can then have anybody banned: see what yours sends before you enable the jail.
";

/// Findings: one line of JSON each. Names stand behind the addresses, and quotation marks in them are escaped.
fn findings() -> String {
    let mut out = banner("#");
    let rules = rules().join("|");
    let severities = SEVERITIES.join("|");
    out += "# What `tunlog detect -o jsonl` found: it joins the lines that fail2ban cannot join (pptpd with pppd, xl2tpd with
# pppd, accel-ppp, mpd). Run it by a timer and append:
#   tunlog detect --since -10m --severity medium -o jsonl >> /var/log/tunlog/findings.jsonl
# Of a finding with several sources the first is banned; `tunlog block --from` takes all of them.

[Definition]
";
    let _ = writeln!(
        out,
        r#"failregex = ^\{{"type":"finding","rule":"(?:{rules})","severity":"(?:{severities})","techniques":\[[^\]]*\],"sources":\["<ADDR>"(?:,"[^"]*")*\],"users":"#
    );
    out += "ignoreregex =\ndatepattern = \"alarm_time\":\"%%Y-%%m-%%dT%%H:%%M:%%S(?:\\.%%f)?Z\"\n";
    out
}

const ACTION: &str = "BANNER
# Bans by way of tunlog: PPTP with GRE, L2TP and IPsec are blocked and nothing else, never this machine's own addresses, its
# routers, its servers or the administrator, and every action stands in tunlog's ledger (`tunlog blocked`).

[Definition]
actionban = tunlog block <ip> --backend <firewall> --for <bantime>s --reason \"fail2ban <name>\" --no-log --quiet --apply
actionunban = tunlog unblock <ip> --backend <firewall> --quiet --apply

[Init]
# what blocks: nftables, iptables, ufw, pf. Never fail2ban, which would ask itself, whatever tunlog.toml says
firewall = nftables
";

/// Where the logs usually are.
fn log_of(dialect: &str) -> &'static str {
    match dialect {
        "freeradius" => "/var/log/freeradius/radius.log",
        "softether" => "/usr/local/vpnserver/server_log/*.log",
        _ => "/var/log/syslog",
    }
}

fn jails(writers: &[Writer]) -> String {
    let mut out = banner("#");
    out += "# Every jail is off: choose those whose logs you have, and set `enabled = true` in jail.d/tunlog.local.
# bantime, findtime and maxretry are fail2ban's own defaults unless you say otherwise; people who mistype are many more than
# guessers are (docs/detection.md of tunlog has figures), so 5 in ten minutes bans offices.

[tunlog]
# bans by hand (`tunlog block --backend fail2ban`), and those that tunlog found
enabled  = false
filter   = tunlog-findings
logpath  = /var/log/tunlog/findings.jsonl
maxretry = 1
action   = tunlog
";
    for writer in writers {
        let (name, log) = (writer.dialect, log_of(writer.dialect));
        let _ = write!(
            out,
            "\n[tunlog-{name}]\nenabled  = false\nfilter   = tunlog-{name}\nlogpath  = {log}\naction   = tunlog\n"
        );
    }
    out
}
