//! A record as it is kept: canonical bytes, of which there is one form for one record. They lie in the open segment, and they
//! are what a seal is made of; the columns of a segment's file are another form of the same (`columns.rs`).
//!
//! Numbers are LEB128 (signed ones in zigzag), texts and bytes have their length in front. The first byte is the version of
//! the form: a later one gets another number, and this one stays readable, because seals were made of it.

mod read;
mod write;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::OnceLock;

use tunlog_model::{Assumed, Field, Message, Severity};

pub use self::read::records;
pub(crate) use self::write::{Common, put_bytes};

/// The version of the canonical form.
pub const FORM: u8 = 1;

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

    /// The catalogue's words: dialect, message, variant, layer, event.
    pub(crate) fn words(&self) -> [&str; 5] {
        [self.dialect, self.message, self.variant, self.layer, self.event]
    }
}

/// The field of a key; by a table, because every field of every record is looked up.
pub fn field(word: &str) -> Option<Field> {
    static FIELDS: OnceLock<HashMap<&'static str, Field>> = OnceLock::new();
    let fields = FIELDS.get_or_init(|| Field::ALL.iter().map(|(field, word)| (*word, *field)).collect());
    fields.get(word).copied()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

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
