//! Chunks of a Windows event log. A chunk has its own names and templates, so each can be read alone.
//!
//! What is of the usual kind is read at once (`binxml`). The rest of a chunk, from the first record on that is not, is read by
//! the crate `evtx`, which renders it as XML. What that one passes over without a word is told here: check sums that do not fit, and records
//! that a chunk's header announces and that were not found.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use evtx::{EvtxChunk, EvtxChunkData, ParserSettings};
use tunlog_model::{AppFilter, RecordRef};

use super::{binxml, xml_event};
use crate::framing::cutter::Cutter;
use crate::framing::{Note, Place};
use crate::{ProblemKind, source};

/// Bytes of a chunk of a log.
pub(crate) const CHUNK_BYTES: usize = 65_536;

/// Bytes of a chunk's header with its tables.
const CHUNK_HEADER_BYTES: usize = 512;

/// Most records that fit into a chunk: the smallest is a header of 24 bytes and a length of 4.
pub(crate) const RECORDS_MAX: u64 = ((CHUNK_BYTES - CHUNK_HEADER_BYTES) / 28) as u64;

/// What came of one chunk.
#[derive(Default)]
struct Count {
    read: u64,
    /// Records without an event.
    empty: u64,
    failed: u64,
    /// Why the first of them failed.
    reason: Option<String>,
}

/// Cuts chunks that follow each other in the file. `first` is the number of the first (from 0).
pub(crate) fn cut<F: AppFilter + ?Sized, E: FnMut(&RecordRef<'_>)>(
    bytes: &[u8],
    place: source::EvtxPlace,
    cutter: &mut Cutter<'_, '_, F, E>,
) {
    let settings = Arc::new(ParserSettings::default().indent(false));
    for (number, block) in bytes.chunks(CHUNK_BYTES).enumerate() {
        let number = place.first + number as u64;
        let mut tell = |kind, cause| {
            cutter.tell(Note {
                kind,
                place: Place::File(place_of(number)),
                cause,
            });
        };
        let mut data = match EvtxChunkData::new(block.to_vec(), false) {
            Ok(data) => data,
            Err(error) => {
                tell(
                    ProblemKind::Error,
                    format!("not a chunk ({}): its records are lost", plain(&error)),
                );
                continue;
            }
        };
        if !place.partial && !data.validate_checksum() {
            let which = if data.validate_header_checksum() {
                "records"
            } else {
                "header"
            };
            let cause = format!("the checksum of the chunk's {which} is wrong: what it holds may be damaged");
            tell(ProblemKind::Warning, cause);
        }
        let announced = announced(&data);
        let count = chunk(&mut data, &settings, cutter);
        told(&count, announced, place.partial, number, cutter);
    }
}

/// A chunk's place in words: its number from 1, and where it begins.
pub(crate) fn place_of(number: u64) -> String {
    format!("chunk {} (byte {})", number + 1, 4096 + number * CHUNK_BYTES as u64)
}

/// How many records the chunk's header says there are, if that can be true.
fn announced(data: &EvtxChunkData) -> Option<u64> {
    let (first, last) = (
        data.header.first_event_record_number,
        data.header.last_event_record_number,
    );
    let count = last.checked_sub(first)?.checked_add(1)?;
    (first > 0 && count <= RECORDS_MAX).then_some(count)
}

/// Reads the records of a chunk and hands them out.
fn chunk<F: AppFilter + ?Sized, E: FnMut(&RecordRef<'_>)>(
    data: &mut EvtxChunkData,
    settings: &Arc<ParserSettings>,
    cutter: &mut Cutter<'_, '_, F, E>,
) -> Count {
    let mut count = Count::default();
    if !usual(data, &mut count, cutter) {
        unusual(data, settings, &mut count, cutter);
    }
    count
}

