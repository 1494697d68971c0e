//! Files with `[sections]` and `key = value`: xl2tpd.conf, accel-ppp.conf, journald.conf. They differ in what a comment is and in
//! how much the daemon puts up with.

use super::{Fault, lines};

/// What a file's daemon takes.
#[derive(Clone, Copy, Debug)]
pub struct Grammar {
    /// Characters that begin a comment at a line's start.
    pub comment: &'static [char],
    /// A character that begins a comment anywhere.
    pub comment_inside: Option<char>,
    /// A line without `=` is a value of its own (accel-ppp's lists of modules); else it is a fault.
    pub bare: bool,
}

/// xl2tpd (`file.c`): `;` anywhere, nothing else; what it does not understand ends it.
pub const XL2TPD: Grammar = Grammar {
    comment: &[';'],
    comment_inside: Some(';'),
    bare: false,
};

/// accel-ppp.conf(5).
pub const ACCEL_PPP: Grammar = Grammar {
    comment: &['#', ';'],
    comment_inside: None,
    bare: true,
};

/// systemd (systemd.syntax(7)).
pub const SYSTEMD: Grammar = Grammar {
    comment: &['#', ';'],
    comment_inside: None,
    bare: true,
};

/// An entry of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its key, in lower case.
    pub key: String,
    /// Its value; empty if there is none.
    pub value: String,
    /// Its line.
    pub line: u32,
}

/// A section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// What stands between the brackets, in lower case.
    pub name: String,
    /// Its line.
    pub line: u32,
    /// Its entries.
    pub entries: Vec<Entry>,
}

impl Section {
    /// The entry of a key that counts: the last.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.key == key)
    }
}

/// The file.
#[derive(Clone, Debug, Default)]
pub struct Ini {
    /// Its sections in order; the same name may come again.
    pub sections: Vec<Section>,
    /// Lines that its daemon does not take.
    pub faults: Vec<Fault>,
}

impl Ini {
    /// Reads a file.
    pub fn parse(text: &str, grammar: Grammar) -> Ini {
        let mut ini = Ini::default();
        for (number, line) in lines(text) {
            let line = match grammar.comment_inside {
                Some(mark) => line.split(mark).next().unwrap_or_default(),
                None => line,
            };
            let line = line.trim();
            if line.is_empty() || line.starts_with(grammar.comment) {
                continue;
            }
            if let Some(rest) = line.strip_prefix('[') {
                ini.open(rest, number);
            } else {
                ini.entry(line, number, grammar);
            }
        }
        ini
    }

    fn open(&mut self, rest: &str, number: u32) {
        let Some((name, _)) = rest.split_once(']') else {
            self.fault(number, "the bracket is not closed");
            return;
        };
        self.sections.push(Section {
            name: name.trim().to_ascii_lowercase(),
            line: number,
            entries: Vec::new(),
        });
    }

    fn entry(&mut self, line: &str, number: u32, grammar: Grammar) {
        let (key, value) = match line.split_once('=') {
            Some((key, value)) => (key.trim_end(), value.trim_start()),
            None if grammar.bare => (line, ""),
            None => return self.fault(number, "it has no `=`"),
        };
        match self.sections.last_mut() {
            Some(section) => section.entries.push(Entry {
                key: key.to_ascii_lowercase(),
                value: value.to_owned(),
                line: number,
            }),
            None => self.fault(number, "it stands before the first section"),
        }
    }

    fn fault(&mut self, line: u32, what: &'static str) {
        self.faults.push(Fault { line, what });
    }

    /// Every section of a name.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Section> {
        self.sections.iter().filter(move |section| section.name == name)
    }

    /// The entry of a key that counts in the sections of a name: the last.
    pub fn get(&self, name: &str, key: &str) -> Option<&Entry> {
        let named = self.sections.iter().filter(|section| section.name == name);
        named.filter_map(|section| section.get(key)).next_back()
    }
}

/// Whether a value says yes, as xl2tpd reads it.
pub fn yes(value: &str) -> bool {
    ["yes", "y", "true"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xl2tpd_knows_semicolons_only() {
        let ini = Ini::parse(
            "; c\n[Global]\nPort = 1701 ; here\n# no comment\n[lns default]\n debug avp=yes\n",
            XL2TPD,
        );
        assert_eq!(
            ini.get("global", "port").map(|entry| entry.value.as_str()),
            Some("1701")
        );
        assert_eq!(ini.get("lns default", "debug avp").map(|entry| entry.line), Some(6));
        assert_eq!(ini.faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [4]);
    }

    #[test]
    fn modules_are_bare() {
        let ini = Ini::parse(
            "[modules]\npptp\n#l2tp\n[ppp]\nmppe=deny\nmppe=require\n[x\n",
            ACCEL_PPP,
        );
        assert!(ini.get("modules", "pptp").is_some() && ini.get("modules", "l2tp").is_none());
        assert_eq!(
            ini.get("ppp", "mppe").map(|entry| entry.value.as_str()),
            Some("require")
        );
        assert_eq!(ini.faults.len(), 1);
    }
}
