//! One chunk and the binary XML of its records.

use std::collections::HashMap;

use super::{CHUNK_BYTES, reseal};
use crate::windows::{EventData, WindowsEvent};

/// Where records begin in a chunk.
const RECORDS_AT: usize = 512;

/// Microseconds from 1601 to 1970.
const EPOCH_1601: i64 = 11_644_473_600_000_000;

/// A chunk that is being filled.
pub(super) struct Chunk {
    bytes: Vec<u8>,
    first: u64,
    next: u64,
    last_record_at: usize,
    /// Where names stand.
    names: HashMap<String, u32>,
    /// Where templates stand, by what they hold as literal text, with their number.
    templates: HashMap<Vec<String>, (u32, u32)>,
}

/// A value that is put into a template.
enum Value {
    Text(String),
    Texts(Vec<String>),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    Hex64(u64),
    Time(i64),
    Guid([u8; 16]),
    Binary(Vec<u8>),
}

impl Value {
    fn kind(&self) -> u8 {
        match self {
            Value::Text(_) => 0x01,
            Value::Texts(_) => 0x81,
            Value::U8(_) => 0x04,
            Value::U16(_) => 0x06,
            Value::U32(_) => 0x08,
            Value::U64(_) => 0x0a,
            Value::Binary(_) => 0x0e,
            Value::Guid(_) => 0x0f,
            Value::Time(_) => 0x11,
            Value::Hex64(_) => 0x15,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Value::Text(text) => utf16(text),
            Value::Texts(texts) => texts.iter().flat_map(|text| utf16(&format!("{text}\0"))).collect(),
            Value::U8(number) => vec![*number],
            Value::U16(number) => number.to_le_bytes().to_vec(),
            Value::U32(number) => number.to_le_bytes().to_vec(),
            Value::U64(number) | Value::Hex64(number) => number.to_le_bytes().to_vec(),
            Value::Time(micros) => ((micros + EPOCH_1601) * 10).to_le_bytes().to_vec(),
            Value::Guid(bytes) => bytes.to_vec(),
            Value::Binary(bytes) => bytes.clone(),
        }
    }
}

/// An element of a template.
#[derive(Default)]
struct Element {
    name: String,
    attributes: Vec<(&'static str, Part)>,
    content: Vec<Part>,
    children: Vec<Element>,
}

/// Literal text, or the number and the kind of a value.
enum Part {
    Literal(String),
    Slot(u16, u8),
}

impl Element {
    fn new(name: &str) -> Element {
        Element {
            name: name.to_string(),
            ..Element::default()
        }
    }
}

/// A template that is being made, with the values for it.
#[derive(Default)]
struct Record {
    values: Vec<Value>,
}

impl Record {
    fn slot(&mut self, value: Value) -> Part {
        let kind = value.kind();
        self.values.push(value);
        Part::Slot((self.values.len() - 1) as u16, kind)
    }

    fn with(&mut self, name: &str, value: Value) -> Element {
        let content = vec![self.slot(value)];
        Element {
            content,
            ..Element::new(name)
        }
    }

    fn event(&mut self, event: &WindowsEvent) -> Element {
        let mut root = Element::new("Event");
        let namespace = "http://schemas.microsoft.com/win/2004/08/events/event";
        root.attributes.push(("xmlns", Part::Literal(namespace.to_string())));
        root.children = vec![self.system(event), self.data(event)];
        root
    }

    fn system(&mut self, event: &WindowsEvent) -> Element {
        let mut system = Element::new("System");
        let mut provider = Element::new("Provider");
        provider
            .attributes
            .push(("Name", Part::Literal(event.provider.clone())));
        if let Some(source) = &event.source_name {
            provider
                .attributes
                .push(("EventSourceName", Part::Literal(source.clone())));
        }
        let mut id = self.with("EventID", Value::U16(event.id));
        if let Some(qualifiers) = event.qualifiers {
            id.attributes.push(("Qualifiers", self.slot(Value::U16(qualifiers))));
        }
        system.children.extend([provider, id]);
        system
            .children
            .extend(event.version.map(|version| self.with("Version", Value::U8(version))));
        system.children.push(self.with("Level", Value::U8(event.level)));
        system.children.push(self.with("Task", Value::U16(event.task)));
        system
            .children
            .push(self.with("Keywords", Value::Hex64(event.keywords)));
        let mut time = Element::new("TimeCreated");
        time.attributes.push(("SystemTime", self.slot(Value::Time(event.time))));
        system.children.push(time);
        system
            .children
            .push(self.with("EventRecordID", Value::U64(event.record_id)));
        let mut correlation = Element::new("Correlation");
        if let Some(id) = event.activity_id.as_deref().and_then(guid) {
            correlation.attributes.push(("ActivityID", self.slot(Value::Guid(id))));
        }
        system.children.push(correlation);
        if let Some((process, thread)) = event.execution {
            let mut execution = Element::new("Execution");
            execution.attributes.push(("ProcessID", self.slot(Value::U32(process))));
            execution.attributes.push(("ThreadID", self.slot(Value::U32(thread))));
            system.children.push(execution);
        }
        system
            .children
            .push(self.with("Channel", Value::Text(event.channel.clone())));
        system
            .children
            .push(self.with("Computer", Value::Text(event.computer.clone())));
        system.children.push(Element::new("Security"));
        system
    }

