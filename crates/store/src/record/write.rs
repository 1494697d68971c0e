//! A record as canonical bytes.

use std::net::IpAddr;

use super::{Datum, FORM, Record};
use crate::parquet::bits::{put_varint as put, zigzag};

impl Record<'_> {
    /// Adds the canonical bytes to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.encode_as(&Common::of(self), out);
    }

    /// The same, where the part that it has in common with others is at hand.
    pub(crate) fn encode_as(&self, common: &Common, out: &mut Vec<u8>) {
        let mut head = Head::default();
        let flags = u8::from(self.trusted) | u8::from(self.redacted) << 1;
        head.add(&[FORM, self.kind as u8, flags, self.assumed.0]);
        for number in [self.seq, self.set, self.source, self.line] {
            head.put(number);
        }
        head.add(&self.id.to_le_bytes());
        head.option(self.time.map(zigzag));
        head.option(self.times);
        head.put(u64::from(self.pid));
        head.option(self.severity.map(|severity| severity as u64));
        out.extend_from_slice(head.bytes());
        out.extend_from_slice(&common.words);
        for part in [self.host, self.program, self.command_line, self.raw, self.body] {
            put_bytes(out, part);
        }
        put(out, self.fields.len() as u64);
        let mut from = 0;
        for ((_, datum), end) in self.fields.iter().zip(&common.ends) {
            out.extend_from_slice(&common.fields[from..*end]);
            from = *end;
            put_datum(out, datum);
        }
    }
}

/// The part of canonical bytes that records have in common whose words, and whose fields' keys and types, are the same.
#[derive(Debug)]
pub(crate) struct Common {
    words: Vec<u8>,
    /// Key and letter of each field, and where each ends.
    fields: Vec<u8>,
    ends: Vec<usize>,
}

impl Common {
    pub(crate) fn of(record: &Record<'_>) -> Common {
        let (mut words, mut fields, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        for word in record.words() {
            put_bytes(&mut words, word.as_bytes());
        }
        for (field, datum) in &record.fields {
            put_bytes(&mut fields, field.word().as_bytes());
            fields.push(datum.tag());
            ends.push(fields.len());
        }
        Common { words, fields, ends }
    }
}

/// The numbers that canonical bytes begin with: at most four bytes, five numbers of ten, eight bytes, three numbers of eleven.
struct Head {
    bytes: [u8; 96],
    len: usize,
}

impl Default for Head {
    fn default() -> Head {
        Head { bytes: [0; 96], len: 0 }
    }
}

impl Head {
    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    #[inline]
    fn add<const N: usize>(&mut self, bytes: &[u8; N]) {
        self.bytes[self.len..self.len + N].copy_from_slice(bytes);
        self.len += N;
    }

    #[inline]
    fn put(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.add(&[number as u8 | 0x80]);
            number >>= 7;
        }
        self.add(&[number as u8]);
    }

    #[inline]
    fn option(&mut self, number: Option<u64>) {
        self.add(&[u8::from(number.is_some())]);
        if let Some(number) = number {
            self.put(number);
        }
    }
}

pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Adds a value; the letter of its type stands before it, with the field's key.
fn put_datum(out: &mut Vec<u8>, datum: &Datum<'_>) {
    match datum {
        Datum::Text(bytes) | Datum::Bytes(bytes) => put_bytes(out, bytes),
        Datum::Word(word) => put_bytes(out, word.as_bytes()),
        Datum::Int(number) => put(out, zigzag(*number)),
        Datum::Seconds(seconds) => out.extend_from_slice(&seconds.to_bits().to_le_bytes()),
        Datum::Ip(IpAddr::V4(ip)) => put_bytes(out, &ip.octets()),
        Datum::Ip(IpAddr::V6(ip)) => put_bytes(out, &ip.octets()),
        Datum::Bool(flag) => out.push(u8::from(*flag)),
    }
}
