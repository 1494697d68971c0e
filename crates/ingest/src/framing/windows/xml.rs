//! Windows events as XML: one root or none, one line or many. The Event Viewer's "Save as XML", `wevtutil qe /f:xml`,
//! `Get-WinEvent | ForEach { $_.ToXml() }`.

use memchr::memmem;
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
    begins && start(head, 0).is_some_and(|at| at < PROLOGUE_MAX && has_system(&head[at..]))
}

/// Whether an event begins with its `System`, as all of Windows do; the records of an NPS file are `<Event>` too and have none.
fn has_system(event: &[u8]) -> bool {
    let Some(end) = memchr::memchr(b'>', event) else {
        return true; // the head ends within the tag, which has more than its name: NPS writes no such
    };
    let rest = event[end + 1..].trim_ascii_start();
    rest.starts_with(b"<System") || b"<System".starts_with(rest)
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

#[cfg(test)]
mod tests {
    use super::looks_like;

    #[test]
    fn records_of_nps_files_are_no_events_of_windows() {
        for text in [
            "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider",
            "<?xml version=\"1.0\"?>\n<Events>\n  <Event>\n    <System>",
            "<Event xmlns='http",
        ] {
            assert!(looks_like(text.as_bytes()), "{text}");
        }
        for text in [
            "<Event><Timestamp data_type=\"4\">05/19/2024 15:21:44.008</Timestamp>",
            "<Event>\n  <Timestamp data_type=\"4\">",
            "<Eventual><System>",
        ] {
            assert!(!looks_like(text.as_bytes()), "{text}");
        }
    }
}
