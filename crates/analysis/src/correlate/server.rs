//! A gateway that is one program: it speaks for all layers of a session, and calls it by names of its own.
//!
//! A session is a `Link` without process. Which one a line speaks of is told by the names on it, the exact ones first (the
//! writer's own, call numbers, address with port), then tunnel, address and account alone. Names that come together are tied.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;
use tunlog_model::{Confidence, EndReason, Event, EventKind, Field, Layer, Protocol};

use super::facts::Blame;
use super::finding::agrees;
use super::link::Link;
use super::names::{By, Names};
use super::served::{Served, begins, ends};
use super::slab::Key;
use super::{Correlator, Due, GRACE_LONG, GRACE_SHORT, apart};

/// How long, in microseconds, a negotiation may be silent: then it is over, whatever its writer leaves unsaid.
const SILENCE_MAX: i64 = 2 * GRACE_LONG;

impl Correlator {
    pub(super) fn server(&mut self, host: u32, event: &Event<'_>) {
        use EventKind::*;
        let message = event.message();
        match message.kind {
            _ if message.layer == Layer::Ike => return self.ike(host, event),
            _ if message.layer == Layer::Firewall => return self.firewall(host, event),
            DaemonStarted | DaemonStopped => return self.server_daemon(host, event),
            HostStarted => return self.system(host, event),
            _ => {}
        }
        let names = Names::of(event);
        let is_account = matches!(message.kind, AccountingStart | AccountingInterim | AccountingStop);
        match self.session(host, event, &names) {
            Some(key) => self.serve(host, key, event, &names),
            None if is_account && names.user.is_some() => self.account(host, event),
            None if message.kind == ConnectionRefused && !names.any() => self.refused(host, event),
            None => {}
        }
        if matches!(message.kind, TunnelClosed | ControlClosed) {
            self.end_others(host, event, &names);
        }
    }

    /// The session that a line speaks of; a new one for the kinds that tell of one.
    fn session(&mut self, host: u32, event: &Event<'_>, names: &Names<'_>) -> Option<Key> {
        let kind = event.message().kind;
        let (known, others) = self.find(host, event, names);
        if let Some(key) = known {
            let link = self.links.get(key)?;
            let exact = link
                .served
                .as_ref()
                .is_some_and(|served| served.has_own(names) || served.is_named(names));
            if !begins_anew(link, event, names, exact) {
                return Some(self.merge(host, key, &others, event.message().dialect));
            }
            if link.ending || link.served.as_ref().is_some_and(|served| served.is_named(names)) {
                // its names are given to another: it is gone, even if nobody said so
                self.close_link(key);
            }
        }
        if !makes_a_session(kind, event, names) {
            return None;
        }
        Some(self.begin(host, event, names))
    }

    fn begin(&mut self, host: u32, event: &Event<'_>, names: &Names<'_>) -> Key {
        let dialect = event.message().dialect;
        let mut link = Link::new(host, 0, event.time.micros);
        link.paired_for_certain = true;
        link.calling = names.calling;
        let mut served = Served::new(dialect, salt(names));
        if let Some(sibling) = self.sibling(host, dialect, names) {
            // what is known of a tunnel holds for each session in it
            link.facts.client_ip = sibling.facts.client_ip;
            link.facts.client_port = sibling.facts.client_port;
            link.facts.server_ip = sibling.facts.server_ip;
            link.protocol = sibling.protocol;
            let of = sibling.served.as_ref();
            served.encrypted = of.is_some_and(|of| of.encrypted);
            served.asked_ike = true;
        }
        link.served = Some(Box::new(served));
        let key = self.links.insert(link);
        let known = self.known.entry((host, dialect)).or_default();
        known.begun(key, &self.links);
        self.look_late(Due::Session(key));
        if event.message().kind == EventKind::LinkUp {
            self.take_link_name(host, key, dialect, names);
        }
        key
    }

