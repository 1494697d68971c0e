//! One row per user: the pptpd-monitor table, for PPTP and L2TP.
//!
//! Whoever guesses passwords chooses the names, so the number of rows is bounded and a name that only ever failed costs
//! a few dozen bytes.

use std::collections::HashMap;
use std::net::IpAddr;

use tunlog_model::{Attempt, Cell, Column, Outcome};

use super::{maybe, seconds_between, text};

/// Names beyond this number are counted in one row of their own.
pub const NAMES_MAX: usize = 200_000;

/// Whose row it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// Attempts that never named a user.
    Nobody,
    /// A user, by the name exactly as given; may be empty.
    Named(Box<str>),
    /// Names beyond `NAMES_MAX`.
    Others,
}

/// A session that is up.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenSession {
    /// When it came up, microseconds UTC.
    pub since: i64,
    /// Socket address of the client; an address that it merely claims is none.
    pub client_ip: Option<IpAddr>,
    /// Address inside the tunnel.
    pub assigned_ip: Option<IpAddr>,
    /// PPP interface.
    pub interface: Option<Box<str>>,
    /// Bytes to the client so far.
    pub bytes_to_client: Option<u64>,
    /// Bytes from the client so far.
    pub bytes_from_client: Option<u64>,
}

/// A user.
#[derive(Clone, Debug)]
pub struct ClientRow {
    /// Whose row it is.
    pub who: Who,
    /// Sessions, open and closed.
    pub sessions: u64,
    /// Failed attempts.
    pub failures: u64,
    /// Bytes to the client in closed sessions.
    pub bytes_to_client: u64,
    /// Bytes from the client in closed sessions.
    pub bytes_from_client: u64,
    /// Seconds that the closed sessions lasted together.
    pub closed_s: f64,
    /// Outer address: of the last open session, else of the last session, else of the last attempt.
    pub client_ip: Option<IpAddr>,
    /// Inner address of the same session.
    pub assigned_ip: Option<IpAddr>,
    /// Interface of the same session.
    pub interface: Option<Box<str>>,
    /// The sessions that are up, oldest first.
    pub open: Vec<OpenSession>,
    /// Latest sign of this user, microseconds UTC.
    pub last_seen: i64,
    /// The time at which the durations of open sessions are taken, microseconds UTC.
    pub now: i64,
}

impl ClientRow {
    /// Whether a session is up.
    pub fn online(&self) -> bool {
        !self.open.is_empty()
    }

    /// The session that the row shows when online: the one that came up last.
    pub fn current(&self) -> Option<&OpenSession> {
        self.open.last()
    }

    /// Seconds that a session has been up.
    pub fn elapsed(&self, session: &OpenSession) -> f64 {
        seconds_between(session.since, self.now)
    }

    /// Seconds: of the current session when online, else of all sessions together.
    pub fn duration_s(&self) -> Option<f64> {
        match self.current() {
            Some(session) => Some(self.elapsed(session)),
            None => (self.sessions > 0).then_some(self.closed_s),
        }
    }

    /// The sum of a counter over the open sessions; absent when no session has it.
    pub fn open_sum(&self, counter: fn(&OpenSession) -> Option<u64>) -> Option<u64> {
        self.open.iter().filter_map(counter).reduce(u64::saturating_add)
    }
}

/// What only a user with sessions needs; apart, so that a name that only failed stays small.
#[derive(Clone, Debug, Default)]
struct Sessions {
    closed: u64,
    to_client: u64,
    from_client: u64,
    closed_s: f64,
    last_up: i64,
    client_ip: Option<IpAddr>,
    assigned_ip: Option<IpAddr>,
    interface: Option<Box<str>>,
    open: Vec<OpenSession>,
}

#[derive(Clone, Debug)]
struct Tally {
    failures: u64,
    last_seen: i64,
    client_ip: Option<IpAddr>,
    sessions: Option<Box<Sessions>>,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally {
            failures: 0,
            last_seen: i64::MIN,
            client_ip: None,
            sessions: None,
        }
    }
}

/// Adds attempts up to rows, one a user.
#[derive(Clone, Debug, Default)]
pub struct Clients {
    // The names lie once, in the index; the default hasher is keyed, because the names are chosen by strangers.
    index: HashMap<Box<str>, u32>,
    named: Vec<Tally>,
    nobody: Option<Tally>,
    others: Option<Tally>,
}

