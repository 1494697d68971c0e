//! Addresses and networks as people type them and findings list them.

use std::net::IpAddr;

use tunlog_analysis::detect::Network;

/// An address, or `ADDRESS/BITS` whose further bits are zero. Addresses are canonical: `::ffff:192.0.2.1` is `192.0.2.1`.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &str) -> Result<Network, String> {
    let wrong = || format!("`{}` is no address and no network", tunlog_model::text::visible(text));
    let Some((address, bits)) = text.split_once('/') else {
        let address: IpAddr = text.parse().map_err(|_| wrong())?;
        return Ok(address.to_canonical().into());
    };
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let plain = !bits.is_empty() && bits.len() <= 3 && bits.bytes().all(|digit| digit.is_ascii_digit());
    let bits: u8 = bits
        .parse()
        .ok()
        .filter(|bits| plain && *bits <= most)
        .ok_or_else(wrong)?;
    let network = Network { address, bits };
    match is_first(&network) {
        true => Ok(network),
        false => Err(format!("{address}/{bits}: the address has bits behind its prefix")),
    }
}

fn is_first(network: &Network) -> bool {
    match network.address {
        IpAddr::V4(address) => u32::from(address).checked_shl(u32::from(network.bits)).unwrap_or(0) == 0,
        IpAddr::V6(address) => u128::from(address).checked_shl(u32::from(network.bits)).unwrap_or(0) == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks() {
        for (text, shown) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("192.0.2.0/24", "192.0.2.0/24"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("2001:DB8::1", "2001:db8::1"),
            ("0.0.0.0/0", "0.0.0.0/0"),
        ] {
            assert_eq!(parse(text).map(|network| network.to_string()).as_deref(), Ok(shown));
        }
        for text in [
            "",
            "192.0.2",
            "192.0.2.1/24",
            "192.0.2.0/33",
            "192.0.2.0/+8",
            "192.0.2.0/",
            "::/129",
            "a/8",
            "1.2.3.4 ",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
