//! `import`, `store` and `status`: a store stands for its logs, and the same logs again add nothing.

use std::io::Write as _;
use std::path::Path;

use tunlog_testkit::evtx;
use tunlog_testkit::windows::WindowsEvent;

use crate::harness::Folder;

/// Commands whose answers must not hang on whether a store or its logs are read.
const COMMANDS: &[&str] = &[
    "attempts", "sessions", "clients", "decode", "unknown", "diagnose", "detect", "last", "lastb",
];

fn examples() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/gateway")
}

/// A log of one gateway, of so many log-ins, from a minute of the day on.
fn log(from: u32, count: u32) -> String {
    let mut text = String::new();
    for number in from..from + count {
        let (hour, minute, pid) = (10 + number / 60, number % 60, 3000 + number);
        let mut line = |second: u32, what: &str| {
            text.push_str(&format!(
                "2026-11-20T{hour:02}:{minute:02}:{second:02}Z vpn1 pppd[{pid}]: {what}\n"
            ));
        };
        line(1, "Plugin pptp.so loaded.");
        line(2, "Using interface ppp0");
        line(3, "Peer anna failed CHAP authentication");
        line(3, "Peer anna failed CHAP authentication");
        line(4, "what is this that nobody knows");
        line(5, "Connection terminated.");
        text.push_str(&format!(
            "2026-11-20T{hour:02}:{minute:02}:06Z vpn1 cron[9]: nothing of ours\n"
        ));
    }
    text
}

/// What `import` says of a store, by key.
fn import(folder: &Folder, paths: &[&str]) -> impl Fn(&str) -> u64 + use<> {
    let told = folder
        .run(&[&["import", "-q", "--store", "store", "-o", "jsonl"], paths].concat())
        .good();
    move |key: &str| number(&told, key)
}

fn number(json: &str, key: &str) -> u64 {
    let at = json
        .find(&format!("\"{key}\":"))
        .unwrap_or_else(|| panic!("no {key} in {json}"));
    let digits = json[at + key.len() + 3..].split(|c: char| !c.is_ascii_digit()).next();
    digits.and_then(|digits| digits.parse().ok()).expect("a number")
}

fn same_answers(folder: &Folder, paths: &[&str]) {
    for command in COMMANDS {
        let raw = folder.run(&[&[command, "-q", "-o", "jsonl"], paths].concat());
        let kept = folder.run(&[command, "-q", "-o", "jsonl", "store"]);
        assert!(kept.code < Some(2), "{command}: {}", kept.err);
        assert_eq!(kept.out, raw.out, "{command}");
    }
    for table in [
        &["clients", "--totals"][..],
        &["who"],
        &["last"],
        &["lastb", "-x"],
        &["report", "-o", "md"],
    ] {
        let now = |text: String| -> String {
            // a report says when it was made
            text.lines().filter(|line| !line.starts_with("Made by")).collect()
        };
        let raw = folder.run(&[table, &["-q"], paths].concat());
        let kept = folder.run(&[table, &["-q", "store"]].concat());
        assert_eq!(now(kept.out), now(raw.out), "{table:?}");
    }
}

