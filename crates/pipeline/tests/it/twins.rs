//! The same log in two forms gives what one of them gives.

use std::path::{Path, PathBuf};

use tunlog_model::Attempt;
use tunlog_pipeline::Wants;

use crate::{Reading, Seen, scratch};

/// A session and a refusal; `{}` stands for the stamp.
const LINES: &[(&str, u32)] = &[
    ("gw pptpd[10]: CTRL: Client 203.0.113.7 control connection started", 0),
    ("gw pptpd[10]: CTRL: Starting call (launching pppd, opening GRE)", 0),
    ("gw pppd[11]: Using interface ppp0", 0),
    ("gw pppd[11]: Connect: ppp0 <--> /dev/pts/1", 0),
    ("gw pppd[11]: remote IP address 192.168.0.10", 1),
    ("gw pptpd[20]: CTRL: Client 203.0.113.8 control connection started", 5),
    ("gw pptpd[20]: CTRL: Starting call (launching pppd, opening GRE)", 5),
    ("gw pppd[21]: Using interface ppp1", 5),
    ("gw pppd[21]: Peer anna failed CHAP authentication", 6),
    ("gw pppd[21]: Peer anna failed CHAP authentication", 6),
    ("gw pppd[21]: Exit.", 6),
    ("gw pptpd[20]: CTRL: Client 203.0.113.8 control connection finished", 6),
    ("gw pppd[11]: Sent 100 bytes, received 50 bytes.", 30),
    ("gw pppd[11]: Exit.", 30),
    ("gw pptpd[10]: CTRL: Client 203.0.113.7 control connection finished", 30),
];

/// The lines with each one's stamp.
fn log(stamp: impl Fn(u32, usize) -> String) -> String {
    let lines = LINES.iter().enumerate();
    lines
        .map(|(at, (line, second))| format!("{} {line}\n", stamp(*second, at)))
        .collect()
}

fn bsd(second: u32, _: usize) -> String {
    format!("Oct 24 08:00:{second:02}")
}

fn iso(second: u32, at: usize) -> String {
    format!("2025-10-24T08:00:{second:02}.{:03}000Z", 10 * at)
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("a file");
    path
}

fn read(wants: Wants, paths: &[PathBuf]) -> Seen {
    Reading {
        wants,
        ..Reading::default()
    }
    .of(paths)
}

/// What an attempt is, without which source tells it.
fn shown(attempts: &[Attempt]) -> Vec<String> {
    let mut all: Vec<String> = attempts
        .iter()
        .map(|attempt| {
            format!(
                "{:016x} {} {:?} {:?} {:?} times {} from {} to {:?}",
                attempt.id,
                attempt.outcome.word(),
                attempt.client_ip,
                attempt.user,
                attempt.bytes_to_client,
                attempt.times,
                attempt.started,
                attempt.ended
            )
        })
        .collect();
    all.sort();
    all
}

#[test]
fn two_forms_of_one_log_are_one_log() {
    let folder = scratch("twins");
    let (syslog, messages) = (
        write(&folder, "syslog", &log(bsd)),
        write(&folder, "messages", &log(iso)),
    );
    for wants in [Wants::Attempts, Wants::Events, Wants::Diagnoses] {
        let one = read(wants, std::slice::from_ref(&syslog));
        let both = read(wants, &[syslog.clone(), messages.clone()]);
        assert_eq!(shown(&both.attempts), shown(&one.attempts), "{wants:?}");
        assert_eq!(both.summary.events, one.summary.events, "{wants:?}");
        assert!(both.says("lines tell what other inputs tell"), "{:?}", both.problems());
        assert!(!one.says("other inputs"), "{:?}", one.problems());
        let turned = read(wants, &[messages.clone(), syslog.clone()]);
        assert_eq!(shown(&turned.attempts), shown(&one.attempts), "{wants:?}");
    }
    let _ = std::fs::remove_dir_all(folder);
}

