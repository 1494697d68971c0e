//! When each user was in last, as lastlog(8) tells it.

use std::collections::BTreeMap;

use tunlog_model::{Attempt, Cell, Column};

use super::attempts::is_session;
use super::clients::NAMES_MAX;
use super::history::Login;
use super::{maybe, text};

/// A user's last login.
#[derive(Clone, Debug)]
pub struct LastLogin {
    /// The session that came up last.
    pub login: Login,
    /// Sessions of this user, this one included.
    pub sessions: u64,
}

/// Last logins by user. Only who was let in has a row, so strangers cannot make many; beyond `NAMES_MAX` users, further ones are
/// counted only.
#[derive(Clone, Debug, Default)]
pub struct LastLogins {
    users: BTreeMap<Option<Box<str>>, LastLogin>,
    left_out: u64,
}

impl LastLogins {
    /// Nobody yet.
    pub fn new() -> LastLogins {
        LastLogins::default()
    }

    /// Adds an attempt; one that became no session is passed over.
    pub fn add(&mut self, attempt: &Attempt) {
        if !is_session(attempt) {
            return;
        }
        let is_full = self.users.len() >= NAMES_MAX;
        let Some(last) = self.users.get_mut(&attempt.user) else {
            if is_full {
                self.left_out += 1;
                return;
            }
            let login = Login::of(attempt);
            self.users.insert(login.user.clone(), LastLogin { login, sessions: 1 });
            return;
        };
        last.sessions += 1;
        // of two that came up at once the one that is told later, as it ends later
        let login = Login::of(attempt);
        if login.login >= last.login.login {
            last.login = login;
        }
    }

    /// The rows: sessions that named nobody, then by name in code-point order.
    pub fn rows(&self) -> impl Iterator<Item = &LastLogin> {
        self.users.values()
    }

    /// Sessions of users for whom there was no room.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}

/// What `tunlog lastlog` prints.
pub const COLUMNS: &[Column<LastLogin>] = &[
    Column {
        key: "user",
        header: "User",
        doc: "Name exactly as the client gave it; absent for sessions that named nobody.",
        value: |row| maybe(row.login.user.as_deref(), text),
    },
    Column {
        key: "interface",
        header: "Line",
        doc: "PPP interface.",
        value: |row| maybe(row.login.line.as_deref(), text),
    },
    Column {
        key: "client_ip",
        header: "From",
        doc: "Address of the client as a socket or the kernel reported it.",
        value: |row| maybe(row.login.client_ip, Cell::Ip),
    },
    Column {
        key: "assigned_ip",
        header: "",
        doc: "Address inside the tunnel.",
        value: |row| maybe(row.login.assigned_ip, Cell::Ip),
    },
    Column {
        key: "since",
        header: "Latest",
        doc: "When the last session came up.",
        value: |row| Cell::Time(row.login.login),
    },
    Column {
        key: "ended",
        header: "",
        doc: "When it ended; absent while it is up.",
        value: |row| maybe(row.login.logout, Cell::Time),
    },
    Column {
        key: "end",
        header: "Until",
        doc: "What is known of its end besides the time.",
        value: |row| match (row.login.ending(), row.login.logout) {
            (Some(word), _) => Cell::Word(word),
            (None, time) => maybe(time, Cell::Time),
        },
    },
    Column {
        key: "duration_s",
        header: "Duration",
        doc: "Seconds that it was up.",
        value: |row| maybe(row.login.duration_s(), Cell::Seconds),
    },
    Column {
        key: "sessions",
        header: "Sessions",
        doc: "Sessions of this user, this one included.",
        value: |row| Cell::Count(row.sessions),
    },
];

#[cfg(test)]
mod tests {
    use tunlog_model::Outcome;

    use super::*;
    use crate::statistics::sample::attempt;

    #[test]
    fn the_last_session_of_each_user_whatever_the_order() {
        let mut logins = LastLogins::new();
        for (user, outcome, at) in [
            (Some("berta"), Outcome::Established, 50),
            (Some("anna"), Outcome::Established, 30),
            (Some("anna"), Outcome::Open, 90),
            (Some("anna"), Outcome::Established, 60),
            (Some("eve"), Outcome::Failed, 99),
            (None, Outcome::Established, 1),
        ] {
            logins.add(&attempt(user, outcome, at));
        }
        let rows: Vec<_> = logins
            .rows()
            .map(|row| (row.login.user.as_deref(), row.login.login / 1_000_000, row.sessions))
            .collect();
        assert_eq!(rows, [(None, 1, 1), (Some("anna"), 90, 3), (Some("berta"), 50, 1)]);
    }
}
