//! For tests only: log text in, events out, by the same rooms that the program uses (ingest, decode), with the clock and
//! the zone fixed; and attempts as short lines, so that a test compares whole outputs.
//!
//! It may not know `analysis`: the tests there feed the correlator themselves, or there would be two copies of its types.

pub mod evtx;
pub mod life;
pub mod mmdb;
pub mod windows;
pub mod windows_day;

use std::fmt::Write as _;
use std::net::IpAddr;

use tunlog_decode::{Catalogue, Decoder, Keep, windows_event_of};
use tunlog_ingest::{Chunk, Clock, Format, Framer, Options};
use tunlog_model::{
    Attempt, Entry, Event, EventBatch, Layer, Outcome, Payload, Protocol, RecordRef, SourceId, Spans, Stamp, text,
};

pub use tunlog_decode::redact;

/// The present of tests: 2026-11-21T00:00:00Z.
pub const NOW: i64 = 1_795_219_200_000_000;

/// What a log tells.
#[derive(Clone, Copy, Debug)]
pub enum Told<'a> {
    /// Something understood.
    Event(Event<'a>),
    /// The event before came this many times more.
    Repeated(u64),
}

/// A log that was read.
pub struct Log {
    catalogue: Catalogue,
}

impl Default for Log {
    fn default() -> Log {
        Log {
            catalogue: Catalogue::builtin(),
        }
    }
}

impl Log {
    /// The same log, with what other services say.
    #[must_use]
    pub fn heeding_services(self) -> Log {
        Log {
            catalogue: self.catalogue.heeding_services(),
        }
    }

    /// A log that is read with dialects of the test's own besides.
    ///
    /// # Errors
    /// What is wrong with the dialect.
    pub fn with_dialect(name: &str, dialect: &str) -> Result<Log, Vec<String>> {
        let files = [(format!("{name}.toml"), dialect.to_string())];
        match Catalogue::with_user_dialects(&files) {
            (catalogue, problems) if problems.is_empty() => Ok(Log { catalogue }),
            (_, problems) => Err(problems),
        }
    }

