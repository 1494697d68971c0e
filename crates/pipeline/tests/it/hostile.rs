//! The hostile corpus: what a right tool makes of each file. It lies in the folder `shared` beside the clone; without
//! it these tests say so and pass.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use tunlog_decode::Catalogue;
use tunlog_ingest::ProblemKind;
use tunlog_model::{AppFilter as _, Assumed};
use tunlog_pipeline::Wants;

use crate::{Reading, Seen, repository, scratch};

/// Environment variable that names the file which `child_reads_one_file` reads.
const CHILD: &str = "TUNLOG_TEST_CHILD_READS";

fn file(name: &str) -> Option<PathBuf> {
    let folder = repository("../shared/corpus/hostile");
    if !folder.is_dir() {
        println!("skipped: no hostile corpus beside the clone");
        return None;
    }
    Some(folder.join(name))
}

/// What `expect.json` says of a file.
fn expected(name: &str) -> Value {
    let text = file("expect.json")
        .and_then(|path| std::fs::read_to_string(path).ok())
        .unwrap_or_default();
    let all: Value = serde_json::from_str(&text).expect("expect.json is JSON");
    all[name].clone()
}

fn read(name: &str) -> Option<Seen> {
    read_as(name, &Reading::default())
}

fn read_as(name: &str, reading: &Reading) -> Option<Seen> {
    Some(reading.of(&[file(name)?]))
}

/// accel-pppd's lines are half of some files; a dialect for it comes later.
fn knows_accel_ppp() -> bool {
    Catalogue::builtin().wants(b"accel-pppd")
}

/// Limits are those of the program as it ships; an unoptimised build may take longer.
fn limit(seconds: u64) -> Duration {
    Duration::from_secs(if cfg!(debug_assertions) { seconds * 6 } else { seconds })
}

#[test]
fn f01_escapes() {
    let Some(seen) = read("01-escapes.log") else { return };
    assert_eq!(seen.failed, if knows_accel_ppp() { 30 } else { 15 });
    assert_eq!(seen.sessions, 0);
}

#[test]
fn f02_forged_session() {
    let Some(seen) = read("02-forged-session.log") else {
        return;
    };
    assert_eq!(seen.sessions, 0);
    assert!(!seen.users.contains("ceo"), "{:?}", seen.users);
    assert!(
        seen.attempts
            .iter()
            .all(|attempt| attempt.assigned_ip.is_none() && attempt.bytes_to_client.is_none())
    );
}

#[test]
fn f02b_forged_statistics() {
    let Some(seen) = read("02b-forged-statistics.log") else {
        return;
    };
    assert_eq!((seen.failed, seen.sessions), (7, 0));
    for attempt in &seen.attempts {
        assert_eq!((attempt.bytes_to_client, attempt.bytes_from_client), (None, None));
        assert_eq!(
            (attempt.assigned_ip, attempt.mppe_bits, attempt.client_ip),
            (None, None, None)
        );
    }
    let versions = read_as(
        "02b-forged-statistics.log",
        &Reading {
            wants: Wants::Events,
            ..Reading::default()
        },
    );
    let other = versions
        .iter()
        .flat_map(|seen| &seen.events)
        .find(|(_, message, _)| !message.contains("failed"));
    assert_eq!(other, None, "no event from inside a name");
}

#[test]
fn f03_blame() {
    let Some(seen) = read("03-blame.log") else { return };
    assert_eq!(seen.failed, 53);
    let want = [("203.0.113.66".to_string(), 40), ("unknown".to_string(), 13)];
    assert_eq!(seen.claimed, want.into_iter().collect());
    assert!(
        seen.attempts.iter().all(|attempt| attempt.client_ip.is_none()),
        "a claimed address is no socket's address"
    );
}

#[test]
fn f04_huge_line() {
    let Some(seen) = read("04-huge-line.log.gz") else {
        return;
    };
    assert_eq!(seen.failed, 1);
    assert_eq!(
        seen.problems()
            .iter()
            .filter(|problem| problem.contains("longer than"))
            .count(),
        1,
        "{:?}",
        seen.problems()
    );
}

#[test]
fn f05_nul() {
    let Some(seen) = read("05-nul.log") else { return };
    assert_eq!(seen.failed, 2);
    assert!(seen.says("65536"), "{:?}", seen.problems());
    assert_eq!(seen.summary.unrecognised, 1);
}

