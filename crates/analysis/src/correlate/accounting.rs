//! RADIUS accounting (RFC 2866): start, interim and stop of a session as the gateway reports them. Where the gateway's own
//! log is there too, accounting only fills in; alone, it makes the session.

use std::collections::VecDeque;
use std::net::IpAddr;

use rustc_hash::FxHashMap;
use tunlog_model::{Attempt, EndReason, Event, EventKind, Field, Protocol};

use super::Correlator;
use super::build;
use super::facts::Facts;
use super::prompt::Told;
use super::radius::Answer;
use super::request::Bearer;
use super::slab::Key;

/// How far apart, in microseconds, pppd's line and the accounting packet may be.
const APART_MAX: i64 = 20_000_000;
/// How many sessions lately closed are remembered, so that their stop record makes no second one.
const CLOSED_MAX: usize = 1024;
/// Most sessions that only accounting knows.
const OPEN_MAX: usize = 200_000;

/// A session that only accounting knows.
#[derive(Clone, Debug)]
pub struct Record {
    pub facts: Facts,
    pub bytes: Option<(u64, u64)>,
    pub duration_s: Option<f64>,
    /// What carries it.
    pub protocol: Option<Protocol>,
    /// When it came up, where its login is known too.
    pub up: Option<i64>,
    /// What was told of it.
    pub told: Told,
    pub host: u32,
}

/// Who a record is about. Acct-Session-Id alone is not unique (lab.md trap 10).
pub type Identity = (Box<str>, Box<str>);

/// Sessions by accounting.
#[derive(Debug, Default)]
pub struct Records {
    open: FxHashMap<Identity, Record>,
    joined: FxHashMap<Identity, Key>,
    closed: VecDeque<(Option<IpAddr>, Option<Box<str>>, i64)>,
}

impl Records {
    /// An open session.
    pub fn open_record(&mut self, identity: &Identity) -> Option<&mut Record> {
        self.open.get_mut(identity)
    }

    /// Remembers a session that closed.
    pub fn remember(&mut self, attempt: &Attempt) {
        if attempt.up.is_none() {
            return;
        }
        if self.closed.len() >= CLOSED_MAX {
            self.closed.pop_front();
        }
        self.closed
            .push_back((attempt.assigned_ip, attempt.user.clone(), attempt.last_seen));
    }

    fn was_closed(&self, facts: &Facts) -> bool {
        self.closed.iter().rev().any(|(address, user, at)| {
            let same = (address.is_some() && *address == facts.assigned_ip) || (user.is_some() && *user == facts.user);
            same && (facts.last - at).abs() <= APART_MAX * 3
        })
    }
}

impl Record {
    /// The login that made it: when it began and who it is.
    fn log_in(&mut self, login: Answer, event: &Event<'_>) {
        let last = self.facts.last;
        self.protocol = login.protocol;
        self.up = Some(last).filter(|_| event.message().kind == EventKind::AccountingStart);
        let mut facts = login.facts;
        facts.join(std::mem::replace(&mut self.facts, Facts::new(last)));
        self.facts = facts;
    }
}

impl Correlator {
    pub(super) fn account(&mut self, host: u32, event: &Event<'_>) {
        if Bearer::of(event).is_foreign() {
            return;
        }
        let mut facts = Facts::new(event.time.micros);
        facts.note(event, &self.policy);
        let identity = (
            event.text(Field::AccountingId).unwrap_or_default().into(),
            facts.user.clone().unwrap_or_default(),
        );
        let joined = self
            .accounting
            .joined
            .get(&identity)
            .copied()
            .filter(|key| self.links.get(*key).is_some());
        if let Some(key) = joined.or_else(|| self.link_of_record(&facts)) {
            self.fill_in(key, facts, event);
            self.remember_join(identity, key);
            return;
        }
        if self.accounting.was_closed(&facts) && !self.accounting.open.contains_key(&identity) {
            return;
        }
        self.record(host, identity, facts, event);
    }

    /// The link that a record is about: the one that has its address now, or whose user and time agree.
    fn link_of_record(&self, facts: &Facts) -> Option<Key> {
        let near = |at: i64| (facts.last - at).abs() <= APART_MAX;
        let found = self.links.iter().find(|(_, link)| {
            let same_address = facts.assigned_ip.is_some() && link.facts.assigned_ip == facts.assigned_ip;
            let same_user = link.facts.user.is_some() && link.facts.user == facts.user;
            !link.calling
                && link.up.is_some_and(|up| {
                    (same_address && up <= facts.last + APART_MAX)
                        || (same_user && facts.assigned_ip.is_none() && near(up))
                })
        });
        found.map(|(key, _)| key)
    }