/// Part of the lines in another file, as syslog rules do; a third form of all of them.
#[test]
fn parts_and_third_forms_are_recognised_too() {
    let folder = scratch("triplets");
    let whole = log(bsd);
    let pppd: String = whole
        .lines()
        .filter(|line| line.contains("pppd["))
        .map(|line| format!("{line}\n"))
        .collect();
    let syslog = write(&folder, "syslog", &whole);
    let others = [write(&folder, "ppp.log", &pppd), write(&folder, "messages", &log(iso))];
    let one = read(Wants::Attempts, std::slice::from_ref(&syslog));
    let all = read(Wants::Attempts, &[&[syslog], &others[..]].concat());
    assert_eq!(shown(&all.attempts), shown(&one.attempts));
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn other_lines_stay_two() {
    let folder = scratch("no-twins");
    let first = write(
        &folder,
        "one",
        "Oct 24 08:00:00 gw pppd[21]: Peer anna failed CHAP authentication\n",
    );
    for (name, line) in [
        (
            "another host",
            "Oct 24 08:00:00 gw2 pppd[21]: Peer anna failed CHAP authentication\n",
        ),
        (
            "another process",
            "Oct 24 08:00:00 gw pppd[22]: Peer anna failed CHAP authentication\n",
        ),
        (
            "another name",
            "Oct 24 08:00:00 gw pppd[21]: Peer bert failed CHAP authentication\n",
        ),
        (
            "another time",
            "Oct 24 08:00:02 gw pppd[21]: Peer anna failed CHAP authentication\n",
        ),
        (
            "no host",
            "Oct 24 08:00:00 pppd[21]: Peer anna failed CHAP authentication\n",
        ),
        (
            "no process",
            "Oct 24 08:00:00 gw pppd: Peer anna failed CHAP authentication\n",
        ),
    ] {
        let second = write(&folder, "two", line);
        let seen = read(Wants::Events, &[first.clone(), second]);
        assert_eq!((seen.summary.events, seen.says("other inputs")), (2, false), "{name}");
    }
    // and one source is believed whatever it repeats
    let twice = write(
        &folder,
        "twice",
        &std::fs::read_to_string(&first).expect("the file").repeat(2),
    );
    assert_eq!(read(Wants::Events, &[twice]).summary.events, 2);
    let _ = std::fs::remove_dir_all(folder);
}

/// One writer sums up what the other has line by line.
#[test]
fn repetitions_are_counted_once() {
    let folder = scratch("twin-repeats");
    let line = "gw pppd[21]: Peer anna failed CHAP authentication";
    let summed = format!("Oct 24 08:00:00 {line}\nOct 24 08:00:00 gw last message repeated 2 times\n");
    let each = format!("2025-10-24T08:00:00.100000Z {line}\n").repeat(3);
    let (summed, each) = (write(&folder, "summed", &summed), write(&folder, "each", &each));
    let times = |paths: &[PathBuf]| read(Wants::Attempts, paths).failed;
    let alone = times(std::slice::from_ref(&each));
    assert_eq!(times(std::slice::from_ref(&summed)), alone);
    assert_eq!(times(&[summed.clone(), each.clone()]), alone);
    assert_eq!(times(&[each, summed]), alone);
    let _ = std::fs::remove_dir_all(folder);
}

/// The kernel and charon write no process id.
#[test]
fn lines_without_process_id_have_twins_too() {
    let folder = scratch("twins-without-pid");
    let line = "gw charon: 09[IKE] received NO_PROPOSAL_CHOSEN error notify";
    let (one, other) = (
        format!("Oct 24 08:00:00 {line}\n"),
        format!("2025-10-24T08:00:00.100000Z {line}\n"),
    );
    let paths = [write(&folder, "one", &one), write(&folder, "other", &other)];
    assert_eq!(read(Wants::Events, &paths).summary.events, 1);
    let _ = std::fs::remove_dir_all(folder);
}

/// The windows of the lab, each in two of its forms.
#[test]
fn lab_windows_in_two_forms_are_one() {
    let lab = crate::repository("../shared/exam/lab");
    let Ok(windows) = std::fs::read_dir(&lab) else {
        println!("skipped: {} is not here", lab.display());
        return;
    };
    let mut read_windows = 0;
    for window in windows.flatten() {
        let form = |name: &str| window.path().join(name);
        let (bsd, iso) = (form("messages.log"), form("messages.iso.log"));
        // where the clock is set over the turn of a year, the form without years is read as another time
        if !bsd.exists() || !iso.exists() || window.file_name() == "11c-clock-step-back" {
            continue;
        }
        let reading = Reading {
            tz: "Europe/Berlin",
            year: Some(2026),
            wants: Wants::Attempts,
        };
        let one = reading.of(std::slice::from_ref(&bsd));
        let both = reading.of(&[bsd, iso]);
        assert_eq!(
            shown(&both.attempts),
            shown(&one.attempts),
            "{}",
            window.path().display()
        );
        read_windows += 1;
    }
    assert!(read_windows > 0);
}
