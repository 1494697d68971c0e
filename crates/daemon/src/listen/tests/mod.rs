//! Real sockets on the loopback: what is sent, and what arrives.
#![allow(clippy::unwrap_used)]

mod connections;
mod datagrams;
mod doors;
pub(crate) mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tunlog_ingest::{Chunk, Clock, Framer, Options};
use tunlog_model::EveryApp;

use super::*;
use crate::intake::{Arrivals, Next};

/// Nothing takes longer, on the slowest machine.
pub(super) const LONG: Duration = Duration::from_secs(60);

/// Receivers on a thread of their own, as the daemon has them, and everything that arrived.
pub(crate) struct Bench {
    pub receivers: Arc<Receivers>,
    pub arrivals: Arrivals,
    /// What came, one line each: `name: line`, `name lost N: why`, `problem: …`, `begin name`, `end name`.
    pub log: Vec<String>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Bench {
    pub fn start(change: impl FnOnce(&mut Config)) -> Bench {
        Bench::with(16 << 20, Inherited::none(), change).unwrap_or_else(|problem| panic!("{problem}"))
    }

    pub fn with(limit: usize, inherited: Inherited, change: impl FnOnce(&mut Config)) -> Result<Bench, Problem> {
        let mut config = Config::default();
        change(&mut config);
        config.check().unwrap_or_else(|(key, why)| panic!("{key}: {why}"));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let (intake, arrivals) = Intake::channel(limit);
        let receivers = Receivers::start(config, &Options::default(), intake, inherited, runtime.handle())?;
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            let _ = runtime.block_on(stopped);
        });
        let bench = Bench {
            receivers: Arc::new(receivers),
            arrivals,
            log: Vec::new(),
            stop: Some(stop),
            thread: Some(thread),
        };
        Ok(bench)
    }

    /// The address of the only socket, or of the one whose name begins so.
    pub fn address(&self, name: &str) -> SocketAddr {
        let until = Instant::now() + LONG;
        loop {
            let health = self.receivers.health();
            let found = health
                .iter()
                .find(|health| health.name.starts_with(name) && health.problem.is_none());
            if let Some(address) = found.and_then(|health| health.address) {
                return address;
            }
            assert!(Instant::now() < until, "{health:?}");
            thread::sleep(Duration::from_millis(2));
        }
    }

    pub fn health(&self, name: &str) -> Health {
        let health = self
            .receivers
            .health()
            .into_iter()
            .find(|health| health.name.starts_with(name));
        health.unwrap_or_default()
    }

    /// Takes what arrives until it is as wanted.
    pub fn until(&mut self, wanted: impl Fn(&[String]) -> bool) {
        let until = Instant::now() + LONG;
        while !wanted(&self.log) {
            let seen = &self.log[self.log.len().saturating_sub(20)..];
            assert!(Instant::now() < until, "the last of {}: {seen:#?}", self.log.len());
            if let Next::Arrival(arrival) = self.arrivals.next(Some(Duration::from_millis(100))) {
                self.take(&arrival);
            }
        }
    }

    pub fn until_has(&mut self, text: &str) {
        self.until(|log| log.iter().any(|line| line.contains(text)));
    }

    /// Takes everything that still comes when the sockets are closed.
    pub fn finish(mut self) -> Vec<String> {
        let receivers = self.receivers.clone();
        let handle = receivers.shared.runtime.clone();
        let closed = handle.spawn(async move { receivers.stop().await });
        let until = Instant::now() + LONG;
        while !closed.is_finished() || self.arrivals.depth().arrivals > 0 {
            assert!(Instant::now() < until, "does not end");
            if let Next::Arrival(arrival) = self.arrivals.next(Some(Duration::from_millis(5))) {
                self.take(&arrival);
            }
        }
        std::mem::take(&mut self.log)
    }

    fn take(&mut self, arrival: &Arrival) {
        let name = &arrival.feed.name;
        assert_eq!(arrival.feed.key, arrival.feed.name);
        match &arrival.what {
            What::Chunk(chunk, _) => {
                let text = String::from_utf8_lossy(&chunk.bytes);
                assert!(text.ends_with('\n'), "{text:?}");
                assert!(self.log.contains(&format!("begin {name}")), "{name} has no clock");
                self.log.extend(text.lines().map(|line| format!("{name}: {line}")));
            }
            What::Lost(count, cause) => self.log.push(format!("{name} lost {count:?}: {cause}")),
            What::Problem(problem) => self.log.push(format!("problem: {problem}")),
            What::Begin(_) => self.log.push(format!("begin {name}")),
            What::End => self.log.push(format!("end {name}")),
            What::Position | What::Capture(_) => panic!("{arrival:?}"),
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// How many messages came of peers whose name begins so.
pub(super) fn messages(log: &[String], name: &str) -> usize {
    let count = |line: &&String| line.starts_with(name) && line.contains(": <");
    log.iter().filter(count).count()
}

/// The sum of what was told as lost.
pub(super) fn lost(log: &[String]) -> u64 {
    let count = |line: &String| line.split_once(" lost Some(")?.1.split_once(')')?.0.parse::<u64>().ok();
    log.iter().filter_map(count).sum()
}

/// A folder of a test's own.
pub(crate) struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("tunlog-listen-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What peers write in front of a message, and what of it is understood.
#[test]
fn headers_of_peers() {
    let options = Options {
        tz: Some("UTC".to_owned()),
        ..Options::default()
    };
    let lines = [
        "<30>Nov 19 11:00:00 gw1 pppd[7]: LCP terminated by peer",
        "<30>Nov 19 11:00:00 pppd[7]: LCP terminated by peer",
        "<30>pppd[7]: LCP terminated by peer",
        "<30>1 2026-11-19T11:00:00.5Z gw1 pppd 7 - - LCP terminated by peer",
        "<30>1 - gw1 pppd 7 - - LCP terminated by peer",
        "<30>2026-11-19T11:00:00+01:00 gw1 pppd[7]: LCP terminated by peer",
    ];
    let chunk = Chunk::new((lines.join("\n") + "\n").into_bytes());
    let mut clock = Clock::receiving(&options).unwrap();
    let mut seen = Vec::new();
    let framer = Framer::new(&options, tunlog_ingest::Format::Lines);
    framer.cut(&chunk, &EveryApp, &mut |record| {
        let time = clock.resolve(record.stamp);
        let told = !time.assumed.has(tunlog_model::Assumed::TIME);
        let app = String::from_utf8_lossy(record.app).into_owned();
        seen.push(format!("{app} {} {told}", record.pid));
    });
    assert_eq!(
        seen,
        [
            "pppd 7 true",
            "pppd 7 true",
            "pppd 7 false",
            "pppd 7 true",
            "pppd 7 false",
            "pppd 7 true"
        ]
    );
}
