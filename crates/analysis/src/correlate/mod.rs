//! Joins events into connection attempts over all layers.
//!
//! Two kinds of sides are kept apart until both have ended: the *carrier* (PPTP control connection, L2TP tunnel) and the
//! *link* (one pppd process). They are paired by what the daemons say (`Reaping child PPP[pid]`, `Call established …
//! PID:`, the launcher's own lines, the client's address) and, only as the last resort, by neighbouring process ids; a
//! later proof undoes a guess. Nothing here reads a clock: time is the events' time.

pub(crate) mod account;
mod accounting;
mod backend;
mod build;
mod caller;
mod carrier;
mod cmdline;
mod facts;
mod finding;
mod firewall;
mod hosts;
mod ike;
mod l2tp;
mod link;
mod names;
pub(crate) mod opening;
mod packet;
mod pairing;
mod ppp;
mod pptp;
mod processes;
mod prompt;
mod radius;
mod request;
mod served;
mod server;
mod slab;
mod trail;
mod tying;

use std::collections::VecDeque;
use std::net::IpAddr;

use rustc_hash::{FxHashMap, FxHashSet};
use tunlog_model::{Attempt, Event, EventKind, Outcome, Protocol, Reading, Role};

use carrier::Carrier;
use facts::EvidencePolicy;
pub use facts::Redact;
pub(crate) use ike::FirstHand;
use link::Link;
pub use packet::Skew;
pub use prompt::Prompt;
use slab::{Key, Slab};

/// What bounds the correlator, and what it keeps.
#[derive(Clone, Copy)]
pub struct Options {
    /// Keep the texts of evidence.
    pub evidence: bool,
    /// Keep everything that is said about an attempt, for a diagnosis.
    pub trail: bool,
    /// Takes secrets out of evidence, or shows them, and reads fields that were left for later.
    pub reading: Reading,
    /// Hand out what a session looks like shortly after it came up, too: whoever watches cannot wait until it ends.
    pub openings: bool,
    /// Tell attempts at the line that decides them, too (`Correlator::prompts`).
    pub prompts: bool,
    /// Most sides open at once; an attacker can open attempts for ever, the oldest is then closed as unfinished.
    pub open_max: usize,
    /// Most times a `last message repeated N times` is believed.
    pub repeats_max: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            evidence: false,
            trail: false,
            reading: Reading::default(),
            openings: false,
            prompts: false,
            open_max: 200_000,
            repeats_max: 1000,
        }
    }
}

/// How long, in microseconds, a finished side waits for lines of the other side that come late.
const GRACE_SHORT: i64 = 5_000_000;
/// The same when the other side is known and still running down.
const GRACE_LONG: i64 = 60_000_000;

/// The most time, in microseconds, that passes between two events: more is a gap in the evidence or a clock that was set.
const PASSED_MAX: i64 = 3_600_000_000;

/// How late, in microseconds, a line may be whose time had passed already; what is older shows a clock that was set back.
const LATE_MAX: i64 = 60_000_000;

/// How many ids are remembered, to tell equal attempts apart: those of some seconds of an attack.
const IDS_MAX: usize = 16_384;

/// How far apart two times are, whichever comes first: a clock may have been set back in between.
fn apart(one: i64, other: i64) -> i64 {
    one.saturating_sub(other).saturating_abs()
}

/// A side to look at again when its time has come.
#[derive(Clone, Copy, Debug)]
enum Due {
    Carrier(Key),
    Link(Key),
    Session(Key),
}

