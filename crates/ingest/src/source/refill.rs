//! Cuts the byte stream of a source into chunks that end at a record boundary, whatever the length of its lines.

use memchr::{memchr, memmem, memrchr};

use super::{Chunk, Input};
use crate::framing::w3c::Headers;
use crate::framing::{self, Format};

/// Usual size of a chunk, bytes.
pub(crate) const CHUNK_BYTES: usize = 256 * 1024;

/// How far back a chunk's end is moved for the sake of a record of several lines, bytes.
const BACKWARD_BYTES: usize = 64 * 1024;

/// What is read but not yet delivered.
pub(crate) struct Refill {
    carry: Vec<u8>,
    format: Format,
    /// Any place will do to cut.
    anywhere: bool,
    ended: bool,
    /// After a read error: deliver whole records only.
    stopped: bool,
    line_bytes_max: usize,
    chunk_bytes: usize,
    headers: Headers,
}

impl Refill {
    pub(crate) fn new(head: Vec<u8>, format: Format, line_bytes_max: usize) -> Refill {
        let chunk_bytes = CHUNK_BYTES.max(line_bytes_max.saturating_mul(2).min(64 * CHUNK_BYTES));
        Refill {
            carry: head,
            format,
            anywhere: false,
            ended: false,
            stopped: false,
            line_bytes_max,
            chunk_bytes,
            headers: Headers::default(),
        }
    }

    /// For a capture: whoever reads it puts records together himself.
    pub(crate) fn of_capture(head: Vec<u8>) -> Refill {
        Refill {
            anywhere: true,
            ..Refill::new(head, Format::Lines, 0)
        }
    }

    /// No more reading: an error came.
    pub(crate) fn stop(&mut self) {
        self.stopped = true;
        self.ended = true;
    }

    /// What is read but not delivered.
    pub(crate) fn pending(&self) -> &[u8] {
        &self.carry
    }

    /// Reads until `bytes` are pending or the end is reached.
    pub(crate) fn look_ahead(&mut self, input: &mut Input, bytes: usize) -> std::io::Result<()> {
        if self.ended || self.carry.len() >= bytes {
            return Ok(());
        }
        let result = super::read_head(input, &mut self.carry, bytes);
        self.ended = result.is_ok() && self.carry.len() < bytes;
        result
    }

    /// The next chunk. After an error, `stop` and call again for the whole records that came before it.
    pub(crate) fn next(&mut self, input: &mut Input, buffer: Vec<u8>) -> std::io::Result<Option<Chunk>> {
        let mut next = self.stretch(input, buffer)?;
        if let Some(chunk) = next.as_mut().filter(|_| !self.anywhere && self.format == Format::Lines) {
            chunk.layout = self.headers.before(&chunk.bytes);
        }
        Ok(next)
    }

    fn stretch(&mut self, input: &mut Input, mut buffer: Vec<u8>) -> std::io::Result<Option<Chunk>> {
        let mut hole = 0;
        loop {
            let filled = self.fill(input, &mut buffer)?;
            if filled == 0 {
                return Ok(None);
            }
            buffer.truncate(filled);
            if let Some(end) = self.boundary(&buffer) {
                if end == 0 {
                    return Ok(None); // a half record before an error
                }
                self.carry.splice(..0, buffer[end..].iter().copied());
                buffer.truncate(end);
                return Ok(Some(chunk(buffer, hole)));
            }
            if let Some(chunk) = self.oversize(input, &mut buffer, &mut hole)? {
                return Ok(Some(chunk));
            }
        }
    }

    /// Fills the buffer from the carry and the input. The buffer's old length is kept where it can be, because making it
    /// longer means writing zeros.
    fn fill(&mut self, input: &mut Input, buffer: &mut Vec<u8>) -> std::io::Result<usize> {
        let mut filled = self.carry.len().min(self.chunk_bytes);
        buffer.resize(self.chunk_bytes, 0);
        buffer[..filled].copy_from_slice(&self.carry[..filled]);
        self.carry.drain(..filled);
        while filled < buffer.len() && !self.ended && self.carry.is_empty() {
            match input.read(&mut buffer[filled..]) {
                Ok(0) => self.ended = true,
                Ok(read) => filled += read,
                Err(error) => {
                    self.carry.splice(..0, buffer[..filled].iter().copied());
                    return Err(error);
                }
            }
        }
        Ok(filled)
    }

