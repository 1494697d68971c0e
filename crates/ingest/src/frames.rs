//! Syslog messages out of a stream of bytes (RFC 6587, RFC 5425): each behind the number of its bytes, or each on a line.
//!
//! The first frame of a connection tells which. Where frames are counted, whatever is neither a count nor a line with a
//! priority ends the connection: behind a wrong count nobody knows where the next message begins, and guessing would let a
//! peer forge one. Where frames are lines, a counted one between them is read as such, as rsyslog does.

use memchr::memchr;

/// Digits of a count that are believed: 9,999,999 bytes.
const COUNT_DIGITS: usize = 7;

/// Digits that are held before they are no count of any kind.
const HELD_DIGITS: usize = 32;

/// What is said of more.
const TOO_LARGE: &str = "a count of more than 7 digits";

/// Bytes of the room for unfinished frames that a connection keeps.
const HELD_BYTES: usize = 4096;

/// Cuts what one connection sends into messages, wherever its reads end.
#[derive(Debug)]
pub struct Frames {
    /// Bytes of a message that are kept.
    limit: usize,
    state: State,
    /// The beginning of a frame whose end was not fed yet: digits of a count, or at most `limit` bytes of a message.
    held: Vec<u8>,
    /// Whether the first frame was counted; None before it.
    counting: Option<bool>,
    /// Bytes that were read, and those before the frame that is being read.
    offset: u64,
    begun: u64,
    cut: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between two frames.
    Start,
    /// In the digits that may be a count.
    Count,
    /// Behind such digits and a blank; what comes next decides.
    Blank,
    /// So many bytes of a counted message are to come, of how many.
    Counted(usize, usize),
    /// In a line; whether some of it was left out already.
    Line(bool),
}

/// Why a connection cannot be read on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadFrame {
    /// Byte of the stream, from 0, at which the frame begins.
    pub offset: u64,
    /// The reason.
    pub cause: &'static str,
}

impl std::fmt::Display for BadFrame {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "byte {}: {}", self.offset, self.cause)
    }
}

impl std::error::Error for BadFrame {}

/// A counted message whose end never came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Bytes that came.
    pub read: usize,
    /// Bytes that were announced; None: it is a line without an end.
    pub announced: Option<usize>,
}

impl Frames {
    /// A stream of which nothing was read. Messages are cut at `limit` bytes.
    pub fn new(limit: usize) -> Frames {
        Frames {
            limit,
            state: State::Start,
            held: Vec::new(),
            counting: None,
            offset: 0,
            begun: 0,
            cut: 0,
        }
    }

