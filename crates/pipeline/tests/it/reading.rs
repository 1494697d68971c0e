//! Reading sound logs.

use std::fmt::Write as _;
use std::ops::ControlFlow;

use tunlog_ingest::{Options, discover};
use tunlog_model::Outcome;
use tunlog_pipeline::Wants;

use crate::{Reading, repository, scratch};

#[test]
fn the_example_is_read_as_it_was() {
    let seen = Reading::default().of(&[repository("examples/gateway")]);
    assert_eq!((seen.sessions, seen.failed, seen.problems()), (12, 9, vec![]));
    assert_eq!(
        seen.attempts
            .iter()
            .filter(|attempt| attempt.outcome == Outcome::Open)
            .count(),
        1
    );
}

#[test]
fn rotations_are_one_stream() {
    // a session that begins in one file and ends in the next
    let folder = scratch("rotations");
    let (old, new) = (folder.join("syslog.1"), folder.join("syslog"));
    let head = "pptpd[10]: CTRL: Client 203.0.113.7 control connection started|pptpd[10]: CTRL: Starting call (launching pppd, opening GRE)|pppd[11]: Using interface ppp0|pppd[11]: Connect: ppp0 <--> /dev/pts/1|pppd[11]: remote IP address 192.168.0.10";
    let tail = "pppd[11]: Sent 100 bytes, received 50 bytes.|pppd[11]: Exit.|pptpd[10]: CTRL: Reaping child PPP[11]|pptpd[10]: CTRL: Client 203.0.113.7 control connection finished";
    let stamped = |lines: &str, hour: u32| {
        lines
            .split('|')
            .enumerate()
            .fold(String::new(), |mut log, (second, line)| {
                let _ = writeln!(log, "2026-10-24T{hour:02}:00:{second:02}Z gw {line}");
                log
            })
    };
    std::fs::write(&old, stamped(head, 8)).expect("a file");
    std::fs::write(&new, stamped(tail, 9)).expect("a file");
    let seen = Reading::default().of(std::slice::from_ref(&folder));
    assert_eq!((seen.sessions, seen.attempts.len()), (1, 1), "{:?}", seen.problems());
    assert_eq!(seen.attempts[0].bytes_to_client, Some(100));
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn a_large_file_gives_the_same_attempts_as_its_parts() {
    // above the size at which worker threads share the work
    let folder = scratch("large");
    let mut log = String::new();
    for number in 0..30_000u32 {
        let (minute, second, micros) = (number / 60 % 60, number % 60, number);
        let hour = number / 3600;
        let _ = writeln!(
            log,
            "2026-10-24T{hour:02}:{minute:02}:{second:02}.{micros:06}Z gw pppd[{}]: Peer user{number} failed CHAP authentication",
            100 + number
        );
        let _ = writeln!(
            log,
            "2026-10-24T{hour:02}:{minute:02}:{second:02}.{micros:06}Z gw pppd[{}]: Exit.",
            100 + number
        );
    }
    let path = folder.join("large.log");
    std::fs::write(&path, &log).expect("a file");
    let seen = Reading::default().of(&[path]);
    assert_eq!((seen.failed, seen.users.len()), (30_000, 30_000));
    let first: Vec<u64> = seen
        .attempts
        .iter()
        .filter_map(|attempt| Some(attempt.evidence.first()?.line))
        .collect();
    assert!(first.is_sorted(), "attempts close in the order of the file");
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn a_path_that_is_not_there_is_told_once() {
    let seen = Reading::default().of(&[repository("no-such-file.log")]);
    assert_eq!(seen.problems().len(), 1);
    assert!(
        seen.says("no such file") || seen.says("cannot find"),
        "{:?}",
        seen.problems()
    );
}

#[test]
fn attempts_and_unknown_lines_come_in_one_run_and_each_source_is_counted() {
    let folder = scratch("sources");
    let (first, second) = (folder.join("a.log"), folder.join("b.log"));
    let failed = "2026-10-24T08:00:01Z gw pppd[11]: Peer joe failed CHAP authentication\n";
    let unknown = "2026-10-24T08:00:02Z gw pppd[11]: nobody has ever seen this line\n";
    let other = "2026-10-24T09:00:00Z gw pppd[12]: Peer anna failed CHAP authentication\n";
    std::fs::write(&first, format!("{failed}{unknown}")).expect("a file");
    std::fs::write(&second, other).expect("a file");
    let read = |wants| {
        Reading {
            wants,
            ..Reading::default()
        }
        .of(&[first.clone(), second.clone()])
    };
    let both = read(Wants::AttemptsAndUnrecognised);
    assert_eq!(
        (both.users_in_order().len(), both.unrecognised.as_slice()),
        (2, &[2][..])
    );
    let given: Vec<_> = both
        .summary
        .sources
        .iter()
        .map(|source| (source.records, source.unrecognised))
        .collect();
    assert_eq!(given, [(2, 1), (1, 0)]);
    let spans: Vec<_> = both
        .summary
        .sources
        .iter()
        .map(|source| (source.first, source.last))
        .collect();
    assert_eq!(spans[0], (both.summary.first, both.summary.first));
    assert_eq!(spans[1], (both.summary.last, both.summary.last));
    // who wants attempts alone is told of no line
    assert_eq!(read(Wants::Attempts).unrecognised, [] as [u64; 0]);
    let _ = std::fs::remove_dir_all(folder);
}

/// Every record of every program is handed out once, with its own time where the line has one.
#[test]
fn plain_records_of_any_program() {
    let folder = std::env::temp_dir().join(format!("tunlog-plain-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let logs = [
        (
            "auth.log",
            "Oct 28 03:50:01 files sshd[7]: Accepted password for bob from 192.168.0.10 port 50 ssh2\nOct 28 03:50:02 files cron[8]: x\n",
        ),
        (
            "access.log",
            "192.168.0.10 - - [28/Oct/2026:03:50:03 +0100] \"GET / HTTP/1.1\" 200 5\nno stamp at all\n",
        ),
    ];
    let paths: Vec<std::path::PathBuf> = logs
        .iter()
        .map(|(name, text)| {
            let path = folder.join(name);
            std::fs::write(&path, text).expect("a file");
            path
        })
        .collect();
    let options = Options {
        tz: Some("Europe/Berlin".to_owned()),
        year: Some(2026),
        ..Options::default()
    };
    let mut told = Vec::new();
    let problems = tunlog_pipeline::plain(&discover(&paths, false), &options, &mut |record| {
        let program = String::from_utf8_lossy(record.program).into_owned();
        told.push((record.source.0, record.line, record.time.micros / 1_000_000, program));
        ControlFlow::Continue(())
    });
    std::fs::remove_dir_all(&folder).expect("the folder goes");
    assert!(problems.is_empty(), "{problems:?}");
    let base = 1_793_155_800;
    let program = |name: &str| name.to_owned();
    let expected = [
        (0, 1, base + 1, program("sshd")),
        (0, 2, base + 2, program("cron")),
        (1, 1, base + 3, program("")),
        (1, 2, base + 3, program("")),
    ];
    assert_eq!(told, expected);
}
