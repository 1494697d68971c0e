//! Lines of files that Windows servers write: NPS's and RRAS's accounting, the firewall's log.

use tunlog_model::{AppFilter, Payload, RecordRef, Stamp};

use super::super::nps::{self, Part, Record};
use super::super::{header::Header, w3c};
use super::{Cutter, trim_end};

impl<'a, F: AppFilter + ?Sized, E: FnMut(&RecordRef<'_>)> Cutter<'a, '_, F, E> {
    /// Whether a line was one of such a file; most lines are told by their first byte.
    #[inline]
    pub(super) fn of_windows(&mut self, line: &'a [u8]) -> bool {
        let may_be = matches!(line[0], b'<' | b'"' | b'#' | b'0'..=b'9' | b'a'..=b'f' | b':' | b',');
        (may_be || self.layout.is_some()) && (self.of_nps(line) || self.of_firewall(line))
    }

    fn of_nps(&mut self, line: &'a [u8]) -> bool {
        match nps::read(line) {
            Some(Ok(record)) => self.nps_record(&record, line, self.cut.lines),
            Some(Err(why)) => self.note(why),
            None => return false,
        }
        self.shape = None;
        true
    }

    fn nps_record(&mut self, record: &Record<'_>, raw: &[u8], line: u64) {
        if !self.filter.wants(nps::APP) {
            return;
        }
        let fields: Vec<(&[u8], &[u8])> = record.fields.iter().map(|(name, value)| (*name, &**value)).collect();
        let header = Header {
            stamp: record.stamp,
            host: &record.host,
            app: nps::APP,
            ..Header::of_body(b"")
        };
        self.give(&header, raw, line, Payload::Fields(&fields));
    }

    /// A record of an NPS file that was broken into lines: whether the line belongs to one.
    pub(super) fn in_event(&mut self, bytes: &'a [u8], start: usize, line: &'a [u8]) -> bool {
        let Some(event) = &mut self.nps else {
            self.nps = nps::Block::begin(line, start, self.cut.lines);
            return self.nps.is_some();
        };
        match event.add(line) {
            Part::Inside => return true,
            Part::Foreign(true) => self.nps = None,
            Part::Foreign(false) => self.end_event(),
            Part::Last => {
                let (from, number) = (event.start, event.line);
                self.nps = None;
                let raw = trim_end(&bytes[from..start + line.len()]);
                match nps::Block::record(raw) {
                    Ok(record) => self.nps_record(&record, raw, number),
                    Err(why) => self.note(why),
                }
                return true;
            }
        }
        self.nps = nps::Block::begin(line, start, self.cut.lines);
        self.nps.is_some()
    }

    /// Nothing more comes of a record that is being read.
    pub(super) fn end_event(&mut self) {
        if let Some(event) = self.nps.take() {
            let cause = format!(
                "NPS record that begins {} lines above is not whole: skipped",
                self.cut.lines - event.line
            );
            self.note(cause);
        }
    }

    fn of_firewall(&mut self, line: &'a [u8]) -> bool {
        if line[0] == b'#' {
            let layout = w3c::header(line, self.layout.as_ref());
            let known = layout.is_some();
            self.layout = layout.or_else(|| self.layout.take());
            return known;
        }
        let layout = self.layout.take();
        let found = w3c::row(line, layout.as_deref());
        let known = found.is_some();
        match found {
            Some(w3c::Line::Row(stamp, fields)) => self.firewall_row(stamp, &fields, line),
            Some(w3c::Line::Lost(stamp, fields, count)) => {
                self.firewall_row(stamp, &fields, line);
                let header = Header {
                    stamp,
                    app: w3c::APP,
                    ..Header::of_body(b"")
                };
                self.give(&header, line, self.cut.lines, Payload::Lost(count));
            }
            Some(w3c::Line::Broken(why)) => self.note(why),
            None => {}
        }
        self.layout = layout;
        if known {
            self.shape = None;
        }
        known
    }

    fn firewall_row(&mut self, stamp: Stamp, fields: &[(&[u8], &[u8])], line: &[u8]) {
        if self.filter.wants(w3c::APP) {
            let header = Header {
                stamp,
                app: w3c::APP,
                ..Header::of_body(b"")
            };
            self.give(&header, line, self.cut.lines, Payload::Fields(fields));
        }
    }
}
