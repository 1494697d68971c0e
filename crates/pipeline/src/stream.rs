//! One rotated set as a stream of batches in file order, read and decoded by worker threads where that pays.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Condvar, Mutex};
use std::thread::Scope;

use tunlog_decode::{Catalogue, Decoder, Facts};
use tunlog_ingest::{Chunk, Clock, Framer, Note, Problem, Source, SourceKind, SourceSpec};
use tunlog_model::{EventBatch, RecordTime, SourceId, Spans};

use crate::Settings;
use crate::packets::Packets;
use crate::stored::StoredSet;

/// Sets with a file of this many bytes are decoded by worker threads; a thread costs more than decoding less. Compressed
/// logs hold about ten times their size.
const PARALLEL_MIN: u64 = 1 << 20;

/// A stretch of one source, decoded.
pub(crate) struct Batch {
    pub source: SourceId,
    pub events: EventBatch,
    pub notes: Vec<Note>,
    /// Of events that a store kept: the time of each entry.
    pub times: Option<Vec<RecordTime>>,
}

/// What a stream hands out, in order.
pub(crate) enum Item {
    /// A source begins; its clock, unless the times of its records are decided already.
    Begin(SourceId, Option<Box<Clock>>),
    Batch(Box<Batch>),
    Problem(Problem),
}

/// Reads the sources of a set one after the other.
struct Reader<'r> {
    specs: &'r [(SourceId, SourceSpec)],
    settings: &'r Settings,
    catalogue: &'r Catalogue,
    /// The open source is a capture: it is decoded while it is read, because packets need what came before them.
    packets: Option<Box<Packets>>,
    next: usize,
    open: Option<(SourceId, Source)>,
    /// Warnings of the source that ended last, to be told one by one.
    told: Vec<Problem>,
    sequence: u64,
}

/// What the reader hands to a decoder.
enum Work {
    Begin(SourceId, Box<Clock>),
    /// Packets that are decoded already.
    Decoded(Box<Batch>),
    Chunk(SourceId, Framer, Chunk),
    Problem(Problem),
}

impl<'r> Reader<'r> {
    fn new(specs: &'r [(SourceId, SourceSpec)], catalogue: &'r Catalogue, settings: &'r Settings) -> Reader<'r> {
        Reader {
            specs,
            settings,
            catalogue,
            packets: None,
            next: 0,
            open: None,
            told: Vec::new(),
            sequence: 0,
        }
    }

    /// The next piece of work with its number, or None at the end.
    fn next(&mut self, buffer: Vec<u8>) -> Option<(u64, Work)> {
        let work = self.work(buffer)?;
        self.sequence += 1;
        Some((self.sequence - 1, work))
    }

    fn work(&mut self, buffer: Vec<u8>) -> Option<Work> {
        if let Some(problem) = self.told.pop() {
            return Some(Work::Problem(problem));
        }
        let Some((id, source)) = &mut self.open else {
            return self.open_next();
        };
        if let Some(packets) = &mut self.packets {
            if let Some(events) = packets.next(source, &mut self.told) {
                self.told.reverse();
                return Some(Work::Decoded(Box::new(Batch {
                    source: *id,
                    events,
                    notes: Vec::new(),
                    times: None,
                })));
            }
            return self.close();
        }
        match source.next_chunk(buffer) {
            Ok(Some(chunk)) => Some(Work::Chunk(*id, source.framer(), chunk)),
            Err(problem) => Some(Work::Problem(problem)),
            Ok(None) => self.close(),
        }
    }

    /// The open source is over.
    fn close(&mut self) -> Option<Work> {
        if let Some((_, mut source)) = self.open.take() {
            self.told.extend(source.problems());
            self.told.reverse();
        }
        self.packets = None;
        self.work(Vec::new())
    }

    fn open_next(&mut self) -> Option<Work> {
        let (id, spec) = self.specs.get(self.next)?;
        self.next += 1;
        match Source::open(spec, &self.settings.ingest) {
            Ok(source) => {
                let clock = Box::new(source.clock());
                self.packets = source
                    .capture()
                    .map(|capture| Box::new(Packets::new(&spec.name, capture, self.catalogue, self.settings.keep())));
                self.open = Some((*id, source));
                Some(Work::Begin(*id, clock))
            }
            Err(problem) => Some(Work::Problem(problem)),
        }
    }
}

/// Decodes pieces of work on one thread, one after the other.
struct Worker<'c> {
    decoder: Decoder<'c>,
    catalogue: &'c Catalogue,
    facts: Facts<'c>,
}

