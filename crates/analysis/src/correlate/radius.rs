//! RADIUS answers: joined with the pppd that asked, by name, time and the address it claims; else an attempt of their own.

use std::collections::VecDeque;

use tunlog_model::{Event, EventKind, Field, Protocol};

use super::account::Account;
use super::build;
use super::facts::Facts;
use super::link::Link;
use super::prompt::Told;
use super::request::{Bearer, class_of};
use super::slab::Key;
use super::{Correlator, apart};

/// How far apart, in microseconds, an answer and the gateway's line about it may be.
const APART_MAX: i64 = 10_000_000;
/// How long, in microseconds, a login that the server named waits for the accounting of its session: the network layer comes up in
/// between.
const SESSION_MAX: i64 = 120_000_000;
/// How many answers wait, and how many links are looked at.
const WAITING_MAX: usize = 4096;
/// How many reasons wait for the answer to their request.
const REASONS_MAX: usize = 256;

/// An answer that waits for its pppd.
#[derive(Clone, Debug)]
pub struct Answer {
    pub facts: Facts,
    pub accepted: bool,
    /// The server's own name of it, which the accounting of its session repeats.
    class: Option<Box<str>>,
    /// What was asked for.
    pub protocol: Option<Protocol>,
    /// A backend's word was joined.
    pub attested: bool,
    /// What was told of it.
    pub told: Told,
    /// Tells it from the others that wait.
    number: u64,
    pub host: u32,
}

impl Answer {
    /// Whose log-in it is.
    pub fn account(&self) -> Option<Account> {
        Some(Account::of(self.facts.user.as_deref()?, None))
    }
}

/// Answers that wait, oldest first; and links whose login was decided lately.
#[derive(Debug, Default)]
pub struct Answers {
    waiting: VecDeque<Answer>,
    /// Accepted logins that no gateway's line joined, and that accounting may name.
    named: VecDeque<Answer>,
    recent: VecDeque<(i64, Key)>,
    /// Why a request will be refused, told before it is: by the server's number of the request, which names no user.
    reasons: VecDeque<((u32, u32, i64), Facts)>,
    /// A RADIUS line was seen: before that, links need not be remembered.
    active: bool,
    /// How many there were.
    count: u64,
}

impl Answers {
    /// The answer that waits under a number.
    pub fn numbered(&mut self, number: u64) -> Option<&mut Answer> {
        // they wait in the order in which they came
        let at = self
            .waiting
            .binary_search_by_key(&number, |answer| answer.number)
            .ok()?;
        self.waiting.get_mut(at)
    }

    /// The answers that wait, and of which no backend said anything yet.
    pub fn unattested(&mut self) -> impl DoubleEndedIterator<Item = &mut Answer> {
        self.waiting.iter_mut().filter(|answer| !answer.attested)
    }

    /// Whether an answer has waited long enough.
    pub fn is_due(&self, now: i64) -> bool {
        let due = |answers: &VecDeque<Answer>, after| {
            let first = answers.front();
            first.is_some_and(|answer| apart(now, answer.facts.last) > after)
        };
        due(&self.waiting, APART_MAX) || due(&self.named, SESSION_MAX)
    }
}

impl Correlator {
    pub(super) fn radius(&mut self, host: u32, event: &Event<'_>) {
        self.radius.active = true;
        match event.message().kind {
            EventKind::AuthStarted => self.request(host, event),
            EventKind::RadiusAccepted => self.answer(host, event, true),
            EventKind::RadiusRejected => self.answer(host, event, false),
            EventKind::RadiusTimeout | EventKind::RadiusError if event.value(Field::User).is_some() => {
                self.answer(host, event, false)
            }
            EventKind::AccountingStart | EventKind::AccountingInterim | EventKind::AccountingStop => {
                self.account(host, event)
            }
            _ => self.reason(host, event),
        }
    }

    /// A line about a request that names its number and a cause, and nobody.
    fn reason(&mut self, host: u32, event: &Event<'_>) {
        let named = event.value(Field::User).is_some();
        let Some(number) = event.int(Field::PacketId).filter(|_| !named) else {
            return;
        };
        if event.message().blames.is_none() {
            return;
        }
        let mut facts = Facts::new(event.time.micros);
        facts.note(event, &self.policy);
        if self.radius.reasons.len() >= REASONS_MAX {
            self.radius.reasons.pop_front();
        }
        self.radius.reasons.push_back(((host, event.pid(), number), facts));
    }

    /// Adds what was told before of the request that is refused now.
    fn join_reasons(&mut self, host: u32, event: &Event<'_>, facts: &mut Facts) {
        let Some(number) = event.int(Field::PacketId) else {
            return;
        };
        let (request, now) = ((host, event.pid(), number), facts.last);
        let reasons = &mut self.radius.reasons;
        while let Some(at) = reasons.iter().position(|(known, _)| *known == request) {
            let fresh = |(_, told): &((u32, u32, i64), Facts)| apart(told.last, now) <= APART_MAX;
            if let Some((_, told)) = reasons.remove(at).filter(fresh) {
                facts.join(told);
            }
        }
    }

