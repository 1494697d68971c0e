//! Questions as SQL. Their text is made of fixed pieces only; every value is a parameter.
//!
//! A page is asked for by where the page before it ended, not by how many rows lie before it: rows that come meanwhile move
//! nothing, and the thousandth page costs what the first one does. Which rows they are is read from indexes alone; only those
//! of the page are looked up.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use rusqlite::types::Value;
use tunlog_model::{FindingSeverity, Outcome};

use super::rows::rank;

/// An hour, microseconds. Attempts that lasted longer have an index of their own: who began before a time and was seen after
/// it is one of the few long ones, or began within the hour before.
pub(super) const LONG: i64 = 3_600_000_000;

/// Which attempts are meant; everything that is given must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttemptQuery {
    /// Seen at this time or later, microseconds UTC.
    pub since: Option<i64>,
    /// Begun at this time or earlier.
    pub until: Option<i64>,
    /// Of this user, exactly.
    pub user: Option<String>,
    /// With this address: outer, inner, or claimed.
    pub ip: Option<IpAddr>,
    /// Of this gateway.
    pub gateway: Option<String>,
    /// What became of it.
    pub outcome: Option<Outcome>,
    /// Of this cause.
    pub cause: Option<String>,
    /// Only those that became sessions.
    pub sessions_only: bool,
}

/// Which findings are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingQuery {
    /// Alarm at this time or later, microseconds UTC.
    pub since: Option<i64>,
    /// Alarm at this time or earlier.
    pub until: Option<i64>,
    /// Of this rule.
    pub rule: Option<String>,
    /// At least this bad.
    pub severity: Option<FindingSeverity>,
    /// That names this user.
    pub user: Option<String>,
    /// That names this address.
    pub ip: Option<IpAddr>,
}

/// Where a page ended: time and number of its last row. As text it is what a client sends back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Microseconds UTC.
    pub time: i64,
    /// The row.
    pub id: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}-{:016x}", self.time, self.id)
    }
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Cursor, ()> {
        let (time, id) = text.rsplit_once('-').ok_or(())?;
        let cursor = Cursor {
            time: time.parse().map_err(|_| ())?,
            id: u64::from_str_radix(id, 16).map_err(|_| ())?,
        };
        // one text for one place
        (cursor.to_string() == text).then_some(cursor).ok_or(())
    }
}

/// A page of lines, the latest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The contract's lines.
    pub rows: Vec<String>,
    /// Where the next page begins; None after the last.
    pub next: Option<Cursor>,
}

/// Conditions and their values.
#[derive(Clone, Debug, Default)]
pub(super) struct Where {
    /// The index to take, where SQLite would choose by guess and take another.
    index: &'static str,
    text: String,
    values: Vec<Value>,
}

impl Where {
    /// Adds a condition on one value, which stands as `?` in it.
    fn and(&mut self, condition: &'static str, value: impl Into<Value>) {
        self.fixed(condition);
        self.values.push(value.into());
    }

    fn fixed(&mut self, condition: &'static str) {
        self.text
            .push_str(if self.text.is_empty() { " WHERE " } else { " AND " });
        self.text.push_str(condition);
    }

    fn after(&mut self, condition: &'static str, cursor: Option<Cursor>) {
        if let Some(Cursor { time, id }) = cursor {
            self.and(condition, time);
            self.values.push((id as i64).into());
        }
    }
}

/// A question with its values.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub sql: String,
    pub values: Vec<Value>,
}

