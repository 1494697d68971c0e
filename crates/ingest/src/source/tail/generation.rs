//! One generation of a followed file: from its creation until it is renamed, deleted or cut off.

use std::fs::{self, File, Metadata};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use memchr::memrchr;

use crate::framing::w3c::Headers;
use crate::source::refill::{CHUNK_BYTES, in_unfinished_block};
use crate::source::{Chunk, read_at};

/// Bytes of the beginning by which a file is known.
const HEAD_BYTES: usize = 4096;

/// Bytes before the place we have read to by which its content is known.
const BEFORE_BYTES: usize = 256;

/// How long a file may look shorter than it was before that is believed: network file systems show old sizes.
const SHRUNK_WAIT: Duration = Duration::from_secs(2);

/// Device and inode.
pub(super) type Identity = (u64, u64);

/// What became of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// The same file, perhaps longer.
    None,
    /// No file.
    Gone,
    /// Another file.
    Other,
    /// The same file with other content.
    Rewritten,
}

pub(super) struct Generation {
    file: File,
    pub identity: Identity,
    offset: u64,
    /// Read, but no whole record yet.
    partial: Vec<u8>,
    /// The rest of a line that is too long is passed over.
    skipping: bool,
    /// What headers of columns said so far.
    headers: Headers,
    head: Vec<u8>,
    before: Vec<u8>,
    modified: Option<SystemTime>,
    shrunk_since: Option<Instant>,
}

impl Generation {
    pub(super) fn open(path: &Path) -> Option<Generation> {
        let file = File::open(path).ok()?;
        let data = file.metadata().ok()?;
        data.is_file().then(|| Generation {
            identity: identity(&data),
            file,
            offset: 0,
            partial: Vec::new(),
            skipping: false,
            headers: Headers::default(),
            head: Vec::new(),
            before: Vec::new(),
            modified: None,
            shrunk_since: None,
        })
    }

    /// Compares the file at `path` with this one.
    pub(super) fn change(&mut self, path: &Path) -> Change {
        let Ok(data) = fs::metadata(path) else {
            return Change::Gone;
        };
        if identity(&data) != self.identity {
            return Change::Other;
        }
        if data.len() < self.offset {
            // Empty or with another beginning: cut off. A mere prefix may be an old size; that is looked at twice.
            let since = *self.shrunk_since.get_or_insert_with(Instant::now);
            let sure = data.len() == 0 || !self.begins_as_before(data.len());
            return if sure || since.elapsed() >= SHRUNK_WAIT {
                Change::Rewritten
            } else {
                Change::None
            };
        }
        self.shrunk_since = None;
        let modified = data.modified().ok();
        let touched = modified != self.modified || data.len() > self.offset;
        self.modified = modified;
        if touched && !(self.begins_as_before(u64::MAX) && self.ends_as_before()) {
            return Change::Rewritten;
        }
        Change::None
    }

    fn begins_as_before(&self, len: u64) -> bool {
        let wanted = self.head.len().min(usize::try_from(len).unwrap_or(usize::MAX));
        let mut now = vec![0; wanted];
        read_full(&self.file, &mut now, 0) && now == self.head[..wanted]
    }

    fn ends_as_before(&self) -> bool {
        let mut now = vec![0; self.before.len()];
        read_full(&self.file, &mut now, self.offset - self.before.len() as u64) && now == self.before
    }

    /// Whether this file begins with all that was read of another one.
    pub(super) fn continues(&self, old: &Generation) -> bool {
        let mut head = vec![0; old.head.len()];
        let mut before = vec![0; old.before.len()];
        !old.head.is_empty()
            && read_full(&self.file, &mut head, 0)
            && head == old.head
            && read_full(&self.file, &mut before, old.offset - old.before.len() as u64)
            && before == old.before
    }

    /// Whether this file begins like another one, which was read.
    pub(super) fn same_begin(&self, other: &Generation) -> bool {
        let mut head = vec![0; other.head.len()];
        other.head.len() == HEAD_BYTES && read_full(&self.file, &mut head, 0) && head == other.head
    }

