#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::PathBuf;

use super::*;
use crate::intake::{Arrivals, Next};

/// What arrives of a capture until so many have ended: `bytes`, or what else it is.
fn read(arrivals: &mut Arrivals, ends: usize) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    let mut keys: Vec<Box<str>> = Vec::new();
    while seen.iter().filter(|seen| seen.starts_with("end")).count() < ends {
        let Next::Arrival(arrival) = arrivals.next(Some(Duration::from_secs(60))) else {
            panic!("{seen:?}");
        };
        if !keys.contains(&arrival.feed.key) {
            keys.push(arrival.feed.key.clone());
        }
        let number = keys.len();
        match arrival.what {
            What::Capture(bytes) => {
                let text = String::from_utf8(bytes).unwrap();
                match seen.last_mut() {
                    Some(last) if last.starts_with(&format!("{number} ")) => last.push_str(&text),
                    _ => seen.push(format!("{number} {text}")),
                }
            }
            What::End => seen.push(format!("end {number}, {} positions", arrival.positions.len())),
            What::Problem(problem) => seen.push(problem.cause),
            other => panic!("{other:?}"),
        }
    }
    seen
}

fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("tunlog-capture-{}-{name}", std::process::id()))
}

#[test]
fn every_writer_of_a_pipe_is_a_capture_of_its_own() {
    let path = path("pipe");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    let (intake, mut arrivals) = Intake::channel(1 << 20);
    let capture = Capture::start(path.to_str().unwrap(), intake, |_| false).unwrap();
    for text in ["first", "second"] {
        let mut writer = File::options().write(true).open(&path).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
        drop(writer);
        // or the second would write into the end of the first
        let expected = [format!("1 {text}"), "end 1, 0 positions".to_owned()];
        assert_eq!(read(&mut arrivals, 1), expected);
    }
    // it waits for the next one, and can be ended all the same
    capture.stop();
    assert!(matches!(arrivals.next(None), Next::Over));
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_file_is_read_once() {
    let path = path("file");
    std::fs::write(&path, "packets").unwrap();
    let (intake, mut arrivals) = Intake::channel(1 << 20);
    let capture = Capture::start(path.to_str().unwrap(), intake, |_| false).unwrap();
    assert_eq!(read(&mut arrivals, 1), ["1 packets", "end 1, 1 positions"]);
    capture.stop();
    let (intake, mut arrivals) = Intake::channel(1 << 20);
    let known = Capture::start(path.to_str().unwrap(), intake, |key| key.starts_with("capture:")).unwrap();
    assert!(matches!(arrivals.next(Some(Duration::from_secs(60))), Next::Over));
    known.stop();
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn what_is_not_there_is_told_once_and_waited_for() {
    let (intake, mut arrivals) = Intake::channel(1 << 20);
    let capture = Capture::start(path("missing").to_str().unwrap(), intake, |_| false).unwrap();
    let Next::Arrival(arrival) = arrivals.next(Some(Duration::from_secs(60))) else {
        panic!("nothing was told");
    };
    let What::Problem(problem) = arrival.what else {
        panic!("{arrival:?}")
    };
    assert!(problem.cause.starts_with("cannot be opened: "), "{problem}");
    capture.stop();
}