    /// The network layer of a link came up: its start record may have come first (whole seconds sort before fractions).
    pub(super) fn adopt_record(&mut self, key: Key) {
        if self.accounting.open.is_empty() {
            return;
        }
        let Some(link) = self.links.get(key) else { return };
        let (address, user, now) = (link.facts.assigned_ip, link.facts.user.clone(), self.now);
        let found = self.accounting.open.iter().find(|(_, record)| {
            let same_address = address.is_some() && address == record.facts.assigned_ip;
            let other_user = user.is_some() && record.facts.user.is_some() && user != record.facts.user;
            same_address && !other_user && (record.facts.started - now).abs() <= APART_MAX
        });
        let Some(identity) = found.map(|(identity, _)| identity.clone()) else {
            return;
        };
        if let Some(record) = self.accounting.open.remove(&identity) {
            self.join_record(key, record.facts);
            if let Some(link) = self.links.get_mut(key) {
                link.told.join(record.told);
            }
            self.remember_join(identity, key);
        }
    }

    /// Remembers whose records these are; those of links that are gone are forgotten now and then.
    fn remember_join(&mut self, identity: Identity, key: Key) {
        if self.accounting.joined.len() > 2 * self.links.len() + CLOSED_MAX {
            let links = &self.links;
            self.accounting.joined.retain(|_, key| links.get(*key).is_some());
        }
        self.accounting.joined.insert(identity, key);
    }

    /// The gateway's own lines tell when a session began and ended; accounting tells whose it is.
    fn join_record(&mut self, key: Key, facts: Facts) {
        let Some(link) = self.links.get_mut(key) else { return };
        link.backend = Some("radius");
        let (started, last) = (link.facts.started, link.facts.last);
        link.facts.join(facts);
        link.facts.started = started;
        link.facts.last = last;
    }

    fn fill_in(&mut self, key: Key, facts: Facts, event: &Event<'_>) {
        self.join_record(key, facts);
        self.announce(key);
        let Some(link) = self.links.get_mut(key) else { return };
        if event.message().kind == EventKind::AccountingStop {
            if link.bytes.is_none() {
                link.bytes = bytes(event);
            }
            if let Some(reason) = event
                .text(Field::TerminateCause)
                .and_then(|cause| terminate_cause(&cause))
            {
                link.facts.end(reason);
            }
        }
    }

    /// The first that accounting tells of a session; who logged in to it may be known.
    fn new_record(&mut self, host: u32, facts: Facts, event: &Event<'_>) -> Record {
        let mut record = Record {
            facts,
            bytes: None,
            duration_s: None,
            protocol: None,
            up: None,
            told: Told::default(),
            host,
        };
        if let Some(login) = self.login_of(event) {
            record.log_in(login, event);
        }
        record
    }

    fn record(&mut self, host: u32, identity: Identity, facts: Facts, event: &Event<'_>) {
        let known = self.accounting.open.remove(&identity);
        let is_new = known.is_none();
        let mut record = match known {
            Some(mut known) => {
                known.facts.note(event, &self.policy);
                known
            }
            None => self.new_record(host, facts, event),
        };
        record.protocol = Bearer::of(event).protocol().or(record.protocol);
        record.bytes = bytes(event).or(record.bytes);
        record.duration_s = event.seconds(Field::DurationS).or(record.duration_s);
        if event.message().kind == EventKind::AccountingStop {
            if let Some(reason) = event
                .text(Field::TerminateCause)
                .and_then(|cause| terminate_cause(&cause))
            {
                record.facts.end(reason);
            }
            self.close_record(&record, true);
        } else if self.accounting.open.len() < OPEN_MAX {
            let new = is_new.then(|| identity.clone());
            self.accounting.open.insert(identity, record);
            if let Some(identity) = new {
                self.announce_record(identity);
            }
        }
    }

    pub(super) fn finish_accounting(&mut self) {
        let mut open: Vec<Record> = std::mem::take(&mut self.accounting.open).into_values().collect();
        open.sort_by_key(|record| record.facts.started);
        for record in open {
            self.close_record(&record, false);
        }
    }

    fn close_record(&mut self, record: &Record, stopped: bool) {
        let mut attempt = build::record(record, stopped, self.gateway(record.host));
        attempt.heard = record.told.heard(&attempt);
        self.close(attempt);
    }
}

fn bytes(event: &Event<'_>) -> Option<(u64, u64)> {
    let count = |field| event.int(field).and_then(|bytes| u64::try_from(bytes).ok());
    Some((count(Field::BytesToClient)?, count(Field::BytesFromClient)?))
}

/// The contract's end reason of an Acct-Terminate-Cause (RFC 2866 §5.10).
fn terminate_cause(cause: &str) -> Option<EndReason> {
    Some(match cause {
        "User-Request" => EndReason::UserRequest,
        "Lost-Carrier" | "Lost-Service" => EndReason::PeerGone,
        "Idle-Timeout" => EndReason::IdleTimeout,
        "Session-Timeout" => EndReason::SessionTimeout,
        "Admin-Reset" => EndReason::Admin,
        "Admin-Reboot" | "NAS-Reboot" => EndReason::GatewayRestarted,
        _ => return None,
    })
}
