//! The example lines of the article that `decode/tests/it/seed.rs` names, as whole files: with a stamp and a host, with the tag
//! alone as the article prints them, and what a laptop writes.

use std::fmt::Write as _;

use tunlog_pipeline::Wants;

use crate::{Reading, Seen, repository, scratch};

const LINES: &[&str] = &[
    "pppd[1234]: pppd 2.4.7 started by root, uid 0",
    "pppd[1234]: LCP: echo request timeout",
    "pppd[1234]: IPCP: begin",
    "pppd[1234]: LCP: timeout sending Config-Requests",
    "pppd[1234]: CHAP authentication failed: ‘username’ (challenge 0x…)",
    "pppd[1234]: MPPE 128-bit required, but not available",
    "kernel: GRE: no entry for key",
    "kernel: DROP GRE proto 47 from 203.0.113.11",
    "radiusd[77]: User-Name = ‘user1’, Access-Reject",
];

/// All events of a text, and what nobody understood.
fn read(name: &str, text: &str) -> (Seen, Seen) {
    let folder = scratch(name);
    let path = folder.join("seed.log");
    std::fs::write(&path, text).expect("a file");
    let reading = |wants| Reading {
        wants,
        ..Reading::default()
    };
    let seen = (
        reading(Wants::Events).of(std::slice::from_ref(&path)),
        reading(Wants::Unrecognised).of(&[path]),
    );
    let _ = std::fs::remove_dir_all(folder);
    seen
}

#[test]
fn the_articles_examples_are_understood_in_a_file() {
    for (name, head) in [("seed-stamped", "Mar  3 10:00:00 gw "), ("seed-tagged", "")] {
        let text = LINES.iter().fold(String::new(), |mut text, line| {
            let _ = writeln!(text, "{head}{line}");
            text
        });
        let (seen, unknown) = read(name, &text);
        assert_eq!(seen.events.len(), LINES.len(), "{name}: {:?}", seen.events);
        assert!(unknown.unrecognised.is_empty(), "{name}: {:?}", unknown.unrecognised);
    }
}

#[test]
fn every_line_of_a_laptops_log_is_understood() {
    for file in ["pptp.log", "l2tp.log"] {
        let path = repository("crates/pipeline/tests/fixtures/laptop").join(file);
        let text = std::fs::read_to_string(path).expect("the fixture");
        let (seen, unknown) = read(&format!("laptop-{file}"), &text);
        assert!(unknown.unrecognised.is_empty(), "{file}: {:?}", unknown.unrecognised);
        let missing: Vec<&str> = text
            .lines()
            .zip(1u64..)
            .filter(|(_, number)| !seen.events.iter().any(|(line, _, _)| line == number))
            .map(|(line, _)| line)
            .collect();
        assert!(missing.is_empty(), "{file}:\n{}", missing.join("\n"));
    }
}
