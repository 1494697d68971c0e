//! The columns of a segment: a record's other form, for people and for every tool that reads Parquet. `docs/store.md` is the
//! manual of this table. Both forms hold the same: what `gather.rs` writes of a record, `segment.rs` makes the record of again.

use std::borrow::Cow;
use std::io::Write as _;
use std::net::IpAddr;

use tunlog_model::{Field, text};

use crate::parquet::{Logical, Physical};
use crate::record::Datum;

/// The version of the columns, written into every file.
pub const SCHEMA: &str = "2";
/// The key under which it stands there.
pub const SCHEMA_KEY: &str = "tunlog.schema";
/// The column of the fields without a column of their own.
pub const FIELDS: &str = "fields";

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Microseconds since 1970-01-01T00:00:00Z.
    Time,
    /// A whole number.
    Int,
    /// A number with fraction.
    Double,
    /// UTF-8.
    Text,
    /// Bytes.
    Binary,
    /// Yes or no.
    Bool,
}

impl Type {
    /// How its values lie in a file.
    pub fn physical(self) -> Physical {
        match self {
            Type::Time | Type::Int => Physical::Int64,
            Type::Double => Physical::Double,
            Type::Text | Type::Binary => Physical::Bytes,
            Type::Bool => Physical::Boolean,
        }
    }

    fn logical(self) -> Logical {
        match self {
            Type::Time => Logical::Time,
            Type::Text => Logical::Text,
            _ => Logical::None,
        }
    }

    /// Whether a value whose type has this letter can stand in such a column of its own.
    pub fn takes(self, tag: u8) -> bool {
        match self {
            Type::Int => tag == b'i',
            Type::Double => matches!(tag, b's' | b'i'),
            Type::Bool => tag == b'b',
            Type::Text => true,
            Type::Time | Type::Binary => false,
        }
    }
}

/// Columns that stand before the fields.
pub const LEADING: &[(&str, Type)] = &[
    ("time", Type::Time),
    ("assumed", Type::Text),
    ("gateway", Type::Text),
    ("source", Type::Text),
    ("line", Type::Int),
    ("program", Type::Text),
    ("pid", Type::Int),
    ("dialect", Type::Text),
    ("message", Type::Text),
    ("layer", Type::Text),
    ("event", Type::Text),
    ("severity", Type::Text),
];

/// Columns that stand behind the fields: what a person asks for less, and what makes the record the same again.
pub const TRAILING: &[(&str, Type)] = &[
    ("raw", Type::Text),
    ("kind", Type::Text),
    ("times", Type::Int),
    ("command_line", Type::Text),
    ("body", Type::Text),
    ("variant", Type::Text),
    ("trusted", Type::Bool),
    ("redacted", Type::Bool),
    ("assumed_flags", Type::Int),
    ("seq", Type::Int),
    ("set_id", Type::Int),
    ("source_id", Type::Int),
    ("record_id", Type::Int),
    ("shape", Type::Text),
    ("exact", Type::Binary),
];

/// Fields that have a column of their own: those of the contract's common fields. The rest is in the map `fields`.
pub const COMMON: &[(Field, Type)] = &[
    (Field::User, Type::Text),
    (Field::ClientIp, Type::Text),
    (Field::ClientPort, Type::Int),
    (Field::ClaimedIp, Type::Text),
    (Field::AssignedIp, Type::Text),
    (Field::ServerIp, Type::Text),
    (Field::Interface, Type::Text),
    (Field::CallId, Type::Int),
    (Field::TunnelId, Type::Int),
    (Field::SessionId, Type::Text),
    (Field::AccountingId, Type::Text),
    (Field::AuthMethod, Type::Text),
    (Field::MppeBits, Type::Int),
    (Field::MppeStateful, Type::Bool),
    (Field::BytesToClient, Type::Int),
    (Field::BytesFromClient, Type::Int),
    (Field::DurationS, Type::Double),
    (Field::Code, Type::Text),
    (Field::Reason, Type::Text),
];

/// Every column but the map, in order.
pub fn all() -> Vec<(&'static str, Type)> {
    let common = COMMON.iter().map(|(field, kind)| (field.word(), *kind));
    LEADING
        .iter()
        .copied()
        .chain(common)
        .chain(TRAILING.iter().copied())
        .collect()
}

/// The same as the format has it.
pub fn schema() -> Vec<(&'static str, Physical, Logical)> {
    let of = |(name, kind): (&'static str, Type)| (name, kind.physical(), kind.logical());
    all().into_iter().map(of).collect()
}

/// Where a field stands, if a record has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In its own column: that place of `COMMON`, unless its value cannot stand there.
    Own(usize),
    /// In the map, as the so many-th entry of this key, from 0.
    Map(usize),
}

