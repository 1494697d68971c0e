//! Event logs that are cut, damaged or lie: what is sound is read, and what is missing is told, with the place.

use tunlog_model::Stamp;
use tunlog_testkit::evtx::{self, CHUNK_BYTES, HEADER_BYTES};
use tunlog_testkit::windows::{WindowsEvent, XmlLayout, get_winevent, xml};

use crate::{Folder, Run, options, read};

const TIME: i64 = 1_795_219_200_123_000;

fn many(count: i64) -> Vec<WindowsEvent> {
    let event = WindowsEvent::audit(4625, false, &[("TargetUserName", "anna"), ("IpAddress", "192.0.2.9")]);
    (0..count)
        .map(|number| event.clone().at(TIME + number * 1000, number as u64 + 1))
        .collect()
}

fn run_of(name: &str, bytes: impl AsRef<[u8]>) -> Run {
    let folder = Folder::new();
    let mut run = read(&[folder.write(name, bytes)], false, &options());
    for problem in &mut run.problems {
        problem.path = name.to_string();
    }
    run
}

fn ids(run: &Run) -> Vec<u64> {
    let id = |body: &str| body.split("EventRecordID=").nth(1)?.split(';').next()?.parse().ok();
    run.bodies().into_iter().filter_map(id).collect()
}

/// A log of three chunks and how many records each holds.
fn three() -> (Vec<Vec<u8>>, Vec<u64>) {
    let chunks = evtx::chunks(&many(800));
    assert_eq!(chunks.len(), 3, "the test needs three chunks");
    let count = |chunk: &Vec<u8>| {
        let number = |at: usize| u64::from_le_bytes(chunk[at..at + 8].try_into().unwrap());
        number(16) - number(8) + 1
    };
    let counts = chunks.iter().map(count).collect();
    (chunks, counts)
}

#[test]
fn a_log_that_went_round_is_read_oldest_first() {
    let (chunks, _) = three();
    let known: Vec<u64> = (1..=800).collect();
    for start in 0..3 {
        let bytes = evtx::wrapped_file(&chunks, start);
        let run = run_of("round.evtx", &bytes);
        assert_eq!((run.told(), ids(&run)), (Vec::new(), known.clone()), "{start}");
        let packed = run_of("round.evtx.gz", crate::sources::gz(&bytes));
        assert_eq!(
            (packed.told(), ids(&packed)),
            (Vec::new(), known.clone()),
            "{start}, packed"
        );
        // a log that was not closed: its header says nothing of where it begins
        let mut live = bytes.clone();
        live[..HEADER_BYTES].copy_from_slice(&evtx::header(0, 0, 1, 1, evtx::DIRTY));
        for (name, bytes) in [("live.evtx", live.clone()), ("live.evtx.gz", crate::sources::gz(&live))] {
            let run = run_of(name, bytes);
            assert_eq!(ids(&run), known, "{start}, {name}");
            assert_eq!(run.problems.len(), 1, "{:?}", run.told());
            assert!(
                run.told()[0].starts_with(&format!("Note {name}: the event log was not closed")),
                "{:?}",
                run.told()
            );
        }
    }
}

