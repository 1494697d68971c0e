//! What the detector makes of hostile files, and that a log gives the same findings at once and live.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use tunlog_analysis::correlate::Prompt;
use tunlog_analysis::detect::{Detector, Finding, Options as Thresholds};
use tunlog_decode::Catalogue;
use tunlog_ingest::{Options, discover};
use tunlog_model::{Attempt, Event, RecordTime};
use tunlog_pipeline::{Live, Settings, Sources, Subscriber, Wants, run};

use crate::{repository, scratch};

struct Watching {
    detector: Detector,
    found: Vec<Finding>,
}

impl Watching {
    fn new() -> Watching {
        Watching {
            detector: Detector::new(&Thresholds::default()),
            found: Vec::new(),
        }
    }

    fn take(&mut self) {
        self.found.extend(std::iter::from_fn(|| self.detector.ready()));
    }

    fn finish(mut self) -> (Vec<Finding>, Detector) {
        self.detector.finish();
        self.take();
        (self.found, self.detector)
    }
}

impl Subscriber for Watching {
    fn event(&mut self, event: &Event<'_>, _: &Sources) -> ControlFlow<()> {
        self.detector.event(event);
        self.take();
        ControlFlow::Continue(())
    }

    fn prompt(&mut self, prompt: Prompt, attempt: Attempt, _: &Sources) -> ControlFlow<()> {
        self.detector.prompt(prompt, attempt);
        ControlFlow::Continue(())
    }

    fn opened(&mut self, attempt: Attempt, _: &Sources) -> ControlFlow<()> {
        self.detector.opened(attempt);
        ControlFlow::Continue(())
    }

    fn attempt(&mut self, attempt: Attempt, _: &Sources) -> ControlFlow<()> {
        self.detector.attempt(attempt);
        ControlFlow::Continue(())
    }

    fn lost(&mut self, count: Option<u64>, time: RecordTime, _: &Sources) {
        self.detector.lost(count, time.micros);
    }
}

fn settings() -> Settings {
    Settings::new(
        Options {
            tz: Some("UTC".into()),
            year: Some(2025),
            ..Options::default()
        },
        Wants::Findings,
    )
}

fn findings_of(path: &Path) -> (Vec<Finding>, Detector) {
    let mut watching = Watching::new();
    run(
        discover(&[path.to_path_buf()], false),
        &Catalogue::builtin(),
        &settings(),
        &mut watching,
    );
    watching.finish()
}

fn hostile(name: &str) -> Option<PathBuf> {
    let folder = repository("../shared/corpus/hostile");
    if !folder.is_dir() {
        println!("skipped: no hostile corpus beside the clone");
        return None;
    }
    Some(folder.join(name))
}

fn sources(found: &[Finding]) -> Vec<String> {
    let mut all: Vec<String> = found
        .iter()
        .flat_map(|finding| finding.sources.iter().map(ToString::to_string))
        .collect();
    all.sort();
    all.dedup();
    all
}

#[test]
fn addresses_in_names_are_never_blamed() {
    for name in [
        "01-escapes.log",
        "02-forged-session.log",
        "02b-forged-statistics.log",
        "03-blame.log",
        "18-injection-names.log",
        "18b-quoted-names.log",
        "31-secrets.log",
    ] {
        let Some(path) = hostile(name) else { return };
        let (found, _) = findings_of(&path);
        let blamed = sources(&found);
        for never in ["192.0.2.10", "192.0.2.1"] {
            assert!(
                !blamed.iter().any(|source| source == never),
                "{name}: {never} in {blamed:?}"
            );
        }
    }
}

#[test]
fn who_fails_forty_times_is_found_and_said_to_be_claimed() {
    let Some(path) = hostile("03-blame.log") else { return };
    let (found, _) = findings_of(&path);
    assert!(sources(&found).contains(&"203.0.113.66".to_owned()), "{found:?}");
    for finding in found.iter().filter(|finding| !finding.sources.is_empty()) {
        assert!(
            finding.claimed,
            "no daemon took that address from a socket: {finding:?}"
        );
    }
}