/// Reads records up to one that is not of the usual kind; whether there was none.
fn usual<F: AppFilter + ?Sized, E: FnMut(&RecordRef<'_>)>(
    data: &EvtxChunkData,
    count: &mut Count,
    cutter: &mut Cutter<'_, '_, F, E>,
) -> bool {
    let free = (data.header.free_space_offset as usize).min(data.data.len());
    let mut records = binxml::Records::new(&data.data);
    let mut at = CHUNK_HEADER_BYTES;
    while at < free {
        let Some(record) = binxml::record(&data.data, at, free) else {
            return false;
        };
        if !cutter.usual_event(|filter, fields| records.read(record, filter, fields)) {
            return false;
        }
        count.read += 1;
        if record.id == data.header.last_event_record_id {
            break;
        }
        at = record.end();
    }
    true
}

/// Reads the records behind those that were read, whatever they are.
fn unusual<F: AppFilter + ?Sized, E: FnMut(&RecordRef<'_>)>(
    data: &mut EvtxChunkData,
    settings: &Arc<ParserSettings>,
    count: &mut Count,
    cutter: &mut Cutter<'_, '_, F, E>,
) {
    let failed = |count: &mut Count, reason: String| {
        count.failed += 1;
        count.reason.get_or_insert(reason);
    };
    // the crate is tested well; if it panics on bytes that nobody thought of, that costs one chunk and is told
    let settings = settings.clone();
    let parsed = catch_unwind(AssertUnwindSafe(move || data.parse(settings)));
    let mut chunk: EvtxChunk<'_> = match parsed {
        Ok(Ok(chunk)) => chunk,
        Ok(Err(error)) => {
            failed(count, plain(&error));
            return;
        }
        Err(_) => {
            failed(count, "its reader gave up".to_string());
            return;
        }
    };
    let mut records = chunk.iter();
    let known = count.read;
    for _ in 0..known {
        let passed = catch_unwind(AssertUnwindSafe(|| records.next().is_some()));
        if !passed.unwrap_or(false) {
            return;
        }
    }
    // every record takes some bytes of the chunk, so that there are never more
    for _ in 0..=RECORDS_MAX {
        let next = || {
            records
                .next()
                .map(|record| record.and_then(|record| record.into_xml_bytes()))
        };
        let xml = match catch_unwind(AssertUnwindSafe(next)) {
            Ok(None) => break,
            Ok(Some(Ok(record))) => record.data,
            Ok(Some(Err(error))) => {
                failed(count, plain(&error));
                continue;
            }
            Err(_) => {
                failed(count, "its reader gave up".to_string());
                break;
            }
        };
        // of a record without content the reader makes an element without any
        if memchr::memmem::find(&xml, b"<System").is_none() {
            count.empty += 1;
            continue;
        }
        cutter.count();
        let number = cutter.counted();
        match cutter.event(number, |fields| xml_event::read(&xml, fields)) {
            Ok(()) => count.read += 1,
            Err(reason) => failed(count, reason),
        }
    }
}

/// Tells what is missing.
fn told<F: AppFilter + ?Sized, E: FnMut(&RecordRef<'_>)>(
    count: &Count,
    announced: Option<u64>,
    partial: bool,
    number: u64,
    cutter: &mut Cutter<'_, '_, F, E>,
) {
    let mut tell = |kind, cause| {
        cutter.tell(Note {
            kind,
            place: Place::File(place_of(number)),
            cause,
        });
    };
    let found = count.read + count.empty;
    let lost = announced
        .map_or(0, |announced| announced.saturating_sub(found))
        .max(count.failed);
    if lost > 0 {
        let reason = match &count.reason {
            // of a cut chunk most records are not there at all
            _ if partial && lost > count.failed => "the chunk is cut short",
            Some(reason) => reason,
            None if partial => "the chunk is cut short",
            None => "they are not where the chunk's header says",
        };
        let cause = format!("{lost} of {} records could not be read: {reason}", found + lost);
        tell(ProblemKind::Error, cause);
    }
    if count.empty > 0 {
        tell(ProblemKind::Warning, format!("{} records hold no event", count.empty));
    }
}

