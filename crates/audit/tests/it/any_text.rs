//! Whatever a file holds, it is read or refused, and the orders of versions are orders.

use std::cmp::Ordering;

use proptest::prelude::*;
use tunlog_audit::exceptions::Exceptions;
use tunlog_audit::logs::accounts;
use tunlog_audit::versions::{Advisories, Version, debian_order, packages};

/// Versions as people write them, and what is nearly one.
fn version() -> impl Strategy<Value = String> {
    "(xl2tpd-|v|U)?[0-9]{1,3}(\\.[0-9]{1,3}){0,4}(-|~|\\+)?(rc|dr|b|dev|dfsg|ubuntu)?[0-9]{0,2}(-[0-9]+-g[0-9a-f]{4})?( .{0,5})?"
}

/// Versions of packages.
fn package_version() -> impl Strategy<Value = String> {
    "([0-9]:)?[0-9.+~a-z]{0,8}(-[0-9.+~a-z]{0,8})?"
}

proptest! {
    #[test]
    fn any_text_is_read(text in "\\PC*|([A-Za-z-]{1,9}: ?.{0,12}\n){0,20}|(ii |ppp\t|\\[\\[exception\\]\\]\n|check = \"|\n){0,30}") {
        let _ = packages(&text);
        let _ = accounts("f", &text);
        let _ = Advisories::parse(&text);
        let _ = Exceptions::default().read("f", &text);
        let _ = Version::parse(&text);
        let _ = debian_order(&text, "1.0-1");
    }

    #[test]
    fn versions_have_an_order(one in version(), two in version(), three in version()) {
        let all: Vec<Version> = [one, two, three].iter().filter_map(|text| Version::parse(text)).collect();
        for first in &all {
            for second in &all {
                prop_assert_eq!(first.cmp(second), second.cmp(first).reverse());
                prop_assert_eq!(first == second, first.cmp(second) == Ordering::Equal);
                for third in &all {
                    prop_assert!(!(first <= second && second <= third && first > third));
                }
            }
        }
    }

    #[test]
    fn package_versions_have_an_order(one in package_version(), two in package_version(), three in package_version()) {
        let all = [one, two, three];
        for first in &all {
            prop_assert_eq!(debian_order(first, first), Ordering::Equal);
            for second in &all {
                prop_assert_eq!(debian_order(first, second), debian_order(second, first).reverse());
                for third in &all {
                    let upwards = debian_order(first, second).is_le() && debian_order(second, third).is_le();
                    prop_assert!(!upwards || debian_order(first, third).is_le(), "{} {} {}", first, second, third);
                }
            }
        }
    }
}
