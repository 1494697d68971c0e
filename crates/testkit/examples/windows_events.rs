//! Writes a few Windows events in each form into a folder: first inputs for the fuzz targets, something to try a reader on.
//!
//!     cargo run -p tunlog-testkit --example windows_events -- FOLDER

use std::path::PathBuf;

use tunlog_testkit::evtx;
use tunlog_testkit::windows::{EventData, WindowsEvent, XmlLayout, get_winevent, utf16, xml};

/// 2026-11-21T00:00:00Z.
const TIME: i64 = 1_795_219_200_000_000;

fn events() -> Vec<WindowsEvent> {
    let refused = WindowsEvent::classic(
        "RemoteAccess",
        20271,
        &["{NA}", "anna", "192.0.2.7", "refused & <gone>", "0x70"],
    );
    let denied = [
        ("SubjectUserName", "anna"),
        ("CallingStationID", "192.0.2.7"),
        ("ReasonCode", "16"),
    ];
    let user = EventData::User(
        "LogFileCleared".to_string(),
        vec![("SubjectUserName".to_string(), "anna".to_string())],
    );
    let cleared = WindowsEvent {
        data: user,
        ..WindowsEvent::audit(1102, true, &[])
    };
    let all = [
        refused.with_binary(&[0xb3, 2, 0, 0]),
        WindowsEvent::audit(6273, false, &denied),
        cleared,
    ];
    let numbered = all.into_iter().zip(1..);
    numbered
        .map(|(event, number)| event.at(TIME + number * 1_000_000, number as u64))
        .collect()
}

fn main() -> std::io::Result<()> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| ".".to_string()));
    std::fs::create_dir_all(&folder)?;
    let all = events();
    let lines = |each: fn(&WindowsEvent) -> String| all.iter().map(|event| each(event) + "\n").collect::<String>();
    let snare: String = all.iter().map(|event| event.snare("a text")).collect();
    for (name, bytes) in [
        ("events.evtx", evtx::write(&all)),
        ("lines.xml", xml(&all, XmlLayout::Lines).into_bytes()),
        ("root.xml", utf16(&xml(&all, XmlLayout::Root))),
        ("pretty.xml", xml(&all, XmlLayout::Pretty).into_bytes()),
        ("powershell.json", get_winevent(&all, false).into_bytes()),
        ("winlogbeat.ndjson", lines(WindowsEvent::winlogbeat).into_bytes()),
        ("nxlog.ndjson", lines(WindowsEvent::nxlog).into_bytes()),
        ("evtx_dump.ndjson", lines(WindowsEvent::evtx_dump).into_bytes()),
        ("snare.log", snare.into_bytes()),
    ] {
        std::fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}