/// Joins events into attempts.
pub struct Correlator {
    options: Options,
    policy: EvidencePolicy,
    hosts: hosts::Hosts,
    carriers: Slab<Carrier>,
    links: Slab<Link>,
    /// (host, pid) of pptpctrl.
    by_control: processes::Processes,
    /// (host, pid) of pppd.
    by_link: processes::Processes,
    /// pppd that a daemon announced before its first line: (host, pid).
    expected: FxHashMap<(u32, u32), Key>,
    /// The pppd that has an interface now.
    by_interface: FxHashMap<(u32, Box<str>), Key>,
    /// The carrier of a client that was opened last.
    by_client: FxHashMap<(u32, IpAddr), Key>,
    /// The L2TP carrier of a client's address and port.
    by_port: FxHashMap<(u32, IpAddr, u16), Key>,
    /// (host, L2TP tunnel id).
    by_tunnel: FxHashMap<(u32, i64), Key>,
    /// The names of sessions, for each gateway that is one program: (host, dialect).
    known: FxHashMap<(u32, &'static str), names::Known>,
    /// The call that a host made last, as a client.
    by_caller: FxHashMap<u32, Key>,
    /// The pppd that a host started last, by its number.
    newest_link: Vec<Option<Key>>,
    /// Carriers whose call was started and whose pppd is not known, oldest first.
    waiting: VecDeque<Key>,
    due_short: VecDeque<(i64, Due)>,
    due_long: VecDeque<(i64, Due)>,
    ike: ike::Negotiations,
    radius: radius::Answers,
    requests: request::Requests,
    backends: backend::Backends,
    accounting: accounting::Records,
    firewall: firewall::Drops,
    early: trail::Early,
    packets: packet::Packets,
    refusals: FxHashMap<u32, facts::Facts>,
    /// The link an event of which may be repeated.
    last_refused: Option<Key>,
    closed: Vec<Attempt>,
    openings: opening::Openings,
    prompts: prompt::Prompts,
    /// Ids given lately: equal lines in one second are several attempts.
    ids: FxHashSet<u64>,
    now: i64,
    /// Time of the last event.
    last_event: Option<i64>,
    /// Until when time has passed without events.
    ahead: i64,
    /// Time that has passed, microseconds: unlike `now` it never goes back when a clock is set.
    passed: i64,
}

impl Correlator {
    /// An empty correlator.
    pub fn new(options: Options) -> Correlator {
        Correlator {
            policy: EvidencePolicy {
                keep: options.evidence,
                trail: options.trail,
                reading: options.reading,
            },
            options,
            hosts: hosts::Hosts::default(),
            carriers: Slab::default(),
            links: Slab::default(),
            by_control: processes::Processes::default(),
            by_link: processes::Processes::default(),
            expected: FxHashMap::default(),
            by_interface: FxHashMap::default(),
            by_client: FxHashMap::default(),
            by_port: FxHashMap::default(),
            by_tunnel: FxHashMap::default(),
            known: FxHashMap::default(),
            by_caller: FxHashMap::default(),
            newest_link: Vec::new(),
            ids: FxHashSet::default(),
            waiting: VecDeque::new(),
            due_short: VecDeque::new(),
            due_long: VecDeque::new(),
            ike: ike::Negotiations::default(),
            radius: radius::Answers::default(),
            requests: request::Requests::default(),
            backends: backend::Backends::default(),
            accounting: accounting::Records::default(),
            firewall: firewall::Drops::default(),
            early: trail::Early::default(),
            packets: packet::Packets::default(),
            refusals: FxHashMap::default(),
            last_refused: None,
            closed: Vec::new(),
            openings: opening::Openings::default(),
            prompts: prompt::Prompts::default(),
            last_event: None,
            ahead: i64::MIN,
            now: i64::MIN,
            passed: 0,
        }
    }

