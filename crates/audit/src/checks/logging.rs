//! What keeps logs: logrotate, journald, rsyslog.

use crate::parse::ini::{self, Entry, Ini};
use crate::parse::logrotate::{Stanza, stanzas};
use crate::parse::rsyslog::{Statement, statements};
use crate::{Check, ConfigFile, Family, Kind, Report, Rule, Setup, Severity};

/// The family.
pub const FAMILY: Family = Family {
    name: "logging",
    title: "Keeping logs: logrotate, journald, rsyslog",
    rules: &[COPYTRUNCATE, RETENTION, READABLE, VOLATILE, RATE, NOT_SENT],
    run,
};

const COPYTRUNCATE: Rule = Rule {
    id: "logrotate-copytruncate",
    severity: Severity::Low,
    title: "Lines are lost when the log is rotated",
    finds: "`copytruncate` for a log that VPN daemons write to.",
    why: "What is written between the copy and the cut is lost, and whoever follows the file may read lines twice.",
    wrong: "A daemon that cannot be told to open its log again.",
    action: "Replace it by `create 0640 root adm` and a `postrotate` that tells the daemon.",
    reference: "logrotate(8), copytruncate (\"there is a very small time slice between copying the file and truncating it, so some logging data might be lost\")",
};

const RETENTION: Rule = Rule {
    id: "log-retention",
    severity: Severity::Low,
    title: "Logs are kept for less than four weeks",
    finds: "logrotate: `rotate` times its period is below 28 days for a log that VPN daemons write to. journald: `MaxRetentionSec` below 28 days.",
    why: "Break-ins are often found later than that; slow guessing needs weeks of log to be seen.",
    wrong: "Another machine keeps them.",
    action: "Write `weekly` and `rotate 13`, or keep the logs elsewhere; mind what the law of the land allows.",
    reference: "logrotate(8), rotate; journald.conf(5), MaxRetentionSec",
};

const READABLE: Rule = Rule {
    id: "log-file-readable",
    severity: Severity::Medium,
    title: "Logs are readable by everybody",
    finds: "logrotate's `create` or rsyslog's `$FileCreateMode`, `fileCreateMode` with a mode that lets others read.",
    why: "User names, addresses, and with `debug` log-ins that can be cracked, stand there for every account of the machine.",
    wrong: "Logs that no VPN daemon writes to.",
    action: "Write mode 0640 and a group of administrators.",
    reference: "logrotate(8), create; rsyslog, fileCreateMode: https://www.rsyslog.com/doc/reference/parameters/omfile-filecreatemode.html",
};

const VOLATILE: Rule = Rule {
    id: "journald-volatile",
    severity: Severity::Medium,
    title: "The journal is gone after a restart",
    finds: "`Storage=volatile` or `Storage=none` in journald.conf.",
    why: "Whoever restarts the machine, or makes it restart, clears the log.",
    wrong: "rsyslog writes everything to files, or another machine keeps it.",
    action: "Write `Storage=persistent`.",
    reference: "journald.conf(5), Storage: https://www.freedesktop.org/software/systemd/man/latest/journald.conf.html",
};

const RATE: Rule = Rule {
    id: "log-rate-limit",
    severity: Severity::Medium,
    title: "Lines may be dropped",
    finds: "journald's or rsyslog's rate limit below 1000 messages in 30 s, or the default limit while pppd writes debugging lines.",
    why: "When many clients come back at once, or somebody tries passwords, the lines that matter are those that are dropped.",
    wrong: "A gateway with few clients.",
    action: "journald: `RateLimitBurst=100000` with `RateLimitIntervalSec=30s`; rsyslog: `$SystemLogRateLimitInterval 0`; and no `debug`.",
    reference: "journald.conf(5), RateLimitBurst (default 10000 in 30 s): https://www.freedesktop.org/software/systemd/man/latest/journald.conf.html",
};

