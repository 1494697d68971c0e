//! Addresses in lines that nobody understands: as whole words, in any spelling. A line that holds one *mentions* it and says
//! nothing certain of it, since a peer may have written it there.

use std::net::{IpAddr, Ipv4Addr};

/// The longest spelling of an address, with a port behind it.
const WORD_BYTES_MAX: usize = 64;

fn is_part(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')
}

/// Hands out every address that stands in a line as a word of its own, canonical (`::ffff:192.0.2.1` is `192.0.2.1`).
/// `10.0.0.5` stands in `from=10.0.0.5:51724,` and neither in `110.0.0.5` nor in `10.0.0.51`, `10.0.0.5.1`, `x10.0.0.5`.
pub fn addresses(line: &[u8], each: &mut impl FnMut(IpAddr)) {
    let mut at = 0;
    while at < line.len() {
        if !is_part(line[at]) {
            at += 1;
            continue;
        }
        let start = at;
        while at < line.len() && is_part(line[at]) {
            at += 1;
        }
        let before = start.checked_sub(1).map(|before| line[before]);
        word(&line[start..at], before, line.get(at).copied(), each);
    }
}

/// Whether a neighbour makes the word a part of a longer one.
fn goes_on(neighbour: Option<u8>) -> bool {
    neighbour.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | 0x80..))
}

/// A run of digits, points and colons, with what stands around it.
fn word(run: &[u8], before: Option<u8>, after: Option<u8>, each: &mut impl FnMut(IpAddr)) {
    let dots = run.iter().filter(|byte| **byte == b'.').count();
    let colons = run.iter().filter(|byte| **byte == b':').count();
    if run.len() > WORD_BYTES_MAX || (dots < 3 && colons < 2) {
        return;
    }
    let Ok(mut text) = std::str::from_utf8(run) else { return };
    // a sentence's end, a label's colon
    let end_is_open = !goes_on(after);
    if end_is_open {
        text = text.trim_end_matches('.');
        if !text.ends_with("::") {
            text = text.trim_end_matches(':');
        }
    }
    if !goes_on(before)
        && end_is_open
        && let Ok(address) = text.parse::<IpAddr>()
    {
        return each(address.to_canonical());
    }
    if dots < 3 {
        return;
    }
    // `addr:10.0.0.5`, `10.0.0.5:443`: what a colon sets apart is a word as well
    let pieces: Vec<&str> = text.split(':').collect();
    for (at, piece) in pieces.iter().enumerate() {
        let begins = at > 0 || !goes_on(before);
        let ends = at + 1 < pieces.len() || end_is_open;
        if begins
            && ends
            && let Ok(address) = piece.parse::<Ipv4Addr>()
        {
            each(IpAddr::V4(address));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(line: &str) -> Vec<String> {
        let mut all = Vec::new();
        addresses(line.as_bytes(), &mut |address| all.push(address.to_string()));
        all
    }

    #[test]
    fn addresses_are_words() {
        for (line, expected) in [
            (
                "Accepted password for bob from 10.0.0.5 port 51724 ssh2",
                &["10.0.0.5"][..],
            ),
            ("SRC=10.0.0.5 DST=192.168.0.7 LEN=60", &["10.0.0.5", "192.168.0.7"]),
            ("10.0.0.5", &["10.0.0.5"]),
            ("(10.0.0.5).", &["10.0.0.5"]),
            ("from 10.0.0.5.", &["10.0.0.5"]),
            ("from 10.0.0.5:", &["10.0.0.5"]),
            ("client 10.0.0.5:51724,", &["10.0.0.5"]),
            ("inet addr:10.0.0.5 x", &["10.0.0.5"]),
            ("ip:10.0.0.5", &["10.0.0.5"]),
            ("10.0.0.5/32", &["10.0.0.5"]),
            ("[::ffff:10.0.0.5]:80", &["10.0.0.5"]),
            ("[2001:DB8:0:0::5]:443", &["2001:db8::5"]),
            ("SRC=2001:0db8:0000:0000:0000:0000:0000:0005 ", &["2001:db8::5"]),
            ("fe80::1%eth0", &["fe80::1"]),
            ("from 2001:db8::", &["2001:db8::"]),
            ("from 2001:db8::5: refused", &["2001:db8::5"]),
            // none of these is 10.0.0.5
            ("110.0.0.5", &["110.0.0.5"]),
            ("10.0.0.51", &["10.0.0.51"]),
            ("10.0.0.5.1 10.0.0 x10.0.0.5 10.0.0.5x _10.0.0.5 10.0.0.5_", &[]),
            ("10.0.0.500 10.0.0.5.example.org v10.0.0.5", &[]),
            ("Oct 28 03:50:01 00:11:22:33:44:55 1.2.3", &[]),
            ("", &[]),
        ] {
            assert_eq!(found(line), expected, "{line}");
        }
    }

    proptest! {
        /// Any address is found between any two blanks, however it is spelt.
        #[test]
        fn every_address_is_found(bits in any::<u128>(), v4 in any::<u32>()) {
            let (six, four) = (std::net::Ipv6Addr::from(bits), Ipv4Addr::from(v4));
            let expected = [IpAddr::V6(six).to_canonical().to_string(), four.to_string()];
            prop_assert_eq!(found(&format!("a {six} b {four}, c")), expected);
        }

        #[test]
        fn any_bytes_are_answered(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            addresses(&line, &mut |_| ());
        }
    }
}
