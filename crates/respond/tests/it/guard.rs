//! Properties of networks and of the never-block set.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use tunlog_respond::{FindingLine, Guard, Latitude, Ledger, Prefix, Reason, backend};

fn v4() -> impl Strategy<Value = Prefix> {
    (any::<u32>(), 0_u8..=32).prop_map(|(bits, length)| {
        let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
        Prefix::new(IpAddr::V4(Ipv4Addr::from(bits & mask)), length).expect("masked")
    })
}

fn v6() -> impl Strategy<Value = Prefix> {
    (any::<u128>(), 0_u8..=128).prop_map(|(bits, length)| {
        let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
        Prefix::new(IpAddr::V6(Ipv6Addr::from(bits & mask)), length).expect("masked")
    })
}

fn any_prefix() -> impl Strategy<Value = Prefix> {
    prop_oneof![v4(), v6()]
}

const ALL: Latitude = Latitude {
    force: true,
    private: true,
};

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same(prefix in any_prefix()) {
        prop_assert_eq!(prefix.to_string().parse::<Prefix>(), Ok(prefix));
    }

    #[test]
    fn an_ipv4_address_in_ipv6_is_the_same_address(bits in any::<u32>()) {
        let v4 = Ipv4Addr::from(bits);
        prop_assert_eq!(Prefix::host(IpAddr::V6(v4.to_ipv6_mapped())), Prefix::host(IpAddr::V4(v4)));
        let text = format!("::ffff:{v4}");
        prop_assert_eq!(text.parse::<Prefix>(), Ok(Prefix::host(IpAddr::V4(v4))));
    }

    /// Membership bit by bit, counted in another way than the code does.
    #[test]
    fn a_network_holds_the_addresses_with_its_first_bits(prefix in v4(), bits in any::<u32>(), near in any::<bool>()) {
        let IpAddr::V4(first) = prefix.address() else { unreachable!() };
        // half of the addresses lie near the network's border
        let bits = if near { u32::from(first).wrapping_add(bits % 1024).wrapping_sub(512) } else { bits };
        let text = |bits: u32| format!("{bits:032b}");
        let length = usize::from(prefix.bits());
        let same = text(bits)[..length] == text(u32::from(first))[..length];
        prop_assert_eq!(prefix.contains(IpAddr::V4(Ipv4Addr::from(bits))), same);
    }

    #[test]
    fn covering_is_an_order(a in any_prefix(), b in any_prefix(), c in any_prefix()) {
        prop_assert!(a.covers(&a));
        prop_assert_eq!(a.overlaps(&b), b.overlaps(&a));
        prop_assert!(!(a.covers(&b) && b.covers(&c)) || a.covers(&c));
    }

    /// Whatever network is allowed, it holds nothing that is protected, be it wide, private or forced.
    #[test]
    fn no_network_that_is_allowed_holds_what_is_protected(prefix in any_prefix(), own in any::<u32>(), own6 in any::<u128>()) {
        let own = [IpAddr::V4(Ipv4Addr::from(own)), IpAddr::V6(Ipv6Addr::from(own6))];
        let mut guard = Guard::new();
        for address in own {
            guard.protect(Prefix::host(address), "is this machine's own address");
        }
        if guard.judge(prefix, ALL).is_ok() {
            for address in own.into_iter().chain(["127.0.0.1", "::1", "0.0.0.0", "255.255.255.255", "169.254.169.254", "224.0.0.1"]
                .map(|text| text.parse().expect(text)))
            {
                prop_assert!(!prefix.contains(address), "{} {}", prefix, address);
            }
        }
    }

    /// Whatever stands in a ledger, in findings, or in a firewall's answer, it is read or refused.
    #[test]
    fn any_line_is_read_or_refused(line in "[ -~]{0,60}", key in "(type|time|action|outcome|target|until|sources)", value in "[ -~]{0,30}") {
        let json = format!(r#"{{"type":"action","outcome":"done","action":"block","backend":"nftables","{key}":{value:?}}}"#);
        for text in [&line, &json] {
            let _ = Ledger::new().take(text);
            let _ = FindingLine::of(text, &|_| true);
            let _ = text.parse::<Prefix>();
            for backend in backend::ALL {
                let _ = backend.listed(text);
            }
        }
    }

    /// A network around a protected address is refused at every length.
    #[test]
    fn every_network_around_an_own_address_is_refused(own in any::<u32>(), length in 0_u8..=32) {
        let mut guard = Guard::new();
        let own = Ipv4Addr::from(own);
        guard.protect(Prefix::host(IpAddr::V4(own)), "is this machine's own address");
        let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
        let around = Prefix::new(IpAddr::V4(Ipv4Addr::from(u32::from(own) & mask)), length).expect("masked");
        let refusal = guard.judge(around, ALL).expect_err("refused");
        prop_assert_eq!(refusal.reason, Reason::NeverBlocked);
    }
}
