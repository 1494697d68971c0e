use tunlog_ingest::{Clock, Options, time};
use tunlog_model::{Assumed, Civil, Stamp};

use crate::{Folder, NOW, hostile, options, read, set_written};

fn in_berlin(year: Option<i16>) -> Options {
    Options {
        tz: Some("Europe/Berlin".to_string()),
        year,
        ..options()
    }
}

#[test]
fn autumn_and_spring() {
    let Some(fall) = hostile("21-dst-fall.log") else { return };
    let run = read(&[fall], false, &in_berlin(Some(2025)));
    let expected = [
        "2025-10-25T23:59:58Z",
        "2025-10-26T00:00:00Z",
        "2025-10-26T00:59:59Z",
        "2025-10-26T01:00:00Z",
        "2025-10-26T01:30:00Z",
        "2025-10-26T02:00:00Z",
    ];
    assert_eq!(run.times(), expected);
    let Some(spring) = hostile("21b-dst-spring.log") else {
        return;
    };
    let run = read(&[spring], false, &in_berlin(Some(2025)));
    assert_eq!(run.times()[..2], ["2025-03-30T00:59:59Z", "2025-03-30T01:00:01Z"]);
    assert!(run.records[2].1.assumed.has(Assumed::GAP));
}

#[test]
fn new_year_and_leap_day() {
    let (Some(new_year), Some(leap)) = (hostile("22-new-year.log"), hostile("22b-leap-day.log")) else {
        return;
    };
    let folder = Folder::new();
    let path = folder.write("a.log", std::fs::read(new_year).unwrap());
    set_written(&path, 1_767_225_603);
    let years: Vec<String> = read(&[path], false, &options())
        .times()
        .iter()
        .map(|time| time[..4].to_string())
        .collect();
    assert_eq!(years, ["2025", "2025", "2026", "2025", "2026"]);
    let path = folder.write("b.log", std::fs::read(leap).unwrap());
    set_written(&path, 1_741_132_800);
    let run = read(std::slice::from_ref(&path), false, &options());
    assert_eq!(run.times(), ["2024-02-29T12:00:00Z"]);
    assert!(run.records[0].1.assumed.has(Assumed::YEAR));
    // A year that has no such day.
    let run = read(
        &[path],
        false,
        &Options {
            year: Some(2023),
            ..options()
        },
    );
    assert_eq!(run.times(), ["2020-02-29T12:00:00Z"]);
}

#[test]
fn absurd_times_are_flagged_and_mixed_files_explain_themselves() {
    let (Some(backwards), Some(mixed)) = (hostile("20-time-backwards.log"), hostile("23-mixed-zones.log")) else {
        return;
    };
    let run = read(&[backwards], false, &options());
    assert_eq!(
        run.records
            .iter()
            .filter(|(_, time)| time.assumed.has(Assumed::TIME))
            .count(),
        4
    );
    assert_eq!(run.times()[0], "2025-11-19T10:00:00Z");
    assert_eq!(run.times()[9], run.times()[8]);
    let run = read(&[mixed], false, &in_berlin(None));
    assert_eq!(run.times()[..2], ["2025-11-19T10:00:00Z", "2025-11-19T10:00:03Z"]);
}

#[test]
fn years_are_counted_back_from_the_end_of_long_files() {
    let folder = Folder::new();
    let mut log = String::new();
    let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    for month in months.iter().cycle().skip(4).take(30) {
        for day in 1..=28 {
            for hour in 0..24 {
                log += &format!("{month} {day:2} {hour:02}:00:00 gw pppd[7]: {}\n", "x".repeat(300));
            }
        }
    }
    assert!(log.len() > 6_000_000);
    for (name, bytes) in [
        ("a.log", log.clone().into_bytes()),
        ("a.gz", crate::sources::gz(log.as_bytes())),
    ] {
        let path = folder.write(name, bytes);
        set_written(&path, NOW as u64 / 1_000_000);
        let run = read(&[path], false, &options());
        assert_eq!(run.times()[0], "2024-05-01T00:00:00Z", "{name}");
        assert_eq!(run.times().last().unwrap(), "2026-10-28T23:00:00Z", "{name}");
    }
}