impl Clients {
    /// No rows yet.
    pub fn new() -> Clients {
        Clients::default()
    }

    /// Adds an attempt: a closed one once, an open one as it stands.
    pub fn add(&mut self, attempt: &Attempt) {
        let tally = self.tally(attempt.user.as_deref());
        let client_ip = attempt.client_ip;
        if attempt.last_seen >= tally.last_seen {
            tally.last_seen = attempt.last_seen;
            tally.client_ip = client_ip.or(tally.client_ip);
        }
        match attempt.outcome {
            Outcome::Failed => tally.failures += attempt.times.max(1),
            Outcome::Unfinished => {}
            Outcome::Established => tally.sessions.get_or_insert_default().close(attempt, client_ip),
            Outcome::Open => tally.sessions.get_or_insert_default().open(attempt, client_ip),
        }
    }

    fn tally(&mut self, user: Option<&str>) -> &mut Tally {
        let Some(user) = user else {
            return self.nobody.get_or_insert_default();
        };
        if let Some(&at) = self.index.get(user) {
            return &mut self.named[at as usize];
        }
        if self.named.len() >= NAMES_MAX {
            return self.others.get_or_insert_default();
        }
        self.index.insert(user.into(), self.named.len() as u32);
        self.named.push(Tally::default());
        let last = self.named.len() - 1;
        &mut self.named[last]
    }

    /// The rows: nobody first, then by name in code-point order (as pptpd-monitor sorts), the folded names last. They are
    /// made one at a time, so that they may be walked twice (for the widths of a table) without being held.
    pub fn rows(&self, now: i64) -> impl Iterator<Item = ClientRow> + Clone {
        let mut names: Vec<(&str, u32)> = self.index.iter().map(|(name, at)| (&**name, *at)).collect();
        names.sort_unstable();
        let named = names
            .into_iter()
            .map(|(name, at)| (Who::Named(name.into()), &self.named[at as usize]));
        let nobody = self.nobody.iter().map(|tally| (Who::Nobody, tally));
        let others = self.others.iter().map(|tally| (Who::Others, tally));
        nobody
            .chain(named)
            .chain(others)
            .map(move |(who, tally)| tally.row(who, now))
    }
}

impl Sessions {
    fn close(&mut self, attempt: &Attempt, client_ip: Option<IpAddr>) {
        self.closed += 1;
        self.to_client = self.to_client.saturating_add(attempt.bytes_to_client.unwrap_or(0));
        self.from_client = self.from_client.saturating_add(attempt.bytes_from_client.unwrap_or(0));
        self.closed_s += attempt.duration_s.unwrap_or(0.0);
        let up = attempt.up.unwrap_or(attempt.started);
        if up >= self.last_up || self.closed == 1 {
            self.last_up = up;
            self.client_ip = client_ip;
            self.assigned_ip = attempt.assigned_ip;
            self.interface.clone_from(&attempt.interface);
        }
    }

    fn open(&mut self, attempt: &Attempt, client_ip: Option<IpAddr>) {
        let session = OpenSession {
            since: attempt.up.unwrap_or(attempt.started),
            client_ip,
            assigned_ip: attempt.assigned_ip,
            interface: attempt.interface.clone(),
            bytes_to_client: attempt.bytes_to_client,
            bytes_from_client: attempt.bytes_from_client,
        };
        let at = self.open.partition_point(|other| other.since <= session.since);
        self.open.insert(at, session);
    }
}

impl Tally {
    fn row(&self, who: Who, now: i64) -> ClientRow {
        let sessions = self.sessions.as_deref().cloned().unwrap_or_default();
        let count = sessions.closed + sessions.open.len() as u64;
        let mut row = ClientRow {
            who,
            sessions: count,
            failures: self.failures,
            bytes_to_client: sessions.to_client,
            bytes_from_client: sessions.from_client,
            closed_s: sessions.closed_s,
            client_ip: if count > 0 { sessions.client_ip } else { self.client_ip },
            assigned_ip: sessions.assigned_ip,
            interface: sessions.interface,
            open: sessions.open,
            last_seen: self.last_seen,
            now,
        };
        if let Some(current) = row.open.last().cloned() {
            row.client_ip = current.client_ip;
            row.assigned_ip = current.assigned_ip;
            row.interface = current.interface;
        }
        row
    }
}

