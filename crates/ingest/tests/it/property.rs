use proptest::prelude::*;
use tunlog_ingest::{Chunk, Format, Framer};
use tunlog_model::{EveryApp, RecordRef};

use crate::{Folder, Seen, cut, options, read};

/// Pieces that lead the framings astray.
const PIECES: &[&str] = &[
    "Nov  9 10:01:01 gw pppd[7]: up",
    "Nov 31 25:61:61 ",
    "2025-11-09T10:01:01.5+01:00 gw xl2tpd[8]: x",
    "2025-02-30 10:00:00",
    "<30>",
    "<30>1 ",
    "1 - - - - - ",
    "[",
    "]",
    "{\"MESSAGE\":",
    "{",
    "}",
    "\"",
    "\\u12",
    "[1,2,300]",
    "null",
    "[[",
    "\n",
    "\r\n",
    "\0\0\0",
    "Sun Nov  9 10:01:01 2025\n\tUser-Name = \"a\"\n",
    "\t",
    "time=nov/09 10:00:00 topics=l2tp,info",
    "message=\"a\"",
    "last message repeated 3 times",
    "message repeated 99 times: [ x]",
    "gw ",
    "pppd[7]: ",
    "l2tp,info ",
    " | ",
    "vpn_1  | ",
    "syslog:",
    "月",
    "ноя 09 10:00:00 ",
    "&#26376;",
    "[   1.5] ",
    "Z",
    ":",
    " ",
    "(",
    "<Event><User-Name data_type=\"1\">a</User-Name></Event>",
    "<Event>\n",
    "  <Class data_type=\"2\">00",
    "</Event>",
    "\"gw\",\"IAS\",03/07/2024,10:00:00,1,\"an",
    ",,,,,,,,,,,,,,,,,,,,",
    "192.0.2.1,anna,03/07/2024,10:00:00,IAS,gw,4136,1",
    "#Fields: date time action protocol src-ip\n",
    "#Time Format: UTC\n",
    "2024-03-07 10:00:00 DROP 47 203.0.113.7\n",
    "__CURSOR=a\n",
    "MESSAGE\n\x05\0\0\0\0\0\0\0ab",
];

fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => proptest::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..12),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn cut_export(bytes: &[u8], format: Format) -> (Vec<Seen>, u64) {
    let mut seen = Vec::new();
    let cut =
        Framer::new(&options(), format).cut(&Chunk::new(bytes.to_vec()), &EveryApp, &mut |record: &RecordRef<'_>| {
            seen.push(Seen::of(record))
        });
    (seen, cut.lines)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_cut_and_every_line_is_counted(bytes in text()) {
        let (seen, lines) = cut_export(&bytes, Format::Lines);
        let newlines = bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        prop_assert_eq!(lines, newlines + u64::from(bytes.last().is_some_and(|last| *last != b'\n')));
        for record in &seen {
            prop_assert!(record.line >= 1 && record.line <= lines);
            prop_assert!(bytes.windows(record.raw.len().max(1)).any(|part| part == record.raw) || record.raw.is_empty());
        }
        cut_export(&bytes, Format::JournalExport);
    }

    #[test]
    fn a_line_reads_alike_whatever_stood_before_it(lines in proptest::collection::vec(0..PLAIN.len(), 1..30)) {
        let log: String = lines.iter().map(|line| format!("{}\n", PLAIN[*line])).collect();
        let together = cut(&log);
        prop_assert_eq!(together.len(), lines.len());
        for (seen, line) in together.iter().zip(&lines) {
            let alone = &cut(PLAIN[*line])[0];
            prop_assert_eq!(Seen { line: 1, ..seen.clone() }, alone.clone());
        }
    }
}

/// Lines of one record each, for the short way and the long way.
const PLAIN: &[&str] = &[
    "Nov  9 10:01:01 gw pppd[7]: LCP is up and well",
    "Nov  9 10:01:02 gw pppd[77777]: LCP is up and well",
    "Nov 10 10:01:02 gw sshd[7]: LCP is up and well",
    "Nov 39 10:01:02 gw pppd[7]: LCP is up and well",
    "Nov  9 1x:01:02 gw pppd[7]: LCP is up and well",
    "Nov  9 10:01:02 gw2 pppd[7]: LCP is up and well",
    "Nov  9 10:01:02 a.very.long.host.name.example.net pppd[7]: LCP",
    "Nov  9 10:01:03 a.very.long.host.name.example.org pppd[7]: LCP",
    "Nov  9 10:01:02 gw daemon.info pppd[7]: LCP is up and well",
    "Nov  9 10:01:02 gw l2tp,info LCP is up and well",
    "Nov  9 10:01:02 2025 gw pppd[7]: LCP is up and well",
    "Nov  9 10:01:01 gw /usr/sbin/pppd[7]: LCP is up",
    "Nov  9 10:01:01 gw a-very-long-program-name-here[7]: up",
    "Nov  9 10:01:01 gw no tag at all in this line",
    "Nov  9 10:01:01 gw p",
    "2025-11-09T10:01:01.000123+01:00 gw pppd[7]: LCP is up",
    "2025-11-09T10:01:02.5+01:00 gw pppd[7]: LCP is up",
    "2025-11-09T10:01:02.000123+02:00 gw pppd[7]: LCP is up",
    "2025-11-09T23:59:60.000123+01:00 gw pppd[7]: LCP is up",
    "2025-11-09T10:61:02.000123+01:00 gw pppd[7]: LCP is up",
    "2025-11-10T10:01:02.x00123+01:00 gw pppd[7]: LCP is up",
    "2025-11-09 10:01:02 gw pppd[7]: LCP is up and well",
    "2025-11-09 10:01:02.123 gw pppd[7]: LCP is up and well",
    "2025-11-09 10:01:02.123 IPsec Client 3: created",
    "plain text without any header",
];

#[test]
fn chunks_end_at_records_whatever_their_size() {
    let folder = Folder::new();
    let mut log = Vec::new();
    for n in 0..40_000 {
        log.extend_from_slice(format!("Nov  9 10:01:01 gw pppd[{n}]: {}\n", "x".repeat(n % 97)).as_bytes());
        if n % 50 == 0 {
            log.extend_from_slice(
                format!("Sun Nov  9 10:01:01 2025\n\tUser-Name = \"u{n}\"\n\tNAS-Port = {n}\n\n").as_bytes(),
            );
        }
        if n % 70 == 0 {
            log.extend_from_slice(b"Nov  9 10:01:01 gw last message repeated 2 times\n");
        }
    }
    let path = folder.write("a.log", &log);
    let run = read(&[path], false, &options());
    let whole = cut(&log);
    assert_eq!(run.records.len(), whole.len());
    for ((got, _), expected) in run.records.iter().zip(&whole) {
        let expected = Seen {
            line: got.line,
            ..expected.clone()
        };
        assert_eq!(got, &expected, "{}", String::from_utf8_lossy(&got.raw));
    }
    assert_eq!(run.lines, log.iter().filter(|byte| **byte == b'\n').count() as u64);
}
