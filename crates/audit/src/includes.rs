//! What a file tells its daemon to read besides: paths and patterns, as they stand there.

use crate::kind::Kind;
use crate::parse::ini::{self, Ini};
use crate::parse::ppp_options::options;
use crate::parse::pptpd::Pptpd;
use crate::parse::{lines, unquoted};

/// The files that a file of a kind names; a folder ends with `/`.
pub fn includes(kind: Kind, text: &str) -> Vec<String> {
    match kind {
        Kind::Pptpd => {
            let conf = Pptpd::parse(text);
            conf.setting("option")
                .map(|setting| setting.value.clone())
                .into_iter()
                .collect()
        }
        Kind::PppOptions | Kind::PppPeer => {
            let named = options(text).into_iter().filter_map(|option| {
                let value = option.values.into_iter().next()?;
                match option.name.as_str() {
                    "file" => Some(value),
                    "call" if !value.contains("..") && !value.starts_with('/') => {
                        Some(format!("/etc/ppp/peers/{value}"))
                    }
                    _ => None,
                }
            });
            named.collect()
        }
        Kind::Xl2tpd => {
            let conf = Ini::parse(text, ini::XL2TPD);
            let entries = conf.sections.iter().flat_map(|section| &section.entries);
            let named = entries.filter(|entry| entry.key == "pppoptfile" || entry.key == "auth file");
            named.map(|entry| entry.value.clone()).collect()
        }
        Kind::IpsecConf | Kind::IpsecSecrets | Kind::Swanctl | Kind::Strongswan | Kind::Logrotate | Kind::Nftables => {
            words(text, "include")
        }
        Kind::FreeRadius => words(text, "$INCLUDE"),
        Kind::Rsyslog => words(text, "$IncludeConfig"),
        _ => Vec::new(),
    }
}

/// What stands behind a word at the beginning of lines. Paths with variables of the daemon cannot be followed.
fn words(text: &str, word: &str) -> Vec<String> {
    let found = lines(text).filter_map(|(_, line)| {
        let rest = line.trim().strip_prefix(word)?;
        let path = unquoted(rest.strip_prefix([' ', '\t'])?.trim().trim_end_matches(';'));
        (!path.is_empty() && !path.contains('$')).then(|| path.to_owned())
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_word() {
        assert_eq!(includes(Kind::Pptpd, "option /etc/ppp/a\n"), ["/etc/ppp/a"]);
        assert_eq!(
            includes(Kind::PppOptions, "file x\ncall y\ncall ../z\n"),
            ["x", "/etc/ppp/peers/y"]
        );
        assert_eq!(
            includes(Kind::IpsecConf, "include /etc/ipsec.d/*.conf\nincluded x\n"),
            ["/etc/ipsec.d/*.conf"]
        );
        assert_eq!(
            includes(Kind::FreeRadius, "\t$INCLUDE clients.conf\n$INCLUDE ${confdir}/x\n"),
            ["clients.conf"]
        );
        assert_eq!(includes(Kind::Xl2tpd, "[lns a]\npppoptfile = /o\n"), ["/o"]);
    }
}
