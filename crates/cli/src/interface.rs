//! The kernel's byte counters of an interface.

use std::path::Path;

/// Bytes to the client and from the client on a live interface, if it exists. Seen from the gateway: what the interface
/// transmits goes to the client.
pub fn counters(interface: &str) -> Option<(u64, u64)> {
    counters_under(Path::new("/sys/class/net"), interface)
}

fn counters_under(root: &Path, interface: &str) -> Option<(u64, u64)> {
    // The name comes from a log: it must not lead anywhere else.
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.';
    if interface.is_empty() || interface.len() > 15 || !interface.bytes().all(plain) || interface.starts_with('.') {
        return None;
    }
    let statistics = root.join(interface).join("statistics");
    let read = |name| std::fs::read_to_string(statistics.join(name)).ok()?.trim().parse().ok();
    Some((read("tx_bytes")?, read("rx_bytes")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transmitted_is_to_the_client_and_names_lead_nowhere_else() {
        let root = std::env::temp_dir().join(format!("tunlog-interface-{}", std::process::id()));
        let statistics = root.join("ppp0/statistics");
        std::fs::create_dir_all(&statistics).expect("a folder");
        std::fs::write(statistics.join("tx_bytes"), "2048\n").expect("a file");
        std::fs::write(statistics.join("rx_bytes"), "100\n").expect("a file");
        assert_eq!(counters_under(&root, "ppp0"), Some((2048, 100)));
        for name in ["", ".", "..", "ppp1", "../ppp0", "ppp0/", "./ppp0", "PPP0"] {
            assert_eq!(counters_under(&root, name), None, "{name}");
        }
        std::fs::remove_dir_all(&root).expect("our own folder");
    }
}