    /// A link came up on an interface: who had it before is gone, even if nobody said so. Not where the line has numbers:
    /// such a writer names the interface that all its clients come in by.
    fn take_link_name(&mut self, host: u32, key: Key, dialect: &'static str, names: &Names<'_>) {
        let Some(interface) = names
            .interface
            .as_deref()
            .filter(|_| names.tunnel.or(names.call).is_none())
        else {
            return;
        };
        let Some(known) = self.known.get(&(host, dialect)) else {
            return;
        };
        let held: Vec<Key> = known.holders(By::Own(interface)).filter(|held| *held != key).collect();
        for old in held {
            self.close_link(old);
        }
    }

    fn serve(&mut self, host: u32, key: Key, event: &Event<'_>, names: &Names<'_>) {
        let policy = self.policy;
        let kind = event.message().kind;
        let Some(link) = self.links.get_mut(key) else { return };
        let (was_up, was_ending, bits) = (link.up.is_some(), link.ending, link.facts.mppe_bits);
        link.observe(event, &policy);
        if kind.is_detail() {
            // what is merely offered is not agreed
            link.facts.mppe_bits = bits;
        }
        if kind == EventKind::EncryptionRefused {
            // such a gateway may go on without
            link.ending = was_ending;
        }
        link.facts.client_ip = link.facts.client_ip.or(names.client);
        link.serve(event);
        let (is_up, is_ending) = (link.up.is_some(), link.ending);
        self.note_opening(key);
        let Some(link) = self.links.get_mut(key) else { return };
        if let Some(served) = &mut link.served {
            served.keep(names);
        }
        if let Some(known) = self.known.get_mut(&(host, event.message().dialect)) {
            known.give(names, key, &self.links);
        }
        self.adopt_negotiation(host, key);
        if is_ending && !was_ending {
            self.look_soon(Due::Session(key));
        }
        let refused = matches!(kind, EventKind::AuthFailed | EventKind::RadiusRejected);
        if refused {
            self.last_refused = Some(key);
        }
        if refused || kind == EventKind::AuthSucceeded || is_up != was_up {
            self.ask_radius(key);
        }
        if is_up != was_up {
            self.adopt_record(key);
        }
        self.announce(key);
    }

    /// The IKE negotiation that an L2TP session came through.
    fn adopt_negotiation(&mut self, host: u32, key: Key) {
        let Some(link) = self.links.get(key) else { return };
        let asked = link.served.as_ref().is_none_or(|served| served.asked_ike);
        let Some(client) = link
            .facts
            .client_ip
            .filter(|_| !asked && link.protocol == Some(Protocol::L2tp))
        else {
            return;
        };
        let taken = self.take_negotiation(host, client, true);
        let Some(link) = self.links.get_mut(key) else { return };
        let Some(served) = &mut link.served else { return };
        served.asked_ike = true;
        if let Some((mut facts, encrypted)) = taken {
            served.encrypted = encrypted;
            if encrypted {
                // what went wrong before the tunnel came did not stop it
                facts.blame = None;
            }
            let last = link.facts.last;
            link.facts.join(facts);
            link.facts.last = last;
        }
    }

    /// A tunnel, or a control connection, ends with everything in it.
    fn end_others(&mut self, host: u32, event: &Event<'_>, names: &Names<'_>) {
        let by = match (names.tunnel, &names.connection) {
            _ if names.call.is_some() => return,
            (Some(tunnel), _) => By::Tunnel(tunnel),
            (None, Some(name)) => By::Own(name),
            (None, None) => return,
        };
        let Some(known) = self.known.get(&(host, event.message().dialect)) else {
            return;
        };
        for key in known.all(by) {
            let link = self.links.get(key);
            if link.is_some_and(|link| !link.ending && agrees(link, by, event.message().kind, names)) {
                self.serve(host, key, event, names);
            }
        }
    }

    /// The program starts or stops: its sessions end with it.
    fn server_daemon(&mut self, host: u32, event: &Event<'_>) {
        let dialect = event.message().dialect;
        let of = |link: &Link| link.served.as_ref().is_some_and(|served| served.dialect == dialect);
        let keys: Vec<Key> = self
            .links
            .iter()
            .filter(|(_, link)| link.host == host && of(link))
            .map(|(key, _)| key)
            .collect();
        for key in keys {
            if let Some(link) = self.links.get_mut(key) {
                link.facts.end(EndReason::ServerStopped);
                link.exited = true;
                if link.up.is_none() && !link.ending && !link.refused {
                    link.facts.blame(Blame {
                        cause: "server-stopped",
                        confidence: Confidence::Likely,
                        layer: link.facts.reached.max(Layer::Control),
                    });
                }
                link.ending = true;
            }
            self.close_link(key);
        }
    }

