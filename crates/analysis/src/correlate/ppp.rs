//! pppd's lines.

use tunlog_model::{Event, EventKind};

use super::link::{Link, makes_a_link};
use super::slab::Key;
use super::{Correlator, Due, GRACE_LONG, apart, cmdline};

impl Correlator {
    pub(super) fn ppp(&mut self, host: u32, event: &Event<'_>) {
        let pid = event.pid();
        let kind = event.message().kind;
        let known = self.by_link.writer(host, pid);
        if known.is_none() && !makes_a_link(kind) && !event.message().calling {
            return;
        }
        let key = self.link_of(known, host, pid, event);
        let policy = self.policy;
        let Some(link) = self.links.get_mut(key) else { return };
        let before = link.interface.is_some();
        link.observe(event, &policy);
        cmdline::of_link(event.cmdline(), &mut link.facts);
        let (named, client) = (!before && link.interface.is_some(), link.facts.client_ip);
        let turned = link.takes_side(event);
        if named {
            self.take_interface(key);
        }
        if known.is_none() {
            self.guess_carrier(key);
        }
        if turned {
            self.turned_out_calling(host, key);
        }
        if let Some(client) = client {
            self.check_client(key, client);
        }
        self.note_opening(key);
        self.after(key, kind);
        self.announce(key);
    }

    #[inline]
    fn after(&mut self, key: Key, kind: EventKind) {
        match kind {
            EventKind::AuthFailed => {
                self.last_refused = Some(key);
                self.ask_radius(key);
            }
            EventKind::AuthSucceeded => self.ask_radius(key),
            EventKind::AddressAssigned => {
                self.ask_radius(key);
                self.adopt_record(key);
            }
            EventKind::ProcessExited => {
                self.announce(key);
                self.link_exited(key);
            }
            _ => {}
        }
    }

    /// The link of a process, which is the `known` one; a new one if there is none or if this event shows that the pid came
    /// round.
    #[inline]
    pub(super) fn link_of(&mut self, known: Option<Key>, host: u32, pid: u32, event: &Event<'_>) -> Key {
        if let Some(key) = known {
            if !self.links.get(key).is_some_and(|link| link.is_other_life(event)) {
                return key;
            }
            self.close_link(key);
        }
        self.new_link(host, pid, event)
    }

    #[inline(never)]
    fn new_link(&mut self, host: u32, pid: u32, event: &Event<'_>) -> Key {
        let mut link = Link::new(host, pid, event.time.micros);
        link.facts.trail = self.early.take(host, pid);
        let key = self.links.insert(link);
        self.by_link.insert(host, pid, key);
        self.remember_newest(host, key);
        let announced = self.expected.remove(&(host, pid));
        // an announcement that is long past was for another life of the pid
        let fresh = |carrier: &Key| {
            self.carriers
                .get(*carrier)
                .is_some_and(|known| apart(self.now, known.facts.last) < GRACE_LONG)
        };
        if let Some(carrier) = announced.filter(fresh) {
            self.pair(carrier, key, true);
        }
        key
    }

    /// An interface belongs to one process: who had it before is gone, even if nobody said so.
    fn take_interface(&mut self, key: Key) {
        let Some(link) = self.links.get(key) else { return };
        let Some(interface) = link.interface.clone() else {
            return;
        };
        let previous = self.by_interface.insert((link.host, interface), key);
        if let Some(old) = previous.filter(|old| *old != key) {
            self.close_link(old);
        }
    }

    fn link_exited(&mut self, key: Key) {
        let Some(link) = self.links.get(key) else { return };
        // its pid is free now: a new process may get it while this one waits for its carrier's last lines
        self.by_link.forget(link.host, link.pid, key);
        let Some(link) = self.links.get(key) else { return };
        match link.carrier.and_then(|carrier| self.carriers.get(carrier)) {
            Some(carrier) if carrier.finished.is_some() => self.close_link(key),
            Some(_) => self.look_late(Due::Link(key)),
            None => self.look_soon(Due::Link(key)),
        }
    }
}
