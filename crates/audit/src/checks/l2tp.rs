//! L2TP: whether IPsec protects it, and xl2tpd's own file.

use crate::parse::firewall::{Fate, L2TP as PROBE};
use crate::parse::ini::{self, Ini, Section, yes};
use crate::{Check, ConfigFile, Family, Kind, Report, Rule, Service, Setup, Severity};

/// The family.
pub const FAMILY: Family = Family {
    name: "l2tp",
    title: "L2TP, and xl2tpd.conf",
    rules: &[
        NO_IPSEC,
        AUTHENTICATION,
        ACCESS,
        REFUSE_PAP,
        CHALLENGE,
        DEBUG_AVP,
        DEBUG,
        SYNTAX,
    ],
    run,
};

const NO_IPSEC: Rule = Rule {
    id: "l2tp-no-ipsec",
    severity: Severity::Critical,
    title: "L2TP without IPsec",
    finds: "An L2TP server (xl2tpd's [lns], accel-ppp's module l2tp) on a machine whose configuration was read as a whole and has no IPsec connection in transport mode or for UDP 1701 that is loaded, and whose packet filter does not keep UDP 1701 shut. High if MPPE is required.",
    why: "L2TP encrypts nothing: log-ins and traffic can be read and changed on the way.",
    wrong: "IPsec is done by another machine in front, or its files lie where nobody looked.",
    action: "Set up IPsec in transport mode for UDP 1701 and let the packet filter accept 1701 out of IPsec only.",
    reference: "RFC 3193 §2: https://www.rfc-editor.org/rfc/rfc3193",
};

const AUTHENTICATION: Rule = Rule {
    id: "xl2tpd-no-authentication",
    severity: Severity::High,
    title: "xl2tpd does not ask pppd for authentication",
    finds: "An [lns] section without `require authentication = yes` whose options file was read and says neither `auth` nor `require-*`.",
    why: "pppd then asks for a password only where the machine has a default route.",
    wrong: "/etc/ppp/options says `auth` and was not given along.",
    action: "Write `require authentication = yes`, and `require-mschap-v2` in the options file.",
    reference: "xl2tpd.conf(5), (refuse | require) authentication; pppd(8), auth",
};

const ACCESS: Rule = Rule {
    id: "xl2tpd-access-control",
    severity: Severity::Low,
    title: "xl2tpd speaks to anybody",
    finds: "`access control` is not yes (its default is no).",
    why: "Every address can open tunnels and send control messages before anybody has proved anything.",
    wrong: "Clients come from changing addresses and the packet filter accepts UDP 1701 out of IPsec only: then IPsec decides who speaks. With an IPsec connection for L2TP in sight this is not reported.",
    action: "Write `access control = yes` and the clients' addresses with `lac`, where they are known.",
    reference: "xl2tpd.conf(5), access control",
};

const REFUSE_PAP: Rule = Rule {
    id: "xl2tpd-refuse-pap",
    severity: Severity::Low,
    title: "PAP is not refused",
    finds: "An [lns] section without `refuse pap = yes` that also names no options file with a `require-*`.",
    why: "Nothing in sight keeps PAP out. Note that `refuse pap` itself only becomes pppd's `refuse-pap`, which is about what the gateway uses.",
    wrong: "The options file says `require-mschap-v2` and was not given along.",
    action: "Write `refuse pap = yes`, and `require-mschap-v2` in the file that `pppoptfile` names.",
    reference: "xl2tpd.conf(5), (refuse | require) pap",
};

const CHALLENGE: Rule = Rule {
    id: "xl2tpd-challenge",
    severity: Severity::Low,
    title: "Tunnels are not authenticated",
    finds: "No `challenge = yes` in the [lns] section of a server without IPsec in sight.",
    why: "Neither side of the tunnel proves that it knows a secret.",
    wrong: "Built-in clients of Windows, Apple and Android cannot do it: use IPsec instead.",
    action: "Write `challenge = yes` and a secret in l2tp-secrets, or protect L2TP by IPsec.",
    reference: "xl2tpd.conf(5), challenge; RFC 2661 §5.1.1: https://www.rfc-editor.org/rfc/rfc2661",
};

const DEBUG_AVP: Rule = Rule {
    id: "xl2tpd-debug-avp",
    severity: Severity::High,
    title: "Peers can write lines into the log",
    finds: "`debug avp = yes`.",
    why: "xl2tpd then logs the host name that a peer sends as it is, line ends included: one packet, before any authentication, puts a whole invented line into the journal.",
    wrong: "While a fault is looked for, behind a packet filter.",
    action: "Remove `debug avp`, or write `debug avp = no`.",
    reference: "xl2tpd.conf(5), debug avp; handle_avps in avp.c of xl2tpd",
};

