//! Findings and names in, a case out, and back from its text.

use super::*;
use crate::found::Found;

fn found(rule: &str, users: &str, succeeded: &str) -> Found {
    let row = format!(
        r#"{{"type":"finding","rule":"{rule}","severity":"high","sources":["203.0.113.9"],"users":{users},"first":"2026-11-20T10:00:00Z","last":"2026-11-20T10:05:00Z","succeeded":{succeeded},"alarm_time":"2026-11-20T10:05:00Z"}}"#
    );
    Found::parse(&row).expect("a finding")
}

fn opener() -> Opener {
    Opener {
        by: "anna@vpn1".to_owned(),
        now: 1_800_000_000_000_000,
    }
}

#[test]
fn findings_make_a_case_that_reads_back() {
    let got_in = r#"[{"user":"bob","time":"2026-11-20T10:04:00Z"}]"#;
    let hostile = r#"["bob","x\"\n[[account]]\nname=\"y"]"#;
    let findings = [
        found("brute-force", hostile, "[]"),
        found("success-after-failures", r#"["bob"]"#, got_in),
        found("stale-password", r#"["eve"]"#, "[]"),
    ];
    let named = Named {
        users: vec!["carol".to_owned()],
        ..Named::default()
    };
    let case = open(&findings, &named, &opener());
    assert_eq!(case.account("bob"), Some(AccountRole::Compromised));
    assert_eq!(case.account("carol"), Some(AccountRole::Suspect));
    assert_eq!(case.account("x\"\n[[account]]\nname=\"y"), Some(AccountRole::Tried));
    assert_eq!(case.account("y"), None);
    assert_eq!(
        case.roles().of("203.0.113.9".parse().expect("ip")),
        Some(AddressRole::Attacker)
    );
    assert_eq!(case.title, "success-after-failures from 203.0.113.9, 1 account taken");
    let again = Case::parse(&case.text()).expect("our own text");
    assert_eq!((again.accounts, again.addresses), (case.accounts, case.addresses));
    assert_eq!(
        (again.since, again.until, again.opened),
        (case.since, case.until, case.opened)
    );
    assert_eq!(again.until - again.since, BEFORE + AFTER + 300_000_000);
}

#[test]
fn the_rest_is_counted_and_who_got_in_is_never_one_of_it() {
    let names: Vec<String> = (0..SUBJECTS_MAX + 7).map(|n| format!("\"u{n}\"")).collect();
    let got_in = r#"[{"user":"last","time":"2026-11-20T10:04:00Z"}]"#;
    let findings = [
        found("password-spray", &format!("[{}]", names.join(",")), "[]"),
        found("password-spray", "[]", got_in),
    ];
    let case = open(&findings, &Named::default(), &opener());
    assert_eq!((case.accounts.len(), case.accounts_more), (SUBJECTS_MAX + 1, 7));
    assert_eq!(case.account("last"), Some(AccountRole::Compromised));
}

#[test]
fn mistakes_of_people_are_named() {
    let good = open(&[], &Named::default(), &opener()).text();
    assert!(Case::parse(&good).is_ok());
    for (from, to, why) in [
        ("severity = \"medium\"", "severity = \"awful\"", "severity"),
        ("id = \"INC", "id = \"../INC", "`id`"),
        ("title", "titel", "titel"),
        ("since = \"2", "since = \"x", "`since`"),
        ("\nuntil = \"20", "\nuntil = \"19", "`until`"),
    ] {
        let error = Case::parse(&good.replace(from, to)).expect_err(to);
        assert!(error.contains(why), "{error}");
    }
    let bad = format!("{good}\n[[address]]\naddress = \"10.0.0.1/8\"\nrole = \"attacker\"\n");
    assert!(Case::parse(&bad).expect_err("bits").contains("behind its prefix"));
    let bad = format!("{good}\n[[account]]\nname = \"a\"\nrole = \"victim\"\n");
    assert!(Case::parse(&bad).expect_err("role").contains("compromised"));
}
