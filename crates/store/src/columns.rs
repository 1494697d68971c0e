//! The columns of a segment: a record's other form, for people and for every tool that reads Parquet. `docs/store.md` is the
//! manual of this table. Both forms hold the same: what `Column::get` gives, `Column::set` takes back.

use std::borrow::Cow;

use tunlog_model::{Assumed, Field, Severity};

use crate::record::{Datum, Kind, Record};

/// The version of the columns, written into every file.
pub const SCHEMA: &str = "1";

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

/// What stands in one row of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Nothing.
    None,
    /// Of `Type::Time` and `Type::Int`.
    Int(i64),
    /// Of `Type::Double`.
    Double(f64),
    /// Of `Type::Text` and `Type::Binary`.
    Bytes(Cow<'a, [u8]>),
    /// Of `Type::Bool`.
    Bool(bool),
}

impl<'a> Cell<'a> {
    fn text(text: &'a str) -> Cell<'a> {
        Cell::bytes(text.as_bytes())
    }

    /// Empty is nothing.
    fn bytes(bytes: &'a [u8]) -> Cell<'a> {
        match bytes.is_empty() {
            true => Cell::None,
            false => Cell::Bytes(Cow::Borrowed(bytes)),
        }
    }

    fn int(number: Option<i64>) -> Cell<'a> {
        number.map_or(Cell::None, Cell::Int)
    }

    fn owned(text: String) -> Cell<'a> {
        match text.is_empty() {
            true => Cell::None,
            false => Cell::Bytes(Cow::Owned(text.into_bytes())),
        }
    }
}

/// What was read of a row of a column.
#[derive(Clone, Copy, Debug)]
pub enum Read<'a> {
    None,
    Int(i64),
    Double(f64),
    Bytes(&'a [u8]),
    Bool(bool),
}