    fn data(&mut self, event: &WindowsEvent) -> Element {
        let mut data = Element::new("EventData");
        match &event.data {
            // a classic event's values are one array, and the element is repeated for each
            EventData::Positional(values) if values.is_empty() => {}
            EventData::Positional(values) => data.children.push(self.with("Data", Value::Texts(values.clone()))),
            EventData::Named(fields) => {
                for (name, value) in fields {
                    let mut element = self.with("Data", Value::Text(value.clone()));
                    element.attributes.push(("Name", Part::Literal(name.clone())));
                    data.children.push(element);
                }
            }
            EventData::User(name, fields) => {
                let mut inner = Element::new(name);
                inner.children = fields
                    .iter()
                    .map(|(name, value)| self.with(name, Value::Text(value.clone())))
                    .collect();
                data = Element::new("UserData");
                data.children.push(inner);
            }
        }
        data.children.extend(
            event
                .binary
                .as_ref()
                .map(|binary| self.with("Binary", Value::Binary(binary.clone()))),
        );
        data
    }
}

impl Chunk {
    pub(super) fn new(first: u64) -> Chunk {
        Chunk {
            bytes: vec![0; RECORDS_AT],
            first,
            next: first,
            last_record_at: RECORDS_AT,
            names: HashMap::new(),
            templates: HashMap::new(),
        }
    }

    /// The number of the record that comes next.
    pub(super) fn next_number(&self) -> u64 {
        self.next
    }

    /// Adds a record; false if it has no room, and then nothing was added.
    pub(super) fn add(&mut self, event: &WindowsEvent) -> bool {
        let (start, names, templates) = (self.bytes.len(), self.names.clone(), self.templates.clone());
        let mut record = Record::default();
        let root = record.event(event);
        self.bytes.extend(b"**\0\0\0\0\0\0");
        self.bytes.extend(self.next.to_le_bytes());
        self.bytes.extend(Value::Time(event.time).bytes());
        self.bytes.extend([0x0f, 1, 1, 0]);
        self.instance(&root, &record.values);
        self.bytes.push(0);
        let size = (self.bytes.len() + 4 - start).next_multiple_of(8);
        self.bytes.resize(start + size - 4, 0);
        self.bytes.extend((size as u32).to_le_bytes());
        self.bytes[start + 4..start + 8].copy_from_slice(&(size as u32).to_le_bytes());
        if self.bytes.len() > CHUNK_BYTES {
            self.bytes.truncate(start);
            (self.names, self.templates) = (names, templates);
            return false;
        }
        self.next += 1;
        self.last_record_at = start;
        true
    }

    /// The chunk's 64 KiB.
    pub(super) fn finish(self) -> Vec<u8> {
        let mut bytes = self.bytes;
        let free = bytes.len() as u32;
        bytes.resize(CHUNK_BYTES, 0);
        bytes[..8].copy_from_slice(b"ElfChnk\0");
        let last = self.next.saturating_sub(1);
        for (at, number) in [(8, self.first), (16, last), (24, self.first), (32, last)] {
            bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
        }
        for (at, number) in [(40, 128), (44, self.last_record_at as u32), (48, free)] {
            bytes[at..at + 4].copy_from_slice(&u32::to_le_bytes(number));
        }
        let mut names: Vec<(u32, u32)> = self
            .names
            .iter()
            .map(|(name, at)| (u32::from(hash(name)), *at))
            .collect();
        chain(&mut bytes, 128, 64, &mut names);
        let mut templates: Vec<(u32, u32)> = self.templates.values().map(|(number, at)| (*number, *at)).collect();
        chain(&mut bytes, 384, 32, &mut templates);
        reseal(&mut bytes);
        bytes
    }

    fn instance(&mut self, root: &Element, values: &[Value]) {
        let mut literals = Vec::new();
        shape(root, &mut literals);
        let known = self.templates.get(&literals).copied();
        let number = known.map_or(0x1000 + self.templates.len() as u32, |(number, _)| number);
        self.bytes.extend([0x0c, 1]);
        self.bytes.extend(number.to_le_bytes());
        let at = known.map_or(self.bytes.len() as u32 + 4, |(_, at)| at);
        self.bytes.extend(at.to_le_bytes());
        if known.is_none() {
            self.templates.insert(literals, (number, at));
            self.template(number, root);
        }
        self.bytes.extend((values.len() as u32).to_le_bytes());
        let encoded: Vec<Vec<u8>> = values.iter().map(Value::bytes).collect();
        for (value, bytes) in values.iter().zip(&encoded) {
            self.bytes.extend((bytes.len() as u16).to_le_bytes());
            self.bytes.extend([value.kind(), 0]);
        }
        for bytes in &encoded {
            self.bytes.extend(bytes);
        }
    }