#[test]
fn a_store_answers_as_its_logs_do() {
    let folder = Folder::new();
    let logs = examples();
    let logs = logs.to_str().expect("a path");
    let counts = import(&folder, &[logs]);
    assert_eq!(counts("sources"), 3);
    same_answers(&folder, &[logs]);
    let services = |path: &str| folder.run(&["decode", "--services", "-q", "-o", "jsonl", path]).good();
    assert_eq!(services("store"), services(logs));
    // and beside other logs
    folder.log("more", &log(0, 3));
    let raw = folder.run(&["attempts", "-q", "-o", "jsonl", logs, "more"]).good();
    let both = folder.run(&["attempts", "-q", "-o", "jsonl", "store", "more"]).good();
    let lines = |text: &str| {
        text.lines()
            .map(str::to_owned)
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(lines(&both), lines(&raw));
}

/// Every window of the lab: logs in five forms, captures, RADIUS, packed ones.
#[test]
fn a_store_answers_as_the_labs_logs_do() {
    let lab = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/lab");
    let Ok(windows) = std::fs::read_dir(&lab) else {
        return println!("skipped: no lab beside the clone");
    };
    let mut windows: Vec<_> = windows.flatten().map(|entry| entry.path()).collect();
    windows.sort();
    // one in six in the debug build's time; which ones depends on nothing
    for window in windows.iter().step_by(6) {
        let folder = Folder::new();
        let path = window.to_str().expect("a path");
        folder.run(&["import", "-q", "--store", "store", path]);
        for command in ["attempts", "decode", "unknown", "diagnose"] {
            let raw = folder.run(&[command, "-q", "-o", "jsonl", path]);
            let kept = folder.run(&[command, "-q", "-o", "jsonl", "store"]);
            assert!(kept.out == raw.out, "{command} {path}");
        }
    }
}

#[test]
fn windows_events_come_back_with_their_codes() {
    let folder = Folder::new();
    folder.bytes("System.evtx", &events());
    assert_eq!(import(&folder, &["System.evtx"])("known"), 0);
    same_answers(&folder, &["System.evtx"]);
    let out = folder.run(&["decode", "-o", "jsonl", "store"]).good();
    assert!(out.contains("rras/"), "{out}");
}

#[test]
fn the_same_again_adds_nothing_whatever_it_looks_like() {
    let folder = Folder::new();
    folder.log("a.log", &log(0, 20));
    folder.log("b.log", &log(20, 20));
    let first = import(&folder, &["a.log"]);
    assert_eq!(
        (first("read"), first("stored"), first("filtered"), first("unparsed")),
        (140, 100, 20, 20)
    );
    assert_eq!(import(&folder, &["b.log"])("stored"), 100);
    let answer = || folder.run(&["decode", "-q", "-o", "jsonl", "store"]).good();
    let before = answer();
    assert_eq!(
        before.matches("peer-failed-chap").count(),
        80,
        "two equal lines in one second are two"
    );
    // the same, in another order
    assert_eq!(import(&folder, &["b.log", "a.log"])("read"), 0);
    // renamed
    std::fs::rename(folder.path().join("a.log"), folder.path().join("old.log")).expect("a file");
    assert_eq!(import(&folder, &["old.log"])("known_sources"), 1);
    // compressed
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(log(20, 20).as_bytes()).expect("room");
    folder.bytes("z.gz", &packed.finish().expect("a file"));
    assert_eq!(import(&folder, &["z.gz"])("known_sources"), 1);
    // one behind the other, the other way round, and pieces that overlap
    folder.log("both.log", &(log(0, 20) + &log(20, 20)));
    folder.log("turned.log", &(log(20, 20) + &log(0, 20)));
    folder.log("middle.log", &log(10, 20));
    folder.log("end.log", &log(39, 1));
    for name in ["both.log", "turned.log", "middle.log", "end.log"] {
        let again = import(&folder, &[name]);
        assert_eq!((again("stored"), again("unparsed")), (0, 0), "{name}");
    }
    assert_eq!(answer(), before);
    let status = folder.run(&["status", "--store", "store", "-o", "json"]).good();
    assert_eq!((number(&status, "stored"), number(&status, "unparsed")), (200, 40));
    let sum = ["stored", "filtered", "rejected", "unparsed"]
        .map(|key| number(&status, key))
        .iter()
        .sum::<u64>();
    assert_eq!(number(&status, "read"), sum, "{status}");
}

#[test]
fn a_file_that_has_grown_is_read_on_and_a_piece_that_overlaps_adds_what_is_new() {
    let folder = Folder::new();
    folder.log("syslog", &log(0, 30));
    assert_eq!(import(&folder, &["syslog"])("stored"), 150);
    folder.append("syslog", &log(30, 5));
    let grown = import(&folder, &["syslog"]);
    assert_eq!((grown("read"), grown("stored"), grown("known")), (35, 25, 0));
    folder.log("piece", &log(33, 4));
    let piece = import(&folder, &["piece"]);
    assert_eq!((piece("stored"), piece("known")), (10, 12));
    folder.log("whole", &log(0, 37));
    let raw = folder.run(&["decode", "-q", "-o", "csv", "whole"]).good();
    let kept = folder.run(&["decode", "-q", "-o", "csv", "store"]).good();
    assert_eq!(kept.lines().count(), raw.lines().count());
    // lines are numbered as in the file that has grown
    let out = folder.run(&["decode", "-q", "-o", "jsonl", "store"]).good();
    assert!(out.contains("\"source\":\"syslog\",\"line\":244"), "{out}");
}

#[test]
fn a_store_among_the_logs_is_no_log() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join("logs")).expect("a folder");
    folder.log("logs/syslog", &log(0, 3));
    let before = folder.run(&["decode", "-q", "-o", "jsonl", "logs"]).good();
    for sources in [1, 0] {
        let told = folder.run(&["import", "--store", "logs/store", "-o", "jsonl", "logs"]);
        assert_eq!(
            (number(&told.out, "sources"), told.code),
            (sources, Some(0)),
            "{}",
            told.err
        );
    }
    let after = folder.run(&["decode", "-o", "jsonl", "logs"]);
    assert_eq!(after.out, before);
    assert!(after.err.contains("logs/store: a store of logs"), "{}", after.err);
}

