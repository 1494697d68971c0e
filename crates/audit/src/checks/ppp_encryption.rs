//! Encryption of PPTP sessions by MPPE.

use crate::{Check, Family, Pppd, Report, Rule, Service, Setup, Severity};

/// The family.
pub const FAMILY: Family = Family {
    name: "ppp-encryption",
    title: "Encryption of PPTP sessions",
    rules: &[NOT_REQUIRED, DISABLED, BITS_40, STATEFUL],
    run,
};

const NOT_REQUIRED: Rule = Rule {
    id: "mppe-not-required",
    severity: Severity::High,
    title: "Encryption is not required",
    finds: "Options of a PPTP server without `require-mppe` or `require-mppe-128`.",
    why: "If the client does not ask for MPPE, no encryption is used at all, and nobody notices.",
    wrong: "The options are for L2TP, where IPsec encrypts (files that xl2tpd.conf names or that have `l2tp` in their name are not asked); or RADIUS sends MS-MPPE-Encryption-Policy.",
    action: "Add `require-mppe-128`.",
    reference: "RFC 3078 (\"By default (i.e., if the negotiation of MPPE is not attempted), no encryption is used\"): https://www.rfc-editor.org/rfc/rfc3078",
};

const DISABLED: Rule = Rule {
    id: "mppe-disabled",
    severity: Severity::High,
    title: "Encryption is switched off",
    finds: "`nomppe` as the last word on MPPE, or `noccp`, among the options of a PPTP server. Of two options that contradict each other pppd takes the later.",
    why: "No session is encrypted: everything the clients do can be read and changed on the way.",
    wrong: "Never for PPTP.",
    action: "Remove `nomppe` and `noccp`; write `require-mppe-128`.",
    reference: "pppd(8), nomppe, noccp: https://ppp.samba.org/pppd.html",
};

const BITS_40: Rule = Rule {
    id: "mppe-40-bit",
    severity: Severity::High,
    title: "40-bit encryption is accepted",
    finds: "`require-mppe` (which means 40 or 128 bits) or `require-mppe-40`, without a later `nomppe-40`.",
    why: "40-bit keys are found by trying all of them, and the client chooses.",
    wrong: "Never.",
    action: "Write `require-mppe-128` instead.",
    reference: "pppd(8), require-mppe; RFC 3078: https://www.rfc-editor.org/rfc/rfc3078",
};

const STATEFUL: Rule = Rule {
    id: "mppe-stateful",
    severity: Severity::Low,
    title: "Stateful encryption is allowed",
    finds: "`mppe-stateful`.",
    why: "The key changes only every 256 packets, and each lost packet makes the two sides start again.",
    wrong: "A client that can do nothing else.",
    action: "Remove `mppe-stateful`; stateless is the default.",
    reference: "pppd(8), mppe-stateful; RFC 3078 §7: https://www.rfc-editor.org/rfc/rfc3078",
};

fn run(setup: &Setup<'_>, report: &mut Report) {
    for pppd in setup.pppd.iter().filter(|pppd| pppd.service == Service::Pptp) {
        if pppd.requires_mppe() {
            required(pppd, report);
        } else {
            report.add(missing(pppd));
        }
        if let Some(place) = pppd.stateful {
            report.add(Check::new(&STATEFUL, "MPPE may be stateful").at(place.file, place.line));
        }
    }
}

fn required(pppd: &Pppd<'_>, report: &mut Report) {
    if let Some(place) = pppd.mppe_at.filter(|_| pppd.allows_40()) {
        report.add(Check::new(&BITS_40, "clients may agree on 40-bit keys").at(place.file, place.line));
    }
}

fn missing(pppd: &Pppd<'_>) -> Check {
    match (pppd.no_ccp, pppd.mppe_at) {
        (Some(place), _) => {
            let summary = "noccp switches off the protocol that negotiates encryption: no session is encrypted";
            Check::new(&DISABLED, summary).at(place.file, place.line)
        }
        (None, Some(place)) if pppd.mppe_off => {
            Check::new(&DISABLED, "MPPE is switched off: no session is encrypted").at(place.file, place.line)
        }
        _ => {
            let summary =
                "no require-mppe-128: a session comes up without encryption if the client does not ask for it";
            Check::new(&NOT_REQUIRED, summary).file(&pppd.main.path)
        }
    }
}
