//! Templates of binary XML, made ready once per chunk: which value of a record is what. A template holds an event's elements and
//! literal texts; a record refers to it and brings the values.
//!
//! Only what event logs usually hold is understood: an element has either one text, literal or from a value, or elements. All
//! else is left to the crate `evtx`, which knows every corner but takes several times as long.

use super::System;
use super::values::write_utf16;

/// Deepest nesting of elements; Windows' own goes to five.
const DEPTH_MAX: usize = 16;

/// Longest name of an element.
const NAME_UNITS_MAX: usize = 256;

/// Where a text comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// It stands in the template.
    Literal(Vec<u8>),
    /// It is the record's value with this number.
    Value(usize),
}

/// What becomes of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// What the event says of itself.
    System(System),
    /// The event's time.
    Stamp,
    /// Data with a name.
    Named(Vec<u8>),
    /// Data without.
    Position,
    /// The binary part.
    Binary,
    /// A fragment with a template of its own, which stands there.
    Fragment(Root),
}

/// What the root element of a template is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Root {
    /// The event.
    Event,
    /// A part of it, beside `System`.
    Part,
    /// What `UserData` holds.
    UserData,
    /// What `EventData` holds.
    EventData,
}

/// One text of an event.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub target: Target,
    pub origin: Origin,
    /// It stands only where the values with these numbers are there.
    pub depends: Vec<usize>,
}

/// Reads the template whose body begins at `at` of a chunk. None if there is anything unusual about it.
pub(super) fn read(chunk: &[u8], at: usize, end: usize, root: Root) -> Option<Vec<Step>> {
    let mut reader = Reader {
        chunk,
        at,
        end: end.min(chunk.len()),
        steps: Vec::new(),
        depends: Vec::new(),
    };
    reader.must_be(&[0x0f, 1, 1, 0])?;
    let (depth, part) = match root {
        Root::Event => (1, Part::None),
        Root::Part => (2, Part::None),
        Root::UserData => (3, Part::UserData),
        Root::EventData => (3, Part::EventData),
    };
    let place = Place { depth, part };
    let token = reader.byte()?;
    reader.element(token, place)?;
    reader.must_be(&[0x00])?;
    Some(reader.steps)
}

/// Which part of the event an element belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    None,
    System,
    EventData,
    UserData,
    Other,
}

/// Where an element stands.
#[derive(Clone, Copy)]
struct Place {
    depth: usize,
    part: Part,
}

struct Reader<'c> {
    chunk: &'c [u8],
    at: usize,
    end: usize,
    steps: Vec<Step>,
    /// Values on which the open elements depend.
    depends: Vec<usize>,
}

