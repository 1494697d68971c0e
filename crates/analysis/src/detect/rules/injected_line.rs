//! Names that are meant for whoever reads the log.

use crate::detect::finding::{Finding, Severity};
use crate::detect::memory::name_hash;
use crate::detect::rule::{Detection, Nature, Refusal, Rule, Scene, finding};
use crate::detect::sigma::{Base, Said, Sigma};
use tunlog_model::{Event, Evidence};

/// The rule.
pub const RULE: Rule = Rule {
    name: "injected-line",
    severity: Severity::Medium,
    nature: Nature::Trace,
    techniques: &["T1190", "T1565.001"],
    finds: "A name that a client gave reads like a line of a log: words of a daemon together with an address or a process number, control characters, brackets that close a field. Or a line whose tag another program than the named one wrote, as far as journald tells.",
    matters: "Somebody wants an analyser to block an innocent address, to count what never happened, or to run what stands there.",
    wrong: "A password manager that pastes a whole line into the field of the name.",
    actions: &[
        "Block the source of the connection, never an address that stands in the name.",
        "See that other tools that read this log are not misled (fail2ban filters above all).",
    ],
    thresholds: &[],
    sigma: Sigma::Said(&Said {
        bases: &[
            Base {
                name: "words",
                title: "A VPN login with a name that reads like a line of a log",
                service: "attempt",
                fits: &[("user|contains", WORDS), ("user|re", &[r".* .* .*"])],
                but: &[],
            },
            Base {
                name: "control",
                title: "A VPN login with control characters in its name",
                service: "attempt",
                fits: &[("user|re", &[r"[\x00-\x1f\x7f]"])],
                but: &[],
            },
        ],
        joined: &[],
        loses: "Names that hold an address and a bracket, and lines whose tag journald does not confirm.",
    }),
    make: |_| Box::new(InjectedLine),
};

struct InjectedLine;

/// Words that daemons write and people do not have in names.
const WORDS: &[&str] = &[
    "CTRL:",
    "MGR:",
    "GRE:",
    "Login OK",
    "Login incorrect",
    "(from client",
    " cli ",
    "failed CHAP",
    "failed PAP",
    "authenticated with",
    "Failed password",
    "Connection established",
    "Call established",
    "control connection",
    "remote IP address",
    "ip-up ",
    "Reaping child",
    "rcvd [",
    "sent [",
    " PID:",
    "session opened",
    "Peer ",
];

/// Whether a name reads like a line of a log.
fn is_a_line(name: &str) -> bool {
    if name.chars().any(|character| character.is_control()) {
        return true;
    }
    let words = WORDS.iter().filter(|word| name.contains(**word)).count();
    let blanks = name.matches(' ').count();
    let address = name
        .split(|c: char| !(c.is_ascii_digit() || c == '.'))
        .any(|part| part.parse::<std::net::Ipv4Addr>().is_ok());
    words >= 1 && (blanks >= 2 || address) || (address && (blanks >= 2 || name.contains(['{', '=', '(', '\\'])))
}

impl Detection for InjectedLine {
    fn refused(&mut self, refusal: &Refusal, scene: &mut Scene<'_>) {
        if !is_a_line(&refusal.user) {
            return;
        }
        // without an address of a socket it is told all the same, of nobody
        let key = refusal.source.map_or(0, |source| name_hash(&source.to_string()));
        let found = Finding {
            sources: refusal.source.map(Into::into).into_iter().collect(),
            claimed: refusal.claimed,
            users: vec![refusal.user.clone()],
            first: refusal.time,
            attempts: refusal.times,
            evidence: refusal.lines.clone(),
            summary: "A client gave a name that reads like a line of a log, or holds control characters; addresses within it are not those of the client.".to_owned(),
            ..finding(&RULE, scene.now)
        };
        if let Some(state) = refusal.source.and_then(|source| scene.memory.sources.get_mut(&source)) {
            state.alarmed = Some(scene.now);
        }
        scene.raise(key, found);
    }

    fn wants_events(&self) -> bool {
        true
    }

    fn event(&mut self, event: &Event<'_>, scene: &mut Scene<'_>) {
        if event.trusted() {
            return;
        }
        let line = Evidence {
            source: event.source,
            line: event.line(),
            text: "".into(),
        };
        let found = Finding {
            severity: Severity::Low,
            attempts: 1,
            evidence: vec![line],
            summary: "A line bears the tag of a daemon, and journald says that another program wrote it.".to_owned(),
            ..finding(&RULE, scene.now)
        };
        scene.raise(1, found);
    }
}

#[cfg(test)]
mod tests {
    use super::is_a_line;

    #[test]
    fn names_of_people_are_no_lines() {
        for name in [
            "anna",
            "CORP\\anna",
            "anna@example.org",
            "Anna Maria von Berg",
            "admin",
            "host-192.0.2.7",
            "",
            "Пётр",
            "root@192.0.2.10",
        ] {
            assert!(!is_a_line(name), "{name}");
        }
        for name in [
            "x failed CHAP authentication from 192.0.2.10",
            "anna] (from client gw port 0 cli 192.0.2.10)",
            "{\"client_ip\":\"192.0.2.10\"}",
            "anna\u{1b}[2K",
            "CTRL: Client 192.0.2.10 control connection started",
        ] {
            assert!(is_a_line(name), "{name}");
        }
    }
}
