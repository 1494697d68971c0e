//! Sessions: which tunnel, whether encrypted, and how the user logged in.

use std::collections::BTreeMap;

use tunlog_model::{Attempt, Event, Protocol};

use super::protection::{HOSTS_MAX, Protection, gateway_of, is_up};
use super::{Scene, Tally, Watch};
use crate::{Check, Family, Report, Rule, Severity};

const PPTP: Rule = Rule {
    id: "pptp-sessions",
    severity: Severity::Critical,
    title: "PPTP is in use",
    finds: "Sessions over PPTP, however they are encrypted.",
    why: "MS-CHAPv2 is one DES key search: whoever records one log-in finds the NT hash within a day, however long the password is, and with it the keys of MPPE. Traffic over PPTP counts as unencrypted.",
    wrong: "With EAP-TLS as the only method the log-in holds; MPPE (RC4, no integrity check) stays.",
    action: "Move the users to IKEv2, L2TP inside IPsec with certificates, or WireGuard: `tunlog audit --migration` says who, and in which order. Until then allow only PEAP or EAP-TLS, and change the passwords of those who used it.",
    reference: "Microsoft Security Advisory 2743314; RFC 2759; DEF CON 20, Marlinspike and Hulton; NSA/CISA U/OO/186992-21 (standards-based IKE/IPsec)",
};

const UNENCRYPTED: Rule = Rule {
    id: "session-unencrypted",
    severity: Severity::Critical,
    title: "PPTP sessions without encryption",
    finds: "PPTP sessions of which pppd, heard from the start of the link, tells no MPPE; it always does where MPPE is on.",
    why: "Without MPPE a PPTP session is plain text; negotiating it is optional, and without a demand no encryption is used.",
    wrong: "A log that lost lines, or in which pppd's notices are filtered out.",
    action: "pppd: `require-mschap-v2` and `require-mppe-128` in the server's options file (/etc/ppp/pptpd-options). FreeRADIUS: `require_encryption = yes` and `require_strong = yes` in mods-available/mschap.",
    reference: "RFC 3078 §1; pppd(8), require-mppe-128",
};

const WEAK_MPPE: Rule = Rule {
    id: "weak-mppe",
    severity: Severity::High,
    title: "MPPE with 40 or 56 bits",
    finds: "Sessions for which MPPE with a key shorter than 128 bits was agreed on.",
    why: "Such keys are found by trying them all.",
    wrong: "Never; but where PPTP is in use, 128 bits protect little more.",
    action: "pppd: `require-mppe-128`, `nomppe-40`. FreeRADIUS: `require_strong = yes` in mods-available/mschap. Windows: “maximum strength encryption”.",
    reference: "RFC 3078; pppd(8), require-mppe-128",
};

const PLAIN_L2TP: Rule = Rule {
    id: "l2tp-sessions-in-clear",
    severity: Severity::Critical,
    title: "L2TP without IPsec",
    finds: "L2TP sessions that no IPsec connection carries.",
    why: "L2TP encrypts nothing: log-in and traffic cross the network in the clear, and anybody may take the tunnel over.",
    wrong: "The IKE daemon's lines are not among the logs (they often stand in a file of their own: /var/log/secure, /var/log/pluto.log, charon.log); then the check is told as medium and says so.",
    action: "Accept UDP 1701 only from inside IPsec: `iptables -A INPUT -p udp --dport 1701 -m policy --dir in --pol ipsec -j ACCEPT`, then `iptables -A INPUT -p udp --dport 1701 -j DROP`.",
    reference: "RFC 3193; RFC 2661 §9; NSA/CISA U/OO/186992-21 (standards-based IKE/IPsec)",
};

const PAP: Rule = Rule {
    id: "login-pap",
    severity: Severity::High,
    title: "Log-ins by PAP",
    finds: "Log-ins, accepted or refused, by PAP.",
    why: "PAP sends the password as it is; outside IPsec everybody on the way reads it. Sessions without MS-CHAP have no keys for MPPE.",
    wrong: "Inside IPsec the password is protected on the way; the check is medium there.",
    action: "pppd: `require-mschap-v2` and no `require-pap`. `refuse-pap` does not restrict clients: it only keeps pppd from logging in elsewhere by PAP. xl2tpd: `require chap = yes`, `refuse pap = yes`.",
    reference: "RFC 1334 §2; pppd(8), require-mschap-v2, refuse-pap",
};

