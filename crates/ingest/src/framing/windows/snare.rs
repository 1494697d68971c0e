//! Snare's form in syslog: `MSWinEventLog`, then fields between tabs. It has no data but the text for people, which is handed on as
//! `Message`, and no zone.

use super::{EventFields, System, values};

/// What such a message begins with.
const MARK: &[u8] = b"MSWinEventLog";

/// Fields from the mark up to the text.
const FIELDS: usize = 13;

/// Whether a message is of this kind. rsyslog and others write a tab as `#011`.
pub(crate) fn is_event(body: &[u8]) -> bool {
    body.strip_prefix(MARK)
        .is_some_and(|rest| rest.starts_with(b"\t") || rest.starts_with(b"#011"))
}

/// The message of a line without syslog header: `host<tab>MSWinEventLog<tab>…`.
pub(crate) fn without_header(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let tab = line.iter().take(256).position(|byte| *byte == b'\t')?;
    let (host, body) = (&line[..tab], &line[tab + 1..]);
    is_event(body).then_some((host, body))
}

/// Reads a message: criticality, log, counter, time, event id, source, user, kind of user, kind of event, computer, category, data,
/// text, and counters that nobody needs.
pub(crate) fn read(body: &[u8], host: &[u8], fields: &mut EventFields) -> Result<(), String> {
    fields.clear();
    let rest = &body[MARK.len().min(body.len())..];
    let tab: &[u8] = if rest.starts_with(b"\t") { b"\t" } else { b"#011" };
    let mut parts: Vec<&[u8]> = Vec::with_capacity(FIELDS + 1);
    let mut rest = rest.get(tab.len()..).unwrap_or_default();
    while parts.len() < FIELDS {
        match memchr::memmem::find(rest, tab) {
            Some(at) => {
                parts.push(&rest[..at]);
                rest = &rest[at + tab.len()..];
            }
            None => {
                parts.push(rest);
                break;
            }
        }
    }
    let part = |number: usize| parts.get(number).copied().unwrap_or_default().trim_ascii();
    // some agents write the criticality twice
    let first = usize::from(part(1).iter().all(u8::is_ascii_digit) && !part(1).is_empty());
    let part = |number: usize| part(number + first);
    fields.set(System::Channel, part(1));
    fields.set_stamp(values::local(part(3)));
    fields.set(System::EventId, part(4));
    fields.set(System::Provider, part(5));
    fields.set(System::Computer, if part(9).is_empty() { host } else { part(9) });
    match part(8) {
        b"Success Audit" => fields.set(System::Keywords, b"0x20000000000000"),
        b"Failure Audit" => fields.set(System::Keywords, b"0x10000000000000"),
        b"Error" => fields.set(System::Level, b"2"),
        b"Warning" => fields.set(System::Level, b"3"),
        b"Information" => fields.set(System::Level, b"4"),
        _ => {}
    }
    if !fields.is_event() {
        return Err("a Snare line without source or event id: not read".to_string());
    }
    // the text stands in the one field or in the other, as the agent's version has it
    let text = [part(12), part(11)].into_iter().find(|text| !text.is_empty());
    if let Some(text) = text {
        fields.add_named(b"Message", text);
    }
    Ok(())
}