#[test]
fn a_rotated_set_is_one_chain_of_years() {
    let folder = Folder::new();
    let line = |stamp: &str| format!("{stamp} 10:00:00 gw pppd[7]: x\n");
    for (name, first) in [
        ("vpn.log.3", "Mar  1"),
        ("vpn.log.2", "Nov  1"),
        ("vpn.log.1", "Jun  1"),
        ("vpn.log", "Jan  1"),
    ] {
        // All were copied at once, so their own times tell nothing.
        set_written(&folder.write(name, line(first)), NOW as u64 / 1_000_000);
    }
    let run = read(std::slice::from_ref(&folder.0), false, &options());
    let years: Vec<&str> = run.records.iter().map(|(seen, _)| seen.body.as_str()).collect();
    assert_eq!(years.len(), 4);
    let years: Vec<String> = run.times().iter().map(|time| time[..7].to_string()).collect();
    assert_eq!(years, ["2024-03", "2024-11", "2025-06", "2026-01"]);
    let run = read(
        &[folder.0.join("vpn.log")],
        true,
        &Options {
            year: Some(2020),
            ..options()
        },
    );
    let years: Vec<String> = run.times().iter().map(|time| time[..7].to_string()).collect();
    assert_eq!(years, ["2020-03", "2020-11", "2021-06", "2022-01"]);
}

#[test]
fn zones() {
    for name in ["UTC", "Europe/Berlin", "+02:00", "-0530"] {
        assert!(tunlog_ingest::check_zone(name).is_ok(), "{name}");
    }
    assert!(tunlog_ingest::check_zone("Middle/Earth").is_err());
    let folder = Folder::new();
    let path = folder.write(
        "a.log",
        "2025-11-09 10:01:01 gw pppd[7]: x\n2025-11-09T10:01:01-05:00 gw pppd[7]: x\n",
    );
    let run = read(
        &[path],
        false,
        &Options {
            tz: Some("+02:00".to_string()),
            ..options()
        },
    );
    assert_eq!(run.times(), ["2025-11-09T08:01:01Z", "2025-11-09T15:01:01Z"]);
    assert_eq!(run.records[0].1.assumed, Assumed::ZONE);
    assert_eq!(run.records[1].1.assumed, Assumed::default());
}

/// What a peer sends: years nearest to the present, and no time that cannot be.
#[test]
fn times_of_receipt() {
    let options = Options {
        tz: Some("UTC".to_string()),
        now: time::now(),
        ..options()
    };
    let mut clock = Clock::receiving(&options).unwrap();
    let day = 86_400_000_000;
    let civil = |micros: i64| {
        let date = jiff::Timestamp::from_microsecond(micros)
            .unwrap()
            .to_zoned(jiff::tz::TimeZone::UTC)
            .datetime();
        Civil {
            year: None,
            month: date.month() as u8,
            day: date.day() as u8,
            second: date.hour() as u32 * 3600 + date.minute() as u32 * 60,
            micros: 0,
        }
    };
    for days in [-150, -20, -1, 0] {
        let meant = options.now + days * day;
        let time = clock.resolve(Stamp::Civil(civil(meant)));
        assert!(
            (time.micros - meant).abs() <= 60_000_000,
            "{days} days: {}",
            time.micros
        );
        assert!(time.assumed.has(Assumed::YEAR) && !time.assumed.has(Assumed::TIME));
    }
    // earlier stamps say nothing of when this came
    let bad = [
        Stamp::Missing,
        Stamp::SinceBoot(5),
        Stamp::Instant(4_102_444_800_000_000),
        Stamp::Instant(0),
        Stamp::Civil(Civil {
            month: 13,
            ..civil(options.now)
        }),
        Stamp::Civil(Civil {
            year: Some(2100),
            ..civil(options.now)
        }),
    ];
    for stamp in bad {
        let time = clock.resolve(stamp);
        assert!(time.assumed.has(Assumed::TIME), "{stamp:?}");
        let since = time.micros - options.now;
        assert!((0..600_000_000).contains(&since), "{stamp:?}: {since}");
    }
}