#[test]
fn a_cut_log_gives_its_whole_records_and_says_how_many_are_missing() {
    let (chunks, counts) = three();
    let bytes = evtx::file(&chunks);
    for packed in [false, true] {
        let name = if packed { "cut.evtx.gz" } else { "cut.evtx" };
        let run_of = |bytes: &[u8]| match packed {
            true => run_of(name, crate::sources::gz(bytes)),
            false => run_of(name, bytes),
        };
        // between chunks
        let run = run_of(&bytes[..HEADER_BYTES + CHUNK_BYTES]);
        assert_eq!(ids(&run).len() as u64, counts[0]);
        let missing = format!("records {} to 800 are missing ({})", counts[0] + 1, 800 - counts[0]);
        let told = format!("Error {name}: cut short: the header announces 3 chunks, 1 whole ones are there; {missing}");
        assert_eq!(run.told(), [told]);
        // within a chunk
        let run = run_of(&bytes[..HEADER_BYTES + CHUNK_BYTES + 30_000]);
        let read = ids(&run).len() as u64;
        assert!(read > counts[0] && read < counts[0] + counts[1], "{read}");
        let told = run.told();
        assert_eq!(told.len(), 2, "{told:?}");
        let lost = counts[0] + counts[1] - read;
        let of_chunk = format!(
            "Error {name}:chunk 2 (byte 69632): {lost} of {} records could not be read: the chunk is cut short",
            counts[1]
        );
        assert_eq!(told[0], of_chunk);
        assert!(
            told[1].ends_with(&format!(
                "1 whole ones are there; records {} to 800 are missing ({})",
                counts[0] + counts[1] + 1,
                counts[2]
            )),
            "{told:?}"
        );
    }
    // within the header
    let run = run_of("cut.evtx", &bytes[..1000]);
    assert!(run.told()[0].contains("ends within its header"), "{:?}", run.told());
}

#[test]
fn a_chunk_without_header_costs_itself() {
    let (mut chunks, counts) = three();
    chunks[1][..8].copy_from_slice(b"damaged!");
    let run = run_of("bad.evtx", evtx::file(&chunks));
    assert_eq!(ids(&run).len() as u64, counts[0] + counts[2]);
    let (from, to) = (counts[0] + 1, counts[0] + counts[1]);
    let told = format!(
        "Error bad.evtx:chunk 2 (byte 69632): no chunk's header: records {from} to {to} are lost ({})",
        counts[1]
    );
    assert_eq!(run.told(), [told]);
    // at the end the header knows how many there were
    let (chunks, counts) = three();
    let mut bytes = evtx::file(&chunks);
    bytes[HEADER_BYTES + 2 * CHUNK_BYTES..].fill(0xaa);
    let run = run_of("bad.evtx", &bytes);
    let told = format!(
        "chunk 3 (byte 135168): no chunk's header: records {} to 800 are lost ({})",
        801 - counts[2],
        counts[2]
    );
    assert_eq!(run.told(), [format!("Error bad.evtx:{told}")]);
    // unless it says what cannot be
    bytes[..HEADER_BYTES].copy_from_slice(&evtx::header(0, 2, u64::MAX, 3, 0));
    let told = "Error bad.evtx:chunk 3 (byte 135168): no chunk's header: how many records are lost is not known";
    assert_eq!(run_of("bad.evtx", bytes).told(), [told]);
}

#[test]
fn a_wrong_checksum_is_told_and_the_records_are_read() {
    let (mut chunks, _) = three();
    chunks[0][52] ^= 1;
    chunks[2][200] ^= 0;
    let run = run_of("sum.evtx", evtx::file(&chunks));
    assert_eq!(ids(&run).len(), 800);
    let header = "Warning sum.evtx:chunk 1 (byte 4096): the checksum of the chunk's header is wrong: what it holds may be damaged";
    assert_eq!(run.told(), [header], "the sum of the records is in the header, too");
    evtx::reseal(&mut chunks[0]);
    let length = chunks[0].len();
    let free = u32::from_le_bytes(chunks[0][48..52].try_into().unwrap()) as usize;
    assert!(free < length);
    // a letter of a value near the end of the last record
    chunks[0][free - 40] ^= 1;
    let run = run_of("sum.evtx", evtx::file(&chunks));
    assert_eq!(
        run.told()[0],
        "Warning sum.evtx:chunk 1 (byte 4096): the checksum of the chunk's records is wrong: what it holds may be damaged"
    );
    let mut bytes = evtx::file(&three().0);
    bytes[9] ^= 1;
    assert!(run_of("sum.evtx", bytes).told()[0].contains("checksum of the file's header"));
}