#[test]
fn a_log_that_begins_like_another_one_is_another_one() {
    let folder = Folder::new();
    folder.log("one", &log(0, 1));
    folder.log("two", &(log(0, 1) + &log(9, 1)));
    assert_eq!(import(&folder, &["one"])("known"), 0);
    let second = import(&folder, &["two"]);
    assert_eq!((second("stored"), second("known")), (5, 6));
    let out = folder.run(&["decode", "-q", "-o", "jsonl", "store"]).good();
    assert!(out.contains("\"source\":\"two\",\"line\":8"), "{out}");
}

/// Sets the time of a file's last change an hour back: nobody is writing to it.
fn long_ago(folder: &Folder, name: &str) {
    let file = std::fs::File::options().write(true).open(folder.path().join(name));
    let time = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    file.expect("a file").set_modified(time).expect("a time");
}

/// A large file is hashed while it is read, and known again all the same.
#[test]
fn a_large_file_is_known_again_whatever_it_looks_like() {
    let folder = Folder::new();
    let day = |day: u32| log(0, 800).replace("2026-11-20", &format!("2026-11-{day:02}"));
    let packed = |text: &str| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        packed.write_all(text.as_bytes()).expect("room");
        packed.finish().expect("a file")
    };
    let put = |name: &str, bytes: &[u8]| {
        folder.bytes(name, bytes);
        long_ago(&folder, name);
    };
    put("syslog", day(2).as_bytes());
    put("syslog.1", day(1).as_bytes());
    // the same as one of them, packed and under another name: in the same run
    put("copy.gz", &packed(&day(1)));
    let first = import(&folder, &["syslog.1", "syslog", "copy.gz"]);
    assert_eq!((first("stored"), first("unparsed")), (2 * 4000, 2 * 800));
    let answer = || {
        folder
            .run(&["decode", "-q", "-o", "csv", "store"])
            .good()
            .lines()
            .count()
    };
    assert_eq!(answer(), 2 * 4000 + 1);
    // again, renamed, packed
    for name in ["syslog", "syslog.1", "copy.gz"] {
        let again = import(&folder, &[name]);
        assert_eq!((again("read"), again("known_sources")), (0, 1), "{name}");
    }
    put("other.gz", &packed(&day(2)));
    assert_eq!(import(&folder, &["other.gz"])("known_sources"), 1);
    // grown
    put(
        "syslog",
        (day(2) + &log(0, 3).replace("2026-11-20", "2026-11-03")).as_bytes(),
    );
    let grown = import(&folder, &["syslog"]);
    assert_eq!((grown("read"), grown("stored"), grown("known")), (21, 15, 0));
    // half a line at its end, which is whole later
    let (whole, half) = (day(4), day(4).len() - 30);
    put("late", &whole.as_bytes()[..half]);
    let late = import(&folder, &["late"]);
    put("late", whole.as_bytes());
    let rest = import(&folder, &["late"]);
    assert_eq!(late("stored") + rest("stored"), 4000);
    assert_eq!(rest("read"), 1);
    assert_eq!(folder.run(&["store", "verify", "store"]).code, Some(0));
}

