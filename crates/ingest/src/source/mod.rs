//! Where bytes come from.

pub mod archive;
pub(crate) mod compressed;
pub mod discover;
mod evtx;
pub(crate) mod journald;
pub(crate) mod refill;
pub(crate) mod rotated;
pub(crate) mod sniff;
pub(crate) mod utf16;

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use crate::error::io_cause;
use crate::framing::w3c::Layout;
use crate::framing::{Format, Framer};
use crate::time::{Clock, Reference};
use crate::{Capture, Options, Problem};
use compressed::{Codec, Decompressed, Peek};
use evtx::EvtxFile;
use refill::Refill;
pub use rotated::SetPlace;
use sniff::{Content, HEAD_BYTES};
use utf16::Utf16;

/// One input, before it is opened.
#[derive(Clone, Debug)]
pub struct SourceSpec {
    /// The name printed in evidence and messages.
    pub name: String,
    /// Sources of one rotated set share it, listed oldest first; different sets are merged by time.
    pub set: usize,
    /// How to open it.
    pub kind: SourceKind,
    /// Its place in a rotated set, for the years; None if it stands alone.
    pub place: Option<SetPlace>,
    /// Who wants to see its bytes as they are read.
    pub tap: Option<Tap>,
}

/// Sees the bytes of an input (decompressed) as they are read, in order.
pub trait Listen: Send {
    /// The next ones.
    fn bytes(&mut self, bytes: &[u8]);
    /// There are no more.
    fn end(&mut self);
}

/// Who sees the bytes of an input.
#[derive(Clone)]
pub struct Tap(pub Arc<Mutex<dyn Listen>>);

impl std::fmt::Debug for Tap {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Tap")
    }
}

impl Tap {
    fn told(&self, bytes: &[u8]) {
        if let Ok(mut listener) = self.0.lock() {
            match bytes {
                [] => listener.end(),
                _ => listener.bytes(bytes),
            }
        }
    }
}

impl SourceSpec {
    /// A source that belongs to no rotated set.
    pub fn new(name: impl Into<String>, set: usize, kind: SourceKind) -> SourceSpec {
        SourceSpec {
            name: name.into(),
            set,
            kind,
            place: None,
            tap: None,
        }
    }
}

impl SourceSpec {
    /// Whether it is a plain file that begins like a packet capture: such a one is read in order, by one thread.
    pub fn is_plain_capture(&self) -> bool {
        let path = match &self.kind {
            SourceKind::File(path) => path,
            SourceKind::Stored { capture, .. } => return *capture,
            _ => return false,
        };
        let mut head = [0; 4];
        let read = File::open(path).and_then(|file| read_at(&file, &mut head, 0));
        read.is_ok_and(|read| crate::capture::is_capture(&head[..read]))
    }
}

/// What kind of input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// A file, perhaps compressed.
    File(PathBuf),
    /// Standard input.
    Stdin,
    /// A member of a zip archive: the archive and the member's index.
    ZipMember(PathBuf, usize),
    /// The machine's journal, by way of `journalctl`.
    Journal,
    /// A journal file, by way of `journalctl --file`.
    JournalFile(PathBuf),
    /// A source that a store keeps, by its number there: its events are decoded and timed already, and it is not for this crate
    /// to read.
    Stored {
        /** The store. */
        folder: PathBuf,
        /** Its number in the store. */
        source: u64,
        /** It was a packet capture. */
        capture: bool,
        /** Only its records from this number on, and below that one. */
        numbers: std::ops::Range<u64>,
        /** What is sealed and ends before this time (microseconds UTC) may be left out, below this number. */
        since: Option<(i64, u64)>,
    },
}

/// A stretch of whole records.
#[derive(Debug, Default)]
pub struct Chunk {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// NUL bytes of a hole that stood before the first byte and were not kept.
    pub(crate) hole: u64,
    /// The order of columns that an earlier chunk's header told, if the source is a log of that kind.
    pub(crate) layout: Option<Arc<Layout>>,
    /// Which chunks of an event log these are.
    pub(crate) place: EvtxPlace,
}

/// Which chunks of an event log a stretch holds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EvtxPlace {
    /// Number of the first one in the file, from 0.
    pub first: u64,
    /// The file ends within it.
    pub partial: bool,
}

