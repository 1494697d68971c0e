//! From what is heard to what arrives, with all threads.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tunlog_analysis::detect::{Finding, Severity};
use tunlog_model::Outcome;
use tunlog_pipeline::Sources;

use super::receivers::{Answer, Http, OK, PATIENCE};
use super::samples::{NOW, attempt, finding, log, sources};
use crate::notify::config::{Only, Pace, Webhook};
use crate::notify::secret::Secret;
use crate::notify::span::Span;
use crate::notify::{ChannelCounts, Config, Handle, Notifier, OUTBOX, test};
use crate::told::{Hearing, Listener as _, Told};

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("tunlog-notifier-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn hook(name: &str, server: &Http) -> Webhook {
    Webhook {
        name: name.to_owned(),
        url: Secret::Text(server.url()),
        timeout: Span::seconds(20),
        pace: Pace {
            retry_first: Span::seconds(1),
            retry_longest: Span::seconds(1),
            ..Pace::default()
        },
        ..Webhook::default()
    }
}

fn config(webhook: Vec<Webhook>) -> Config {
    Config {
        webhook,
        ..Config::default()
    }
}

struct Ear {
    notifier: Notifier,
    sources: Sources,
}

impl Ear {
    fn hear(&mut self, told: Told<'_>, replayed: bool) {
        let hearing = Hearing {
            sources: &self.sources,
            now: NOW,
            read: Instant::now(),
            replayed,
        };
        self.notifier.hear(told, &hearing);
    }

    fn found(&mut self, finding: &Finding) {
        self.hear(Told::Found(finding), false);
    }
}

fn start(config: &Config, outbox: Option<&std::path::Path>) -> (Ear, Handle) {
    let (notifier, handle) = Notifier::new(config, outbox, log()).expect("a notifier");
    let ear = Ear {
        notifier,
        sources: sources(),
    };
    (ear, handle)
}

fn high(number: i64) -> Finding {
    finding("203.0.113.7", &format!("user{number}"), Severity::High, NOW + number)
}

