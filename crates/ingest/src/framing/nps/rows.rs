//! The two forms that are columns between commas.

use std::borrow::Cow;

use memchr::memchr;
use tunlog_model::Stamp;

use super::names::{COLUMNS, of_number};
use super::{Record, local, unhexed};

/// Columns of the database form before its attributes: computer, service, date, time.
const HEAD: usize = 4;
/// How many columns a row of the database form has: since Windows 2000, and since Windows Server 2008 R2.
const WIDTHS: [usize; 2] = [60, 66];
/// The services that write such files: NPS and IAS call themselves `IAS`, Routing and Remote Access `RAS`.
const SERVICES: [&[u8]; 3] = [b"IAS", b"RAS", b"NPS"];

/// A row of the database form: `"GW","IAS",03/07/2008,13:04:33,1,"anna",…`.
pub(super) fn database(line: &[u8]) -> Option<Result<Record<'_>, String>> {
    let (host, rest) = cell(line).ok()?;
    let (service, rest) = cell(rest?).ok()?;
    if !line.starts_with(b"\"") || !SERVICES.contains(&&*service) {
        return None;
    }
    Some(row(host, rest))
}

fn row<'a>(host: Cow<'a, [u8]>, mut rest: Option<&'a [u8]>) -> Result<Record<'a>, String> {
    let mut fields = Vec::with_capacity(24);
    let (mut date, mut time): (Cow<'_, [u8]>, Cow<'_, [u8]>) = Default::default();
    let mut columns = 2;
    while let Some(text) = rest {
        let (value, behind) = cell(text).map_err(|why| format!("NPS row, column {}: {why}: skipped", columns + 1))?;
        match columns {
            2 => date = value,
            3 => time = value,
            at => {
                if let Some(name) = COLUMNS.get(at - HEAD).filter(|_| !value.is_empty()) {
                    fields.push((name.as_bytes(), unhexed_cell(value)));
                }
            }
        }
        rest = behind;
        columns += 1;
    }
    if !WIDTHS.contains(&columns) {
        return Err(format!(
            "NPS row of {columns} columns where {} or {} belong: skipped",
            WIDTHS[0], WIDTHS[1]
        ));
    }
    let stamp = local(&date, &time).unwrap_or(Stamp::Missing);
    Ok(Record { stamp, host, fields })
}

/// A cell, and what stands behind its comma; None if it is the last.
type Cell<'a> = (Cow<'a, [u8]>, Option<&'a [u8]>);

/// The first cell of some text. Text is between quotation marks, of which one inside is doubled; numbers and times are not.
fn cell(text: &[u8]) -> Result<Cell<'_>, &'static str> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        return Ok(match memchr(b',', text) {
            Some(end) => (Cow::Borrowed(&text[..end]), Some(&text[end + 1..])),
            None => (Cow::Borrowed(text.trim_ascii_end()), None),
        });
    };
    let mut from = 0;
    loop {
        let end = from + memchr(b'"', &quoted[from..]).ok_or("a quotation mark is not closed")?;
        match &quoted[end + 1..] {
            [b'"', ..] => from = end + 2,
            [b',', behind @ ..] => return Ok((undoubled(&quoted[..end]), Some(behind))),
            behind if behind.trim_ascii().is_empty() => return Ok((undoubled(&quoted[..end]), None)),
            _ => return Err("text behind a closing quotation mark"),
        }
    }
}

fn undoubled(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'"', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut after_mark = false;
    for byte in text {
        after_mark = *byte == b'"' && !after_mark;
        if !after_mark {
            out.push(*byte);
        }
    }
    Cow::Owned(out)
}

fn unhexed_cell(value: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match value {
        Cow::Borrowed(text) => unhexed(text),
        owned => owned,
    }
}

/// A record of the IAS form: `192.0.2.1,anna,06/04/1999,14:42:19,IAS,GW,6,2,7,1,…`. Its texts hold no comma: those that
/// would are in hexadecimal.
pub(super) fn ias(line: &[u8]) -> Option<Result<Record<'_>, String>> {
    let mut cells = line.split(|byte| *byte == b',');
    let (nas, user) = (cells.next()?, cells.next()?);
    if nas.len() > 45
        || !nas
            .iter()
            .all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':'))
    {
        return None;
    }
    let stamp = local(cells.next()?, cells.next()?)?;
    let service = cells.next()?;
    if service.is_empty() || service.len() > 32 {
        return None;
    }
    let Some(host) = cells.next() else {
        return Some(Err("NPS record that ends in its header: skipped".to_string()));
    };
    Some(pairs(cells).map(|mut fields| {
        let head = [("User-Name", user), ("NAS-IP-Address", nas)];
        for (name, value) in head {
            let name = name.as_bytes();
            if !value.is_empty() && !fields.iter().any(|(known, _)| *known == name) {
                fields.insert(0, (name, unhexed(value)));
            }
        }
        let host = Cow::Borrowed(host.trim_ascii_end());
        Record { stamp, host, fields }
    }))
}

type Fields<'a> = Vec<(&'a [u8], Cow<'a, [u8]>)>;

/// Attributes by number; those without a name here keep it.
fn pairs<'a>(mut cells: impl Iterator<Item = &'a [u8]>) -> Result<Fields<'a>, String> {
    let mut fields = Vec::with_capacity(24);
    while let Some(number) = cells.next() {
        let shown = number.trim_ascii();
        let parsed = std::str::from_utf8(shown)
            .ok()
            .and_then(|text| text.parse::<i32>().ok());
        let Some(value) = cells.next() else {
            return Err("NPS record whose last attribute has no value (an odd number of columns): skipped".to_string());
        };
        let Some(parsed) = parsed else {
            let number = String::from_utf8_lossy(&shown[..shown.len().min(24)]).into_owned();
            return Err(format!(
                "NPS record in which {number:?} stands for an attribute's number: skipped"
            ));
        };
        let value = value.trim_ascii_end();
        if !value.is_empty() {
            let name = of_number(parsed).map_or(shown, str::as_bytes);
            fields.push((name, unhexed(value)));
        }
    }
    Ok(fields)
}
