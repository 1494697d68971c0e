//! Audits: SARIF as its readers want it, the page with names that strangers chose, rows that say the same.

use tunlog_audit::{Check, Exception, rule, rules};

use crate::{check, html, sarif};

fn checks() -> Vec<Check> {
    let of = |id: &str, summary: &str| Check::new(rule(id).expect("a rule"), summary);
    vec![
        of("mppe-not-required", "first").file("etc/ppp/a b#c"),
        of("secrets-short", "`<script>x` \u{1b}[31m")
            .at("/etc/ppp/chap-secrets", 3)
            .subject("<script>x"),
        of("secrets-short", "`bert` \"quoted\"")
            .at("/etc/ppp/chap-secrets", 4)
            .subject("bert"),
        Check {
            excepted: Some(Exception {
                reason: "a lab".to_owned(),
                owner: "anna".to_owned(),
                expires: "2026-12-31".to_owned(),
            }),
            ..of("secrets-short", "the same line")
                .at("/etc/ppp/chap-secrets", 5)
                .subject("bert")
        },
    ]
}

#[test]
fn sarif_has_what_readers_ask_for() {
    let all: Vec<_> = rules().collect();
    let log: serde_json::Value = serde_json::from_slice(&sarif::log(&checks(), &all, "1.2.3")).expect("JSON");
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let driver = &run["tool"]["driver"];
    assert_eq!(
        (&driver["name"], driver["rules"].as_array().map(Vec::len)),
        (&"tunlog".into(), Some(all.len()))
    );
    let results = run["results"].as_array().expect("results");
    assert_eq!(results.len(), 4);
    for result in results {
        let index = result["ruleIndex"].as_u64().expect("an index") as usize;
        assert_eq!(driver["rules"][index]["id"], result["ruleId"]);
        assert!(
            driver["rules"][index]["help"]["text"]
                .as_str()
                .is_some_and(|text| text.contains("To do:"))
        );
    }
    let location = |at: usize| &results[at]["locations"][0]["physicalLocation"];
    assert_eq!(location(0)["artifactLocation"]["uri"], "etc/ppp/a%20b%23c");
    assert_eq!(location(0)["region"]["startLine"], 1);
    assert_eq!(location(1)["artifactLocation"]["uri"], "file:///etc/ppp/chap-secrets");
    assert_eq!(
        (&results[0]["level"], &location(1)["region"]["startLine"]),
        (&"error".into(), &3.into())
    );
    assert_eq!(
        results[3]["suppressions"][0]["justification"],
        "a lab (anna, until 2026-12-31)"
    );
    assert!(results[2]["suppressions"].is_null());
}

/// Lines may move; two results of one account are told apart.
#[test]
fn fingerprints_stay_when_lines_move() {
    let all: Vec<_> = rules().collect();
    let prints = |checks: &[Check]| -> Vec<String> {
        let log: serde_json::Value = serde_json::from_slice(&sarif::log(checks, &all, "1")).expect("JSON");
        let results = log["runs"][0]["results"].as_array().expect("results").clone();
        results
            .iter()
            .map(|result| result["partialFingerprints"]["tunlogCheck/v1"].to_string())
            .collect()
    };
    let before = prints(&checks());
    let moved: Vec<Check> = checks()
        .into_iter()
        .map(|check| Check {
            line: check.line.map(|line| line + 7),
            ..check
        })
        .collect();
    assert_eq!(before, prints(&moved));
    let mut unique = before.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), before.len());
}

#[test]
fn a_page_holds_no_foreign_element() {
    let page = html::audit::page(&html::audit::Audit {
        checks: &checks(),
        files: &["<img src=x>".to_owned()],
        notes: &["<b>note</b>".to_owned()],
        version: "1",
        made: "2026-11-21 10:00",
    });
    for foreign in ["<script", "<img", "<b>", "\u{1b}"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    for own in [
        "Content-Security-Policy",
        "<h1>VPN audit</h1>",
        "Accepted",
        "A short password",
        "&lt;script&gt;",
    ] {
        assert!(page.contains(own), "{own}\n{page}");
    }
}

#[test]
fn rows_that_say_the_same_are_one_for_people() {
    let rows = check::grouped(&checks());
    assert_eq!(rows.len(), 3, "an accepted one stands alone");
    assert!(
        rows[1].summary.ends_with("the same holds for `bert` (line 4)"),
        "{}",
        rows[1].summary
    );
}