impl<'c> Worker<'c> {
    fn new(catalogue: &'c Catalogue, settings: &Settings) -> Worker<'c> {
        Worker {
            decoder: Decoder::new(catalogue, settings.keep()),
            catalogue,
            facts: Facts::of(catalogue, settings.keep()),
        }
    }

    /// Decodes one piece of work.
    fn decode(&mut self, work: Work, mut events: EventBatch) -> Item {
        let (source, framer, chunk) = match work {
            Work::Begin(source, clock) => return Item::Begin(source, Some(clock)),
            Work::Problem(problem) => return Item::Problem(problem),
            Work::Decoded(batch) => return Item::Batch(batch),
            Work::Chunk(source, framer, chunk) => (source, framer, chunk),
        };
        events.begin(chunk.bytes.len());
        let spans = Spans::of(&chunk.bytes);
        let decoder = &mut self.decoder;
        let cut = if decoder.keeps_all() {
            framer.cut(&chunk, self.catalogue, &mut |record| {
                decoder.decode(record, &spans, &mut events)
            })
        } else {
            let facts = &self.facts;
            facts.begin();
            framer.cut(&chunk, facts, &mut |record| {
                decoder.decode(record, &spans, &mut events);
                facts.note(events.entries.last());
            })
        };
        events.records += cut.chatter;
        events.lines = cut.lines;
        events.give_bytes(chunk.bytes);
        Item::Batch(Box::new(Batch {
            source,
            events,
            notes: cut.notes,
            times: None,
        }))
    }
}

/// A set's items in order.
pub(crate) struct Stream<'s> {
    kind: Kind<'s>,
}

enum Kind<'s> {
    /// Read and decoded when asked.
    Inline {
        reader: Box<Reader<'s>>,
        worker: Box<Worker<'s>>,
        spare: EventBatch,
    },
    /// Made again of what a store keeps.
    Stored(Box<StoredSet<'s>>),
    /// Decoded by workers, and by whoever asks while what he asks for is not ready: waking him for each item would cost
    /// more. Items that come early wait.
    Threaded {
        results: Receiver<(u64, Item)>,
        early: BTreeMap<u64, Item>,
        next: u64,
        shared: &'s Shared<'s>,
        worker: Box<Worker<'s>>,
        /// The reader has nothing more.
        read: bool,
    },
}

/// What threads of one set share; lives outside the thread scope.
pub(crate) struct Shared<'r> {
    reader: Mutex<Reader<'r>>,
    spare: Mutex<Vec<EventBatch>>,
    /// How many items were told, and how many workers wait for more to be. A worker does not run far ahead: while another
    /// one is kept waiting by the system, what comes early would pile up.
    told: Mutex<(u64, usize)>,
    progress: Condvar,
}

/// How many items a worker may be ahead.
const AHEAD_MAX: u64 = 3;

impl<'r> Shared<'r> {
    /// A batch that was given back, or a new one.
    fn spare(&self) -> EventBatch {
        let spare = self.spare.lock().ok().and_then(|mut spare| spare.pop());
        spare.unwrap_or_default()
    }

    /// The next piece of work. Whoever reads keeps the others from it until the piece is there.
    fn work(&self, buffer: Vec<u8>) -> Option<(u64, Work)> {
        self.reader.lock().ok().and_then(|mut reader| reader.next(buffer))
    }

    pub(crate) fn new(
        specs: &'r [(SourceId, SourceSpec)],
        catalogue: &'r Catalogue,
        settings: &'r Settings,
    ) -> Shared<'r> {
        let reader = Reader::new(specs, catalogue, settings);
        Shared {
            reader: Mutex::new(reader),
            spare: Mutex::new(Vec::new()),
            told: Mutex::new((0, 0)),
            progress: Condvar::new(),
        }
    }

    fn tell(&self, told: u64) {
        let waiting = self.told.lock().is_ok_and(|mut known| {
            known.0 = told;
            known.1 > 0
        });
        // waking nobody costs a system call as well
        if waiting {
            self.progress.notify_all();
        }
    }

    /// Waits until item `number` is not far ahead. The oldest one never waits, so there is no deadlock.
    fn wait_for_turn(&self, number: u64) {
        let Ok(mut told) = self.told.lock() else { return };
        while number > told.0.saturating_add(AHEAD_MAX) {
            told.1 += 1;
            let Ok(again) = self.progress.wait(told) else { return };
            told = again;
            told.1 -= 1;
        }
    }
}

