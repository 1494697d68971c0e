//! PPTP at all, and pptpd's own file.

use crate::parse::pptpd::{Pptpd, addresses};
use crate::{Check, ConfigFile, Family, Kind, Report, Rule, Setup, Severity};

/// The family.
pub const FAMILY: Family = Family {
    name: "pptp",
    title: "PPTP, and pptpd.conf",
    rules: &[
        IN_USE,
        OPTIONS,
        IPPARAM,
        CONNECTIONS,
        RANGE,
        TIMEOUT,
        LISTEN,
        WTMP,
        DEBUG,
        IGNORED,
    ],
    run,
};

const IN_USE: Rule = Rule {
    id: "pptp-offered",
    severity: Severity::High,
    title: "PPTP is offered",
    finds: "A PPTP server that is set up: pptpd.conf, accel-ppp's module pptp, RouterOS's pptp-server.",
    why: "MS-CHAPv2 comes down to one search for a DES key: whoever records a log-in gets the hash of the password, and with it the account and the traffic, however long the password is. Microsoft says so since 2012; Windows, Apple and others take PPTP away.",
    wrong: "PPTP only carries EAP-TLS, or runs inside another tunnel.",
    action: "Plan the move to IKEv2, WireGuard or L2TP inside IPsec; `tunlog clients` shows who uses PPTP now.",
    reference: "Microsoft Security Advisory 2743314: https://learn.microsoft.com/en-us/security-updates/securityadvisories/2012/2743314",
};

const OPTIONS: Rule = Rule {
    id: "pptpd-options-missing",
    severity: Severity::Medium,
    title: "The options file of pptpd is not there",
    finds: "`option` in pptpd.conf names a file that is not among those that were read, though its folder was.",
    why: "pppd ends before it begins, and the client sees a connection that closes.",
    wrong: "The file lies outside of what was given.",
    action: "Write the path of the file that is meant.",
    reference: "pptpd.conf(5), option",
};

const IPPARAM: Rule = Rule {
    id: "pptpd-noipparam",
    severity: Severity::Low,
    title: "The client's address does not reach pppd",
    finds: "`noipparam` in pptpd.conf.",
    why: "pptpd no longer passes the client's address to pppd and its scripts: a session cannot be tied to an address any more.",
    wrong: "A script needs `ipparam` for something else.",
    action: "Remove `noipparam`.",
    reference: "pptpd.conf(5), noipparam",
};

const CONNECTIONS: Rule = Rule {
    id: "pptpd-connections",
    severity: Severity::Low,
    title: "More connections than addresses",
    finds: "`connections` differs from the number of addresses in `remoteip`, where both are set.",
    why: "pptpd lowers the number, or refuses clients while addresses are free: \"No free connection slots or IPs\".",
    wrong: "RADIUS or chap-secrets assign the addresses.",
    action: "Make `connections` as many as `remoteip` has addresses.",
    reference: "pptpd.conf(5), connections, remoteip",
};

const RANGE: Rule = Rule {
    id: "pptpd-range",
    severity: Severity::Medium,
    title: "Addresses that pptpd does not understand",
    finds: "`localip` or `remoteip` with blanks, with an end before its beginning, or with what is no address.",
    why: "pptpd ends or has no addresses to give.",
    wrong: "Never.",
    action: "Write 192.168.0.10-60,192.168.0.70: ranges of the last number, commas, no blanks.",
    reference: "pptpd.conf(5), localip, remoteip",
};

const TIMEOUT: Rule = Rule {
    id: "pptpd-stimeout",
    severity: Severity::Low,
    title: "Silent connections are kept for long",
    finds: "`stimeout` above 60 seconds; the default is 10.",
    why: "Each connection that says nothing holds a process and a slot meanwhile: a few hundred shut the service.",
    wrong: "Clients on very slow links.",
    action: "Write `stimeout 10`.",
    reference: "pptpd.conf(5), stimeout",
};

const LISTEN: Rule = Rule {
    id: "pptpd-listen",
    severity: Severity::Info,
    title: "pptpd listens on every address",
    finds: "pptpd.conf without `listen`.",
    why: "Inner networks reach it too, and each new interface is served unasked.",
    wrong: "A packet filter decides who reaches TCP 1723, or the address changes.",
    action: "Write `listen` with the outer address.",
    reference: "pptpd.conf(5), listen",
};

const WTMP: Rule = Rule {
    id: "pptpd-logwtmp",
    severity: Severity::Info,
    title: "Log-ins are not written to wtmp",
    finds: "pptpd.conf without `logwtmp`.",
    why: "`last` knows nothing of the clients: one trace less when the log is gone.",
    wrong: "RADIUS accounting keeps them.",
    action: "Add `logwtmp`.",
    reference: "pptpd.conf(5), logwtmp",
};

