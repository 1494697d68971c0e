//! What of this machine must never be blocked: its addresses, its routers, the servers it asks, and who administers it.
//!
//! Everything is read from files. Names of servers are not resolved: tunlog asks nobody on the network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use tunlog_respond::{Guard, Prefix};

/// The most bytes of a file that are looked at.
const BYTES_MAX: u64 = 1 << 20;

/// A protected address and why; the words continue "it …".
type Protected = (IpAddr, String);

/// Protects what this machine needs. Whether its own addresses could be told: without them nothing may be blocked.
pub fn protect(guard: &mut Guard) -> bool {
    let own = own_addresses();
    let known = !own.is_empty();
    for (address, why) in own
        .into_iter()
        .chain(gateways())
        .chain(servers())
        .chain(administrators())
    {
        guard.protect(Prefix::host(address), why);
    }
    known
}

fn read(path: impl AsRef<Path>) -> Option<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(BYTES_MAX).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn text(path: impl AsRef<Path>) -> Option<String> {
    Some(String::from_utf8_lossy(&read(path)?).into_owned())
}

/// The name of this machine.
pub fn host_name() -> Option<String> {
    let name = text("/proc/sys/kernel/hostname").or_else(|| text("/etc/hostname"))?;
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

fn own_addresses() -> Vec<Protected> {
    let why = || "is this machine's own address".to_owned();
    let v4 = text("/proc/net/fib_trie")
        .map(|text| local_v4(&text))
        .unwrap_or_default();
    let v6 = text("/proc/net/if_inet6")
        .map(|text| local_v6(&text))
        .unwrap_or_default();
    v4.into_iter().chain(v6).map(|address| (address, why())).collect()
}

/// `|-- 203.0.113.1` followed by `/32 host LOCAL`.
fn local_v4(trie: &str) -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = Vec::new();
    let mut last = None;
    for line in trie.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse::<IpAddr>().ok();
        } else if line.starts_with("/32 host LOCAL") {
            found.extend(last.take());
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The address, 32 hexadecimal digits, stands first.
fn local_v6(interfaces: &str) -> Vec<IpAddr> {
    interfaces
        .lines()
        .filter_map(|line| hex_v6(line.split_ascii_whitespace().next()?))
        .collect()
}

fn hex_v6(digits: &str) -> Option<IpAddr> {
    let bits = u128::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 32)?;
    Some(IpAddr::V6(Ipv6Addr::from(bits)))
}

fn gateways() -> Vec<Protected> {
    let v4 = text("/proc/net/route")
        .map(|text| routers_v4(&text))
        .unwrap_or_default();
    let v6 = text("/proc/net/ipv6_route")
        .map(|text| routers_v6(&text))
        .unwrap_or_default();
    let why = || "is the default gateway".to_owned();
    v4.into_iter().chain(v6).map(|address| (address, why())).collect()
}

/// Interface, destination, gateway, …, each eight hexadecimal digits in the machine's byte order.
fn routers_v4(routes: &str) -> Vec<IpAddr> {
    let router = |line: &str| {
        let mut words = line.split_ascii_whitespace().skip(1);
        let (destination, gateway) = (words.next()?, words.next()?);
        let bits = u32::from_str_radix(gateway, 16).ok()?;
        (destination == "00000000" && bits != 0).then(|| IpAddr::V4(Ipv4Addr::from(bits.to_ne_bytes())))
    };
    routes.lines().filter_map(router).collect()
}

/// Destination, its length, source, its length, next hop, …
fn routers_v6(routes: &str) -> Vec<IpAddr> {
    let router = |line: &str| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let (length, hop) = (words.get(1)?, words.get(4)?);
        hex_v6(hop).filter(|hop| *length == "00" && !hop.is_unspecified())
    };
    routes.lines().filter_map(router).collect()
}