fn session_cell(row: &ClientRow, session: &OpenSession) -> Cell {
    Cell::Object(vec![
        ("client_ip", maybe(session.client_ip, Cell::Ip)),
        ("assigned_ip", maybe(session.assigned_ip, Cell::Ip)),
        ("interface", maybe(session.interface.as_deref(), text)),
        ("bytes_to_client", maybe(session.bytes_to_client, Cell::Bytes)),
        ("bytes_from_client", maybe(session.bytes_from_client, Cell::Bytes)),
        ("since", Cell::Time(session.since)),
        ("duration_s", Cell::Seconds(row.elapsed(session))),
    ])
}

/// Several open sessions of one user, each with its own addresses; a single one is the row itself.
fn open_cell(row: &ClientRow) -> Cell {
    if row.open.len() < 2 {
        return Cell::None;
    }
    Cell::List(row.open.iter().map(|session| session_cell(row, session)).collect())
}

/// The contract's `client`.
pub const COLUMNS: &[Column<ClientRow>] = &[
    Column {
        key: "user",
        header: "Username",
        doc: "Name exactly as the client gave it; absent for attempts that named nobody.",
        value: |row| match &row.who {
            Who::Named(name) => text(name),
            Who::Nobody | Who::Others => Cell::None,
        },
    },
    Column {
        key: "others",
        header: "",
        doc: "True in the row that counts the names beyond the limit of rows.",
        value: |row| {
            if row.who == Who::Others {
                Cell::Bool(true)
            } else {
                Cell::None
            }
        },
    },
    Column {
        key: "online",
        header: "",
        doc: "Whether a session is up.",
        value: |row| Cell::Bool(row.online()),
    },
    Column {
        key: "sessions",
        header: "#",
        doc: "Sessions, open and closed.",
        value: |row| Cell::Count(row.sessions),
    },
    Column {
        key: "sessions_open",
        header: "Open",
        doc: "Sessions that are up.",
        value: |row| Cell::Count(row.open.len() as u64),
    },
    Column {
        key: "failures",
        header: "Fail",
        doc: "Failed attempts.",
        value: |row| Cell::Count(row.failures),
    },
    Column {
        key: "bytes_to_client",
        header: "TX",
        doc: "Bytes sent to the client in closed sessions.",
        value: |row| Cell::Bytes(row.bytes_to_client),
    },
    Column {
        key: "bytes_from_client",
        header: "RX",
        doc: "Bytes received from the client in closed sessions.",
        value: |row| Cell::Bytes(row.bytes_from_client),
    },
    Column {
        key: "client_ip",
        header: "Remote IP",
        doc: "Outer address of the current session, else of the last one.",
        value: |row| maybe(row.client_ip, Cell::Ip),
    },
    Column {
        key: "assigned_ip",
        header: "Local IP",
        doc: "Address inside the tunnel.",
        value: |row| maybe(row.assigned_ip, Cell::Ip),
    },
    Column {
        key: "interface",
        header: "Int",
        doc: "PPP interface.",
        value: |row| maybe(row.interface.as_deref(), text),
    },
    Column {
        key: "open_bytes_to_client",
        header: "CTX",
        doc: "Bytes sent to the client in the sessions that are up, where a counter is known.",
        value: |row| maybe(row.open_sum(|session| session.bytes_to_client), Cell::Bytes),
    },
    Column {
        key: "open_bytes_from_client",
        header: "CRX",
        doc: "Bytes received from the client in the sessions that are up, where a counter is known.",
        value: |row| maybe(row.open_sum(|session| session.bytes_from_client), Cell::Bytes),
    },
    Column {
        key: "since",
        header: "Since",
        doc: "When the current session came up.",
        value: |row| maybe(row.current(), |session| Cell::Time(session.since)),
    },
    Column {
        key: "last_seen",
        header: "Last seen",
        doc: "Latest sign of this user.",
        value: |row| {
            if row.last_seen == i64::MIN {
                Cell::None
            } else {
                Cell::Time(row.last_seen)
            }
        },
    },
    Column {
        key: "duration_s",
        header: "Duration",
        doc: "Seconds: of the current session when online, else of all sessions together.",
        value: |row| maybe(row.duration_s(), Cell::Seconds),
    },
    Column {
        key: "open",
        header: "",
        doc: "Each session that is up, when there are several.",
        value: open_cell,
    },
];

#[cfg(test)]
#[path = "clients_tests.rs"]
mod tests;