#[test]
fn a_record_that_cannot_be_read_costs_itself() {
    let (mut chunks, counts) = three();
    // the second record's binary XML
    let first = u32::from_le_bytes(chunks[0][516..520].try_into().unwrap()) as usize;
    chunks[0][512 + first + 24..512 + first + 34].fill(0xff);
    evtx::reseal(&mut chunks[0]);
    let run = run_of("record.evtx", evtx::file(&chunks));
    assert_eq!(ids(&run).len(), 799);
    let told = run.told();
    assert_eq!(told.len(), 1, "{told:?}");
    let begin = format!(
        "Error record.evtx:chunk 1 (byte 4096): 1 of {} records could not be read: ",
        counts[0]
    );
    assert!(told[0].starts_with(&begin), "{told:?}");
}

#[test]
fn any_byte_may_be_wrong() {
    let (chunks, _) = three();
    let good = evtx::file(&chunks);
    // a generator of our own: the same bytes each time
    let mut state = 12_345_u64;
    let mut next = move |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..60 {
        let mut bytes = good[..HEADER_BYTES + CHUNK_BYTES].to_vec();
        for _ in 0..1 + next(40) {
            let at = next(bytes.len());
            bytes[at] = next(256) as u8;
        }
        let run = run_of("any.evtx", bytes);
        assert!(ids(&run).len() <= 2400);
        assert!(!run.problems.is_empty());
    }
}

#[test]
fn damaged_xml_costs_one_event() {
    let events = many(4);
    let text = xml(&events, XmlLayout::Pretty);
    let told = |text: &str| {
        let run = run_of("events.xml", text);
        (ids(&run), run.told())
    };
    let second = "<EventRecordID>2</EventRecordID>";
    let (read, problems) = told(&text.replace(second, "<EventRecordID>2</EventRecord>"));
    assert_eq!((read, problems.len()), (vec![1, 3, 4], 1));
    assert!(
        problems[0].starts_with("Error events.xml:line 22: an event that cannot be read, not well-formed XML"),
        "{problems:?}"
    );
    // its end is missing
    let at = text.find(second).unwrap();
    let end = at + text[at..].find("</Event>").unwrap();
    let (read, problems) = told(&format!("{}{}", &text[..end], &text[end + 8..]));
    assert_eq!(read, [1, 3, 4]);
    assert_eq!(
        problems,
        ["Error events.xml:line 22: an event that does not end: not read"]
    );
    // the file ends too early
    let (read, problems) = told(&text[..text.len() - 30]);
    assert_eq!(read, [1, 2, 3]);
    assert_eq!(
        problems,
        ["Error events.xml:line 64: the last event is cut short: not read"]
    );
    // no entity is ever followed
    let bomb = "<!DOCTYPE e [<!ENTITY a \"bbbb\"><!ENTITY c \"&a;&a;\">]>";
    let (read, problems) = told(&format!("{bomb}{}", text.replace(">anna<", ">&c;<")));
    assert_eq!((read, problems), (vec![1, 2, 3, 4], Vec::new()));
}

#[test]
fn damaged_json_costs_one_event() {
    let text = get_winevent(&many(4), false);
    let run = run_of("events.json", text.replacen("\"RecordId\": 2,", "\"RecordId\" 2,", 1));
    let known = |run: &Run| run.records.iter().map(|(seen, _)| seen.stamp).collect::<Vec<_>>();
    assert_eq!(known(&run).len(), 3);
    assert_eq!(run.problems.len(), 1, "{:?}", run.told());
    let run = run_of("events.json", &text[..text.len() - 30]);
    assert_eq!(known(&run).len(), 3);
    assert!(
        run.told()[0].starts_with("Error events.json:line ")
            && run.told()[0].ends_with("the last record is cut short: not read"),
        "{:?}",
        run.told()
    );
    // a brace too few in the second
    let at = text.find("\"RecordId\": 2,").unwrap();
    let close = at + text[at..].find("\r\n  }").unwrap();
    let run = run_of("events.json", format!("{}{}", &text[..close], &text[close + 5..]));
    let last = Stamp::Instant(TIME / 1000 * 1000 + 3000);
    assert!(
        known(&run).len() >= 2 && known(&run).contains(&last),
        "{:?}",
        run.told()
    );
}
