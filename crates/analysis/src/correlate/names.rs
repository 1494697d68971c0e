//! By which names a gateway that is one program speaks of its sessions, and whose they are now.

use std::borrow::Cow;
use std::hash::Hash;
use std::net::IpAddr;

use rustc_hash::FxHashMap;
use tunlog_model::{Event, EventKind, Field};

use super::link::Link;
use super::slab::{Key, Slab};

/// How many sessions that have one name are looked at for one line, the newest first.
const LOOKED_AT: usize = 64;
/// Longest name kept, bytes: longer ones are no writer's own.
const NAME_BYTES_MAX: usize = 256;

/// The names that one line gives.
#[derive(Debug, Default)]
pub struct Names<'e> {
    /// The writer's own name of the session, link or client.
    pub connection: Option<Cow<'e, str>>,
    /// Another of the writer's own names, tied to that one by this line.
    pub other: Option<Cow<'e, str>>,
    /// PPP interface.
    pub interface: Option<Cow<'e, str>>,
    /// L2TP tunnel of the gateway.
    pub tunnel: Option<i64>,
    /// L2TP session or PPTP call of the gateway.
    pub call: Option<i64>,
    /// Client by socket.
    pub client: Option<IpAddr>,
    /// Its port.
    pub port: Option<u16>,
    /// Account. A peer chooses it, so it is the last resort.
    pub user: Option<Cow<'e, str>>,
    /// The line's writer is the calling side.
    pub calling: bool,
}

