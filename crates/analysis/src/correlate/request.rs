//! What a gateway asks a RADIUS server. A server's log may have question, answer and accounting as records of their own (NPS's
//! files have): each knows something that the others lack. They are tied by the name that the server gives to each login, the
//! Class attribute, which the gateway repeats (RFC 2865 §5.25).

use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use tunlog_model::{Event, Field, Protocol};

use super::facts::Facts;
use super::served::protocol_of;
use super::{Correlator, apart};

/// How long, in microseconds, an answer may take: gateways give up sooner. An EAP login goes in rounds, and each is a question.
const ANSWER_MAX: i64 = 60_000_000;
/// The same where only the account ties them.
const UNNAMED_MAX: i64 = 10_000_000;
/// How many questions wait for their answers.
const REQUESTS_MAX: usize = 4096;
/// How many of them have no name: these are looked through one by one.
const UNNAMED_COUNT_MAX: usize = 256;

/// Port types (RFC 2865 §5.41) of what is no tunnel: a RADIUS server is asked about switches and wireless networks as well.
const LOCAL_PORTS: &[&str] = &["Ethernet", "Cable", "Wireless-Other", "Wireless-802.11"];

/// What carries the user's packets, as far as a record tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bearer {
    /// It does not say.
    #[default]
    Unknown,
    /// A tunnel of ours.
    Tunnel(Protocol),
    /// Another kind of tunnel, or none.
    Foreign,
}

impl Bearer {
    /// By the tunnel's type, else by that of the port.
    pub fn of(event: &Event<'_>) -> Bearer {
        let text = |field| event.bytes(field).and_then(|text| std::str::from_utf8(text).ok());
        match (text(Field::Protocol), text(Field::Type)) {
            (Some(name), _) if protocol_of(name).is_some() => protocol_of(name).map_or(Bearer::Unknown, Bearer::Tunnel),
            // a number is a type that nobody has named
            (Some(name), _) if !name.bytes().all(|byte| byte.is_ascii_digit()) => Bearer::Foreign,
            (_, Some(port)) if LOCAL_PORTS.contains(&port) => Bearer::Foreign,
            _ => Bearer::Unknown,
        }
    }

    /// What is known, else what the other record knows.
    pub fn or(self, other: Bearer) -> Bearer {
        if self == Bearer::Unknown { other } else { self }
    }

    /// Whether it is nobody's concern here.
    pub fn is_foreign(self) -> bool {
        self == Bearer::Foreign
    }

    /// The tunnel protocol.
    pub fn protocol(self) -> Option<Protocol> {
        match self {
            Bearer::Tunnel(protocol) => Some(protocol),
            _ => None,
        }
    }
}

/// The server's name of a login.
pub fn class_of(event: &Event<'_>) -> Option<Box<str>> {
    event.text(Field::Connection).map(Into::into)
}

/// A question.
#[derive(Clone, Debug)]
pub struct Request {
    pub facts: Facts,
    pub bearer: Bearer,
    host: u32,
}

/// Questions that wait for their answers.
#[derive(Debug, Default)]
pub struct Requests {
    by_class: FxHashMap<Box<str>, Request>,
    /// When the questions with a name came, oldest first.
    order: VecDeque<(i64, Box<str>)>,
    unnamed: VecDeque<Request>,
}

impl Requests {
    fn keep(&mut self, class: Option<Box<str>>, request: Request) {
        let time = request.facts.last;
        let Some(class) = class else {
            if self.unnamed.len() >= UNNAMED_COUNT_MAX {
                self.unnamed.pop_front();
            }
            return self.unnamed.push_back(request);
        };
        self.forget(time);
        self.order.push_back((time, class.clone()));
        match self.by_class.get_mut(&class) {
            Some(known) => known.facts.join(request.facts),
            None => {
                self.by_class.insert(class, request);
            }
        }
    }

    /// Forgets what is too old, or too much.
    fn forget(&mut self, now: i64) {
        while let Some((time, _)) = self.order.front()
            && (self.order.len() >= REQUESTS_MAX || apart(now, *time) > ANSWER_MAX)
        {
            let Some((time, class)) = self.order.pop_front() else {
                return;
            };
            // a later round of the same login keeps it
            if self.by_class.get(&class).is_some_and(|known| known.facts.last <= time) {
                self.by_class.remove(&class);
            }
        }
    }

    /// The question of an answer without name: the last of that host about that account.
    fn unnamed(&mut self, host: u32, facts: &Facts) -> Option<Request> {
        let account = account(facts.user.as_deref()?);
        let fits = |request: &Request| {
            let user = request.facts.user.as_deref();
            request.host == host
                && apart(facts.last, request.facts.last) <= UNNAMED_MAX
                && user.is_some_and(|user| self::account(user).eq_ignore_ascii_case(account))
        };
        let at = self.unnamed.iter().rposition(fits)?;
        self.unnamed.remove(at)
    }
}

/// The account in a name: without domain (`DOMAIN\\name`), without realm, and the last part of a directory's canonical name.
fn account(user: &str) -> &str {
    let name = user.rsplit(['\\', '/']).next().unwrap_or(user);
    name.split_once('@').map_or(name, |(name, _)| name)
}

impl Correlator {
    pub(super) fn request(&mut self, host: u32, event: &Event<'_>) {
        let mut facts = Facts::new(event.time.micros);
        facts.note(event, &self.policy);
        let bearer = Bearer::of(event);
        self.requests.keep(class_of(event), Request { facts, bearer, host });
    }

    /// The question that an answer belongs to.
    pub(super) fn request_of(&mut self, host: u32, event: &Event<'_>, facts: &Facts) -> Option<Request> {
        let named = class_of(event).and_then(|class| self.requests.by_class.remove(&class));
        named.or_else(|| self.requests.unnamed(host, facts))
    }
}

#[cfg(test)]
mod tests {
    use super::account;

    #[test]
    fn an_account_has_neither_domain_nor_realm() {
        for name in ["anna", "EXAMPLE\\anna", "anna@example.org", "example.org/Users/anna"] {
            assert_eq!(account(name), "anna");
        }
        assert_eq!(account("EXAMPLE\\"), "");
    }
}
