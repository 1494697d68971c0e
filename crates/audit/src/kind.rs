//! Which daemon's file it is: by its name and folder where these say it, else by what it says. A file may have any name.

use crate::parse::lines;
use crate::parse::ppp_options::words;

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `pptpd.conf`.
    Pptpd,
    /// Options of pppd, for those who call in.
    PppOptions,
    /// `/etc/ppp/peers`: options for calling somebody.
    PppPeer,
    /// `chap-secrets`, `pap-secrets`, `l2tp-secrets`.
    PppSecrets,
    /// `xl2tpd.conf`.
    Xl2tpd,
    /// `ipsec.conf` and what it includes.
    IpsecConf,
    /// `ipsec.secrets`.
    IpsecSecrets,
    /// `swanctl.conf`.
    Swanctl,
    /// `strongswan.conf`.
    Strongswan,
    /// `accel-ppp.conf`.
    AccelPpp,
    /// A file of FreeRADIUS.
    FreeRadius,
    /// FreeRADIUS's file of users.
    RadiusUsers,
    /// A rule set of nftables.
    Nftables,
    /// `iptables-save`, or a script of `iptables` commands.
    Iptables,
    /// A rule file of ufw.
    UfwRules,
    /// `/etc/default/ufw`.
    UfwDefaults,
    /// `ufw.conf`.
    UfwConf,
    /// What `ufw status verbose` printed.
    UfwStatus,
    /// `sysctl.conf`.
    Sysctl,
    /// logrotate.
    Logrotate,
    /// `journald.conf`.
    Journald,
    /// rsyslog.
    Rsyslog,
    /// `/export` of RouterOS.
    RouterOs,
    /// A PAM service: a second factor may stand there.
    Pam,
}

impl Kind {
    /// Whose file it is, in words.
    pub fn words(self) -> &'static str {
        match self {
            Kind::Pptpd => "pptpd.conf",
            Kind::PppOptions => "options of pppd",
            Kind::PppPeer => "a peers file of pppd",
            Kind::PppSecrets => "secrets of pppd",
            Kind::Xl2tpd => "xl2tpd.conf",
            Kind::IpsecConf => "ipsec.conf",
            Kind::IpsecSecrets => "ipsec.secrets",
            Kind::Swanctl => "swanctl.conf",
            Kind::Strongswan => "strongswan.conf",
            Kind::AccelPpp => "accel-ppp.conf",
            Kind::FreeRadius | Kind::RadiusUsers => "FreeRADIUS",
            Kind::Nftables => "rules of nftables",
            Kind::Iptables => "rules of iptables",
            Kind::UfwRules | Kind::UfwDefaults | Kind::UfwConf | Kind::UfwStatus => "ufw",
            Kind::Sysctl => "sysctl.conf",
            Kind::Logrotate => "logrotate",
            Kind::Journald => "journald.conf",
            Kind::Rsyslog => "rsyslog",
            Kind::RouterOs => "an export of RouterOS",
            Kind::Pam => "PAM",
        }
    }

    /// Whether its daemon refuses to trust it when others may read it: it holds secrets.
    pub fn holds_secrets(self) -> bool {
        matches!(self, Kind::PppSecrets | Kind::IpsecSecrets | Kind::Swanctl)
    }
}

/// Whose file it is; none if nobody's that is known here.
pub fn kind_of(path: &str, text: &str) -> Option<Kind> {
    by_name(path).or_else(|| by_content(text))
}

/// Whose file a path says it is, whatever stands in it.
pub fn by_name(path: &str) -> Option<Kind> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let folder = path.strip_suffix(name).unwrap_or_default();
    let within = |part: &str| folder.contains(part);
    if is_left_over(path) {
        return None;
    }
    let config = name.ends_with(".conf");
    Some(match name {
        "pptpd.conf" => Kind::Pptpd,
        "chap-secrets" | "pap-secrets" | "l2tp-secrets" | "srp-secrets" => Kind::PppSecrets,
        "xl2tpd.conf" | "l2tpd.conf" => Kind::Xl2tpd,
        "ipsec.conf" => Kind::IpsecConf,
        "swanctl.conf" => Kind::Swanctl,
        "strongswan.conf" => Kind::Strongswan,
        "accel-ppp.conf" => Kind::AccelPpp,
        "radiusd.conf" | "clients.conf" | "proxy.conf" => Kind::FreeRadius,
        "users" | "authorize" if within("freeradius/") || within("raddb/") || within("mods-config/files/") => {
            Kind::RadiusUsers
        }
        "nftables.conf" => Kind::Nftables,
        "user.rules" | "user6.rules" | "before.rules" | "before6.rules" | "after.rules" | "after6.rules" => {
            Kind::UfwRules
        }
        "ufw.conf" => Kind::UfwConf,
        "ufw" if within("default/") => Kind::UfwDefaults,
        "rules.v4" | "rules.v6" | "iptables" | "ip6tables" => Kind::Iptables,
        "sysctl.conf" => Kind::Sysctl,
        "logrotate.conf" => Kind::Logrotate,
        "journald.conf" => Kind::Journald,
        "rsyslog.conf" => Kind::Rsyslog,
        _ if within("ppp/peers/") => Kind::PppPeer,
        _ if name.ends_with(".secrets") => Kind::IpsecSecrets,
        _ if within("ipsec.d/") && config => Kind::IpsecConf,
        _ if within("swanctl/") && config => Kind::Swanctl,
        _ if within("strongswan.d/") && config => Kind::Strongswan,
        _ if within("sysctl.d/") && config => Kind::Sysctl,
        _ if within("logrotate.d/") => Kind::Logrotate,
        _ if within("journald.conf.d/") && config => Kind::Journald,
        _ if within("rsyslog.d/") && config => Kind::Rsyslog,
        _ if within("pam.d/") => Kind::Pam,
        _ if (within("freeradius/") || within("raddb/") || within("mods-enabled/") || within("sites-enabled/"))
            && is_radius(folder, name) =>
        {
            Kind::FreeRadius
        }
        _ if name.ends_with(".nft") => Kind::Nftables,
        _ if name.ends_with(".rsc") => Kind::RouterOs,
        _ if name.starts_with("options.") || (name == "options" && within("ppp/")) => Kind::PppOptions,
        _ => return None,
    })
}

