//! Values into the columns of the open segment.

use tunlog_model::text;

use crate::columns::{EXACT_MAX, Type, put_text};
use crate::parquet::bits::Bits;
use crate::parquet::{Chunk, Values, Words};
use crate::record::Datum;

impl Chunk {
    pub(super) fn of(values: Values) -> Chunk {
        Chunk {
            present: Bits::default(),
            values,
        }
    }

    pub(super) fn words(seed: u64) -> Chunk {
        Chunk::of(Values::Words(Words::new(seed), Vec::new()))
    }

    /// The next row that holds something: bytes that are UTF-8.
    #[inline]
    pub(super) fn bytes(&mut self, row: usize, bytes: &[u8]) {
        self.present.set(row);
        match &mut self.values {
            Values::Words(words, rows) => rows.push(words.text(bytes)),
            Values::Plain(page) | Values::Dense(page) => {
                page.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
                page.extend_from_slice(bytes);
            }
            Values::Steps(_) | Values::Flags(_) => {}
        }
    }

    /// The same, unless there are none. `known`: they are UTF-8.
    #[inline]
    pub(super) fn filled(&mut self, row: usize, bytes: &[u8], known: bool) {
        if !bytes.is_empty() {
            self.text(row, bytes, known);
        }
    }

    #[inline]
    pub(super) fn text(&mut self, row: usize, bytes: &[u8], known: bool) {
        match known {
            true => self.bytes(row, bytes),
            // bytes that are no UTF-8 appear as `\xNN`; exactly they stand in another column
            false => self.bytes(row, text::lossy(bytes).as_bytes()),
        }
    }

    #[inline]
    pub(super) fn int(&mut self, row: usize, number: i64) {
        match &mut self.values {
            Values::Words(words, rows) => rows.push(words.int(number)),
            Values::Plain(page) | Values::Dense(page) => page.extend_from_slice(&number.to_le_bytes()),
            Values::Steps(steps) => steps.push(number),
            Values::Flags(flags) if number != 0 => flags.set(self.present.count()),
            Values::Flags(_) => {}
        }
        self.present.set(row);
    }

    /// Puts a value into a field's own column of this type; false if it cannot stand there.
    pub(super) fn own(&mut self, kind: Type, row: usize, datum: &Datum<'_>, known: bool, room: &mut Vec<u8>) -> bool {
        match (kind, datum) {
            (Type::Int, Datum::Int(number)) => self.int(row, *number),
            (Type::Double, Datum::Seconds(seconds)) => self.int(row, seconds.to_bits() as i64),
            // whole seconds, while a double holds them exactly
            (Type::Double, Datum::Int(number)) if number.unsigned_abs() < EXACT_MAX => {
                self.int(row, (*number as f64).to_bits() as i64);
            }
            (Type::Bool, Datum::Bool(flag)) => self.int(row, i64::from(*flag)),
            (Type::Text, datum) => self.text(row, as_text(datum, room), known),
            _ => return false,
        }
        true
    }
}

/// A value as text; `room` is for those that are none.
pub(super) fn as_text<'a>(datum: &Datum<'a>, room: &'a mut Vec<u8>) -> &'a [u8] {
    match datum {
        Datum::Text(bytes) | Datum::Bytes(bytes) => bytes,
        Datum::Word(word) => word.as_bytes(),
        other => {
            room.clear();
            put_text(other, room);
            room
        }
    }
}