impl<'a> Read<'a> {
    fn text(self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Read::None => Some(&[]),
            Read::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    fn int(self) -> Option<Option<i64>> {
        match self {
            Read::None => Some(None),
            Read::Int(number) => Some(Some(number)),
            _ => None,
        }
    }

    fn number(self) -> Option<u64> {
        self.int()?.map_or(Some(0), |number| Some(number as u64))
    }

    fn bool(self) -> Option<bool> {
        match self {
            Read::None => Some(false),
            Read::Bool(flag) => Some(flag),
            _ => None,
        }
    }
}

/// A column of what every record has.
pub struct Column {
    pub name: &'static str,
    pub kind: Type,
    pub get: for<'a> fn(&Record<'a>, &'a str) -> Cell<'a>,
    /// None if that cannot stand there.
    pub set: for<'a> fn(&mut Record<'a>, Read<'a>) -> Option<()>,
}

const fn column(
    name: &'static str,
    kind: Type,
    get: for<'a> fn(&Record<'a>, &'a str) -> Cell<'a>,
    set: for<'a> fn(&mut Record<'a>, Read<'a>) -> Option<()>,
) -> Column {
    Column { name, kind, get, set }
}

/// Nothing to set: another column says it.
fn told_elsewhere(_: &mut Record<'_>, _: Read<'_>) -> Option<()> {
    Some(())
}

/// Columns that stand before the fields.
pub const LEADING: &[Column] = &[
    column(
        "time",
        Type::Time,
        |r, _| Cell::int(r.time),
        |r, c| {
            r.time = c.int()?;
            Some(())
        },
    ),
    column("assumed", Type::Text, |r, _| assumed(r.assumed), told_elsewhere),
    column(
        "gateway",
        Type::Text,
        |r, _| Cell::bytes(r.host),
        |r, c| {
            r.host = c.bytes()?;
            Some(())
        },
    ),
    column("source", Type::Text, |_, source| Cell::text(source), told_elsewhere),
    column(
        "line",
        Type::Int,
        |r, _| Cell::Int(r.line as i64),
        |r, c| {
            r.line = c.number()?;
            Some(())
        },
    ),
    column(
        "program",
        Type::Text,
        |r, _| Cell::bytes(r.program),
        |r, c| {
            r.program = c.bytes()?;
            Some(())
        },
    ),
    column(
        "pid",
        Type::Int,
        |r, _| Cell::int((r.pid != 0).then_some(i64::from(r.pid))),
        |r, c| {
            r.pid = u32::try_from(c.number()?).ok()?;
            Some(())
        },
    ),
    column(
        "dialect",
        Type::Text,
        |r, _| Cell::text(r.dialect),
        |r, c| {
            r.dialect = c.text()?;
            Some(())
        },
    ),
    column(
        "message",
        Type::Text,
        |r, _| Cell::text(r.message),
        |r, c| {
            r.message = c.text()?;
            Some(())
        },
    ),
    column(
        "layer",
        Type::Text,
        |r, _| Cell::text(r.layer),
        |r, c| {
            r.layer = c.text()?;
            Some(())
        },
    ),
    column(
        "event",
        Type::Text,
        |r, _| Cell::text(r.event),
        |r, c| {
            r.event = c.text()?;
            Some(())
        },
    ),
    column(
        "severity",
        Type::Text,
        |r, _| severity(r.severity),
        |r, c| {
            let word = c.text()?;
            r.severity = match word.is_empty() {
                true => None,
                false => Some(Severity::from_word(word)?),
            };
            Some(())
        },
    ),
];

/// Columns that stand behind the fields: what a person asks for less, and what makes the record the same again.
pub const TRAILING: &[Column] = &[
    column(
        "raw",
        Type::Text,
        |r, _| Cell::bytes(r.raw),
        |r, c| {
            r.raw = c.bytes()?;
            Some(())
        },
    ),
    column(
        "kind",
        Type::Text,
        |r, _| Cell::text(r.kind.word()),
        |r, c| {
            r.kind = Kind::from_word(c.text()?)?;
            Some(())
        },
    ),
    column(
        "times",
        Type::Int,
        |r, _| Cell::int(r.times.map(|times| times as i64)),
        |r, c| {
            r.times = c.int()?.map(|times| times as u64);
            Some(())
        },
    ),
    column(
        "command_line",
        Type::Text,
        |r, _| Cell::bytes(r.command_line),
        |r, c| {
            r.command_line = c.bytes()?;
            Some(())
        },
    ),
    column(
        "body",
        Type::Text,
        |r, _| Cell::bytes(r.body),
        |r, c| {
            r.body = c.bytes()?;
            Some(())
        },
    ),
    column(
        "variant",
        Type::Text,
        |r, _| Cell::text(r.variant),
        |r, c| {
            r.variant = c.text()?;
            Some(())
        },
    ),
    column(
        "trusted",
        Type::Bool,
        |r, _| Cell::Bool(r.trusted),
        |r, c| {
            r.trusted = c.bool()?;
            Some(())
        },
    ),
    column(
        "redacted",
        Type::Bool,
        |r, _| Cell::Bool(r.redacted),
        |r, c| {
            r.redacted = c.bool()?;
            Some(())
        },
    ),
    column(
        "assumed_flags",
        Type::Int,
        |r, _| Cell::int((r.assumed.0 != 0).then_some(i64::from(r.assumed.0))),
        |r, c| {
            r.assumed = Assumed(u8::try_from(c.number()?).ok()?);
            Some(())
        },
    ),
    column(
        "seq",
        Type::Int,
        |r, _| Cell::Int(r.seq as i64),
        |r, c| {
            r.seq = c.number()?;
            Some(())
        },
    ),
    column(
        "set_id",
        Type::Int,
        |r, _| Cell::Int(r.set as i64),
        |r, c| {
            r.set = c.number()?;
            Some(())
        },
    ),
    column(
        "source_id",
        Type::Int,
        |r, _| Cell::Int(r.source as i64),
        |r, c| {
            r.source = c.number()?;
            Some(())
        },
    ),
    column(
        "record_id",
        Type::Int,
        |r, _| Cell::Int(r.id as i64),
        |r, c| {
            r.id = c.number()?;
            Some(())
        },
    ),
];

fn assumed(flags: Assumed) -> Cell<'static> {
    if flags == Assumed::default() {
        return Cell::None; // nearly every record of most sources
    }
    Cell::owned(flags.words().collect::<Vec<_>>().join(","))
}

fn severity(severity: Option<Severity>) -> Cell<'static> {
    severity.map_or(Cell::None, |severity| Cell::text(severity.word()))
}

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

/// Where in `COMMON` a field stands.
pub fn common(field: Field) -> Option<usize> {
    COMMON.iter().position(|(known, _)| *known == field)
}