/// Left behind by an editor or a package, or merely available: no daemon reads it.
pub fn is_left_over(path: &str) -> bool {
    const ENDS: [&str; 12] = [
        "~",
        ".bak",
        ".old",
        ".orig",
        ".save",
        ".swp",
        ".dpkg-old",
        ".dpkg-dist",
        ".dpkg-new",
        ".rpmsave",
        ".rpmnew",
        ".ucf-dist",
    ];
    ENDS.iter().any(|end| path.ends_with(end)) || path.contains("-available/")
}

/// FreeRADIUS reads what is enabled; dictionaries, certificates and scripts hold nothing to check.
fn is_radius(folder: &str, name: &str) -> bool {
    let enabled = ["mods-enabled/", "sites-enabled/"]
        .iter()
        .any(|part| folder.contains(part));
    enabled || name.ends_with(".conf") && !folder.contains("-available/") && !folder.contains("certs/")
}

/// How much of a file is looked at.
const LINES_MAX: usize = 400;

/// Whose file it is by what stands in it.
pub fn by_content(text: &str) -> Option<Kind> {
    let mut first = lines(text).take(LINES_MAX).map(|(_, line)| line);
    let head = text.lines().next().unwrap_or_default();
    if head.starts_with('#') && head.contains("RouterOS") {
        return Some(Kind::RouterOs);
    }
    first.find_map(by_line).or_else(|| by_words(text))
}