impl Chunk {
    /// A chunk of bytes that came from elsewhere (a test, a network listener); whole records.
    pub fn new(bytes: Vec<u8>) -> Chunk {
        Chunk {
            bytes,
            ..Chunk::default()
        }
    }

    /// Whole chunks of an event log.
    pub(crate) fn evtx(bytes: Vec<u8>, place: EvtxPlace) -> Chunk {
        Chunk {
            place,
            ..Chunk::new(bytes)
        }
    }
}

/// Plain bytes, wherever they come from.
pub(crate) enum Input {
    Plain(Box<dyn Read + Send>),
    File(File),
    Packed(Box<Decompressed>),
    Child(journald::Child),
    Utf16(Utf16),
    Tapped(Box<Input>, Tap),
}

impl Input {
    pub(crate) fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Input::Plain(reader) => compressed::read_some(reader, out),
            Input::File(file) => compressed::read_some(file, out),
            Input::Packed(reader) => reader.read(out),
            Input::Child(child) => child.read(out),
            Input::Utf16(text) => text.read(out),
            Input::Tapped(input, tap) => {
                let read = input.read(out)?;
                if !out.is_empty() {
                    tap.told(&out[..read]);
                }
                Ok(read)
            }
        }
    }

    fn take_warnings(&mut self) -> Vec<String> {
        match self {
            Input::Packed(reader) => reader.take_warnings(),
            Input::Utf16(text) => text.take_warnings(),
            Input::Tapped(input, _) => input.take_warnings(),
            _ => Vec::new(),
        }
    }
}

/// An open input.
pub struct Source {
    name: String,
    input: Input,
    refill: Refill,
    framer: Framer,
    clock: Clock,
    /// It is a packet capture: chunks are cut anywhere.
    capture: bool,
    /// It is an event log: it has chunks of its own.
    evtx: Option<Box<EvtxFile>>,
    failure: Option<Problem>,
    problems: Vec<Problem>,
}

impl Source {
    /// Opens an input, looks at its head and decides what the years of its stamps are counted from.
    pub fn open(spec: &SourceSpec, options: &Options) -> Result<Source, Problem> {
        let (mut input, written) = open_input(spec)?;
        if let Some(tap) = &spec.tap {
            input = Input::Tapped(Box::new(input), tap.clone());
        }
        let mut head = Vec::new();
        let failure = read_head(&mut input, &mut head, HEAD_BYTES).err();
        let failure = failure.map(|error| Problem::error(spec.name.as_str(), io_cause(&error)));
        if head.is_empty() {
            return Err(
                failure.unwrap_or_else(|| Problem::error(spec.name.as_str(), "empty: there is nothing to read"))
            );
        }
        if let Some(order) = utf16::order(&head) {
            input = Input::Utf16(Utf16::new(input, &head, order));
            head.clear();
            read_head(&mut input, &mut head, HEAD_BYTES).map_err(|error| Problem::io(spec.name.as_str(), &error))?;
        }
        let content = sniff::content(&head);
        let format = match content {
            Content::Lines | Content::Capture => Format::Lines,
            Content::JournalExport => Format::JournalExport,
            Content::JsonDocument => Format::JsonDocument,
            Content::EventXml => Format::EventXml,
            Content::Evtx => Format::Evtx,
            Content::JournalFile => {
                return Err(Problem::error(
                    spec.name.as_str(),
                    "a journal file inside another stream",
                ));
            }
            Content::Zip => {
                return Err(Problem::error(
                    spec.name.as_str(),
                    "a zip archive must be given as a file",
                ));
            }
            Content::Unread(reason) => return Err(Problem::error(spec.name.as_str(), reason)),
        };
        let mut evtx = None;
        if content == Content::Evtx {
            evtx = Some(Box::new(EvtxFile::open(spec, input, std::mem::take(&mut head))?));
            input = Input::Plain(Box::new(std::io::empty()));
        }
        let capture = content == Content::Capture;
        if head.starts_with(b"\xef\xbb\xbf") {
            head.drain(..3); // a byte order mark
        }
        let mut source = Source {
            name: spec.name.clone(),
            input,
            refill: match capture {
                true => Refill::of_capture(head),
                false => Refill::new(head, format, options.line_bytes_max),
            },
            framer: Framer::new(options, format),
            clock: Clock::fixed(options, options.now).map_err(|cause| Problem::error(spec.name.as_str(), cause))?,
            capture,
            evtx,
            failure,
            problems: Vec::new(),
        };
        if !capture && source.evtx.is_none() {
            source.set_clock(spec, options, written)?;
        }
        Ok(source)
    }