    /// Looks again at a session: closed is what ended, and what was silent in the middle of its negotiation.
    pub(super) fn session_due(&mut self, key: Key) {
        let Some(link) = self.links.get(key) else { return };
        let silent = apart(self.now, link.facts.last);
        if link.ending {
            return match silent >= GRACE_SHORT {
                true => self.close_link(key),
                false => self.look_soon(Due::Session(key)),
            };
        }
        // at the end of the evidence nothing is said of what may go on
        if link.up.is_some() || self.now == i64::MAX {
            return;
        }
        if silent < SILENCE_MAX {
            return self.look_late(Due::Session(key));
        }
        let logged_in = link.authenticated && !link.refused && link.facts.blame.is_none();
        if let Some(link) = self.links.get_mut(key).filter(|_| logged_in) {
            // whose login was accepted and who met with nothing since is in, though the writer's level leaves it unsaid
            link.up = Some(link.facts.last);
            return self.announce(key);
        }
        self.close_link(key);
    }

    /// The names of a session that is gone.
    pub(super) fn forget_names(&mut self, link: &Link, key: Key) {
        let Some(served) = &link.served else { return };
        if let Some(known) = self.known.get_mut(&(link.host, served.dialect)) {
            known.free(link, key);
        }
    }
}

/// Whether a line begins another session than the known one of that name.
fn begins_anew(link: &Link, event: &Event<'_>, names: &Names<'_>, exact: bool) -> bool {
    use EventKind::*;
    let Some(served) = &link.served else { return true };
    let (over, up, id) = (link.ending, link.up.is_some(), event.message().id);
    let again = served.openings.contains(&id);
    match event.message().kind {
        ControlOpened | TunnelOpened => {
            over || up || link.refused || again || (!exact && link.facts.reached >= Layer::Control)
        }
        CallStarted => over || up || link.refused || again,
        LinkUp => over || (up && again),
        AuthStarted => over && !exact,
        // who gets in under a name of its own is not the one who was refused before it
        AuthSucceeded if link.refused && names.unique().is_some() && !served.is_the_one(names) => true,
        CallEstablished | AddressAssigned | AuthSucceeded => over || (up && !exact && served.up_by == Some(id)),
        AuthFailed | RadiusRejected => {
            (over && (link.refused || up || !exact)) || (link.refused && again) || (up && !exact)
        }
        _ => false,
    }
}

/// Whether a line alone makes a session known.
fn makes_a_session(kind: EventKind, event: &Event<'_>, names: &Names<'_>) -> bool {
    use EventKind::*;
    if !names.any() || kind.is_detail() || event.message().layer == Layer::System {
        return false;
    }
    let blames = event.message().blames.is_some();
    let counted = event.value(Field::BytesToClient).is_some() || event.value(Field::BytesFromClient).is_some();
    match kind {
        ControlOpened | TunnelOpened | TunnelEstablished | CallStarted | CallEstablished | LinkUp | LinkTimeout => true,
        AuthStarted | AuthSucceeded | AuthFailed | AuthTimeout | AuthMethodRefused | SecretMissing => true,
        EncryptionAgreed | EncryptionRefused | AddressAssigned | AddressRefused | AddressMissing | IpcpFailed => true,
        RadiusRejected | RadiusTimeout => names.user.is_some(),
        ConnectionRefused | LimitReached | NotVpnTraffic | ControlTimeout => names.client.is_some() && blames,
        // the last line of a session whose beginning is not in the evidence tells of it by what it counts
        TrafficCounted => counted,
        // or by what it failed of, where nobody else can be meant
        _ => ends(kind) && !begins(kind) && (counted || names.calling || (blames && names.unique().is_some())),
    }
}

fn salt(names: &Names<'_>) -> u64 {
    let mut hasher = FxHasher::default();
    let own: Vec<&str> = names.own().collect();
    (own, names.tunnel, names.call, names.port, names.user.as_deref()).hash(&mut hasher);
    hasher.finish()
}