    fn answer(&mut self, host: u32, event: &Event<'_>, accepted: bool) {
        let mut facts = Facts::new(event.time.micros);
        facts.note(event, &self.policy);
        let mut bearer = Bearer::of(event);
        if let Some(request) = self.request_of(host, event, &facts) {
            bearer = bearer.or(request.bearer);
            // the name that was asked for is the client's; what the answer has is what the server made of it
            facts.user = request.facts.user.clone().or(facts.user);
            facts.join(request.facts);
        }
        if facts.user.is_none() || bearer.is_foreign() {
            return;
        }
        if !accepted {
            self.join_reasons(host, event, &mut facts);
        }
        self.radius.count += 1;
        let number = self.radius.count;
        let mut answer = Answer {
            told: Told::default(),
            number,
            facts,
            accepted,
            class: class_of(event),
            protocol: bearer.protocol(),
            attested: false,
            host,
        };
        // best a link without an answer; but a server may write several lines about one request
        let best = self
            .radius
            .recent
            .iter()
            .rev()
            .take(WAITING_MAX)
            .filter_map(|(_, key)| {
                let link = self.links.get(*key)?;
                Some((fit(link, self.client_of(link), &answer)?, *key))
            });
        let link = best.max_by_key(|(fit, _)| *fit).map(|(_, key)| key);
        match link {
            Some(link) => self.join_answer(link, answer),
            None => {
                if self.radius.waiting.len() >= WAITING_MAX {
                    self.end_answer();
                }
                self.backends.attest(&mut answer);
                self.radius.waiting.push_back(answer);
                if !accepted {
                    self.announce_answer(number);
                }
            }
        }
    }

    /// A login was decided: perhaps the server's answer is here already.
    pub(super) fn ask_radius(&mut self, key: Key) {
        while !self.radius.waiting.is_empty()
            && let Some(link) = self.links.get(key)
        {
            let client = self.client_of(link);
            let Some(at) = self
                .radius
                .waiting
                .iter()
                .position(|answer| fit(link, client, answer).is_some())
            else {
                break;
            };
            let Some(answer) = self.radius.waiting.remove(at) else {
                break;
            };
            self.join_answer(key, answer);
        }
        let now = self.now;
        while self
            .radius
            .recent
            .front()
            .is_some_and(|(at, _)| apart(now, *at) > APART_MAX)
            || self.radius.recent.len() >= WAITING_MAX
        {
            self.radius.recent.pop_front();
        }
        self.radius.recent.push_back((now, key));
        self.ask_backends(key);
    }

    pub(super) fn client_of(&self, link: &Link) -> Option<std::net::IpAddr> {
        let carrier = link.carrier.and_then(|key| self.carriers.get(key));
        link.facts
            .client_ip
            .or_else(|| carrier.and_then(|carrier| carrier.facts.client_ip))
    }

    /// pppd tells RADIUS the client's address as pptpctrl gave it: where the pairing was guessed, that decides.
    fn correct_pairing(&mut self, key: Key, answer: &Answer) {
        let Some(link) = self.links.get(key).filter(|link| !link.paired_for_certain) else {
            return;
        };
        let Some(claimed) = answer
            .facts
            .claimed_ip
            .filter(|claimed| self.client_of(link).is_some_and(|client| client != *claimed))
        else {
            return;
        };
        if let Some(carrier) = self.by_client.get(&(link.host, claimed)).copied() {
            self.pair(carrier, key, true);
        }
    }

    fn join_answer(&mut self, key: Key, answer: Answer) {
        self.correct_pairing(key, &answer);
        let Some(link) = self.links.get_mut(key) else { return };
        link.answered = true;
        link.attested |= answer.attested;
        link.backend = Some("radius");
        link.protocol = link.protocol.or(answer.protocol);
        // the gateway's own lines tell when it began and ended; the server's tell who and why
        let (started, last) = (link.facts.started, link.facts.last);
        link.facts.join(answer.facts);
        link.facts.started = started;
        link.facts.last = last;
        link.told.join(answer.told);
        self.announce(key);
    }

    pub(super) fn settle_answers(&mut self) {
        let now = self.now;
        let late = |answer: &Answer, after| apart(now, answer.facts.last) > after;
        while self
            .radius
            .waiting
            .front()
            .is_some_and(|answer| late(answer, APART_MAX))
        {
            self.end_answer();
        }
        while self
            .radius
            .named
            .front()
            .is_some_and(|answer| late(answer, SESSION_MAX))
        {
            self.end_named();
        }
    }

