//! Windows events, whatever they came in: an EVTX file, XML, JSON of PowerShell and of shippers, Snare's syslog. Each form has
//! its file here and fills the same [`EventFields`], so that whoever decodes them sees one kind of record.
//!
//! The record's program is the provider, its host the computer, its time `SystemTime`. Fields, in this order and only where
//! the form has them: `System/EventID` (without qualifiers), `System/Version`, `System/Channel`, `System/EventRecordID`,
//! `System/Level`, `System/Keywords` (`0x…`), `System/ActivityID`, `System/EventSourceName`; then the data in the record's
//! order, by its name, or, where it has none, by its position (from `0`); then `Binary` (lower-case hexadecimal). Elements of
//! `UserData` go by their own name. The text that Windows renders for people is no field, except where a form has nothing
//! else (`Message`, Snare): it is in the machine's language.

pub(crate) mod binxml;
pub(crate) mod evtx;
pub(crate) mod json;
pub(crate) mod json_shape;
pub(crate) mod snare;
mod template;
mod values;
pub(crate) mod xml;
mod xml_event;

use std::ops::Range;

use tunlog_model::{AppFilter, Hint, Payload, RecordRef, Severity, Stamp};

/// What every event says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System {
    EventId,
    Version,
    Channel,
    RecordId,
    Level,
    Keywords,
    ActivityId,
    SourceName,
    Provider,
    Computer,
    ProcessId,
}

/// Those that are fields of the record, in their order; the others are parts of it.
const FIELDS: &[(System, &[u8])] = &[
    (System::EventId, b"System/EventID"),
    (System::Version, b"System/Version"),
    (System::Channel, b"System/Channel"),
    (System::RecordId, b"System/EventRecordID"),
    (System::Level, b"System/Level"),
    (System::Keywords, b"System/Keywords"),
    (System::ActivityId, b"System/ActivityID"),
    (System::SourceName, b"System/EventSourceName"),
];

/// How many of [`System`] there are.
const SYSTEM_COUNT: usize = System::ProcessId as usize + 1;

/// Most data of one event that are kept; Windows allows 99 strings.
const DATA_MAX: usize = 1000;

/// One event while it is being read. Its buffers are used again.
#[derive(Debug, Default)]
pub(crate) struct EventFields {
    /// Names and values, one after the other.
    text: Vec<u8>,
    system: [Option<Range<usize>>; SYSTEM_COUNT],
    data: Vec<(Range<usize>, Range<usize>)>,
    binary: Option<Range<usize>>,
    stamp: Stamp,
    /// Data so far, named or not.
    position: usize,
    line: Vec<u8>,
}

impl EventFields {
    /// Forgets the event.
    pub fn clear(&mut self) {
        self.text.clear();
        self.system.fill(None);
        self.data.clear();
        (self.binary, self.stamp, self.position) = (None, Stamp::Missing, 0);
    }

    fn keep(&mut self, part: &[u8]) -> Range<usize> {
        let start = self.text.len();
        self.text.extend_from_slice(part);
        start..self.text.len()
    }

    /// Takes what the event says of itself, in any spelling; what is no value of its kind is left out.
    pub fn set(&mut self, what: System, value: &[u8]) {
        let start = self.text.len();
        if values::plain(what, value.trim_ascii(), &mut self.text) {
            self.system[what as usize] = Some(start..self.text.len());
        } else {
            self.text.truncate(start);
        }
    }

    /// Takes a value that `write` writes as it is to stand in the record.
    fn set_with(&mut self, what: System, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.text.len();
        write(&mut self.text);
        self.system[what as usize] = Some(start..self.text.len());
    }

    /// As `set`, unless it is known already.
    pub fn set_default(&mut self, what: System, value: &[u8]) {
        if self.system[what as usize].is_none() {
            self.set(what, value);
        }
    }

    /// When it was.
    pub fn set_stamp(&mut self, stamp: Stamp) {
        self.stamp = stamp;
    }

    /// The next of its data, which has a name.
    pub fn add_named(&mut self, name: &[u8], value: &[u8]) {
        if self.data.len() < DATA_MAX {
            let entry = (self.keep(name), self.keep(value));
            self.data.push(entry);
        }
        self.position += 1;
    }

    /// The next of its data, which `write` writes.
    fn add_with(&mut self, name: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
        if self.data.len() < DATA_MAX {
            let name = self.keep(name);
            let start = self.text.len();
            write(&mut self.text);
            self.data.push((name, start..self.text.len()));
        }
        self.position += 1;
    }

