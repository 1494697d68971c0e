//! The order of what happened, over all layers and services: equal things that follow each other are one row with a count.

use std::collections::HashMap;
use std::net::IpAddr;

use tunlog_model::{Cell, Column};

/// Equal events that are no further apart are one row, microseconds.
const FOLD: i64 = 10 * 60_000_000;
/// Most rows.
pub const ROWS_MAX: usize = 5_000;
/// Names that are listed of a row.
const USERS_MAX: usize = 5;

/// A row.
#[derive(Clone, Debug)]
pub struct Row {
    /// When, microseconds UTC; of equal events the first.
    pub time: i64,
    /// The last of them.
    pub last: i64,
    /// How many.
    pub count: u64,
    /// What kind of row: `event`, `attempt`, `session`, `alarm`, `mention`, `act`.
    pub kind: &'static str,
    /// Layer, where it has one.
    pub layer: Option<&'static str>,
    /// What happened: a message's id, a word.
    pub what: String,
    /// Where it came from.
    pub client_ip: Option<IpAddr>,
    /// Accounts, the first few.
    pub users: Vec<String>,
    /// Accounts that are not listed.
    pub users_more: u64,
    /// The source and line of the first.
    pub place: Option<(String, u64)>,
    /// The first line, harmless, or words.
    pub text: String,
    /// It decides how the story goes.
    pub is_key: bool,
}

impl Row {
    /// The columns of `timeline.jsonl` and `timeline.csv`.
    pub const COLUMNS: &[Column<Row>] = &[
        Column {
            key: "time",
            header: "Time",
            doc: "When; of equal events the first.",
            value: |row| Cell::Time(row.time),
        },
        Column {
            key: "last",
            header: "",
            doc: "The last of equal events.",
            value: |row| {
                if row.count > 1 {
                    Cell::Time(row.last)
                } else {
                    Cell::None
                }
            },
        },
        Column {
            key: "count",
            header: "Times",
            doc: "How many.",
            value: |row| Cell::Count(row.count),
        },
        Column {
            key: "kind",
            header: "",
            doc: "event, attempt, session, alarm, mention, act.",
            value: |row| Cell::Word(row.kind),
        },
        Column {
            key: "key",
            header: "",
            doc: "It decides how the story goes.",
            value: |row| if row.is_key { Cell::Bool(true) } else { Cell::None },
        },
        Column {
            key: "layer",
            header: "Layer",
            doc: "Layer.",
            value: |row| row.layer.map_or(Cell::None, Cell::Word),
        },
        Column {
            key: "what",
            header: "What",
            doc: "A message's id (`tunlog explain` knows it), or a word.",
            value: |row| Cell::Text(row.what.clone()),
        },
        Column {
            key: "client_ip",
            header: "From",
            doc: "Where it came from.",
            value: |row| row.client_ip.map_or(Cell::None, Cell::Ip),
        },
        Column {
            key: "users",
            header: "Users",
            doc: "Accounts, the first few.",
            value: |row| {
                if row.users.is_empty() {
                    Cell::None
                } else {
                    Cell::List(row.users.iter().map(|user| Cell::Text(user.clone())).collect())
                }
            },
        },
        Column {
            key: "users_more",
            header: "",
            doc: "Accounts that are not listed.",
            value: |row| {
                if row.users_more > 0 {
                    Cell::Count(row.users_more)
                } else {
                    Cell::None
                }
            },
        },
        Column {
            key: "source",
            header: "",
            doc: "The source of the first.",
            value: |row| {
                row.place
                    .as_ref()
                    .map_or(Cell::None, |place| Cell::Text(place.0.clone()))
            },
        },
        Column {
            key: "line",
            header: "",
            doc: "Its line.",
            value: |row| row.place.as_ref().map_or(Cell::None, |place| Cell::Count(place.1)),
        },
        Column {
            key: "text",
            header: "Line",
            doc: "The first line, secrets taken out.",
            value: |row| Cell::Text(row.text.clone()),
        },
    ];
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    kind: &'static str,
    what: String,
    client_ip: Option<IpAddr>,
}

/// Takes in what happened.
#[derive(Debug, Default)]
pub struct Timeline {
    rows: Vec<Row>,
    open: HashMap<Key, usize>,
    left_out: u64,
}

impl Timeline {
    /// Takes a row of one event.
    pub fn add(&mut self, row: Row) {
        let key = Key {
            kind: row.kind,
            what: row.what.clone(),
            client_ip: row.client_ip,
        };
        if !row.is_key
            && let Some(at) = self.open.get(&key).copied()
            && let Some(known) = self.rows.get_mut(at)
            && row.time.saturating_sub(known.last).abs() <= FOLD
            && !known.is_key
        {
            known.count += row.count;
            (known.time, known.last) = (known.time.min(row.time), known.last.max(row.last));
            for user in row.users {
                if known.users.contains(&user) {
                    continue;
                }
                match known.users.len() < USERS_MAX {
                    true => known.users.push(user),
                    false => known.users_more += 1,
                }
            }
            return;
        }
        // moments that decide are never left out
        if self.rows.len() >= ROWS_MAX && !row.is_key {
            self.left_out += row.count;
            return;
        }
        self.open.insert(key, self.rows.len());
        self.rows.push(row);
    }

    /// The rows in the order of time, and how many events are in none.
    pub fn finish(mut self) -> (Vec<Row>, u64) {
        self.rows.sort_by_key(|row| (row.time, !row.is_key));
        (self.rows, self.left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(time: i64, what: &str, user: &str) -> Row {
        Row {
            time,
            last: time,
            count: 1,
            kind: "event",
            layer: None,
            what: what.to_owned(),
            client_ip: None,
            users: vec![user.to_owned()],
            users_more: 0,
            place: None,
            text: String::new(),
            is_key: false,
        }
    }

    #[test]
    fn equal_events_are_one_row_while_they_follow_each_other() {
        let mut timeline = Timeline::default();
        for n in 0..8 {
            timeline.add(row(n, "a", &format!("u{n}")));
            timeline.add(row(n, "b", "x"));
        }
        timeline.add(row(8 + FOLD, "a", "u1"));
        timeline.add(Row {
            is_key: true,
            ..row(3, "a", "k")
        });
        let (rows, left_out) = timeline.finish();
        let told: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row.what.as_str(),
                    row.count,
                    row.users.len(),
                    row.users_more,
                    row.is_key,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("a", 8, 5, 3, false),
                ("b", 8, 1, 0, false),
                ("a", 1, 1, 0, true),
                ("a", 1, 1, 0, false)
            ]
        );
        assert_eq!(left_out, 0);
    }

    #[test]
    fn what_is_too_much_is_counted_and_what_decides_is_kept() {
        let mut timeline = Timeline::default();
        for n in 0..ROWS_MAX + 10 {
            timeline.add(row(0, &format!("w{n}"), ""));
        }
        timeline.add(Row {
            is_key: true,
            ..row(1, "key", "")
        });
        let (rows, left_out) = timeline.finish();
        assert_eq!((rows.len(), left_out), (ROWS_MAX + 1, 10));
    }
}