#[test]
fn f06_invalid_utf8() {
    let Some(seen) = read("06-invalid-utf8.log") else {
        return;
    };
    assert_eq!(seen.failed, if knows_accel_ppp() { 18 } else { 9 });
    assert!(
        seen.users.contains("Пётр") && seen.users.contains("jos\\xe9"),
        "{:?}",
        seen.users
    );
    assert_eq!(seen.users.len(), 9, "each name is one user however it was written");
}

#[test]
fn f07_line_ends() {
    let Some(seen) = read("07-line-ends.log") else { return };
    assert!(!seen.users.contains("u4"), "a lone CR begins no record");
    assert!(
        seen.users.contains("u1") && seen.users.contains("u5") && seen.users.contains("u7"),
        "{:?}",
        seen.users
    );
    assert_eq!(seen.failed, 6, "{:?}", seen.users);
}

#[test]
fn f08_truncated_and_damaged() {
    let Some(seen) = read("08-truncated.log.gz") else {
        return;
    };
    assert!(
        seen.failed > 1000 && seen.failed < 3000,
        "every whole record before the cut: {}",
        seen.failed
    );
    assert!(
        seen.summary
            .problems
            .iter()
            .any(|problem| problem.kind == ProblemKind::Error),
        "exit status 2"
    );
    let Some(seen) = read("08b-bad-crc.log.gz") else { return };
    assert_eq!(seen.failed, 3000);
    assert!(seen.says("crc"), "{:?}", seen.problems());
}

#[test]
fn f09_many_equal_lines() {
    let began = Instant::now();
    let Some(seen) = read("09-bomb-lines.log.gz") else {
        return;
    };
    assert_eq!(
        Some(seen.summary.records),
        expected("09-bomb-lines.log.gz")["records"].as_u64()
    );
    assert!(began.elapsed() < limit(30), "{:?}", began.elapsed());
}

#[test]
fn f10_one_endless_line() {
    let began = Instant::now();
    let Some(seen) = read("10-bomb-oneline.log.gz") else {
        return;
    };
    assert_eq!(
        (seen.failed, seen.sessions, seen.summary.problems.len()),
        (0, 0, 1),
        "{:?}",
        seen.problems()
    );
    assert!(began.elapsed() < limit(30), "{:?}", began.elapsed());
}

#[test]
fn f11_several_members() {
    let Some(seen) = read("11-multi-member.log.gz") else {
        return;
    };
    assert_eq!(seen.failed, 3000);
    assert!(seen.says("trailing data"), "{:?}", seen.problems());
}

/// A capture's events, what went wrong with it, and whether that is an error.
fn capture(name: &str) -> Option<(Seen, bool)> {
    let reading = Reading {
        wants: Wants::Events,
        ..Reading::default()
    };
    let seen = read_as(name, &reading)?;
    let failed = seen
        .summary
        .problems
        .iter()
        .any(|problem| problem.kind == ProblemKind::Error);
    Some((seen, failed))
}

#[test]
fn f12_and_13_cut_and_absurd_records() {
    let Some((seen, failed)) = capture("12-truncated.pcap") else {
        return;
    };
    assert!(failed && seen.says("truncated") && seen.events.len() == 1);
    let Some((seen, failed)) = capture("13-absurd-len.pcap") else {
        return;
    };
    assert!(failed && seen.says("over the limit") && seen.says("byte 250") && seen.events.len() == 1);
    let Some((seen, failed)) = capture("13b-snaplen-huge.pcap") else {
        return;
    };
    // the same SYN twice, and a packet of which nothing was kept
    assert!(!failed && seen.problems().is_empty() && seen.events.len() == 1);
}

#[test]
fn f14_protocol_abuse() {
    let Some((seen, failed)) = capture("14-protocol-abuse.pcap") else {
        return;
    };
    let malformed = seen
        .events
        .iter()
        .filter(|(_, id, _)| id.contains("/malformed-"))
        .count();
    assert!(!failed && malformed >= 14, "{malformed}");
    let last = seen.events.iter().map(|(line, ..)| *line).max();
    assert_eq!(last, Some(19));
}

