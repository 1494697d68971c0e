//! The PPTP control connection: pptpd's manager and one pptpctrl process a client.

use tunlog_model::{Event, EventKind, Field, Protocol};

use super::carrier::Carrier;
use super::slab::Key;
use super::{Correlator, Due, cmdline, facts::Facts};

impl Correlator {
    pub(super) fn pptp(&mut self, host: u32, event: &Event<'_>) {
        match event.message().kind {
            EventKind::ConnectionRefused => return self.refused(host, event),
            EventKind::CallStarted if event.value(Field::Path).is_some() => return self.launcher(host, event),
            _ => {}
        }
        let Some(key) = self.control(host, event) else {
            return self.launcher_detail(host, event);
        };
        let policy = self.policy;
        let Some(carrier) = self.carriers.get_mut(key) else {
            return;
        };
        let had_client = carrier.facts.client_ip.is_some();
        carrier.observe(event, &policy);
        cmdline::of_control(event.cmdline(), &mut carrier.facts);
        if let Some(client) = carrier.facts.client_ip.filter(|_| !had_client) {
            self.by_client.insert((host, client), key);
        }
        match event.message().kind {
            EventKind::CallStarted => self.await_link(host, key),
            EventKind::ChildReaped => self.reaped(host, key, event),
            EventKind::ControlClosed => self.control_closed(key),
            _ => {}
        }
    }

    /// The control connection of the event's process; made by the kinds that begin one.
    fn control(&mut self, host: u32, event: &Event<'_>) -> Option<Key> {
        let pid = event.pid();
        let known = self.by_control.writer(host, pid);
        let kind = event.message().kind;
        let again = known
            .and_then(|key| self.carriers.get(key))
            .is_some_and(|carrier| match kind {
                EventKind::ControlOpened => carrier.opened,
                EventKind::ProcessStarted => true,
                _ => false,
            });
        if let Some(old) = known.filter(|_| again) {
            // the pid came round and the end of the one before was lost
            self.close_carrier(old);
        }
        let begins = matches!(
            kind,
            EventKind::ControlOpened | EventKind::CallStarted | EventKind::ProcessStarted | EventKind::ControlClosed
        );
        match known.filter(|_| !again) {
            Some(key) => Some(key),
            None if begins => {
                let key = self
                    .carriers
                    .insert(Carrier::new(host, Protocol::Pptp, pid, event.time.micros));
                self.by_control.insert(host, pid, key);
                Some(key)
            }
            None => None,
        }
    }

    /// The forked child that becomes pppd still calls itself pptpd, but has pppd's pid already (lab.md).
    fn launcher(&mut self, host: u32, event: &Event<'_>) {
        let known = self.by_link.get(host, event.pid());
        let key = self.link_of(known, host, event.pid(), event);
        if let Some(link) = self.links.get_mut(key) {
            link.facts.touch(event, &self.policy);
        }
        self.guess_carrier(key);
    }

    fn launcher_detail(&mut self, host: u32, event: &Event<'_>) {
        let Some(key) = self.by_link.get(host, event.pid()) else {
            return;
        };
        let policy = self.policy;
        if let Some(link) = self.links.get_mut(key) {
            link.facts.note(event, &policy);
        }
    }

    fn reaped(&mut self, host: u32, carrier: Key, event: &Event<'_>) {
        let Some(pid) = event
            .int(Field::Pid)
            .and_then(|pid| u32::try_from(pid).ok())
            .filter(|pid| *pid > 0)
        else {
            return;
        };
        if let Some(link) = self.by_link.get(host, pid) {
            self.pair(carrier, link, true);
        }
    }

    pub(super) fn control_closed(&mut self, key: Key) {
        let Some(carrier) = self.carriers.get(key) else { return };
        let link = carrier.link.and_then(|link| self.links.get(link));
        match link {
            Some(link) if link.exited => self.close_carrier(key),
            Some(_) => self.look_late(Due::Carrier(key)),
            None => self.look_soon(Due::Carrier(key)),
        }
        self.announce_end(key);
    }

    /// A refusal that names nobody; several within ten seconds are one attempt (CONTRACT §3).
    pub(super) fn refused(&mut self, host: u32, event: &Event<'_>) {
        let policy = self.policy;
        self.refusals
            .entry(host)
            .or_insert_with(|| Facts::new(event.time.micros))
            .note(event, &policy);
    }
}
