//! Parser and scenarios for CrowdSec (docs.crowdsec.net: parsers, scenarios, grok patterns of RE2).

use std::fmt::Write as _;

use super::lines::{Dialect, Line, Writer, escape, regex, short_head};
use super::{File, banner};

/// Files below CrowdSec's folder. Without the ASA: with its spellings CrowdSec's grok library (tried with 1.4.6) loses count of the groups
/// and takes the name for the address.
pub fn files(writers: &[Writer]) -> Vec<File> {
    let writers: Vec<&Writer> = writers.iter().filter(|writer| writer.dialect != "cisco").collect();
    let mut files: Vec<File> = writers
        .iter()
        .map(|writer| File {
            path: format!("parsers/s01-parse/tunlog-{}.yaml", writer.dialect),
            text: parser(writer),
        })
        .collect();
    files.push(File {
        path: "parsers/s01-parse/tunlog-0-time.yaml".to_owned(),
        text: time(&writers),
    });
    files.push(File {
        path: "scenarios/tunlog-vpn-bf.yaml".to_owned(),
        text: scenario(
            "vpn-bf",
            "5 refused VPN logins of one address, one forgiven every two minutes",
            GUESS,
        ),
    });
    files.push(File {
        path: "scenarios/tunlog-vpn-user-enum.yaml".to_owned(),
        text: scenario("vpn-user-enum", "5 names tried from one address", ENUMERATION),
    });
    files
}

const DIALECT: Dialect = Dialect {
    address: "%{IP:source_ip}",
    name: "%{GREEDYDATA:user}",
    literal: escape,
};

/// A YAML string in single quotation marks.
fn yaml(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn parser(writer: &Writer) -> String {
    let mut out = banner("#");
    if writer.claimed {
        out += "# The address is Calling-Station-Id, which some gateways take from the client: see what yours sends first.\n";
    }
    let programs: Vec<String> = writer.programs.iter().map(|program| format!("'{program}'")).collect();
    // the syslog parser of the stage before has cut off its header; lines of a file still have theirs
    let _ = write!(
        out,
        "onsuccess: next_stage\nname: tunlog/{name}\ndescription: refused VPN logins of {name}\n\
         filter: \"evt.Line.Labels.type == '{name}' || evt.Parsed.program in [{programs}]\"\nnodes:\n",
        name = writer.dialect,
        programs = programs.join(", "),
    );
    // the first that fits decides: what only looks like a guess comes first
    for (lines, kind) in [
        (&writer.others, "vpn_refused_otherwise"),
        (&writer.lines, "vpn_failed_auth"),
    ] {
        for line in lines {
            write_line(&mut out, line, short_head(writer), kind);
        }
    }
    out += "statics:\n  - meta: service\n    value: vpn\n  - meta: source_ip\n    expression: evt.Parsed.source_ip\n  - meta: target_user\n    expression: evt.Parsed.user\n";
    out
}

/// The time of lines that no syslog parser has cut. A parser of its own, before the others: CrowdSec's grok library (1.4.6) loses count of
/// the groups between two names, and takes the name for the address, where optional ones stand there.
fn time(writers: &[&Writer]) -> String {
    let types: Vec<String> = writers.iter().map(|writer| format!("'{}'", writer.dialect)).collect();
    format!(
        "{}name: tunlog/time\ndescription: the time of lines of VPN gateways\nfilter: \"evt.Line.Labels.type in [{}]\"\n\
         pattern_syntax:\n  TUNLOG_TIME: {}\n\
         grok:\n  apply_on: message\n  pattern: '^%{{TUNLOG_TIME:tunlog_time}}'\n\
         statics:\n  - target: evt.StrTime\n    expression: evt.Parsed.tunlog_time\n",
        banner("#"),
        types.join(", "),
        yaml(TIME)
    )
}

fn write_line(out: &mut String, line: &Line, head: &str, kind: &str) {
    let _ = writeln!(out, "  # {}", line.id);
    for pattern in &line.patterns {
        let whole = format!(
            "^(?:{TIME} ?(?:[0-9A-Za-z._-]+ )?)?(?:{head})?{}$",
            regex(pattern, &DIALECT)
        );
        let _ = write!(
            out,
            "  - grok:\n      apply_on: message\n      pattern: {}\n    statics:\n      - meta: log_type\n        value: {kind}\n",
            yaml(&whole)
        );
    }
}

/// The time of a line of the writer's own file: `Wed Nov 19 12:00:00 2025`, `2025-11-19 12:00:00.123`.
const TIME: &str =
    r"(?:[A-Z][a-z]{2} )?(?:[A-Z][a-z]{2} +\d+|\d{4}-\d{2}-\d{2})[ T]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?: \d{4})?";

const GUESS: &str =
    "capacity: 5\nleakspeed: 2m\nblackhole: 5m\nlabels:\n  service: vpn\n  type: bruteforce\n  remediation: true\n";
const ENUMERATION: &str = "distinct: evt.Meta.target_user\ncapacity: 5\nleakspeed: 10m\nblackhole: 5m\nlabels:\n  service: vpn\n  type: bruteforce\n  remediation: true\n";

fn scenario(name: &str, description: &str, rest: &str) -> String {
    format!(
        "{}type: leaky\nname: tunlog/{name}\ndescription: {}\nfilter: \"evt.Meta.log_type == 'vpn_failed_auth'\"\ngroupby: evt.Meta.source_ip\n{rest}",
        banner("#"),
        yaml(description)
    )
}
