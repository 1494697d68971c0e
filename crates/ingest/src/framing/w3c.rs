//! Windows Firewall's `pfirewall.log`: lines of `#…` that name the columns and say how times are meant, then rows of columns
//! between blanks. `-` is an empty column. A row's order of columns is that of the last `#Fields:` before it, which may stand
//! in an earlier chunk: whoever reads the file in order says which it was. Without any, the order that Windows has always
//! written is taken.

use std::sync::Arc;

use tunlog_model::{Civil, Stamp};

use super::stamp::{self, Kind};
use crate::time::seconds_of;

/// The name under which these records go.
pub(crate) const APP: &[u8] = b"pfirewall";

const FIELDS: &[u8] = b"#Fields:";
const TIME_FORMAT: &[u8] = b"#Time Format:";
/// Bytes of a source that are searched for its first header.
const HEAD_BYTES: usize = 64 * 1024;
/// Most columns that a header is believed.
const COLUMNS_MAX: usize = 64;
/// Columns without which a file is no packet filter's log (W3C's form is used by web servers as well).
const TELLING: [&str; 5] = ["date", "time", "action", "protocol", "src-ip"];
/// What Windows has written since XP; the last but one since Windows XP SP2, the last since Windows 10.
const USUAL: [&str; 18] = [
    "date", "time", "action", "protocol", "src-ip", "dst-ip", "src-port", "dst-port", "size", "tcpflags", "tcpsyn",
    "tcpack", "tcpwin", "icmptype", "icmpcode", "info", "path", "pid",
];
/// The actions that Windows writes: how a row is known of which no header was seen.
const ACTIONS: [&[u8]; 6] = [
    b"DROP",
    b"ALLOW",
    b"OPEN",
    b"CLOSE",
    b"OPEN-INBOUND",
    b"INFO-EVENTS-LOST",
];

/// The order of columns, as a header told it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Names of the columns; empty where a header named those of another program's log.
    columns: Vec<Box<str>>,
    /// Times are UTC.
    utc: bool,
}

/// What a line is.
pub(crate) enum Line<'a> {
    /// A row: when, and its columns.
    Row(Stamp, Vec<(&'a [u8], &'a [u8])>),
    /// The filter says that it lost rows: when, its columns, and how many if it says so.
    Lost(Stamp, Vec<(&'a [u8], &'a [u8])>, Option<u64>),
    /// A row that does not fit the header, and why.
    Broken(String),
}

/// What a header line changes. None: the line is no header.
pub(crate) fn header(line: &[u8], before: Option<&Arc<Layout>>) -> Option<Arc<Layout>> {
    let rest = line.strip_prefix(b"#")?;
    let mut layout = before.map_or_else(Layout::default, |layout| Layout::clone(layout));
    if let Some(names) = line.strip_prefix(FIELDS) {
        layout.columns = columns(names);
    } else if let Some(format) = line.strip_prefix(TIME_FORMAT) {
        let word = format.trim_ascii();
        layout.utc = [&b"UTC"[..], b"GMT"].iter().any(|utc| word.eq_ignore_ascii_case(utc));
    } else if !rest.starts_with(b"Version:") && !rest.starts_with(b"Software:") {
        return None;
    }
    Some(Arc::new(layout))
}

fn columns(names: &[u8]) -> Vec<Box<str>> {
    let Ok(names) = std::str::from_utf8(names) else {
        return Vec::new();
    };
    let columns: Vec<Box<str>> = names
        .split_ascii_whitespace()
        .take(COLUMNS_MAX + 1)
        .map(Into::into)
        .collect();
    let tells = TELLING
        .iter()
        .all(|name| columns.iter().any(|column| **column == **name));
    if tells && columns.len() <= COLUMNS_MAX {
        columns
    } else {
        Vec::new()
    }
}

/// The layouts of one source's chunks, in their order: a header may stand in an earlier chunk than its rows.
#[derive(Debug, Default)]
pub(crate) struct Headers {
    /// Whether the source is such a log.
    is_log: bool,
    /// Bytes that were searched for its first header.
    searched: usize,
    layout: Option<Arc<Layout>>,
}

impl Headers {
    /// The layout before the first line of the next chunk.
    pub(crate) fn before(&mut self, bytes: &[u8]) -> Option<Arc<Layout>> {
        if !self.is_log {
            let head = &bytes[..bytes.len().min(HEAD_BYTES.saturating_sub(self.searched))];
            self.searched += head.len();
            self.is_log = is_log(head);
        }
        if !self.is_log {
            return None;
        }
        let before = self.layout.clone();
        let later = memchr::memmem::find_iter(bytes, b"\n#").map(|at| at + 1);
        for at in bytes.starts_with(b"#").then_some(0).into_iter().chain(later) {
            if let Some(layout) = header(line_at(bytes, at), self.layout.as_ref()) {
                self.layout = Some(layout);
            }
        }
        before
    }
}

