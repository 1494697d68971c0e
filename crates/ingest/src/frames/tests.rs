#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

/// The messages of a stream that comes in pieces of such lengths, and how it ended.
fn read(stream: &[u8], pieces: &[usize], limit: usize) -> (String, String) {
    let mut frames = Frames::new(limit);
    let mut out = Vec::new();
    let mut rest = stream;
    let mut pieces = pieces.iter().cycle();
    let mut messages = 0;
    let mut end = None;
    while !rest.is_empty() && end.is_none() {
        let len = pieces.next().map_or(rest.len(), |len| (*len).clamp(1, rest.len()));
        match frames.feed(&rest[..len], &mut out) {
            Ok(more) => messages += more,
            Err(bad) => end = Some(bad.to_string()),
        }
        assert!(
            frames.held() <= limit.max(HELD_DIGITS + 1),
            "{} bytes held",
            frames.held()
        );
        rest = &rest[len..];
    }
    if end.is_none() {
        let held = frames.is_within();
        let whole = out.len();
        end = frames.end(true, &mut out).map(|unfinished| format!("{unfinished:?}"));
        messages += u64::from(held && out.len() > whole);
        let cut = frames.take_cut();
        if cut > 0 {
            end = Some(format!("{}{cut} cut", end.unwrap_or_default()));
        }
    }
    let lines = String::from_utf8_lossy(&out).into_owned();
    if end.is_none() {
        assert_eq!(messages, lines.matches('\n').count() as u64);
    }
    (lines, end.unwrap_or_default())
}

fn check(stream: &str, lines: &str, end: &str) {
    let told = read(stream.as_bytes(), &[], 64);
    assert_eq!((told.0.as_str(), told.1.as_str()), (lines, end), "{stream:?}");
    for len in 1..8 {
        assert_eq!(
            read(stream.as_bytes(), &[len], 64),
            told,
            "{stream:?} in pieces of {len}"
        );
    }
}

#[test]
fn counted_frames() {
    check("6 <30>ab7 <30>abc", "<30>ab\n<30>abc\n", "");
    // a newline that is not counted, one that is, and one inside
    check(
        "6 <30>ab\n7 <30>ab\n9 <30>a\nb\nc",
        "<30>ab\n<30>ab\n<30>a#012b#012c\n",
        "",
    );
    // the second message has no priority: its count is believed all the same
    check("6 <30>ab3 abc", "<30>ab\nabc\n", "");
    check("6 <30>ab<30>a line\n6 <30>cd", "<30>ab\n<30>a line\n<30>cd\n", "");
}

#[test]
fn lines() {
    check("<30>a\r\n\n<30>b\n<30>c", "<30>a\n<30>b\n<30>c\n", "");
    check(
        "2026-11-21T10:00:00Z gw pppd[1]: x\n",
        "2026-11-21T10:00:00Z gw pppd[1]: x\n",
        "",
    );
    check("12 monkeys\n5\n", "12 monkeys\n5\n", "");
    check("<30>a\n6 <30>bc<30>d\n", "<30>a\n<30>bc\n<30>d\n", "");
    check("<30>a\x00\n-1 <30>x\n0 <30>y\n", "<30>a\n-1 <30>x\n0 <30>y\n", "");
}

#[test]
fn a_wrong_count_ends_the_stream() {
    check(
        "6 <30>ab99999999 <30>x",
        "<30>ab\n",
        "byte 8: a count of more than 7 digits",
    );
    check("99999999 <30>x", "", "byte 0: a count of more than 7 digits");
    check("6 <30>ab-1 <30>x", "<30>ab\n", "byte 8: neither a count nor a priority");
    check("6 <30>ab0 <30>x", "<30>ab\n", "byte 8: neither a count nor a priority");
    check(
        "6 <30>ab5x<30>x",
        "<30>ab\n",
        "byte 8: a count without a blank behind it",
    );
}

#[test]
fn what_never_ends_is_told() {
    check("60 <30>ab", "", "Unfinished { read: 6, announced: Some(60) }");
    check("60", "60\n", "");
    let mut frames = Frames::new(64);
    let mut out = Vec::new();
    frames.feed(b"<30>a\n<30>half", &mut out).unwrap();
    let unfinished = frames.end(false, &mut out);
    let half = Unfinished {
        read: 8,
        announced: None,
    };
    assert_eq!((unfinished, out.as_slice()), (Some(half), b"<30>a\n".as_slice()));
}

#[test]
fn a_long_message_is_cut_and_its_rest_begins_nothing() {
    let long = format!("<30>{}", "x".repeat(100));
    let kept = format!("{}\n", &long[..64]);
    check(&format!("{long}\n<30>b\n"), &format!("{kept}<30>b\n"), "1 cut");
    check(&format!("104 {long}6 <30>bc"), &format!("{kept}<30>bc\n"), "1 cut");
    let fits = "y".repeat(64);
    check(
        &format!("{fits}\n64 {fits}"),
        &format!("{fits}\n64 {}\n", &fits[..61]),
        "1 cut",
    );
}

/// Someone else's frames, if they are here: the first is good, then nothing is believed.
#[test]
fn hostile_frames() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/corpus/hostile/27-syslog-frames.bin"
    );
    let Ok(stream) = std::fs::read(path) else { return };
    let (lines, end) = read(&stream, &[1000], 65_536);
    assert_eq!(lines, "<30>Nov 19 11:00:00 vpn1 pppd[1]: ok\n");
    assert!(end.ends_with("a count of more than 7 digits"), "{end}");
}

fn frame() -> impl Strategy<Value = Vec<u8>> {
    let text = prop::collection::vec(prop_oneof![8 => any::<u8>(), 1 => Just(b'\n'), 1 => Just(b'<')], 0..90);
    let counted = text.clone().prop_map(|text| {
        let text = [b"<30>", text.as_slice()].concat();
        [format!("{} ", text.len()).as_bytes(), text.as_slice()].concat()
    });
    let line = text.clone().prop_map(|text| [b"<30>", text.as_slice(), b"\n"].concat());
    prop_oneof![4 => counted, 4 => line, 1 => text]
}

proptest! {
    #[test]
    fn any_split_gives_the_same(
        frames in prop::collection::vec(frame(), 0..8),
        pieces in prop::collection::vec(1_usize..40, 1..20),
    ) {
        let stream = frames.concat();
        prop_assert_eq!(read(&stream, &pieces, 64), read(&stream, &[], 64));
    }

    #[test]
    fn what_is_counted_comes_back(texts in prop::collection::vec("<30>[a-z\n]{0,40}[a-z]", 1..20)) {
        let stream: String = texts.iter().map(|text| format!("{} {text}", text.len())).collect();
        let lines: String = texts.iter().map(|text| text.replace('\n', "#012") + "\n").collect();
        prop_assert_eq!(read(stream.as_bytes(), &[3, 17], 64), (lines, String::new()));
    }
}