const CHAP_MD5: Rule = Rule {
    id: "login-chap-md5",
    severity: Severity::High,
    title: "Log-ins by CHAP with MD5",
    finds: "Log-ins, accepted or refused, by CHAP with MD5.",
    why: "One recorded log-in lets passwords be tried at billions a second, the gateway has to keep the password itself, and there are no keys for MPPE.",
    wrong: "Inside IPsec the log-in is protected on the way; the check is medium there.",
    action: "pppd: `require-mschap-v2` and no `require-chap`. `refuse-chap` does not restrict clients.",
    reference: "RFC 1994; RFC 3079; pppd(8), require-mschap-v2, refuse-chap",
};

const MS_CHAP_V1: Rule = Rule {
    id: "login-ms-chap-v1",
    severity: Severity::High,
    title: "Log-ins by MS-CHAP version 1",
    finds: "Log-ins, accepted or refused, by MS-CHAP version 1.",
    why: "It sends the weak LAN Manager answer along, the server proves nothing, and both directions use the same keys.",
    wrong: "Inside IPsec the log-in is protected on the way; the check is medium there.",
    action: "pppd: `require-mschap-v2` and no `require-mschap`. FreeRADIUS: refuse MS-CHAP-Response in the virtual server.",
    reference: "RFC 2433; Schneier and Mudge 1998; pppd(8), require-mschap-v2",
};

/// What is asked of sessions.
pub static FAMILY: Family = Family {
    name: "sessions",
    title: "Sessions and log-ins in the logs",
    rules: &[PPTP, UNENCRYPTED, WEAK_MPPE, PLAIN_L2TP, PAP, CHAP_MD5, MS_CHAP_V1],
    run: |_, _| {},
};

/// Log-ins by a weak method.
struct Method {
    word: &'static str,
    rule: &'static Rule,
    name: &'static str,
    seen: Tally,
    /// Among them those outside IPsec.
    outside: bool,
}

/// Looks at sessions.
pub struct Sessions {
    pptp: Tally,
    unencrypted: Tally,
    weak: Tally,
    shortest: u8,
    /// L2TP outside IPsec, as far as the L2TP daemon knows, by gateway; without and with MPPE.
    l2tp: BTreeMap<u64, (Tally, Tally)>,
    methods: [Method; 3],
    protection: Protection,
}

impl Default for Sessions {
    fn default() -> Sessions {
        let method = |word, rule, name| Method {
            word,
            rule,
            name,
            seen: Tally::default(),
            outside: false,
        };
        Sessions {
            pptp: Tally::default(),
            unencrypted: Tally::default(),
            weak: Tally::default(),
            shortest: u8::MAX,
            l2tp: BTreeMap::new(),
            methods: [
                method("pap", &PAP, "PAP"),
                method("chap-md5", &CHAP_MD5, "CHAP with MD5"),
                method("ms-chap", &MS_CHAP_V1, "MS-CHAP version 1"),
            ],
            protection: Protection::default(),
        }
    }
}

impl Sessions {
    fn l2tp(&mut self, attempt: &Attempt) {
        let gateway = gateway_of(attempt);
        if self.l2tp.len() >= HOSTS_MAX && !self.l2tp.contains_key(&gateway) {
            return;
        }
        let (plain, with_mppe) = self.l2tp.entry(gateway).or_default();
        match attempt.mppe_bits {
            Some(128) => with_mppe.attempt(attempt),
            _ => plain.attempt(attempt),
        }
    }

