//! pptp-linux's name of the session, label and place in its source: `anon log[ctrlp_disp:pptp_ctrl.c:773]: text`.

/// How far a place may reach; the longest in the sources has 48 bytes.
const PLACE_MAX: usize = 80;

/// The text, or the body from the place on where the text is only a system call and its error.
pub(super) fn cut(body: &[u8]) -> &[u8] {
    // the name before the label is the administrator's (`--logstring`) and may hold brackets of its own
    let place = memchr::memchr_iter(b'[', body).find(|at| is_label(&body[..*at]));
    let Some(rest) = place.map(|at| &body[at + 1..]) else {
        return body;
    };
    let end = memchr::memmem::find(&rest[..rest.len().min(PLACE_MAX)], b"]: ");
    let Some(end) = end.filter(|end| memchr::memmem::find(&rest[..*end], b".c:").is_some()) else {
        return body;
    };
    let text = rest[end + 2..].trim_ascii_start();
    if AMBIGUOUS.iter().any(|call| text.starts_with(call)) {
        rest
    } else {
        text
    }
}

/// Texts that say nothing without the function before them: the control connection, GRE and the helper's own socket fail
/// in the same words.
const AMBIGUOUS: &[&[u8]] = &[
    b"socket:",
    b"setsockopt(SO_MARK):",
    b"bind:",
    b"connect:",
    b"short read (",
];

fn is_label(before: &[u8]) -> bool {
    [&b"log"[..], b"warn", b"fatal"].iter().any(|label| {
        before
            .strip_suffix(*label)
            .is_some_and(|name| name.is_empty() || name.ends_with(b" "))
    })
}