/// The cell of a field in its own column; `Cell::None` if it cannot stand there as what it is.
pub fn field_cell<'a>(datum: &Datum<'a>, kind: Type) -> Cell<'a> {
    match (kind, datum) {
        (Type::Int, Datum::Int(number)) => Cell::Int(*number),
        (Type::Double, Datum::Seconds(seconds)) => Cell::Double(*seconds),
        // whole seconds, while a double holds them exactly
        (Type::Double, Datum::Int(number)) if number.unsigned_abs() < 1 << 53 => Cell::Double(*number as f64),
        (Type::Bool, Datum::Bool(flag)) => Cell::Bool(*flag),
        (Type::Text, datum) => Cell::Bytes(text_of(datum)),
        _ => Cell::None,
    }
}

/// A value as text; `datum_of` makes the same value of it.
pub fn text_of<'a>(datum: &Datum<'a>) -> Cow<'a, [u8]> {
    match datum {
        Datum::Text(bytes) | Datum::Bytes(bytes) => Cow::Borrowed(bytes),
        Datum::Word(word) => Cow::Borrowed(word.as_bytes()),
        Datum::Int(number) => Cow::Owned(number.to_string().into_bytes()),
        Datum::Seconds(seconds) => Cow::Owned(seconds.to_string().into_bytes()),
        Datum::Ip(ip) => Cow::Owned(ip.to_string().into_bytes()),
        Datum::Bool(flag) => Cow::Borrowed(if *flag { b"true" } else { b"false" }),
    }
}

/// The value of a type's letter in a cell. None if it cannot be one.
pub fn datum_of<'a>(tag: u8, read: Read<'a>) -> Option<Datum<'a>> {
    Some(match (tag, read) {
        (b't', Read::Bytes(bytes)) => Datum::Text(bytes),
        (b'x', Read::Bytes(bytes)) => Datum::Bytes(bytes),
        (b'w', read @ Read::Bytes(_)) => Datum::Word(read.text()?),
        (b'i', Read::Int(number)) => Datum::Int(number),
        (b'i', Read::Double(number)) => Datum::Int(number as i64),
        (b'i', read @ Read::Bytes(_)) => Datum::Int(read.text()?.parse().ok()?),
        (b's', Read::Double(seconds)) => Datum::Seconds(seconds),
        (b's', read @ Read::Bytes(_)) => Datum::Seconds(read.text()?.parse().ok()?),
        (b'a', read @ Read::Bytes(_)) => Datum::Ip(read.text()?.parse().ok()?),
        (b'b', Read::Bool(flag)) => Datum::Bool(flag),
        (b'b', Read::Bytes(b"true")) => Datum::Bool(true),
        (b'b', Read::Bytes(b"false")) => Datum::Bool(false),
        _ => return None,
    })
}

/// Where the fields of a record stand: in columns of their own, the rest in the map, and the order of all.
#[derive(Clone, Debug, Default)]
pub struct Spread {
    /// For each of `COMMON`, which field of the record stands there.
    pub own: [Option<u16>; COMMON.len()],
    /// The fields of the map, in order.
    pub rest: Vec<u16>,
    /// Every field's key and type in order: `user:t client_ip:a`.
    pub shape: String,
    /// Something of the record is no UTF-8: its canonical bytes stand in a column of their own.
    pub is_exact: bool,
}

impl Spread {
    /// Of a record.
    pub fn of(record: &Record<'_>) -> Spread {
        let mut spread = Spread::default();
        for (at, (field, datum)) in record.fields.iter().enumerate() {
            if at > 0 {
                spread.shape.push(' ');
            }
            spread.shape.push_str(field.word());
            spread.shape.push(':');
            spread.shape.push(char::from(datum.tag()));
            let own = common(*field)
                .filter(|own| spread.own[*own].is_none() && field_cell(datum, COMMON[*own].1) != Cell::None);
            match own {
                Some(own) => spread.own[own] = Some(at as u16),
                None => spread.rest.push(at as u16),
            }
            spread.is_exact |= matches!(datum, Datum::Text(bytes) | Datum::Bytes(bytes) if !is_text(bytes));
            // a number that is none has no text that comes back
            spread.is_exact |= matches!(datum, Datum::Seconds(seconds) if !seconds.is_finite());
        }
        let parts = [
            record.host,
            record.program,
            record.command_line,
            record.raw,
            record.body,
        ];
        spread.is_exact |= !parts.iter().all(|part| is_text(part));
        spread.is_exact |= Severity::ALL.len() != 8; // their words are what stands in segments
        spread
    }
}

fn is_text(bytes: &[u8]) -> bool {
    bytes.is_ascii() || std::str::from_utf8(bytes).is_ok()
}