    /// Takes the next event; events come in the order of their sources, merged by time.
    #[inline]
    pub fn observe(&mut self, event: &Event<'_>) {
        if !event.trusted() {
            return;
        }
        if event.message().role == Role::Service {
            // attempts are the same whether or not the logs of other services are read along; what is repeated is theirs
            self.last_refused = None;
            return;
        }
        self.last_refused = None;
        self.last_event = Some(event.time.micros);
        self.go_on(event.time.micros);
        let message = event.message();
        if !message.concerns_attempts {
            // no attempt is made of it or changed by it: what is diagnosed is what `attempts` lists
            self.remark(event);
            return;
        }
        if message.role == Role::Packet {
            self.packet(event);
        } else if message.role != Role::None {
            let host = self.hosts.of(event);
            self.prompts.gateway |= matches!(message.role, Role::Ppp | Role::Pptp | Role::L2tp | Role::Server);
            match message.role {
                Role::Ppp => self.ppp(host, event),
                Role::Pptp => self.pptp(host, event),
                Role::L2tp => self.l2tp(host, event),
                Role::Ike => self.ike(host, event),
                Role::Radius => self.radius(host, event),
                Role::Firewall => self.firewall(host, event),
                Role::System => self.system(host, event),
                Role::Server => self.server(host, event),
                Role::Caller => self.caller(host, event),
                Role::Backend => self.backend(host, event),
                Role::Packet | Role::Service | Role::None => {}
            }
        }
        if self.carriers.len() + self.links.len() > self.options.open_max {
            self.close_oldest();
        }
    }

    /// The event before came `times` times more. Only a refused login counts: it is an attempt each time.
    pub fn repeated(&mut self, times: u64) {
        let times = times.min(self.options.repeats_max);
        if let Some(key) = self.last_refused
            && let Some(link) = self.links.get_mut(key)
        {
            link.times += times;
            self.tell_repeated(key, times);
        }
    }

    /// Time goes on though nobody writes: so many microseconds since the last event, by whatever clock the caller trusts. What
    /// waits for lines that do not come is told. Gives the event time that it is now, if there was an event.
    ///
    /// Not the time of day: a gateway's clock may be wrong, and its next line would be of the past.
    pub fn pass(&mut self, since: i64) -> Option<i64> {
        let time = self.last_event?.saturating_add(since.max(0));
        if time > self.now {
            self.go_on(time);
            self.ahead = time;
        }
        Some(time)
    }

    fn go_on(&mut self, time: i64) {
        if time == self.now && !self.packets.active {
            return; // many lines stand in one second, and nothing falls due while no time passes
        }
        // what has passed without events is not counted twice; but a clock that was set back is no late line
        if self.ahead.saturating_sub(time) > LATE_MAX {
            self.ahead = i64::MIN;
        }
        let since = time.saturating_sub(self.now.max(self.ahead));
        self.passed = self.passed.saturating_add(since.clamp(0, PASSED_MAX));
        self.now = time;
        self.settle();
    }

    /// An attempt of a log is over; where captures are read too, it waits for its packets.
    #[inline]
    fn close(&mut self, attempt: Attempt) {
        match self.packets.active {
            true => self.hold_logged(attempt),
            false => {
                self.packets.join.remember_lone(&attempt);
                self.tell(attempt);
            }
        }
    }

    /// Says that there is nothing but captures to come.
    pub fn expect_captures_alone(&mut self) {
        self.packets.alone = true;
    }

    /// How far the clocks of logs and captures are apart, if both told of the same connections.
    pub fn skew(&self) -> Option<Skew> {
        self.packets.join.skew()
    }

    /// Hours by which the log seems to be ahead of the capture because its zone was taken wrongly, and how many connections
    /// show it.
    pub fn zone_apart(&self) -> Option<(f64, usize)> {
        self.packets.join.zone_apart()
    }

    /// Hands an attempt out, with an id of its own.
    #[inline(always)]
    fn tell(&mut self, mut attempt: Attempt) {
        if self.ids.len() >= IDS_MAX {
            self.ids.clear();
        }
        while !self.ids.insert(attempt.id) {
            attempt.id = attempt.id.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
        }
        self.closed.push(attempt);
    }

    /// The attempts that closed since the last call, in the order in which they closed.
    pub fn closed(&mut self) -> std::vec::Drain<'_, Attempt> {
        self.closed.drain(..)
    }

    /// Whether attempts have closed.
    pub fn has_closed(&self) -> bool {
        !self.closed.is_empty()
    }