#[test]
fn f15_pcapng_blocks() {
    for (name, packets, error, reason) in [
        ("a-total-0", 1, true, "length of 0 bytes"),
        ("b-total-max", 1, true, "4294967292 bytes, over the limit"),
        ("c-total-odd", 1, true, "length of 45 bytes"),
        ("d-trailer-differs", 1, false, "36 bytes in front and 8 at its end"),
        ("e-caplen-over-block", 1, false, "claims 268435456 bytes"),
        ("f-unknown-iface", 1, false, "interface 77"),
        ("g-isb-bad-iface", 1, false, "interface 4294967295"),
        ("h-option-overflow", 1, false, "option that is longer"),
        ("i-if-tsresol-255", 1, false, "10^-255"),
        ("j-no-idb", 0, false, "never announced"),
        ("k-cut-block", 1, true, "cut short"),
        ("l-bad-magic", 0, true, "byte-order magic"),
    ] {
        let Some((seen, failed)) = capture(&format!("15-pcapng-{name}.pcapng")) else {
            return;
        };
        assert_eq!(
            (seen.events.len(), failed),
            (packets, error),
            "{name}: {:?}",
            seen.problems()
        );
        assert!(
            seen.says(reason) && seen.problems().len() == 1,
            "{name}: {:?}",
            seen.problems()
        );
    }
    let Some((seen, _)) = capture("15-pcapng-i-if-tsresol-255.pcapng") else {
        return;
    };
    assert!(seen.events.iter().all(|(_, _, time)| time.assumed.has(Assumed::TIME)));
}

/// What is told of an event log: kind and text, the path left out.
fn event_log(name: &str) -> Option<Vec<(ProblemKind, String)>> {
    let seen = read(name)?;
    let of = |problem: &tunlog_ingest::Problem| {
        let text = problem.to_string();
        let text = text.rsplit_once(name).map_or(text.as_str(), |(_, rest)| rest);
        (problem.kind, text.trim_start_matches(": ").to_string())
    };
    Some(seen.summary.problems.iter().map(of).collect())
}

#[test]
fn f16_truncated_event_log() {
    let Some(told) = event_log("16-truncated.evtx") else {
        return;
    };
    assert_eq!(expected("16-truncated.evtx")["exit"], 2);
    let cut = told
        .iter()
        .find(|(kind, text)| *kind == ProblemKind::Error && text.contains("cut short"));
    let (_, text) = cut.unwrap_or_else(|| panic!("{told:?}"));
    assert!(text.contains("announces 3 chunks, 0 whole ones are there"), "{text}");
}

#[test]
fn f17_damaged_event_logs() {
    for name in ["17a-record-size-0", "17b-record-size-max", "17c-binxml-loop"] {
        let Some(told) = event_log(&format!("{name}.evtx.gz")) else {
            return;
        };
        let errors: Vec<&(ProblemKind, String)> = told.iter().filter(|(kind, _)| *kind == ProblemKind::Error).collect();
        let [(_, text)] = &errors[..] else {
            panic!("{name}: {told:?}");
        };
        assert!(
            text.contains("chunk 1 ") && text.contains("1 of 1 records could not be read"),
            "{name}: {text}"
        );
    }
    let Some(told) = event_log("17d-bad-crc.evtx.gz") else {
        return;
    };
    let sums: Vec<&(ProblemKind, String)> = told.iter().filter(|(_, text)| text.contains("checksum")).collect();
    let [(ProblemKind::Warning, text)] = &sums[..] else {
        panic!("{told:?}");
    };
    assert!(text.contains("chunk 1 ") && text.contains("header is wrong"), "{text}");
    // normal on a running system: no error
    let Some(told) = event_log("17e-dirty-flag.evtx.gz") else {
        return;
    };
    assert!(told.iter().all(|(kind, _)| *kind != ProblemKind::Error), "{told:?}");
    assert!(
        told.iter()
            .any(|(kind, text)| *kind == ProblemKind::Note && text.contains("not closed")),
        "{told:?}"
    );
}

#[test]
fn f18_names_that_are_programs() {
    for name in ["18-injection-names.log", "18b-quoted-names.log"] {
        let Some(seen) = read(name) else { return };
        assert_eq!(seen.failed, 57);
        let names = expected("18-injection-names.log")["names"].clone();
        let want: Vec<&str> = names
            .as_array()
            .expect("names")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(seen.users_in_order(), want, "{name}");
    }
}

#[test]
fn f19_many_users() {
    let began = Instant::now();
    let Some(seen) = read("19-200k-users.log.gz") else {
        return;
    };
    assert_eq!(
        (seen.failed, seen.users.len(), seen.claimed.len()),
        (200_000, 200_000, 2000)
    );
    assert!(!seen.claimed.contains_key("unknown"));
    assert!(began.elapsed() < limit(5), "{:?}", began.elapsed());
}

