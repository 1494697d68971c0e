//! Files of Windows servers: rows that are not whole cost themselves, and a header counts in every chunk behind it.

use crate::{Folder, cut, cut_with, options, read};
use tunlog_model::EveryApp;

const ROW: &str = r#""NPS1","IAS",03/07/2024,13:04:33,1,"anna",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,"#;

#[test]
fn a_row_that_is_not_whole_is_named_with_its_line_and_costs_only_itself() {
    let log = format!(
        "{ROW}\n{ROW},\n192.0.2.1,anna,03/07/2024,13:04:34,IAS,NPS1,4136\n<Event><A data_type=\"1\">x\n{ROW}\n"
    );
    let (seen, cut) = cut_with(log.as_bytes(), &EveryApp);
    let lines: Vec<(u64, &str)> = seen.iter().map(|record| (record.line, record.app.as_str())).collect();
    assert_eq!(lines, [(1, "nps-file"), (5, "nps-file")]);
    let notes: Vec<String> = cut
        .notes
        .iter()
        .map(|note| note.problem("log", 0).to_string())
        .collect();
    let expected = [
        "log:line 2: NPS row of 61 columns where 60 or 66 belong: skipped",
        "log:line 3: NPS record whose last attribute has no value (an odd number of columns): skipped",
        "log:line 4: NPS record whose element 1 is not whole: skipped",
    ];
    assert_eq!(notes, expected);
}

#[test]
fn a_file_of_nps_is_no_file_of_windows_events() {
    let line = "<Event><Computer-Name data_type=\"1\">NPS1</Computer-Name><Packet-Type data_type=\"0\">3</Packet-Type></Event>\r\n";
    for text in [line.repeat(2), line.replace("><", ">\r\n  <").repeat(2)] {
        let folder = Folder::new();
        let run = read(&[folder.write("IN1.log", text)], false, &options());
        assert_eq!(run.bodies(), ["Packet-Type=3;"; 2]);
    }
}

#[test]
fn a_record_that_a_viewer_broke_into_lines_is_one() {
    let record = "<Event>\r\n  <Computer-Name data_type=\"1\">NPS1</Computer-Name>\r\n\t<Packet-Type data_type=\"0\">3</Packet-Type>\r\n</Event>\r\n";
    let seen = cut(format!("{record}{record}"));
    let shown: Vec<(u64, &str, &str)> = seen
        .iter()
        .map(|seen| (seen.line, seen.host.as_str(), seen.body.as_str()))
        .collect();
    assert_eq!(shown, [(1, "NPS1", "Packet-Type=3;"), (5, "NPS1", "Packet-Type=3;")]);
    let broken = record.replace("</Event>\r\n", "Nov  9 10:01:01 gw pppd[7]: up\n");
    let (seen, cut) = cut_with(broken.as_bytes(), &EveryApp);
    assert_eq!(
        seen.iter().map(|record| record.app.as_str()).collect::<Vec<_>>(),
        ["pppd"]
    );
    assert_eq!(
        cut.notes[0].cause,
        "NPS record that begins 3 lines above is not whole: skipped"
    );
    // elements of another kind: a file of Windows' event log, which is none of these
    let (_, cut) = cut_with(b"<Event>\n  <System>\n  </System>\n</Event>\n", &EveryApp);
    assert_eq!(cut.notes, []);
}

#[test]
fn a_header_counts_in_all_chunks_and_the_last_one_decides() {
    let folder = Folder::new();
    let mut log =
        String::from("#Version: 1.5\n#Time Format: UTC\n#Fields: time date action protocol src-ip dst-ip path\n");
    let count = 12_000;
    (0..count).for_each(|_| log += "08:05:57 2026-04-11 DROP 47 203.0.113.7 192.0.2.1 RECEIVE\n");
    log += "#Fields: path date time action protocol src-ip dst-ip\n";
    (0..count).for_each(|_| log += "RECEIVE 2026-04-11 08:05:58 DROP 47 203.0.113.7 192.0.2.1\n");
    let path = folder.write("pfirewall.log", &log);
    let run = read(&[path], false, &options());
    assert_eq!(run.records.len(), 2 * count);
    for (number, (record, time)) in run.records.iter().enumerate() {
        assert!(
            record.body.contains("protocol=47;src-ip=203.0.113.7;"),
            "{}",
            record.body
        );
        let second = i64::from(number >= count);
        assert_eq!(time.micros, 1_775_894_757_000_000 + second * 1_000_000);
        assert_eq!(time.assumed, Default::default());
    }
}

#[test]
fn lost_rows_are_a_row_and_a_loss() {
    let log = "#Fields: date time action protocol src-ip info path\n2026-04-11 08:05:57 INFO-EVENTS-LOST - - 59 -\n";
    let bodies: Vec<String> = cut(log).into_iter().map(|seen| seen.body).collect();
    assert_eq!(bodies, ["action=INFO-EVENTS-LOST;info=59;", "<lost Some(59)>"]);
}
