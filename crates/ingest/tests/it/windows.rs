//! Windows events in every form in which an administrator may copy them: the same event is the same record.

use tunlog_model::Stamp;
use tunlog_testkit::evtx;
use tunlog_testkit::windows::{EventData, WindowsEvent, XmlLayout, get_winevent, utf16, xml};

use crate::{Folder, Run, Seen, cut, options, read};

/// 2026-11-21T00:00:00.123Z: whole milliseconds, because some forms keep no more.
const TIME: i64 = 1_795_219_200_123_000;

/// One event of each kind: classic with binary part, audits with names, one with `UserData`, none, and text that every form must escape.
fn events() -> Vec<WindowsEvent> {
    let refused = WindowsEvent {
        level: 3,
        ..WindowsEvent::classic(
            "RemoteAccess",
            20271,
            &[
                "{AC09A421-BFB0-0007-50C4-2BACB0BFDA01}",
                "EXAMPLE\\jürgen",
                "192.0.2.7",
                "Grund: <ungültig> & \"aus\", 'so'",
                "0x70",
            ],
        )
    };
    let lines = "zwei\r\nZeilen\tund </Event> <Event> {\"Id\": 1}";
    let granted = WindowsEvent {
        activity_id: Some("{5fcf3806-a56a-4a4e-bf50-2bde9124e3bc}".to_string()),
        version: Some(2),
        ..WindowsEvent::audit(
            6272,
            true,
            &[
                ("SubjectUserName", "EXAMPLE\\anna"),
                ("CallingStationID", ""),
                ("Reason", lines),
            ],
        )
    };
    let failed = WindowsEvent::audit(
        4625,
        false,
        &[
            ("TargetUserName", "利用者"),
            ("SubStatus", "0xc000006a"),
            ("IpAddress", "::ffff:192.0.2.9"),
        ],
    );
    let cleared = WindowsEvent {
        provider: "Microsoft-Windows-Eventlog".to_string(),
        data: EventData::User(
            "LogFileCleared".to_string(),
            vec![("SubjectUserName".to_string(), "anna".to_string())],
        ),
        ..WindowsEvent::audit(1102, true, &[])
    };
    let mut stage = WindowsEvent::classic("RasClient", 20227, &["{0}", "anna", "Büro", "809"]);
    stage.channel = "Application".to_string();
    let all = [refused.with_binary(&[0xb3, 2, 0, 0]), granted, failed, cleared, stage];
    let numbered = all.into_iter().zip(0..);
    numbered
        .map(|(event, number)| event.at(TIME + number * 1_000_000, 7000 + number as u64))
        .collect()
}

/// A record without what only says where it stands.
#[derive(Debug, PartialEq)]
struct Told {
    stamp: Stamp,
    host: String,
    app: String,
    pid: u32,
    severity: Option<String>,
    fields: Vec<(String, String)>,
}

impl Told {
    fn of(seen: &Seen, fields: Vec<(String, String)>) -> Told {
        Told {
            stamp: seen.stamp,
            host: seen.host.clone(),
            app: seen.app.clone(),
            pid: seen.pid,
            severity: seen.severity.clone(),
            fields,
        }
    }
}

/// What a record must be: the contract between readers and decoders, worked out from the event and by nothing of the reader's.
fn expected(event: &WindowsEvent) -> Told {
    let mut fields = vec![("System/EventID".to_string(), event.id.to_string())];
    let mut add = |name: &str, value: Option<String>| {
        fields.extend(value.map(|value| (name.to_string(), value)));
    };
    add("System/Version", event.version.map(|version| version.to_string()));
    add("System/Channel", Some(event.channel.clone()));
    add("System/EventRecordID", Some(event.record_id.to_string()));
    add("System/Level", Some(event.level.to_string()));
    add("System/Keywords", Some(format!("{:#x}", event.keywords)));
    add("System/ActivityID", event.activity_id.clone());
    match &event.data {
        EventData::Positional(values) => {
            fields.extend(
                values
                    .iter()
                    .enumerate()
                    .map(|(at, value)| (at.to_string(), value.clone())),
            );
        }
        EventData::Named(named) | EventData::User(_, named) => fields.extend(named.iter().cloned()),
    }
    let binary = event.binary.as_ref();
    fields.extend(binary.map(|bytes| {
        (
            "Binary".to_string(),
            bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        )
    }));
    Told {
        stamp: Stamp::Instant(event.time),
        host: event.computer.clone(),
        app: event.provider.clone(),
        pid: event.execution.map_or(0, |(process, _)| process),
        severity: ["", "Critical", "Error", "Warning", "Info", "Debug"]
            .get(usize::from(event.level))
            .filter(|name| !name.is_empty())
            .map(ToString::to_string),
        fields,
    }
}