#[test]
fn names_that_are_lines_are_told() {
    for name in ["01-escapes.log", "02-forged-session.log", "18-injection-names.log"] {
        let Some(path) = hostile(name) else { return };
        let (found, _) = findings_of(&path);
        let told = found.iter().any(|finding| finding.rule == "injected-line");
        assert!(
            told,
            "{name}: {:?}",
            found.iter().map(|finding| finding.rule).collect::<Vec<_>>()
        );
    }
}

#[test]
fn two_hundred_thousand_names_fill_caps_and_no_more() {
    let Some(path) = hostile("19-200k-users.log.gz") else {
        return;
    };
    let (found, detector) = findings_of(&path);
    assert!(found.len() < 10_000, "{} findings", found.len());
    let reached = detector.limits_reached();
    assert!(reached.iter().any(|(what, ..)| what.contains("names")), "{reached:?}");
}

#[test]
fn secrets_stay_out_of_findings() {
    let Some(path) = hostile("31-secrets.log") else { return };
    let expected = hostile("expect.json").map(std::fs::read_to_string);
    let Some(Ok(text)) = expected else { return };
    let all: serde_json::Value = serde_json::from_str(&text).expect("expect.json is JSON");
    let secrets = all["31-secrets.log"]["must_not_appear_in_exports"]
        .as_array()
        .expect("a list")
        .clone();
    let (found, _) = findings_of(&path);
    let shown = format!("{found:?}");
    for secret in secrets.iter().filter_map(serde_json::Value::as_str) {
        assert!(!shown.contains(secret), "{shown}");
    }
}

/// A gateway's day with a guesser, of our own making.
fn day() -> String {
    let mut log = String::new();
    let mut pid = 100;
    for minute in 0..240_u32 {
        let (hour, rest) = (8 + minute / 60, minute % 60);
        let stamp = format!("Nov 20 {hour:02}:{rest:02}");
        pid += 2;
        let (source, name, fails) = match minute % 3 {
            0 => ("203.0.113.9", "anna", false),
            _ => ("198.51.100.7", "bert", true),
        };
        log += &format!("{stamp}:01 gw pptpd[{pid}]: CTRL: Client {source} control connection started\n");
        log += &format!("{stamp}:01 gw pptpd[{pid}]: CTRL: Starting call (launching pppd, opening GRE)\n");
        log += &format!("{stamp}:02 gw pppd[{}]: Connect: ppp0 <--> /dev/pts/1\n", pid + 1);
        log += &match fails {
            true => format!(
                "{stamp}:03 gw pppd[{}]: Peer {name} failed CHAP authentication\n",
                pid + 1
            ),
            false => format!(
                "{stamp}:03 gw pppd[{0}]: Peer {name} authenticated with CHAP\n{stamp}:03 gw pppd[{0}]: remote IP address 10.0.0.9\n",
                pid + 1
            ),
        };
        log += &format!("{stamp}:40 gw pppd[{}]: Exit.\n", pid + 1);
        log += &format!("{stamp}:41 gw pptpd[{pid}]: CTRL: Client {source} control connection finished\n");
    }
    log
}

#[test]
fn live_and_at_once_alarms_sound_at_the_same_times() {
    let folder = scratch("detect-live");
    let log = day();
    let whole = folder.join("whole.log");
    std::fs::write(&whole, &log).expect("a file");
    let (at_once, _) = findings_of(&whole);
    assert!(!at_once.is_empty());

    let growing = folder.join("growing.log");
    let (begin, rest) = log.as_bytes().split_at(777);
    std::fs::write(&growing, begin).expect("a file");
    let catalogue = Catalogue::builtin();
    let mut live = Live::new(discover(std::slice::from_ref(&growing), false), &catalogue, &settings());
    let mut watching = Watching::new();
    // in pieces that end anywhere; nobody says that this is the end
    for piece in rest.chunks(777) {
        let mut file = OpenOptions::new().append(true).open(&growing).expect("the file");
        file.write_all(piece).expect("room on the disk");
        live.poll(&mut watching);
    }
    let (alive, _) = watching.finish();
    let told = |found: &[Finding]| -> Vec<(&'static str, i64, u64)> {
        found
            .iter()
            .map(|one| (one.rule, one.alarm_time, one.attempts))
            .collect()
    };
    assert_eq!(told(&alive), told(&at_once));
}