    /// Reads on: appends every message that is whole to `out`, each as one line. Answers how many.
    ///
    /// # Errors
    /// If nobody can tell where the next message begins; what came before is in `out`. Nothing may be fed afterwards.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<u64, BadFrame> {
        let mut messages = 0;
        let mut at = 0;
        while at < bytes.len() {
            let used = match self.state {
                State::Start => self.start(&bytes[at..]),
                State::Count => self.count(&bytes[at..]),
                State::Blank => self.blank(bytes[at]),
                State::Counted(left, all) => Ok(self.counted(&bytes[at..], (left, all), out, &mut messages)),
                State::Line(cut) => Ok(self.line(&bytes[at..], cut, out, &mut messages)),
            };
            let used = used.map_err(|cause| BadFrame {
                offset: self.begun,
                cause,
            })?;
            at += used;
            self.offset += used as u64;
        }
        Ok(messages)
    }

    /// The stream ends. A line without a newline is a message, too, if the peer closed the connection in order.
    pub fn end(&mut self, in_order: bool, out: &mut Vec<u8>) -> Option<Unfinished> {
        let held = std::mem::take(&mut self.held);
        let state = std::mem::replace(&mut self.state, State::Start);
        self.cut += u64::from(state == State::Line(true));
        match state {
            State::Start => None,
            State::Counted(left, all) => Some(Unfinished {
                read: all - left,
                announced: Some(all),
            }),
            _ if in_order => {
                message(&held, out);
                None
            }
            _ => Some(Unfinished {
                read: held.len(),
                announced: None,
            }),
        }
    }

    /// Whether a frame was begun and not ended.
    pub fn is_within(&self) -> bool {
        self.state != State::Start
    }

    /// Whether any frame was begun.
    pub fn has_begun(&self) -> bool {
        self.counting.is_some() || self.is_within()
    }

    /// How many messages were cut since the last call.
    pub fn take_cut(&mut self) -> u64 {
        std::mem::take(&mut self.cut)
    }

    /// Bytes that are held for a frame whose end did not come yet.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    fn start(&mut self, bytes: &[u8]) -> Result<usize, &'static str> {
        self.begun = self.offset;
        match bytes[0] {
            // some senders end a counted message with a newline, or a line with NUL, besides
            b'\n' | b'\r' | 0 => Ok(1),
            b'1'..=b'9' => {
                self.state = State::Count;
                Ok(0)
            }
            byte if byte != b'<' && self.counting == Some(true) => Err("neither a count nor a priority"),
            _ => {
                self.counting.get_or_insert(false);
                self.state = State::Line(false);
                Ok(0)
            }
        }
    }

    fn count(&mut self, bytes: &[u8]) -> Result<usize, &'static str> {
        let strict = self.counting == Some(true);
        let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit());
        let digits = digits.take(HELD_DIGITS + 1).count();
        let held = self.held.len() + digits;
        match self.counting {
            Some(true) if held > COUNT_DIGITS => return Err(TOO_LARGE),
            None if held > HELD_DIGITS => return Err(TOO_LARGE),
            Some(false) if held > HELD_DIGITS => {
                self.state = State::Line(false);
                return Ok(0);
            }
            _ => {}
        }
        self.held.extend_from_slice(&bytes[..digits]);
        match bytes.get(digits) {
            None => Ok(digits),
            Some(b' ') if strict => {
                self.begin_counted()?;
                Ok(digits + 1)
            }
            Some(b' ') => {
                self.state = State::Blank;
                Ok(digits + 1)
            }
            Some(_) if strict => Err("a count without a blank behind it"),
            Some(_) => {
                // a line that begins with a date, for instance
                self.counting.get_or_insert(false);
                self.state = State::Line(false);
                Ok(digits)
            }
        }
    }

    fn blank(&mut self, next: u8) -> Result<usize, &'static str> {
        if next == b'<' {
            self.counting.get_or_insert(true);
            self.begin_counted()?;
        } else {
            self.counting.get_or_insert(false);
            self.held.push(b' ');
            self.state = State::Line(false);
        }
        Ok(0)
    }

    /// The digits that are held are a count.
    fn begin_counted(&mut self) -> Result<(), &'static str> {
        if self.held.len() > COUNT_DIGITS {
            return Err(TOO_LARGE);
        }
        let all = self
            .held
            .iter()
            .fold(0, |count, digit| count * 10 + usize::from(digit - b'0'));
        self.held.clear();
        self.state = State::Counted(all, all);
        Ok(())
    }

    fn counted(&mut self, bytes: &[u8], (left, all): (usize, usize), out: &mut Vec<u8>, messages: &mut u64) -> usize {
        let used = left.min(bytes.len());
        if used == all && all <= self.limit {
            *messages += message(&bytes[..used], out);
            self.state = State::Start;
            return used;
        }
        self.hold(&bytes[..used]);
        self.state = State::Counted(left - used, all);
        if left == used {
            self.cut += u64::from(all > self.limit);
            self.release(out, messages);
        }
        used
    }

    fn line(&mut self, bytes: &[u8], cut: bool, out: &mut Vec<u8>, messages: &mut u64) -> usize {
        let end = memchr(b'\n', bytes);
        let part = &bytes[..end.unwrap_or(bytes.len())];
        if end.is_some() && self.held.is_empty() && part.len() <= self.limit {
            *messages += message(part, out);
            self.state = State::Start;
            return part.len() + 1;
        }
        let cut = cut || part.len() > self.limit.saturating_sub(self.held.len());
        self.hold(part);
        self.state = State::Line(cut);
        if end.is_none() {
            return part.len();
        }
        self.cut += u64::from(cut);
        self.release(out, messages);
        part.len() + 1
    }

    fn hold(&mut self, part: &[u8]) {
        let room = self.limit.saturating_sub(self.held.len());
        self.held.extend_from_slice(&part[..part.len().min(room)]);
    }

    /// What is held is a whole message.
    fn release(&mut self, out: &mut Vec<u8>, messages: &mut u64) {
        *messages += message(&self.held, out);
        self.held.clear();
        // thousands of connections may have sent one long message each
        self.held.shrink_to(HELD_BYTES);
        self.state = State::Start;
    }
}

/// Appends a message to `out` as one line; answers how many messages that were. Newlines inside are written as rsyslog
/// writes them, so that no message begins a second record; those at the end, and NUL bytes there, mean nothing.
pub fn message(bytes: &[u8], out: &mut Vec<u8>) -> u64 {
    let end = bytes.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r' | 0));
    let Some(end) = end else { return 0 };
    let mut rest = &bytes[..=end];
    while let Some(at) = memchr(b'\n', rest) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(b"#012");
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'\n');
    1
}

#[cfg(test)]
mod tests;