/// Whether a line of a file's head is a header that names our columns.
fn is_log(head: &[u8]) -> bool {
    let begins = |at: &usize| *at == 0 || head[at - 1] == b'\n';
    memchr::memmem::find_iter(head, FIELDS)
        .filter(begins)
        .any(|at| header(line_at(head, at), None).is_some_and(|layout| !layout.columns.is_empty()))
}

fn line_at(bytes: &[u8], at: usize) -> &[u8] {
    let line = &bytes[at..];
    &line[..memchr::memchr(b'\n', line).unwrap_or(line.len())]
}

/// The row that a line is, by the layout of the last header, or by the usual one if there was none.
pub(crate) fn row<'a>(line: &'a [u8], layout: Option<&'a Layout>) -> Option<Line<'a>> {
    let Some(layout) = layout.filter(|layout| !layout.columns.is_empty()) else {
        // an unknown file: only what looks exactly so
        let action = line.get(20..)?.split(|byte| *byte == b' ').next()?;
        let known = line[10] == b' ' && ACTIONS.contains(&action) && layout.is_none();
        let count = known.then(|| cells(line).count())?;
        let names = USUAL.get(..count).filter(|_| count + 2 >= USUAL.len())?;
        return read(line, names.iter().copied(), false);
    };
    let count = cells(line).take(COLUMNS_MAX + 1).count();
    if count != layout.columns.len() {
        return misfit(line, layout, count);
    }
    read(line, layout.columns.iter().map(|name| &**name), layout.utc)
}

fn cells(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
        .filter(|cell| !cell.is_empty())
}

/// A row has a date and a time where the header says; other lines are none of ours.
fn misfit<'a>(line: &[u8], layout: &Layout, count: usize) -> Option<Line<'a>> {
    let at = |name: &str| {
        let column = layout.columns.iter().position(|column| **column == *name)?;
        cells(line).nth(column)
    };
    stamp_of(at("date")?, at("time")?, layout.utc)?;
    Some(Line::Broken(format!(
        "firewall row of {count} columns where `#Fields:` names {}: skipped",
        layout.columns.len()
    )))
}

fn read<'a>(line: &'a [u8], names: impl Iterator<Item = &'a str> + Clone, utc: bool) -> Option<Line<'a>> {
    let value = |key: &str| {
        names
            .clone()
            .zip(cells(line))
            .find(|(name, _)| *name == key)
            .map(|(_, cell)| cell)
    };
    let stamp = stamp_of(value("date")?, value("time")?, utc)?;
    let lost = value("action") == Some(b"INFO-EVENTS-LOST");
    let count = value("info").and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
    let fields = names
        .clone()
        .zip(cells(line))
        .filter(|(name, cell)| *cell != b"-" && !matches!(*name, "date" | "time"))
        .map(|(name, cell)| (name.as_bytes(), cell))
        .collect();
    Some(match lost {
        true => Line::Lost(stamp, fields, count),
        false => Line::Row(stamp, fields),
    })
}