/// Files that name servers, and what they are. Every address in a line that is no comment counts: too many is harmless here.
const SERVERS: &[(&str, &str)] = &[
    ("/etc/resolv.conf", "a DNS server"),
    ("/run/systemd/resolve/resolv.conf", "a DNS server"),
    ("/etc/radcli/servers", "a RADIUS server"),
    ("/etc/radcli/radiusclient.conf", "a RADIUS server"),
    ("/etc/radiusclient/servers", "a RADIUS server"),
    ("/etc/radiusclient/radiusclient.conf", "a RADIUS server"),
    ("/etc/radiusclient-ng/servers", "a RADIUS server"),
    ("/etc/ppp/radius/servers", "a RADIUS server"),
    ("/etc/freeradius/3.0/proxy.conf", "a RADIUS server"),
    ("/etc/raddb/proxy.conf", "a RADIUS server"),
    ("/etc/krb5.conf", "a server of the domain"),
    ("/etc/samba/smb.conf", "a server of the domain"),
    ("/etc/ldap/ldap.conf", "a directory server"),
    ("/etc/openldap/ldap.conf", "a directory server"),
];

fn servers() -> Vec<Protected> {
    let mut found: Vec<Protected> = Vec::new();
    for (path, what) in SERVERS {
        let text = text(path).unwrap_or_default();
        found.extend(
            addresses(&text)
                .into_iter()
                .map(|address| (address, format!("is {what} ({path})"))),
        );
    }
    let accel = text("/etc/accel-ppp.conf").unwrap_or_default();
    found.extend(
        addresses_of_section(&accel, "[radius]")
            .into_iter()
            .map(|address| (address, "is a RADIUS server (/etc/accel-ppp.conf)".to_owned())),
    );
    found
}

/// Every address that stands in a configuration file, comments left out.
fn addresses(text: &str) -> Vec<IpAddr> {
    let lines = text
        .lines()
        .map(|line| line.split(['#', ';']).next().unwrap_or_default());
    lines.flat_map(addresses_of).collect()
}

fn addresses_of_section(text: &str, section: &str) -> Vec<IpAddr> {
    let inside = text.lines().map(str::trim).skip_while(|line| *line != section).skip(1);
    let inside: Vec<&str> = inside.take_while(|line| !line.starts_with('[')).collect();
    addresses(&inside.join("\n"))
}

/// Words of letters that addresses are made of; a port may follow an IPv4 address.
fn addresses_of(line: &str) -> impl Iterator<Item = IpAddr> + '_ {
    let word = |c: char| !(c.is_ascii_hexdigit() || c == '.' || c == ':');
    line.split(word).filter_map(|word| {
        let alone = || {
            word.split_once(':')
                .and_then(|(address, _)| address.parse().ok().map(IpAddr::V4))
        };
        word.parse::<IpAddr>().ok().or_else(alone)
    })
}

fn administrators() -> Vec<Protected> {
    let mut found = Vec::new();
    // sudo takes it away: then utmp or logind tell
    let ssh = std::env::var("SSH_CONNECTION").or_else(|_| std::env::var("SSH_CLIENT"));
    let first = |value: String| value.split_ascii_whitespace().next()?.parse().ok();
    found.extend(
        ssh.ok()
            .and_then(first)
            .map(|address| (address, "is where you are logged in from".to_owned())),
    );
    for path in ["/run/utmp", "/var/run/utmp"] {
        let logins = read(path).map(|bytes| logged_in(&bytes)).unwrap_or_default();
        let why = |user| format!("is where {user} is logged in from now (utmp)");
        found.extend(logins.into_iter().map(|(address, user)| (address, why(user))));
    }
    for entry in std::fs::read_dir("/run/systemd/sessions")
        .into_iter()
        .flatten()
        .flatten()
        .take(10_000)
    {
        let text = text(entry.path()).unwrap_or_default();
        let host = text.lines().find_map(|line| line.strip_prefix("REMOTE_HOST="));
        let host = host.and_then(|host| host.trim_matches('"').parse().ok());
        found.extend(host.map(|address| (address, "is where somebody is logged in from now (logind)".to_owned())));
    }
    found
}

/// Of `struct utmp` with 32-bit times (utmp(5)), the same on every Linux that has the file.
const UTMP_BYTES: usize = 384;
const USER_PROCESS: i16 = 7;

