//! What the daemons say of their own weakness: RADIUS without Message-Authenticator, secrets that others can read, limits.

use std::collections::BTreeMap;

use tunlog_model::{Event, EventKind, Field, Role, text};

use super::{Scene, Tally, Watch};
use crate::{Check, Family, Report, Rule, Severity};

const BLASTRADIUS: Rule = Rule {
    id: "blastradius-warning",
    severity: Severity::High,
    title: "FreeRADIUS warns of BlastRADIUS",
    finds: "FreeRADIUS's notice that a gateway or home server sends packets without a Message-Authenticator.",
    why: "Whoever sits between gateway and server turns a refusal into an acceptance, without knowing the secret (CVE-2024-3596).",
    wrong: "Where RADIUS runs in a network that nobody else reaches, or inside IPsec or TLS.",
    action: "Update the gateway's RADIUS client, then set `require_message_authenticator = yes` in its entry of clients.conf. Until then keep RADIUS in a network of its own.",
    reference: "CVE-2024-3596; FreeRADIUS 3.2.5 ChangeLog; radiusd.conf, section security",
};

const SECRETS_FILE: Rule = Rule {
    id: "secrets-file-warning",
    severity: Severity::High,
    title: "pppd warns that others can read a secrets file",
    finds: "pppd's line that a secrets file has world or group access.",
    why: "Every account on the machine can read the passwords of all users.",
    wrong: "The rights may have been set right since; the date of the line tells.",
    action: "chown root:root and chmod 600 on the file named here; have the passwords changed if others have accounts on the machine.",
    reference: "pppd(8), FILES: pap-secrets, chap-secrets; pppd/auth.c",
};

const LIMIT: Rule = Rule {
    id: "limit-reached",
    severity: Severity::Low,
    title: "The gateway ran out of connections or addresses",
    finds: "Lines in which a daemon says that its limit of connections, or its pool of addresses, is exhausted.",
    why: "Users are turned away, and so can anybody do who opens connections without logging in.",
    wrong: "A burst of dead sessions that nobody cleaned up (see `lcp-echo-interval`).",
    action: "pptpd.conf: `connections` no larger than the ranges in `localip` and `remoteip`, both large enough; a limit of new connections on TCP 1723 in the firewall; `lcp-echo-interval 30` and `lcp-echo-failure 4` so that dead sessions end.",
    reference: "pptpd.conf(5), connections, remoteip; pppd(8), lcp-echo-interval",
};

const REDUCED: Rule = Rule {
    id: "connections-mismatch",
    severity: Severity::Info,
    title: "pptpd's connections and addresses do not match",
    finds: "pptpd's lines that it has fewer addresses than connections, or more.",
    why: "Fewer clients get in than the configuration says, or addresses lie idle.",
    wrong: "It may be meant so.",
    action: "pptpd.conf: ranges in `localip` and `remoteip` of as many addresses as `connections`, without blanks.",
    reference: "pptpd.conf(5), connections, localip, remoteip",
};

/// What is asked of the daemons' own warnings.
pub static FAMILY: Family = Family {
    name: "warnings-in-logs",
    title: "Warnings of the daemons",
    rules: &[BLASTRADIUS, SECRETS_FILE, LIMIT, REDUCED],
    run: |_, _| {},
};

/// Clients of RADIUS and files that are told one by one.
const SUBJECTS_MAX: usize = 100;

/// Counts by whom or what a line names.
#[derive(Default)]
struct ByName(BTreeMap<String, Tally>);

impl ByName {
    fn event(&mut self, name: &str, event: &Event<'_>) {
        if self.0.len() < SUBJECTS_MAX || self.0.contains_key(name) {
            self.0.entry(name.to_owned()).or_default().event(event);
        }
    }
}

/// Looks for what the daemons say of themselves.
#[derive(Default)]
pub struct Warnings {
    radius: ByName,
    files: ByName,
    limits: Tally,
    reduced: Tally,
}

impl Watch for Warnings {
    fn event(&mut self, event: &Event<'_>) {
        let message = event.message();
        match (message.role, message.kind) {
            // no kind of event tells these three apart: they are asked for by name
            (Role::Radius, EventKind::RadiusMessage) if message.id == "blastradius-error" => {
                if let Some(client) = event.text(Field::Nas).or_else(|| event.text(Field::Server)) {
                    self.radius.event(&client, event);
                }
            }
            (Role::Ppp, EventKind::ConfigError) if message.id == "secrets-readable-by-all" => {
                if let Some(path) = event.text(Field::Path) {
                    self.files.event(&path, event);
                }
            }
            (Role::Pptp, _) if matches!(message.id, "connections-reduced" | "pool-limited") => {
                self.reduced.event(event)
            }
            (Role::Pptp | Role::L2tp | Role::Server, EventKind::LimitReached) => self.limits.event(event),
            (Role::Pptp | Role::L2tp | Role::Server, _) if message.blames == Some("resource-limit") => {
                self.limits.event(event);
            }
            _ => {}
        }
    }

    fn finish(&mut self, scene: &Scene<'_>, report: &mut Report) {
        let lines = |tally: &Tally| tally.words("line", "lines");
        let each = |names: &ByName, rule: &'static Rule, words: fn(&str, &str) -> String| -> Vec<Check> {
            let check = |(name, tally): (&String, &Tally)| {
                let summary = words(&text::visible(name), &lines(tally));
                tally.check(rule, scene, summary).subject(name.clone())
            };
            names.0.iter().map(check).collect()
        };
        report.checks.extend(each(&self.radius, &BLASTRADIUS, |name, lines| {
            format!("RADIUS packets of {name} come without a Message-Authenticator: {lines}.")
        }));
        report.checks.extend(each(&self.files, &SECRETS_FILE, |name, lines| {
            format!("pppd says that others can read {name}: {lines}.")
        }));
        if !self.limits.is_empty() {
            let summary = format!(
                "The gateway ran out of connections or addresses: {}.",
                lines(&self.limits)
            );
            report.add(self.limits.check(&LIMIT, scene, summary));
        }
        if !self.reduced.is_empty() {
            let summary = format!(
                "pptpd's connections and addresses do not match: {}.",
                lines(&self.reduced)
            );
            report.add(self.reduced.check(&REDUCED, scene, summary));
        }
    }
}
