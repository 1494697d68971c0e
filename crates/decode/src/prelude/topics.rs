//! RouterOS: the topics before a message, `l2tp,ppp,info `, `l2tp, ppp, debug | `, `l2tp,info: `.

/// What stands last among the topics of a line, whatever the others are: some text that a peer chose is no list of topics.
const SURE: &[&[u8]] = &[
    b"account",
    b"async",
    b"critical",
    b"debug",
    b"error",
    b"event",
    b"info",
    b"packet",
    b"raw",
    b"state",
    b"warning",
];

/// The message behind the topics; the whole body where there are none.
pub(super) fn cut(body: &[u8]) -> &[u8] {
    behind(body).unwrap_or(body)
}

fn behind(body: &[u8]) -> Option<&[u8]> {
    let (mut at, mut count, mut sure) = (0, 0, false);
    loop {
        let word = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
        let len = body[at..].iter().take(16).take_while(|byte| word(byte)).count();
        sure |= SURE.contains(&&body[at..at + len]);
        count += 1;
        at += len;
        match &body[at..] {
            [b',', b' ', ..] if len > 0 => at += 2,
            [b',', ..] if len > 0 => at += 1,
            [b' ', b'|', b' ', rest @ ..] if len > 0 => return Some(rest),
            [b':', b' ', rest @ ..] | [b' ' | b'\t', rest @ ..] if len > 0 && count > 1 && sure => {
                return Some(rest.trim_ascii_start());
            }
            _ => return None,
        }
    }
}