#[test]
fn f20_time_backwards() {
    let Some(seen) = read("20-time-backwards.log") else {
        return;
    };
    assert_eq!(seen.failed, 10);
    assert!(
        seen.attempts
            .iter()
            .all(|attempt| attempt.ended.is_none_or(|ended| ended >= attempt.started)),
        "no negative time"
    );
    let absurd: Vec<u64> = seen
        .events
        .iter()
        .filter(|(_, _, time)| time.assumed.has(Assumed::TIME))
        .map(|(line, ..)| *line)
        .collect();
    assert_eq!(absurd, [6, 7, 8, 10]);
}

#[test]
fn f21_summer_time() {
    let reading = Reading {
        tz: "Europe/Berlin",
        wants: Wants::Events,
        ..Reading::default()
    };
    let Some(seen) = read_as("21-dst-fall.log", &reading) else {
        return;
    };
    let times: Vec<i64> = seen.events.iter().map(|(_, _, time)| time.micros / 1_000_000).collect();
    // 2025-10-25T23:59:58Z, 26T00:00:00Z, 00:59:59Z, 01:00:00Z, 01:30:00Z, 02:00:00Z
    let fall = 1_761_436_800;
    assert_eq!(
        times,
        [fall - 2, fall, fall + 3599, fall + 3600, fall + 5400, fall + 7200]
    );
    let Some(seen) = read_as("21b-dst-spring.log", &reading) else {
        return;
    };
    let times: Vec<i64> = seen.events.iter().map(|(_, _, time)| time.micros / 1_000_000).collect();
    // 2025-03-30T00:59:59Z and 01:00:01Z: two seconds apart
    let spring = 1_743_296_400;
    assert_eq!(times[..2], [spring - 1, spring + 1]);
    assert!(
        seen.events[2].2.assumed.has(Assumed::GAP),
        "the third local time does not exist"
    );
}

/// A file of the corpus, last written at a time (seconds since 1970).
fn written_at(name: &str, seconds: u64) -> Option<Seen> {
    let folder = scratch(name);
    let copy = folder.join(name);
    std::fs::copy(file(name)?, &copy).expect("a copy");
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    // the corpus is read-only, and so would be its copy
    let mut rights = std::fs::metadata(&copy).expect("our copy").permissions();
    #[allow(clippy::permissions_set_readonly_false)]
    rights.set_readonly(false);
    std::fs::set_permissions(&copy, rights).expect("our copy");
    let opened = std::fs::File::options().append(true).open(&copy).expect("our copy");
    opened.set_modified(time).expect("our copy");
    let seen = Reading {
        year: None,
        wants: Wants::Events,
        ..Reading::default()
    }
    .of(&[copy]);
    let _ = std::fs::remove_dir_all(folder);
    Some(seen)
}

/// The years of events by whole days since 1970 of a few days of interest.
fn years(seen: &Seen) -> Vec<i64> {
    let year = |micros: i64| 1970 + (micros / 1_000_000 + 86_400) / 31_556_952;
    seen.events.iter().map(|(_, _, time)| year(time.micros)).collect()
}

#[test]
fn f22_new_year_and_leap_day() {
    let Some(seen) = written_at("22-new-year.log", 1_767_225_603) else {
        return;
    };
    let midnight = 1_767_225_600; // 2026-01-01T00:00:00Z
    let times: Vec<i64> = seen
        .events
        .iter()
        .map(|(_, _, time)| time.micros / 1_000_000 - midnight)
        .collect();
    assert_eq!(times, [-2, -1, 1, -1, 3]);
    let Some(seen) = written_at("22b-leap-day.log", 1_741_132_800) else {
        return;
    };
    assert_eq!(years(&seen), [2024]);
    assert!(seen.events[0].2.assumed.has(Assumed::YEAR));
}

#[test]
fn f23_mixed_zones() {
    let reading = Reading {
        tz: "Europe/Berlin",
        ..Reading::default()
    };
    let Some(seen) = read_as("23-mixed-zones.log", &reading) else {
        return;
    };
    let bob = seen
        .attempts
        .iter()
        .filter(|attempt| attempt.user.as_deref() == Some("bob"))
        .count();
    assert_eq!(bob, 1, "lines 1 to 3 are one attempt");
    let lines = |attempt: &tunlog_model::Attempt| {
        attempt
            .evidence
            .iter()
            .map(|evidence| evidence.line)
            .collect::<Vec<_>>()
    };
    assert!(
        seen.attempts.iter().any(|attempt| lines(attempt) == [1, 2, 3]),
        "{:?}",
        seen.attempts.iter().map(lines).collect::<Vec<_>>()
    );
}

#[test]
fn f24_repeats() {
    let Some(seen) = read("24-repeated.log") else { return };
    assert_eq!(seen.failed, 11, "1 + 7 + 3; absurd counts are not believed");
    assert!(seen.problems().len() >= 2, "they are told: {:?}", seen.problems());
}

