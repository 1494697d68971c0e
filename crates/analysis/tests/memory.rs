//! What an attacker can make the watching side remember: 200 000 names of his choice, and 50 000 attempts that he leaves open.
//! In a process of its own, whose largest size is measured.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "its own size is read from /proc, and told for the manual"
)]

use std::fmt::Write as _;

use tunlog_analysis::correlate::{Correlator, Options};
use tunlog_analysis::detect::{Detector, Options as Thresholds};
use tunlog_testkit::{Log, Told};

const NAMES: u32 = 200_000;
const OPEN: u32 = 50_000;
/// Attempts whose lines are written and read together.
const TOGETHER: u32 = 500;
const BAR_MIB: u64 = 256;

/// VmHWM, MiB; nothing where there is no /proc.
fn largest_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().split(' ').next()?.parse::<u64>().ok()? / 1024)
}

/// As long as pppd lets it be, and never the same.
fn name(number: u32) -> String {
    format!("{number:x}-{}", "Xy9.".repeat(50))
}

/// The stamp and the head of a line of attempt `number`, fifty of which come a second.
fn head(number: u32) -> String {
    let second = number / 50;
    let (day, hour, minute) = (1 + second / 86_400, second / 3_600 % 24, second / 60 % 60);
    format!("Sep {day:2} {hour:02}:{minute:02}:{:02} gw", second % 60)
}

fn address(net: u32, number: u32) -> String {
    let [_, a, b, c] = number.to_be_bytes();
    format!("{}.{a}.{b}.{c}", net + u32::from(number > 0xff_ffff))
}

fn begin(text: &mut String, head: &str, client: &str, pid: u32) {
    let ppp = pid + 1;
    let _ = writeln!(
        text,
        "{head} pptpd[{pid}]: CTRL: Client {client} control connection started"
    );
    let _ = writeln!(
        text,
        "{head} pptpd[{pid}]: CTRL: Starting call (launching pppd, opening GRE)"
    );
    let _ = writeln!(text, "{head} pppd[{ppp}]: pppd 2.5.2 started by root, uid 0");
    let _ = writeln!(text, "{head} pppd[{ppp}]: Using interface ppp{ppp}");
    let _ = writeln!(text, "{head} pppd[{ppp}]: Connect: ppp{ppp} <--> /dev/pts/{ppp}");
}

/// A refused attempt with a name that was never there, from one of 20 000 sources; every fourth leaves another one open.
fn attempt(number: u32, text: &mut String) {
    let (head, pid) = (head(number), 10 + 4 * number);
    let client = address(198, number % 20_000);
    begin(text, &head, &client, pid);
    let ppp = pid + 1;
    let _ = writeln!(
        text,
        "{head} pppd[{ppp}]: Peer {} failed CHAP authentication",
        name(number)
    );
    let _ = writeln!(text, "{head} pppd[{ppp}]: Connection terminated.");
    let _ = writeln!(text, "{head} pppd[{ppp}]: Exit.");
    let _ = writeln!(text, "{head} pptpd[{pid}]: CTRL: Reaping child PPP[{ppp}]");
    let _ = writeln!(
        text,
        "{head} pptpd[{pid}]: CTRL: Client {client} control connection finished"
    );
    if number.is_multiple_of(NAMES / OPEN) {
        begin(text, &head, &address(203, number), pid + 2);
    }
}

#[test]
fn strangers_names_and_open_attempts_are_bounded() {
    let mut correlator = Correlator::new(Options {
        evidence: true,
        openings: true,
        prompts: true,
        ..Options::default()
    });
    let mut detector = Detector::new(&Thresholds::default());
    let reader = Log::default();
    let (mut failed, mut found) = (0, 0);
    for first in (0..NAMES).step_by(TOGETHER as usize) {
        let mut text = String::new();
        (first..first + TOGETHER).for_each(|number| attempt(number, &mut text));
        reader.tell(&text, &mut |told| {
            if let Told::Event(event) = told {
                detector.event(&event);
                correlator.observe(&event);
            }
            for (prompt, attempt) in correlator.prompts() {
                failed += 1;
                detector.prompt(prompt, attempt);
            }
            correlator.opened().for_each(|attempt| detector.opened(attempt));
            correlator.closed().for_each(|attempt| detector.attempt(attempt));
            found += std::iter::from_fn(|| detector.ready()).count();
        });
    }
    let largest = largest_mib();
    assert_eq!(correlator.open().len(), OPEN as usize, "attempts that are open");
    assert!(
        failed > NAMES / 2,
        "{failed} of {NAMES} refusals were told at their line"
    );
    assert!(found > 10, "{found} findings");
    if let Some(largest) = largest {
        println!("{largest} MiB at most, {failed} told at their line, {found} findings");
        assert!(largest <= BAR_MIB, "{largest} MiB, the bar is {BAR_MIB}");
    }
}