    /// Goes on where `old` stopped.
    pub(super) fn take_over(&mut self, old: &mut Generation) {
        self.offset = old.offset;
        self.partial = std::mem::take(&mut old.partial);
        self.skipping = old.skipping;
        self.headers = std::mem::take(&mut old.headers);
        self.head.clone_from(&old.head);
        self.before.clone_from(&old.before);
    }

    /// Reads what is new. A line that is not finished is held back.
    pub(super) fn read(&mut self, line_bytes_max: usize, give: &mut impl FnMut(Chunk)) {
        self.read_some(usize::MAX, line_bytes_max, give);
    }

    /// As `read`, but stops after so many reads: a file that is long when it is first looked at comes in parts.
    pub(super) fn read_some(&mut self, reads: usize, line_bytes_max: usize, give: &mut impl FnMut(Chunk)) {
        for _ in 0..reads {
            let mut bytes = std::mem::take(&mut self.partial);
            let held = bytes.len();
            bytes.resize(held + CHUNK_BYTES, 0);
            let read = read_at(&self.file, &mut bytes[held..], self.offset).unwrap_or(0);
            bytes.truncate(held + read);
            if read == 0 {
                self.partial = bytes;
                return;
            }
            self.remember(&bytes[held..]);
            self.offset += read as u64;
            self.deliver(bytes, line_bytes_max, give);
        }
    }

    fn remember(&mut self, new: &[u8]) {
        let missing = HEAD_BYTES - self.head.len();
        self.head.extend_from_slice(&new[..new.len().min(missing)]);
        self.before
            .extend_from_slice(&new[new.len().saturating_sub(BEFORE_BYTES)..]);
        let surplus = self.before.len().saturating_sub(BEFORE_BYTES);
        self.before.drain(..surplus);
    }

    fn deliver(&mut self, mut bytes: Vec<u8>, line_bytes_max: usize, give: &mut impl FnMut(Chunk)) {
        if self.skipping {
            match memchr::memchr(b'\n', &bytes) {
                Some(at) => {
                    bytes.drain(..=at);
                    self.skipping = false;
                }
                None => return,
            }
        }
        let end = memrchr(b'\n', &bytes).map_or(0, |at| at + 1);
        let end = in_unfinished_block(&bytes[..end]).unwrap_or(end);
        self.partial = bytes[end..].to_vec();
        bytes.truncate(end);
        if !bytes.is_empty() {
            give(self.chunk(bytes));
        }
        let nuls = self.partial.iter().take_while(|byte| **byte == 0).count();
        if nuls > 1 {
            // A hole: the framing needs to see one NUL of it.
            self.partial.drain(..nuls - 1);
        }
        if self.partial.len() > line_bytes_max {
            let mut line = std::mem::take(&mut self.partial);
            line.truncate(line_bytes_max + 1);
            line.push(b'\n');
            self.skipping = true;
            give(self.chunk(line));
        }
    }

    fn chunk(&mut self, bytes: Vec<u8>) -> Chunk {
        let layout = self.headers.before(&bytes);
        Chunk {
            layout,
            ..Chunk::new(bytes)
        }
    }

    /// Hands out a last line that nobody will finish.
    pub(super) fn flush(&mut self, give: &mut impl FnMut(Chunk)) {
        if !self.partial.is_empty() {
            let rest = std::mem::take(&mut self.partial);
            give(self.chunk(rest));
        }
    }
}

/// Fills all of `out`; false if the file is shorter.
fn read_full(file: &File, out: &mut [u8], offset: u64) -> bool {
    let mut done = 0;
    while done < out.len() {
        match read_at(file, &mut out[done..], offset + done as u64) {
            Ok(0) | Err(_) => return false,
            Ok(read) => done += read,
        }
    }
    true
}

pub(super) fn identity_of(path: &Path) -> Option<Identity> {
    fs::metadata(path)
        .ok()
        .filter(Metadata::is_file)
        .map(|data| identity(&data))
}

#[cfg(unix)]
fn identity(data: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (data.dev(), data.ino())
}

/// Without inodes the time of creation is the best there is.
#[cfg(not(unix))]
fn identity(data: &Metadata) -> Identity {
    let created = data
        .created()
        .ok()
        .and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    (0, created.map_or(0, |time| time.as_nanos() as u64))
}