fn run_of(name: &str, bytes: impl AsRef<[u8]>) -> Run {
    let folder = Folder::new();
    read(&[folder.write(name, bytes)], false, &options())
}

/// Reads a file with what `Run` keeps of fields apart.
fn told(run: &Run) -> Vec<Told> {
    let fields = |seen: &Seen| seen.fields.clone();
    run.records
        .iter()
        .map(|(seen, _)| Told::of(seen, fields(seen)))
        .collect()
}

/// Every event in full, in order.
fn check(name: &str, bytes: impl AsRef<[u8]>) {
    let run = run_of(name, bytes);
    assert_eq!(run.told(), [""; 0], "{name}");
    let known: Vec<Told> = events().iter().map(expected).collect();
    assert_eq!(told(&run), known, "{name}");
}

#[test]
fn evtx_and_xml_say_everything() {
    let all = events();
    check("events.evtx", evtx::write(&all));
    for layout in [XmlLayout::Lines, XmlLayout::Root, XmlLayout::Pretty] {
        let text = xml(&all, layout);
        check("events.xml", &text);
        check("utf16.xml", utf16(&text));
        check("utf16-without-mark.xml", &utf16(&text)[2..]);
        check("bom.xml", format!("\u{feff}{text}"));
    }
}

#[test]
fn xml_with_what_windows_adds_for_people() {
    let rendered = "<RenderingInfo Culture='de-DE'><Message>Anmeldung</Message><Level>Warnung</Level><Provider>RAS</Provider></RenderingInfo>";
    let text: String = events()
        .iter()
        .map(|event| event.xml().replace("</Event>", &format!("{rendered}</Event>\n")))
        .collect();
    check("rendered.xml", text);
}

/// The same as `expected`, but for what a form does not have, or not under this name.
fn without(mut told: Told, names: &[&str]) -> Told {
    told.fields.retain(|(name, _)| !names.contains(&name.as_str()));
    told
}

fn sorted(mut told: Vec<Told>) -> Vec<Told> {
    for told in &mut told {
        told.fields.sort();
    }
    told
}

fn positions(mut told: Told) -> Told {
    let data = told
        .fields
        .iter_mut()
        .filter(|(name, _)| !name.starts_with("System/") && name != "Binary");
    for (position, (name, _)) in data.enumerate() {
        *name = position.to_string();
    }
    told
}

fn lines(each: fn(&WindowsEvent) -> String) -> String {
    events().iter().map(|event| each(event) + "\n").collect()
}

#[test]
fn evtx_dump_says_everything() {
    let run = run_of("events.jsonl", lines(WindowsEvent::evtx_dump));
    assert_eq!(run.told(), [""; 0]);
    let known = events().iter().map(expected).collect();
    assert_eq!(sorted(told(&run)), sorted(known));
    // one line each is its own evidence
    assert_eq!(run.records[1].0.raw, events()[1].evtx_dump().as_bytes());
    assert_eq!(run.records[1].0.line, 2);
}

#[test]
fn winlogbeat_keeps_of_keywords_what_the_audit_said_and_of_levels_what_is_no_information() {
    let run = run_of("winlogbeat.ndjson", lines(WindowsEvent::winlogbeat));
    assert_eq!(run.told(), [""; 0]);
    let adapted = |event: &WindowsEvent| {
        let mut told = without(expected(event), &["System/Keywords"]);
        let bits = event.keywords & 0x30_0000_0000_0000;
        if bits > 0 {
            told.fields.push(("System/Keywords".to_string(), format!("{bits:#x}")));
        }
        if event.level != 3 {
            told.severity = None;
            told = without(told, &["System/Level"]);
        }
        told
    };
    assert_eq!(sorted(told(&run)), sorted(events().iter().map(adapted).collect()));
    // the same below the envelope of an index, and with keys that were joined
    let line = events()[2].winlogbeat();
    let flat = r#"{"@timestamp":"2026-11-21T00:00:02.123Z","winlog.event_id":4625,"winlog.provider_name":"Microsoft-Windows-Security-Auditing","winlog.event_data.TargetUserName":"anna"}"#;
    let seen = cut(format!("{line}\n{flat}\n"));
    assert_eq!(seen[1].stamp, seen[0].stamp);
    assert_eq!(seen[1].body, "System/EventID=4625;TargetUserName=anna;");
}

