//! `who`, `last` and `lastb` over attempts, with the habits of the Unix commands.

use std::net::IpAddr;

use tunlog_model::{Attempt, Cell, Column, EndReason, Outcome};

use super::{maybe, seconds_between, text};

/// What a line of `who`, `last` or `lastb` needs of an attempt; small, because `last` prints the newest first and has to
/// keep them all.
#[derive(Clone, Debug)]
pub struct Login {
    /// The name; absent if nobody was named.
    pub user: Option<Box<str>>,
    /// PPP interface: the "line" of a VPN login.
    pub line: Option<Box<str>>,
    /// Outer address.
    pub client_ip: Option<IpAddr>,
    /// Inner address.
    pub assigned_ip: Option<IpAddr>,
    /// When the session came up; of a failure, its first event.
    pub login: i64,
    /// When it ended; absent while open.
    pub logout: Option<i64>,
    /// Why it ended.
    pub end_reason: Option<EndReason>,
    /// Why it failed.
    pub cause: Option<&'static str>,
    /// How many times, for a line that was repeated.
    pub times: u64,
}

impl Login {
    /// Of an attempt.
    pub fn of(attempt: &Attempt) -> Login {
        Login {
            user: attempt.user.clone(),
            line: attempt.interface.clone(),
            client_ip: attempt.client_ip,
            assigned_ip: attempt.assigned_ip,
            login: attempt.up.unwrap_or(attempt.started),
            logout: if attempt.outcome == Outcome::Open {
                None
            } else {
                attempt.ended.or(Some(attempt.last_seen))
            },
            end_reason: attempt.end_reason,
            cause: attempt.cause,
            times: attempt.times.max(1),
        }
    }

    /// Seconds from login to logout.
    pub fn duration_s(&self) -> Option<f64> {
        self.logout.map(|logout| seconds_between(self.login, logout))
    }

    /// What `last` says in place of a logout time, if anything.
    pub fn ending(&self) -> Option<&'static str> {
        match (self.logout, self.end_reason) {
            (None, _) => Some("still logged in"),
            (_, Some(EndReason::GatewayRestarted)) => Some("crash"),
            (_, Some(EndReason::ServerStopped)) => Some("down"),
            (_, Some(EndReason::Killed)) => Some("gone - no logout"),
            _ => None,
        }
    }
}

const USER: Column<Login> = Column {
    key: "user",
    header: "NAME",
    doc: "Name exactly as the client gave it.",
    value: |login| maybe(login.user.as_deref(), text),
};
const LINE: Column<Login> = Column {
    key: "interface",
    header: "LINE",
    doc: "PPP interface.",
    value: |login| maybe(login.line.as_deref(), text),
};
const CLIENT: Column<Login> = Column {
    key: "client_ip",
    header: "REMOTE IP",
    doc: "Outer address.",
    value: |login| maybe(login.client_ip, Cell::Ip),
};
const INNER: Column<Login> = Column {
    key: "assigned_ip",
    header: "LOCAL IP",
    doc: "Address inside the tunnel.",
    value: |login| maybe(login.assigned_ip, Cell::Ip),
};
const LOGIN: Column<Login> = Column {
    key: "since",
    header: "LOGIN",
    doc: "When the session came up.",
    value: |login| Cell::Time(login.login),
};
const TRIED: Column<Login> = Column {
    key: "since",
    header: "TIME",
    doc: "When it was tried.",
    value: |login| Cell::Time(login.login),
};
const LOGOUT: Column<Login> = Column {
    key: "until",
    header: "LOGOUT",
    doc: "When the session ended, or what is known instead.",
    value: |login| match (login.ending(), login.logout) {
        (Some(word), _) => Cell::Word(word),
        (None, time) => maybe(time, Cell::Time),
    },
};
const DURATION: Column<Login> = Column {
    key: "duration_s",
    header: "DURATION",
    doc: "How long the session was up.",
    value: |login| maybe(login.duration_s(), Cell::Seconds),
};
const CAUSE: Column<Login> = Column {
    key: "cause",
    header: "CAUSE",
    doc: "Why it failed.",
    value: |login| maybe(login.cause, Cell::Word),
};
const TIMES: Column<Login> = Column {
    key: "times",
    header: "TIMES",
    doc: "How many times.",
    value: |login| Cell::Count(login.times),
};

/// `who`: the sessions that are up.
pub const WHO: &[Column<Login>] = &[USER, LINE, LOGIN, CLIENT, INNER];
/// `last`: the sessions, newest first.
pub const LAST: &[Column<Login>] = &[USER, LINE, CLIENT, LOGIN, LOGOUT, DURATION];
/// `lastb`: the failures, newest first.
pub const LASTB: &[Column<Login>] = &[USER, CLIENT, TRIED, CAUSE, TIMES];
