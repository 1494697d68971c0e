//! `ipsec.conf` and `ipsec.secrets` of strongSwan (starter) and Libreswan (ipsec.conf(5), ipsec.secrets(5)).

use std::collections::HashMap;

use super::{Fault, lines, unquoted};
use crate::secret::Secret;

/// A parameter of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its key, in lower case.
    pub key: String,
    /// Its value.
    pub value: String,
    /// Its line.
    pub line: u32,
}

/// `config setup`, `conn NAME`, `ca NAME`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// `config`, `conn` or `ca`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its line.
    pub line: u32,
    /// What stands in it.
    pub parameters: Vec<Parameter>,
}

impl Section {
    fn own(&self, key: &str) -> Option<&Parameter> {
        self.parameters.iter().rev().find(|parameter| parameter.key == key)
    }
}

/// Sections that one takes over, and those take over.
const ALSO_MAX: usize = 16;
/// Sections that are kept: people write some dozens.
pub const SECTIONS_MAX: usize = 4096;

/// The file.
#[derive(Clone, Debug, Default)]
pub struct IpsecConf {
    /// Its sections.
    pub sections: Vec<Section>,
    /// What starter refuses.
    pub faults: Vec<Fault>,
    /// There are more than `SECTIONS_MAX` sections.
    pub is_cut: bool,
    /// The places of connections by their names.
    by_name: HashMap<String, Vec<usize>>,
}

impl IpsecConf {
    /// Reads a file: sections begin at a line's start, their parameters are indented.
    pub fn parse(text: &str) -> IpsecConf {
        let mut conf = IpsecConf::default();
        for (number, raw) in lines(text) {
            let line = uncommented(raw);
            let content = line.trim();
            if content.is_empty() {
                continue;
            }
            match content.split_once('=') {
                Some((key, value)) if line.starts_with([' ', '\t']) => conf.parameter(key, value, number),
                _ if line.starts_with([' ', '\t']) => conf.faults.push(Fault {
                    line: number,
                    what: "it is indented and has no `=`",
                }),
                _ => conf.section(content, number),
            }
        }
        conf
    }

    fn parameter(&mut self, key: &str, value: &str, line: u32) {
        match self.sections.last_mut() {
            _ if self.is_cut => {}
            Some(section) => section.parameters.push(Parameter {
                key: key.trim().to_ascii_lowercase(),
                value: unquoted(value).to_owned(),
                line,
            }),
            None => self.faults.push(Fault {
                line,
                what: "it stands before the first section",
            }),
        }
    }

    fn section(&mut self, content: &str, line: u32) {
        let mut words = content.split_whitespace();
        let kind = words.next().unwrap_or_default();
        if !["config", "conn", "ca"].contains(&kind) {
            // `include` was followed by whoever read the files, `version` says nothing
            return;
        }
        if self.sections.len() >= SECTIONS_MAX {
            self.is_cut = true;
            return;
        }
        let name = words.next().unwrap_or_default();
        if kind == "conn" {
            self.by_name
                .entry(name.to_owned())
                .or_default()
                .push(self.sections.len());
        }
        self.sections.push(Section {
            kind: kind.to_owned(),
            name: name.to_owned(),
            line,
            parameters: Vec::new(),
        });
    }

    /// The connections, without `%default`.
    pub fn connections(&self) -> impl Iterator<Item = &Section> {
        self.sections
            .iter()
            .filter(|section| section.kind == "conn" && section.name != "%default")
    }

    /// What counts for a connection: its own parameter, else that of the sections it takes over with `also`, else `%default`'s.
    pub fn effective<'a>(&'a self, section: &'a Section, key: &str) -> Option<&'a Parameter> {
        let mut seen = Vec::new();
        self.taken_over(section, key, &mut seen).or_else(|| {
            self.named("%default")
                .filter_map(|defaults| self.taken_over(defaults, key, &mut seen))
                .last()
        })
    }

    fn taken_over<'a>(&'a self, section: &'a Section, key: &str, seen: &mut Vec<&'a Section>) -> Option<&'a Parameter> {
        if seen.len() >= ALSO_MAX || seen.iter().any(|known| std::ptr::eq(*known, section)) {
            return None;
        }
        seen.push(section);
        section.own(key).or_else(|| {
            let also = section.parameters.iter().filter(|parameter| parameter.key == "also");
            let names = also.flat_map(|parameter| parameter.value.split_whitespace());
            let mut found = None;
            for name in names {
                for other in self.named(name) {
                    found = found.or_else(|| self.taken_over(other, key, seen));
                }
            }
            found
        })
    }

    fn named(&self, name: &str) -> impl DoubleEndedIterator<Item = &Section> {
        let places = self.by_name.get(name).map_or(&[][..], Vec::as_slice);
        places.iter().filter_map(|place| self.sections.get(*place))
    }
}

/// Without the comment; `#` between quotation marks is none.
fn uncommented(line: &str) -> &str {
    let mut quoted = false;
    for (at, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '#' if !quoted => return &line[..at],
            _ => {}
        }
    }
    line
}