    /// The evidence ends here: everything still open is closed as it stands.
    pub fn finish(&mut self) {
        self.packets.join.ending = true;
        self.now = i64::MAX;
        self.passed = i64::MAX;
        self.settle();
        for attempt in self.take_open_logged() {
            self.close(attempt);
        }
        self.finish_answers();
        for facts in std::mem::take(&mut self.refusals).into_values() {
            self.close(build::refusal(facts));
        }
        if self.packets.active {
            self.finish_packets();
        }
        self.carriers = Slab::default();
        self.links = Slab::default();
        self.by_link.clear();
        self.by_control.clear();
        self.known.clear();
    }

    /// What is not closed yet, as attempts: `Open`, `Unfinished`, or failed beyond doubt.
    pub fn open(&self) -> Vec<Attempt> {
        let mut open = self.open_logged();
        open.extend(self.open_packets());
        open
    }

    /// When the first of what is not closed yet began: `open` without making attempts of it.
    pub fn open_since(&self) -> Option<i64> {
        let links = self.links.iter().map(|(_, link)| link.facts.started);
        let carriers = self.carriers.iter().map(|(_, carrier)| carrier.facts.started);
        let logged = links.chain(carriers).min();
        logged.into_iter().chain(self.packets_since()).min()
    }

    /// How many attempts are on their way and not up yet, by protocol: without making attempts of them.
    pub fn starting(&self) -> Vec<(Option<Protocol>, u64)> {
        let links = self.links.iter().filter_map(|(_, link)| {
            let carrier = link.carrier.and_then(|key| self.carriers.get(key));
            let is_one = link.up.is_none() && !link.exited && (link.is_telling() || carrier.is_some());
            is_one.then(|| {
                carrier
                    .map(|carrier| carrier.protocol)
                    .or_else(|| build::protocol_of(link))
            })
        });
        let carriers = self.carriers.iter();
        let carriers = carriers.filter(|(_, carrier)| carrier.link.is_none() && carrier.opened);
        let carriers = carriers.map(|(_, carrier)| Some(carrier.protocol));
        let mut counts: Vec<(Option<Protocol>, u64)> = Vec::new();
        for protocol in links.chain(carriers).chain(self.packets_starting()) {
            match counts.iter_mut().find(|(known, _)| *known == protocol) {
                Some((_, count)) => *count += 1,
                None => counts.push((protocol, 1)),
            }
        }
        counts
    }

    fn open_logged(&self) -> Vec<Attempt> {
        let open = self.open_sides().map(|(carrier, link)| {
            let carrier = carrier.and_then(|key| self.carriers.get(key));
            self.attempt(carrier, link.and_then(|key| self.links.get(key)), true)
        });
        let mut open: Vec<Attempt> = open.collect();
        open.sort_by_key(|attempt| (attempt.started, attempt.id));
        open
    }

    /// As `open_logged`, for the last time: what was said is handed over, not copied, as it may be most of what memory holds.
    fn take_open_logged(&mut self) -> Vec<Attempt> {
        let sides: Vec<(Option<Key>, Option<Key>)> = self.open_sides().collect();
        let mut open: Vec<Attempt> = Vec::with_capacity(sides.len());
        for (carrier, link) in sides {
            let facts = [
                link.and_then(|key| self.links.get_mut(key)).map(|link| &mut link.facts),
                carrier
                    .and_then(|key| self.carriers.get_mut(key))
                    .map(|carrier| &mut carrier.facts),
            ];
            let trail = trail::of(facts.into_iter().flatten());
            let carrier = carrier.and_then(|key| self.carriers.get(key));
            let mut attempt = self.attempt(carrier, link.and_then(|key| self.links.get(key)), true);
            attempt.trail = trail;
            open.push(attempt);
        }
        open.sort_by_key(|attempt| (attempt.started, attempt.id));
        open
    }

