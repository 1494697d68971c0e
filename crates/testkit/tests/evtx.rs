//! What the writer writes is read by another hand's reader, and says the same.

use evtx::{EvtxParser, ParserSettings};
use tunlog_testkit::evtx::{chunks, file, wrapped_file, write};
use tunlog_testkit::windows::{EventData, WindowsEvent};

fn events() -> Vec<WindowsEvent> {
    let time = 1_795_219_200_123_456;
    let refused = WindowsEvent::classic(
        "RemoteAccess",
        20271,
        &["{NA}", "anna", "192.0.2.7", "Grund: <ungültig> & aus", "0x70"],
    );
    let granted = WindowsEvent {
        activity_id: Some("{5fcf3806-a56a-4a4e-bf50-2bde9124e3bc}".to_string()),
        ..WindowsEvent::audit(
            6272,
            true,
            &[
                ("SubjectUserName", "EXAMPLE\\anna"),
                ("CallingStationID", ""),
                ("Reason", "日本語"),
            ],
        )
    };
    let cleared = WindowsEvent {
        provider: "Microsoft-Windows-Eventlog".to_string(),
        source_name: Some("Eventlog".to_string()),
        data: EventData::User(
            "LogFileCleared".to_string(),
            vec![("SubjectUserName".to_string(), "anna".to_string())],
        ),
        ..WindowsEvent::audit(1102, true, &[])
    };
    let mut all = vec![
        refused.with_binary(&[0xb3, 2, 0, 0]),
        granted,
        cleared,
        WindowsEvent::classic("RasClient", 20221, &[]),
    ];
    for (number, event) in all.iter_mut().enumerate() {
        *event = event.clone().at(time + number as i64 * 1_000_000, 7000 + number as u64);
    }
    all
}

/// What the other reader makes of a file; check sums are compared.
fn read(bytes: Vec<u8>) -> Vec<WindowsEvent> {
    let settings = ParserSettings::default().validate_checksums(true).indent(false);
    let mut parser = EvtxParser::from_buffer(bytes)
        .expect("a file header")
        .with_configuration(settings);
    let records = parser.records().map(|record| record.expect("a record"));
    records
        .map(|record| WindowsEvent::from_xml(&record.data).expect("an event"))
        .collect()
}

#[test]
fn events_of_every_kind_come_back() {
    let mut known = events();
    // without data the other reader, and Windows, leave it open whether values have names
    assert_eq!(read(write(&known)), known);
    known.reverse();
    assert_eq!(read(write(&known)), known);
}

#[test]
fn many_events_fill_many_chunks_and_templates_are_used_again() {
    let event = &events()[1];
    let known: Vec<WindowsEvent> = (0..2000)
        .map(|number| event.clone().at(event.time + number, number as u64))
        .collect();
    let written = chunks(&known);
    assert!((5..40).contains(&written.len()), "{} chunks", written.len());
    assert_eq!(read(file(&written)), known);
    let mut round = read(wrapped_file(&written, 3));
    round.sort_by_key(|event| event.record_id);
    assert_eq!(round, known);
}

#[test]
fn an_event_that_no_chunk_holds_is_left_out() {
    let long = WindowsEvent::classic("RemoteAccess", 20271, &["x".repeat(40_000).as_str()]);
    let known = [events()[0].clone(), long, events()[1].clone()];
    assert_eq!(read(write(&known)), [known[0].clone(), known[2].clone()]);
}

#[test]
fn xml_is_read_back_in_every_layout() {
    use tunlog_testkit::windows::{XmlLayout, xml};
    for event in events() {
        assert_eq!(WindowsEvent::from_xml(&event.xml()), Ok(event.clone()));
        for layout in [XmlLayout::Lines, XmlLayout::Root, XmlLayout::Pretty] {
            assert_eq!(
                WindowsEvent::from_xml(&xml(std::slice::from_ref(&event), layout)),
                Ok(event.clone())
            );
        }
    }
    assert!(WindowsEvent::from_xml("<Event><System/></Event>").is_err());
    assert!(WindowsEvent::from_xml("no event").is_err());
}
