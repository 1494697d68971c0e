//! What is accepted, what is over, what is refused.

use super::*;
use crate::{Severity, logs};

const NOW: i64 = 1_795_219_200_000_000;

fn check(subject: &str, file: &str) -> Check {
    let rule = logs::FAMILIES[0].rules.first().unwrap_or_else(|| panic!("no rule"));
    Check::new(rule, "PPTP").subject(subject).file(file)
}

fn entry(keys: &str) -> String {
    format!("[[exception]]\ncheck = \"pptp-sessions\"\nreason = \"old machine\"\nowner = \"walt\"\n{keys}")
}

#[test]
fn what_is_accepted_is_marked_and_stays_as_bad_as_it_is() {
    for (keys, fits) in [
        ("expires = \"2026-11-21\"", true),
        ("expires = \"2026-12-31\"\nsubject = \"anna\"", true),
        (
            "expires = \"2026-12-31\"\nsubject = \"a*\"\nfile = \"/var/log/*.log\"",
            true,
        ),
        ("expires = \"2026-12-31\"\nsubject = \"ann\"", false),
        ("expires = \"2026-12-31\"\nfile = \"/etc/*\"", false),
        ("expires = \"2026-11-20\"", false),
    ] {
        let mut exceptions = Exceptions::default();
        assert!(exceptions.read("e.toml", &entry(keys)).is_empty());
        let mut report = Report::default();
        report.add(check("anna", "/var/log/vpn.log"));
        exceptions.apply(NOW, false, &mut report);
        assert_eq!(report.checks[0].excepted.is_some(), fits, "{keys}");
        assert_eq!(report.checks[0].severity, Severity::Critical);
    }
}

#[test]
fn exceptions_that_are_over_or_fit_nothing_are_checks() {
    let mut exceptions = Exceptions::default();
    let text = format!(
        "\n{}\n\n{}\n",
        entry("expires = \"2026-11-20\"\nsubject = \"anna\""),
        entry("expires = \"2027-01-01\"\nsubject = \"bob\"")
    );
    assert!(exceptions.read("/etc/tunlog/exceptions.toml", &text).is_empty());
    let told = |whole| -> Vec<String> {
        let mut report = Report::default();
        report.add(check("anna", "a.log"));
        exceptions.clone().apply(NOW, whole, &mut report);
        report.checks[1..]
            .iter()
            .map(|check| format!("{}:{}", check.id, check.line.unwrap_or(0)))
            .collect()
    };
    assert_eq!(told(true), ["exception-expired:2", "exception-unused:9"]);
    assert_eq!(
        told(false),
        ["exception-expired:2"],
        "what was not audited may still fit"
    );
}

#[test]
fn an_exception_without_everything_is_refused_with_its_line() {
    let whole = entry("expires = \"2027-01-01\"");
    for (text, words) in [
        (
            whole.replace("reason = \"old machine\"\n", ""),
            "e.toml:1: `reason` is missing",
        ),
        (whole.replace("old machine", "  "), "e.toml:1: `reason` is missing"),
        (
            format!("\n\n{}", whole.replace("owner = \"walt\"\n", "")),
            "e.toml:3: `owner` is missing",
        ),
        (entry(""), "e.toml:1: `expires` is missing"),
        (entry("expires = \"soon\""), "e.toml:1: `expires`: `soon` is no day"),
        (
            whole.replace("pptp-sessions", "pptp"),
            "e.toml:1: there is no check `pptp`",
        ),
        (format!("{whole}\nuntil = 1\n"), "e.toml:6: unknown field `until`"),
        (format!("{whole}\n[[exception\n"), "e.toml:6: "),
    ] {
        let mut exceptions = Exceptions::default();
        let problems = exceptions.read("e.toml", &text);
        assert!(
            problems.len() == 1 && problems[0].starts_with(words),
            "{text}: {problems:?}"
        );
        assert!(exceptions.is_empty());
    }
    let mut exceptions = Exceptions::default();
    assert_eq!(
        exceptions.read("e.toml", &format!("{}\n{whole}", entry("")))[..].len(),
        1
    );
    assert!(!exceptions.is_empty(), "the other one is used");
}

#[test]
fn patterns_fit_as_in_file_names() {
    for (pattern, value, fits) in [
        ("*", "", true),
        ("a*c*e", "abcde", true),
        ("a*c*e", "abcdef", false),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("[ab]", "a", false),
        ("[ab]", "[ab]", true),
        ("**x**", "yyxyy", true),
        ("", "a", false),
    ] {
        assert_eq!(matches(pattern, value), fits, "{pattern} {value}");
    }
    assert!(!matches(&"*a".repeat(40), &"a".repeat(39)));
}

#[test]
fn a_proposal_is_read_again_once_it_is_filled_in() {
    let check = check("a\"n\nna\u{202e}", "/var/log/vpn [1].log");
    let text = proposal(&[&check], NOW);
    let mut exceptions = Exceptions::default();
    assert!(
        exceptions.read("p.toml", &text)[0].contains("`reason` is missing"),
        "{text}"
    );
    let filled = text
        .replace("reason  = \"\"", "reason = \"r\"")
        .replace("owner   = \"\"", "owner = \"o\"");
    assert!(exceptions.read("p.toml", &filled).is_empty(), "{filled}");
    let mut report = Report::default();
    report.add(check);
    exceptions.apply(NOW, true, &mut report);
    assert_eq!(
        report.checks[0]
            .excepted
            .as_ref()
            .map(|exception| exception.expires.as_str()),
        Some("2027-02-19")
    );
    assert_eq!(report.checks.len(), 1);
}

#[test]
fn a_check_about_several_users_is_accepted_when_each_of_them_is() {
    let of = |users: &[&str]| {
        let mut check = check("", "vpn.log");
        check.subject = None;
        check.seen = Some(Box::new(crate::Seen {
            users: users.iter().map(|user| (*user).to_owned()).collect(),
            ..crate::Seen::default()
        }));
        check
    };
    let text = format!(
        "{}\n{}\n{}",
        entry("expires = \"2027-01-01\"\nsubject = \"anna\""),
        entry("expires = \"2027-01-01\"\nsubject = \"b*\""),
        entry("expires = \"2026-01-01\"\nsubject = \"carl\""),
    );
    for (users, accepted) in [
        (&["anna"][..], true),
        (&["anna", "bob", "berta"], true),
        (&["anna", "dora"], false),
        (&["carl"], false),
        (&[], false),
    ] {
        let mut exceptions = Exceptions::default();
        assert!(exceptions.read("e.toml", &text).is_empty());
        let mut report = Report::default();
        report.add(of(users));
        exceptions.apply(NOW, false, &mut report);
        assert_eq!(report.checks[0].excepted.is_some(), accepted, "{users:?}");
    }
}