const NOT_SENT: Rule = Rule {
    id: "log-not-sent",
    severity: Severity::Medium,
    title: "Logs are kept on the gateway alone",
    finds: "rsyslog.conf was read, and neither it nor rsyslog.d sends anything to another machine.",
    why: "Whoever takes over the gateway takes the traces along.",
    wrong: "Something else carries the logs away: journal-upload, an agent, tunlog's own store with a witness.",
    action: "Add a line such as `*.* @@log.example.net:6514` with TLS, or an `action(type=\"omfwd\" …)`.",
    reference: "rsyslog.conf(5), Remote machine; NSA/CISA, Selecting and Hardening Remote Access VPN Solutions (U/OO/186992-21), monitor access",
};

/// Days that logs should be kept, at least.
const DAYS_MIN: u32 = 28;
/// journald's limit by default is ten times this.
const BURST_MIN: u32 = 1000;

fn run(setup: &Setup<'_>, report: &mut Report) {
    for file in setup.of(Kind::Logrotate) {
        rotations(file, report);
    }
    let debug = setup.pppd.iter().any(|pppd| pppd.debug.is_some());
    for file in setup.of(Kind::Journald) {
        journal(file, debug, report);
    }
    let mut sent = false;
    for file in setup.of(Kind::Rsyslog) {
        for statement in statements(&file.text) {
            sent |= statement.sends_away();
            syslog(file, &statement, report);
        }
    }
    if let Some(file) = setup
        .of(Kind::Rsyslog)
        .find(|file| file.name() == "rsyslog.conf")
        .filter(|_| !sent)
    {
        report.add(Check::new(&NOT_SENT, "no log is sent to another machine").file(&file.path));
    }
}

/// Logs that VPN daemons write to, or that are everything's.
fn is_vpn_log(path: &str) -> bool {
    const NAMES: [&str; 16] = [
        "syslog",
        "messages",
        "daemon",
        "ppp",
        "pptp",
        "l2tp",
        "charon",
        "ipsec",
        "pluto",
        "strongswan",
        "libreswan",
        "radius",
        "accel",
        "vpn",
        "auth.log",
        "secure",
    ];
    NAMES.iter().any(|name| path.contains(name)) || path == "/var/log/*.log" || path == "/var/log/*"
}

fn rotations(file: &ConfigFile, report: &mut Report) {
    let all = stanzas(&file.text);
    let Some((global, rest)) = all.split_first() else {
        return;
    };
    for stanza in rest
        .iter()
        .filter(|stanza| stanza.logs.iter().any(|log| is_vpn_log(log)))
    {
        let log = stanza
            .logs
            .iter()
            .find(|log| is_vpn_log(log))
            .map_or("", String::as_str);
        let has = |word: &str| stanza.get(word).or(global.get(word));
        if let Some(found) = has("copytruncate").filter(|_| stanza.get("nocopytruncate").is_none()) {
            report
                .add(Check::new(&COPYTRUNCATE, format!("{log}: copytruncate loses lines")).at(&file.path, found.line));
        }
        if let Some(found) = has("create")
            && let Some(mode) = found
                .rest
                .split_whitespace()
                .next()
                .and_then(|mode| u32::from_str_radix(mode, 8).ok())
            && mode & 0o004 != 0
        {
            report.add(Check::new(&READABLE, format!("{log} is made with mode {mode:04o}")).at(&file.path, found.line));
        }
        if let (Some(days), Some(found)) = (days(stanza, global), has("rotate"))
            && days < DAYS_MIN
        {
            report.add(Check::new(&RETENTION, format!("{log} is kept for {days} days")).at(&file.path, found.line));
        }
    }
}

/// How long logs are kept; none if it goes by size.
fn days(stanza: &Stanza, global: &Stanza) -> Option<u32> {
    let has = |word: &str| stanza.get(word).is_some() || global.get(word).is_some();
    if stanza.get("size").is_some() {
        return None;
    }
    let own = [("daily", 1), ("weekly", 7), ("monthly", 30), ("yearly", 365)];
    let period = own
        .iter()
        .find(|(word, _)| stanza.get(word).is_some())
        .or_else(|| own.iter().find(|(word, _)| has(word)));
    let count = stanza.get("rotate").or(global.get("rotate"))?;
    Some(period?.1 * count.rest.parse::<u32>().ok()?.min(10_000))
}

