//! What an input is, by its first bytes.

use crate::{capture, framing};

/// Bytes of an input that are looked at before it is read.
pub(crate) const HEAD_BYTES: usize = 64 * 1024;

/// What the head of an input shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Text in lines.
    Lines,
    /// `journalctl -o export`.
    JournalExport,
    /// A journal file as journald keeps it; only `journalctl` reads it.
    JournalFile,
    /// JSON over many lines.
    JsonDocument,
    /// Windows events in XML.
    EventXml,
    /// A Windows event log (EVTX).
    Evtx,
    /// A packet capture.
    Capture,
    /// A zip archive.
    Zip,
    /// Something this version does not read; the reason.
    Unread(&'static str),
}

/// Judges the first bytes (decompressed).
pub(crate) fn content(head: &[u8]) -> Content {
    match head {
        head if capture::is_capture(head) => return Content::Capture,
        head if super::evtx::looks_like(head) => return Content::Evtx,
        [b'L', b'P', b'K', b'S', b'H', b'H', b'R', b'H', ..] => return Content::JournalFile,
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => return Content::Zip,
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => {
            return Content::Unread("text in UTF-32: convert it to UTF-8 first (iconv -f UTF-32 -t UTF-8)");
        }
        _ => {}
    }
    if let Some(order) = super::utf16::order(head) {
        return content(&order.text(head));
    }
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    if head.get(257..262) == Some(b"ustar") {
        return Content::Unread("a tar archive: unpack it first");
    }
    if framing::journal_export::looks_like(head) {
        return Content::JournalExport;
    }
    if framing::windows::xml::looks_like(head) {
        return Content::EventXml;
    }
    if head.trim_ascii_start().starts_with(b"<Objs ") {
        return Content::Unread(
            "PowerShell objects (Export-Clixml): save the events with ConvertTo-Json -Depth 3 or as EVTX",
        );
    }
    if framing::json_document::looks_like(head) {
        return Content::JsonDocument;
    }
    if is_binary(head) {
        Content::Unread("not a text log")
    } else {
        Content::Lines
    }
}

/// Many control bytes and no line that any framing knows. NULs alone are a hole, not a reason.
fn is_binary(head: &[u8]) -> bool {
    let text = head.iter().filter(|byte| **byte != 0).count();
    let control = head
        .iter()
        .filter(|byte| matches!(byte, 1..=6 | 14..=26 | 28..=31))
        .count();
    let nul = head.len() - text;
    let odd = control * 20 > text || (nul * 10 > head.len() && control * 100 > text);
    odd && !framing::any_header(head)
}

/// Whether a file that nobody named (found in a directory) is a log: some line has a header, or its name says so.
pub(crate) fn looks_like_log(name: &str, head: &[u8]) -> bool {
    match content(head) {
        Content::JournalExport | Content::Capture | Content::Evtx | Content::EventXml => true,
        Content::JsonDocument => framing::json_document::any_record(head),
        Content::Lines => match super::utf16::order(head) {
            Some(order) => framing::any_header(&order.text(head)) || named_like_log(name),
            None => framing::any_header(head) || named_like_log(name),
        },
        _ => false,
    }
}

fn named_like_log(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let stem = name.split(['.', '-']).next().unwrap_or(&name);
    matches!(stem, "syslog" | "messages" | "daemon" | "auth" | "secure" | "detail")
        || name.split('.').any(|part| part == "log" || part.starts_with("log-"))
}