    fn login(&mut self, attempt: &Attempt) {
        let refused = || {
            let cause = attempt.cause.unwrap_or_default();
            matches!(
                cause,
                "wrong-credentials" | "wrong-password" | "unknown-user" | "account-restricted"
            )
        };
        let word = attempt.auth_method;
        let Some(method) = self.methods.iter_mut().find(|method| word == Some(method.word)) else {
            return;
        };
        if is_up(attempt) || refused() {
            method.seen.attempt(attempt);
            method.outside |= attempt.protocol != Some(Protocol::L2tpIpsec);
        }
    }

    fn tell_l2tp(&mut self, scene: &Scene<'_>, report: &mut Report) {
        // now that the logs have ended it is known where an IKE daemon speaks
        let (mut plain, mut with_mppe, mut perhaps) = (Tally::default(), Tally::default(), Tally::default());
        for (gateway, tallies) in std::mem::take(&mut self.l2tp) {
            if self.protection.lacks_ike(gateway) {
                perhaps.merge(tallies.0);
                perhaps.merge(tallies.1);
            } else {
                plain.merge(tallies.0);
                with_mppe.merge(tallies.1);
            }
        }
        let mut tell = |tally: &Tally, what: &str, severity: Severity, action: &str| {
            if !tally.is_empty() {
                let summary = format!("{what}: {}.", tally.words("session", "sessions"));
                let check = tally.check(&PLAIN_L2TP, scene, summary);
                report.add(check.severity(severity).action(action));
            }
        };
        tell(&plain, "L2TP outside IPsec", Severity::Critical, PLAIN_L2TP.action);
        tell(
            &with_mppe,
            "L2TP outside IPsec, with MPPE of 128 bits as its only protection",
            Severity::High,
            PLAIN_L2TP.action,
        );
        tell(
            &perhaps,
            "L2TP, outside IPsec unless the IKE daemon's log was left out (none speaks in these logs)",
            Severity::Medium,
            &format!("Give the IKE daemon's log along (charon, pluto). {}", PLAIN_L2TP.action),
        );
    }
}

impl Watch for Sessions {
    fn event(&mut self, event: &Event<'_>) {
        self.protection.event(event);
    }

    fn context(&mut self, event: &Event<'_>) {
        self.protection.event(event);
    }

    fn attempt(&mut self, attempt: &Attempt) {
        self.login(attempt);
        if !is_up(attempt) {
            return;
        }
        match attempt.protocol {
            Some(Protocol::Pptp) => {
                self.pptp.attempt(attempt);
                if self.protection.lacks_mppe(attempt) {
                    self.unencrypted.attempt(attempt);
                }
            }
            Some(Protocol::L2tp) => self.l2tp(attempt),
            Some(Protocol::L2tpIpsec) | None => {}
        }
        if let Some(bits) = attempt.mppe_bits.filter(|bits| *bits < 128) {
            self.shortest = self.shortest.min(bits);
            self.weak.attempt(attempt);
        }
    }

    fn finish(&mut self, scene: &Scene<'_>, report: &mut Report) {
        let words = |tally: &Tally| tally.words("session", "sessions");
        if !self.pptp.is_empty() {
            let summary = format!("PPTP is in use: {}.", words(&self.pptp));
            report.add(self.pptp.check(&PPTP, scene, summary));
        }
        if !self.unencrypted.is_empty() {
            let summary = format!("PPTP without MPPE: {}.", words(&self.unencrypted));
            report.add(self.unencrypted.check(&UNENCRYPTED, scene, summary));
        }
        if !self.weak.is_empty() {
            let summary = format!("MPPE of {} bits: {}.", self.shortest, words(&self.weak));
            report.add(self.weak.check(&WEAK_MPPE, scene, summary));
        }
        self.tell_l2tp(scene, report);
        for method in self.methods.iter().filter(|method| !method.seen.is_empty()) {
            report.add(method.check(scene));
        }
    }
}

impl Method {
    fn check(&self, scene: &Scene<'_>) -> Check {
        let words = self.seen.words("log-in", "log-ins");
        let (severity, place) = match self.outside {
            true => (self.rule.severity, ""),
            false => (Severity::Medium, ", all inside IPsec"),
        };
        let summary = format!("{}{place}: {words}.", self.name);
        self.seen.check(self.rule, scene, summary).severity(severity)
    }
}