    /// The next of its data, which has no name and which `write` writes.
    fn add_position_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.text.len();
        values::write_number(self.position as u64, &mut self.text);
        let name = start..self.text.len();
        write(&mut self.text);
        if self.data.len() < DATA_MAX {
            let value = name.end..self.text.len();
            self.data.push((name, value));
        }
        self.position += 1;
    }

    /// The next of its data, which has no name.
    pub fn add(&mut self, value: &[u8]) {
        self.add_at(self.position, value);
    }

    /// A value without a name whose place is known.
    pub fn add_at(&mut self, position: usize, value: &[u8]) {
        let name = position.to_string();
        self.add_named(name.as_bytes(), value);
        self.position = position + 1;
    }

    /// The binary part, in hexadecimal.
    pub fn set_binary(&mut self, digits: &[u8]) {
        if digits.iter().all(u8::is_ascii_hexdigit) && !digits.is_empty() {
            let kept = self.keep(digits);
            self.text[kept.clone()].make_ascii_lowercase();
            self.binary = Some(kept);
        }
    }

    /// The binary part, which `write` writes in lower-case hexadecimal.
    fn set_binary_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.text.len();
        write(&mut self.text);
        self.binary = (self.text.len() > start).then_some(start..self.text.len());
    }

    fn get(&self, what: System) -> &[u8] {
        self.system[what as usize]
            .as_ref()
            .map_or(&b""[..], |range| &self.text[range.clone()])
    }

    /// Whether there is enough of an event to know which one it is.
    pub fn is_event(&self) -> bool {
        !self.get(System::Provider).is_empty() && !self.get(System::EventId).is_empty()
    }

    /// Hands the event out if its provider is wanted. Without `raw` its evidence is a line made of its values.
    pub fn give<F: AppFilter + ?Sized>(
        &mut self,
        raw: Option<&[u8]>,
        number: u64,
        filter: &F,
        each: &mut impl FnMut(&RecordRef<'_>),
    ) {
        if !filter.wants(self.get(System::Provider)) {
            return;
        }
        let mut line = std::mem::take(&mut self.line);
        if raw.is_none() {
            line.clear();
            self.write_line(&mut line);
        }
        let pid = std::str::from_utf8(self.get(System::ProcessId)).ok();
        let fields = self.fields();
        each(&RecordRef {
            stamp: self.stamp,
            host: self.get(System::Computer),
            app: self.get(System::Provider),
            pid: pid.and_then(|pid| pid.parse().ok()).unwrap_or_default(),
            severity: severity(self.get(System::Level)),
            payload: Payload::Fields(&fields),
            cmdline: b"",
            trusted: true,
            raw: raw.unwrap_or(&line),
            line: number,
            hint: Hint::default(),
        });
        self.line = line;
    }

    fn fields(&self) -> Vec<(&[u8], &[u8])> {
        let mut fields = Vec::with_capacity(FIELDS.len() + self.data.len() + 1);
        let known = FIELDS.iter().map(|(what, name)| (*name, self.get(*what)));
        fields.extend(known.filter(|(_, value)| !value.is_empty()));
        let part = |range: &Range<usize>| &self.text[range.clone()];
        fields.extend(self.data.iter().map(|(name, value)| (part(name), part(value))));
        fields.extend(self.binary.iter().map(|binary| (&b"Binary"[..], part(binary))));
        fields
    }

    /// The event in one line, for evidence: time, computer, provider, id, where it stands, data. Control characters become
    /// blanks.
    fn write_line(&self, line: &mut Vec<u8>) {
        if let Stamp::Instant(micros) = self.stamp {
            values::write_time(micros, line);
            line.push(b' ');
        }
        for (what, before) in [
            (System::Computer, ""),
            (System::Provider, " "),
            (System::EventId, " "),
            (System::Channel, ": "),
            (System::RecordId, " #"),
        ] {
            let value = self.get(what);
            if !value.is_empty() {
                line.extend_from_slice(before.as_bytes());
                line.extend_from_slice(value);
            }
        }
        let binary = self.binary.iter().map(|binary| (&b"Binary"[..], binary));
        let data = self.data.iter();
        for (name, value) in data
            .map(|(name, value)| (&self.text[name.clone()], value))
            .chain(binary)
        {
            line.push(b' ');
            line.extend_from_slice(name);
            line.push(b'=');
            line.extend_from_slice(&self.text[value.clone()]);
        }
        // every byte is written, so that many are at once
        for byte in line.iter_mut() {
            *byte = if byte.is_ascii_control() { b' ' } else { *byte };
        }
    }
}

/// Windows' level as syslog's; 0 (audits) says nothing.
fn severity(level: &[u8]) -> Option<Severity> {
    match level {
        b"1" => Some(Severity::from_number(2)),
        b"2" => Some(Severity::from_number(3)),
        b"3" => Some(Severity::from_number(4)),
        b"4" => Some(Severity::from_number(6)),
        b"5" => Some(Severity::from_number(7)),
        _ => None,
    }
}
