//! Canonical bytes as a record, whatever they are.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tunlog_model::{Assumed, Field, Severity};

use super::{Datum, FORM, Kind, Malformed, Origin, Record, field};
use crate::parquet::bits::unzigzag;

/// Most fields of a record; the catalogue's longest message has a quarter of it.
const FIELDS_MAX: u64 = 256;

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
