//! What the kernel counts at the interfaces of open sessions. Read when somebody asks; nothing here has a timer.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::path::Path;

use serde::Serialize;

/// Where Linux shows them.
const NET: &str = "/sys/class/net";

/// Interfaces that are looked at: more sessions than any gateway has.
const INTERFACES_MAX: usize = 65_536;

/// Counters of an interface since it was made, or sums of several; directions are named from the gateway. The names
/// behind them are those of `Documentation/ABI/testing/sysfs-class-net-statistics` in the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Bytes sent to the client (`tx_bytes`).
    pub bytes_to_client: u64,
    /// Bytes received from the client (`rx_bytes`).
    pub bytes_from_client: u64,
    /// Packets sent to the client (`tx_packets`).
    pub packets_to_client: u64,
    /// Packets received from the client (`rx_packets`).
    pub packets_from_client: u64,
    /// Packets that could not be sent (`tx_errors`).
    pub errors_to_client: u64,
    /// Packets that came damaged (`rx_errors`).
    pub errors_from_client: u64,
    /// Packets that were not sent for want of room (`tx_dropped`).
    pub dropped_to_client: u64,
    /// Packets that were received and not taken (`rx_dropped`).
    pub dropped_from_client: u64,
}

impl AddAssign for Counters {
    fn add_assign(&mut self, more: Counters) {
        let pairs = [
            (&mut self.bytes_to_client, more.bytes_to_client),
            (&mut self.bytes_from_client, more.bytes_from_client),
            (&mut self.packets_to_client, more.packets_to_client),
            (&mut self.packets_from_client, more.packets_from_client),
            (&mut self.errors_to_client, more.errors_to_client),
            (&mut self.errors_from_client, more.errors_from_client),
            (&mut self.dropped_to_client, more.dropped_to_client),
            (&mut self.dropped_from_client, more.dropped_from_client),
        ];
        for (sum, more) in pairs {
            *sum = sum.saturating_add(more);
        }
    }
}

/// The counters of every PPP interface that there is now, by its name. Empty where the system shows none.
pub fn ppp() -> BTreeMap<String, Counters> {
    ppp_in(Path::new(NET))
}

/// Sums over the interfaces that belong together: `of` says to what an interface belongs (the protocol of the session that is
/// open there), or that it is none of ours.
pub fn totals<K: Ord>(
    interfaces: &BTreeMap<String, Counters>,
    of: impl Fn(&str) -> Option<K>,
) -> BTreeMap<K, Counters> {
    let mut totals = BTreeMap::new();
    for (name, counters) in interfaces {
        if let Some(key) = of(name) {
            *totals.entry(key).or_default() += *counters;
        }
    }
    totals
}

fn ppp_in(net: &Path) -> BTreeMap<String, Counters> {
    let Ok(entries) = std::fs::read_dir(net) else {
        return BTreeMap::new();
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    // one that is taken down while it is read is left out
    names
        .filter(|name| is_ppp(name))
        .take(INTERFACES_MAX)
        .filter_map(|name| Some((counters(&net.join(&name).join("statistics"))?, name)))
        .map(|(counters, name)| (name, counters))
        .collect()
}

/// `ppp` and a number, as the kernel names them.
fn is_ppp(name: &str) -> bool {
    let number = name.strip_prefix("ppp").unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn counters(folder: &Path) -> Option<Counters> {
    let read = |name: &str| -> Option<u64> { std::fs::read_to_string(folder.join(name)).ok()?.trim().parse().ok() };
    Some(Counters {
        bytes_to_client: read("tx_bytes")?,
        bytes_from_client: read("rx_bytes")?,
        packets_to_client: read("tx_packets")?,
        packets_from_client: read("rx_packets")?,
        errors_to_client: read("tx_errors")?,
        errors_from_client: read("rx_errors")?,
        dropped_to_client: read("tx_dropped")?,
        dropped_from_client: read("rx_dropped")?,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ppp_interfaces_are_read_and_added_up() {
        let net = std::env::temp_dir().join(format!("tunlog-net-{}", std::process::id()));
        let write = |name: &str, first: u64| {
            let folder = net.join(name).join("statistics");
            std::fs::create_dir_all(&folder).unwrap();
            let names = [
                "tx_bytes",
                "rx_bytes",
                "tx_packets",
                "rx_packets",
                "tx_errors",
                "rx_errors",
                "tx_dropped",
                "rx_dropped",
            ];
            for (number, counter) in names.iter().enumerate() {
                std::fs::write(folder.join(counter), format!("{}\n", first + number as u64)).unwrap();
            }
        };
        for (name, first) in [("ppp0", 100), ("ppp12", 1000), ("ppp3", 10), ("pppoe", 1), ("eth0", 1)] {
            write(name, first);
        }
        std::fs::create_dir_all(net.join("ppp7")).unwrap(); // just being taken down
        let interfaces = ppp_in(&net);
        std::fs::remove_dir_all(&net).unwrap();
        assert_eq!(interfaces.keys().collect::<Vec<_>>(), ["ppp0", "ppp12", "ppp3"]);
        let of = |name: &str| match name {
            "ppp0" | "ppp12" => Some("pptp"),
            _ => None,
        };
        let totals = totals(&interfaces, of);
        let pptp = Counters {
            bytes_to_client: 1100,
            bytes_from_client: 1102,
            packets_to_client: 1104,
            packets_from_client: 1106,
            errors_to_client: 1108,
            errors_from_client: 1110,
            dropped_to_client: 1112,
            dropped_from_client: 1114,
        };
        assert_eq!(totals, BTreeMap::from([("pptp", pptp)]));
    }

    #[test]
    fn where_there_are_none_there_is_nothing() {
        assert!(ppp_in(Path::new("/nowhere")).is_empty());
    }
}