fn journal(file: &ConfigFile, debug: bool, report: &mut Report) {
    let conf = Ini::parse(&file.text, ini::SYSTEMD);
    let get = |key: &str| conf.get("journal", key);
    if let Some(found) = get("storage").filter(|found| matches!(found.value.as_str(), "volatile" | "none")) {
        report.add(
            Check::new(
                &VOLATILE,
                format!("Storage={}: the journal is gone after a restart", found.value),
            )
            .at(&file.path, found.line),
        );
    }
    if let Some(found) = get("maxretentionsec")
        && let Some(seconds) =
            seconds(&found.value).filter(|seconds| (1..u64::from(DAYS_MIN) * 86_400).contains(seconds))
    {
        report.add(
            Check::new(&RETENTION, format!("the journal is kept for {} days", seconds / 86_400))
                .at(&file.path, found.line),
        );
    }
    let number = |found: &Entry| found.value.parse::<u32>().ok();
    let is_off = get("ratelimitintervalsec").is_some_and(|found| seconds(&found.value) == Some(0))
        || get("ratelimitburst").and_then(number) == Some(0);
    match get("ratelimitburst").and_then(|found| Some((found, number(found)?))) {
        _ if is_off => {}
        Some((found, burst)) if burst < BURST_MIN => {
            report.add(
                Check::new(&RATE, format!("journald drops what exceeds {burst} messages")).at(&file.path, found.line),
            );
        }
        None if debug => {
            report.add(Check::new(&RATE, "journald's default limit, and pppd writes debugging lines").file(&file.path))
        }
        _ => {}
    }
}

/// A span of systemd.time(7): a number of seconds, or numbers with units.
fn seconds(value: &str) -> Option<u64> {
    let mut total = 0_u64;
    let mut rest = value.trim();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "" | "s" | "sec" | "second" | "seconds" => 1,
            "m" | "min" | "minute" | "minutes" => 60,
            "h" | "hr" | "hour" | "hours" => 3600,
            "d" | "day" | "days" => 86_400,
            "w" | "week" | "weeks" => 604_800,
            "M" | "month" | "months" => 2_629_800,
            "y" | "year" | "years" => 31_557_600,
            _ => return None,
        };
        total = total.saturating_add(number.saturating_mul(unit));
        rest = rest[letters..].trim_start();
    }
    Some(total)
}

fn syslog(file: &ConfigFile, statement: &Statement, report: &mut Report) {
    let (settings, line): (Vec<(&str, &str)>, u32) = match statement {
        Statement::Directive { name, value, line } => (vec![(name, value)], *line),
        Statement::Object { parameters, line, .. } => (
            parameters
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str()))
                .collect(),
            *line,
        ),
        Statement::Action { .. } => return,
    };
    for (key, value) in settings {
        let readable = key == "filecreatemode" && u32::from_str_radix(value, 8).is_ok_and(|mode| mode & 0o004 != 0);
        if readable {
            report.add(Check::new(&READABLE, format!("logs are made with mode {value}")).at(&file.path, line));
        }
        let burst = [
            "systemlogratelimitburst",
            "imjournalratelimitburst",
            "syssock.ratelimit.burst",
            "ratelimit.burst",
        ]
        .contains(&key);
        if burst && value.parse::<u32>().is_ok_and(|burst| burst > 0 && burst < BURST_MIN) {
            report.add(Check::new(&RATE, format!("rsyslog drops what exceeds {value} messages")).at(&file.path, line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn spans_are_systemds() {
        assert_eq!(seconds("2week"), Some(1_209_600));
        assert_eq!(seconds("1h 30min"), Some(5400));
        assert_eq!(seconds("0"), Some(0));
        assert_eq!(seconds("soon"), None);
    }
}
