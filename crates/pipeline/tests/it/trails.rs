//! A trail whose chatter is read later tells what one tells that was read at once.

use std::path::PathBuf;

use tunlog_model::{Attempt, Clue, Field, Outcome};
use tunlog_pipeline::Wants;

use crate::{Reading, repository, scratch};

fn read(wants: Wants, paths: &[PathBuf]) -> Vec<Attempt> {
    let mut attempts = Reading {
        wants,
        ..Reading::default()
    }
    .of(paths)
    .attempts;
    attempts.sort_by_key(|attempt| (attempt.started, attempt.id));
    attempts
}

/// All that a clue tells.
fn told(clue: Clue<'_>) -> String {
    let facts = Field::ALL
        .iter()
        .filter_map(|(field, word)| Some(format!("{word}={}", clue.fact(*field)?)));
    let facts: Vec<String> = facts.collect();
    format!(
        "{} {} to {} at {} to {}, {} times, {}/{} {facts:?} {}",
        clue.pid,
        clue.line,
        clue.last_line,
        clue.time,
        clue.last,
        clue.times,
        clue.message.dialect,
        clue.message.id,
        clue.text()
    )
}

fn trail(attempt: &Attempt) -> Vec<String> {
    attempt.trail.iter().map(told).collect()
}

/// Compares the attempts of both ways; how many lines of chatter a session let go of.
fn compare(paths: &[PathBuf]) -> usize {
    let at_once = read(Wants::Diagnoses, paths);
    let later = read(Wants::Trails, paths);
    assert_eq!(at_once.len(), later.len(), "{paths:?}");
    let mut gone = 0;
    for (one, other) in at_once.iter().zip(&later) {
        assert_eq!(
            (one.id, one.outcome, one.cause),
            (other.id, other.outcome, other.cause),
            "{paths:?}"
        );
        let (whole, kept) = (trail(one), trail(other));
        if !matches!(one.outcome, Outcome::Established | Outcome::Open) {
            assert_eq!(whole, kept, "{paths:?}");
            continue;
        }
        // of a session it is no more than chatter that is missing
        assert!(
            kept.iter().all(|line| whole.contains(line)),
            "{paths:?}\n{kept:#?}\n{whole:#?}"
        );
        let missing = one.trail.iter().filter(|clue| !kept.contains(&told(*clue)));
        for clue in missing {
            gone += 1;
            assert!(
                !clue.message.concerns_attempts && clue.message.blames.is_none(),
                "{}",
                told(clue)
            );
        }
    }
    gone
}

const HEAD: &str = "Oct 24 08:00:00 gw";

/// The negotiation of a link, as pppd's `debug` tells it.
const NEGOTIATION: &str = "\
pptpd[10]: CTRL: Client 203.0.113.7 control connection started
pptpd[10]: CTRL: Starting call (launching pppd, opening GRE)
pppd[11]: Plugin /usr/lib/pptpd/pptpd-logwtmp.so loaded.
pppd[11]: pppd 2.4.9 started by root, uid 0
pppd[11]: Using interface ppp0
pppd[11]: Connect: ppp0 <--> /dev/pts/1
pppd[11]: sent [LCP ConfReq id=0x1 <asyncmap 0x0> <auth chap MS-v2> <magic 0x1a2b3c4d>]
pppd[11]: sent [LCP ConfReq id=0x1 <asyncmap 0x0> <auth chap MS-v2> <magic 0x1a2b3c4d>]
pppd[11]: rcvd [LCP ConfAck id=0x1 <asyncmap 0x0> <auth chap MS-v2> <magic 0x1a2b3c4d>]
pppd[11]: sent [CHAP Challenge id=0x5 <00112233445566778899aabbccddeeff>, name = \"gw\"]
pppd[11]: rcvd [CHAP Response id=0x5 <0011223344>, name = \"anna\"]
pppd[11]: sent [CHAP Success id=0x5 \"S=0123 M=Access granted\"]
pppd[11]: sent [CCP ConfReq id=0x1 <mppe +H -M +S -L -D -C>]
pppd[11]: rcvd [CCP ConfAck id=0x1 <mppe +H -M +S -L -D -C>]
pppd[11]: rcvd [IPCP ConfReq id=0x1 <addr 0.0.0.0>]
pppd[11]: sent [IPCP ConfNak id=0x1 <addr 192.168.0.10>]
pppd[11]: rcvd [IPCP ConfReq id=0x2 <addr 192.168.0.99>]
pppd[11]: sent [IPCP ConfAck id=0x2 <addr 192.168.0.99>]
";

fn log(name: &str, lines: &[&str]) -> PathBuf {
    let text: String = lines
        .iter()
        .flat_map(|lines| lines.lines())
        .map(|line| format!("{HEAD} {line}\n"))
        .collect();
    let path = scratch(name).join("syslog");
    std::fs::write(&path, text).expect("a file");
    path
}

#[test]
fn failures_keep_every_line() {
    let end = "pppd[11]: Exit.\npptpd[10]: CTRL: Client 203.0.113.7 control connection finished";
    let path = log("trails-failure", &[NEGOTIATION, end]);
    assert_eq!(compare(&[path]), 0);
}

#[test]
fn sessions_let_go_of_the_chatter_of_their_login() {
    let up = "pppd[11]: MPPE 128-bit stateless compression enabled\n\
              pppd[11]: local  IP address 192.168.0.1\npppd[11]: remote IP address 192.168.0.10";
    let path = log("trails-session", &[NEGOTIATION, up]);
    let gone = compare(std::slice::from_ref(&path));
    assert_eq!(gone, 3, "a plug-in, and what this end asked for by LCP and CCP");
    let attempts = read(Wants::Trails, &[path]);
    let ids: Vec<&str> = attempts[0].trail.iter().map(|clue| clue.message.id).collect();
    assert!(ids.iter().any(|id| id.contains("ipcp")), "{ids:?}");
    let asks = |id: &&&str| id.contains("sent-lcp") || id.contains("sent-ccp");
    assert_eq!(ids.iter().find(asks), None, "{ids:?}");
}

/// More lines than a trail keeps: the same ones stay.
#[test]
fn long_trails_let_go_of_the_same_lines() {
    let chatter: String = (0..400)
        .map(|number| {
            format!(
                "pppd[11]: rcvd [IPCP ConfReq id=0x{number:x} <addr 192.168.{}.7>]\n",
                number % 250
            )
        })
        .collect();
    let end = "pppd[11]: Exit.\npptpd[10]: CTRL: Client 203.0.113.7 control connection finished";
    let path = log("trails-long", &[NEGOTIATION, &chatter, end]);
    assert_eq!(compare(&[path]), 0);
}

/// A torn line becomes the same event, and one that is too long is kept as it was.
#[test]
fn torn_and_long_lines_are_the_same() {
    let torn = format!(
        "{HEAD} pppd[11]: sent [LCP ConfReq id=0x9 <asyncmap 0x0> <auth chap MS-v2>\n<magic 0x1a2b3c4d>]\n\
         {HEAD} pppd[11]: rcvd [LCP ConfRej id=0x9 {}]\n",
        "<unknown 1>".repeat(200)
    );
    let path = log("trails-torn", &[NEGOTIATION]);
    let mut text = std::fs::read_to_string(&path).expect("the file");
    text.push_str(&torn);
    std::fs::write(&path, text).expect("a file");
    assert_eq!(compare(&[path]), 0);
}

#[test]
fn examples_tell_the_same_either_way() {
    let root = repository("examples/gateway");
    for host in ["vpn1", "vpn2"] {
        compare(&[root.join(host)]);
    }
    compare(&[root]);
}
