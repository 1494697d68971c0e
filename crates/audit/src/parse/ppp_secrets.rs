//! `chap-secrets`, `pap-secrets` and `l2tp-secrets`: client, server, secret, addresses, one entry a line, words as in options files
//! (pppd(8), AUTHENTICATION).

use super::ppp_options::{Word, words};
use crate::secret::Secret;

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its line.
    pub line: u32,
    /// Who may use it; `*` for anybody.
    pub client: String,
    /// With which service; `*` for any.
    pub server: String,
    /// The secret; none if it stands in another file (`@FILE`).
    pub secret: Option<Secret>,
    /// Addresses that the client may have; `*` any, `-` none.
    pub addresses: Vec<String>,
}

impl Entry {
    /// The entry lets nobody in: its addresses are refused.
    pub fn is_closed(&self) -> bool {
        self.addresses
            .first()
            .is_some_and(|first| first == "-" || first == "!*")
    }
}

/// The entries of a file. Lines with fewer than three words are none, for pppd too.
pub fn entries(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut line: Vec<Word> = Vec::new();
    for word in words(text) {
        if word.starts_line {
            entries.extend(entry(&line));
            line.clear();
        }
        line.push(word);
    }
    entries.extend(entry(&line));
    entries
}

fn entry(words: &[Word]) -> Option<Entry> {
    let [client, server, secret, rest @ ..] = words else {
        return None;
    };
    // what follows `--` are options of this client
    let addresses = rest
        .iter()
        .map(|word| word.text.clone())
        .take_while(|word| word != "--");
    Some(Entry {
        line: client.line,
        client: client.text.clone(),
        server: server.text.clone(),
        secret: (!secret.text.starts_with('@')).then(|| Secret::new(secret.text.clone())),
        addresses: addresses.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_lines() {
        let text = "# client server secret IP\n\"two words\" * \"a b\" 10.0.0.1 -- mtu 1400\nshort line\nanna pptpd @/etc/ppp/anna *\n\
                    guest * \"*\" -\nlast pptpd x\\\ny";
        let found = entries(text);
        assert_eq!(found.len(), 4);
        assert_eq!((found[0].client.as_str(), found[0].line), ("two words", 2));
        assert_eq!(found[0].addresses, ["10.0.0.1"]);
        assert_eq!(found[0].secret.as_ref().map(Secret::chars), Some(3));
        assert_eq!(found[1].secret, None);
        assert!(found[2].is_closed());
        assert_eq!(found[3].secret, Some(Secret::new("xy")));
        assert!(!format!("{found:?}").contains("a b"), "secrets are not shown");
    }
}