const DEBUG: Rule = Rule {
    id: "xl2tpd-debug",
    severity: Severity::Low,
    title: "xl2tpd writes debugging lines",
    finds: "`debug network`, `debug packet`, `debug state` or `debug tunnel` = yes.",
    why: "Many lines for each packet: they fill the log and may be dropped together with those that matter; anybody can cause them.",
    wrong: "While a fault is looked for.",
    action: "Remove them.",
    reference: "xl2tpd.conf(5), debug network, debug packet, debug state, debug tunnel",
};

const SYNTAX: Rule = Rule {
    id: "xl2tpd-syntax",
    severity: Severity::Medium,
    title: "xl2tpd does not start with this line",
    finds: "Lines before the first section, without `=`, with an open bracket, or beginning with `#`: xl2tpd knows `;` alone as a comment.",
    why: "xl2tpd ends when it meets such a line.",
    wrong: "Never.",
    action: "Write `;` before comments; mend or remove the line.",
    reference: "parse_config in file.c of xl2tpd",
};

fn run(setup: &Setup<'_>, report: &mut Report) {
    unprotected(setup, report);
    for file in setup.of(Kind::Xl2tpd) {
        let conf = Ini::parse(&file.text, ini::XL2TPD);
        for fault in &conf.faults {
            report.add(Check::new(&SYNTAX, format!("xl2tpd ends here: {}", fault.what)).at(&file.path, fault.line));
        }
        global(setup, file, &conf, report);
        for section in conf.sections.iter().filter(|section| section.name.starts_with("lns")) {
            of_lns(setup, file, section, report);
        }
    }
}

fn unprotected(setup: &Setup<'_>, report: &mut Report) {
    if !setup.machine.is_whole || setup.has_ipsec() {
        return;
    }
    let is_shut = |fate: Option<Fate>| matches!(fate, Some(Fate::Closed(_)));
    if !setup.filters.is_empty() && setup.filters.iter().all(|filter| is_shut(filter.fate(PROBE))) {
        return;
    }
    let mut served = setup
        .pppd
        .iter()
        .filter(|pppd| pppd.service == Service::L2tp)
        .peekable();
    let encrypted = served.peek().is_some() && served.all(|pppd| pppd.requires_mppe());
    for place in &setup.l2tp {
        let check = Check::new(&NO_IPSEC, "L2TP is offered and no IPsec protects it").at(place.file, place.line);
        report.add(if encrypted {
            check.severity(Severity::High)
        } else {
            check
        });
    }
}

fn global(setup: &Setup<'_>, file: &ConfigFile, conf: &Ini, report: &mut Report) {
    let access = conf.get("global", "access control");
    if access.is_none_or(|entry| !yes(&entry.value)) && !setup.has_ipsec() {
        let check = Check::new(&ACCESS, "xl2tpd speaks to every address");
        report.add(match access {
            Some(entry) => check.at(&file.path, entry.line),
            None => check.file(&file.path),
        });
    }
    for word in ["avp", "network", "packet", "state", "tunnel"] {
        let Some(entry) = conf
            .get("global", &format!("debug {word}"))
            .filter(|entry| yes(&entry.value))
        else {
            continue;
        };
        let check = match word {
            "avp" => Check::new(&DEBUG_AVP, "debug avp: a peer can write whole lines into the log"),
            word => Check::new(&DEBUG, format!("debug {word} is on")),
        };
        report.add(check.at(&file.path, entry.line));
    }
}

fn of_lns(setup: &Setup<'_>, file: &ConfigFile, section: &Section, report: &mut Report) {
    let is_yes = |keys: &[&str]| {
        keys.iter()
            .filter_map(|key| section.get(key))
            .any(|entry| yes(&entry.value))
    };
    let options = section
        .get("pppoptfile")
        .and_then(|entry| setup.find(&entry.value, &file.path));
    let pppd = options.and_then(|options| setup.pppd.iter().find(|pppd| std::ptr::eq(pppd.main, options)));
    let at = |check: Check| check.at(&file.path, section.line);
    if !is_yes(&["require authentication", "require auth"]) && pppd.is_some_and(|pppd| pppd.auth.is_none()) {
        report.add(at(Check::new(
            &AUTHENTICATION,
            "neither xl2tpd nor the options file demands authentication",
        )));
    }
    if !is_yes(&["refuse pap"]) && pppd.is_none_or(|pppd| pppd.requires.is_empty()) {
        report.add(at(Check::new(&REFUSE_PAP, "nothing in sight keeps PAP out")));
    }
    if !is_yes(&["challenge"]) && !setup.has_ipsec() && setup.machine.is_whole {
        report.add(at(Check::new(
            &CHALLENGE,
            "the tunnel is not authenticated, and no IPsec protects it",
        )));
    }
}
