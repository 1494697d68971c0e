//! A record as it is kept: canonical bytes, of which there is one form for one record. They lie in the open segment, and they
//! are what a seal is made of; the columns of a segment's file are another form of the same (`columns.rs`).
//!
//! Numbers are LEB128 (signed ones in zigzag), texts and bytes have their length in front. The first byte is the version of
//! the form: a later one gets another number, and this one stays readable, because seals were made of it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::OnceLock;

use tunlog_model::{Assumed, Field, Message, Severity};

use crate::parquet::bits::{put_varint as put, unzigzag, zigzag};

/// The version of the canonical form.
pub const FORM: u8 = 1;

/// Most fields of a record; the catalogue's longest message has a quarter of it.
const FIELDS_MAX: u64 = 256;

/// What a record tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something understood.
    Event,
    /// A line of a VPN daemon that nobody understood.
    Unrecognised,
    /// The record before it came so many times more.
    Repeated,
    /// The writer says that records were lost here.
    Lost,
}

impl Kind {
    /// Every kind with the word that stands in segments.
    pub const ALL: &[(Kind, &str)] = &[
        (Kind::Event, "event"),
        (Kind::Unrecognised, "unrecognised"),
        (Kind::Repeated, "repeated"),
        (Kind::Lost, "lost"),
    ];