    /// The sides of what is not closed yet: each link with its carrier, then carriers without one.
    fn open_sides(&self) -> impl Iterator<Item = (Option<Key>, Option<Key>)> {
        let links = self.links.iter().filter_map(|(key, link)| {
            let carrier = link.carrier.filter(|key| self.carriers.get(*key).is_some());
            (link.is_telling() || carrier.is_some()).then_some((carrier, Some(key)))
        });
        let alone = self.carriers.iter();
        let alone = alone.filter(|(_, carrier)| carrier.link.is_none() && carrier.opened);
        links.chain(alone.map(|(key, _)| (Some(key), None)))
    }

    /// The operating system speaks: a start of the machine ends everything that ran on it.
    fn system(&mut self, host: u32, event: &Event<'_>) {
        if event.message().kind == EventKind::HostStarted {
            self.end_all(host, tunlog_model::EndReason::GatewayRestarted, |_| true);
        }
    }

    /// Ends every session of a host that `which` picks: the daemon or the machine below it went away.
    fn end_all(&mut self, host: u32, reason: tunlog_model::EndReason, which: impl Fn(Option<&Carrier>) -> bool) {
        let links: Vec<Key> = self
            .links
            .iter()
            .filter(|(_, link)| link.host == host)
            .map(|(key, _)| key)
            .collect();
        for key in links {
            let carrier = self.links.get(key).and_then(|link| link.carrier);
            if !which(carrier.and_then(|carrier| self.carriers.get(carrier))) {
                continue;
            }
            if let Some(link) = self.links.get_mut(key) {
                link.facts.end(reason);
                link.exited = true;
            }
            self.close_link(key);
        }
        let carriers: Vec<Key> = self
            .carriers
            .iter()
            .filter(|(_, carrier)| carrier.host == host && which(Some(carrier)))
            .map(|(key, _)| key)
            .collect();
        for key in carriers {
            self.close_carrier(key);
        }
    }

    /// Looks again at sides whose grace is over.
    #[inline(never)]
    fn settle(&mut self) {
        while let Some((_, side)) = self.due_short.front().copied().filter(|(due, _)| *due <= self.passed) {
            self.due_short.pop_front();
            self.look_again(side);
        }
        while let Some((_, side)) = self.due_long.front().copied().filter(|(due, _)| *due <= self.passed) {
            self.due_long.pop_front();
            self.look_again(side);
        }
        if self.openings.is_due(self.passed) {
            self.settle_openings();
        }
        if self.prompts.is_due(self.passed) {
            self.settle_prompts();
        }
        self.settle_others();
    }

    fn settle_others(&mut self) {
        if self.ike.is_due(self.now) {
            self.settle_ike();
        }
        if self.radius.is_due(self.now) {
            self.settle_answers();
        }
        if self.firewall.is_due(self.now) {
            self.settle_drops();
        }
        if !self.refusals.is_empty() {
            self.settle_refusals();
        }
        if self.packets.active {
            self.settle_packets();
        }
    }

    /// A side ended, and the other side is not known: its lines come soon if ever.
    fn look_soon(&mut self, side: Due) {
        self.due_short
            .push_back((self.passed.saturating_add(GRACE_SHORT), side));
    }

    /// A side ended, and the other side is still running down.
    fn look_late(&mut self, side: Due) {
        self.due_long.push_back((self.passed.saturating_add(GRACE_LONG), side));
    }

    fn look_again(&mut self, side: Due) {
        match side {
            Due::Link(key) => self.close_link(key),
            Due::Carrier(key) => self.close_carrier(key),
            Due::Session(key) => self.session_due(key),
        }
    }

    /// Closes a carrier, with its link if there is one.
    fn close_carrier(&mut self, key: Key) {
        match self.carriers.get(key).map(|carrier| carrier.link) {
            Some(Some(link)) if self.links.get(link).is_some() => self.close_link(link),
            Some(_) => self.emit(Some(key), None),
            None => {}
        }
    }

    /// Closes a link, with its carrier if there is one.
    fn close_link(&mut self, key: Key) {
        if self.awaits_backend(key) {
            return self.look_soon(Due::Link(key));
        }
        if let Some(carrier) = self.links.get(key).map(|link| link.carrier) {
            self.emit(carrier, Some(key));
        }
    }