/// An error of the crate in one line, of bounded length.
fn plain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = inner.to_string();
        source = inner.source();
    }
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(200)
        .collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tunlog_model::{EveryApp, Payload};
    use tunlog_testkit::evtx as writer;
    use tunlog_testkit::windows::{EventData, WindowsEvent};

    use super::*;

    /// The records of a chunk, each as lines, and how many of them were of the usual kind.
    fn read(block: &[u8], quick: bool) -> (Vec<String>, u64) {
        let mut told = Vec::new();
        let mut each = |record: &RecordRef<'_>| {
            let Payload::Fields(fields) = record.payload else {
                return;
            };
            // XML has no control characters: the crate writes a line for them, and only that differs
            let xml = |letter: char| {
                if letter < ' ' && !"\t\r\n".contains(letter) {
                    '_'
                } else {
                    letter
                }
            };
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).chars().map(xml).collect::<String>();
            let (app, host) = (text(record.app), text(record.host));
            let fields = fields
                .iter()
                .map(|(name, value)| format!("\n{} {:?}", text(name), text(value)));
            let fields: String = fields.collect();
            told.push(format!(
                "{} {:?} {app} {host} {}{fields}",
                record.line, record.stamp, record.pid
            ));
        };
        let mut cutter = Cutter::new(usize::MAX, &EveryApp, &mut each);
        let mut data = EvtxChunkData::new(block.to_vec(), false).expect("a chunk");
        let settings = Arc::new(ParserSettings::default().indent(false));
        let mut count = Count::default();
        let all = quick && usual(&data, &mut count, &mut cutter);
        let usual = count.read;
        if !all {
            unusual(&mut data, &settings, &mut count, &mut cutter);
        }
        assert_eq!(count.failed, 0, "{:?}", count.reason);
        (told, usual)
    }

    fn compare(name: &str, file: &[u8]) -> (u64, u64) {
        let (mut records, mut usual) = (0, 0);
        for block in file[4096..]
            .chunks_exact(CHUNK_BYTES)
            .filter(|block| block.starts_with(b"ElfChnk"))
        {
            let (slow, _) = read(block, false);
            let (quick, count) = read(block, true);
            for (slow, quick) in slow.iter().zip(&quick) {
                assert!(quick == slow, "{name}\n{quick}\n\n{slow}");
            }
            assert_eq!(quick.len(), slow.len(), "{name}");
            (records, usual) = (records + slow.len() as u64, usual + count);
        }
        (records, usual)
    }

    #[test]
    fn the_quick_way_says_the_same() {
        let classic = WindowsEvent::classic("RemoteAccess", 20271, &["{NA}", "jürgen 利用者 \u{1f600}", "", "0x70"]);
        let user = EventData::User(
            "LogFileCleared".to_string(),
            vec![("SubjectUserName".to_string(), "anna".to_string())],
        );
        let events = [
            classic.with_binary(&[0xb3, 2, 0, 0]),
            WindowsEvent {
                activity_id: Some("{5fcf3806-a56a-4a4e-bf50-2bde9124e3bc}".to_string()),
                ..WindowsEvent::audit(6273, false, &[("SubjectUserName", "anna"), ("Reason", "")])
            },
            WindowsEvent {
                data: user,
                ..WindowsEvent::audit(1102, true, &[])
            },
            WindowsEvent::classic("RasClient", 20221, &[]),
        ];
        let (records, usual) = compare("written", &writer::write(&events));
        assert_eq!((records, usual), (4, 4));
    }

    #[test]
    fn the_quick_way_says_the_same_of_real_logs() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/vendor/evtx");
        let Ok(files) = std::fs::read_dir(&folder) else {
            println!("skipped: no event logs beside the clone");
            return;
        };
        let (mut records, mut usual) = (0, 0);
        for path in files
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|end| end == "evtx"))
        {
            let file = std::fs::read(&path).expect("a file of the corpus");
            let counted = compare(&path.display().to_string(), &file);
            println!("{}: {} of {} records are usual", path.display(), counted.1, counted.0);
            (records, usual) = (records + counted.0, usual + counted.1);
        }
        assert!(usual * 10 > records * 9, "{usual} of {records}");
    }
}
