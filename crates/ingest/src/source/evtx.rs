//! A Windows event log as a file: its header, the order of its chunks, and what is missing of it.
//!
//! A log of limited size goes round: its newest chunks may stand in front of the oldest. Chunks are handed out oldest first. A
//! compressed log is read twice for that where it must be; standard input cannot be, and is read as it comes.

use std::io::{Seek as _, SeekFrom};

use super::{Chunk, EvtxPlace, Input, SourceKind, SourceSpec, open_input, read_at, read_head};
use crate::error::io_cause;
use crate::framing::windows::evtx::{CHUNK_BYTES, RECORDS_MAX, place_of};
use crate::{Problem, ProblemKind};

/// What a log begins with.
const MAGIC: &[u8] = b"ElfFile\0";

/// What a chunk of it begins with.
const CHUNK_MAGIC: &[u8] = b"ElfChnk\0";

/// Bytes in front of the first chunk.
const HEADER_BYTES: usize = 4096;

/// Bytes of a chunk that tell which records it holds.
const CHUNK_HEAD_BYTES: usize = 48;

/// Chunks of the log that are handed out at once: as much as a stretch of text.
const AT_ONCE: usize = 4;

/// Most places with damaged chunks that are named one by one.
const NAMED_MAX: usize = 100;

/// Whether an input begins like an event log.
pub(crate) fn looks_like(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

/// What the file's header says.
struct Header {
    /// Number of the chunk that is the oldest.
    first_chunk: u64,
    next_record: u64,
    chunks: u64,
    /// The log was not closed: the header is older than the chunks.
    dirty: bool,
}

/// A chunk of the log as it stands in the file.
struct Block {
    number: u64,
    bytes: Vec<u8>,
    /// The file ends within it; the rest is zeros.
    partial: bool,
}

/// A log that is being read.
pub(crate) struct EvtxFile {
    spec: SourceSpec,
    input: Input,
    /// Bytes that were read to know the input, and are not used yet.
    head: Vec<u8>,
    header: Header,
    /// Number of the oldest chunk; what stands before it comes last.
    start: u64,
    /// Number of the chunk that is read next.
    at: u64,
    /// Reading the chunks in front of the oldest.
    second_part: bool,
    carry: Option<Block>,
    /// Whole chunks that the file was seen to hold, used or not.
    whole: u64,
    /// Number of the last record of the chunks so far.
    last_record: Option<u64>,
    /// The first of the damaged chunks behind the last good one, and how many they are.
    damaged: Option<(u64, u64)>,
    /// Places with damaged chunks so far.
    places: usize,
    over: bool,
    problems: Vec<Problem>,
}

impl EvtxFile {
    /// A log whose first bytes were read.
    pub fn open(spec: &SourceSpec, input: Input, head: Vec<u8>) -> Result<EvtxFile, Problem> {
        if head.len() < HEADER_BYTES {
            let cause = "cut short: the event log ends within its header, there are no records";
            return Err(Problem::error(spec.name.as_str(), cause));
        }
        let mut problems = Vec::new();
        let header = read_header(&head, &spec.name, &mut problems);
        let mut file = EvtxFile {
            spec: spec.clone(),
            input,
            head: head[HEADER_BYTES..].to_vec(),
            start: 0,
            header,
            at: 0,
            second_part: false,
            carry: None,
            whole: 0,
            last_record: None,
            damaged: None,
            places: 0,
            over: false,
            problems,
        };
        file.find_start()?;
        Ok(file)
    }

    /// Decides which chunk is the oldest and goes there.
    fn find_start(&mut self) -> Result<(), Problem> {
        if !self.header.dirty && self.header.first_chunk == 0 {
            return Ok(());
        }
        if self.spec.kind == SourceKind::Stdin {
            if self.header.first_chunk > 0 {
                let cause =
                    "the event log went round, and standard input is read in one go: its newest records come first";
                self.problems.push(Problem::warning(self.spec.name.as_str(), cause));
            }
            return Ok(());
        }
        self.start = match self.header.dirty {
            true => survey(&self.spec),
            false => Some(self.header.first_chunk).filter(|first| *first < self.header.chunks),
        }
        .unwrap_or(0);
        if self.start > 0 {
            self.go_to(self.start)?;
        }
        Ok(())
    }

    /// Opens the input anew and passes over the chunks before one.
    fn go_to(&mut self, chunk: u64) -> Result<(), Problem> {
        (self.input, _) = open_input(&self.spec)?;
        self.head.clear();
        self.at = chunk;
        let offset = HEADER_BYTES as u64 + chunk * CHUNK_BYTES as u64;
        let passed = match &mut self.input {
            Input::File(file) => file.seek(SeekFrom::Start(offset)).map(drop),
            input => pass_over(input, offset),
        };
        passed.map_err(|error| Problem::io(self.spec.name.as_str(), &error))
    }

    /// The next stretch of chunks that follow each other; a last one that is cut short comes alone. None at the end.
    pub fn next(&mut self, mut buffer: Vec<u8>) -> Option<Chunk> {
        buffer.clear();
        let mut place = EvtxPlace::default();
        while buffer.len() < AT_ONCE * CHUNK_BYTES {
            let Some(block) = self.carry.take().or_else(|| self.block()) else {
                break;
            };
            if buffer.is_empty() {
                place = EvtxPlace {
                    first: block.number,
                    partial: block.partial,
                };
            } else if block.partial || place.first + (buffer.len() / CHUNK_BYTES) as u64 != block.number {
                self.carry = Some(block);
                break;
            }
            buffer.extend_from_slice(&block.bytes);
            if block.partial {
                break;
            }
        }
        (!buffer.is_empty()).then(|| Chunk::evtx(buffer, place))
    }

    /// What is to be told since the last call.
    pub fn problems(&mut self) -> Vec<Problem> {
        let warnings = self.input.take_warnings();
        let name = self.spec.name.as_str();
        self.problems
            .extend(warnings.into_iter().map(|cause| Problem::warning(name, cause)));
        std::mem::take(&mut self.problems)
    }

    /// The next chunk that is used.
    fn block(&mut self) -> Option<Block> {
        while !self.over {
            if self.second_part && self.at == self.start {
                self.finish();
                break;
            }
            let mut bytes = vec![0; CHUNK_BYTES];
            let filled = self.fill(&mut bytes);
            let (number, partial) = (self.at, filled < CHUNK_BYTES);
            self.at += 1;
            if !partial {
                self.whole += 1;
            }
            let used = bytes[..filled.min(512)].iter().any(|byte| *byte != 0);
            let good = bytes.starts_with(CHUNK_MAGIC);
            if good {
                self.account(&bytes);
            } else if used {
                let count = self.damaged.map_or(0, |(_, count)| count);
                self.damaged = Some((self.damaged.map_or(number, |(first, _)| first), count + 1));
            }
            if partial {
                self.end_of_file();
            }
            if good {
                return Some(Block { number, bytes, partial });
            }
        }
        None
    }

    /// Reads a chunk; how many bytes there were.
    fn fill(&mut self, bytes: &mut [u8]) -> usize {
        let mut filled = self.head.len().min(bytes.len());
        bytes[..filled].copy_from_slice(&self.head[..filled]);
        self.head.drain(..filled);
        while filled < bytes.len() {
            match self.input.read(&mut bytes[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) => {
                    let problem = Problem::error(self.spec.name.as_str(), io_cause(&error));
                    self.problems.push(problem);
                    break;
                }
            }
        }
        // decompressors may use all of the room that they are given, and not only what they say they filled
        bytes[filled..].fill(0);
        filled
    }

    /// The file ends; perhaps the chunks in front of the oldest are still to be read.
    fn end_of_file(&mut self) {
        if self.start > 0 && !self.second_part {
            self.second_part = true;
            match self.go_to(0) {
                Ok(()) => return,
                Err(problem) => self.problems.push(problem),
            }
        }
        self.finish();
    }

    /// Takes note of which records a chunk holds, and of what is missing in front of it.
    fn account(&mut self, chunk: &[u8]) {
        let (first, last) = (u64_at(chunk, 8), u64_at(chunk, 16));
        self.tell_damaged(first.checked_sub(1));
        if first <= last && last < u64::MAX {
            self.last_record = Some(last);
        }
    }

    /// Tells of the damaged chunks behind the last good one; `before` is the record in front of the next good one.
    fn tell_damaged(&mut self, before: Option<u64>) {
        let Some((first, count)) = self.damaged.take() else {
            return;
        };
        self.places += 1;
        if self.places > NAMED_MAX {
            return;
        }
        let lost = match lost(self.last_record, before, count) {
            Some((from, to)) => format!("records {from} to {to} are lost ({})", to - from + 1),
            None => "how many records are lost is not known".to_string(),
        };
        let chunks = if count == 1 {
            "no chunk's header".to_string()
        } else {
            format!("{count} chunks without header")
        };
        let problem = Problem::error(self.spec.name.as_str(), format!("{chunks}: {lost}"));
        self.problems.push(problem.at(place_of(first)));
    }

    /// All was read: compares it with what the header announced.
    fn finish(&mut self) {
        self.over = true;
        let newest = self.header.next_record.checked_sub(1);
        self.tell_damaged(newest);
        let name = self.spec.name.as_str();
        if self.places > NAMED_MAX {
            let cause = format!("{} more places with damaged chunks", self.places - NAMED_MAX);
            self.problems.push(Problem::error(name, cause));
        }
        if self.whole >= self.header.chunks {
            return;
        }
        let missing = match lost(self.last_record.or(Some(0)), newest, self.header.chunks - self.whole) {
            Some((from, to)) => format!("records {from} to {to} are missing ({})", to - from + 1),
            None => "how many records are missing is not known".to_string(),
        };
        let cause = format!(
            "cut short: the header announces {} chunks, {} whole ones are there; {missing}",
            self.header.chunks, self.whole
        );
        self.problems.push(Problem::error(name, cause));
    }
}

/// The first and the last record between two that are known, if so many chunks can have held them: damaged numbers cannot be
/// believed.
fn lost(last: Option<u64>, before: Option<u64>, chunks: u64) -> Option<(u64, u64)> {
    let (last, to) = (last?, before?);
    let count = to.checked_sub(last)?;
    (count > 0 && count <= RECORDS_MAX.saturating_mul(chunks)).then_some((last + 1, to))
}

fn read_header(head: &[u8], name: &str, problems: &mut Vec<Problem>) -> Header {
    let mut tell = |kind, cause: &str| {
        problems.push(Problem {
            kind,
            ..Problem::error(name, cause)
        });
    };
    let header = Header {
        first_chunk: u64_at(head, 8),
        next_record: u64_at(head, 24),
        chunks: u64_at(head, 40) >> 16 & 0xffff,
        dirty: head[120] & 1 == 1,
    };
    let stored = u64_at(head, 120) >> 32;
    if u64::from(evtx::checksum_ieee(&head[..120])) != stored {
        tell(
            ProblemKind::Warning,
            "the checksum of the file's header is wrong: what it says of missing records may be wrong, too",
        );
    }
    if header.dirty {
        tell(
            ProblemKind::Note,
            "the event log was not closed (it was copied while Windows wrote to it): its last records may be missing",
        );
    }
    header
}

/// Looks at the headers of all chunks: the number of the first behind which the records begin anew. None if they do not.
fn survey(spec: &SourceSpec) -> Option<u64> {
    let (mut input, _) = open_input(spec).ok()?;
    let mut before: Option<u64> = None;
    let mut skip = HEADER_BYTES as u64;
    for number in 0.. {
        let mut head = Vec::new();
        match &mut input {
            Input::File(file) => {
                head.resize(CHUNK_HEAD_BYTES, 0);
                let read = read_at(file, &mut head, HEADER_BYTES as u64 + number * CHUNK_BYTES as u64).ok()?;
                head.truncate(read);
            }
            input => {
                pass_over(input, skip).ok()?;
                skip = (CHUNK_BYTES - CHUNK_HEAD_BYTES) as u64;
                read_head(input, &mut head, CHUNK_HEAD_BYTES).ok()?;
            }
        }
        if head.len() < CHUNK_HEAD_BYTES {
            return None;
        }
        if !head.starts_with(CHUNK_MAGIC) {
            continue;
        }
        let first = u64_at(&head, 8);
        if before.is_some_and(|before| first < before) {
            return Some(number);
        }
        before = Some(first);
    }
    None
}

/// Reads and forgets so many bytes, or up to the end.
fn pass_over(input: &mut Input, mut bytes: u64) -> std::io::Result<()> {
    let mut block = vec![0; CHUNK_BYTES];
    while bytes > 0 {
        let wanted = bytes.min(block.len() as u64) as usize;
        match input.read(&mut block[..wanted])? {
            0 => break,
            read => bytes -= read as u64,
        }
    }
    Ok(())
}

/// A 64-bit number at an offset; 0 where there is none.
fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let number = bytes.get(at..at + 8).and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
    number.map_or(0, u64::from_le_bytes)
}