/// Killed again and again in the middle: what is there in the end is what one import brings.
#[test]
fn an_import_that_was_killed_goes_on() {
    import_killed(false);
}

/// The same of a file that nobody is writing to: it is hashed while it is read.
#[test]
fn an_import_of_an_old_file_that_was_killed_goes_on() {
    import_killed(true);
}

fn import_killed(is_old: bool) {
    let folder = Folder::new();
    let text: String = (0..60)
        .map(|day| log(0, 300).replace("2026-11-20", &format!("2026-{:02}-{:02}", 1 + day / 28, 1 + day % 28)))
        .collect();
    folder.bytes("big.log", text.as_bytes());
    if is_old {
        long_ago(&folder, "big.log");
    }
    let mut killed = 0;
    for wait in [150, 300, 450, 600, 900] {
        let mut child = folder
            .command(&["import", "-q", "--store", "store", "big.log"])
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("the binary runs");
        std::thread::sleep(std::time::Duration::from_millis(wait));
        killed += u32::from(child.try_wait().expect("a child").is_none());
        child.kill().expect("our own child");
        child.wait().expect("a child");
    }
    assert!(killed > 0, "it was too fast to be killed");
    folder.run(&["import", "-q", "--store", "store", "big.log"]).good();
    let status = folder.run(&["status", "--store", "store", "-o", "json"]).good();
    assert_eq!(
        (number(&status, "read"), number(&status, "stored")),
        (60 * 300 * 7, 60 * 300 * 5),
        "{status}"
    );
    let lines = folder
        .run(&["decode", "-q", "-o", "csv", "store"])
        .good()
        .lines()
        .count();
    assert_eq!(lines, 60 * 300 * 5 + 1);
    let sources = folder.run(&["status", "--store", "store"]).good();
    assert_eq!(sources.matches("big.log").count(), 1, "{sources}");
    let verified = folder.run(&["store", "verify", "store"]);
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
}

#[test]
fn a_line_that_is_being_written_is_left_for_the_next_time() {
    let folder = Folder::new();
    let whole = log(0, 2);
    folder.bytes("syslog", &whole.as_bytes()[..whole.len() - 90]);
    let first = import(&folder, &["syslog"]);
    folder.bytes("syslog", whole.as_bytes());
    let second = import(&folder, &["syslog"]);
    assert_eq!(first("stored") + second("stored"), 10);
    assert_eq!(first("unparsed") + second("unparsed"), 2);
    assert_eq!(first("read") + second("read"), 14);
}

#[test]
fn secrets_are_not_kept_unless_somebody_says_so() {
    let folder = Folder::new();
    let line = "2026-11-20T10:00:01Z radius freeradius[7]: (1) Login incorrect (mschap: error): [anna/hunter2] (from client vpn1 port 5 cli 203.0.113.9)\n";
    folder.bytes("radius.log", line.as_bytes());
    assert_eq!(import(&folder, &["radius.log"])("known"), 0);
    same_answers(&folder, &["radius.log"]);
    let holds = |store: &str| {
        let mut folders = vec![folder.path().join(store)];
        let mut found = false;
        while let Some(path) = folders.pop() {
            for entry in std::fs::read_dir(path).expect("a folder").flatten() {
                match entry.path().is_dir() {
                    true => folders.push(entry.path()),
                    false => {
                        let bytes = std::fs::read(entry.path()).expect("a file");
                        found |= bytes.windows(7).any(|part| part == b"hunter2");
                    }
                }
            }
        }
        found
    };
    assert!(!holds("store"));
    let shown = folder.run(&["decode", "--show-secrets", "-o", "jsonl", "store"]).good();
    assert!(shown.contains("anna") && !shown.contains("hunter2"), "{shown}");
    folder
        .run(&["import", "-q", "--keep-secrets", "--store", "open", "radius.log"])
        .good();
    let hidden = folder.run(&["decode", "-o", "jsonl", "open"]).good();
    assert!(!hidden.contains("hunter2"), "{hidden}");
    let shown = folder.run(&["decode", "--show-secrets", "-o", "jsonl", "open"]).good();
    assert!(shown.contains("hunter2"), "{shown}");
}

