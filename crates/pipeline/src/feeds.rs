//! What live sources hand over becomes events with times: one decoder for all feeds, one clock for each.

use std::collections::HashMap;
use std::ops::Range;
use std::time::Instant;

use tunlog_decode::{Catalogue, Decoder};
use tunlog_ingest::{Arrival, Clock, Feed, Note, Problem, What};
use tunlog_model::{Assumed, EventBatch, RecordTime, SourceId, Spans, Stamp};

use crate::Settings;
use crate::packets::LivePackets;

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
    /// The numbers that a store gave to the records that it made of it.
    pub seqs: Range<u64>,
}

/// The state of one feed.
struct Open {
    source: SourceId,
    set: usize,
    clock: Option<Clock>,
    lines: u64,
    time: Option<RecordTime>,
    packets: Option<Box<LivePackets>>,
}

/// What came of an arrival.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Its records.
    pub taken: Option<Taken>,
    /// Things to tell.
    pub problems: Vec<Problem>,
}

/// Decodes what arrives and decides its times.
pub struct Feeds<'c> {
    catalogue: &'c Catalogue,
    keep: tunlog_decode::Keep,
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
            keep: settings.keep(),
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
            packets: None,
        };
        self.open.insert(feed.key.clone(), open);
    }

    /// A feed begins that nobody knows; the number of its source.
    pub fn begin(&mut self, feed: &Feed) -> SourceId {
        let source = self.know(&feed.name, &feed.set);
        self.resume(feed, source, 0);
        source
    }

    /// How many lines of a feed were taken in.
    pub fn lines(&self, feed: &Feed) -> u64 {
        self.open.get(&feed.key).map_or(0, |open| open.lines)
    }

    /// The source that a feed is.
    pub fn source_of(&self, feed: &Feed) -> Option<SourceId> {
        self.open.get(&feed.key).map(|open| open.source)
    }

    /// Names of the sources so far.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How many sources were named so far.
    pub fn sources_len(&self) -> usize {
        self.names.len()
    }

    /// Takes an arrival in.
    pub fn take(&mut self, arrival: Arrival) -> Outcome {
        let feed = &*arrival.feed;
        let read = Instant::now();
        match arrival.what {
            What::Begin(clock) => self.open(feed).clock = Some(*clock),
            What::Chunk(chunk, framer) => {
                let mut events = EventBatch::over(chunk.bytes.len());
                let spans = Spans::of(&chunk.bytes);
                let (decoder, catalogue) = (&mut self.decoder, self.catalogue);
                let cut = framer.cut(&chunk, catalogue, &mut |record| {
                    decoder.decode(record, &spans, &mut events)
                });
                events.give_bytes(chunk.bytes);
                events.lines = cut.lines;
                events.records += cut.chatter;
                let mut taken = self.timed(feed, events, read);
                taken.notes = cut.notes;
                return Outcome {
                    taken: Some(taken),
                    problems: Vec::new(),
                };
            }
            What::Capture(bytes) => {
                let (catalogue, keep) = (self.catalogue, self.keep);
                let packets = self.open(feed).packets.get_or_insert_with(|| {
                    let packets = LivePackets::new(&feed.name, catalogue, keep);
                    Box::new(packets)
                });
                let (events, problems) = packets.push(&bytes);
                return self.of_packets(feed, events, problems, read);
            }
            What::Problem(_) | What::Position | What::Lost(..) => {}
            What::End => {
                let ended = self.open(feed).packets.take().map(|mut packets| packets.end());
                let outcome = ended.map(|(events, problems)| self.of_packets(feed, events, problems, read));
                self.close(feed);
                return outcome.unwrap_or_default();
            }
        }
        Outcome::default()
    }

    fn of_packets(&mut self, feed: &Feed, events: EventBatch, problems: Vec<Problem>, read: Instant) -> Outcome {
        Outcome {
            taken: Some(self.timed(feed, events, read)),
            problems,
        }
    }

    /// Numbers the entries of a batch and decides their times.
    pub fn timed(&mut self, feed: &Feed, mut events: EventBatch, read: Instant) -> Taken {
        let open = self.open(feed);
        let mut times = Vec::with_capacity(events.entries.len());
        for entry in &mut events.entries {
            *entry.line_mut() += open.lines;
            open.time = match (&mut open.clock, entry.stamp()) {
                (Some(clock), Some(stamp)) => Some(clock.resolve(stamp)),
                // a packet's is complete
                (None, Some(Stamp::Instant(micros))) => Some(RecordTime {
                    micros,
                    assumed: Assumed::default(),
                }),
                _ => open.time,
            };
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
            seqs: 0..0,
        }
    }

    fn open(&mut self, feed: &Feed) -> &mut Open {
        if !self.open.contains_key(&feed.key) {
            self.begin(feed);
        }
        let set = self.set(&feed.set);
        // it was added just now
        self.open.entry(feed.key.clone()).or_insert(Open {
            source: SourceId(0),
            set,
            clock: None,
            lines: 0,
            time: None,
            packets: None,
        })
    }

    fn close(&mut self, feed: &Feed) {
        self.open.remove(&feed.key);
    }

    fn set(&mut self, name: &str) -> usize {
        let next = self.sets.len();
        *self.sets.entry(name.into()).or_insert(next)
    }
}
