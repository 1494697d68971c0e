//! Which session of a gateway that is one program a line speaks of, by the names on it.

use std::net::IpAddr;

use tunlog_model::{Event, EventKind, Layer};

use super::link::Link;
use super::names::{By, Names, is_guid};
use super::served::ends;
use super::slab::Key;
use super::{Correlator, GRACE_LONG, apart};

impl Correlator {
    /// The best session for the names, and others that exact names lead to.
    pub(super) fn find(&self, host: u32, event: &Event<'_>, names: &Names<'_>) -> (Option<Key>, Vec<Key>) {
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

    pub(super) fn sibling(&self, host: u32, dialect: &'static str, names: &Names<'_>) -> Option<&Link> {
        let by = names.tunnel.map(By::Tunnel).or(names.other.as_deref().map(By::Own))?;
        let mut holders = self.known.get(&(host, dialect))?.holders(by);
        let fits = |link: &&Link| names.client.is_none() || link.facts.client_ip == names.client;
        holders.find_map(|key| self.links.get(key).filter(|link| !link.ending).filter(fits))
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
pub fn agrees(link: &Link, by: By<'_>, kind: EventKind, names: &Names<'_>) -> bool {
    let Some(served) = &link.served else { return false };
    if served.is_another(names) || link.calling != names.calling {
        return false;
    }
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
        By::User(_) if names.user.is_some() => {
            let is_in =
                link.up.is_some() || (link.authenticated && served.connections.iter().any(|name| is_guid(name)));
            !is_in || kind != EventKind::AuthFailed
        }
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

/// The account in a name that a writer makes of protocol and account: `pptp-anna`, `<l2tp-anna-1>`.
fn account_in(name: &str) -> Option<&str> {
    let name = name
        .strip_prefix('<')
        .and_then(|name| name.strip_suffix('>'))
        .unwrap_or(name);
    let account = name.strip_prefix("pptp-").or_else(|| name.strip_prefix("l2tp-"))?;
    (!account.is_empty()).then_some(account)
}