    /// Where the chunk ends: behind a record. None: not even one record is in it.
    fn boundary(&self, bytes: &[u8]) -> Option<usize> {
        let last = self.ended && self.carry.is_empty();
        if self.anywhere || (last && !self.stopped) {
            return Some(bytes.len());
        }
        let end = match self.format {
            Format::JournalExport => framing::journal_export::last_end(bytes),
            Format::JsonDocument => framing::json_document::last_end(bytes),
            Format::EventXml => framing::windows::xml::last_end(bytes),
            Format::Lines | Format::Evtx if last => memrchr(b'\n', bytes).map_or(0, |at| at + 1),
            Format::Lines | Format::Evtx => line_boundary(bytes),
        };
        (end > 0 || last).then_some(end)
    }

    /// A record longer than the buffer: its beginning is kept, the rest is read and forgotten. A hole of NULs in front
    /// of it is only counted. None: the buffer was all hole, and the next bytes are to be read.
    fn oversize(&mut self, input: &mut Input, buffer: &mut Vec<u8>, hole: &mut u64) -> std::io::Result<Option<Chunk>> {
        let nuls = buffer.iter().take_while(|byte| **byte == 0).count();
        if nuls > 1 {
            *hole += (nuls - 1) as u64;
            self.carry.splice(..0, buffer[nuls - 1..].iter().copied());
            return Ok(None);
        }
        if self.format != Format::Lines {
            // No record of these is that long; what follows is read as new records from the next beginning of one on.
            return Ok(Some(chunk(std::mem::take(buffer), *hole)));
        }
        buffer.truncate(self.line_bytes_max + 1);
        let mut block = vec![0; 64 * 1024];
        while !self.ended {
            let (block, read) = if self.carry.is_empty() {
                let read = input.read(&mut block)?;
                (&block[..read], read)
            } else {
                block = std::mem::take(&mut self.carry);
                (&block[..], block.len())
            };
            self.ended = read == 0;
            if let Some(at) = memchr(b'\n', block) {
                self.carry = block[at + 1..].to_vec();
                break;
            }
        }
        buffer.push(b'\n');
        Ok(Some(chunk(std::mem::take(buffer), *hole)))
    }
}

fn chunk(bytes: Vec<u8>, hole: u64) -> Chunk {
    Chunk {
        hole,
        ..Chunk::new(bytes)
    }
}

/// Most lines without a header that are kept with the line before them: a broken line has no more.
const BARE_LINES_MAX: usize = 4;

/// The end of the last line that is surely no part of what follows: records of several lines (RADIUS detail, RouterOS
/// pairs, Samba's messages, indented XML) and lines that were broken stay whole, and a `last message repeated` stays with the line before
/// it.
fn line_boundary(bytes: &[u8]) -> usize {
    let Some(newline) = memrchr(b'\n', bytes) else { return 0 };
    let whole = newline + 1;
    let mut start = line_start(bytes, newline);
    let mut bare = 0;
    while start > 0 && whole - start < BACKWARD_BYTES {
        let line = &bytes[start..whole];
        if !continues(line) {
            bare += 1;
            if bare > BARE_LINES_MAX || framing::has_header(line) {
                return start;
            }
        }
        start = line_start(bytes, start - 1);
    }
    whole
}

fn line_start(bytes: &[u8], newline: usize) -> usize {
    memrchr(b'\n', &bytes[..newline]).map_or(0, |at| at + 1)
}

/// Whether a line may belong to the record before it.
fn continues(line: &[u8]) -> bool {
    let line = &line[..line.len().min(300)];
    let first = line.iter().position(|byte| *byte != b' ').unwrap_or(line.len());
    matches!(line.get(first), Some(b'\t' | b'\n' | b'\r'))
        || first >= 2
        || (first > 0 && line[first..].starts_with(b"<"))
        || line.starts_with(b"</Event>")
        || line[first..].starts_with(b"message=")
        || memmem::find(line, b"message repeated ").is_some()
}

/// Where a record of several lines begins that the end of `bytes` (whole lines) leaves unfinished.
pub(crate) fn in_unfinished_block(bytes: &[u8]) -> Option<usize> {
    let whole = bytes.len();
    let mut start = line_start(bytes, whole.checked_sub(1)?);
    while whole - start < BACKWARD_BYTES {
        let line = &bytes[start..whole];
        if framing::begins_block(line) {
            return Some(start);
        }
        if line.first() != Some(&b'\t') || start == 0 {
            return None;
        }
        start = line_start(bytes, start - 1);
    }
    None
}
