//! What pppd writes into logs that nobody should read there, and secrets in its options.

use crate::{Check, Family, Report, Rule, Setup, Severity};

/// The family.
pub const FAMILY: Family = Family {
    name: "ppp-logging",
    title: "Secrets that pppd logs or keeps in its options",
    rules: &[SHOW, DEBUG, PASSWORD],
    run,
};

const SHOW: Rule = Rule {
    id: "ppp-show-password",
    severity: Severity::Critical,
    title: "Passwords are written to the log",
    finds: "`show-password` without a later `hide-password`.",
    why: "PAP passwords stand in clear in the log, in its copies and in its backups.",
    wrong: "Never on a gateway that people use.",
    action: "Remove `show-password`, take the passwords out of the logs, and let those users choose new ones.",
    reference: "pppd(8), show-password: https://ppp.samba.org/pppd.html",
};

const DEBUG: Rule = Rule {
    id: "ppp-debug",
    severity: Severity::High,
    title: "Log-ins are written to the log in a form that can be cracked",
    finds: "`debug` among the options, or xl2tpd's `ppp debug = yes`.",
    why: "With `debug` pppd logs every control packet, challenge and response of each log-in among them: whoever reads the log can look for the password at leisure. It also writes so many lines that journald or rsyslog may drop some.",
    wrong: "While a fault is looked for. No command of tunlog needs it.",
    action: "Remove `debug`; keep old logs where only administrators read them.",
    reference: "pppd(8), debug; RFC 2759 §8: https://www.rfc-editor.org/rfc/rfc2759",
};

const PASSWORD: Rule = Rule {
    id: "ppp-password-in-options",
    severity: Severity::Medium,
    title: "A password stands among the options",
    finds: "The option `password` in a file of options or a peers file.",
    why: "Options files are usually readable by everybody; chap-secrets is made for secrets.",
    wrong: "The file is readable by root alone.",
    action: "Move it to /etc/ppp/chap-secrets (mode 0600) and name the account with `user`.",
    reference: "pppd(8), password and AUTHENTICATION: https://ppp.samba.org/pppd.html",
};

fn run(setup: &Setup<'_>, report: &mut Report) {
    for pppd in &setup.pppd {
        let found = [
            (
                pppd.show_password,
                &SHOW,
                "show-password: PAP passwords go into the log",
            ),
            (
                pppd.debug,
                &DEBUG,
                "debug: challenge and response of every log-in go into the log",
            ),
            (pppd.password, &PASSWORD, "a password stands in this file"),
        ];
        for (place, rule, summary) in found {
            if let Some(place) = place {
                report.add(Check::new(rule, summary).at(place.file, place.line));
            }
        }
    }
}
