//! Windows events as XML: one root or none, one line or many. The Event Viewer's "Save as XML", `wevtutil qe /f:xml`,
//! `Get-WinEvent | ForEach { $_.ToXml() }`.

use memchr::{memchr, memmem};
use tunlog_model::{AppFilter, RecordRef};

use super::xml_event;
use crate::framing::cutter::Cutter;

const END: &[u8] = b"</Event>";

/// Bytes within which the first event must begin.
const PROLOGUE_MAX: usize = 4096;

/// Whether an input begins like events in XML: a declaration, a comment or a root may stand before the first.
pub(crate) fn looks_like(head: &[u8]) -> bool {
    let head = head.trim_ascii_start();
    let begins = [&b"<?xml"[..], b"<!", b"<Event"]
        .iter()
        .any(|begin| head.starts_with(begin));
    begins && start(head, 0).is_some_and(|at| at < PROLOGUE_MAX && !is_accounting(&head[at..]))
}

/// Whether an `<Event>` is a record of an NPS accounting file (DTS), which is read as lines: its values say their type.
fn is_accounting(event: &[u8]) -> bool {
    let Some(inner) = memchr(b'>', event).map(|end| event[end + 1..].trim_ascii_start()) else {
        return false;
    };
    let tag = &inner[..memchr(b'>', inner).unwrap_or(inner.len())];
    memmem::find(tag, b" data_type=").is_some()
}

/// Where the next event begins.
fn start(bytes: &[u8], from: usize) -> Option<usize> {
    let mut from = from;
    loop {
        let at = from + memmem::find(bytes.get(from..)?, b"<Event")?;
        match bytes.get(at + 6) {
            Some(b' ' | b'>' | b'\t' | b'\r' | b'\n') => return Some(at),
            _ => from = at + 6,
        }
    }
}

/// The end of the last whole event.
pub(crate) fn last_end(bytes: &[u8]) -> usize {
    memmem::rfind(bytes, END).map_or(0, |at| at + END.len())
}

/// Cuts a chunk of whole events. What is no event costs itself: the next one that begins is read.
pub(crate) fn cut<F: AppFilter + ?Sized, E: FnMut(&RecordRef<'_>)>(bytes: &[u8], cutter: &mut Cutter<'_, '_, F, E>) {
    let finder = memmem::Finder::new(END);
    let mut at = 0;
    while let Some(begin) = start(bytes, at) {
        cutter.lines_until(bytes, at, begin);
        let Some(len) = finder.find(&bytes[begin..]) else {
            cutter.loss("the last event is cut short: not read".to_string());
            at = begin;
            break;
        };
        let end = begin + len + END.len();
        if let Some(inner) = start(&bytes[..end], begin + 6) {
            cutter.loss("an event that does not end: not read".to_string());
            cutter.lines_until(bytes, begin, inner);
            at = inner;
            continue;
        }
        let event = &bytes[begin..end];
        let number = cutter.counted() + 1;
        if let Err(reason) = cutter.event(number, |fields| xml_event::read(event, fields)) {
            cutter.loss(format!("an event that cannot be read, {reason}: skipped"));
        }
        cutter.lines_until(bytes, begin, end);
        at = end;
    }
    cutter.lines_until(bytes, at, bytes.len());
}
