//! What live sources hand over becomes events with times: one decoder for all feeds, one clock for each.

use std::collections::HashMap;
use std::time::Instant;

use tunlog_decode::{Catalogue, Decoder};
use tunlog_ingest::{Arrival, Clock, Feed, Note, Problem, What};
use tunlog_model::{EventBatch, RecordTime, SourceId, Spans};

use crate::{Settings, Sources};

/// Feeds whose state is held; those that ended longest ago make room.
const FEEDS_MAX: usize = 8192;

/// Events of one arrival.
#[derive(Debug)]
pub struct Taken {
    /// Whose.
    pub source: SourceId,
    /// Which of the sets that source belongs to.
    pub set: usize,
    /// What the lines mean; numbered within the source.
    pub events: EventBatch,
    /// The time of each entry.
    pub times: Vec<RecordTime>,
    /// Lines of the source before this.
    pub lines_before: u64,
    /// Things to tell of its lines.
    pub notes: Vec<Note>,
    /// When the bytes were taken in.
    pub read: Instant,
}

/// The state of one feed.
struct Open {
    source: SourceId,
    set: usize,
    clock: Option<Clock>,
    lines: u64,
    time: Option<RecordTime>,
}

/// Decodes what arrives and decides its times.
pub struct Feeds<'c> {
    catalogue: &'c Catalogue,
    decoder: Decoder<'c>,
    open: HashMap<Box<str>, Open>,
    names: Vec<String>,
    sets: HashMap<Box<str>, usize>,
}

/// The time of a record of which nobody knows any.
const UNKNOWN: RecordTime = RecordTime {
    micros: i64::MIN,
    assumed: tunlog_model::Assumed::TIME,
};

impl<'c> Feeds<'c> {
    /// Nothing was taken in yet.
    pub fn new(catalogue: &'c Catalogue, settings: &Settings) -> Feeds<'c> {
        Feeds {
            catalogue,
            decoder: Decoder::new(catalogue, settings.keep()),
            open: HashMap::new(),
            names: Vec::new(),
            sets: HashMap::new(),
        }
    }

    /// Names a source that other evidence comes of (what a store holds); feeds of the same name go on with its number.
    pub fn know(&mut self, name: &str, set: &str) -> SourceId {
        self.set(set);
        self.names.push(name.to_owned());
        SourceId(self.names.len() as u32 - 1)
    }

    /// A feed is gone on with that was read up to a line, as the source with a number.
    pub fn resume(&mut self, feed: &Feed, source: SourceId, lines: u64) {
        let set = self.set(&feed.set);
        let open = Open {
            source,
            set,
            clock: None,
            lines,
            time: None,
        };
        self.open.insert(feed.key.clone(), open);
    }

    /// Names of the sources so far.
    pub fn sources(&self) -> Sources {
        Sources {
            names: self.names.clone(),
        }
    }

    /// How many sources were named so far.
    pub fn sources_len(&self) -> usize {
        self.names.len()
    }

    /// Whether a feed is known.
    pub fn is_known(&self, feed: &Feed) -> bool {
        self.open.contains_key(&feed.key)
    }

    /// Takes an arrival in. None where it brought no records.
    pub fn take(&mut self, arrival: Arrival) -> Result<Option<Taken>, Problem> {
        let feed = &*arrival.feed;
        match arrival.what {
            What::Begin(clock) => self.open(feed).clock = Some(*clock),
            What::Chunk(chunk, framer) => {
                let read = Instant::now();
                let mut events = EventBatch::over(chunk.bytes.len());
                let spans = Spans::of(&chunk.bytes);
                let (decoder, catalogue) = (&mut self.decoder, self.catalogue);
                let cut = framer.cut(&chunk, catalogue, &mut |record| {
                    decoder.decode(record, &spans, &mut events)
                });
                events.give_bytes(chunk.bytes);
                (events.lines, events.records) = (cut.lines, events.records + cut.chatter);
                let mut taken = self.timed(feed, events, read);
                taken.notes = cut.notes;
                return Ok(Some(taken));
            }
            What::Problem(problem) => return Err(problem),
            What::Position | What::Lost(..) => {}
            What::End => self.close(feed),
        }
        Ok(None)
    }

    /// Numbers the entries of a batch and decides their times.
    pub fn timed(&mut self, feed: &Feed, mut events: EventBatch, read: Instant) -> Taken {
        let open = self.open(feed);
        let mut times = Vec::with_capacity(events.entries.len());
        for entry in &mut events.entries {
            *entry.line_mut() += open.lines;
            if let (Some(clock), Some(stamp)) = (&mut open.clock, entry.stamp()) {
                open.time = Some(clock.resolve(stamp));
            }
            times.push(open.time.unwrap_or(UNKNOWN));
        }
        let lines_before = open.lines;
        open.lines += events.lines;
        Taken {
            source: open.source,
            set: open.set,
            events,
            times,
            lines_before,
            notes: Vec::new(),
            read,
        }
    }

    fn open(&mut self, feed: &Feed) -> &mut Open {
        if !self.open.contains_key(&feed.key) {
            let source = self.know(&feed.name, &feed.set);
            self.resume(feed, source, 0);
        }
        self.open.get_mut(&feed.key).expect("it was added just now")
    }

    fn close(&mut self, feed: &Feed) {
        self.open.remove(&feed.key);
        if self.open.len() > FEEDS_MAX {
            self.open.clear();
        }
    }

    fn set(&mut self, name: &str) -> usize {
        let next = self.sets.len();
        *self.sets.entry(name.into()).or_insert(next)
    }
}