impl Reader<'_> {
    fn bytes(&mut self, count: usize) -> Option<&[u8]> {
        let start = self.at;
        let end = start.checked_add(count).filter(|end| *end <= self.end)?;
        self.at = end;
        self.chunk.get(start..end)
    }

    fn byte(&mut self) -> Option<u8> {
        self.bytes(1).map(|bytes| bytes[0])
    }

    fn u16(&mut self) -> Option<u16> {
        self.bytes(2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    fn u32(&mut self) -> Option<u32> {
        let bytes = self.bytes(4)?;
        Some(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn must_be(&mut self, bytes: &[u8]) -> Option<()> {
        (self.bytes(bytes.len())? == bytes).then_some(())
    }

    /// A name: a place in the chunk, and where that is here, the name itself.
    fn name(&mut self) -> Option<Vec<u8>> {
        let place = self.u32()? as usize;
        let link = self.chunk.get(place..)?;
        let units = usize::from(u16::from_le_bytes(link.get(6..8)?.try_into().ok()?));
        if units > NAME_UNITS_MAX {
            return None;
        }
        let mut name = Vec::new();
        write_utf16(link.get(8..8 + 2 * units)?, &mut name);
        if place == self.at {
            self.bytes(8 + 2 * units + 2)?;
        }
        Some(name)
    }

    /// An element behind its token.
    fn element(&mut self, token: u8, place: Place) -> Option<()> {
        if !matches!(token, 0x01 | 0x41) || place.depth > DEPTH_MAX {
            return None;
        }
        let depends = Some(self.u16()?).filter(|number| *number != 0xffff);
        self.depends.extend(depends.map(usize::from));
        self.u32()?;
        let name = self.name()?;
        let part = match (place.depth, &name[..]) {
            (1, b"Event") => Part::None,
            (1, _) => return None,
            (2, b"System") => Part::System,
            (2, b"EventData") => Part::EventData,
            (2, b"UserData") => Part::UserData,
            (2, _) => Part::Other,
            _ => place.part,
        };
        let place = Place { part, ..place };
        let mut data_name = None;
        if token == 0x41 {
            self.u32()?;
            data_name = self.attributes(&name, place)?;
        }
        match self.byte()? {
            0x03 => self.text_of(name, data_name, Origin::Literal(Vec::new()), place),
            0x02 => self.content(name, data_name, place)?,
            _ => return None,
        }
        if depends.is_some() {
            self.depends.pop();
        }
        Some(())
    }

    /// The attributes of an element; the name that it gives to its data.
    fn attributes(&mut self, element: &[u8], place: Place) -> Option<Option<Vec<u8>>> {
        let mut data_name = None;
        loop {
            let token = self.byte()?;
            if !matches!(token, 0x06 | 0x46) {
                return None;
            }
            let name = self.name()?;
            let token_of_value = self.byte()?;
            let origin = self.origin(token_of_value)?;
            let target = match (place.depth, place.part, element, &name[..]) {
                (3, Part::EventData, _, b"Name") => match origin {
                    Origin::Literal(name) => {
                        data_name = Some(name).filter(|name| !name.is_empty());
                        None
                    }
                    Origin::Value(_) => return None,
                },
                (3, Part::System, b"Provider", b"Name") => Some((Target::System(System::Provider), origin)),
                (3, Part::System, b"Provider", b"EventSourceName") => {
                    Some((Target::System(System::SourceName), origin))
                }
                (3, Part::System, b"Correlation", b"ActivityID") => Some((Target::System(System::ActivityId), origin)),
                (3, Part::System, b"Execution", b"ProcessID") => Some((Target::System(System::ProcessId), origin)),
                (3, Part::System, b"TimeCreated", b"SystemTime") => Some((Target::Stamp, origin)),
                _ => None,
            };
            if let Some((target, origin)) = target {
                self.step(target, origin);
            }
            if token == 0x06 {
                return Some(data_name);
            }
        }
    }

    /// A literal text or the number of a value, behind its token.
    fn origin(&mut self, token: u8) -> Option<Origin> {
        match token {
            0x05 => {
                if self.byte()? != 0x01 {
                    return None;
                }
                let units = usize::from(self.u16()?);
                let mut text = Vec::new();
                write_utf16(self.bytes(2 * units)?, &mut text);
                Some(Origin::Literal(text))
            }
            0x0d | 0x0e => {
                let number = usize::from(self.u16()?);
                self.byte()?;
                Some(Origin::Value(number))
            }
            _ => None,
        }
    }

    /// What stands between an element's tags: one text, or elements.
    fn content(&mut self, name: Vec<u8>, data_name: Option<Vec<u8>>, place: Place) -> Option<()> {
        let inside = Place {
            depth: place.depth + 1,
            ..place
        };
        let mut text = None;
        let mut elements = false;
        loop {
            match self.byte()? {
                0x04 => break,
                token @ (0x01 | 0x41) if text.is_none() => {
                    elements = true;
                    self.element(token, inside)?;
                }
                // the data of an event are often a fragment of their own, beside `System`
                token @ (0x0d | 0x0e) if place.depth == 1 => {
                    let origin = self.origin(token)?;
                    self.step(Target::Fragment(Root::Part), origin);
                    elements = true;
                }
                token if text.is_none() && !elements => text = Some(self.origin(token)?),
                _ => return None,
            }
        }
        if elements {
            return Some(());
        }
        self.text_of(name, data_name, text.unwrap_or(Origin::Literal(Vec::new())), place);
        Some(())
    }

    fn step(&mut self, target: Target, origin: Origin) {
        let depends = self.depends.clone();
        self.steps.push(Step {
            target,
            origin,
            depends,
        });
    }

    /// Decides what the text of an element is.
    fn text_of(&mut self, name: Vec<u8>, data_name: Option<Vec<u8>>, origin: Origin, place: Place) {
        let target = match (place.depth, place.part, &name[..]) {
            (2, Part::UserData, _) => Some(Target::Fragment(Root::UserData)),
            (2, Part::EventData, _) => Some(Target::Fragment(Root::EventData)),
            (3, Part::System, element) => super::xml_event::system(element).map(Target::System),
            (3, Part::EventData, b"Binary") => Some(Target::Binary),
            (3, Part::EventData, b"Data") => Some(data_name.map_or(Target::Position, Target::Named)),
            (3, Part::EventData, _) => Some(Target::Named(name)),
            (4.., Part::UserData, _) => Some(Target::Named(name)),
            _ => None,
        };
        if let Some(target) = target {
            self.step(target, origin);
        }
    }
}