#[test]
fn f25_lost_records() {
    let Some(seen) = read("25-drop-markers.log") else {
        return;
    };
    assert_eq!((seen.summary.gaps, seen.summary.lost), (7, 201_354));
    assert_eq!(seen.gaps.iter().filter(|gap| gap.is_none()).count(), 2);
}

#[test]
fn f26_journal() {
    let Some(seen) = read("26-journal.json") else { return };
    assert_eq!((seen.sessions, seen.failed), (0, 5));
    assert!(
        !seen.users.contains("forged") && !seen.users.contains("x"),
        "{:?}",
        seen.users
    );
    assert!(
        seen.users.contains("bob") && seen.users.contains("two") && seen.users.contains("\\xff\\xfe"),
        "{:?}",
        seen.users
    );
    assert!(seen.says("line 9"), "{:?}", seen.problems());
}

#[test]
fn f28_names_that_lead_out_of_an_archive() {
    let Some(path) = file("28-slip.zip") else { return };
    let found = tunlog_ingest::discover(&[path], false);
    let names: Vec<&str> = found.specs.iter().map(|spec| spec.name.as_str()).collect();
    assert!(names.len() == 1 && names[0].ends_with("good.log"), "{names:?}");
    assert!(found.problems.len() >= 4, "{:?}", found.problems);
}

#[test]
fn f31_secrets() {
    let Some(seen) = read("31-secrets.log") else { return };
    let expected = expected("31-secrets.log");
    let secrets: Vec<&str> = expected["must_not_appear_in_exports"]
        .as_array()
        .expect("secrets")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    for attempt in &seen.attempts {
        // line 6 is a password typed as a name: nobody can know
        for evidence in attempt.evidence.iter().filter(|evidence| evidence.line != 6) {
            for secret in &secrets {
                assert!(
                    !evidence.text.contains(secret),
                    "line {}: {}",
                    evidence.line,
                    evidence.text
                );
                let named = attempt.user.as_deref().is_some_and(|user| user.contains(secret));
                assert!(!named, "line {}: {:?}", evidence.line, attempt.user);
            }
        }
    }
    assert!(
        seen.attempts.iter().any(|attempt| !attempt.evidence.is_empty()),
        "there is evidence to look at"
    );
}

#[test]
fn memory_stays_bounded() {
    let Some(small) = peak_kib("07-line-ends.log") else {
        return;
    };
    for (name, mib) in [
        ("04-huge-line.log.gz", 32),
        ("09-bomb-lines.log.gz", 64),
        ("10-bomb-oneline.log.gz", 64),
        ("19-200k-users.log.gz", 64),
    ] {
        let Some(peak) = peak_kib(name) else { return };
        assert!(
            peak.saturating_sub(small) <= mib * 1024,
            "{name}: {} KiB more than a small file",
            peak - small
        );
    }
}

/// The peak of resident memory of a process of its own that reads a file; None where the system does not tell.
fn peak_kib(name: &str) -> Option<u64> {
    let path = file(name)?;
    let this = std::env::current_exe().expect("the test's own program");
    let out = std::process::Command::new(this)
        .args(["--exact", "hostile::child_reads_one_file", "--nocapture"])
        .env(CHILD, path)
        .output()
        .expect("a second process of the test");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    text.lines()
        .find_map(|line| line.trim().strip_prefix("peak ")?.parse().ok())
}

/// Not a test of its own: what `peak_kib` starts. It counts and keeps nothing, as the program does.
#[test]
fn child_reads_one_file() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    struct Count(u64);
    impl tunlog_pipeline::Subscriber for Count {
        fn attempt(
            &mut self,
            attempt: tunlog_model::Attempt,
            _: &tunlog_pipeline::Sources,
        ) -> std::ops::ControlFlow<()> {
            self.0 += attempt.times;
            std::ops::ControlFlow::Continue(())
        }
    }
    let settings = tunlog_pipeline::Settings {
        evidence: false,
        ..tunlog_pipeline::Settings::new(
            tunlog_ingest::Options {
                tz: Some("UTC".into()),
                year: Some(2025),
                ..tunlog_ingest::Options::default()
            },
            Wants::Attempts,
        )
    };
    let found = tunlog_ingest::discover(&[PathBuf::from(path)], false);
    tunlog_pipeline::run(found, &Catalogue::builtin(), &settings, &mut Count(0));
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    if let Some(peak) = peak {
        println!("\npeak {}", peak.trim());
    }
}