/// Whether a set is worth threads.
pub(crate) fn is_large(specs: &[(SourceId, SourceSpec)]) -> bool {
    specs.iter().any(|(_, spec)| match &spec.kind {
        SourceKind::File(path) => {
            // of a capture nothing can be read before what stands in front of it
            std::fs::metadata(path).is_ok_and(|data| data.len() >= PARALLEL_MIN) && !spec.is_plain_capture()
        }
        SourceKind::Stored { .. } => false,
        _ => true,
    })
}

impl<'s> Stream<'s> {
    /// A stream that works on the caller's thread.
    pub(crate) fn inline(
        specs: &'s [(SourceId, SourceSpec)],
        catalogue: &'s Catalogue,
        settings: &'s Settings,
    ) -> Stream<'s> {
        if specs
            .iter()
            .any(|(_, spec)| matches!(spec.kind, SourceKind::Stored { .. }))
        {
            return Stream {
                kind: Kind::Stored(Box::new(StoredSet::new(specs, catalogue, settings.keep()))),
            };
        }
        Stream {
            kind: Kind::Inline {
                reader: Box::new(Reader::new(specs, catalogue, settings)),
                worker: Box::new(Worker::new(catalogue, settings)),
                spare: EventBatch::default(),
            },
        }
    }

    /// A stream with `workers` threads beside the caller's.
    pub(crate) fn threaded<'scope>(
        scope: &'scope Scope<'scope, 's>,
        shared: &'s Shared<'s>,
        catalogue: &'s Catalogue,
        settings: &'s Settings,
        workers: usize,
    ) -> Stream<'s> {
        // a worker hands over what it has while the caller decodes
        let (sender, results) = sync_channel(AHEAD_MAX as usize);
        for _ in 0..workers {
            let sender = sender.clone();
            scope.spawn(move || work(shared, catalogue, settings, &sender));
        }
        Stream {
            kind: Kind::Threaded {
                results,
                early: BTreeMap::new(),
                next: 0,
                shared,
                worker: Box::new(Worker::new(catalogue, settings)),
                read: false,
            },
        }
    }

    /// The next item in file order; None at the end of the set.
    pub(crate) fn next(&mut self) -> Option<Item> {
        match &mut self.kind {
            Kind::Inline { reader, worker, spare } => {
                let (_, work) = reader.next(spare.take_buffer())?;
                Some(worker.decode(work, std::mem::take(spare)))
            }
            Kind::Stored(set) => set.next(),
            Kind::Threaded {
                results,
                early,
                next,
                shared,
                worker,
                read,
            } => loop {
                early.extend(results.try_iter());
                if let Some(item) = early.remove(next) {
                    *next += 1;
                    shared.tell(*next);
                    return Some(item);
                }
                if *read || early.len() as u64 >= AHEAD_MAX {
                    early.extend([results.recv().ok()?]);
                    continue;
                }
                let mut batch = shared.spare();
                let work = shared.work(batch.take_buffer());
                *read = work.is_none();
                if let Some((number, work)) = work {
                    early.insert(number, worker.decode(work, batch));
                }
            },
        }
    }

    /// Gives a batch back, so that its room is used again.
    pub(crate) fn recycle(&mut self, batch: EventBatch) {
        match &mut self.kind {
            Kind::Inline { spare, .. } => *spare = batch,
            Kind::Stored(_) => {}
            Kind::Threaded { shared, .. } => {
                if let Ok(mut spare) = shared.spare.lock()
                    && spare.len() < 4
                {
                    spare.push(batch);
                }
            }
        }
    }
}

impl Drop for Stream<'_> {
    /// Nobody takes items any more: workers that wait may end.
    fn drop(&mut self) {
        if let Kind::Threaded { shared, .. } = &self.kind {
            shared.tell(u64::MAX);
        }
    }
}

/// A worker: reads the next chunk while it holds the reader, decodes it while others read.
fn work(shared: &Shared<'_>, catalogue: &Catalogue, settings: &Settings, results: &SyncSender<(u64, Item)>) {
    let mut worker = Worker::new(catalogue, settings);
    loop {
        let mut batch = shared.spare();
        let buffer = batch.take_buffer();
        let Some((number, work)) = shared.work(buffer) else {
            return;
        };
        shared.wait_for_turn(number);
        let item = worker.decode(work, batch);
        if results.send((number, item)).is_err() {
            return;
        }
    }
}
