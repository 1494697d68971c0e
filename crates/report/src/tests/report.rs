use std::collections::BTreeMap;

use expect_test::{expect, expect_file};
use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};
use tunlog_analysis::statistics::report::{Limits, Report};
use tunlog_analysis::statistics::unknown::UnknownRow;
use tunlog_model::{Attempt, Evidence, Outcome, SourceId};

use super::build::{MORNING, at, failed, open, session};
use super::page;
use crate::document::{Document, ProblemRow, SourceRow};
use crate::explain::Explanation;
use crate::{document_json, html, markdown};

/// Names as strangers choose them.
const HOSTILE: [&str; 14] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</style><script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<!-- ",
    "]]>",
    "&lt;b&gt;&#x3c;",
    "anna\u{202e}nimda",
    "\u{1b}[2J\u{7}\u{0}",
    "javascript:alert(1)",
    "| `joe` | **x** @all ![](http://x/) |",
    "``` \n# no heading",
    "\\xff",
];

fn explain(cause: &'static str) -> Option<Explanation> {
    (cause == "wrong-credentials").then(|| Explanation {
        id: cause.to_owned(),
        meaning: "Name or password was refused.",
        cause: Some("A mistyped password."),
        actions: vec!["See `chap-secrets`.", "Ask again."],
        ..Explanation::default()
    })
}

/// What three functions make of the attempts.
struct Written {
    html: String,
    json: String,
    markdown: String,
}

fn written(limits: Limits, attempts: impl IntoIterator<Item = Attempt>, name: &str) -> Written {
    let mut report = Report::new(limits);
    attempts.into_iter().for_each(|attempt| report.add(attempt));
    let figures = report.figures(at(120, 0));
    let names = vec![name.to_owned()];
    let document = Document {
        figures: &figures,
        names: &names,
        explain: &explain,
        chosen: vec![("user", name.to_owned())],
        sources: vec![SourceRow {
            name: name.to_owned(),
            records: 12_345,
            unrecognised: 3,
            first: Some(MORNING),
            last: Some(at(120, 0)),
        }],
        problems: vec![ProblemRow {
            kind: "warning",
            text: format!("{name}: cut short"),
        }],
        unknown: vec![UnknownRow {
            dialect: "pppd",
            shape: Some(name.into()),
            count: 3,
            example: name.into(),
            source: name.into(),
            line: 7,
            record: name.into(),
        }],
        records: 12_345,
        unrecognised: 3,
        gaps: 1,
        lost: 20,
        first: Some(MORNING),
        last: Some(at(120, 0)),
        made: at(200, 0),
        zone: TimeZone::UTC,
        version: "1.2.3",
    };
    Written {
        html: html::page(&document),
        json: String::from_utf8(document_json::object(&document)).expect("JSON is UTF-8"),
        markdown: markdown::page(&document),
    }
}

fn told(mut attempt: Attempt, lines: &[&str]) -> Attempt {
    let line = |(at, text): (usize, &&str)| Evidence {
        source: SourceId(0),
        line: at as u64 + 1,
        text: (**text).into(),
    };
    attempt.evidence = lines.iter().enumerate().map(line).collect();
    attempt
}

fn some() -> Vec<Attempt> {
    let mut blocked = failed(None, at(70, 0));
    blocked.cause = Some("gre-blocked");
    blocked.failed_at = Some(tunlog_model::Layer::Gre);
    blocked.reached = tunlog_model::Layer::Control;
    blocked.times = 2;
    blocked.mppe_bits = None;
    let mut joe = failed(Some("joe"), at(60, 1));
    joe.reached = tunlog_model::Layer::Lcp;
    joe.mppe_bits = None;
    let mut bare = session("bob", at(45, 0));
    bare.mppe_bits = None;
    vec![
        session("anna", at(0, 3)),
        session("anna", at(20, 0)),
        bare,
        open("anna", at(100, 0)),
        told(joe, &["Peer joe failed CHAP authentication", "Connection terminated."]),
        blocked,
    ]
}

/// Whether nothing of a page could deceive or harm.
fn check_harmless(elements: &[page::Element], html: &str) {
    for element in elements {
        for (name, value) in &element.attributes {
            assert!(
                !name.starts_with("on") && name != "style" && name != "src",
                "{name}={value}"
            );
            assert!(name != "href" || value.starts_with('#'), "{value}");
        }
    }
    let count = |name: &str| elements.iter().filter(|element| element.name == name).count();
    assert_eq!(
        (count("script"), count("style"), count("img"), count("b")),
        (1, 1, 0, 0)
    );
    let harmful = html.chars().find(|c| *c != '\n' && tunlog_model::text::is_harmful(*c));
    assert_eq!(harmful, None);
}

#[test]
fn a_page_as_it_is_read() {
    let written = written(Limits::default(), some(), "/var/log/syslog");
    let elements = page::read(&written.html);
    check_harmless(&elements, &written.html);
    expect_file!["report.outline"].assert_eq(&page::outline(&elements));
}

#[test]
fn markdown() {
    expect_file!["report.md"].assert_eq(&written(Limits::default(), some(), "/var/log/syslog").markdown);
}