/// A secret shared in advance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedKey {
    /// Whom it belongs to: identities and addresses before the colon.
    pub selectors: Vec<String>,
    /// The word behind the colon in upper case: `PSK`, `XAUTH`, `EAP`.
    pub kind: String,
    /// The secret, none if it is a file or binary.
    pub secret: Option<Secret>,
    /// Its line.
    pub line: u32,
}

impl SharedKey {
    /// Whether anybody may use it: no selector, or one that stands for every address.
    pub fn is_for_anybody(&self) -> bool {
        const ANY: [&str; 6] = ["%any", "%any4", "%any6", "0.0.0.0", "::", "0.0.0.0/0"];
        let remote: Vec<&String> = self.selectors.iter().collect();
        remote.is_empty() || remote.iter().any(|selector| ANY.contains(&selector.as_str()))
    }
}

/// The shared keys of `ipsec.secrets`: `selectors : PSK "secret"`; an entry goes on in lines that are indented.
pub fn shared_keys(text: &str) -> Vec<SharedKey> {
    let mut keys = Vec::new();
    let mut entry: Option<(u32, String)> = None;
    for (number, raw) in lines(text) {
        let line = uncommented(raw);
        if line.trim().is_empty() {
            continue;
        }
        match &mut entry {
            Some((_, so_far)) if line.starts_with([' ', '\t']) => {
                so_far.push(' ');
                so_far.push_str(line.trim());
            }
            _ => {
                keys.extend(entry.take().and_then(|(line, text)| shared_key(&text, line)));
                entry = Some((number, line.trim().to_owned()));
            }
        }
    }
    keys.extend(entry.and_then(|(line, text)| shared_key(&text, line)));
    keys
}

fn shared_key(entry: &str, line: u32) -> Option<SharedKey> {
    // a colon that stands alone: those of IPv6 addresses do not
    let colon = entry.match_indices(':').map(|(at, _)| at).find(|at| {
        let before = entry[..*at].chars().next_back();
        let after = entry[at + 1..].chars().next();
        before.is_none_or(char::is_whitespace) && after.is_some_and(|c| c.is_whitespace() || c.is_ascii_alphabetic())
    })?;
    let (selectors, rest) = (&entry[..colon], entry[colon + 1..].trim());
    let (kind, secret) = rest.split_once(char::is_whitespace)?;
    let kind = kind.to_ascii_uppercase();
    if !["PSK", "XAUTH", "EAP", "NTLM"].contains(&kind.as_str()) {
        return None;
    }
    let secret = secret.trim();
    let quoted = secret.strip_prefix('"').and_then(|rest| rest.split('"').next());
    let quoted = quoted.or_else(|| secret.strip_prefix('\'').and_then(|rest| rest.split('\'').next()));
    // 0x… and 0s… are binary: as long as somebody made them
    let binary = quoted.is_none() && (secret.starts_with("0x") || secret.starts_with("0s"));
    Some(SharedKey {
        selectors: selectors
            .split_whitespace()
            .map(|word| unquoted(word).to_owned())
            .collect(),
        kind,
        secret: (!binary)
            .then(|| Secret::new(quoted.unwrap_or_else(|| secret.split_whitespace().next().unwrap_or_default()))),
        line,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_before_also_before_default() {
        let conf = IpsecConf::parse(
            "config setup\n\tx=y\nconn %default\n ike=3des-md5\n type = transport\nconn base\n  also=loop # c\n esp=aes\nconn loop\n also=base\n\
             conn a\n also=base\n ike=\"aes256-sha2_256\"\nno=1\n",
        );
        let a = conf.connections().find(|section| section.name == "a").expect("a");
        let value = |key| {
            conf.effective(a, key)
                .map(|parameter| (parameter.value.as_str(), parameter.line))
        };
        assert_eq!(value("ike"), Some(("aes256-sha2_256", 13)));
        assert_eq!(value("esp"), Some(("aes", 8)));
        assert_eq!(value("type"), Some(("transport", 5)));
        assert_eq!(value("auto"), None);
    }

    #[test]
    fn keys_are_found() {
        let text = "# c\n192.0.2.1 %any : PSK \"a # b\"\n: RSA key.pem\n2001:db8::1 : psk 0sAAAA\n@a @b\n\t: PSK 'x'\n: PSK plain\nanna : XAUTH \"w\"\n";
        let keys = shared_keys(text);
        let told: Vec<_> = keys
            .iter()
            .map(|key| (key.line, key.kind.as_str(), key.secret.as_ref().map(Secret::chars)))
            .collect();
        assert_eq!(
            told,
            [
                (2, "PSK", Some(5)),
                (4, "PSK", None),
                (5, "PSK", Some(1)),
                (7, "PSK", Some(5)),
                (8, "XAUTH", Some(1))
            ]
        );
        assert_eq!(
            keys.iter().map(SharedKey::is_for_anybody).collect::<Vec<_>>(),
            [true, false, false, true, false]
        );
    }
}