impl<'e> Names<'e> {
    /// The names in an event's fields.
    pub fn of(event: &Event<'e>) -> Names<'e> {
        let text = |field| event.text(field).filter(|name| is_name(name));
        let connection = text(Field::Connection);
        // a writer that has no better name yet takes the client's address for one
        let named_after = connection.as_deref().and_then(|name| name.parse().ok());
        let call = event.int(Field::SessionId).or(event.int(Field::CallId));
        let named_session = event.int(Field::SessionId).is_none();
        Names {
            other: text(Field::Name)
                .filter(|_| connection.is_some() && ties(event.message().kind))
                .or_else(|| text(Field::SessionId).filter(|_| named_session)),
            connection: connection.filter(|_| named_after.is_none()),
            interface: text(Field::Interface),
            tunnel: event.int(Field::TunnelId),
            call,
            client: event.ip(Field::ClientIp).or(named_after),
            port: event.int(Field::ClientPort).and_then(|port| u16::try_from(port).ok()),
            user: event.text(Field::User),
            calling: event.message().calling,
        }
    }

    /// The writer's own names, the most telling first.
    pub fn own(&self) -> impl Iterator<Item = &str> {
        [&self.connection, &self.other, &self.interface]
            .into_iter()
            .filter_map(|name| name.as_deref())
    }

    /// Whether the line names anything.
    pub fn any(&self) -> bool {
        self.own().next().is_some() || self.numbered() || self.client.is_some() || self.user.is_some()
    }

    /// Whether it names something that is not just whoever has an address or a name.
    pub fn is_exact(&self) -> bool {
        self.own().next().is_some() || self.numbered() || (self.client.is_some() && self.port.is_some())
    }

    /// The name that no other session will ever have: a GUID.
    pub fn unique(&self) -> Option<&str> {
        self.connection.as_deref().filter(|name| is_guid(name))
    }

    fn numbered(&self) -> bool {
        self.tunnel.is_some() || self.call.is_some()
    }
}

/// `{0E1D5C5A-0001-0007-50C4-2BACB0BFDA01}`.
pub fn is_guid(name: &str) -> bool {
    let dashes = [9, 14, 19, 24];
    let fits = |(at, byte): (usize, u8)| match at {
        0 => byte == b'{',
        37 => byte == b'}',
        _ if dashes.contains(&at) => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    name.len() == 38 && name.bytes().enumerate().all(fits)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME_BYTES_MAX
}

/// `name` beside `connection` is the writer's own second name where something begins or goes on that has both: a link joins
/// a bundle, a call its tunnel (dialects/README.md). In a refusal it may be anything, a peer's host name too.
fn ties(kind: EventKind) -> bool {
    use EventKind::*;
    kind.is_detail() || matches!(kind, LinkUp | CallStarted | CallEstablished)
}

/// Who had a name, the newest last. Sessions that are gone stay until somebody looks.
type Holders = Vec<Key>;

/// The names in use, of one writer on one host. Each kind of name stands apart: an account that is spelled like another's
/// session is not that session.
#[derive(Debug, Default)]
pub struct Known {
    own: FxHashMap<Box<str>, Holders>,
    users: FxHashMap<Box<str>, Holders>,
    calls: FxHashMap<i64, Holders>,
    tunnels: FxHashMap<i64, Holders>,
    ports: FxHashMap<(IpAddr, u16), Holders>,
    clients: FxHashMap<IpAddr, Holders>,
    /// Sessions that were begun and may not be up yet, oldest first.
    fresh: Holders,
}

/// How a name leads to sessions.
#[derive(Clone, Copy, Debug)]
pub enum By<'n> {
    /// One of the writer's own names.
    Own(&'n str),
    /// L2TP session or PPTP call.
    Call(i64),
    /// Address and port.
    Port(IpAddr, u16),
    /// L2TP tunnel.
    Tunnel(i64),
    /// Address alone.
    Client(IpAddr),
    /// Account.
    User(&'n str),
    /// Begun and not up yet.
    Fresh,
}

impl Known {
    /// Who has a name, the newest first.
    pub fn holders(&self, by: By<'_>) -> impl Iterator<Item = Key> {
        let held = match by {
            By::Own(name) => self.own.get(name),
            By::User(name) => self.users.get(name),
            By::Call(number) => self.calls.get(&number),
            By::Tunnel(number) => self.tunnels.get(&number),
            By::Port(client, port) => self.ports.get(&(client, port)),
            By::Client(client) => self.clients.get(&client),
            By::Fresh => Some(&self.fresh),
        };
        held.into_iter().flatten().rev().take(LOOKED_AT).copied()
    }

    /// Everybody in a tunnel or under a name, however many.
    pub fn all(&self, by: By<'_>) -> Vec<Key> {
        let held = match by {
            By::Own(name) => self.own.get(name),
            By::Tunnel(number) => self.tunnels.get(&number),
            _ => None,
        };
        held.cloned().unwrap_or_default()
    }

    /// A session was begun.
    pub fn begun(&mut self, key: Key, links: &Slab<Link>) {
        hold(&mut self.fresh, key, links);
    }

    /// The names of a line are this session's, as far as the session keeps them itself: it gives them back at its end.
    pub fn give(&mut self, names: &Names<'_>, key: Key, links: &Slab<Link>) {
        let Some(link) = links.get(key) else { return };
        let Some(served) = &link.served else { return };
        let keeps = |list: &[Box<str>], name: &str| list.iter().any(|known| **known == *name);
        for name in names.own().filter(|name| keeps(&served.names, name)) {
            hold_text(&mut self.own, name, key, links);
        }
        if let Some(user) = names.user.as_deref().filter(|name| keeps(&served.users, name)) {
            hold_text(&mut self.users, user, key, links);
        }
        if let Some(number) = names.call.filter(|number| served.call == Some(*number)) {
            hold(self.calls.entry(number).or_default(), key, links);
        }
        if let Some(number) = names.tunnel.filter(|number| served.tunnel == Some(*number)) {
            hold(self.tunnels.entry(number).or_default(), key, links);
        }
        if let Some(client) = names.client.filter(|client| link.facts.client_ip == Some(*client)) {
            hold(self.clients.entry(client).or_default(), key, links);
            if let Some(port) = names.port.filter(|port| served.ports.contains(port)) {
                hold(self.ports.entry((client, port)).or_default(), key, links);
            }
        }
    }

    /// A session is gone: its names are free.
    pub fn free(&mut self, link: &Link, key: Key) {
        let Some(served) = &link.served else { return };
        for name in &served.names {
            let_go(&mut self.own, &**name, key);
        }
        for user in &served.users {
            let_go(&mut self.users, &**user, key);
        }
        if let Some(number) = served.call {
            let_go(&mut self.calls, &number, key);
        }
        if let Some(number) = served.tunnel {
            let_go(&mut self.tunnels, &number, key);
        }
        if let Some(client) = link.facts.client_ip {
            let_go(&mut self.clients, &client, key);
            for port in &served.ports {
                let_go(&mut self.ports, &(client, *port), key);
            }
        }
        if self.fresh.len() <= LOOKED_AT {
            self.fresh.retain(|held| *held != key);
        }
    }
}

fn hold_text(map: &mut FxHashMap<Box<str>, Holders>, name: &str, key: Key, links: &Slab<Link>) {
    match map.get_mut(name) {
        Some(held) => hold(held, key, links),
        None => {
            map.insert(name.into(), vec![key]);
        }
    }
}

fn hold(held: &mut Holders, key: Key, links: &Slab<Link>) {
    if held.iter().rev().take(LOOKED_AT).any(|known| *known == key) {
        return;
    }
    if held.len() >= LOOKED_AT && held.len() == held.capacity() {
        held.retain(|known| links.get(*known).is_some());
    }
    held.push(key);
}

/// Many holders are cleaned up when the next one comes: going through them at each end would cost a square.
fn let_go<Q, K>(map: &mut FxHashMap<K, Holders>, name: &Q, key: Key)
where
    K: std::borrow::Borrow<Q> + Hash + Eq,
    Q: Hash + Eq + ?Sized,
{
    let Some(held) = map.get_mut(name) else { return };
    if held.last() == Some(&key) {
        held.pop();
    } else if held.len() <= LOOKED_AT {
        held.retain(|known| *known != key);
    }
    if held.is_empty() {
        map.remove(name);
    }
}