/// With the keys of objects in the order of the alphabet: whether a map keeps another one depends on what else is built.
fn sorted(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Array(values) => values.into_iter().map(sorted).collect(),
        Value::Object(members) => {
            let members: BTreeMap<String, Value> = members.into_iter().collect();
            Value::Object(members.into_iter().map(|(key, value)| (key, sorted(value))).collect())
        }
        value => value,
    }
}

#[test]
fn json_is_one_object_with_the_contracts_objects_inside() {
    let json = written(Limits::default(), some(), "/var/log/syslog").json;
    assert_eq!(json.lines().count(), 1);
    let value = sorted(serde_json::from_str(&json).expect("JSON"));
    let keys: Vec<&String> = value.as_object().expect("an object").keys().collect();
    expect![[r#"["begun_by_hour_of_day", "causes", "chosen", "clients", "clients_left_out", "failed_attempts", "failed_attempts_left_out", "first", "gaps", "last", "lost", "made", "problems", "protection", "records", "slot_hours", "slots", "sources", "totals", "type", "unknown", "unknown_left_out", "unrecognised", "version", "zone"]"#]].assert_eq(&format!("{keys:?}"));
    expect![[r#"{"attempts":7,"bytes_from_client":750000,"bytes_to_client":4500000,"duration_s":5400,"encrypted":3,"failed":3,"most_at_once":2,"sessions":4,"sessions_open":1,"unfinished":0,"users":2}"#]].assert_eq(&format!("{}", value["totals"]));
    expect![[r#"
        [{"cause":"gre-blocked","count":2,"first":"2026-11-20T10:10:00Z","last":"2026-11-20T10:10:00Z","users":1},{"actions":["See `chap-secrets`.","Ask again."],"cause":"wrong-credentials","count":1,"first":"2026-11-20T10:00:01Z","last":"2026-11-20T10:00:01Z","likely":"A mistyped password.","meaning":"Name or password was refused.","users":1}]
        {"auth_method":"ms-chap-v2","cause":"wrong-credentials","client_ip":"203.0.113.15","ended":"2026-11-20T10:00:04Z","evidence":[{"line":1,"source":"/var/log/syslog","text":"Peer joe failed CHAP authentication"},{"line":2,"source":"/var/log/syslog","text":"Connection terminated."}],"failed_at":"auth","gateway":"vpn","id":"0000000000001234","outcome":"failed","protocol":"pptp","reached":"lcp","started":"2026-11-20T10:00:01Z","type":"attempt","user":"joe"}"#]].assert_eq(&format!("{}\n{}", value["causes"], value["failed_attempts"][0]));
    assert!(json.starts_with(r#"{"type":"report","version":"1.2.3""#), "{json}");
    assert!(!json.contains("null"), "{json}");
}

#[test]
fn no_attempt_makes_a_sound_page_too() {
    let written = written(Limits::default(), [], "empty.log");
    let elements = page::read(&written.html);
    let text: String = elements.first().expect("a page").text.clone();
    assert!(text.contains("The evidence tells of no attempt to connect."), "{text}");
    assert!(!written.html.contains("NaN") && !written.markdown.contains("NaN"));
    serde_json::from_str::<serde_json::Value>(&written.json).expect("JSON");
}

#[test]
fn hostile_names_stay_names() {
    for name in HOSTILE {
        let mut attempts = vec![
            session(name, at(0, 0)),
            told(failed(Some(name), at(1, 0)), &[name, "```", name]),
        ];
        attempts[0].interface = Some(name.into());
        attempts[1].gateway = Some(name.into());
        let written = written(Limits::default(), attempts, name);
        let elements = page::read(&written.html);
        check_harmless(&elements, &written.html);
        let shown = tunlog_model::text::visible(name).into_owned();
        let headings = elements.iter().filter(|element| element.name == "h4");
        let headings: Vec<&str> = headings.map(|heading| heading.text.trim()).collect();
        assert_eq!(headings, [format!("{shown} from 203.0.113.15")], "{name:?}");
        let value: serde_json::Value = serde_json::from_str(&written.json).expect("JSON");
        assert_eq!(value["failed_attempts"][0]["user"], name);
        let harmful = |c: char| c != '\n' && tunlog_model::text::is_harmful(c);
        assert!(
            !written.markdown.contains(harmful) && !written.json.contains(harmful),
            "{name:?}"
        );
        // outside of code nothing of a name is left
        let bare = without_code(&written.markdown);
        for part in ["<script", "<img", "@all", "![", "**", "<!--", "alert"] {
            assert!(!bare.contains(part), "{part} of {name:?} in\n{bare}");
        }
    }
}

/// Markdown without what stands in fences and between backticks.
fn without_code(markdown: &str) -> String {
    let mut out = String::new();
    let mut fence: Option<&str> = None;
    for line in markdown.lines() {
        let marks = &line[..line.len() - line.trim_start_matches('`').len()];
        match fence {
            Some(open) if marks.len() >= open.len() && line == marks => fence = None,
            Some(_) => {}
            None if marks.len() >= 3 && line == marks => fence = Some(marks),
            None => {
                let mut rest = line;
                while let Some(start) = rest.find('`') {
                    out.push_str(&rest[..start]);
                    let run = rest[start..].len() - rest[start..].trim_start_matches('`').len();
                    let body = &rest[start + run..];
                    let end = closing(body, run).unwrap_or_else(|| panic!("code is not closed: {line}"));
                    rest = &body[end + run..];
                }
                out.push_str(rest);
                out.push('\n');
            }
        }
    }
    assert_eq!(fence, None, "a fence is not closed");
    out
}

/// Where a run of exactly so many backticks begins.
fn closing(text: &str, run: usize) -> Option<usize> {
    let mut at = 0;
    while let Some(start) = text[at..].find('`') {
        let start = at + start;
        let length = text[start..].len() - text[start..].trim_start_matches('`').len();
        if length == run {
            return Some(start);
        }
        at = start + length;
    }
    None
}

#[test]
fn the_policy_names_style_and_script_by_their_hashes() {
    let written = written(Limits::default(), some(), "log");
    let elements = page::read(&written.html);
    let of = |name: &str| {
        elements
            .iter()
            .find(|element| element.name == name)
            .map(|element| &element.text)
    };
    let policy = elements
        .iter()
        .find(|element| element.attribute("http-equiv") == Some("Content-Security-Policy"))
        .and_then(|element| element.attribute("content"));
    let hash = |name| {
        format!(
            "'sha256-{}'",
            base64(&Sha256::digest(of(name).expect("one").as_bytes()))
        )
    };
    let expected = format!(
        "default-src 'none'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
        hash("style"),
        hash("script")
    );
    assert_eq!(policy, Some(expected.as_str()), "html/policy.rs holds the hashes");
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let mut bits = [0; 3];
        bits[..three.len()].copy_from_slice(three);
        let number = u32::from_be_bytes([0, bits[0], bits[1], bits[2]]);
        for place in 0..4 {
            let letter = LETTERS[(number >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= three.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

#[test]
fn size_is_bounded_whatever_the_names_and_lines_are() {
    let causes = ["wrong-credentials", "gre-blocked", "no-secret", "abandoned"];
    let attempts = (0..100_000_usize).map(|number| {
        let name = format!("{number}{}", HOSTILE[number % HOSTILE.len()].repeat(20));
        let time = at(number as i64, 0);
        if number % 3 == 0 {
            return session(&name, time);
        }
        let mut failed = failed(Some(&name), time);
        failed.cause = Some(causes[number % causes.len()]);
        // the last of each cause are shown: let those be the worst
        if number > 99_000 {
            let line = "<&\u{202e}".repeat(4_000);
            failed = told(failed, &[&*line; 64]);
            failed.user = Some("&".repeat(10_000).into());
            failed.gateway = failed.user.clone();
        }
        failed
    });
    let written = written(Limits::default(), attempts, "/var/log/syslog");
    let sizes = [written.html.len(), written.json.len(), written.markdown.len()];
    // 100 attempts of 40 lines of 400 characters, each escaped to at most 8 bytes
    assert!(
        sizes[0] < 20 << 20 && sizes[1] < 30 << 20 && sizes[2] < 20 << 20,
        "{sizes:?}"
    );
    let elements = page::read(&written.html);
    let count = |name: &str| elements.iter().filter(|element| element.name == name).count();
    assert_eq!(count("article"), 100);
    assert!(count("tr") < 700, "{}", count("tr"));
    assert!(
        written
            .html
            .contains("failed attempts are counted above and not shown here")
    );
    let value: serde_json::Value = serde_json::from_str(&written.json).expect("JSON");
    assert_eq!(value["totals"]["attempts"], 100_000);
    assert_eq!(value["failed_attempts"].as_array().map(Vec::len), Some(100));
}

#[test]
fn an_ordinary_page_of_a_hundred_thousand_attempts_is_small() {
    let lines = ["Nov 20 09:00:03 vpn pppd[1234]: Peer joe failed CHAP authentication"; 12];
    let attempts = (0..100_000_usize).map(|number| {
        let time = at(number as i64 / 4, 0);
        match number % 2 {
            0 => session(&format!("user{}", number % 3000), time),
            _ => told(failed(Some("joe"), time), &lines),
        }
    });
    let written = written(Limits::default(), attempts, "/var/log/syslog");
    assert!(written.html.len() < 700 << 10, "{}", written.html.len());
}

#[test]
fn unfinished_attempts_are_counted_and_nowhere_else() {
    let mut unfinished = failed(Some("joe"), at(1, 0));
    unfinished.outcome = Outcome::Unfinished;
    unfinished.cause = None;
    let written = written(Limits::default(), [unfinished], "log");
    let value: serde_json::Value = serde_json::from_str(&written.json).expect("JSON");
    assert_eq!(value["totals"]["unfinished"], 1);
    assert_eq!(value["failed_attempts"].as_array().map(Vec::len), Some(0));
    page::read(&written.html);
}
