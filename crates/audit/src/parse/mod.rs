//! Configuration files by the grammar of the daemon that reads them, one format a file, with the line of everything.
//!
//! A parser never fails: what its daemon would refuse or pass over is kept as a [`Fault`] where a rule wants to tell it.

pub mod brace;
pub mod firewall;
pub mod ini;
pub mod ipsec;
pub mod iptables;
pub mod logrotate;
pub mod nft;
pub mod ppp_options;
pub mod ppp_secrets;
pub mod pptpd;
pub mod radius_users;
pub mod routeros;
pub mod rsyslog;
pub mod sysctl;
pub mod ufw;

/// A line that the daemon refuses or passes over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its line.
    pub line: u32,
    /// What the daemon makes of it. Nothing of the line itself: it may hold a secret.
    pub what: &'static str,
}

/// Lines with their numbers, from 1.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (u32, &str)> {
    text.lines()
        .enumerate()
        .map(|(at, line)| (u32::try_from(at + 1).unwrap_or(u32::MAX), line))
}

/// Text without the quotation marks around it.
pub(crate) fn unquoted(text: &str) -> &str {
    let text = text.trim();
    for mark in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark)) {
            return inner;
        }
    }
    text
}