/// Where the fields of a record stand, by their keys and the letters of their types alone. A column of a field's own is for
/// the first that can stand in it.
pub fn places(fields: impl Iterator<Item = (Field, u8)> + Clone) -> Vec<Place> {
    let mut taken = [false; COMMON.len()];
    let place = |(at, (field, tag)): (usize, (Field, u8))| {
        let own = COMMON
            .iter()
            .position(|(known, kind)| *known == field && kind.takes(tag));
        match own {
            Some(own) if !std::mem::replace(&mut taken[own], true) => Place::Own(own),
            // one that cannot stand in its own column counts too: keys of a map are different from each other
            _ => Place::Map(fields.clone().take(at).filter(|(known, _)| *known == field).count()),
        }
    };
    fields.clone().enumerate().map(place).collect()
}

/// The key of an entry of the map.
pub fn key_of(field: Field, before: usize) -> Cow<'static, str> {
    match before {
        0 => Cow::Borrowed(field.word()),
        more => Cow::Owned(format!("{}#{}", field.word(), more + 1)),
    }
}

/// The largest whole number whose neighbours a double holds, too.
pub const EXACT_MAX: u64 = 1 << 53;

/// Adds a value as text; `datum_of` makes the same value of it.
pub fn put_text(datum: &Datum<'_>, out: &mut Vec<u8>) {
    // writing to memory does not fail
    let _ = match datum {
        Datum::Text(bytes) | Datum::Bytes(bytes) => out.write_all(bytes),
        Datum::Word(word) => out.write_all(word.as_bytes()),
        Datum::Int(number) => {
            if *number < 0 {
                out.push(b'-');
            }
            text::push_number(out, number.unsigned_abs());
            Ok(())
        }
        Datum::Seconds(seconds) => write!(out, "{seconds}"),
        Datum::Ip(IpAddr::V4(ip)) => {
            put_four(ip.octets(), out);
            Ok(())
        }
        Datum::Ip(ip) => write!(out, "{ip}"),
        Datum::Bool(flag) => out.write_all(if *flag { b"true" } else { b"false" }),
    };
}

/// An IPv4 address: most records have one, and the library's way takes five times as long.
fn put_four(octets: [u8; 4], out: &mut Vec<u8>) {
    for (at, octet) in octets.into_iter().enumerate() {
        if at > 0 {
            out.push(b'.');
        }
        if octet >= 100 {
            out.push(b'0' + octet / 100);
        }
        if octet >= 10 {
            out.push(b'0' + octet / 10 % 10);
        }
        out.push(b'0' + octet % 10);
    }
}

/// The value of a type's letter in a text. None if it cannot be one.
pub fn datum_of(tag: u8, bytes: &[u8]) -> Option<Datum<'_>> {
    let text = || std::str::from_utf8(bytes).ok();
    Some(match tag {
        b't' => Datum::Text(bytes),
        b'x' => Datum::Bytes(bytes),
        b'w' => Datum::Word(text()?),
        b'i' => Datum::Int(text()?.parse().ok()?),
        b's' => Datum::Seconds(text()?.parse().ok()?),
        b'a' => Datum::Ip(text()?.parse().ok()?),
        b'b' => Datum::Bool(match bytes {
            b"true" => true,
            b"false" => false,
            _ => return None,
        }),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_the_library_does() {
        for octets in [
            [0, 0, 0, 0],
            [192, 0, 2, 1],
            [255, 255, 255, 255],
            [10, 100, 9, 99],
            [1, 20, 200, 101],
        ] {
            let mut out = Vec::new();
            put_text(&Datum::Ip(octets.into()), &mut out);
            assert_eq!(out, IpAddr::from(octets).to_string().into_bytes());
        }
    }

    #[test]
    fn a_number_is_written_as_the_library_does() {
        for number in [0, 7, -1, 10, -99, 1_234_567, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            put_text(&Datum::Int(number), &mut out);
            assert_eq!(out, number.to_string().into_bytes());
        }
    }

    #[test]
    fn a_column_of_its_own_is_for_the_first_field_that_can_stand_in_it() {
        let fields = [
            (Field::CallId, b't'),
            (Field::CallId, b'i'),
            (Field::User, b't'),
            (Field::User, b'w'),
            (Field::CallId, b'i'),
        ];
        let call = COMMON
            .iter()
            .position(|(field, _)| *field == Field::CallId)
            .expect("a column");
        let expected = [
            Place::Map(0),
            Place::Own(call),
            Place::Own(0),
            Place::Map(1),
            Place::Map(2),
        ];
        assert_eq!(places(fields.into_iter()), expected);
    }
}
