//! `pptpd.conf` (pptpd.conf(5), `configfile.c`): a keyword at the very beginning of a line, blanks, a value. The first line of a
//! keyword counts. `#` begins a comment only there; lines that begin with a blank are refused, one by one.

use super::{Fault, lines};

/// Keywords that pptpd knows.
#[rustfmt::skip]
const KNOWN: &[&str] = &[
    "bcrelay", "connections", "debug", "delegate", "listen", "localip", "logwtmp", "noipparam", "option", "pidfile", "ppp", "remoteip",
    "speed", "stimeout", "vrf",
];

/// A setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its keyword.
    pub keyword: String,
    /// What follows, may be empty.
    pub value: String,
    /// Its line.
    pub line: u32,
}

/// The file.
#[derive(Clone, Debug, Default)]
pub struct Pptpd {
    /// The settings that count.
    pub settings: Vec<Setting>,
    /// Lines that do not count.
    pub faults: Vec<Fault>,
}

impl Pptpd {
    /// Reads a file.
    pub fn parse(text: &str) -> Pptpd {
        let mut found = Pptpd::default();
        for (number, line) in lines(text) {
            let line = line.trim_end_matches([' ', '\t', '\r']);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let fault = |what| Fault { line: number, what };
            if line.starts_with([' ', '\t']) {
                found.faults.push(fault("it begins with a blank, so pptpd refuses it"));
                continue;
            }
            let (keyword, value) = line.split_once([' ', '\t']).unwrap_or((line, ""));
            if !KNOWN.contains(&keyword) {
                found.faults.push(fault("pptpd knows no such keyword"));
            } else if found.setting(keyword).is_some() {
                found
                    .faults
                    .push(fault("the keyword stands above already, and pptpd takes the first"));
            } else {
                found.settings.push(Setting {
                    keyword: keyword.to_owned(),
                    value: value.trim_start_matches([' ', '\t']).to_owned(),
                    line: number,
                });
            }
        }
        found
    }

    /// The setting of a keyword.
    pub fn setting(&self, keyword: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.keyword == keyword)
    }
}

/// How many addresses `localip` or `remoteip` name: `192.168.0.1,192.168.0.234-238,192.168.0.245`; none if it is not understood.
pub fn addresses(value: &str) -> Option<u32> {
    value.split(',').map(range).sum()
}

fn range(part: &str) -> Option<u32> {
    let octets = part.split('.').map(octet_range).collect::<Option<Vec<u32>>>()?;
    (octets.len() == 4).then(|| octets.iter().product())
}

fn octet_range(text: &str) -> Option<u32> {
    let number = |text: &str| text.parse::<u8>().ok().map(u32::from);
    match text.split_once('-') {
        Some((low, high)) => (number(high)? + 1).checked_sub(number(low)?).filter(|count| *count > 0),
        None => number(text).map(|_| 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_counts() {
        let found = Pptpd::parse("# x\noption /etc/ppp/a\noption /etc/ppp/b\n debug\nlogwtmp\nlocal 1\n");
        assert_eq!(
            found.setting("option").map(|setting| setting.value.as_str()),
            Some("/etc/ppp/a")
        );
        assert!(found.setting("debug").is_none());
        assert_eq!(
            found.faults.iter().map(|fault| fault.line).collect::<Vec<_>>(),
            [3, 4, 6]
        );
    }

    #[test]
    fn ranges_are_counted() {
        assert_eq!(addresses("192.168.0.234-238,192.168.0.245"), Some(6));
        assert_eq!(addresses("10.0.0.1"), Some(1));
        for bad in [
            "192.168.0.10 - 60",
            "192.168.0.60-10",
            "192.168.0.1-300",
            "192.168.0",
            "",
        ] {
            assert_eq!(addresses(bad), None, "{bad}");
        }
    }
}
