//! `-w`: goes on until it is told to end, follows what happens to the log, leaves the terminal as it was.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::compat::{GOLDEN_5_1, session};
use crate::harness::Folder;

const PATIENCE: Duration = Duration::from_secs(20);

struct Watch {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Watch {
    fn start(folder: &Folder, args: &[&str]) -> Watch {
        let mut command = folder.command(&[&["clients", "-w"], args].concat());
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        Watch { child, out }
    }

    /// The next frame: all lines up to the empty one that parts frames.
    fn frame(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if self.out.read_line(&mut line).expect("text") == 0 {
                return lines;
            }
            let line = line.trim_end_matches('\n').to_owned();
            // The frame's own heading is followed by an empty line too.
            if line.is_empty() && lines.len() > 1 {
                return lines;
            }
            lines.push(line);
        }
    }

    /// Waits for a frame that holds a text.
    fn until(&mut self, text: &str) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let frame = self.frame();
            if frame.iter().any(|line| line.contains(text)) {
                return frame;
            }
            assert!(
                Instant::now() < deadline && !frame.is_empty(),
                "no frame with {text}: {frame:?}"
            );
        }
    }

    /// Asks it to end, as systemd and `timeout` do.
    fn end(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        let killed = Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .expect("kill is there");
        assert!(killed.success());
        drop(self.out);
        self.child.wait().expect("it ends").code()
    }
}

#[test]
fn defect_04_watch_without_delay_does_not_crash() {
    let folder = Folder::new();
    folder.log("syslog", GOLDEN_5_1);
    let mut watch = Watch::start(&folder, &["--year", "2026", "-f", "syslog"]);
    for _ in 0..2 {
        let frame = watch.frame();
        assert!(frame.iter().any(|line| line.starts_with("* sally")), "{frame:?}");
    }
    assert_eq!(watch.end(), Some(0));
}

#[test]
fn defect_11_rotate_and_watch_follows_the_live_file() {
    let folder = Folder::new();
    folder.log("syslog.1", &session("older", 1, 10));
    folder.log("syslog", &session("first", 2, 11));
    let mut watch = Watch::start(&folder, &["-d", "0.1", "-r", "--year", "2026", "-f", "syslog"]);
    let frame = watch.until("first");
    assert!(frame.iter().any(|line| line.contains("older")), "{frame:?}");
    folder.append("syslog", &session("second", 3, 12));
    watch.until("second");
    assert_eq!(watch.end(), Some(0));
}

#[test]
fn defect_12_watch_follows_rotation_and_truncation() {
    let folder = Folder::new();
    folder.log("syslog", &session("first", 2, 11));
    let mut watch = Watch::start(&folder, &["-d", "0.1", "--year", "2026", "-f", "syslog"]);
    watch.until("first");
    std::fs::rename(folder.path().join("syslog"), folder.path().join("syslog.1")).expect("our own file");
    folder.append("syslog", &session("renamed", 3, 12));
    watch.until("renamed");
    folder.log("syslog", "");
    std::thread::sleep(Duration::from_millis(400));
    folder.append("syslog", &session("truncated", 4, 13));
    let frame = watch.until("truncated");
    for user in ["first", "renamed"] {
        let rows: Vec<_> = frame.iter().filter(|line| line.contains(user)).collect();
        assert!(rows.len() == 1 && rows[0].contains("0/1"), "{frame:?}");
    }
    assert_eq!(watch.end(), Some(0));
}

#[test]
fn defect_13_frames_do_not_drift_when_users_appear() {
    // Off a terminal each frame stands for itself; the painting of terminals has its tests in live.rs.
    let folder = Folder::new();
    folder.log("syslog", &session("first", 2, 11));
    let mut watch = Watch::start(&folder, &["-d", "0.1", "--year", "2026", "-f", "syslog"]);
    let before = watch.until("first");
    folder.append("syslog", &session("second", 3, 12));
    let after = watch.until("second");
    assert_eq!(before[..3], after[..3]);
    assert_eq!((before.len(), after.len()), (4, 5));
    assert_eq!(watch.end(), Some(0));
}

#[test]
fn a_delay_of_zero_does_not_spin() {
    let folder = Folder::new();
    folder.log("syslog", GOLDEN_5_1);
    let mut watch = Watch::start(&folder, &["-d", "0", "--year", "2026", "-f", "syslog"]);
    let (mut frames, start) = (0, Instant::now());
    while start.elapsed() < Duration::from_secs(1) {
        watch.frame();
        frames += 1;
    }
    assert!(frames <= 12, "{frames} frames in a second");
    assert_eq!(watch.end(), Some(0));
}

#[test]
fn a_reader_that_goes_away_ends_it() {
    let folder = Folder::new();
    folder.log("syslog", GOLDEN_5_1);
    let Watch { mut child, out } = Watch::start(&folder, &["-d", "0.1", "--year", "2026", "-f", "syslog"]);
    drop(out);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_missing_log_is_told_and_ends_in_an_error() {
    let folder = Folder::new();
    folder.log("syslog", GOLDEN_5_1);
    let mut watch = Watch::start(&folder, &["-d", "0.1", "--year", "2026", "missing.log", "syslog"]);
    watch.until("sally");
    assert_eq!(watch.end(), Some(2));
}