impl AttemptQuery {
    /// The ways to the rows that are meant: together they find each, some twice.
    fn ways(&self, after: Option<Cursor>) -> Vec<Where> {
        let mut base = Where::default();
        base.after("(started, id) < (?, ?)", after);
        if let Some(until) = self.until {
            base.and("started <= ?", until);
        }
        let texts = [
            (self.user.clone(), "user = ?"),
            (self.gateway.clone(), "gateway = ?"),
            (self.outcome.map(|outcome| outcome.word().to_owned()), "outcome = ?"),
            (self.cause.clone(), "cause = ?"),
        ];
        for (value, condition) in texts {
            if let Some(value) = value {
                base.and(condition, value);
            }
        }
        if self.sessions_only {
            base.fixed("session = 1");
        }
        let by_address = match self.ip {
            None => vec![base],
            Some(ip) => ["client_ip = ?", "claimed_ip = ?", "assigned_ip = ?"]
                .map(|condition| {
                    let mut way = base.clone();
                    way.and(condition, ip.to_string());
                    way
                })
                .into(),
        };
        let Some(since) = self.since else {
            return by_address;
        };
        by_address
            .into_iter()
            .flat_map(|way| {
                let (mut recent, mut long) = (way.clone(), way);
                recent.and("started >= ?", since.saturating_sub(LONG));
                long.and("started < ?", since.saturating_sub(LONG));
                long.fixed("last_seen > started + 3600000000");
                if self.user.is_none() && self.ip.is_none() {
                    long.index = " INDEXED BY attempt_long";
                }
                for way in [&mut recent, &mut long] {
                    way.and("last_seen >= ?", since);
                }
                [recent, long]
            })
            .collect()
    }

    /// A page of lines: `json, started, id`.
    pub(super) fn page(&self, after: Option<Cursor>, limit: u32) -> Question {
        let (mut parts, mut values) = (Vec::new(), Vec::new());
        for way in self.ways(after) {
            parts.push(format!(
                "SELECT * FROM (SELECT started, id FROM attempt{}{} ORDER BY started DESC, id DESC LIMIT {limit})",
                way.index, way.text
            ));
            values.extend(way.values);
        }
        let sql = format!(
            "SELECT attempt.json, page.started, page.id FROM
                 (SELECT started, id FROM ({}) ORDER BY started DESC, id DESC LIMIT {limit}) AS page
             JOIN attempt USING (id) ORDER BY page.started DESC, page.id DESC",
            parts.join(" UNION ")
        );
        Question { sql, values }
    }

    /// All rows, the first one first.
    pub(super) fn all(&self, columns: &'static str) -> Question {
        let (mut parts, mut values) = (Vec::new(), Vec::new());
        for way in self.ways(None) {
            parts.push(format!("SELECT id FROM attempt{}{}", way.index, way.text));
            values.extend(way.values);
        }
        let chosen = parts.join(" UNION ");
        let sql = format!("SELECT {columns} FROM attempt WHERE id IN ({chosen}) ORDER BY started, id");
        Question { sql, values }
    }
}

impl FindingQuery {
    /// A page of lines: `json, alarm_time, id`.
    pub(super) fn page(&self, after: Option<Cursor>, limit: u32) -> Question {
        let mut chosen = Where::default();
        chosen.after("(alarm_time, id) < (?, ?)", after);
        if let Some(since) = self.since {
            chosen.and("alarm_time >= ?", since);
        }
        if let Some(until) = self.until {
            chosen.and("alarm_time <= ?", until);
        }
        if let Some(rule) = &self.rule {
            chosen.and("rule = ?", rule.clone());
        }
        if let Some(severity) = self.severity {
            chosen.and("severity >= ?", rank(severity));
        }
        // findings are few, and whom they name stands in their lines
        if let Some(user) = &self.user {
            chosen.and(
                "EXISTS (SELECT 1 FROM json_each(finding.json, '$.users') AS named WHERE named.value = ?)",
                user.clone(),
            );
        }
        if let Some(ip) = self.ip {
            chosen.and(
                "EXISTS (SELECT 1 FROM json_each(finding.json, '$.sources') AS named WHERE named.value = ?)",
                ip.to_string(),
            );
        }
        let sql = format!(
            "SELECT json, alarm_time, id FROM finding{} ORDER BY alarm_time DESC, id DESC LIMIT {limit}",
            chosen.text
        );
        Question {
            sql,
            values: chosen.values,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_has_one_text() {
        for cursor in [
            Cursor { time: 0, id: 0 },
            Cursor { time: -5, id: u64::MAX },
            Cursor {
                time: i64::MAX,
                id: 1 << 63,
            },
        ] {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for text in [
            "",
            "-",
            "1-",
            "1-g",
            "01-0000000000000001",
            "1-1",
            "1-0000000000000001 ",
            "x-0000000000000001",
        ] {
            assert_eq!(text.parse::<Cursor>(), Err(()), "{text}");
        }
    }
}
