//! One `<Event>` of Windows' XML, whatever wrote it: the Event Viewer, `wevtutil`, `ToXml()`, or the reader of EVTX.

use quick_xml::Reader;
use quick_xml::events::attributes::Attributes;
use quick_xml::events::{BytesStart, Event};

use super::{EventFields, System, values};

/// Deepest nesting that is read; Windows' own goes to five.
const DEPTH_MAX: usize = 32;

/// Which part of the event is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    None,
    System,
    EventData,
    UserData,
}

/// What the reader remembers between tags.
struct Place {
    depth: usize,
    part: Part,
    /// Name of the data element that is open.
    name: Option<Vec<u8>>,
    text: Vec<u8>,
    /// The element that is open has no children so far.
    leaf: bool,
}

/// Reads the event that `xml` is.
pub(super) fn read(xml: &[u8], fields: &mut EventFields) -> Result<(), String> {
    fields.clear();
    let mut reader = Reader::from_reader(xml);
    reader.config_mut().check_end_names = true;
    let mut place = Place {
        depth: 0,
        part: Part::None,
        name: None,
        text: Vec::new(),
        leaf: false,
    };
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => place.open(&tag, fields)?,
            Ok(Event::Empty(tag)) => {
                place.open(&tag, fields)?;
                place.close(tag.local_name().as_ref(), fields);
            }
            Ok(Event::End(tag)) => place.close(tag.local_name().as_ref(), fields),
            Ok(Event::Text(text)) => place.text.extend_from_slice(&text),
            Ok(Event::CData(text)) => place.text.extend_from_slice(&text),
            Ok(Event::GeneralRef(name)) => entity(&name, &mut place.text),
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(error) => return Err(format!("not well-formed XML ({error})")),
        }
    }
    if place.depth > 0 {
        return Err("an element is not closed".to_string());
    }
    if !fields.is_event() {
        return Err("no provider or no event id".to_string());
    }
    Ok(())
}

impl Place {
    fn open(&mut self, tag: &BytesStart<'_>, fields: &mut EventFields) -> Result<(), String> {
        self.depth += 1;
        self.text.clear();
        self.leaf = true;
        let name = tag.local_name();
        match (self.depth, self.part) {
            (1, _) => {}
            (2, _) => {
                self.part = match name.as_ref() {
                    b"System" => Part::System,
                    b"EventData" => Part::EventData,
                    b"UserData" => Part::UserData,
                    _ => Part::None,
                };
            }
            (3, Part::System) => system_attributes(name.as_ref(), tag.attributes(), fields)?,
            (3, Part::EventData) => self.name = data_name(tag.attributes())?,
            (DEPTH_MAX.., _) => return Err("nested too deeply".to_string()),
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, element: &[u8], fields: &mut EventFields) {
        match (self.depth, self.part) {
            (3, Part::System) => {
                if let Some(what) = system(element) {
                    fields.set(what, &self.text);
                }
            }
            (3, Part::EventData) => match (element, self.name.take()) {
                (b"Data", None) => fields.add(&self.text),
                (b"Data", Some(name)) => fields.add_named(&name, &self.text),
                (b"Binary", _) => fields.set_binary(&self.text),
                // events that were logged with a template of their own have elements instead of `Data`
                (other, _) if self.leaf => fields.add_named(other, &self.text),
                _ => {}
            },
            // the element at depth three bears the name of the template
            (4.., Part::UserData) if self.leaf => fields.add_named(element, &self.text),
            _ => {}
        }
        self.leaf = false;
        self.text.clear();
        self.depth = self.depth.saturating_sub(1);
        if self.depth < 2 {
            self.part = Part::None;
        }
    }
}

pub(super) fn system(element: &[u8]) -> Option<System> {
    Some(match element {
        b"EventID" => System::EventId,
        b"Version" => System::Version,
        b"Level" => System::Level,
        b"Keywords" => System::Keywords,
        b"EventRecordID" => System::RecordId,
        b"Channel" => System::Channel,
        b"Computer" => System::Computer,
        _ => return None,
    })
}

fn system_attributes(element: &[u8], attributes: Attributes<'_>, fields: &mut EventFields) -> Result<(), String> {
    let mut value = Vec::new();
    for attribute in attributes {
        let attribute = attribute.map_err(|error| format!("a bad attribute ({error})"))?;
        let what = match (element, attribute.key.as_ref()) {
            (b"Provider", b"Name") => Some(System::Provider),
            (b"Provider", b"EventSourceName") => Some(System::SourceName),
            (b"Correlation", b"ActivityID") => Some(System::ActivityId),
            (b"Execution", b"ProcessID") => Some(System::ProcessId),
            (b"TimeCreated", b"SystemTime") => None,
            _ => continue,
        };
        value.clear();
        unescape(&attribute.value, &mut value);
        match what {
            Some(what) => fields.set(what, &value),
            None => fields.set_stamp(values::utc(&value)),
        }
    }
    Ok(())
}

/// The `Name` of a data element.
fn data_name(attributes: Attributes<'_>) -> Result<Option<Vec<u8>>, String> {
    for attribute in attributes {
        let attribute = attribute.map_err(|error| format!("a bad attribute ({error})"))?;
        if attribute.key.as_ref() == b"Name" && !attribute.value.is_empty() {
            let mut name = Vec::new();
            unescape(&attribute.value, &mut name);
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// Undoes the entities of a text.
fn unescape(mut text: &[u8], out: &mut Vec<u8>) {
    while let Some(at) = memchr::memchr(b'&', text) {
        out.extend_from_slice(&text[..at]);
        text = &text[at + 1..];
        match text.iter().take(12).position(|byte| *byte == b';') {
            Some(end) => {
                entity(&text[..end], out);
                text = &text[end + 1..];
            }
            None => out.push(b'&'),
        }
    }
    out.extend_from_slice(text);
}

/// Writes what an entity stands for. There are no others than XML's own: a document type is never looked at.
fn entity(name: &[u8], out: &mut Vec<u8>) {
    let plain = match name {
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"amp" => Some('&'),
        b"quot" => Some('"'),
        b"apos" => Some('\''),
        [b'#', b'x' | b'X', digits @ ..] => code(digits, 16),
        [b'#', digits @ ..] => code(digits, 10),
        _ => None,
    };
    match plain {
        Some(letter) => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        None => {
            out.push(b'&');
            out.extend_from_slice(name);
            out.push(b';');
        }
    }
}

fn code(digits: &[u8], radix: u32) -> Option<char> {
    let digits = std::str::from_utf8(digits).ok()?;
    char::from_u32(u32::from_str_radix(digits, radix).ok()?)
}
