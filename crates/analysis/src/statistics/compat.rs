//! pptpd-monitor's own aggregation, for people who parse its table: what its last working version (e951866, 2016)
//! computes, with the swap of TX and RX that it has. Not its injections: nothing is searched inside a name.
//!
//! A session is one life of a pppd process; any line of pppd starts one. The events must come in file order.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use tunlog_model::{Event, EventKind, Field};

use super::clients::NAMES_MAX;

/// A user in pptpd-monitor's table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CompatRow {
    /// The name; pptpd-monitor prints `None` for processes that named nobody.
    pub user: Option<String>,
    /// Sessions that are up.
    pub open: u64,
    /// Sessions, the open ones included.
    pub total: u64,
    /// What pptpd-monitor prints under TX: bytes *from* the client (its swap, since 2012).
    pub tx: u64,
    /// What it prints under RX: bytes *to* the client.
    pub rx: u64,
    /// Outer address.
    pub remote: Option<IpAddr>,
    /// Inner address.
    pub local: Option<IpAddr>,
    /// Interface of the last open session.
    pub interface: Option<String>,
    /// When the last session in log order came up, microseconds UTC.
    pub opened: Option<i64>,
}

#[derive(Clone, Debug, Default)]
struct Session {
    number: u64,
    open: bool,
    user: Option<Box<str>>,
    sent: u64,
    received: u64,
    remote: Option<IpAddr>,
    local: Option<IpAddr>,
    interface: Option<Box<str>>,
    opened: Option<i64>,
}

/// A row under way: sums, and the last session of each kind by its number.
#[derive(Clone, Debug, Default)]
struct Tally {
    row: CompatRow,
    last: Option<u64>,
    last_open: Option<u64>,
}

/// Collects pppd's events.
#[derive(Clone, Debug, Default)]
pub struct Compat {
    // Forgotten at `Exit.`, so bounded by the number of process ids.
    living: HashMap<u32, Session>,
    users: BTreeMap<Option<Box<str>>, Tally>,
    sessions: u64,
}

impl Compat {
    /// Nothing seen yet.
    pub fn new() -> Compat {
        Compat::default()
    }

    /// Takes an event; only pppd's count.
    pub fn observe(&mut self, event: &Event<'_>) {
        if event.message().dialect != "pppd" || event.pid() == 0 {
            return;
        }
        let number = self.sessions;
        let session = self.living.entry(event.pid()).or_insert_with(|| Session {
            number,
            ..Session::default()
        });
        if session.number == number {
            self.sessions += 1;
        }
        match event.message().kind {
            _ if event.message().id == "logwtmp-ip-up" => session.come_up(event),
            EventKind::AddressAssigned => session.local = event.ip(Field::AssignedIp).or(session.local),
            EventKind::TrafficCounted => session.count(event),
            EventKind::ProcessExited => self.forget(event.pid()),
            _ => {}
        }
    }

    fn forget(&mut self, pid: u32) {
        if let Some(session) = self.living.remove(&pid) {
            add(&mut self.users, &session);
        }
    }

    /// The rows, by name in code-point order, `None` first.
    pub fn rows(&self) -> Vec<CompatRow> {
        let mut users = self.users.clone();
        for session in self.living.values() {
            add(&mut users, session);
        }
        users.into_values().map(|tally| tally.row).collect()
    }
}

impl Session {
    fn come_up(&mut self, event: &Event<'_>) {
        self.open = true;
        self.user = event.text(Field::User).map(|user| user.as_ref().into());
        self.remote = event.ip(Field::ClientIp);
        self.interface = event.text(Field::Interface).map(|interface| interface.as_ref().into());
        self.opened = Some(event.time.micros);
    }

    fn count(&mut self, event: &Event<'_>) {
        self.open = false;
        let bytes = |field| {
            event
                .int(field)
                .and_then(|bytes| u64::try_from(bytes).ok())
                .unwrap_or(0)
        };
        self.sent = self.sent.saturating_add(bytes(Field::BytesToClient));
        self.received = self.received.saturating_add(bytes(Field::BytesFromClient));
    }
}

fn add(users: &mut BTreeMap<Option<Box<str>>, Tally>, session: &Session) {
    if users.len() >= NAMES_MAX && !users.contains_key(&session.user) {
        return;
    }
    let tally = users.entry(session.user.clone()).or_default();
    let row = &mut tally.row;
    row.user = session.user.as_deref().map(str::to_owned);
    row.total += 1;
    row.open += u64::from(session.open);
    row.tx = row.tx.saturating_add(session.received);
    row.rx = row.rx.saturating_add(session.sent);
    let is_last = tally.last.is_none_or(|last| session.number > last);
    if is_last {
        tally.last = Some(session.number);
        row.opened = session.opened;
    }
    // The addresses are those of the last open session, else of the last session.
    let shown = if session.open {
        tally.last_open.is_none_or(|last| session.number > last)
    } else {
        is_last && tally.last_open.is_none()
    };
    if shown {
        row.remote = session.remote;
        row.local = session.local;
        row.interface = if session.open {
            session.interface.as_deref().map(str::to_owned)
        } else {
            None
        };
    }
    if session.open {
        tally.last_open = tally.last_open.max(Some(session.number));
    }
}