/// Who is logged in, and from which address.
fn logged_in(utmp: &[u8]) -> Vec<(IpAddr, String)> {
    let login = |record: &[u8]| {
        let kind = i16::from_ne_bytes(record.get(..2)?.try_into().ok()?);
        let user = record.get(44..76)?.split(|byte| *byte == 0).next()?;
        let words: [u8; 16] = record.get(348..364)?.try_into().ok()?;
        if kind != USER_PROCESS || words == [0; 16] {
            return None;
        }
        let address = match words {
            [a, b, c, d, rest @ ..] if rest == [0; 12] => IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
            words => IpAddr::V6(Ipv6Addr::from(words)),
        };
        Some((address, tunlog_model::text::lossy(user).into_owned()))
    };
    utmp.chunks_exact(UTMP_BYTES).filter_map(login).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(found: &[IpAddr]) -> Vec<String> {
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_kernel_names_its_addresses_and_routers() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 203.0.113.0\n        /24 link UNICAST\nLocal:\n     |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 203.0.113.1\n        /32 host LOCAL\n     |-- 203.0.113.255\n        /32 link BROADCAST\n";
        assert_eq!(shown(&local_v4(trie)), ["127.0.0.1", "203.0.113.1"]);
        let v6 = "00000000000000000000000000000001 01 80 10 80       lo\n20010db8000000000000000000000001 02 40 00 80     eth0\n";
        assert_eq!(shown(&local_v6(v6)), ["::1", "2001:db8::1"]);
        let hop = u32::from_ne_bytes([203, 0, 113, 254]);
        let routes = format!(
            "Iface\tDestination\tGateway\tFlags\neth0\t00000000\t{hop:08X}\t0003\neth0\t007100CB\t00000000\t0001\n"
        );
        assert_eq!(shown(&routers_v4(&routes)), ["203.0.113.254"]);
        let zero = "00000000000000000000000000000000";
        let routes = format!(
            "{zero} 00 {zero} 00 fe800000000000000000000000000001 00000400 eth0\n{zero} 00 {zero} 00 {zero} ffffffff lo\n"
        );
        assert_eq!(shown(&routers_v6(&routes)), ["fe80::1"]);
    }

    #[test]
    fn servers_are_named_in_files() {
        let text = "# nameserver 198.51.100.1\nnameserver 198.51.100.53\nauthserver 198.51.100.54:1812 ; old 198.51.100.2\nhome_server x {\n ipaddr = 198.51.100.55\n}\nnameserver 2001:db8::53\noptions ndots:2\n";
        assert_eq!(
            shown(&addresses(text)),
            ["198.51.100.53", "198.51.100.54", "198.51.100.55", "2001:db8::53"]
        );
        let accel = "[pptp]\nbind=203.0.113.1\n[radius]\nserver=198.51.100.56,secret,auth-port=1812\n[cli]\ntelnet=127.0.0.1:2000\n";
        assert_eq!(shown(&addresses_of_section(accel, "[radius]")), ["198.51.100.56"]);
    }

    #[test]
    fn who_is_logged_in_is_known_by_address() {
        let record = |kind: i16, user: &str, address: [u8; 16]| {
            let mut record = vec![0; UTMP_BYTES];
            record[..2].copy_from_slice(&kind.to_ne_bytes());
            record[44..44 + user.len()].copy_from_slice(user.as_bytes());
            record[348..364].copy_from_slice(&address);
            record
        };
        let v4 = [192, 0, 2, 77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let v6 = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7).octets();
        let mut utmp = record(USER_PROCESS, "root", v4);
        utmp.extend(record(USER_PROCESS, "anna", v6));
        utmp.extend(record(USER_PROCESS, "console", [0; 16]));
        utmp.extend(record(8, "gone", v4));
        utmp.extend([7, 0, 0]);
        let found: Vec<String> = logged_in(&utmp)
            .iter()
            .map(|(ip, user)| format!("{user} {ip}"))
            .collect();
        assert_eq!(found, ["root 192.0.2.77", "anna 2001:db8::7"]);
    }
}