    /// The word.
    pub fn word(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// The kind of a word.
    pub fn from_word(word: &str) -> Option<Kind> {
        Self::ALL
            .iter()
            .find(|(_, known)| *known == word)
            .map(|(kind, _)| *kind)
    }
}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Datum<'a> {
    /// As it stands in the line.
    Text(&'a [u8]),
    /// With the writer's escaping undone.
    Bytes(&'a [u8]),
    /// A whole number.
    Int(i64),
    /// Seconds with fraction.
    Seconds(f64),
    /// An address.
    Ip(IpAddr),
    /// A word of the contract.
    Word(&'a str),
    /// Yes or no.
    Bool(bool),
}

impl Datum<'_> {
    /// The letter that stands for its type.
    pub fn tag(&self) -> u8 {
        match self {
            Datum::Text(_) => b't',
            Datum::Bytes(_) => b'x',
            Datum::Int(_) => b'i',
            Datum::Seconds(_) => b's',
            Datum::Ip(_) => b'a',
            Datum::Word(_) => b'w',
            Datum::Bool(_) => b'b',
        }
    }
}

/// A record with everything that is needed to make the same event of it again.
#[derive(Clone, Debug, PartialEq)]
pub struct Record<'a> {
    /// What it tells.
    pub kind: Kind,
    /// Number in the store, from 0, without gaps.
    pub seq: u64,
    /// Which rotated set its source belongs to.
    pub set: u64,
    /// Which source.
    pub source: u64,
    /// 1-based line or record number in the source.
    pub line: u64,
    /// What makes it the same record in another file: a keyed hash of text, time and ordinal.
    pub id: u64,
    /// Microseconds since 1970-01-01T00:00:00Z; None before the first time of a source.
    pub time: Option<i64>,
    /// What was assumed of the time.
    pub assumed: Assumed,
    /// How often repeated, or how many were lost.
    pub times: Option<u64>,
    /// The host that wrote it.
    pub host: &'a [u8],
    /// The program.
    pub program: &'a [u8],
    /// The program's command line, where journald told it.
    pub command_line: &'a [u8],
    /// The writer's process id, 0 if unknown.
    pub pid: u32,
    /// Severity.
    pub severity: Option<Severity>,
    /// The transport vouches for the program.
    pub trusted: bool,
    /// `raw` has no secrets left.
    pub redacted: bool,
    /// The dialect.
    pub dialect: &'a str,
    /// The message's id within it.
    pub message: &'a str,
    /// What a code made of the message; empty if none did.
    pub variant: &'a str,
    /// The contract's word for the layer.
    pub layer: &'a str,
    /// The contract's word for the kind of event.
    pub event: &'a str,
    /// The record as it stands in the source.
    pub raw: &'a [u8],
    /// The message body of a line that nobody understood.
    pub body: &'a [u8],
    /// The fields in the order of the line.
    pub fields: Vec<(Field, Datum<'a>)>,
    /// Where its words come from.
    pub origin: Origin,
}

/// The message of which a record was made, where that is at hand; no part of what the record says. Two records of one message
/// have the same words.
#[derive(Clone, Copy, Debug, Default)]
pub struct Origin(pub Option<&'static Message>);

impl Origin {
    /// Whether both are known to be the same message.
    pub(crate) fn is_same(self, other: Origin) -> bool {
        self.0.zip(other.0).is_some_and(|(one, other)| std::ptr::eq(one, other))
    }

    /// What stands for it in a table.
    pub(crate) fn address(self) -> Option<usize> {
        self.0.map(|message| std::ptr::from_ref(message).addr())
    }
}

impl PartialEq for Origin {
    fn eq(&self, _: &Origin) -> bool {
        true
    }
}

/// Bytes that are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl Record<'_> {
    /// A record that says nothing yet.
    pub fn empty() -> Record<'static> {
        Record {
            kind: Kind::Event,
            seq: 0,
            set: 0,
            source: 0,
            line: 0,
            id: 0,
            time: None,
            assumed: Assumed::default(),
            times: None,
            host: b"",
            program: b"",
            command_line: b"",
            pid: 0,
            severity: None,
            trusted: false,
            redacted: false,
            dialect: "",
            message: "",
            variant: "",
            layer: "",
            event: "",
            raw: b"",
            body: b"",
            fields: Vec::new(),
            origin: Origin::default(),
        }
    }

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

    /// The catalogue's words: dialect, message, variant, layer, event.
    pub(crate) fn words(&self) -> [&str; 5] {
        [self.dialect, self.message, self.variant, self.layer, self.event]
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

impl<'a> Record<'a> {
    /// Reads canonical bytes, all of them.
    ///
    /// # Errors
    /// If they are none.
    pub fn decode(bytes: &'a [u8]) -> Result<Record<'a>, Malformed> {
        let mut from = Cursor { rest: bytes };
        let [form, kind, flags, assumed] = *from.take(4)? else {
            return Err(Malformed);
        };
        let (kind, _) = *Kind::ALL.get(usize::from(kind)).ok_or(Malformed)?;
        if form != FORM || flags > 3 {
            return Err(Malformed);
        }
        let (seq, set, source, line) = (from.number()?, from.number()?, from.number()?, from.number()?);
        let id = u64::from_le_bytes(from.take(8)?.try_into().map_err(|_| Malformed)?);
        let record = Record {
            kind,
            seq,
            set,
            source,
            line,
            id,
            assumed: Assumed(assumed),
            trusted: flags & 1 != 0,
            redacted: flags & 2 != 0,
            time: from.option()?.map(unzigzag),
            times: from.option()?,
            pid: u32::try_from(from.number()?).map_err(|_| Malformed)?,
            severity: from.severity()?,
            dialect: from.text()?,
            message: from.text()?,
            variant: from.text()?,
            layer: from.text()?,
            event: from.text()?,
            host: from.bytes()?,
            program: from.bytes()?,
            command_line: from.bytes()?,
            raw: from.bytes()?,
            body: from.bytes()?,
            fields: from.fields()?,
            origin: Origin::default(),
        };
        from.rest.is_empty().then_some(record).ok_or(Malformed)
    }
}

/// The records of bytes in which each has its length in front.
pub fn records(bytes: &[u8]) -> impl Iterator<Item = Result<&[u8], Malformed>> {
    let mut from = Cursor { rest: bytes };
    std::iter::from_fn(move || {
        if from.rest.is_empty() {
            return None;
        }
        let record = from.bytes();
        if record.is_err() {
            from.rest = &[];
        }
        Some(record)
    })
}

/// The field of a key; by a table, because every field of every record is looked up.
pub fn field(word: &str) -> Option<Field> {
    static FIELDS: OnceLock<HashMap<&'static str, Field>> = OnceLock::new();
    let fields = FIELDS.get_or_init(|| Field::ALL.iter().map(|(field, word)| (*word, *field)).collect());
    fields.get(word).copied()
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

struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        Ok(self.take(1)?[0])
    }

    fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            // one number has one form: no bits that fall off, no nought at the end
            if part << shift >> shift != part || (byte == 0 && shift > 0) {
                return Err(Malformed);
            }
            number |= part << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Malformed)
    }

    fn flag(&mut self) -> Result<bool, Malformed> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }

    fn option(&mut self) -> Result<Option<u64>, Malformed> {
        self.flag()?.then(|| self.number()).transpose()
    }

    fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let len = usize::try_from(self.number()?).map_err(|_| Malformed)?;
        self.take(len)
    }

    fn text(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed)
    }

    fn severity(&mut self) -> Result<Option<Severity>, Malformed> {
        let known = |number: u64| {
            let at = usize::try_from(number).map_err(|_| Malformed)?;
            Severity::ALL.get(at).map(|(severity, _)| *severity).ok_or(Malformed)
        };
        self.option()?.map(known).transpose()
    }

    fn fields(&mut self) -> Result<Vec<(Field, Datum<'a>)>, Malformed> {
        let count = self.number()?;
        if count > FIELDS_MAX {
            return Err(Malformed);
        }
        (0..count)
            .map(|_| Ok((field(self.text()?).ok_or(Malformed)?, self.datum()?)))
            .collect()
    }

    fn datum(&mut self) -> Result<Datum<'a>, Malformed> {
        Ok(match self.byte()? {
            b't' => Datum::Text(self.bytes()?),
            b'x' => Datum::Bytes(self.bytes()?),
            b'w' => Datum::Word(self.text()?),
            b'i' => Datum::Int(unzigzag(self.number()?)),
            b's' => {
                let bits = self.take(8)?.try_into().map_err(|_| Malformed)?;
                Datum::Seconds(f64::from_bits(u64::from_le_bytes(bits)))
            }
            b'a' => Datum::Ip(ip(self.bytes()?).ok_or(Malformed)?),
            b'b' => Datum::Bool(self.flag()?),
            _ => return Err(Malformed),
        })
    }
}

fn ip(octets: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(octets) {
        return Some(Ipv4Addr::from(four).into());
    }
    let sixteen = <[u8; 16]>::try_from(octets).ok()?;
    Some(Ipv6Addr::from(sixteen).into())
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A record that has everything.
    pub(crate) fn full() -> Record<'static> {
        Record {
            kind: Kind::Event,
            seq: 7,
            set: 1,
            source: 300,
            line: 70_000,
            id: u64::MAX,
            time: Some(-5),
            assumed: Assumed::YEAR.with(Assumed::ZONE),
            times: None,
            host: b"vpn1",
            program: b"pppd",
            command_line: b"/usr/sbin/pppd local",
            pid: 4711,
            severity: Some(Severity::Notice),
            trusted: true,
            redacted: true,
            dialect: "pppd",
            message: "peer-failed-chap",
            variant: "",
            layer: "auth",
            event: "auth-failed",
            raw: b"Nov 20 10:00:00 vpn1 pppd[4711]: Peer anna failed CHAP authentication",
            body: b"",
            fields: vec![
                (Field::User, Datum::Text(b"anna")),
                (Field::Name, Datum::Bytes(b"\xff\x00")),
                (Field::Code, Datum::Int(i64::MIN)),
                (Field::DurationS, Datum::Seconds(0.1)),
                (Field::ClientIp, Datum::Ip(Ipv4Addr::new(192, 0, 2, 1).into())),
                (Field::Address, Datum::Ip(Ipv6Addr::LOCALHOST.into())),
                (Field::AuthMethod, Datum::Word("ms-chap-v2")),
                (Field::MppeStateful, Datum::Bool(false)),
                (Field::User, Datum::Text(b"")),
            ],
            origin: Origin::default(),
        }
    }

    #[test]
    fn a_record_comes_back_as_it_was() {
        let record = full();
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        assert_eq!(Record::decode(&bytes), Ok(record));
        assert!((0..bytes.len()).all(|len| Record::decode(&bytes[..len]).is_err()));
        bytes.push(0);
        assert!(Record::decode(&bytes).is_err(), "what follows is no part of it");
    }

    proptest! {
        /// What is read is written the same way: nothing can be changed that a reader does not see.
        #[test]
        fn one_record_has_one_form(at in 0_usize..300, to: u8) {
            let mut bytes = Vec::new();
            full().encode(&mut bytes);
            let at = at % bytes.len();
            bytes[at] = to;
            if let Ok(read) = Record::decode(&bytes) {
                let mut again = Vec::new();
                read.encode(&mut again);
                prop_assert_eq!(again, bytes);
            }
        }

        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Record::decode(&bytes);
            prop_assert!(records(&bytes).count() <= bytes.len());
        }
    }
}