const DEBUG: Rule = Rule {
    id: "pptpd-debug",
    severity: Severity::Low,
    title: "pptpd writes debugging lines",
    finds: "`debug` in pptpd.conf.",
    why: "Many lines for each connection: they fill the log and may be dropped together with those that matter.",
    wrong: "While a fault is looked for.",
    action: "Remove `debug`.",
    reference: "pptpd.conf(5), debug",
};

const IGNORED: Rule = Rule {
    id: "pptpd-ignored-line",
    severity: Severity::Low,
    title: "A line of pptpd.conf that does not count",
    finds: "Lines that begin with a blank, keywords that pptpd does not know, and keywords that stand above already.",
    why: "The setting is not in force, though it looks so.",
    wrong: "Never.",
    action: "Mend the line or remove it.",
    reference: "pptpd.conf(5); configfile.c of pptpd",
};

/// pptpd's own.
const CONNECTIONS_DEFAULT: u32 = 100;
/// Six times the default.
const TIMEOUT_S_MAX: u32 = 60;

fn run(setup: &Setup<'_>, report: &mut Report) {
    for place in &setup.pptp {
        report.add(
            Check::new(
                &IN_USE,
                "PPTP is offered: its log-ins can be cracked and its encryption read",
            )
            .at(place.file, place.line),
        );
    }
    for file in setup.of(Kind::Pptpd) {
        let conf = Pptpd::parse(&file.text);
        if conf.settings.is_empty() {
            continue;
        }
        settings(file, &conf, report);
        options(setup, file, &conf, report);
        ranges(file, &conf, report);
        for fault in &conf.faults {
            report.add(
                Check::new(&IGNORED, format!("this line does not count: {}", fault.what)).at(&file.path, fault.line),
            );
        }
    }
}

fn settings(file: &ConfigFile, conf: &Pptpd, report: &mut Report) {
    let path = &file.path;
    let present = [
        (
            "noipparam",
            &IPPARAM,
            "noipparam: the client's address does not reach pppd",
        ),
        ("debug", &DEBUG, "debug is on"),
    ];
    for (keyword, rule, summary) in present {
        if let Some(setting) = conf.setting(keyword) {
            report.add(Check::new(rule, summary).at(path, setting.line));
        }
    }
    let absent = [
        ("listen", &LISTEN, "no listen: pptpd answers on every address"),
        ("logwtmp", &WTMP, "no logwtmp: `last` will not know the clients"),
    ];
    for (keyword, rule, summary) in absent {
        if conf.setting(keyword).is_none() {
            report.add(Check::new(rule, summary).file(path));
        }
    }
    if let Some(setting) = conf.setting("stimeout")
        && setting
            .value
            .parse::<u32>()
            .is_ok_and(|seconds| seconds > TIMEOUT_S_MAX)
    {
        report.add(
            Check::new(
                &TIMEOUT,
                format!("stimeout {}: silent connections are kept for long", setting.value),
            )
            .at(path, setting.line),
        );
    }
}

fn options(setup: &Setup<'_>, file: &ConfigFile, conf: &Pptpd, report: &mut Report) {
    let Some(setting) = conf.setting("option") else { return };
    // a copy's folders may begin anywhere
    let folder = setting.value.rsplit_once('/').map_or("", |(folder, _)| folder);
    let folder = folder.trim_start_matches('/');
    let folder_seen = !folder.is_empty()
        && setup.machine.files.iter().any(|other| {
            other
                .path
                .rsplit_once('/')
                .is_some_and(|(seen, _)| seen.ends_with(folder))
        });
    if setup.machine.is_whole && folder_seen && setup.find(&setting.value, &file.path).is_none() {
        let summary = format!("option names {}, which is not there", setting.value);
        report.add(Check::new(&OPTIONS, summary).at(&file.path, setting.line));
    }
}

fn ranges(file: &ConfigFile, conf: &Pptpd, report: &mut Report) {
    for keyword in ["localip", "remoteip"] {
        if let Some(setting) = conf.setting(keyword)
            && addresses(&setting.value).is_none()
        {
            let summary = format!("{keyword} is not understood by pptpd");
            report.add(Check::new(&RANGE, summary).at(&file.path, setting.line));
        }
    }
    let Some(remote) = conf.setting("remoteip") else { return };
    let (Some(count), Some(setting)) = (addresses(&remote.value), conf.setting("connections")) else {
        return;
    };
    let connections = setting.value.parse().unwrap_or(CONNECTIONS_DEFAULT);
    if connections != count {
        let summary = format!("connections {connections}, but remoteip has {count} addresses");
        let check = Check::new(&CONNECTIONS, summary).at(&file.path, setting.line);
        report.add(check.action(format!(
            "Write `connections {count}`, or give remoteip {connections} addresses."
        )));
    }
}
