//! Two sessions of a gateway that is one program turn out to be one: a line has exact names of both.

use std::borrow::Cow;
use std::net::IpAddr;

use super::Correlator;
use super::link::Link;
use super::names::Names;
use super::served::Served;
use super::slab::Key;

impl Correlator {
    /// Exact names of one line led to several: they are one session, unless they contradict each other.
    pub(super) fn merge(&mut self, host: u32, key: Key, others: &[Key], dialect: &'static str) -> Key {
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
        let all = names_of(&old, client);
        served.openings.extend(old.openings);
        for names in &all {
            served.keep(names);
        }
        let known = self.known.entry((host, dialect)).or_default();
        for names in &all {
            known.give(names, key, &self.links);
        }
    }
}

/// Every name that a session had.
fn names_of(old: &Served, client: Option<IpAddr>) -> Vec<Names<'static>> {
    let own = old.names.iter().map(|name| {
        let is_connection = old.connections.contains(name);
        let name = Cow::Owned(name.to_string());
        match is_connection {
            true => Names {
                connection: Some(name),
                ..Names::default()
            },
            false => Names {
                interface: Some(name),
                ..Names::default()
            },
        }
    });
    let users = old.users.iter().map(|user| Names {
        user: Some(Cow::Owned(user.to_string())),
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
    own.chain(users).chain(ports).collect()
}

/// Whether two that one line ties can be one session.
fn may_be_one(one: &Link, two: &Link) -> bool {
    let (Some(first), Some(second)) = (&one.served, &two.served) else {
        return false;
    };
    fn same<T: PartialEq>(first: &Option<T>, second: &Option<T>) -> bool {
        first.is_none() || second.is_none() || first == second
    }
    let both_up = one.up.is_some() && two.up.is_some();
    let over = one.ending || two.ending;
    let agree = same(&one.facts.client_ip, &two.facts.client_ip)
        && same(&one.facts.user, &two.facts.user)
        && same(&first.tunnel, &second.tunnel)
        && same(&first.call, &second.call);
    agree && !over && !both_up
}