#[test]
fn the_seal_from_init_to_a_change() {
    let folder = Folder::new();
    let made = folder
        .run(&["store", "init", "store", "--origin", "vpn1.example/log"])
        .good();
    let words = made
        .lines()
        .nth(1)
        .and_then(|line| line.strip_prefix("key"))
        .expect("a key")
        .trim()
        .to_owned();
    assert_eq!(words.split(' ').count(), 8, "{made}");
    assert_eq!(folder.run(&["store", "init", "store"]).code, Some(2));
    folder.log("syslog", &log(0, 9));
    assert_eq!(import(&folder, &["syslog"])("known"), 0);
    let verify = |args: &[&str]| folder.run(&[&["store", "verify", "store"], args].concat());
    assert_eq!(verify(&[]).code, Some(0), "the key was written down");
    let out = verify(&["--key", &words]);
    assert_eq!(out.code, Some(0));
    assert!(
        out.out.contains("RESULT      INTACT to record 53.") && out.out.contains(&words),
        "{}",
        out.out
    );
    assert_eq!(verify(&["--key", "walnut tiger"]).code, Some(3));
    assert_eq!(verify(&["--key", &words, "--require-witness"]).code, Some(3));
    folder
        .run(&["store", "checkpoint", "store", "--witness", "seen"])
        .good();
    assert_eq!(verify(&["--key", &words, "--require-witness"]).code, Some(0));
    let proof = folder.run(&["store", "prove", "store", "7"]).good();
    assert!(
        proof.contains("record      7  2026-11-20T10:01:02Z") && proof.contains("path "),
        "{proof}"
    );
    assert_eq!(folder.run(&["store", "prove", "store", "999"]).code, Some(1));
    let backup = folder.run(&["store", "backup", "store", "copy"]);
    assert_eq!(backup.code, Some(0), "{}", backup.err);
    assert_eq!(folder.run(&["store", "verify", "copy", "--key", &words]).code, Some(0));
    let gone = folder
        .run(&["store", "retain", "store", "--before", "2026-11-21"])
        .good();
    assert!(gone.contains("54 records"), "{gone}");
    assert_eq!(verify(&["--key", &words]).code, Some(0));
    assert_eq!(
        folder.run(&["store", "retain", "store", "--before", "2026-11-21"]).code,
        Some(1)
    );
    let again = folder.run(&["import", "--store", "store", "syslog"]);
    assert!(again.err.contains("retention"), "{}", again.err);
    folder.log("other", &(log(0, 9) + &log(15, 1)));
    let other = folder.run(&["import", "--store", "store", "other", "-o", "jsonl"]);
    assert_eq!(number(&other.out, "stored"), 0, "{}", other.out);
    assert!(other.err.contains("older than what this store keeps"), "{}", other.err);
    let segment = std::fs::read_dir(folder.path().join("copy/segments/day=2026-11-20/gateway=vpn1")).expect("a folder");
    let segment = segment
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|suffix| suffix == "parquet"));
    let segment = segment.expect("a segment");
    let mut bytes = std::fs::read(&segment).expect("a file");
    bytes[200] ^= 1;
    std::fs::write(&segment, bytes).expect("a file");
    let changed = folder.run(&["store", "verify", "copy", "--key", &words]);
    assert_eq!(changed.code, Some(1), "{}", changed.out);
    std::fs::remove_file(&segment).expect("a file");
    assert_eq!(folder.run(&["store", "verify", "copy", "--key", &words]).code, Some(2));
}