    /// Takes both sides out and makes an attempt of them, if they tell of one.
    fn emit(&mut self, carrier: Option<Key>, link: Option<Key>) {
        let mut carrier = carrier.and_then(|key| self.remove_carrier(key));
        let mut link = link.and_then(|key| self.remove_link(key));
        let tells =
            carrier.as_ref().is_some_and(|carrier| carrier.opened) || link.as_ref().is_some_and(Link::is_telling);
        if !tells {
            return;
        }
        let sides = [
            link.as_mut().map(|link| &mut link.facts),
            carrier.as_mut().map(|carrier| &mut carrier.facts),
        ];
        let trail = trail::of(sides.into_iter().flatten());
        let said = build::Said::last(carrier.as_mut(), link.as_mut());
        let mut attempt = self.attempt_of(said, carrier.as_ref(), link.as_ref(), false);
        attempt.trail = trail;
        let mut told = link.as_ref().map(|link| link.told).unwrap_or_default();
        told.join(carrier.as_ref().map(|carrier| carrier.told).unwrap_or_default());
        attempt.heard = told.heard(&attempt);
        if !build::is_calling(carrier.as_ref(), link.as_ref()) {
            self.accounting.remember(&attempt);
        }
        self.close(attempt);
    }

    fn remove_carrier(&mut self, key: Key) -> Option<Carrier> {
        let carrier = self.carriers.remove(key)?;
        self.by_control.forget(carrier.host, carrier.pid, key);
        if carrier.calling {
            forget(&mut self.by_caller, &carrier.host, key);
        }
        if let Some(client) = carrier.far_end() {
            forget(&mut self.by_client, &(carrier.host, client), key);
            if let Some(port) = carrier.facts.client_port {
                forget(&mut self.by_port, &(carrier.host, client, port), key);
            }
        }
        if let Some(tunnel) = carrier.tunnel_id {
            forget(&mut self.by_tunnel, &(carrier.host, tunnel), key);
        }
        Some(carrier)
    }

    fn remove_link(&mut self, key: Key) -> Option<Link> {
        let mut link = self.links.remove(key)?;
        self.by_link.forget(link.host, link.pid, key);
        if let Some(interface) = link.interface.take() {
            let at = (link.host, interface);
            forget(&mut self.by_interface, &at, key);
            link.interface = Some(at.1);
        }
        self.forget_names(&link, key);
        Some(link)
    }

    /// Makes room by closing the tenth that was quiet longest: one at a time would mean a search each time.
    fn close_oldest(&mut self) {
        let links = self.links.iter().map(|(key, link)| (link.facts.last, Due::Link(key)));
        let carriers = self.carriers.iter().filter(|(_, carrier)| carrier.link.is_none());
        let carriers = carriers.map(|(key, carrier)| (carrier.facts.last, Due::Carrier(key)));
        let mut open: Vec<(i64, Due)> = links.chain(carriers).collect();
        open.sort_unstable_by_key(|(last, _)| *last);
        open.truncate(open.len() / 10 + 1);
        for (_, side) in open {
            self.look_again(side);
        }
    }

    /// Closes refusals that name nobody once no other follows within ten seconds (CONTRACT §3).
    fn settle_refusals(&mut self) {
        let now = self.now;
        let over: Vec<u32> = self
            .refusals
            .iter()
            .filter(|(_, facts)| apart(now, facts.last) > 10_000_000)
            .map(|(host, _)| *host)
            .collect();
        for host in over {
            if let Some(facts) = self.refusals.remove(&host) {
                self.close(build::refusal(facts));
            }
        }
    }
}

/// Removes a map's entry if it still is that key's.
fn forget<K: std::hash::Hash + Eq>(map: &mut FxHashMap<K, Key>, at: &K, key: Key) {
    if map.get(at) == Some(&key) {
        map.remove(at);
    }
}

/// Whether an outcome is a session.
pub fn is_session(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Established | Outcome::Open)
}
