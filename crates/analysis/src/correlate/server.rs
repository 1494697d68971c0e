//! A gateway that is one program: it speaks for all layers of a session, and calls it by names of its own.
//!
//! A session is a `Link` without process. Which one a line speaks of is told by the names on it, the exact ones first (the
//! writer's own, call numbers, address with port), then tunnel, address and account alone. Names that come together are tied.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use rustc_hash::FxHasher;
use tunlog_model::{Confidence, EndReason, Event, EventKind, Field, Layer, Protocol};

use super::facts::Blame;
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
            if !begins_anew(link, event, exact) {
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

    /// The best session for the names, and others that exact names lead to.
    fn find(&self, host: u32, event: &Event<'_>, names: &Names<'_>) -> (Option<Key>, Vec<Key>) {
        let Some(known) = self.known.get(&(host, event.message().dialect)) else {
            return (None, Vec::new());
        };
        let call = names.call.map(By::Call);
        let port = names
            .client
            .zip(names.port)
            .map(|(client, port)| By::Port(client, port));
        let exact = call.into_iter().chain(names.own().map(By::Own)).chain(port);
        let mut found: Vec<Key> = Vec::new();
        for by in exact {
            let key = self.pick(known.holders(by), by, event, names);
            found.extend(key.filter(|key| !found.contains(key)));
        }
        if !found.is_empty() {
            let best = found.remove(0);
            let served = self.links.get(best).and_then(|link| link.served.as_ref());
            if let Some(by) = names.tunnel.map(By::Tunnel)
                && served.is_some_and(|served| served.tunnel.is_none())
            {
                let in_tunnel = self.pick(known.holders(by), by, event, names);
                found.extend(in_tunnel.filter(|key| *key != best && !found.contains(key)));
            }
            return (Some(best), found);
        }
        let loose = [names.tunnel.map(By::Tunnel), names.client.map(By::Client)];
        let called_after = names.own().find_map(account_in);
        let accounts = [names.user.as_deref(), called_after]
            .into_iter()
            .flatten()
            .map(By::User);
        let fresh = (!names.is_exact() && names.client.is_none()).then_some(By::Fresh);
        let mut ways = loose.into_iter().flatten().chain(accounts).chain(fresh);
        let key = ways.find_map(|by| self.pick(known.holders(by), by, event, names));
        (
            key.or_else(|| self.opened_lately(known.holders(By::Fresh), event, names)),
            Vec::new(),
        )
    }

    /// A call comes under a name not heard before, and nothing on the line tells whose it is: that of the control
    /// connection that spoke last and has none yet. A guess.
    fn opened_lately(&self, fresh: impl Iterator<Item = Key>, event: &Event<'_>, names: &Names<'_>) -> Option<Key> {
        let alone = names.client.is_none() && names.user.is_none() && names.tunnel.or(names.call).is_none();
        if event.message().kind != EventKind::CallStarted || !alone {
            return None;
        }
        let waits = |link: &Link| {
            let is_opened = link.served.as_ref().is_some_and(|served| !served.openings.is_empty());
            is_opened
                && !link.ending
                && !link.heard
                && link.facts.reached < Layer::Control
                && link.facts.client_ip.is_some()
        };
        let waiting = fresh.filter_map(|key| {
            self.links
                .get(key)
                .filter(|link| waits(link))
                .map(|link| (link.facts.last, key))
        });
        waiting
            .filter(|(last, _)| apart(self.now, *last) <= GRACE_LONG)
            .max_by_key(|(last, _)| *last)
            .map(|(_, key)| key)
    }

    /// The holder of a name that the line agrees with: one that goes on before one that ends, one that negotiates before
    /// one that is up, the newest first.
    fn pick(
        &self,
        holders: impl Iterator<Item = Key>,
        by: By<'_>,
        event: &Event<'_>,
        names: &Names<'_>,
    ) -> Option<Key> {
        let kind = event.message().kind;
        let mut best: Option<(u8, Key)> = None;
        let mut alike = 0;
        for key in holders {
            let Some(link) = self.links.get(key).filter(|link| agrees(link, by, kind, names)) else {
                continue;
            };
            let negotiates = !link.ending && link.up.is_none();
            let worth = u8::from(!link.ending) * 2 + u8::from(negotiates && !ends(kind));
            match best {
                Some((known, _)) if known > worth => {}
                Some((known, _)) if known == worth && !matches!(by, By::Tunnel(_)) => alike += 1,
                // the calls of a tunnel are answered in their order
                Some((known, _)) if known == worth && !negotiates => alike += 1,
                _ => (best, alike) = (Some((worth, key)), 1),
            }
        }
        // of a name that many have at once nobody knows whose it is in this line; of a client or account it is the newest
        let told_apart = !matches!(by, By::Own(_) | By::Tunnel(_) | By::Fresh) || alike == 1;
        best.filter(|(worth, _)| told_apart || *worth < 2).map(|(_, key)| key)
    }

    fn begin(&mut self, host: u32, event: &Event<'_>, names: &Names<'_>) -> Key {
        let dialect = event.message().dialect;
        let mut link = Link::new(host, 0, event.time.micros);
        link.paired_for_certain = true;
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

    fn sibling(&self, host: u32, dialect: &'static str, names: &Names<'_>) -> Option<&Link> {
        let by = names.tunnel.map(By::Tunnel).or(names.other.as_deref().map(By::Own))?;
        let mut holders = self.known.get(&(host, dialect))?.holders(by);
        let fits = |link: &&Link| names.client.is_none() || link.facts.client_ip == names.client;
        holders.find_map(|key| self.links.get(key).filter(|link| !link.ending).filter(fits))
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

    /// Exact names of one line led to several: they are one session, unless they contradict each other.
    fn merge(&mut self, host: u32, key: Key, others: &[Key], dialect: &'static str) -> Key {
        let mut kept = key;
        for other in others {
            let (Some(one), Some(two)) = (self.links.get(kept), self.links.get(*other)) else {
                continue;
            };
            if !may_be_one(one, two) {
                continue;
            }
            let (older, newer) = match two.facts.started < one.facts.started {
                true => (*other, kept),
                false => (kept, *other),
            };
            if let Some(gone) = self.remove_link(newer) {
                self.absorb(host, dialect, older, gone);
            }
            kept = older;
        }
        kept
    }

    fn absorb(&mut self, host: u32, dialect: &'static str, key: Key, gone: Link) {
        let Some(link) = self.links.get_mut(key) else { return };
        link.protocol = link.protocol.or(gone.protocol);
        link.interface = link.interface.take().or(gone.interface);
        link.up = link.up.or(gone.up);
        link.heard |= gone.heard;
        link.authenticated |= gone.authenticated;
        link.refused |= gone.refused;
        link.begun |= gone.begun;
        link.backend = link.backend.or(gone.backend);
        link.bytes = link.bytes.or(gone.bytes);
        link.connect_time_s = link.connect_time_s.or(gone.connect_time_s);
        let client = gone.facts.client_ip;
        link.facts.join(gone.facts);
        link.facts
            .evidence
            .sort_by_key(|evidence| (evidence.source, evidence.line));
        let (Some(served), Some(old)) = (&mut link.served, gone.served) else {
            return;
        };
        served.encrypted |= old.encrypted;
        served.asked_ike |= old.asked_ike;
        served.up_by = served.up_by.or(old.up_by);
        served.openings.extend(old.openings);
        let named = |name: &str, is_connection: bool| Names {
            connection: is_connection.then(|| name.to_string().into()),
            interface: (!is_connection).then(|| name.to_string().into()),
            ..Names::default()
        };
        let own = old.names.iter().map(|name| named(name, old.connections.contains(name)));
        let users = old.users.iter().map(|user| Names {
            user: Some(user.to_string().into()),
            ..Names::default()
        });
        let ports = old
            .ports
            .iter()
            .map(|port| Some(*port))
            .chain([None])
            .map(|port| Names {
                client,
                port,
                tunnel: old.tunnel,
                call: old.call,
                ..Names::default()
            });
        let all: Vec<Names<'_>> = own.chain(users).chain(ports).collect();
        for names in &all {
            served.keep(names);
        }
        let known = self.known.entry((host, dialect)).or_default();
        for names in &all {
            known.give(names, key, &self.links);
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
            return;
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

    /// The newest session of a client at a gateway that is one program, on any host; its own first.
    pub(super) fn session_of_client(&self, host: u32, client: IpAddr) -> Option<Key> {
        let own = self.known.iter().filter(|((of, _), _)| *of == host);
        let others = self.known.iter().filter(|((of, _), _)| *of != host).take(64);
        own.chain(others).find_map(|(_, known)| {
            known
                .holders(By::Client(client))
                .find(|key| self.links.get(*key).is_some())
        })
    }
}

/// Whether a line may speak of a session, by everything that both name.
fn agrees(link: &Link, by: By<'_>, kind: EventKind, names: &Names<'_>) -> bool {
    let Some(served) = &link.served else { return false };
    let differ = |known: Option<i64>, named: Option<i64>| known.is_some() && named.is_some() && known != named;
    if differ(served.tunnel, names.tunnel) || differ(served.call, names.call) {
        return false;
    }
    if link.facts.client_ip.is_some() && names.client.is_some() && link.facts.client_ip != names.client {
        return false;
    }
    if matches!(by, By::Own(_) | By::Port(..)) {
        return true;
    }
    let other_port = names
        .port
        .is_some_and(|port| !served.ports.is_empty() && !served.ports.contains(&port));
    let other_name = names.connection.is_some() && !served.connections.is_empty() && !served.has_own(names);
    let other_user = match (&link.facts.user, &names.user) {
        (Some(known), Some(named)) => (link.authenticated || link.up.is_some()) && **known != **named,
        _ => false,
    };
    if other_port || other_name || other_user {
        return false;
    }
    // what is counted was up
    let counts = matches!(
        kind,
        EventKind::TrafficCounted | EventKind::TimeCounted | EventKind::AccountingStop
    );
    if counts && link.up.is_none() {
        return false;
    }
    match by {
        // whoever fails under somebody's name is not the one who is in
        By::User(_) if names.user.is_some() => link.up.is_none() || kind != EventKind::AuthFailed,
        // a name made of an account is that of a session which has none yet
        By::User(_) => served.connections.is_empty() && (link.up.is_none() || link.interface.is_none()),
        By::Fresh => {
            let same_user = match (&link.facts.user, &names.user) {
                (Some(known), Some(named)) => **known == **named,
                _ => true,
            };
            !link.ending && link.up.is_none() && same_user
        }
        _ => true,
    }
}

/// Whether a line begins another session than the known one of that name.
fn begins_anew(link: &Link, event: &Event<'_>, exact: bool) -> bool {
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
        CallEstablished | AddressAssigned | AuthSucceeded => over || (up && !exact && served.up_by == Some(id)),
        AuthFailed | RadiusRejected => {
            (over && (link.refused || up || !exact)) || (link.refused && link.refused_by == Some(id)) || (up && !exact)
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
    let counted = event.value(Field::BytesToClient).is_some() || event.value(Field::BytesFromClient).is_some();
    match kind {
        ControlOpened | TunnelOpened | TunnelEstablished | CallStarted | CallEstablished | LinkUp | LinkTimeout => true,
        AuthStarted | AuthSucceeded | AuthFailed | AuthTimeout | AuthMethodRefused | SecretMissing => true,
        EncryptionAgreed | EncryptionRefused | AddressAssigned | AddressRefused | AddressMissing | IpcpFailed => true,
        RadiusRejected | RadiusTimeout => names.user.is_some(),
        ConnectionRefused | LimitReached | NotVpnTraffic | ControlTimeout => {
            names.client.is_some() && event.message().blames.is_some()
        }
        // the last line of a session whose beginning is not in the evidence tells of it by what it counts
        TrafficCounted => counted,
        _ => ends(kind) && !begins(kind) && counted,
    }
}

/// Whether two that one line ties can be one session.
fn may_be_one(one: &Link, two: &Link) -> bool {
    let (Some(first), Some(second)) = (&one.served, &two.served) else {
        return false;
    };
    fn same<T: PartialEq>(first: &Option<T>, second: &Option<T>) -> bool {
        first.is_none() || second.is_none() || first == second
    }
    let ending = one.ending || two.ending;
    let both_up = one.up.is_some() && two.up.is_some();
    !ending
        && !both_up
        && same(&one.facts.client_ip, &two.facts.client_ip)
        && same(&one.facts.user, &two.facts.user)
        && same(&first.tunnel, &second.tunnel)
        && same(&first.call, &second.call)
}

/// The account in a name that a writer makes of protocol and account: `pptp-anna`, `<l2tp-anna-1>`.
fn account_in(name: &str) -> Option<&str> {
    let name = name
        .strip_prefix('<')
        .and_then(|name| name.strip_suffix('>'))
        .unwrap_or(name);
    let account = name.strip_prefix("pptp-").or_else(|| name.strip_prefix("l2tp-"))?;
    (!account.is_empty()).then_some(account)
}

fn salt(names: &Names<'_>) -> u64 {
    let mut hasher = FxHasher::default();
    let own: Vec<&str> = names.own().collect();
    (own, names.tunnel, names.call, names.port, names.user.as_deref()).hash(&mut hasher);
    hasher.finish()
}
