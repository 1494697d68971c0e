//! A store is asked for its last hours: what is left out changes no answer.

use std::fmt::Write as _;
use std::path::Path;

use tunlog_pipeline::{ImportOptions, import};
use tunlog_store::{AttemptRow, History, HistoryReader, Options as StoreOptions, Reader, Store};

use super::*;

/// 2026-11-20T00:00:00Z.
const BEGAN: i64 = 1_795_132_800;
const HOUR: i64 = 3600;

struct Line(i64, String);

/// A session of a gateway, with its ends `end` seconds after its beginning; None: no end is logged.
fn session(lines: &mut Vec<Line>, number: u32, at: i64, end: Option<i64>) {
    let (ctrl, ppp) = (1000 + number * 2, 1001 + number * 2);
    let ip = format!("192.0.2.{}", number % 250 + 1);
    let mut say = |after: i64, program: &str, pid: u32, text: &str| {
        lines.push(Line(at + after, format!("vpn1 {program}[{pid}]: {text}")));
    };
    say(
        0,
        "pptpd",
        ctrl,
        &format!("CTRL: Client {ip} control connection started"),
    );
    say(0, "pptpd", ctrl, "CTRL: Starting call (launching pppd, opening GRE)");
    say(0, "pppd", ppp, "pppd 2.4.9 started by root, uid 0");
    say(0, "pppd", ppp, &format!("Connect: ppp{number} <--> /dev/pts/{number}"));
    if number % 3 == 2 {
        say(1, "pppd", ppp, &format!("Peer user{number} failed CHAP authentication"));
    } else {
        say(1, "pppd", ppp, &format!("peer from calling number {ip} authorized"));
        say(1, "pppd", ppp, "local  IP address 198.51.100.1");
        say(
            1,
            "pppd",
            ppp,
            &format!("remote IP address 203.0.113.{}", number % 250 + 1),
        );
    }
    let Some(end) = end else { return };
    say(end, "pppd", ppp, "LCP terminated by peer");
    say(end, "pppd", ppp, &format!("Connect time {}.0 minutes.", end / 60));
    say(end, "pppd", ppp, "Sent 1000 bytes, received 2000 bytes.");
    say(end, "pppd", ppp, "Connection terminated.");
    say(end, "pppd", ppp, "Exit.");
    say(end, "pptpd", ctrl, &format!("CTRL: Reaping child PPP[{ppp}]"));
    say(
        end,
        "pptpd",
        ctrl,
        &format!("CTRL: Client {ip} control connection finished"),
    );
}

/// Two days: a session each ten minutes, some of them long, one for thirty hours, one whose end nobody logged.
fn log() -> String {
    let mut lines = Vec::new();
    for number in 0..288_u32 {
        let at = BEGAN + i64::from(number) * 600;
        let end = match number {
            70 => Some(30 * HOUR),
            260 => None,
            number if number % 17 == 0 => Some(4 * HOUR),
            number => Some(120 + i64::from(number % 40) * 60),
        };
        session(&mut lines, number, at, end);
    }
    lines.sort_by_key(|Line(at, _)| *at);
    let mut text = String::new();
    for Line(at, line) in lines {
        let since = at - BEGAN;
        let (day, hour, minute, second) = (since / 86_400, since / HOUR % 24, since / 60 % 60, since % 60);
        let _ = writeln!(
            text,
            "2026-11-{:02}T{hour:02}:{minute:02}:{second:02}Z {line}",
            20 + day
        );
    }
    text
}

fn in_utc() -> Options {
    Options {
        tz: Some("UTC".into()),
        ..Options::default()
    }
}

fn asked(store: &Path, since: Option<i64>, wants: Wants) -> Seen {
    let settings = Settings {
        since,
        ..Settings::new(in_utc(), wants)
    };
    let found = tunlog_pipeline::discover(&[store.to_path_buf()], false);
    let mut seen = Seen::default();
    seen.summary = run(found, &Catalogue::builtin(), &settings, &mut seen);
    seen
}

