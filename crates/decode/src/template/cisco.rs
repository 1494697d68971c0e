//! What Cisco writes in many messages alike: whom a message of the ASA is about, and names of virtual-access interfaces.

use memchr::memmem;
use tunlog_model::Field;

use super::value::{Caught, Fields, parse_ip};

/// How many places are tried for the address: bounds the work on a hostile line.
const PLACES_MAX: usize = 16;

/// Length of `Group = g, Username = u, IP = 203.0.113.9, ` at the beginning; any part may be missing, also all of it.
pub(super) fn peer_len(text: &[u8]) -> usize {
    if !(text.starts_with(b"Group = ") || text.starts_with(b"Username = ") || text.starts_with(b"IP = ")) {
        return 0;
    }
    address(text).map_or(0, |address| address.end)
}

/// Where `IP = ` stands, its address, and where all of it ends.
struct Address<'a> {
    at: usize,
    text: &'a [u8],
    end: usize,
}

/// The address of such a text. The user's name is the peer's choice, so the last one in the line counts.
fn address(text: &[u8]) -> Option<Address<'_>> {
    let mut search = text;
    for _ in 0..PLACES_MAX {
        let at = memmem::rfind(search, b"IP = ")?;
        let begins = at == 0 || text[..at].ends_with(b", ");
        let word = &text[at + 5..];
        let blank = |byte: &u8| matches!(byte, b' ' | b',');
        let end = word.iter().position(blank).unwrap_or(word.len());
        if begins && parse_ip(&word[..end]).is_some() {
            let after = word[end..].iter().take_while(|byte| blank(byte)).count();
            return Some(Address {
                at,
                text: &word[..end],
                end: at + 5 + end + after,
            });
        }
        search = &text[..at];
    }
    None
}

/// The facts of such a text: group, user, address. False if it is none.
pub(super) fn peer<'a>(text: &'a [u8], fields: &mut Fields<'a>) -> bool {
    let Some(address) = address(text) else {
        return text.is_empty();
    };
    let named = &text[..address.at];
    let named = named.strip_suffix(b", ").unwrap_or(named);
    let (group, user) = match named.strip_prefix(b"Group = ") {
        Some(rest) => match memmem::find(rest, b", Username = ") {
            Some(at) => (Some(&rest[..at]), Some(&rest[at + 13..])),
            None => (Some(rest), None),
        },
        None => (None, named.strip_prefix(b"Username = ")),
    };
    let group = group.filter(|group| !group.is_empty());
    // a tunnel group is shared by many clients: no name of a connection
    fields.extend(group.map(|group| (Field::Name, Caught::Text(group))));
    // `logging hide username` masks names that are not known
    let user = user.filter(|user| !user.iter().all(|byte| *byte == b'*'));
    fields.extend(user.map(|user| (Field::User, Caught::Text(user))));
    fields.extend(parse_ip(address.text).map(|address| (Field::ClientIp, Caught::Ip(address))));
    true
}

/// `Virtual-Access3` or `Vi3.1`, both as `Vi3.1`: the messages of one session use either.
pub(super) fn virtual_access(text: &[u8]) -> Option<Caught<'_>> {
    let is_number =
        |number: &[u8]| !number.is_empty() && number.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    if let Some(number) = text.strip_prefix(b"Virtual-Access").filter(|number| is_number(number)) {
        return Some(Caught::Bytes([b"Vi", number].concat().into()));
    }
    text.strip_prefix(b"Vi")
        .filter(|number| is_number(number))
        .map(|_| Caught::Text(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_cannot_put_another_address_in() {
        let text = b"Group = g, Username = a, IP = 192.0.2.9, IP = 203.0.113.9, PHASE 1 COMPLETED";
        assert_eq!(&text[peer_len(text)..], b"PHASE 1 COMPLETED");
        let mut fields = Vec::new();
        assert!(peer(&text[..peer_len(text)], &mut fields));
        assert_eq!(fields[0], (Field::Name, Caught::Text(b"g")));
        assert_eq!(fields[1], (Field::User, Caught::Text(b"a, IP = 192.0.2.9")));
        assert_eq!(peer_len(b"IP = 203.0.113.9, x"), 18);
        assert_eq!(peer_len(b"Session"), 0);
    }

    #[test]
    fn an_interface_has_one_name() {
        assert_eq!(
            virtual_access(b"Virtual-Access3"),
            Some(Caught::Bytes((*b"Vi3").into()))
        );
        assert_eq!(virtual_access(b"Vi2.1"), Some(Caught::Text(b"Vi2.1")));
        assert_eq!(virtual_access(b"GigabitEthernet0/1"), None);
    }
}