    /// The year of the first stamp, by the rules of `time::years`.
    fn set_clock(&mut self, spec: &SourceSpec, options: &Options, written: Option<i64>) -> Result<(), Problem> {
        let reference = Reference::new(written, options.now);
        let mut lookahead = |bytes: usize| -> Vec<u8> {
            if self.failure.is_none() {
                let read = self.refill.look_ahead(&mut self.input, bytes);
                self.failure = read
                    .err()
                    .map(|error| Problem::error(self.name.as_str(), io_cause(&error)));
            }
            self.refill.pending().to_vec()
        };
        let year = crate::time::years::first_year(spec, options, reference, &self.framer, &mut lookahead);
        self.clock = Clock::new(options, reference, year).map_err(|cause| Problem::error(self.name.as_str(), cause))?;
        Ok(())
    }

    /// The next stretch of whole records, about 256 KiB, in `buffer`, which is reused. None at the end. A read error is
    /// returned once, after what came before it was delivered; afterwards None.
    pub fn next_chunk(&mut self, buffer: Vec<u8>) -> Result<Option<Chunk>, Problem> {
        if let Some(evtx) = &mut self.evtx {
            return match evtx.next(buffer) {
                Some(chunk) => Ok(Some(chunk)),
                None => self.failure.take().map_or(Ok(None), Err),
            };
        }
        if self.failure.is_some() {
            self.refill.stop();
        }
        match self.refill.next(&mut self.input, buffer) {
            Ok(Some(chunk)) => return Ok(Some(chunk)),
            Ok(None) => {}
            Err(error) => {
                // What was read before the error comes first; the error on the next call.
                self.failure = Some(Problem::error(self.name.as_str(), io_cause(&error)));
                self.refill.stop();
                if let Ok(Some(chunk)) = self.refill.next(&mut self.input, Vec::new()) {
                    return Ok(Some(chunk));
                }
            }
        }
        match self.failure.take() {
            Some(problem) => Err(problem),
            None => Ok(None),
        }
    }

    /// What reads its chunks, if it is a packet capture and not lines.
    pub fn capture(&self) -> Option<Capture> {
        self.capture.then(|| Capture::new(&self.name))
    }

    /// Whether what is appended to it can be read as it stands: lines of text in UTF-8.
    pub fn is_plain_text(&self) -> bool {
        let plain = !matches!(self.input, Input::Utf16(_) | Input::Packed(_) | Input::Tapped(..));
        plain && !self.capture && self.framer.format == Format::Lines
    }

    /// The framer of all chunks of this source.
    pub fn framer(&self) -> Framer {
        self.framer
    }

    /// The clock that decides years and zone; used in order, on one thread.
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// Warnings gathered since the last call.
    pub fn problems(&mut self) -> Vec<Problem> {
        if let Some(evtx) = &mut self.evtx {
            self.problems.extend(evtx.problems());
        }
        let warnings = self.input.take_warnings();
        self.problems.extend(
            warnings
                .into_iter()
                .map(|cause| Problem::warning(self.name.as_str(), cause)),
        );
        std::mem::take(&mut self.problems)
    }
}

/// The input's bytes, decompressed, and when it was last written (microseconds UTC) if that is known.
pub(crate) fn open_input(spec: &SourceSpec) -> Result<(Input, Option<i64>), Problem> {
    let refused = |error: std::io::Error| Problem::io(spec.name.as_str(), &error);
    match &spec.kind {
        SourceKind::File(path) => {
            let file = File::open(path).map_err(refused)?;
            let written = file.metadata().ok().and_then(|data| modified(&data));
            Ok((unpacked_file(file).map_err(refused)?, written))
        }
        SourceKind::Stdin => Ok((unpacked(Box::new(std::io::stdin())).map_err(refused)?, None)),
        SourceKind::ZipMember(path, index) => {
            let (reader, written) =
                archive::open_member(path, *index).map_err(|cause| Problem::error(spec.name.as_str(), cause))?;
            Ok((unpacked(reader).map_err(refused)?, written))
        }
        SourceKind::Journal => Ok((Input::Child(journald::start(None).map_err(refused)?), None)),
        SourceKind::JournalFile(path) => Ok((Input::Child(journald::start(Some(path)).map_err(refused)?), None)),
        SourceKind::Stored { .. } => Err(Problem::error(
            spec.name.as_str(),
            "kept in a store: its lines are not read again",
        )),
    }
}