    pub(super) fn finish_answers(&mut self) {
        while !self.radius.waiting.is_empty() {
            self.end_answer();
        }
        while !self.radius.named.is_empty() {
            self.end_named();
        }
        self.finish_accounting();
        self.finish_drops();
    }

    fn end_answer(&mut self) {
        let Some(answer) = self.radius.waiting.pop_front() else {
            return;
        };
        if answer.accepted && answer.class.is_some() {
            if self.radius.named.len() >= WAITING_MAX {
                self.end_named();
            }
            return self.radius.named.push_back(answer);
        }
        self.close_answer(answer);
    }

    fn end_named(&mut self) {
        if let Some(answer) = self.radius.named.pop_front() {
            self.close_answer(answer);
        }
    }

    fn close_answer(&mut self, answer: Answer) {
        let (gateway, told) = (self.gateway(answer.host), answer.told);
        let mut attempt = build::answer(answer, gateway);
        attempt.heard = told.heard(&attempt);
        self.close(attempt);
    }

    /// The login of a session whose accounting begins, if it is known by the server's name for it.
    pub(super) fn login_of(&mut self, event: &Event<'_>) -> Option<Answer> {
        let class = class_of(event)?;
        let named = |answer: &Answer| answer.accepted && answer.class.as_ref() == Some(&class);
        for answers in [&mut self.radius.waiting, &mut self.radius.named] {
            if let Some(at) = answers.iter().rposition(named) {
                return answers.remove(at);
            }
        }
        None
    }
}

/// How well an answer fits a link; None if it is not about it: another name, another client, or the link had come up
/// before a refusal. A login that the server accepted and the gateway refused is one attempt all the same (the answer was
/// lost or its secret was wrong).
fn fit(link: &Link, client: Option<std::net::IpAddr>, answer: &Answer) -> Option<u8> {
    // a client's own log names the same account; the answer is the gateway's
    if link.calling || (link.up.is_some() && !answer.accepted) {
        return None;
    }
    let same_client = client.is_some() && client == answer.facts.claimed_ip;
    let other_client = client.is_some() && answer.facts.claimed_ip.is_some() && !same_client;
    if other_client && link.paired_for_certain {
        return None;
    }
    let same_user = match (&link.facts.user, &answer.facts.user) {
        (Some(one), Some(other)) => same_name(one, other) || (link.served.is_some() && same_account(one, other)),
        (None, _) => same_client,
        _ => false,
    };
    let agrees = link.refused != answer.accepted;
    same_user.then_some(1 + u8::from(!link.answered) * 4 + u8::from(agrees) * 2 + u8::from(same_client))
}

/// The same account as two writers spell it. pppd hands its escaped form to RADIUS (lab.md trap 7), so backslashes may be
/// doubled and bytes written as `M-x`; domains, realms and case stay told apart.
fn same_name(one: &str, other: &str) -> bool {
    one == other || plain(one) == plain(other)
}

/// The same account where one of two writers adds the domain that the other leaves out, as Windows does; its names have no
/// case.
fn same_account(one: &str, other: &str) -> bool {
    Account::of(one, None).likeness(&Account::of(other, None)).is_some()
}

/// A name with pppd's escaping undone, as far as two spellings of one name differ by it.
pub fn plain(name: &str) -> Vec<u8> {
    let mut rest = name.as_bytes();
    if !rest.iter().any(|byte| matches!(byte, b'-' | b'^' | b'\\')) {
        return rest.to_vec();
    }
    let mut out = Vec::with_capacity(name.len());
    while let Some((first, after)) = rest.split_first() {
        let (byte, used) = match rest {
            [b'M', b'-', b'^', c, ..] => (0x80 | (c ^ 0x40), 4),
            [b'M', b'-', c, ..] => (0x80 | c, 3),
            [b'^', c @ b'@'..=b'_', ..] => (c ^ 0x40, 2),
            [b'\\', b'\\', ..] => (b'\\', 2),
            _ => (*first, 1),
        };
        out.push(byte);
        rest = if used <= rest.len() { &rest[used..] } else { after };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{same_account, same_name};

    #[test]
    fn an_added_domain_is_the_same_account_and_another_domain_is_not() {
        assert!(same_account("CORP\\Anna", "anna"));
        assert!(same_account("anna", "anna@corp.example"));
        assert!(same_account("CORP\\anna", "corp\\anna"));
        assert!(!same_account("CORP\\anna", "LAB\\anna"));
        assert!(!same_account("CORP\\anna", "CORP\\bert"));
        assert!(!same_account("anna", "annabel"));
    }

    #[test]
    fn escaped_spellings_are_one_account_and_domains_are_not() {
        assert!(same_name("CORP\\\\anna", "CORP\\anna"));
        assert!(same_name("jM-CM-<rgen", "jürgen"));
        assert!(!same_name("CORP\\anna", "anna"));
        assert!(!same_name("anna", "Anna"));
        assert!(!same_name("anna@example.org", "anna"));
    }
}
