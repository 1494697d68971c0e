//! What the history says was told, somebody was told.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;

use tunlog_analysis::detect;
use tunlog_ingest::{Arrival, Chunk, Clock, Feed, Format, Framer, Options, What};
use tunlog_pipeline::{Feeds, Wants};
use tunlog_store::{AttemptQuery, History, HistoryReader};
use tunlog_testkit::NOW;

use super::*;

/// Keeps what it is told when the test says so.
struct Slow {
    keeps: Arc<AtomicBool>,
    told: Arc<AtomicUsize>,
}

impl Listener for Slow {
    fn hear(&mut self, told: Told<'_>, hearing: &Hearing<'_>) {
        if matches!(told, Told::Closed(_)) && !hearing.replayed {
            self.told.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn has_kept(&self) -> bool {
        self.keeps.load(Ordering::SeqCst)
    }
}

fn settings() -> Settings {
    Settings::new(
        Options {
            tz: Some("UTC".to_owned()),
            now: NOW,
            ..Options::default()
        },
        Wants::FindingsAndEvents,
    )
}

/// What the keeping thread would hand on of a log.
fn deliveries(catalogue: &Catalogue, text: &str) -> [Delivery; 2] {
    let settings = settings();
    let mut feeds = Feeds::new(catalogue, &settings);
    let feed = Arc::new(Feed {
        key: "log".into(),
        name: "log".into(),
        set: "log".into(),
    });
    let clock = Clock::fixed(&settings.ingest, NOW).expect("a clock");
    let framer = Framer::new(&settings.ingest, Format::Lines);
    let chunk = Chunk::new(text.as_bytes().to_vec());
    let mut taken = None;
    for what in [What::Begin(Box::new(clock)), What::Chunk(chunk, framer)] {
        let arrival = Arrival {
            feed: Arc::clone(&feed),
            what,
            positions: Vec::new(),
        };
        taken = feeds.take(arrival).taken;
    }
    let taken = taken.expect("lines");
    [
        Delivery::Names(feeds.names().to_vec()),
        Delivery::Taken(Box::new(taken)),
    ]
}

fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("tunlog-watch-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn desk<'a>(state: &'a State, log: &'a Log, slow: Slow, history: History) -> Desk<'a> {
    Desk {
        detector: Detector::new(&detect::Options::default()),
        listeners: vec![Box::new(slow)],
        chronicle: Some(Chronicle::new(history)),
        analysed: None,
        open_since: None,
        state,
        log,
        read: Instant::now(),
        mood: Mood::Live,
        events: 0,
        findings: 0,
    }
}

#[test]
fn the_history_waits_until_everybody_has_kept_what_was_told() {
    let folder = folder();
    let catalogue = Catalogue::builtin();
    let text: String = (0..3)
        .map(|number| {
            format!(
                "Nov 20 23:59:0{number} vpn1 pppd[{}]: Peer user{number} failed CHAP authentication\n\
                 Nov 20 23:59:0{number} vpn1 pppd[{}]: Exit.\n",
                70 + number,
                70 + number
            )
        })
        .collect();
    let (keeps, told) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let slow = Slow {
        keeps: Arc::clone(&keeps),
        told: Arc::clone(&told),
    };
    let known = || {
        let reader = HistoryReader::open(&folder).expect("a history").expect("a file");
        let page = reader.attempts(&AttemptQuery::default(), None, 100).expect("a page");
        page.rows.len()
    };
    let history = History::open(&folder).expect("a history");
    let (state, log) = (State::new(NOW), Log::new(&crate::log::Config::default()));
    let (out, incoming) = sync_channel(10);
    let settings = settings();
    let patience = Instant::now() + Duration::from_secs(60);
    std::thread::scope(|scope| {
        let (state, log, catalogue, settings) = (&state, &log, &catalogue, &settings);
        scope.spawn(move || watch(&incoming, catalogue, settings, desk(state, log, slow, history), false));
        for delivery in deliveries(catalogue, &text) {
            out.send(delivery).expect("somebody takes it");
        }
        while told.load(Ordering::SeqCst) < 3 {
            assert!(Instant::now() < patience, "it is not told");
            std::thread::sleep(Duration::from_millis(5));
        }
        // a commit is due a second after the first row; who is killed now has to tell it again
        let due = Instant::now() + Duration::from_millis(2500);
        while Instant::now() < due {
            assert_eq!(known(), 0, "the history says that it was told");
            std::thread::sleep(Duration::from_millis(50));
        }
        keeps.store(true, Ordering::SeqCst);
        while known() < 3 {
            assert!(Instant::now() < patience, "it is not in the history");
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(out);
    });
    std::fs::remove_dir_all(&folder).expect("our own folder");
}
