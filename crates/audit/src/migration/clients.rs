//! What clients say they are. A hint is taken only from a field in which a client names itself, and given only to the session
//! that the line belongs to for certain.

use std::net::IpAddr;

use tunlog_model::{Attempt, Event, EventKind, Field, Role};

use crate::logs::{Lately, gateway_of, host_of};

/// Hints that wait for their session.
const WAITING_MAX: usize = 65_536;
/// Characters of a name that a client gave itself.
const NAME_MAX: usize = 64;
/// A hint by address belongs to a session that began at most so long after it, microseconds.
const BEFORE: i64 = 60_000_000;

/// Hints, by what joins them with sessions.
pub struct Clients {
    /// By host and process of pppd.
    processes: Lately<(u64, u32), String>,
    /// By host and the time when the session came up; none where two did at once.
    sessions: Lately<(u64, i64), Option<String>>,
    /// By the client's address, with the time.
    addresses: Lately<IpAddr, (i64, String)>,
    /// The client whose first packet an L2TP daemon is reading.
    reading: Lately<(u64, u32), IpAddr>,
}

impl Default for Clients {
    fn default() -> Clients {
        Clients {
            processes: Lately::new(WAITING_MAX),
            sessions: Lately::new(WAITING_MAX),
            addresses: Lately::new(WAITING_MAX),
            reading: Lately::new(1024),
        }
    }
}

/// A name that a client gives itself in PPTP or L2TP, with what is known of that name.
fn of_vendor(vendor: &str) -> Option<String> {
    let vendor: String = vendor.trim().chars().take(NAME_MAX).collect();
    match vendor.as_str() {
        "" => None,
        name if name.starts_with("Microsoft") => Some("Windows".to_owned()),
        "cananian" => Some("pptp-linux".to_owned()),
        "xelerance.com" => Some("xl2tpd".to_owned()),
        _ => Some(format!("says {vendor}")),
    }
}

/// What Windows puts into LCP's Identification: its version, then its name (`MSRASV5.20`, `MSRAS-0-PC7`).
fn of_identification(name: &str) -> Option<String> {
    let name: String = name.chars().take(NAME_MAX).collect();
    if let Some(computer) = name.strip_prefix("MSRAS-0-") {
        return Some(format!("Windows {computer}"));
    }
    name.starts_with("MSRASV").then(|| "Windows".to_owned())
}

impl Clients {
    /// Any event.
    pub fn event(&mut self, event: &Event<'_>) {
        let message = event.message();
        match (message.dialect, message.id) {
            ("pppd", "debug-rcvd-lcp-ident") => self.identified(event),
            ("pcap", "pptp-start-request" | "l2tp-start-request") | ("softether", "ppp-started") => {
                let field = if message.dialect == "pcap" {
                    Field::Name
                } else {
                    Field::Version
                };
                let name = event.text(field).and_then(|name| of_vendor(&name));
                self.named(event.ip(Field::ClientIp), event.time.micros, name);
            }
            ("xl2tpd", "peer-vendor") => {
                let client = self.reading.get(&(host_of(event), event.pid())).copied();
                let name = event.text(Field::Name).and_then(|name| of_vendor(&name));
                self.named(client, event.time.micros, name);
            }
            _ => self.told(event),
        }
    }

    /// pppd's client says what it is: the name of a computer tells more than its kind.
    fn identified(&mut self, event: &Event<'_>) {
        let Some(hint) = event.text(Field::Name).and_then(|name| of_identification(&name)) else {
            return;
        };
        let key = (host_of(event), event.pid());
        if self.processes.get(&key).is_none_or(|known| known.len() < hint.len()) {
            self.processes.insert(key, hint);
        }
    }

    fn named(&mut self, client: Option<IpAddr>, time: i64, name: Option<String>) {
        if let Some((client, name)) = client.zip(name) {
            self.addresses.insert(client, (time, name));
        }
    }

    /// Lines that join.
    fn told(&mut self, event: &Event<'_>) {
        match (event.message().role, event.message().kind) {
            (Role::L2tp, EventKind::TunnelOpened) => {
                if let Some(client) = event.ip(Field::ClientIp) {
                    self.reading.insert((host_of(event), event.pid()), client);
                }
            }
            (Role::Ppp, EventKind::AddressAssigned) => {
                let host = host_of(event);
                let hint = self.processes.remove(&(host, event.pid()));
                let key = (host, event.time.micros);
                // two sessions that came up in one second cannot be told apart
                let alone = self.sessions.get(&key).is_none();
                self.sessions.insert(key, hint.filter(|_| alone));
            }
            (Role::Ppp, EventKind::ProcessStarted | EventKind::ProcessExited) => {
                self.processes.remove(&(host_of(event), event.pid()));
            }
            _ => {}
        }
    }

    /// What the client of a session said it is.
    pub fn of(&self, attempt: &Attempt) -> Option<&str> {
        let by_session = attempt.up.and_then(|up| self.sessions.get(&(gateway_of(attempt), up)));
        if let Some(Some(hint)) = by_session {
            return Some(hint);
        }
        let (time, hint) = self.addresses.get(&attempt.client_ip?)?;
        (attempt.started - BEFORE..=attempt.last_seen)
            .contains(time)
            .then_some(hint.as_str())
    }
}