    /// Tells what `text` says, line after line. Stamps without year are of 2026, those without zone are UTC.
    pub fn tell(&self, text: &str, each: &mut dyn FnMut(Told<'_>)) {
        self.tell_kept(text, Keep::Facts, each);
    }

    /// The same with the chatter that no attempt needs.
    pub fn tell_all(&self, text: &str, each: &mut dyn FnMut(Told<'_>)) {
        self.tell_kept(text, Keep::Events, each);
    }

    /// Tells what Windows events say, one a line: `10:00:00 HOST` and the event as the examples of dialect files have it
    /// (`20271 RemoteAccess: 0={NA} 1="anna"`), on the day of `NOW`. A line that is none is told as a failure of the test.
    ///
    /// # Panics
    /// If a line is no event.
    pub fn tell_windows(&self, lines: &str, each: &mut dyn FnMut(Told<'_>)) {
        let Ok(mut clock) = Clock::fixed(&Options::default(), NOW) else {
            return;
        };
        let mut decoder = Decoder::new(&self.catalogue, Keep::Events);
        let mut batch = EventBatch::over(0);
        let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
        for (number, line) in (1..).zip(lines) {
            let Some((seconds, host, event)) = event_line(line) else {
                panic!("no event: {line}");
            };
            let Some((provider, values)) = windows_event_of(event) else {
                panic!("no event: {line}");
            };
            let record = RecordRef {
                stamp: Stamp::Instant(NOW + seconds * 1_000_000),
                host: host.as_bytes(),
                app: provider.as_bytes(),
                payload: Payload::Fields(&values),
                ..RecordRef::bare(line.as_bytes(), number)
            };
            decoder.decode(&record, &Spans::of(&[]), &mut batch);
        }
        tell_batch(&batch, &mut clock, each);
    }

    fn tell_kept(&self, text: &str, keep: Keep, each: &mut dyn FnMut(Told<'_>)) {
        let options = Options {
            tz: Some("UTC".into()),
            year: Some(2026),
            now: NOW,
            ..Options::default()
        };
        let Ok(mut clock) = Clock::fixed(&options, NOW) else {
            return;
        };
        let chunk = Chunk::new(text.as_bytes().to_vec());
        let mut decoder = Decoder::new(&self.catalogue, keep);
        let mut batch = EventBatch::over(chunk.bytes.len());
        let spans = Spans::of(&chunk.bytes);
        let framer = Framer::new(&options, Format::Lines);
        framer.cut(&chunk, &self.catalogue, &mut |record| {
            decoder.decode(record, &spans, &mut batch)
        });
        batch.give_bytes(chunk.bytes);
        tell_batch(&batch, &mut clock, each);
    }
}

fn tell_batch(batch: &EventBatch, clock: &mut Clock, each: &mut dyn FnMut(Told<'_>)) {
    for entry in &batch.entries {
        match entry {
            Entry::Event(raw) => {
                let time = clock.resolve(raw.stamp);
                each(Told::Event(Event::new(batch, raw, time, SourceId(0))));
            }
            Entry::Repeated { times, .. } => each(Told::Repeated(*times)),
            Entry::Unrecognised(_) | Entry::Lost { .. } => {}
        }
    }
}

/// `10:00:00 HOST EVENT`: second of the day, host, event.
pub fn event_line(line: &str) -> Option<(i64, &str, &str)> {
    let (clock, rest) = line.split_once(' ')?;
    let (host, event) = rest.split_once(' ')?;
    let seconds = clock
        .split(':')
        .try_fold(0, |sum: i64, part| Some(sum * 60 + part.parse::<i64>().ok()?));
    Some((seconds?, host, event))
}

/// A PPTP session of nobody in particular, an hour long, which ended at `NOW`; tests say what else there is of it.
pub fn session(user: &str) -> Attempt {
    Attempt {
        id: 1,
        protocol: Some(Protocol::Pptp),
        gateway: Some("vpn1".into()),
        client_ip: Some(IpAddr::from([203, 0, 113, 9])),
        client_port: None,
        claimed_ip: None,
        user: Some(user.into()),
        started: NOW - 3_600_000_000,
        up: Some(NOW - 3_599_000_000),
        ended: Some(NOW),
        duration_s: Some(3599.0),
        outcome: Outcome::Established,
        reached: Layer::Data,
        failed_at: None,
        cause: None,
        confidence: None,
        assigned_ip: None,
        server_ip: None,
        interface: Some("ppp0".into()),
        auth_method: Some("ms-chap-v2"),
        mppe_bits: Some(128),
        bytes_to_client: None,
        bytes_from_client: None,
        end_reason: None,
        backend: None,
        exposed: None,
        last_seen: NOW,
        times: 1,
        assumed: Default::default(),
        evidence: Vec::new(),
        trail: Default::default(),
        heard: Default::default(),
    }
}

/// An attempt as one line: what it was, who, what came of it; without times.
pub fn line_of(attempt: &Attempt) -> String {
    let mut line = attempt.protocol.map_or("?", |protocol| protocol.word()).to_string();
    let mut add = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = write!(line, " {key}{value}");
        }
    };
    let address = |ip: Option<IpAddr>| ip.map(|ip| ip.to_string());
    add("", Some(attempt.outcome.word().to_string()));
    add(
        "user=",
        attempt.user.as_deref().map(|user| format!("{:?}", text::visible(user))),
    );
    add("from=", address(attempt.client_ip));
    add("claims=", address(attempt.claimed_ip));
    add("gets=", address(attempt.assigned_ip));
    add("on=", attempt.interface.as_deref().map(str::to_string));
    add("to=", attempt.bytes_to_client.map(|bytes| bytes.to_string()));
    add("received=", attempt.bytes_from_client.map(|bytes| bytes.to_string()));
    add("mppe=", attempt.mppe_bits.map(|bits| bits.to_string()));
    add("at=", attempt.failed_at.map(|layer| layer.word().to_string()));
    add("cause=", attempt.cause.map(str::to_string));
    add("end=", attempt.end_reason.map(|reason| reason.word().to_string()));
    add("times=", (attempt.times != 1).then(|| attempt.times.to_string()));
    line
}

/// All attempts, one a line, sorted by their text: the order in which attempts close is no promise.
pub fn lines_of(attempts: &[Attempt]) -> String {
    let mut lines: Vec<String> = attempts.iter().map(line_of).collect();
    lines.sort();
    lines.into_iter().map(|line| line + "\n").collect()
}
