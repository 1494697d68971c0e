//! Every family's `.variants`: configurations, each with all checks that it gives.
//!
//! `== TITLE` begins one (`== whole: TITLE`: its files are all that there is), `-- PATH mode=0644 uid=0` a file of it, `-- expect` the
//! list of checks as `SEVERITY ID PLACE`. Nothing expected means that nothing may be found.

use tunlog_audit::{COLUMNS, ConfigFile, Machine, Report, audit};
use tunlog_model::Cell;

const FAMILIES: &[(&str, &str)] = &[
    ("accel", include_str!("../../src/checks/accel.variants")),
    ("firewall", include_str!("../../src/checks/firewall.variants")),
    ("ipsec", include_str!("../../src/checks/ipsec.variants")),
    ("kernel", include_str!("../../src/checks/kernel.variants")),
    ("l2tp", include_str!("../../src/checks/l2tp.variants")),
    ("logging", include_str!("../../src/checks/logging.variants")),
    (
        "ppp_encryption",
        include_str!("../../src/checks/ppp_encryption.variants"),
    ),
    ("ppp_link", include_str!("../../src/checks/ppp_link.variants")),
    ("ppp_logging", include_str!("../../src/checks/ppp_logging.variants")),
    ("ppp_login", include_str!("../../src/checks/ppp_login.variants")),
    ("pptp", include_str!("../../src/checks/pptp.variants")),
    ("radius", include_str!("../../src/checks/radius.variants")),
    ("routeros", include_str!("../../src/checks/routeros.variants")),
    ("second_factor", include_str!("../../src/checks/second_factor.variants")),
    ("secrets", include_str!("../../src/checks/secrets.variants")),
];

struct Variant {
    title: String,
    machine: Machine,
    expected: Vec<String>,
}

fn variants(text: &str) -> Vec<Variant> {
    let mut all: Vec<Variant> = Vec::new();
    let mut expecting = false;
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("== ") {
            let machine = Machine {
                is_whole: title.starts_with("whole: "),
                ..Machine::default()
            };
            all.push(Variant {
                title: title.to_owned(),
                machine,
                expected: Vec::new(),
            });
            expecting = false;
            continue;
        }
        let variant = all.last_mut().expect("a variant begins with ==");
        match line.strip_prefix("-- ").filter(|head| !head.starts_with([' ', '-'])) {
            Some("expect") => expecting = true,
            Some(head) => {
                assert!(!expecting, "{}: a file behind its checks", variant.title);
                variant.machine.files.push(file(head));
            }
            None if expecting && line.is_empty() => {}
            None if expecting => variant.expected.push(line.to_owned()),
            None => {
                let file = variant.machine.files.last_mut().expect("text belongs to a file");
                file.text += &format!("{line}\n");
            }
        }
    }
    all
}

fn file(head: &str) -> ConfigFile {
    let mut words = head.split(' ');
    let mut file = ConfigFile::new(words.next().unwrap_or_default(), "");
    for word in words {
        match word.split_once('=') {
            Some(("mode", mode)) => file.mode = Some(u32::from_str_radix(mode, 8).expect("octal")),
            Some(("uid", uid)) => file.owner_uid = Some(uid.parse().expect("a number")),
            _ => panic!("{head}: what is `{word}`?"),
        }
    }
    file
}

fn told(report: &Report) -> Vec<String> {
    let mut told: Vec<String> = report
        .checks
        .iter()
        .map(|check| {
            format!(
                "{} {} {}",
                check.severity.word(),
                check.id,
                check.place().unwrap_or("-".to_owned())
            )
        })
        .collect();
    told.sort();
    told
}

#[test]
fn every_variant_gives_its_checks() {
    let mut wrong = String::new();
    let mut count = 0;
    for (family, text) in FAMILIES {
        for mut variant in variants(text) {
            count += 1;
            let report = audit(&variant.machine);
            variant.expected.sort();
            let told = told(&report);
            if told != variant.expected {
                wrong += &format!("{family}: {}\n", variant.title);
                wrong += &difference(&variant.expected, &told);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count >= 160, "{count} variants");
}

fn difference(expected: &[String], told: &[String]) -> String {
    let missing = expected
        .iter()
        .filter(|line| !told.contains(line))
        .map(|line| format!("  missing {line}\n"));
    let more = told
        .iter()
        .filter(|line| !expected.contains(line))
        .map(|line| format!("  not expected {line}\n"));
    missing.chain(more).collect()
}

/// Every rule is found by some variant, and is absent from another.
#[test]
fn every_rule_has_a_variant() {
    let found: Vec<String> = FAMILIES
        .iter()
        .flat_map(|(_, text)| variants(text))
        .flat_map(|variant| variant.expected)
        .collect();
    let without: Vec<&str> = tunlog_audit::checks::ALL
        .iter()
        .flat_map(|family| family.rules)
        .map(|rule| rule.id)
        .filter(|id| !found.iter().any(|line| line.split(' ').nth(1) == Some(id)))
        .collect();
    assert!(without.is_empty(), "{without:?}");
}

/// Words that stand where a variant has a secret.
fn secrets(machine: &Machine) -> Vec<String> {
    let mut found = Vec::new();
    for file in &machine.files {
        for entry in tunlog_audit::parse::ppp_options::words(&file.text) {
            let value = entry.text.rsplit(['=', ',']).next().unwrap_or_default().to_owned();
            let marks = [
                "Torte",
                "Zwerge",
                "Kuh",
                "9f2c",
                "testing123",
                "kuckuck",
                "kurz",
                "Worte",
                "4711",
                "abc",
            ];
            if marks.iter().any(|mark| value.contains(mark)) {
                found.push(value);
            }
        }
    }
    found
}

#[test]
fn no_secret_is_in_any_output() {
    let mut looked_for = 0;
    for (family, text) in FAMILIES {
        for variant in variants(text) {
            let report = audit(&variant.machine);
            let mut shown = format!("{report:?}");
            for check in &report.checks {
                for column in COLUMNS {
                    if let Cell::Text(text) = (column.value)(check) {
                        shown += &text;
                    }
                }
            }
            for secret in secrets(&variant.machine) {
                looked_for += 1;
                assert!(
                    !shown.contains(&secret),
                    "{family}: {}: {secret}\n{shown}",
                    variant.title
                );
            }
        }
    }
    assert!(looked_for >= 40, "{looked_for} secrets were looked for");
}

/// Texts of rules: whole sentences, references with something to look up, ids that nobody else has.
#[test]
fn rules_have_their_words() {
    let mut ids: Vec<&str> = Vec::new();
    for rule in tunlog_audit::rules() {
        for text in [
            rule.title,
            rule.finds,
            rule.why,
            rule.wrong,
            rule.action,
            rule.reference,
        ] {
            assert!(!text.trim().is_empty(), "{}", rule.id);
        }
        for text in [rule.finds, rule.why, rule.wrong] {
            assert!(text.ends_with(['.', '!', '?']), "{}: {text}", rule.id);
        }
        assert!(
            rule.id
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
            "{}",
            rule.id
        );
        ids.push(rule.id);
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "an id is taken twice");
}
