//! Which pppd belongs to which control connection or tunnel.

use std::net::IpAddr;

use tunlog_model::Protocol;

use super::slab::Key;
use super::{Correlator, apart};

/// How long, in microseconds, a started call may wait for its pppd's first line.
pub const LAUNCH_MAX: i64 = 60_000_000;

/// How many waiting calls are looked at for one pppd.
const WAITING_LOOKED_AT: usize = 256;

/// Calls that were started within this time, microseconds, were started at once: stamps have whole seconds.
const AT_ONCE: i64 = 2_000_000;

/// How many calls are looked at that may be mistaken for one another.
const DOUBTED_MAX: usize = 16;

impl Correlator {
    /// The call was started: a pppd will appear.
    pub(super) fn await_link(&mut self, host: u32, key: Key) {
        let Some(carrier) = self.carriers.get(key).filter(|carrier| carrier.link.is_none()) else {
            return;
        };
        // its pppd may have spoken first, when two sources are merged
        let neighbour = self.by_link.get(host, carrier.pid.wrapping_add(1));
        let started = carrier.facts.started;
        match neighbour.filter(|link| {
            self.links
                .get(*link)
                .is_some_and(|link| link.carrier.is_none() && link.facts.started >= started)
        }) {
            Some(link) => self.pair(key, link, false),
            None => {
                self.forget_waiting();
                self.waiting.push_back(key);
            }
        }
    }

    /// Pairs a new pppd with the call that most likely started it: a neighbouring pid, else the only or oldest waiting
    /// call. A guess: `pair` with a proof undoes it.
    pub(super) fn guess_carrier(&mut self, link_key: Key) {
        let Some(link) = self.links.get(link_key).filter(|link| link.carrier.is_none()) else {
            return;
        };
        let (host, pid, client) = (link.host, link.pid, link.facts.client_ip);
        let now = self.now;
        self.forget_waiting();
        // the call is started before its pppd can say anything, so a neighbour that has not started one is another's
        let neighbour = |started: bool| {
            (1..=3).find_map(|back| {
                let key = self.by_control.get(host, pid.wrapping_sub(back))?;
                let has_started = self.carriers.get(key)?.call_started.is_some();
                (has_started == started && self.fits(key, host, client, now)).then_some(key)
            })
        };
        let waiting = || {
            let mut waiting = self.waiting.iter().take(WAITING_LOOKED_AT).copied();
            waiting.find(|key| self.fits(*key, host, client, now))
        };
        let found = neighbour(true).or_else(waiting).or_else(|| neighbour(false));
        if let Some(carrier) = found {
            self.doubt(host, client, carrier);
            self.pair(carrier, link_key, false);
        }
    }

    /// Calls of several clients that were started at one moment: which pppd is whose is a guess until a line proves it.
    fn doubt(&mut self, host: u32, client: Option<IpAddr>, chosen: Key) {
        let now = self.now;
        let address = |key: Key| self.carriers.get(key).and_then(|carrier| carrier.facts.client_ip);
        let started = |key: Key| self.carriers.get(key).and_then(|carrier| carrier.call_started);
        let others: Vec<Key> = (self.waiting.iter().rev().take(DOUBTED_MAX).copied())
            .filter(|key| *key != chosen && address(*key) != address(chosen))
            .filter(|key| {
                started(*key).is_some_and(|at| apart(now, at) <= AT_ONCE) && self.fits(*key, host, client, now)
            })
            .collect();
        if others.is_empty() {
            return;
        }
        for key in others.into_iter().chain([chosen]) {
            if let Some(carrier) = self.carriers.get_mut(key) {
                carrier.doubtful = true;
            }
        }
    }

    /// Forgets calls at the front that wait no more.
    fn forget_waiting(&mut self) {
        while self
            .waiting
            .front()
            .is_some_and(|key| !self.still_waits(*key, self.now))
        {
            self.waiting.pop_front();
        }
    }

    fn still_waits(&self, key: Key, now: i64) -> bool {
        self.carriers.get(key).is_some_and(|carrier| {
            let since = carrier.call_started.or(carrier.calling.then_some(carrier.facts.last));
            carrier.link.is_none() && since.is_some_and(|at| apart(now, at) <= LAUNCH_MAX)
        })
    }

    fn fits(&self, key: Key, host: u32, client: Option<IpAddr>, now: i64) -> bool {
        self.carriers.get(key).is_some_and(|carrier| {
            // a pppd that names its client is no client's
            let side = match carrier.calling {
                true => client.is_none(),
                false => carrier.protocol == Protocol::Pptp,
            };
            carrier.host == host
                && side
                && carrier.link.is_none()
                && carrier.finished.is_none()
                && apart(now, carrier.facts.last) <= LAUNCH_MAX
                && (client.is_none() || carrier.facts.client_ip.is_none() || carrier.facts.client_ip == client)
        })
    }

    /// pppd named its client: a guessed carrier of another client was wrong.
    pub(super) fn check_client(&mut self, link_key: Key, client: IpAddr) {
        let Some(link) = self.links.get(link_key).filter(|link| !link.paired_for_certain) else {
            return;
        };
        let carrier = link.carrier.and_then(|key| self.carriers.get(key));
        match carrier.and_then(|carrier| carrier.facts.client_ip) {
            _ if carrier.is_some_and(|carrier| carrier.calling) => {
                self.unpair(link_key);
                self.guess_carrier(link_key);
            }
            Some(known) if known == client => {}
            Some(_) => {
                self.unpair(link_key);
                self.guess_carrier(link_key);
            }
            None if carrier.is_none() => self.guess_carrier(link_key),
            None => {}
        }
    }

    /// Makes a carrier and a link one attempt. A proof undoes guesses on both sides.
    pub(super) fn pair(&mut self, carrier_key: Key, link_key: Key, certain: bool) {
        let Some(current) = self.links.get(link_key).map(|link| link.carrier) else {
            return;
        };
        if current == Some(carrier_key) {
            if let Some(link) = self.links.get_mut(link_key) {
                link.paired_for_certain |= certain;
            }
            return;
        }
        if current.is_some() {
            self.unpair(link_key);
        }
        let displaced = self.carriers.get(carrier_key).and_then(|carrier| carrier.link);
        if let Some(displaced) = displaced {
            self.unpair(displaced);
        }
        if let Some(carrier) = self.carriers.get_mut(carrier_key) {
            carrier.link = Some(link_key);
        }
        if let Some(link) = self.links.get_mut(link_key) {
            link.carrier = Some(carrier_key);
            link.paired_for_certain = certain;
        }
        if let Some(displaced) = displaced {
            self.guess_carrier(displaced);
        }
    }

    pub(super) fn unpair(&mut self, link_key: Key) {
        let Some(link) = self.links.get_mut(link_key) else {
            return;
        };
        link.paired_for_certain = false;
        let Some(carrier_key) = link.carrier.take() else { return };
        if let Some(carrier) = self.carriers.get_mut(carrier_key) {
            carrier.link = None;
            self.waiting.push_front(carrier_key);
        }
    }
}