#[test]
fn what_was_typed_wrong_is_said() {
    let folder = Folder::new();
    folder.log("syslog", &log(0, 1));
    for (args, words) in [
        (&["attempts", "nowhere"][..], "nowhere"),
        (&["import", "syslog"], "--store"),
        (&["import", "--store", "store"], "PATH"),
        (&["import", "--store", "syslog", "syslog"], "syslog"),
        (&["status", "--store", "nowhere"], "is no store"),
        (&["store", "retain", "nowhere"], "--before"),
        (&["import", "--store", "store", "--tz", "Mars", "syslog"], "--tz"),
        (&["store", "init", "store", "--origin", "a b"], "origin"),
    ] {
        let ran = folder.run(args);
        assert_eq!(ran.code, Some(2), "{args:?} {}", ran.out);
        assert!(ran.err.contains(words), "{args:?} {}", ran.err);
    }
    // its statuses are answers: 2 is `incomplete`, and without a store nobody can tell
    let ran = folder.run(&["store", "verify", "syslog"]);
    assert_eq!(ran.code, Some(3), "{}", ran.out);
    assert!(ran.err.contains("is no store"), "{}", ran.err);
}

/// The segments are for other tools, too: DuckDB, where Python has it (`TUNLOG_PYTHON` names another Python).
#[test]
fn duckdb_reads_the_segments() {
    let folder = Folder::new();
    let python = std::env::var("TUNLOG_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let ask = |code: &str| {
        let ran = std::process::Command::new(&python)
            .args(["-c", code])
            .current_dir(folder.path())
            .output();
        ran.ok().filter(|ran| ran.status.success())
    };
    if ask("import duckdb").is_none() {
        return println!("skipped: no DuckDB");
    }
    folder.log("syslog", &log(0, 50));
    assert_eq!(import(&folder, &["syslog"])("stored"), 250);
    let code = "import duckdb\nfor row in duckdb.sql(\"select event, user, day::text, count(*), min(line), max(time)::text \
        from read_parquet('store/segments/*/*/*.parquet', hive_partitioning=true) where gateway = 'vpn1' and user is not null \
        group by all order by 1\").fetchall(): print(row)";
    let ran = ask(&format!(
        "import os, time\nos.environ['TZ'] = 'UTC'\ntime.tzset()\n{code}"
    ))
    .expect("an answer");
    let out = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(
        out.contains("('auth-failed', 'anna', '2026-11-20', 100, 3, '2026-11-20 10:49:03+00')"),
        "{out}"
    );
}

/// Half a line that nobody goes on with is taken as it is; if somebody does go on, the whole line is read.
#[test]
fn half_a_line_is_read_again_when_its_file_has_grown() {
    let folder = Folder::new();
    let whole = log(0, 2);
    let at = whole.rfind("Connection term").expect("a line") + "Connection term".len();
    let write = |text: &str| {
        folder.bytes("syslog", text.as_bytes());
        long_ago(&folder, "syslog");
    };
    let ends = || {
        folder
            .run(&["decode", "-q", "-o", "jsonl", "store"])
            .good()
            .matches("Connection terminated.")
            .count()
    };
    write(&whole[..at]);
    assert!(import(&folder, &["syslog"])("read") > 0);
    assert_eq!(ends(), 1);
    assert_eq!(import(&folder, &["syslog"])("read"), 0, "nothing is new");
    write(&whole);
    let counts = import(&folder, &["syslog"]);
    // the line, and the one behind it
    assert_eq!((counts("read"), counts("stored"), ends()), (2, 1, 2));
    assert_eq!(import(&folder, &["syslog"])("read"), 0, "nothing is new");
}

/// An event log: refusals that only their codes tell apart, and one without a code.
fn events() -> Vec<u8> {
    let refused = |code: u32, number: i64| {
        let strings = ["{NA}", "anna", "192.0.2.7", "refused & <gone>", "0x70"];
        let event = WindowsEvent::classic("RemoteAccess", 20271, &strings).with_binary(&code.to_le_bytes());
        event.at(1_795_168_800_000_000 + number * 60_000_000, number as u64)
    };
    let all: Vec<WindowsEvent> = [691, 721, 789, 930, 0]
        .into_iter()
        .zip(1..)
        .map(|(code, at)| refused(code, at))
        .collect();
    evtx::write(&all)
}