/// Waits until the counts are as they should be.
fn until(handle: &Handle, is_so: impl Fn(&[ChannelCounts]) -> bool) -> Vec<ChannelCounts> {
    let last = Instant::now() + PATIENCE;
    loop {
        let counts = handle.counts();
        if is_so(&counts) {
            return counts;
        }
        assert!(Instant::now() < last, "{counts:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn user(body: &str) -> String {
    let value: Value = serde_json::from_str(body).expect("JSON");
    let user = value["users"][0].as_str().or_else(|| value["user"].as_str());
    user.expect("a user").to_owned()
}

#[test]
fn who_wants_what_gets_it() {
    let (all, few, none) = (Http::start(|_, _| OK), Http::start(|_, _| OK), Http::start(|_, _| OK));
    let mut sessions = hook("sessions", &all);
    sessions.only = Only {
        severity: "none".to_owned(),
        sessions: ["connected", "disconnected", "failed"].map(str::to_owned).to_vec(),
        users: vec!["adm*".to_owned()],
        gateways: vec!["vpn1".to_owned()],
        ..Only::default()
    };
    let mut rules = hook("rules", &few);
    rules.only.rules.push("brute-force".to_owned());
    let mut others = hook("others", &none);
    others.only.except_rules.push("brute-force".to_owned());
    let (mut ear, handle) = start(&config(vec![sessions, rules, others]), None);
    // what was before the start bothers nobody
    ear.hear(Told::Found(&high(0)), true);
    ear.hear(Told::Opened(&attempt(1, "admin")), true);
    ear.hear(Told::Tick, false);
    ear.found(&high(1));
    ear.found(&finding("203.0.113.7", "low", Severity::Low, NOW));
    ear.hear(Told::Opened(&attempt(2, "admin")), false);
    ear.hear(Told::Opened(&attempt(3, "bob")), false);
    ear.hear(Told::Closed(&attempt(2, "admin")), false);
    let mut failed = attempt(4, "admin2");
    failed.outcome = Outcome::Failed;
    ear.hear(Told::Closed(&failed), false);
    failed.gateway = Some("vpn2".into());
    ear.hear(Told::Closed(&failed), false);
    let counts = until(&handle, |counts| counts[0].sent == 3 && counts[1].sent == 1);
    assert_eq!((counts[2].sent, counts[2].waiting), (0, 0));
    let events: Vec<String> = (0..3)
        .map(|_| {
            let value: Value = serde_json::from_str(&all.next().body).expect("JSON");
            format!(
                "{} {}",
                value["notification"]["event"].as_str().unwrap_or(""),
                value["user"].as_str().unwrap_or("")
            )
        })
        .collect();
    assert_eq!(events, ["connected admin", "disconnected admin", "failed admin2"]);
    assert_eq!(user(&few.next().body), "user1");
    handle.stop(PATIENCE);
    assert!(none.got.try_recv().is_err());
}

#[test]
fn what_waited_at_a_crash_is_told_after_it_under_the_same_id() {
    let folder = folder("crash");
    let path = folder.join(OUTBOX);
    let works = Arc::new(AtomicBool::new(false));
    let answer = Arc::clone(&works);
    let server = Http::start(move |_, _| match answer.load(Ordering::SeqCst) {
        true => OK,
        false => Answer::Status("503 Service Unavailable", String::new()),
    });
    let settings = config(vec![hook("a", &server)]);
    let (mut ear, handle) = start(&settings, Some(&path));
    for number in 0..20 {
        ear.found(&high(number));
    }
    until(&handle, |counts| counts[0].waiting == 20 && counts[0].failed > 0);
    let first = server.next();
    // as after kill -9: nobody says goodbye, and another process takes over
    std::mem::forget(handle);
    std::mem::forget(ear);
    let copy = folder.join("copy.db");
    for suffix in ["", "-wal"] {
        let of = |path: &std::path::Path| PathBuf::from(format!("{}{suffix}", path.display()));
        std::fs::copy(of(&path), of(&copy)).expect("copied");
    }
    let second = Http::start(|_, _| OK);
    let (_ear, handle) = start(&config(vec![hook("a", &second)]), Some(&copy));
    let counts = until(&handle, |counts| counts[0].sent == 20);
    assert_eq!((counts[0].waiting, counts[0].given_up), (0, 0));
    let got: Vec<_> = (0..20).map(|_| second.next()).collect();
    let ids: HashSet<_> = got.iter().filter_map(|one| one.header("idempotency-key")).collect();
    assert_eq!(ids.len(), 20);
    assert!(ids.contains(first.header("idempotency-key").expect("an id")));
    let users: HashSet<String> = got.iter().map(|one| user(&one.body)).collect();
    assert_eq!(users.len(), 20);
    handle.stop(PATIENCE);
    works.store(true, Ordering::SeqCst);
    let _ = std::fs::remove_dir_all(&folder);
}

#[test]
fn a_dead_receiver_costs_the_others_nothing() {
    let folder = folder("dead");
    let dead = Http::start(|_, _| Answer::Hang);
    let alive = Http::start(|_, _| OK);
    let mut settings = config(vec![hook("dead", &dead), hook("alive", &alive)]);
    settings.waiting_max = 200;
    let (mut ear, handle) = start(&settings, Some(&folder.join(OUTBOX)));
    let mut worst = Duration::ZERO;
    for number in 0..1000 {
        let start = Instant::now();
        ear.found(&high(number));
        worst = worst.max(start.elapsed());
        // one by one, as findings come
        until(&handle, |counts| counts[1].sent > number as u64);
    }
    assert!(worst < Duration::from_secs(2), "hearing took {worst:?}");
    let counts = handle.counts();
    assert_eq!((counts[1].sent, counts[1].failed, counts[1].given_up), (1000, 0, 0));
    assert!(counts[0].waiting <= 200 && counts[0].given_up >= 799, "{counts:?}");
    let size: u64 = ["", "-wal"]
        .iter()
        .filter_map(|suffix| std::fs::metadata(format!("{}{suffix}", folder.join(OUTBOX).display())).ok())
        .map(|found| found.len())
        .sum();
    assert!(size < 16 << 20, "{size} bytes");
    // it hangs, and stopping does not wait for it
    let start = Instant::now();
    handle.stop(Duration::from_millis(100));
    assert!(start.elapsed() < Duration::from_secs(10));
    std::fs::remove_dir_all(&folder).expect("our own folder");
}

#[test]
fn a_receiver_that_comes_back_gets_everything() {
    let server = Http::start(|number, _| match number {
        0 => Answer::Status("500 Internal Server Error", String::new()),
        1 => Answer::Close,
        _ => OK,
    });
    let (mut ear, handle) = start(&config(vec![hook("a", &server)]), None);
    for number in 0..5 {
        ear.found(&high(number));
    }
    let counts = until(&handle, |counts| counts[0].sent == 5);
    assert!(counts[0].failed >= 1 && counts[0].problem.is_none());
    let users: HashSet<String> = server.got.try_iter().map(|got| user(&got.body)).collect();
    assert_eq!(users.len(), 5);
    handle.stop(PATIENCE);
}

#[test]
fn other_channels_take_over_while_it_runs() {
    let (old, new) = (Http::start(|_, _| OK), Http::start(|_, _| OK));
    let (mut ear, handle) = start(&config(vec![hook("a", &old)]), None);
    ear.found(&high(0));
    until(&handle, |counts| counts[0].sent == 1);
    // a configuration that is wrong changes nothing
    let mut wrong = config(vec![hook("a", &new)]);
    wrong.webhook[0].token = Secret::File("/nonexistent/token".into());
    let (key, why) = handle.reload(&wrong).expect_err("no token");
    assert!(
        key.contains("`a`: token") && why.contains("/nonexistent/token"),
        "{key}: {why}"
    );
    ear.found(&high(1));
    until(&handle, |counts| counts[0].sent == 2);
    handle
        .reload(&config(vec![hook("b", &new), hook("a", &new)]))
        .expect("reloaded");
    ear.found(&high(2));
    let counts = until(&handle, |counts| {
        counts.len() == 2 && counts[0].sent == 1 && counts[1].sent == 3
    });
    assert_eq!(
        (counts[0].name.as_str(), counts[1].name.as_str()),
        ("b", "a"),
        "counts go on"
    );
    assert_eq!(old.got.try_iter().count(), 2);
    handle.stop(PATIENCE);
}

#[test]
fn a_damaged_outbox_is_put_aside() {
    let folder = folder("damaged");
    let path = folder.join(OUTBOX);
    std::fs::write(&path, vec![7; 10_000]).expect("written");
    let server = Http::start(|_, _| OK);
    let (mut ear, handle) = start(&config(vec![hook("a", &server)]), Some(&path));
    ear.found(&high(0));
    until(&handle, |counts| counts[0].sent == 1);
    handle.stop(PATIENCE);
    let names: Vec<String> = std::fs::read_dir(&folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    assert!(
        names.iter().any(|name| name.starts_with("outbox.db.damaged-")),
        "{names:?}"
    );
    std::fs::remove_dir_all(&folder).expect("our own folder");
}

#[test]
fn trying_a_channel_says_what_came_of_it() {
    let server = Http::start(|_, _| OK);
    let broken = Http::start(|_, _| Answer::Status("401 Unauthorized", "who are you".to_owned()));
    let settings = config(vec![hook("good", &server), hook("bad", &broken)]);
    let tested = test(&settings, None).expect("channels");
    assert!(tested[0].result.is_ok());
    assert_eq!(tested[1].result.as_ref().expect_err("401"), "401 who are you");
    assert_eq!(test(&settings, Some("good")).expect("a channel").len(), 1);
    let (_, why) = test(&settings, Some("god")).expect_err("none");
    assert!(why.contains("`god`") && why.contains("good, bad"), "{why}");
    assert!(test(&Config::default(), None).is_err());
    let value: Value = serde_json::from_str(&server.next().body).expect("JSON");
    assert_eq!(value["type"], "test");
}

/// What is said in `docs/notify.md`: from hearing to the request at the receiver, with the outbox on the disk.
#[test]
fn it_is_fast() {
    let folder = folder("fast");
    let server = Http::start(|_, _| OK);
    let (mut ear, handle) = start(&config(vec![hook("a", &server)]), Some(&folder.join(OUTBOX)));
    let mut took: Vec<Duration> = (0..300)
        .map(|number| {
            let start = Instant::now();
            ear.found(&high(number));
            let took = server.next().at - start;
            std::thread::sleep(Duration::from_millis(2));
            took
        })
        .collect();
    took.sort_unstable();
    let (median, p99) = (took[took.len() / 2], took[took.len() * 99 / 100]);
    println!(
        "heard to received: median {median:?}, p99 {p99:?}, worst {:?}",
        took[took.len() - 1]
    );
    assert!(median < Duration::from_millis(100), "median {median:?}");
    assert!(p99 < Duration::from_secs(2), "p99 {p99:?}");
    handle.stop(PATIENCE);
    std::fs::remove_dir_all(&folder).expect("our own folder");
}

#[test]
fn what_is_said_to_be_kept_is_in_the_outbox() {
    use tunlog_store::{Outbox, OutboxLimits};
    let folder = folder("kept");
    let path = folder.join(OUTBOX);
    // nobody answers at that port
    let away = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let hook = Webhook {
        url: Secret::Text(format!("http://{}/", away.local_addr().expect("an address"))),
        name: "away".to_owned(),
        timeout: Span::seconds(20),
        ..Webhook::default()
    };
    let (mut ear, handle) = start(&config(vec![hook]), Some(&path));
    assert!(ear.notifier.has_kept(), "nothing was told");
    for number in 0..50 {
        ear.found(&high(number));
        let last = Instant::now() + PATIENCE;
        while !ear.notifier.has_kept() {
            assert!(Instant::now() < last, "it is not kept");
            std::thread::sleep(Duration::from_micros(100));
        }
        // as whoever comes after a kill would find it
        let limits = OutboxLimits {
            messages_max: 1000,
            bytes_max: 1 << 20,
        };
        let found = Outbox::open(&path, limits).expect("the outbox");
        let waiting = found.waiting().get("away").map(|waiting| waiting.messages);
        assert_eq!(waiting, Some(number as u64 + 1));
    }
    drop(away);
    handle.stop(Duration::ZERO);
    std::fs::remove_dir_all(&folder).expect("our own folder");
}
