//! Links of pppd: dead peers, what Debian's file sets against loops and lost packets, sizes, routes.

use crate::{Check, Family, Pppd, Report, Rule, Service, Setup, Severity};

/// The family.
pub const FAMILY: Family = Family {
    name: "ppp-link",
    title: "Links of pppd",
    rules: &[ECHO, LOOPBACK, COMPRESSION, DEFAULT_ROUTE, SIZE],
    run,
};

const ECHO: Rule = Rule {
    id: "ppp-no-echo",
    severity: Severity::Low,
    title: "Dead peers are not noticed",
    finds: "Options for clients without `lcp-echo-interval` and `lcp-echo-failure`, or with one of them 0.",
    why: "A client that vanishes keeps its session, address and slot, and the log tells a wrong duration.",
    wrong: "The global /etc/ppp/options sets them and was not given along.",
    action: "Write `lcp-echo-interval 30` and `lcp-echo-failure 4`: a dead peer is seen after 120 s.",
    reference: "pppd(8), lcp-echo-interval, lcp-echo-failure: https://ppp.samba.org/pppd.html",
};

const LOOPBACK: Rule = Rule {
    id: "ppp-loopback-log",
    severity: Severity::Low,
    title: "pppd may talk to itself",
    finds: "Options of a PPTP server without `nologfd`.",
    why: "pptpd hands its standard output to pppd as the line; messages that pppd writes there come back as packets.",
    wrong: "pptpd that was built so that it passes `nodetach nologfd` itself.",
    action: "Add `nologfd`, as the pptpd-options file of the package has it.",
    reference: "pppd(8), nologfd; pptpd-options as shipped by Debian's pptpd",
};

const COMPRESSION: Rule = Rule {
    id: "ppp-compression",
    severity: Severity::Info,
    title: "Header compression over a path that loses packets",
    finds: "Options of a PPTP server without `novj`, `novjccomp` or `nobsdcomp`.",
    why: "These compressions depend on the packet before; over PPTP packets get lost and overtake each other, and connections stall.",
    wrong: "Clients do not offer them.",
    action: "Add `novj`, `novjccomp` and `nobsdcomp`, as the pptpd-options file of the package has them.",
    reference: "pppd(8), novj, nobsdcomp; RFC 1144 §4: https://www.rfc-editor.org/rfc/rfc1144",
};

const DEFAULT_ROUTE: Rule = Rule {
    id: "ppp-defaultroute",
    severity: Severity::Medium,
    title: "A client can become the gateway's default route",
    finds: "`defaultroute` among the options for clients, without a later `nodefaultroute`.",
    why: "The traffic of the whole machine may go to whoever dials in.",
    wrong: "A file that is used for calling a provider, too.",
    action: "Replace `defaultroute` by `nodefaultroute`.",
    reference: "pppd(8), defaultroute: https://ppp.samba.org/pppd.html",
};

const SIZE: Rule = Rule {
    id: "ppp-packet-size",
    severity: Severity::Info,
    title: "Packets that do not fit",
    finds: "`mru` outside of 128 to 16384, or `mtu` or `mru` above 1460 in options of a PPTP server.",
    why: "PPTP adds 40 bytes and more to each packet (IP 20, GRE 8 to 16, PPP up to 4): above 1460 packets are split or vanish where a path carries 1500.",
    wrong: "A path that carries larger packets from end to end.",
    action: "Write `mtu 1400` and `mru 1400`.",
    reference: "pppd(8), mru; RFC 2637 §4.1: https://www.rfc-editor.org/rfc/rfc2637",
};

/// What is left of 1500 bytes after IP and the shortest GRE and PPP headers.
const PPTP_SIZE_MAX: u32 = 1460;

fn run(setup: &Setup<'_>, report: &mut Report) {
    for pppd in setup.pppd.iter().filter(|pppd| pppd.is_server()) {
        let file = &pppd.main.path;
        echo(pppd, report);
        if let Some(place) = pppd.default_route {
            report.add(Check::new(&DEFAULT_ROUTE, "defaultroute in options for clients").at(place.file, place.line));
        }
        if pppd.service == Service::Pptp {
            if !pppd.has("nologfd") {
                report
                    .add(Check::new(&LOOPBACK, "no nologfd: what pppd says may come back to it as packets").file(file));
            }
            let missing: Vec<&str> = ["novj", "novjccomp", "nobsdcomp"]
                .into_iter()
                .filter(|word| !pppd.has(word))
                .collect();
            if !missing.is_empty() {
                report.add(Check::new(&COMPRESSION, format!("no {}", missing.join(", no "))).file(file));
            }
        }
        for (name, value, place) in &pppd.sizes {
            let invalid = *name == "mru" && !(128..=16384).contains(value);
            if invalid || pppd.service == Service::Pptp && *value > PPTP_SIZE_MAX {
                report.add(Check::new(&SIZE, format!("{name} {value}")).at(place.file, place.line));
            }
        }
    }
}

fn echo(pppd: &Pppd<'_>, report: &mut Report) {
    let zero = |set: Option<(u32, crate::Place<'_>)>| set.is_none_or(|(value, _)| value == 0);
    if !zero(pppd.echo_interval) && !zero(pppd.echo_failure) {
        return;
    }
    let set = [pppd.echo_interval, pppd.echo_failure];
    let off = set.into_iter().flatten().find(|(value, _)| *value == 0);
    let missing = match (zero(pppd.echo_interval), zero(pppd.echo_failure)) {
        (true, true) => "lcp-echo-interval and lcp-echo-failure are",
        (true, false) => "lcp-echo-interval is",
        _ => "lcp-echo-failure is",
    };
    let check = Check::new(&ECHO, format!("{missing} not set: clients that vanish are not noticed"));
    report.add(match off {
        Some((_, place)) => check.at(place.file, place.line),
        None => check.file(&pppd.main.path),
    });
}