/// Lines that only one daemon's files have.
fn by_line(line: &str) -> Option<Kind> {
    let bare = line.trim();
    let mut words = bare.split_whitespace();
    let (one, two, three) = (
        words.next()?,
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let lower = bare.to_ascii_lowercase();
    Some(match one {
        "Status:" if matches!(two, "active" | "inactive") => Kind::UfwStatus,
        "*filter" => Kind::Iptables,
        "iptables" | "/sbin/iptables" | "/usr/sbin/iptables" if two.starts_with('-') => Kind::Iptables,
        "table" if bare.ends_with('{') && ["inet", "ip", "ip6"].contains(&two) => Kind::Nftables,
        "add" if two == "table" && ["inet", "ip", "ip6"].contains(&three) => Kind::Nftables,
        "conn" | "config"
            if !line.starts_with([' ', '\t']) && (one == "conn" || two == "setup") && three.is_empty() =>
        {
            Kind::IpsecConf
        }
        "connections" | "pools" if two == "{" => Kind::Swanctl,
        "charon" | "charon-systemd" | "libstrongswan" if two == "{" => Kind::Strongswan,
        "client" | "home_server" | "listen" if bare.ends_with('{') => Kind::FreeRadius,
        "mschap" | "security" | "authorize" | "authenticate" if bare.ends_with('{') => Kind::FreeRadius,
        "localip" | "remoteip" if two.starts_with(|c: char| c.is_ascii_digit()) => Kind::Pptpd,
        "/ppp" | "/interface"
            if three.starts_with("secret") || two == "secret" || two == "profile" || two.ends_with("-server") =>
        {
            Kind::RouterOs
        }
        _ if lower == "[journal]" => Kind::Journald,
        _ if ["[lns", "[lac"].iter().any(|start| lower.starts_with(start)) => Kind::Xl2tpd,
        _ if ["[modules]", "[auth]", "[chap-secrets]"].contains(&lower.as_str()) => Kind::AccelPpp,
        _ if one.starts_with("net.ipv4.") || one.starts_with("net.netfilter.") || one.starts_with("net.ipv6.") => {
            Kind::Sysctl
        }
        _ if is_shared_key(bare) => Kind::IpsecSecrets,
        _ if is_secrets_heading(&lower) => Kind::PppSecrets,
        _ => return None,
    })
}

/// `192.0.2.1 %any : PSK "…"`, and nothing of a log line before it.
fn is_shared_key(line: &str) -> bool {
    let Some((before, after)) = line.split_once(": PSK ").or_else(|| line.split_once(": psk ")) else {
        return false;
    };
    let selectors = before.split_whitespace().count();
    selectors <= 2 && after.trim_start().starts_with(['"', '\'', '0'])
}

/// The comment that every shipped secrets file begins with.
fn is_secrets_heading(lower: &str) -> bool {
    let Some(comment) = lower.strip_prefix('#') else {
        return false;
    };
    let mut words = comment.split_whitespace();
    (words.next(), words.next(), words.next()) == (Some("client"), Some("server"), Some("secret"))
}

/// Options that no prose and no log consists of.
#[rustfmt::skip]
const OPTIONS: &[&str] = &[
    "auth", "bsdcomp", "debug", "defaultroute", "hide-password", "idle", "ipcp-accept-local", "ipcp-accept-remote", "lcp-echo-failure",
    "lcp-echo-interval", "lock", "logfile", "mppe-stateful", "mru", "ms-dns", "ms-wins", "mtu", "name", "noauth", "nobsdcomp", "noccp",
    "nodefaultroute", "nodeflate", "nologfd", "nomppe", "nomppe-128", "nomppe-40", "novj", "novjccomp", "plugin", "proxyarp", "refuse-chap", "refuse-eap",
    "refuse-mschap", "refuse-mschap-v2", "refuse-pap", "require-chap", "require-eap", "require-mppe", "require-mppe-128",
    "require-mppe-40", "require-mschap", "require-mschap-v2", "require-pap", "show-password",
];

/// A file whose lines all begin with options of pppd, or whose lines all are entries of a secrets file.
fn by_words(text: &str) -> Option<Kind> {
    let mut rows = 0_u32;
    let mut options = 0_u32;
    let mut secrets = 0_u32;
    for (_, line) in lines(text).take(LINES_MAX) {
        let found = words(line);
        let Some(first) = found.first() else { continue };
        rows += 1;
        options += u32::from(OPTIONS.contains(&first.text.as_str()));
        secrets +=
            u32::from(found.len() >= 4 && is_address_word(&found[3].text) && !OPTIONS.contains(&first.text.as_str()));
    }
    if rows > 0 && options * 2 >= rows {
        return Some(Kind::PppOptions);
    }
    (rows > 0 && secrets == rows).then_some(Kind::PppSecrets)
}

fn is_address_word(word: &str) -> bool {
    matches!(word, "*" | "-")
        || word
            .trim_start_matches('!')
            .split('/')
            .next()
            .is_some_and(|word| word.parse::<std::net::IpAddr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_it() {
        for (path, kind) in [
            ("/etc/pptpd.conf", Some(Kind::Pptpd)),
            ("etc/ppp/options", Some(Kind::PppOptions)),
            ("options.xl2tpd", Some(Kind::PppOptions)),
            ("/etc/ppp/peers/office", Some(Kind::PppPeer)),
            ("/etc/ipsec.d/l2tp.conf", Some(Kind::IpsecConf)),
            ("/etc/freeradius/3.0/mods-enabled/mschap", Some(Kind::FreeRadius)),
            ("/etc/freeradius/3.0/mods-available/mschap", None),
            ("/etc/ppp/chap-secrets.dpkg-old", None),
            ("/etc/passwd", None),
        ] {
            assert_eq!(by_name(path), kind, "{path}");
        }
    }

    #[test]
    fn contents_say_it() {
        for (text, kind) in [
            ("name pptpd\nrefuse-pap\nms-dns 10.0.0.1\n", Some(Kind::PppOptions)),
            ("# client\tserver\tsecret\tIP addresses\n", Some(Kind::PppSecrets)),
            ("anna pptpd hush *\nbert * x 10.0.0.9\n", Some(Kind::PppSecrets)),
            ("option /x\nlocalip 10.0.0.1\n", Some(Kind::Pptpd)),
            ("; c\n[global]\nport = 1701\n[lns default]\n", Some(Kind::Xl2tpd)),
            ("conn %default\n  ike=x\n", Some(Kind::IpsecConf)),
            (": PSK \"x\"\n", Some(Kind::IpsecSecrets)),
            ("table inet x {\n}\n", Some(Kind::Nftables)),
            ("# x\nsecurity {\n", Some(Kind::FreeRadius)),
            ("Oct 30 10:00:00 gw pppd[1]: name debug auth\n", None),
            (
                "Oct 30 10:00:00 gw pppd[1]: Peer x : PSK \"y\" failed CHAP authentication\n",
                None,
            ),
            ("", None),
        ] {
            assert_eq!(by_content(text), kind, "{text}");
        }
    }
}
