//! Thrift's compact protocol (github.com/apache/thrift, doc/specs/thrift-compact-protocol.md), of which Parquet's headers and
//! footers are made: what our files hold of it is written, anything well-formed is read, and what is not known is passed over.

use super::bits::{put_varint, take_varint, unzigzag, zigzag};

/// Types of fields.
pub const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
pub const I32: u8 = 5;
pub const I64: u8 = 6;
const DOUBLE: u8 = 7;
pub const BINARY: u8 = 8;
pub const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
pub const STRUCT: u8 = 12;
const UUID: u8 = 13;

/// How deep structures may lie in each other.
const DEPTH_MAX: u32 = 16;

/// Writes structures.
#[derive(Default)]
pub struct Out {
    pub bytes: Vec<u8>,
    /// The last field's number, of each structure that is open.
    last: Vec<i16>,
}

impl Out {
    /// Begins a structure: the whole, or an element of a list.
    pub fn begin(&mut self) {
        self.last.push(0);
    }

    /// Ends the structure that was begun last.
    pub fn end(&mut self) {
        self.last.pop();
        self.bytes.push(0);
    }

    fn field(&mut self, number: i16, kind: u8) {
        let Some(last) = self.last.last_mut() else { return };
        // our structures have their fields in order, with small steps
        let step = (number - *last) as u8;
        *last = number;
        self.bytes.push(step << 4 | kind);
    }

    /// A whole number of 32 bits.
    pub fn i32(&mut self, number: i16, value: i64) {
        self.field(number, I32);
        put_varint(&mut self.bytes, zigzag(value));
    }

    /// A whole number of 64 bits.
    pub fn i64(&mut self, number: i16, value: i64) {
        self.field(number, I64);
        put_varint(&mut self.bytes, zigzag(value));
    }

    /// Yes.
    pub fn yes(&mut self, number: i16) {
        self.field(number, TRUE);
    }

    /// Bytes.
    pub fn binary(&mut self, number: i16, value: &[u8]) {
        self.field(number, BINARY);
        self.element(value);
    }

    /// Begins a structure as a field.
    pub fn structure(&mut self, number: i16) {
        self.field(number, STRUCT);
        self.begin();
    }

    /// A list of `len` elements follows.
    pub fn list(&mut self, number: i16, kind: u8, len: usize) {
        self.field(number, LIST);
        match len {
            0..15 => self.bytes.push((len as u8) << 4 | kind),
            _ => {
                self.bytes.push(0xf0 | kind);
                put_varint(&mut self.bytes, len as u64);
            }
        }
    }

    /// Bytes as an element of a list.
    pub fn element(&mut self, value: &[u8]) {
        put_varint(&mut self.bytes, value.len() as u64);
        self.bytes.extend_from_slice(value);
    }

    /// A whole number as an element of a list.
    pub fn number(&mut self, value: i64) {
        put_varint(&mut self.bytes, zigzag(value));
    }
}

/// Reads structures. Everything answers None where the bytes are not what they should be.
pub struct In<'a> {
    pub rest: &'a [u8],
    depth: u32,
}

impl<'a> In<'a> {
    /// Of these bytes.
    pub fn new(bytes: &'a [u8]) -> In<'a> {
        In { rest: bytes, depth: 0 }
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// A whole number of any width.
    pub fn number(&mut self) -> Option<i64> {
        take_varint(&mut self.rest).map(unzigzag)
    }

    /// Bytes with their length.
    pub fn binary(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(take_varint(&mut self.rest)?).ok()?;
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    /// Reads a structure: `each` is told of every field, and says whether it read it (otherwise it is passed over).
    pub fn structure(&mut self, each: &mut dyn FnMut(&mut In<'a>, i16, u8) -> Option<bool>) -> Option<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        let mut last = 0_i16;
        loop {
            let head = self.byte()?;
            if head == 0 {
                self.depth -= 1;
                return Some(());
            }
            last = match head >> 4 {
                0 => i16::try_from(self.number()?).ok()?,
                step => last.checked_add(i16::from(step))?,
            };
            let kind = head & 0xf;
            if !each(self, last, kind)? {
                self.skip(kind)?;
            }
        }
    }

    /// The kind and number of the elements of a list.
    pub fn list(&mut self) -> Option<(u8, usize)> {
        let head = self.byte()?;
        let len = match head >> 4 {
            15 => usize::try_from(take_varint(&mut self.rest)?).ok()?,
            short => usize::from(short),
        };
        // an element has a byte at least
        (len <= self.rest.len()).then_some((head & 0xf, len))
    }

    fn skip(&mut self, kind: u8) -> Option<()> {
        match kind {
            TRUE | FALSE => Some(()),
            BYTE => self.byte().map(drop),
            I16 | I32 | I64 => self.number().map(drop),
            DOUBLE => self.skip_bytes(8),
            UUID => self.skip_bytes(16),
            BINARY => self.binary().map(drop),
            STRUCT => self.structure(&mut |_, _, _| Some(false)),
            LIST | SET => {
                let (kind, len) = self.list()?;
                self.nested(|read| (0..len).try_for_each(|_| read.skip_element(kind)))
            }
            MAP => {
                let len = usize::try_from(take_varint(&mut self.rest)?).ok()?;
                if len == 0 {
                    return Some(());
                }
                let kinds = self.byte()?;
                let each = |read: &mut In<'a>| {
                    read.skip_element(kinds >> 4)?;
                    read.skip_element(kinds & 0xf)
                };
                self.nested(|read| (0..len).try_for_each(|_| each(read)))
            }
            _ => None,
        }
    }

    fn skip_bytes(&mut self, len: usize) -> Option<()> {
        self.rest = self.rest.get(len..)?;
        Some(())
    }

    /// In a list a truth value has a byte of its own.
    fn skip_element(&mut self, kind: u8) -> Option<()> {
        match kind {
            TRUE | FALSE => self.byte().map(drop),
            kind => self.skip(kind),
        }
    }

    fn nested(&mut self, read: impl FnOnce(&mut In<'a>) -> Option<()>) -> Option<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        read(self)?;
        self.depth -= 1;
        Some(())
    }
}