#[test]
fn old_winlogbeat_has_the_names_at_the_top() {
    let line = r#"{"@timestamp":"2026-11-21T00:00:00.123Z","computer_name":"ras1","event_data":{"param1":"{NA}","param2":"anna","Binary":"B3020000"},"event_id":20271,"keywords":["Classic"],"level":"Warning","log_name":"System","process_id":0,"record_number":"42","source_name":"RemoteAccess","type":"wineventlog"}"#;
    let seen = cut(line);
    assert_eq!((seen[0].app.as_str(), seen[0].host.as_str()), ("RemoteAccess", "ras1"));
    assert_eq!(
        seen[0].body,
        "System/EventID=20271;System/Channel=System;System/EventRecordID=42;System/Level=3;0={NA};1=anna;Binary=b3020000;"
    );
    assert_eq!(seen[0].stamp, Stamp::Instant(TIME));
}

#[test]
fn nxlog_has_no_data_without_names() {
    let run = run_of("nxlog.json", lines(WindowsEvent::nxlog));
    assert_eq!(run.told(), [""; 0]);
    let adapted = |event: &WindowsEvent| {
        let mut told = expected(event);
        // it tells the level by a word, and an audit's by its outcome
        told.fields
            .retain(|(name, _)| name.parse::<usize>().is_err() && name != "Binary");
        if told.severity.as_deref() == Some("Info") {
            told.severity = None;
            told = without(told, &["System/Level"]);
        }
        told
    };
    assert_eq!(sorted(told(&run)), sorted(events().iter().map(adapted).collect()));
}

#[test]
fn powershell_has_positions_only() {
    let known: Vec<Told> = events().iter().map(|event| positions(expected(event))).collect();
    for iso in [false, true] {
        let text = get_winevent(&events(), iso);
        for bytes in [
            text.clone().into_bytes(),
            utf16(&text),
            format!("\u{feff}{text}").into_bytes(),
        ] {
            let run = run_of("events.json", bytes);
            assert_eq!(run.told(), [""; 0]);
            assert_eq!(told(&run), known);
        }
        // one event is no array
        let run = run_of("one.json", get_winevent(&events()[..1], iso));
        assert_eq!(run.told(), [""; 0]);
        assert_eq!(told(&run), known[..1]);
    }
    // -Compress: one line
    let compact: serde_json::Value = serde_json::from_str(&get_winevent(&events(), true)).unwrap();
    let run = run_of("compressed.json", compact.to_string());
    assert_eq!(told(&run), known);
    assert_eq!(told(&run_of("jsonl.json", compact[0].to_string())), known[..1]);
}

#[test]
fn snare_has_the_text_alone() {
    let line = |event: &WindowsEvent| event.snare("Fehler: 0x70\tohne Zone");
    let check = |text: String, host: &str| {
        let seen = cut(text);
        assert_eq!(seen.len(), 2);
        assert_eq!((seen[0].app.as_str(), seen[0].host.as_str()), ("RemoteAccess", host));
        assert_eq!(
            seen[0].body,
            "System/EventID=20271;System/Channel=System;System/Level=3;Message=Fehler: 0x70 ohne Zone;"
        );
        assert_eq!(seen[0].severity.as_deref(), Some("Warning"));
        assert!(matches!(seen[0].stamp, Stamp::Civil(civil) if civil.year == Some(2026) && civil.day == 21));
        assert_eq!(seen[1].app, "Microsoft-Windows-Security-Auditing");
        assert!(
            seen[1].body.contains("System/Keywords=0x20000000000000;"),
            "{}",
            seen[1].body
        );
    };
    let all = events();
    let text = line(&all[0]) + &line(&all[1]);
    check(text.clone(), "ras1.example.test");
    // as rsyslog writes tabs, and without the header of syslog
    check(text.replace('\t', "#011"), "ras1.example.test");
    let bare = text
        .lines()
        .map(|line| format!("ras1\t{}\n", &line[line.find("MSWin").unwrap()..]));
    check(bare.collect(), "ras1.example.test");
}

