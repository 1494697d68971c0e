//! `sysctl.conf` and `sysctl.d` (sysctl.conf(5), sysctl.d(5)): `key = value`, `/` as good as `.`, `-` before a key forgives errors.

use super::lines;

/// A setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The key with dots.
    pub key: String,
    /// The value.
    pub value: String,
    /// Its line.
    pub line: u32,
}

/// The settings of a file, or of what `sysctl -a` printed.
pub fn settings(text: &str) -> Vec<Setting> {
    let found = lines(text).filter_map(|(line, content)| {
        let content = content.trim();
        if content.starts_with(['#', ';']) {
            return None;
        }
        let (key, value) = content.split_once('=')?;
        let key = key.trim().trim_start_matches('-');
        // interfaces may have dots in their names, then slashes divide
        let first = key.find(['.', '/']).map(|at| key.as_bytes()[at]);
        let key = if first == Some(b'/') {
            key.replace('.', "\u{0}").replace('/', ".").replace('\u{0}', "/")
        } else {
            key.to_owned()
        };
        Some(Setting {
            key,
            value: value.trim().to_owned(),
            line,
        })
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_dividers() {
        let found = settings("# net.a = 0\n-net/ipv4/conf/eth0.1/rp_filter=1\n net.ipv4.ip_forward = 1\nbroken\n");
        let told: Vec<_> = found
            .iter()
            .map(|setting| (setting.key.as_str(), setting.value.as_str(), setting.line))
            .collect();
        assert_eq!(
            told,
            [
                ("net.ipv4.conf.eth0/1.rp_filter", "1", 2),
                ("net.ipv4.ip_forward", "1", 3)
            ]
        );
    }
}
