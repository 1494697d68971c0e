//! Log-ins to other services than the gateway (SSH, mail, Windows), as their own logs tell them: never attempts, but the same
//! people and the same guessers at another door.

use std::borrow::Cow;
use std::net::IpAddr;

use tunlog_model::{Event, EventKind, Evidence, Field, Role};

use super::Options;
use super::memory::name_hash;
use crate::correlate::account::Account;

/// A log-in elsewhere that was decided.
#[derive(Clone, Debug)]
pub struct Login {
    /// When, microseconds UTC.
    pub time: i64,
    /// Which service: its dialect, or PAM's name of it.
    pub service: Cow<'static, str>,
    /// The name that was given, if the writer tells it.
    pub user: Option<Box<str>>,
    /// The account that the name means, and the hash of its name without domain.
    pub account: Option<Account>,
    /// The hash; 0 without a name.
    pub key: u64,
    /// The address of the socket, if the writer tells it; local log-ins have none.
    pub source: Option<IpAddr>,
    /// It was let in.
    pub accepted: bool,
    /// How many equal tries this stands for.
    pub times: u64,
    /// It tells at their end of tries some of which may have been told singly.
    pub sum: bool,
    /// The line.
    pub line: Option<Evidence>,
}

/// The hash of an account's name without its domain.
pub fn key_of(account: &Account) -> u64 {
    name_hash(&String::from_utf8_lossy(account.name()))
}

/// Most tries that one line is believed to stand for.
pub const TIMES_MAX: u64 = 1000;

impl Login {
    /// Of an event, if it decides a log-in to another service.
    pub fn of(event: &Event<'_>, options: &Options) -> Option<Login> {
        let message = event.message();
        let accepted = match message.kind {
            EventKind::AuthSucceeded => true,
            EventKind::AuthFailed => false,
            _ => return None,
        };
        let source = event.ip(Field::ClientIp).filter(|source| !source.is_loopback());
        let service = match message.role {
            Role::Service => event
                .text(Field::Module)
                .map_or(Cow::Borrowed(message.dialect), |module| Cow::Owned(module.into_owned())),
            _ => windows(event, source)?.into(),
        };
        let user = event.text(Field::User).filter(|user| !user.is_empty());
        if !event.trusted() || (user.is_none() && source.is_none()) {
            return None;
        }
        let domain = match message.role {
            Role::Service => None,
            _ => event.text(Field::Name),
        };
        let count = event.int(Field::Count);
        let account = user.as_deref().map(|user| Account::of(user, domain.as_deref()));
        Some(Login {
            time: event.time.micros,
            service,
            key: account.as_ref().map_or(0, key_of),
            account,
            user: user.map(|user| user.as_ref().into()),
            source,
            accepted,
            times: count.map_or(1, |count| u64::try_from(count).unwrap_or(1).clamp(1, TIMES_MAX)),
            sum: count.is_some(),
            line: Some(Evidence {
                source: event.source,
                line: event.line(),
                text: options.shown(event),
            }),
        })
    }
}

/// Types of log-on of a Windows event that come over the network to a service of that machine: a share, clear text (a web or
/// mail server), a remote desktop.
const REMOTE: &[&str] = &["3", "8", "10"];

/// A Windows event that says who knocked, by the address of the socket. What a gateway or NPS asks for a VPN has its own log-on
/// process, or no address, or that of the gateway: it is a witness of an attempt, and no other service.
fn windows(event: &Event<'_>, source: Option<IpAddr>) -> Option<&'static str> {
    if event.message().dialect != "windows-security" {
        return None;
    }
    source?;
    let kind = event.text(Field::Type)?;
    if !REMOTE.contains(&kind.as_ref()) {
        return None;
    }
    let module = event.text(Field::Module).unwrap_or_default();
    let asked_for = ["RAS", "IAS", "CHAP"].iter().any(|word| module.trim().contains(word));
    let machine = event.text(Field::User).is_some_and(|user| user.ends_with('$'));
    (!asked_for && !machine).then_some(if kind == "10" { "remote-desktop" } else { "windows" })
}