    /// A definition: next in the chain, identifier (it begins with the number), length, body.
    fn template(&mut self, number: u32, root: &Element) {
        self.bytes.extend([0; 4]);
        self.bytes.extend(number.to_le_bytes());
        self.bytes.extend(*b"tunlog test.");
        let length_at = self.length();
        self.bytes.extend([0x0f, 1, 1, 0]);
        self.element(root);
        self.bytes.push(0);
        self.set_length(length_at);
    }

    fn element(&mut self, element: &Element) {
        let attributes = !element.attributes.is_empty();
        self.bytes.push(if attributes { 0x41 } else { 0x01 });
        self.bytes.extend([0xff, 0xff]);
        let length_at = self.length();
        self.name(&element.name);
        if attributes {
            let list_at = self.length();
            for (number, (name, part)) in element.attributes.iter().enumerate() {
                let more = number + 1 < element.attributes.len();
                self.bytes.push(if more { 0x46 } else { 0x06 });
                self.name(name);
                self.part(part);
            }
            self.set_length(list_at);
        }
        if element.content.is_empty() && element.children.is_empty() {
            self.bytes.push(0x03);
        } else {
            self.bytes.push(0x02);
            element.content.iter().for_each(|part| self.part(part));
            element.children.iter().for_each(|child| self.element(child));
            self.bytes.push(0x04);
        }
        self.set_length(length_at);
    }

    fn part(&mut self, part: &Part) {
        match part {
            Part::Literal(text) => {
                let text = utf16(text);
                self.bytes.extend([0x05, 0x01]);
                self.bytes.extend(((text.len() / 2) as u16).to_le_bytes());
                self.bytes.extend(text);
            }
            Part::Slot(number, kind) => {
                self.bytes.push(0x0d);
                self.bytes.extend(number.to_le_bytes());
                self.bytes.push(*kind);
            }
        }
    }

    /// A name's place; the name itself where it comes for the first time.
    fn name(&mut self, name: &str) {
        if let Some(at) = self.names.get(name) {
            return self.bytes.extend(at.to_le_bytes());
        }
        let at = self.bytes.len() as u32 + 4;
        self.names.insert(name.to_string(), at);
        let text = utf16(name);
        self.bytes.extend(at.to_le_bytes());
        self.bytes.extend([0; 4]);
        self.bytes.extend(hash(name).to_le_bytes());
        self.bytes.extend(((text.len() / 2) as u16).to_le_bytes());
        self.bytes.extend(text);
        self.bytes.extend([0, 0]);
    }

    fn length(&mut self) -> usize {
        self.bytes.extend([0; 4]);
        self.bytes.len()
    }

    fn set_length(&mut self, at: usize) {
        let length = (self.bytes.len() - at) as u32;
        self.bytes[at - 4..at].copy_from_slice(&length.to_le_bytes());
    }
}

/// Writes a table of chains: the entry of a bucket, and in each entry's first four bytes the one after it.
fn chain(bytes: &mut [u8], table_at: usize, buckets: u32, entries: &mut [(u32, u32)]) {
    entries.sort_by_key(|(_, at)| *at);
    for (hash, at) in entries.iter() {
        let mut link = table_at + 4 * (hash % buckets) as usize;
        while bytes[link..link + 4] != [0; 4] {
            link = bytes[link..link + 4]
                .iter()
                .rev()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        }
        bytes[link..link + 4].copy_from_slice(&at.to_le_bytes());
    }
}

/// What makes two templates the same: names, literal texts and kinds of values.
fn shape(element: &Element, out: &mut Vec<String>) {
    let part = |part: &Part| match part {
        Part::Literal(text) => format!("'{text}"),
        Part::Slot(number, kind) => format!("{number}:{kind}"),
    };
    out.push(format!("<{}", element.name));
    out.extend(
        element
            .attributes
            .iter()
            .map(|(name, value)| format!("{name}={}", part(value))),
    );
    out.extend(element.content.iter().map(part));
    element.children.iter().for_each(|child| shape(child, out));
    out.push(">".to_string());
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn hash(name: &str) -> u16 {
    name.encode_utf16().fold(0_u32, |hash, unit| {
        hash.wrapping_mul(65_599).wrapping_add(u32::from(unit))
    }) as u16
}

/// `{01234567-89ab-cdef-0123-456789abcdef}` as it is stored: the first three groups little-endian.
fn guid(text: &str) -> Option<[u8; 16]> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .map(|digit| digit as u8)
        .collect();
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] * 16 + pair[1]).collect();
    let mut guid: [u8; 16] = bytes.try_into().ok()?;
    guid[..4].reverse();
    guid[4..6].reverse();
    guid[6..8].reverse();
    Some(guid)
}