/// Hands out the bytes of a file or an archive's member, decompressed, from the first to the last. False if the input is a
/// stream, which can be read only once.
///
/// # Errors
/// If it cannot be read; what came before was handed out.
pub fn each_block(spec: &SourceSpec, each: &mut dyn FnMut(&[u8])) -> Result<bool, Problem> {
    let regular = |path: &PathBuf| std::fs::metadata(path).is_ok_and(|data| data.is_file());
    match &spec.kind {
        SourceKind::File(path) | SourceKind::ZipMember(path, _) if regular(path) => {}
        _ => return Ok(false),
    }
    let (mut input, _) = open_input(spec)?;
    let mut block = vec![0; 256 * 1024];
    loop {
        match input.read(&mut block) {
            Ok(0) => return Ok(true),
            Ok(read) => each(&block[..read]),
            Err(error) => return Err(Problem::io(spec.name.as_str(), &error)),
        }
    }
}

/// The first bytes of a file or an archive's member, decompressed: so many, or all that there are.
///
/// # Errors
/// If they cannot be read.
pub fn first_bytes(spec: &SourceSpec, bytes: usize) -> Result<Vec<u8>, Problem> {
    let (mut input, _) = open_input(spec)?;
    let mut head = Vec::new();
    read_head(&mut input, &mut head, bytes).map_err(|error| Problem::io(spec.name.as_str(), &error))?;
    Ok(head)
}

/// What the files of one rotated set have in common: directory and log name.
pub fn set_name(name: &str) -> String {
    let (folder, file) = name
        .rsplit_once('/')
        .map_or(("", name), |(folder, file)| (folder, file));
    let log = rotated::parse(file).0;
    match folder {
        "" if !name.starts_with('/') => log,
        folder => format!("{folder}/{log}"),
    }
}

/// A plain file is read without a buffer in between; only a packed one goes through the decompressor.
fn unpacked_file(file: File) -> std::io::Result<Input> {
    let regular = file.metadata().map(|data| data.is_file()).unwrap_or(false);
    if !regular {
        return unpacked(Box::new(file));
    }
    let mut head = [0; 6];
    let read = read_at(&file, &mut head, 0)?;
    Ok(match Codec::of(&head[..read]) {
        Some(_) => Input::Packed(Box::new(Decompressed::new(Peek::new(Box::new(file))))),
        None => Input::File(file),
    })
}

fn unpacked(reader: Box<dyn Read + Send>) -> std::io::Result<Input> {
    let mut peek = Peek::new(reader);
    Ok(match Codec::of(peek.peek(6)?) {
        Some(_) => Input::Packed(Box::new(Decompressed::new(peek))),
        None => Input::Plain(Box::new(peek)),
    })
}

/// Reads up to `wanted` bytes into `head`; what was read before an error is kept.
pub(crate) fn read_head(input: &mut Input, head: &mut Vec<u8>, wanted: usize) -> std::io::Result<()> {
    let mut filled = head.len();
    head.resize(wanted.max(filled), 0);
    let result = loop {
        if filled == head.len() {
            break Ok(());
        }
        match input.read(&mut head[filled..]) {
            Ok(0) => break Ok(()),
            Ok(read) => filled += read,
            Err(error) => break Err(error),
        }
    };
    head.truncate(filled);
    result
}

/// When a file was last written, microseconds since 1970-01-01T00:00:00Z.
pub(crate) fn modified(data: &std::fs::Metadata) -> Option<i64> {
    let time = data.modified().ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_micros()).ok()
}

/// Reads at an offset without moving the file's own position.
#[cfg(unix)]
pub(crate) fn read_at(file: &File, out: &mut [u8], offset: u64) -> std::io::Result<usize> {
    use std::os::unix::fs::FileExt;
    file.read_at(out, offset)
}

/// Reads at an offset; the caller's position is put back.
#[cfg(not(unix))]
pub(crate) fn read_at(file: &File, out: &mut [u8], offset: u64) -> std::io::Result<usize> {
    use std::io::{Seek, SeekFrom};
    let mut file = file.try_clone()?;
    let before = file.stream_position()?;
    file.seek(SeekFrom::Start(offset))?;
    let read = file.read(out);
    file.seek(SeekFrom::Start(before))?;
    read
}