#[test]
fn what_is_no_event_stays_what_it_was() {
    let seen = cut("Nov 21 00:00:00 gw pptpd[1]: MSWinEventLog\t1\tSystem\t1\tx\t20271\tRemoteAccess\n");
    assert_eq!(seen[0].app, "pptpd");
    let seen = cut(r#"{"time":"2026-11-21T00:00:00Z","message":"x","Event":"yes","ident":"pppd"}"#);
    assert_eq!((seen.len(), seen[0].app.as_str()), (1, "pppd"));
    let seen = cut(r#"{"winlog":{"event_id":1},"message":"no provider"}"#);
    assert_eq!(seen.len(), 0);
    let run = run_of("page.xml", "<html><Event/>text</html>\n");
    assert_eq!(run.records.len(), 1, "a line of text");
    let run = run_of(
        "objects.xml",
        "\u{feff}<Objs Version=\"1.1.0.1\" xmlns=\"x\"><Obj RefId=\"0\"></Obj></Objs>",
    );
    assert_eq!(run.records.len(), 0);
    assert!(run.told()[0].contains("ConvertTo-Json"), "{:?}", run.told());
}

#[test]
fn text_of_any_kind_may_be_in_utf16() {
    let run = run_of(
        "pppd.log",
        utf16("Nov 21 00:00:00 gw pppd[1]: eins ü\r\nNov 21 00:00:01 gw pppd[1]: zwei"),
    );
    assert_eq!(run.bodies(), ["eins ü", "zwei"]);
    let mut big: Vec<u8> = vec![0xfe, 0xff];
    big.extend(
        "Nov 21 00:00:00 gw pppd[1]: drei\n"
            .encode_utf16()
            .flat_map(u16::to_be_bytes),
    );
    assert_eq!(run_of("big.log", big).bodies(), ["drei"]);
    let mut damaged = utf16("Nov 21 00:00:00 gw pppd[1]: vier\n");
    damaged.extend([0x00, 0xd8, b'x']);
    let run = run_of("damaged.log", damaged);
    assert_eq!(run.bodies()[0], "vier");
    assert!(run.told()[0].contains("damaged characters"), "{:?}", run.told());
}

#[test]
fn packed_and_archived() {
    let folder = Folder::new();
    let log = evtx::write(&events());
    let known: Vec<Told> = events().iter().map(expected).collect();
    let packed = folder.write("events.evtx.gz", crate::sources::gz(&log));
    let run = read(&[packed], false, &options());
    assert_eq!((run.told(), told(&run)), (Vec::new(), known));
    let found = read(std::slice::from_ref(&folder.0), false, &options());
    assert_eq!(found.records.len(), events().len(), "found in a directory");
}

#[test]
fn many_events_over_many_stretches() {
    let event = &events()[1];
    let many: Vec<WindowsEvent> = (0..3000)
        .map(|number| event.clone().at(TIME + number * 1000, number as u64))
        .collect();
    let layouts = [XmlLayout::Lines, XmlLayout::Root, XmlLayout::Pretty].map(|layout| xml(&many, layout).into_bytes());
    let powershell = get_winevent(&many, false).into_bytes();
    let all = layouts
        .into_iter()
        .chain([powershell, utf16(&xml(&many, XmlLayout::Pretty)), evtx::write(&many)]);
    for (number, bytes) in all.enumerate() {
        let run = run_of("many", &bytes);
        assert_eq!(run.told(), [""; 0], "{number}");
        let times: Vec<Stamp> = run.records.iter().map(|(seen, _)| seen.stamp).collect();
        let known: Vec<i64> = many
            .iter()
            .map(|event| {
                if number == 3 {
                    event.time / 1000 * 1000
                } else {
                    event.time
                }
            })
            .collect();
        assert!(
            times.iter().eq(known
                .iter()
                .map(|time| Stamp::Instant(*time))
                .collect::<Vec<_>>()
                .iter()),
            "{number}"
        );
        let places: Vec<u64> = run.records.iter().map(|(seen, _)| seen.line).collect();
        assert!(
            places.windows(2).all(|pair| pair[0] < pair[1]),
            "{number}: {:?}",
            &places[..5]
        );
    }
}