/// The stamp of a date and a time, if they have the shape of one.
fn stamp_of(date: &[u8], time: &[u8], utc: bool) -> Option<Stamp> {
    if date.len() > 10 || time.len() > 15 {
        return None;
    }
    let mut text = [b' '; 26];
    text[..date.len()].copy_from_slice(date);
    text[date.len() + 1..date.len() + 1 + time.len()].copy_from_slice(time);
    let text = &text[..date.len() + 1 + time.len()];
    let hit = stamp::at_start(text).filter(|hit| matches!(hit.kind, Kind::Spaced { .. }) && hit.len == text.len())?;
    Some(match hit.stamp {
        Stamp::Civil(Civil {
            year: Some(year),
            month,
            day,
            second,
            micros,
        }) if utc => Stamp::Instant(seconds_of(year, month, day, second) * 1_000_000 + i64::from(micros)),
        stamp => stamp,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const FIELDS_LINE: &str = "#Fields: date time action protocol src-ip dst-ip src-port dst-port size info path";

    fn layout(lines: &[&str]) -> Option<Arc<Layout>> {
        lines
            .iter()
            .fold(None, |before, line| header(line.as_bytes(), before.as_ref()).or(before))
    }

    fn shown(line: &str, layout: Option<&Layout>) -> String {
        let text = |fields: &[(&[u8], &[u8])]| {
            let pairs = fields
                .iter()
                .map(|(name, value)| format!("{}={}", name.escape_ascii(), value.escape_ascii()));
            pairs.collect::<Vec<_>>().join(" ")
        };
        match row(line.as_bytes(), layout) {
            None => "none".into(),
            Some(Line::Row(_, fields)) => text(&fields),
            Some(Line::Lost(_, fields, count)) => format!("lost {count:?} {}", text(&fields)),
            Some(Line::Broken(why)) => why,
        }
    }

    #[test]
    fn columns_are_those_of_the_header_in_its_order() {
        let layout = layout(&["#Version: 1.5", "#Fields: path action date time protocol src-ip dst-ip"]).unwrap();
        let line = "RECEIVE DROP 2026-04-11 08:05:57 47 203.0.113.7 192.0.2.1";
        let expected = "path=RECEIVE action=DROP protocol=47 src-ip=203.0.113.7 dst-ip=192.0.2.1";
        assert_eq!(shown(line, Some(&layout)), expected);
        let short = "firewall row of 6 columns where `#Fields:` names 7: skipped";
        assert_eq!(
            shown("RECEIVE DROP 2026-04-11 08:05:57 47 203.0.113.7", Some(&layout)),
            short
        );
        assert_eq!(shown("Nov  9 10:01:01 gw pppd[7]: up", Some(&layout)), "none");
    }

    #[test]
    fn a_row_whose_header_is_not_there_has_the_usual_columns() {
        let line = "2026-04-11 08:05:57 DROP TCP 203.0.113.7 192.0.2.1 49152 1723 60 S 1 0 1 - - - RECEIVE";
        let expected = "action=DROP protocol=TCP src-ip=203.0.113.7 dst-ip=192.0.2.1 src-port=49152 dst-port=1723 size=60 \
                        tcpflags=S tcpsyn=1 tcpack=0 tcpwin=1 path=RECEIVE";
        assert_eq!(shown(line, None), expected);
        assert_eq!(shown(&format!("{line} 812"), None), format!("{expected} pid=812"));
        assert_eq!(shown(&line.replace(" DROP ", " gw pppd[7]: "), None), "none");
        assert_eq!(shown("2026-04-11 08:05:57 DROP TCP 203.0.113.7", None), "none");
    }

    #[test]
    fn a_web_server_has_such_headers_and_is_left_alone() {
        let web = layout(&[
            "#Software: Microsoft Internet Information Services 10.0",
            "#Fields: date time s-ip cs-method",
        ]);
        assert_eq!(shown("2026-04-11 08:05:57 192.0.2.1 GET", web.as_deref()), "none");
        let row = "2026-04-11 08:05:57 DROP TCP 203.0.113.7 192.0.2.1 49152 1723 60 S 1 0 1 - - - RECEIVE";
        assert_eq!(shown(row, web.as_deref()), "none");
        for line in ["# a remark", "#Fieldsx", "#"] {
            assert_eq!(header(line.as_bytes(), None), None, "{line}");
        }
    }

    #[test]
    fn lost_rows_are_counted() {
        let layout = layout(&[FIELDS_LINE]).unwrap();
        let line = "2026-04-11 08:52:26 INFO-EVENTS-LOST - - - - - - 59 -";
        assert_eq!(
            shown(line, Some(&layout)),
            "lost Some(59) action=INFO-EVENTS-LOST info=59"
        );
    }

    #[test]
    fn times_are_local_unless_the_header_says_utc() {
        let stamp = |lines: &[&str]| match row(
            b"2026-04-11 08:05:57 DROP 47 203.0.113.7 192.0.2.1 - - 60 - SEND",
            layout(lines).as_deref(),
        ) {
            Some(Line::Row(stamp, _)) => stamp,
            _ => panic!("no row"),
        };
        assert!(matches!(stamp(&["#Time Format: Local", FIELDS_LINE]), Stamp::Civil(_)));
        assert_eq!(
            stamp(&["#Time Format: UTC", FIELDS_LINE]),
            Stamp::Instant(1_775_894_757_000_000)
        );
    }

    #[test]
    fn a_header_counts_for_the_chunks_behind_it() {
        let mut headers = Headers::default();
        assert_eq!(headers.before(format!("{FIELDS_LINE}\nrow\n").as_bytes()), None);
        let first = headers
            .before(b"row\n#Fields: time date action protocol src-ip\n")
            .unwrap();
        assert_eq!(first.columns.len(), 11);
        let second = headers.before(b"row\n").unwrap();
        assert_eq!(&*second.columns[0], "time");
        let mut other = Headers::default();
        assert_eq!(
            other.before(b"Nov  9 10:01:01 gw pppd[7]: #Fields: date time action protocol src-ip\n"),
            None
        );
        assert_eq!(other.before(b"row\n"), None);
    }
}
