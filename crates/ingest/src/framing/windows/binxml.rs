//! Records of an event log whose binary XML is of the usual kind: one template, its values, perhaps a fragment with another one.
//! Nothing is written as XML on the way.

use rustc_hash::FxHashMap;
use tunlog_model::{AppFilter, Stamp};

use super::template::{self, Origin, Root, Step, Target};
use super::values::{write_hex, write_number, write_sid, write_time, write_utf16};
use super::{EventFields, System};

/// Bytes of a record's header, and of the length at its end.
const RECORD_HEAD: usize = 24;
const RECORD_TAIL: usize = 4;

/// Microseconds from 1601 to 1970.
const EPOCH_1601: i64 = 11_644_473_600_000_000;

/// Most values of one record.
const VALUES_MAX: usize = 1024;

/// What came of a record.
pub(crate) enum Read {
    /// An event of a provider that nobody asked for.
    Unwanted,
    /// An event; its fields are filled.
    Event,
}

/// A value of a record: its type and its bytes.
#[derive(Clone, Copy)]
struct Value<'c> {
    kind: u8,
    /// Where it stands in the chunk.
    at: usize,
    bytes: &'c [u8],
}

/// A template made ready, and what its literal provider means to the filter.
struct Template {
    steps: Vec<Step>,
    unwanted: bool,
}

/// Reads the records of one chunk.
pub(super) struct Records<'c> {
    chunk: &'c [u8],
    /// By place and by what their root is; None for unusual ones.
    templates: FxHashMap<(usize, Root), Option<Template>>,
    values: Vec<Value<'c>>,
    inner: Vec<Value<'c>>,
}

/// A record's place in the chunk.
#[derive(Clone, Copy)]
pub(super) struct Record {
    start: usize,
    end: usize,
    /// Its number.
    pub id: u64,
}

/// The record at `at`, if there is a sound one.
pub(super) fn record(chunk: &[u8], at: usize, free: usize) -> Option<Record> {
    let head = chunk.get(at..at + RECORD_HEAD)?;
    let size = u32_at(head, 4)? as usize;
    let end = at.checked_add(size).filter(|end| *end <= free.min(chunk.len()))?;
    let sound = head.starts_with(b"**\0\0")
        && size >= RECORD_HEAD + RECORD_TAIL
        && u32_at(chunk, end - RECORD_TAIL)? as usize == size;
    let id = u64::from_le_bytes(head[8..16].try_into().ok()?);
    sound.then_some(Record { start: at, end, id })
}

impl Record {
    /// Where the next one begins.
    pub fn end(&self) -> usize {
        self.end
    }
}

