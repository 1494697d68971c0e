//! What `/export` of RouterOS prints: a menu, then `add` and `set` with `key=value`; `\` at a line's end joins lines.

use super::lines;
use super::ppp_options::words;

/// An `add` or `set`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// The menu: `/interface pptp-server server`.
    pub menu: String,
    /// `add` or `set`.
    pub command: String,
    /// Which one is set: words without `=`, such as `default` or `[ find default=yes ]`.
    pub which: Vec<String>,
    /// Its values.
    pub values: Vec<(String, String)>,
    /// Its line.
    pub line: u32,
}

impl Item {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values
            .iter()
            .rev()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// Whether a key says yes.
    pub fn yes(&self, key: &str) -> bool {
        self.get(key) == Some("yes")
    }
}

/// The items of an export.
pub fn items(text: &str) -> Vec<Item> {
    let mut found = Vec::new();
    let mut menu = String::new();
    let mut open: Option<(u32, String)> = None;
    for (number, line) in lines(text) {
        let line = line.trim();
        let (from, joined) = match open.take() {
            Some((from, so_far)) => (from, so_far + line),
            None => (number, line.to_owned()),
        };
        let mut joined = joined;
        if joined.ends_with('\\') {
            joined.pop();
            open = Some((from, joined));
            continue;
        }
        if joined.is_empty() || joined.starts_with('#') {
            continue;
        }
        if joined.starts_with('/') {
            // `/ppp secret add name=…` in one line, or a menu for those that follow
            match joined.find(" add ").or_else(|| joined.find(" set ")) {
                Some(at) => found.push(item(joined[..at].trim(), joined[at..].trim(), from)),
                None => menu = joined.trim().to_owned(),
            }
        } else if joined.starts_with("add") || joined.starts_with("set") {
            found.push(item(&menu, &joined, from));
        }
    }
    found
}

fn item(menu: &str, text: &str, line: u32) -> Item {
    let mut item = Item {
        menu: menu.to_owned(),
        line,
        ..Item::default()
    };
    for (at, word) in words(text).into_iter().enumerate() {
        match word.text.split_once('=') {
            _ if at == 0 => item.command = word.text,
            Some((key, value)) if !key.is_empty() => item.values.push((key.to_owned(), value.to_owned())),
            _ => item.which.push(word.text),
        }
    }
    item
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_are_read() {
        let found = items(
            "# by RouterOS 7.1\n/interface l2tp-server server\nset enabled=yes ipsec-secret=\"a b\" \\\n    use-ipsec=yes\n/ppp secret add name=anna password=x\n/ppp profile\nset *0 use-encryption=yes\n",
        );
        assert_eq!(found.len(), 3);
        assert_eq!(found[0].get("use-ipsec"), Some("yes"));
        assert_eq!((found[0].line, found[0].get("ipsec-secret")), (3, Some("a b")));
        assert_eq!(
            (found[1].menu.as_str(), found[1].get("name")),
            ("/ppp secret", Some("anna"))
        );
        assert_eq!(found[2].which, ["*0"]);
    }
}
