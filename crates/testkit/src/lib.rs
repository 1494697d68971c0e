//! For tests only: log text in, events out, by the same rooms that the program uses (ingest, decode), with the clock and
//! the zone fixed; and attempts as short lines, so that a test compares whole outputs.
//!
//! It may not know `analysis`: the tests there feed the correlator themselves, or there would be two copies of its types.

pub mod life;

use std::fmt::Write as _;
use std::net::IpAddr;

use tunlog_decode::{Catalogue, Decoder, Keep};
use tunlog_ingest::{Chunk, Clock, Framer, Options};
use tunlog_model::{Attempt, Entry, Event, EventBatch, SourceId, Spans, text};

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
        let framer = Framer::new(&options, false);
        framer.cut(&chunk, &self.catalogue, &mut |record| {
            decoder.decode(record, &spans, &mut batch)
        });
        batch.give_bytes(chunk.bytes);
        for entry in &batch.entries {
            match entry {
                Entry::Event(raw) => {
                    let time = clock.resolve(raw.stamp);
                    each(Told::Event(Event::new(&batch, raw, time, SourceId(0))));
                }
                Entry::Repeated { times, .. } => each(Told::Repeated(*times)),
                Entry::Unrecognised(_) | Entry::Lost { .. } => {}
            }
        }
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
