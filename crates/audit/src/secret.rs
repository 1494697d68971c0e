//! A secret of a configuration file, of which nothing can be shown.

use std::fmt;

/// A secret. It can be compared and judged; it has no `Display`, and its `Debug` tells its length alone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Secret(String);

/// Passwords that every list of guesses begins with, in lower case, and the ones that vendors' examples ship.
#[rustfmt::skip]
const COMMON: &[&str] = &[
    "000000", "111111", "112233", "123123", "123321", "12345", "123456", "1234567", "12345678", "123456789",
    "1234567890", "1q2w3e", "1q2w3e4r", "1qaz2wsx", "654321", "666666", "abc123", "abcd1234", "access", "admin",
    "admin123", "administrator", "changeme", "cisco", "default", "dragon", "football", "guest", "hello", "iloveyou",
    "l2tp", "letmein", "login", "master", "monkey", "mypassword", "mysecret", "p@ssw0rd", "p@ssword", "pa$$w0rd",
    "pass", "passw0rd", "password", "password1", "password123", "pptp", "princess", "psk", "qazwsx", "qwerty",
    "qwerty123", "qwertyuiop", "root", "secret", "secret123", "shadow", "sharedsecret", "strongpassword", "sunshine",
    "superman", "test", "test123", "testing", "testing123", "topsecret", "vpn", "vpn123", "vpnpassword", "vpnsecret",
    "welcome", "welcome1", "your_psk", "your_secret", "youripsecpresharedkey", "yourpassword", "yourpsk",
];

impl Secret {
    /// Of what stands in the file.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// How many characters it has.
    pub fn chars(&self) -> usize {
        self.0.chars().count()
    }

    /// Whether there is nothing to know.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is a name, as people write it: case does not matter, nor the domain.
    pub fn is_name(&self, name: &str) -> bool {
        let local = name.rsplit('\\').next().unwrap_or_default();
        let local = local.split('@').next().unwrap_or_default();
        !self.is_empty() && [name, local].iter().any(|name| self.0.eq_ignore_ascii_case(name))
    }

    /// Whether every list of guesses has it.
    pub fn is_common(&self) -> bool {
        let lower = self.0.to_ascii_lowercase();
        COMMON.binary_search(&lower.as_str()).is_ok() || self.is_one_character()
    }

    fn is_one_character(&self) -> bool {
        let mut chars = self.0.chars();
        chars.next().is_some_and(|first| chars.all(|c| c == first))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} characters)", self.chars())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_can_be_searched() {
        assert!(COMMON.is_sorted(), "binary search needs order");
        assert!(Secret::new("Password").is_common());
        assert!(Secret::new("aaaaaaaaaaaaaaaa").is_common());
        assert!(!Secret::new("").is_common());
        assert!(!Secret::new("kU8-vane-Torte-41").is_common());
    }

    #[test]
    fn a_name_is_no_secret() {
        assert!(Secret::new("Anna").is_name("CORP\\anna"));
        assert!(Secret::new("anna").is_name("anna@corp.example"));
        assert!(!Secret::new("").is_name(""));
        assert_eq!(format!("{:?}", Secret::new("hush")), "Secret(4 characters)");
    }
}
