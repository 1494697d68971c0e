#![allow(clippy::unwrap_used)]

use super::*;

fn shown(line: &str) -> (Stamp, String, Vec<(String, String)>) {
    let text = |bytes: &[u8]| tunlog_model::text::lossy(bytes).into_owned();
    let record = read(line.as_bytes()).unwrap().unwrap();
    let fields = record.fields.iter().map(|(name, value)| (text(name), text(value)));
    (record.stamp, text(&record.host), fields.collect())
}

fn why(line: &str) -> String {
    read(line.as_bytes()).unwrap().unwrap_err()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect()
}

fn civil(year: i16, month: u8, day: u8, second: u32, micros: u32) -> Stamp {
    Stamp::Civil(Civil {
        year: Some(year),
        month,
        day,
        second,
        micros,
    })
}

/// A row with these cells, by their column (0 is the computer), and as many columns as are asked for.
fn row(columns: usize, cells: &[(usize, &str)]) -> String {
    let mut row = vec![""; columns];
    for (at, text) in [(0, "\"GW1\""), (1, "\"RAS\""), (2, "03/07/2024"), (3, "13:04:33")] {
        row[at] = text;
    }
    for (at, text) in cells {
        row[*at] = text;
    }
    row.join(",")
}

#[test]
fn a_row_of_the_database_form_has_its_columns_by_name() {
    let (stamp, host, fields) = shown(&row(
        60,
        &[
            (4, "3"),
            (6, r#""CORP\anna""#),
            (25, "36"),
            (26, r#""311 1 192.0.2.9""#),
        ],
    ));
    assert_eq!((stamp, host.as_str()), (civil(2024, 3, 7, 47073, 0), "GW1"));
    let expected = [
        ("Packet-Type", "3"),
        ("Fully-Qualified-Distinguished-Name", r"CORP\anna"),
        ("Reason-Code", "36"),
        ("Class", "311 1 192.0.2.9"),
    ];
    assert_eq!(fields, pairs(&expected));
    let (_, _, fields) = shown(&row(66, &[(4, "4"), (40, "1"), (44, "1"), (65, r#""MSRASV5.20""#)]));
    let expected = [
        ("Packet-Type", "4"),
        ("Acct-Terminate-Cause", "1"),
        ("Tunnel-Type", "1"),
        ("MS-RAS-Client-Version", "MSRASV5.20"),
    ];
    assert_eq!(fields, pairs(&expected));
}

#[test]
fn a_comma_or_a_quotation_mark_in_a_text_ends_no_column() {
    let (_, _, fields) = shown(&row(60, &[(4, "1"), (5, r#""a,b""c""#)]));
    assert_eq!(fields, pairs(&[("Packet-Type", "1"), ("User-Name", r#"a,b"c"#)]));
    // the writer's other way: in hexadecimal, and only then
    let (_, _, fields) = shown(&row(
        60,
        &[(5, r#""0x612C62""#), (7, r#""0x41""#), (56, r#""0x00453D363931""#)],
    ));
    let expected = [
        ("User-Name", "a,b"),
        ("Called-Station-Id", "0x41"),
        ("MS-CHAP-Error", "\0E=691"),
    ];
    assert_eq!(fields, pairs(&expected));
}

#[test]
fn a_row_that_is_not_whole_says_why() {
    assert_eq!(
        why(&row(59, &[])),
        "NPS row of 59 columns where 60 or 66 belong: skipped"
    );
    assert_eq!(
        why(&row(61, &[])),
        "NPS row of 61 columns where 60 or 66 belong: skipped"
    );
    assert_eq!(
        why(r#""GW1","IAS",03/0"#),
        "NPS row of 3 columns where 60 or 66 belong: skipped"
    );
    assert_eq!(
        why(r#""GW1","IAS",03/07/2024,13:04:33,1,"an"#),
        "NPS row, column 6: a quotation mark is not closed: skipped"
    );
    assert_eq!(
        why(&row(60, &[(5, r#""an"na""#)])),
        "NPS row, column 6: text behind a closing quotation mark: skipped"
    );
}

#[test]
fn a_record_of_the_ias_form_has_its_attributes_by_name() {
    let line =
        r"192.0.2.1,CORP\anna,06/04/2024,14:42:19,IAS,NPS1,4136,1,61,5,64,1,31,203.0.113.7,25,311 1 192.0.2.9,9999,x";
    let (stamp, host, fields) = shown(line);
    assert_eq!((stamp, host.as_str()), (civil(2024, 6, 4, 52939, 0), "NPS1"));
    let expected = [
        ("NAS-IP-Address", "192.0.2.1"),
        ("User-Name", r"CORP\anna"),
        ("Packet-Type", "1"),
        ("NAS-Port-Type", "5"),
        ("Tunnel-Type", "1"),
        ("Calling-Station-Id", "203.0.113.7"),
        ("Class", "311 1 192.0.2.9"),
        ("9999", "x"),
    ];
    assert_eq!(fields, pairs(&expected));
}

#[test]
fn an_ias_record_that_is_not_whole_says_why() {
    let odd = "NPS record whose last attribute has no value (an odd number of columns): skipped";
    assert_eq!(why("192.0.2.1,anna,06/04/2024,14:42:19,IAS,NPS1,4136,1,61"), odd);
    assert_eq!(
        why("192.0.2.1,anna,06/04/2024,14:42:19,IAS"),
        "NPS record that ends in its header: skipped"
    );
    let number = why("192.0.2.1,anna,06/04/2024,14:42:19,IAS,NPS1,x,1");
    assert_eq!(
        number,
        "NPS record in which \"x\" stands for an attribute's number: skipped"
    );
}

const DTS: &str = concat!(
    r#"<Event><Timestamp data_type="4">05/19/2024 15:21:44.008</Timestamp><Computer-Name data_type="1">NPS1</Computer-Name>"#,
    r#"<User-Name data_type="1">a &amp; b&#x21;</User-Name><MS-CHAP-Error data_type="2">00453D363931</MS-CHAP-Error>"#,
    r#"<Empty data_type="1"/><Packet-Type data_type="0">3</Packet-Type></Event>"#
);

#[test]
fn a_record_of_the_dts_form_has_its_elements_in_any_order() {
    let (stamp, host, fields) = shown(DTS);
    assert_eq!((stamp, host.as_str()), (civil(2024, 5, 19, 55304, 8000), "NPS1"));
    let expected = [
        ("User-Name", "a & b!"),
        ("MS-CHAP-Error", "\0E=691"),
        ("Packet-Type", "3"),
    ];
    assert_eq!(fields, pairs(&expected));
}

#[test]
fn a_dts_record_that_is_not_whole_says_why() {
    assert_eq!(
        why(&DTS[..DTS.len() - 8]),
        "NPS record that ends before its `</Event>`: skipped"
    );
    assert_eq!(
        why(&DTS[..DTS.len() - 12]),
        "NPS record whose element 6 is not whole: skipped"
    );
    assert_eq!(
        why(&format!("{DTS}<x>")),
        "NPS record with something behind its `</Event>`: skipped"
    );
    let forged = DTS.replace("a &amp;", "</User-Name><Packet-Type data_type=\"0\">2");
    assert!(why(&forged).starts_with("NPS record whose element"), "{forged}");
}

#[test]
fn other_files_are_left_alone() {
    for line in [
        r#"<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System/></Event>"#,
        "<Event><System><EventID>6272</EventID></System></Event>",
        "<30>Nov  9 10:01:01 gw pppd[7]: up",
        r#""GW1","other",03/07/2024,13:04:33,1"#,
        "ComputerName,ServiceName,Record-Date,Record-Time",
        "192.0.2.1,anna,yesterday,14:42:19,IAS,NPS1,6,2",
        "2024-11-09T10:01:01 gw pppd[7]: up, 06/04/2024,14:42:19,IAS",
        ",",
        "\"",
    ] {
        assert_eq!(read(line.as_bytes()), None, "{line}");
    }
}

#[test]
fn dates_are_american_or_iso_and_impossible_ones_are_no_time() {
    assert_eq!(local(b"12/31/2024", b"23:59:59"), Some(civil(2024, 12, 31, 86399, 0)));
    assert_eq!(local(b"2024-12-31", b"23:59:59"), Some(civil(2024, 12, 31, 86399, 0)));
    for (date, time) in [
        ("31/12/2024", "10:00:00"),
        ("02/30/2024", "10:00:00"),
        ("02/29/2023", "10:00:00"),
        ("01/01/2024", "24:00:00"),
    ] {
        assert_eq!(
            local(date.as_bytes(), time.as_bytes()),
            Some(Stamp::Missing),
            "{date} {time}"
        );
    }
    for (date, time) in [
        ("1/1/2024", "10:00:00"),
        ("01/01/24", "10:00:00"),
        ("01/01/2024", "10:00"),
        ("", ""),
    ] {
        assert_eq!(local(date.as_bytes(), time.as_bytes()), None, "{date} {time}");
    }
}
