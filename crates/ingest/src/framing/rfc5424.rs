//! RFC 5424: `1 TIME HOST APP PROCID MSGID STRUCTURED-DATA MESSAGE`, behind the priority.

use super::header::Header;
use super::{efw, stamp, tag};
use tunlog_model::Stamp;

/// Reads what follows the priority.
pub(crate) fn read(text: &[u8]) -> Option<Header<'_>> {
    let text = text.strip_prefix(b"1 ")?;
    let (time, text) = word(text)?;
    let stamp = match stamp::at_start(time) {
        Some(hit) => hit.stamp,
        None if time == b"-" || time.iter().any(u8::is_ascii_digit) => Stamp::Missing,
        None => return None,
    };
    let (host, text) = word(text)?;
    if efw::is_incontrol(text) {
        return Some(Header {
            stamp,
            host: nil(host),
            app: efw::APP,
            stamped: true,
            ..Header::of_body(text)
        });
    }
    let (app, text) = word(text)?;
    let (process, text) = word(text)?;
    let (_, text) = word(text)?;
    let body = after_structured_data(text)?;
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    // rsyslog keeps the blank that stood behind a tag without pid
    let body = body.strip_prefix(b" ").unwrap_or(body);
    let number = !process.is_empty() && process.len() <= 10 && process.iter().all(u8::is_ascii_digit);
    let pid = if number {
        process.iter().fold(0_u32, |sum, byte| {
            sum.wrapping_mul(10).wrapping_add(u32::from(byte - b'0'))
        })
    } else {
        0
    };
    let app = tag::base(nil(app));
    // a receiver that found no tag in the firewall's datagram
    let (app, body) = match efw::stamped(body).filter(|_| app.is_empty() || app == efw::APP) {
        Some((_, body)) => (efw::APP, body),
        None => (app, body),
    };
    Some(Header {
        stamp,
        host: nil(host),
        app,
        pid,
        stamped: true,
        ..Header::of_body(body)
    })
}

fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b' ', text)?;
    (end > 0).then(|| (&text[..end], &text[end + 1..]))
}

fn nil(word: &[u8]) -> &[u8] {
    if word == b"-" { b"" } else { word }
}

/// The message behind the structured data. Brackets inside quoted values are theirs.
fn after_structured_data(text: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = text.strip_prefix(b"-") {
        return Some(rest.strip_prefix(b" ").unwrap_or(rest));
    }
    if text.first() != Some(&b'[') {
        return Some(text); // a sender that leaves the field out
    }
    let (mut quoted, mut at) = (false, 0);
    while let Some(&byte) = text.get(at) {
        match byte {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            b']' if !quoted => match text.get(at + 1) {
                Some(b'[') => {}
                Some(b' ') => return Some(&text[at + 2..]),
                None => return Some(b""),
                Some(_) => return Some(&text[at + 1..]),
            },
            _ => {}
        }
        at += 1;
    }
    Some(b"") // cut in the middle of the data
}