/// A store with what `tunlog serve` would have written beside its records.
fn store_of(folder: &Path) -> PathBuf {
    let store = folder.join("store");
    let now = || (BEGAN + 60 * HOUR) * 1_000_000;
    Store::create(&store, "a/b", now()).expect("a store");
    let mut open = Store::open(&store, StoreOptions::default()).expect("the store");
    let settings = Settings::new(in_utc(), Wants::Everything);
    let options = ImportOptions::default();
    // as it grows: each piece is sealed by itself
    let log = log();
    let lines: Vec<&str> = log.split_inclusive('\n').collect();
    for (piece, lines) in lines.chunks(100).enumerate() {
        let file = folder.join(format!("vpn.log.{}", 99 - piece));
        std::fs::write(&file, lines.concat()).expect("a log");
        let found = discover(&[file], false);
        import(found, &Catalogue::builtin(), &settings, &mut open, &options, &now).expect("an import");
    }
    let seqs = open.next_seq();
    drop(open);
    let all = asked(&store, None, Wants::Attempts);
    assert!(all.attempts.len() > 280, "{}", all.attempts.len());
    let mut history = History::open(&store).expect("a history");
    history.begins_at(0).expect("written");
    for attempt in &all.attempts {
        history.put_attempt(AttemptRow::of(attempt, "{}".to_owned()));
    }
    history.commit(seqs, None).expect("written");
    store
}

/// How many parts of a store are read for what was going on since a time, and how many it has.
fn parts(store: &Path, since: i64) -> (usize, usize) {
    let (reader, known) = (Reader::open(store).expect("the store"), HistoryReader::open(store));
    let known = known.expect("a history").expect("a file");
    let sources = reader.sources().expect("sources");
    let needed = known.needed_since(since, &reader).expect("an answer");
    let of = |id: u64| reader.parts_from(id, 0, needed).expect("parts").len();
    (sources.iter().map(|source| of(source.id)).sum(), sources.len())
}

#[test]
fn a_session_that_is_up_for_long_costs_what_it_needs_and_no_more() {
    let folder = scratch("undecided");
    let store = store_of(&folder);
    let late = (BEGAN + 49 * HOUR) * 1_000_000;
    let commit = |undecided: Option<i64>, further: u64| {
        let mut history = History::open(&store).expect("a history");
        let seqs = history.analysed_seq().expect("a number").expect("known") + further;
        if let Some(time) = undecided {
            history.undecided_since(time);
        }
        // a daemon knows only roughly which record the oldest session needs: here, the first of all
        history.commit(seqs, Some(0)).expect("written");
    };
    commit(None, 0);
    let (few, all) = parts(&store, late);
    assert_eq!(few, all, "nobody says when began what is on its way");
    let whole = asked(&store, Some(late), Wants::Attempts).attempts;
    commit(Some((BEGAN + 47 * HOUR) * 1_000_000), 0);
    let (few, _) = parts(&store, late);
    assert!(few * 3 < all, "{few} of {all}");
    let shorter = asked(&store, Some(late), Wants::Attempts).attempts;
    assert!(!whole.is_empty());
    assert_eq!(format!("{shorter:?}"), format!("{whole:?}"));
    commit(Some(BEGAN * 1_000_000), 0);
    assert_eq!(
        parts(&store, late).0,
        all,
        "what is on its way since the beginning needs all"
    );
    // whoever knows nothing of it goes on: what was said before holds no longer
    commit(Some((BEGAN + 47 * HOUR) * 1_000_000), 0);
    commit(None, 1);
    assert_eq!(parts(&store, late).0, all);
    std::fs::remove_dir_all(&folder).expect("our own folder");
}

#[test]
fn what_is_left_out_changes_no_answer() {
    let folder = scratch("since");
    let store = store_of(&folder);
    let (history, aside) = (store.join("history.db"), store.join("aside.db"));
    let told = |seen: &Seen| -> Vec<String> { seen.attempts.iter().map(|attempt| format!("{attempt:?}")).collect() };
    let hours = (0..50).step_by(7);
    let sinces: Vec<i64> = hours.map(|hour| (BEGAN + hour * HOUR) * 1_000_000).collect();
    let short: Vec<(Vec<String>, usize)> = sinces
        .iter()
        .map(|since| {
            let attempts = asked(&store, Some(*since), Wants::Attempts);
            (told(&attempts), asked(&store, Some(*since), Wants::Events).events.len())
        })
        .collect();
    let (few, all) = parts(&store, sinces[7]);
    assert_eq!(parts(&store, sinces[0]).0, all);
    assert!(few * 3 < all, "{few} of {all}");
    // without the history everything is read
    std::fs::rename(&history, &aside).expect("renamed");
    for (since, (attempts, events)) in sinces.iter().zip(&short) {
        let whole = asked(&store, Some(*since), Wants::Attempts);
        assert!(!attempts.is_empty());
        assert_eq!(*attempts, told(&whole), "since {since}");
        assert_eq!(*events, asked(&store, Some(*since), Wants::Events).events.len());
    }
    std::fs::remove_dir_all(&folder).expect("our own folder");
}