impl<'c> Records<'c> {
    /// Of a chunk.
    pub fn new(chunk: &'c [u8]) -> Records<'c> {
        Records {
            chunk,
            templates: FxHashMap::default(),
            values: Vec::new(),
            inner: Vec::new(),
        }
    }

    /// Reads a record into `fields`. None if there is anything unusual about it.
    pub fn read<F: AppFilter + ?Sized>(
        &mut self,
        record: Record,
        filter: &F,
        fields: &mut EventFields,
    ) -> Option<Read> {
        fields.clear();
        let (start, end) = (record.start + RECORD_HEAD, record.end - RECORD_TAIL);
        let mut values = std::mem::take(&mut self.values);
        let read = self.instance(start, end, Root::Event, filter, &mut values);
        let read = read.and_then(|at| self.take(at, &values, filter, fields));
        self.values = values;
        match read? {
            Read::Event if !fields.is_event() => None,
            read => Some(read),
        }
    }

    /// A fragment that is an instance of a template: its values, and where the template is.
    fn instance<F: AppFilter + ?Sized>(
        &mut self,
        start: usize,
        end: usize,
        root: Root,
        filter: &F,
        values: &mut Vec<Value<'c>>,
    ) -> Option<usize> {
        values.clear();
        let head = self.chunk.get(start..start + 14).filter(|_| start + 14 <= end)?;
        if !head.starts_with(&[0x0f, 1, 1, 0, 0x0c]) {
            return None;
        }
        let template = u32_at(head, 10)? as usize;
        let mut at = start + 14;
        let (body, length) = (
            template.checked_add(24)?,
            u32_at(self.chunk, template.checked_add(20)?)? as usize,
        );
        let body_end = body.checked_add(length)?;
        if template == at {
            at = body_end;
        }
        let chunk = self.chunk;
        let known = self.templates.entry((template, root)).or_insert_with(|| {
            let steps = template::read(chunk, body, body_end, root)?;
            let unwanted = literal_provider(&steps).is_some_and(|provider| !filter.wants(provider));
            Some(Template { steps, unwanted })
        });
        known.as_ref()?;
        let count = u32_at(chunk, at)? as usize;
        if count > VALUES_MAX {
            return None;
        }
        let mut value_at = at.checked_add(4 + 4 * count)?;
        for descriptor in chunk.get(at + 4..value_at)?.chunks_exact(4) {
            let size = usize::from(u16::from_le_bytes([descriptor[0], descriptor[1]]));
            let bytes = chunk.get(value_at..value_at + size)?;
            values.push(Value {
                kind: descriptor[2],
                at: value_at,
                bytes,
            });
            value_at += size;
        }
        (value_at <= end).then_some(template)
    }

    /// Follows a template's steps.
    fn take<F: AppFilter + ?Sized>(
        &mut self,
        template: usize,
        values: &[Value<'c>],
        filter: &F,
        fields: &mut EventFields,
    ) -> Option<Read> {
        let known = self.templates.get(&(template, Root::Event))?.as_ref()?;
        if known.unwanted {
            return Some(Read::Unwanted);
        }
        let mut fragment = None;
        for step in &known.steps {
            if !stands(step, values) {
                continue;
            }
            match (&step.target, &step.origin) {
                // an element that holds nothing
                (Target::Fragment(_), Origin::Literal(text)) if text.is_empty() => {}
                (Target::Fragment(root), Origin::Value(number)) => {
                    let value = values.get(*number)?;
                    match value.kind {
                        0x00 => {}
                        0x21 if fragment.is_none() => fragment = Some((*root, value.at, value.at + value.bytes.len())),
                        _ => return None,
                    }
                }
                (Target::System(System::Provider), Origin::Value(_)) => {
                    put(step, values, fields)?;
                    if !filter.wants(fields.get(System::Provider)) {
                        return Some(Read::Unwanted);
                    }
                }
                _ => put(step, values, fields)?,
            }
        }
        if let Some((root, start, end)) = fragment.filter(|(_, start, end)| start < end) {
            let mut inner = std::mem::take(&mut self.inner);
            let read = self.instance(start, end, root, filter, &mut inner);
            let read = read.and_then(|template| {
                let known = self.templates.get(&(template, root))?.as_ref()?;
                let mut steps = known.steps.iter().filter(|step| stands(step, &inner));
                steps.try_for_each(|step| put(step, &inner, fields))
            });
            self.inner = inner;
            read?;
        }
        Some(Read::Event)
    }
}

/// The provider that stands in a template.
fn literal_provider(steps: &[Step]) -> Option<&[u8]> {
    steps.iter().find_map(|step| match (&step.target, &step.origin) {
        (Target::System(System::Provider), Origin::Literal(name)) => Some(&name[..]),
        _ => None,
    })
}

/// Whether an element stands: one may depend on a value.
fn stands(step: &Step, values: &[Value<'_>]) -> bool {
    let there = |number: &usize| values.get(*number).is_some_and(|value| value.kind != 0);
    step.depends.iter().all(there)
}

/// Puts one text where it belongs.
fn put(step: &Step, values: &[Value<'_>], fields: &mut EventFields) -> Option<()> {
    let number = match &step.origin {
        Origin::Literal(text) => {
            match &step.target {
                Target::System(what) => fields.set(*what, text),
                Target::Named(name) => fields.add_named(name, text),
                Target::Position => fields.add(text),
                Target::Binary => fields.set_binary(text),
                Target::Stamp | Target::Fragment(_) => return None,
            }
            return Some(());
        }
        Origin::Value(number) => *number,
    };
    let value = values.get(number)?;
    match &step.target {
        Target::System(what) => return system(*what, value, fields),
        Target::Stamp => fields.set_stamp(Stamp::Instant(file_time(value)?)),
        Target::Binary => match value.kind {
            0x00 => {}
            0x0e => fields.set_binary_with(|out| write_hex(value.bytes, out)),
            _ => return None,
        },
        Target::Fragment(_) => return None,
        Target::Named(_) | Target::Position if value.kind == 0x81 => {
            // an array of texts is an element for each
            if value.bytes.len() % 2 != 0 || !value.bytes.ends_with(&[0, 0]) {
                return None;
            }
            let (units, _) = value.bytes.as_chunks::<2>();
            let mut rest = value.bytes;
            for unit in units
                .split(|unit| *unit == [0, 0])
                .take(units.iter().filter(|unit| **unit == [0, 0]).count())
            {
                let text = &rest[..2 * unit.len()];
                rest = &rest[2 * unit.len() + 2..];
                datum(&step.target, fields, |out| write_utf16(text, out));
            }
        }
        Target::Named(_) | Target::Position => {
            if !is_plain(value) {
                return None;
            }
            datum(&step.target, fields, |out| write_plain(value, out));
        }
    }
    Some(())
}

fn datum(target: &Target, fields: &mut EventFields, write: impl FnOnce(&mut Vec<u8>)) {
    match target {
        Target::Named(name) => fields.add_with(name, write),
        _ => fields.add_position_with(write),
    }
}

/// What the event says of itself: numbers are written at once.
fn system(what: System, value: &Value<'_>, fields: &mut EventFields) -> Option<()> {
    if value.kind == 0 {
        return Some(());
    }
    if !is_plain(value) {
        return None;
    }
    match (what, value.kind) {
        (
            System::Version | System::Level | System::RecordId | System::ProcessId | System::EventId,
            0x04 | 0x06 | 0x08 | 0x0a,
        ) => {
            fields.set_with(what, |out| write_plain(value, out));
        }
        (System::Keywords, 0x15) | (System::Channel | System::Computer | System::Provider, 0x01) => {
            fields.set_with(what, |out| write_plain(value, out));
        }
        _ => {
            let mut text = Vec::new();
            write_plain(value, &mut text);
            fields.set(what, &text);
        }
    }
    Some(())
}

/// Whether a value's type is known here and its length fits.
fn is_plain(value: &Value<'_>) -> bool {
    let length = value.bytes.len();
    match value.kind {
        0x00 => true,
        0x01 => length.is_multiple_of(2),
        0x04 => length == 1,
        0x06 => length == 2,
        0x08 | 0x0d | 0x14 => length == 4,
        0x0a | 0x11 | 0x15 => length == 8,
        0x0e => true,
        0x0f => length == 16,
        0x10 => matches!(length, 4 | 8),
        0x13 => length >= 8 && length == 8 + 4 * usize::from(value.bytes[1]),
        _ => false,
    }
}

/// Writes a value as Windows shows it.
fn write_plain(value: &Value<'_>, out: &mut Vec<u8>) {
    let bytes = value.bytes;
    let number = || bytes.iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    match value.kind {
        0x01 => write_utf16(
            bytes
                .strip_suffix(&[0, 0])
                .filter(|text| text.len() % 2 == 0)
                .unwrap_or(bytes),
            out,
        ),
        0x04 | 0x06 | 0x08 | 0x0a => write_number(number(), out),
        0x0d => match number() {
            0 => out.extend_from_slice(b"false"),
            1 => out.extend_from_slice(b"true"),
            other => out.extend_from_slice((other as u32 as i32).to_string().as_bytes()),
        },
        0x0e => {
            let start = out.len();
            write_hex(bytes, out);
            out[start..].make_ascii_uppercase();
        }
        0x0f => {
            const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
            out.push(b'{');
            for (at, place) in ORDER.into_iter().enumerate() {
                if matches!(at, 4 | 6 | 8 | 10) {
                    out.push(b'-');
                }
                write_hex(&bytes[place..=place], out);
            }
            out.push(b'}');
        }
        0x11 => {
            let ticks = number();
            let micros = i64::try_from(ticks / 10).unwrap_or(i64::MAX);
            write_time(micros.saturating_sub(EPOCH_1601), out);
            // hundreds of nanoseconds, as Windows shows them
            out.pop();
            out.push(b'0' + (ticks % 10) as u8);
            out.push(b'Z');
        }
        0x13 => write_sid(bytes, out),
        0x10 | 0x14 | 0x15 => {
            use std::io::Write as _;
            let _ = write!(out, "{:#x}", number());
        }
        _ => {}
    }
}

/// A time as microseconds since 1970.
fn file_time(value: &Value<'_>) -> Option<i64> {
    let ticks = u64::from_le_bytes(value.bytes.try_into().ok().filter(|_| value.kind == 0x11)?);
    i64::try_from(ticks / 10).ok()?.checked_sub(EPOCH_1601)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}
