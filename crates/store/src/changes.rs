//! What one commit changes in the database beside records, as a list that can be carried out now or kept until it is known
//! whether the close that it belongs to came to its end (`close.rs`).

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{ToSql, Transaction, params_from_iter};

use crate::parquet::bits::{put_varint, take_varint, unzigzag, zigzag};
use crate::record::put_bytes;

/// One change. Numbers are written into databases: a new one goes to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Step {
    /// A new set: id, name.
    Set,
    /// A new source: id, name of its set, run, name, capture, bytes, content, head.
    Source,
    /// What was counted of a source: see `Counts::change`.
    Counts,
    /// How many lines of a source were taken: id, lines.
    Lines,
    /// A source was read to its end: id.
    Complete,
    /// Something to tell of a source: source, number, kind, position, cause.
    Problem,
    /// What a feed's key stands for: key, source.
    FeedSource,
    /// How far a feed was read: key, position.
    FeedPosition,
    /// A feed is forgotten: key.
    FeedGone,
    /// The number of the next record.
    NextSeq,
    /// The bytes of a source that were seen so far, of which it may have more: id, bytes, content, head.
    Content,
}

impl Step {
    const ALL: &[(Step, &str)] = &[
        (Step::Set, "INSERT INTO log_set (id, name) VALUES (?1, ?2)"),
        (
            Step::Source,
            "INSERT INTO source (id, set_id, run, name, capture, bytes, content, head)
             VALUES (?1, (SELECT id FROM log_set WHERE name = ?2), ?3, ?4, ?5, ?6, ?7, ?8)",
        ),
        (
            Step::Counts,
            "UPDATE source SET read = read + ?2, stored = stored + ?3, filtered = filtered + ?4,
                rejected = rejected + ?5, unparsed = unparsed + ?6, known = known + ?7, lost = lost + ?8,
                gaps = gaps + ?9, records = records + ?10,
                first_time = MIN(COALESCE(first_time, ?11), COALESCE(?11, first_time)),
                last_time = MAX(COALESCE(last_time, ?12), COALESCE(?12, last_time))
             WHERE id = ?1",
        ),
        (Step::Lines, "UPDATE source SET lines = ?2 WHERE id = ?1"),
        (Step::Complete, "UPDATE source SET complete = 1 WHERE id = ?1"),
        (
            Step::Problem,
            "INSERT OR REPLACE INTO problem (source, number, kind, position, cause) VALUES (?1, ?2, ?3, ?4, ?5)",
        ),
        (
            Step::FeedSource,
            "INSERT INTO feed (key, source) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET source = ?2",
        ),
        (
            Step::FeedPosition,
            "INSERT INTO feed (key, position) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET position = ?2",
        ),
        (Step::FeedGone, "DELETE FROM feed WHERE key = ?1"),
        (
            Step::NextSeq,
            "INSERT INTO meta (key, value) VALUES ('next_seq', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1",
        ),
        (
            Step::Content,
            "UPDATE source SET bytes = ?2, content = ?3, head = ?4, complete = 0 WHERE id = ?1",
        ),
    ];
}

/// Changes in the order in which they are made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes(Vec<(Step, Vec<Value>)>);

impl Changes {
    /// Adds one.
    pub fn push(&mut self, step: Step, values: &[&dyn ToSql]) {
        let value = |value: &&dyn ToSql| match value.to_sql() {
            Ok(ToSqlOutput::Owned(value)) => value,
            Ok(ToSqlOutput::Borrowed(value)) => owned(value),
            // of our own types none fails
            _ => Value::Null,
        };
        self.0.push((step, values.iter().map(value).collect()));
    }

    /// Makes them.
    pub fn apply(&self, db: &Transaction<'_>) -> rusqlite::Result<()> {
        for (step, values) in &self.0 {
            let sql = Step::ALL[*step as usize].1;
            db.prepare_cached(sql)?.execute(params_from_iter(values))?;
        }
        Ok(())
    }

    /// The number that they give the next record.
    pub fn next_seq(&self) -> Option<u64> {
        self.0.iter().find_map(|(step, values)| match (step, values.first()) {
            (Step::NextSeq, Some(Value::Integer(number))) => Some(*number as u64),
            _ => None,
        })
    }

    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (step, values) in &self.0 {
            out.extend_from_slice(&[*step as u8, values.len() as u8]);
            for value in values {
                match value {
                    Value::Null => out.push(0),
                    Value::Integer(number) => {
                        out.push(1);
                        put_varint(&mut out, zigzag(*number));
                    }
                    Value::Real(number) => {
                        out.push(2);
                        out.extend_from_slice(&number.to_bits().to_le_bytes());
                    }
                    Value::Text(text) => {
                        out.push(3);
                        put_bytes(&mut out, text.as_bytes());
                    }
                    Value::Blob(bytes) => {
                        out.push(4);
                        put_bytes(&mut out, bytes);
                    }
                }
            }
        }
        out
    }

    /// Of bytes; None if they are no changes.
    pub fn decode(mut bytes: &[u8]) -> Option<Changes> {
        let mut changes = Changes::default();
        while let Some(([step, count], rest)) = bytes.split_first_chunk::<2>() {
            bytes = rest;
            let (step, _) = *Step::ALL.get(usize::from(*step))?;
            let values = (0..*count).map(|_| take_value(&mut bytes)).collect::<Option<_>>()?;
            changes.0.push((step, values));
        }
        bytes.is_empty().then_some(changes)
    }
}

fn owned(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

fn take_value(from: &mut &[u8]) -> Option<Value> {
    let (tag, rest) = from.split_first()?;
    *from = rest;
    let mut bytes = || {
        let len = usize::try_from(take_varint(from)?).ok()?;
        let (taken, rest) = from.split_at_checked(len)?;
        *from = rest;
        Some(taken.to_vec())
    };
    Some(match tag {
        0 => Value::Null,
        1 => Value::Integer(unzigzag(take_varint(from)?)),
        2 => {
            let (eight, rest) = from.split_first_chunk::<8>()?;
            *from = rest;
            Value::Real(f64::from_bits(u64::from_le_bytes(*eight)))
        }
        3 => Value::Text(String::from_utf8(bytes()?).ok()?),
        4 => Value::Blob(bytes()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_come_back_as_they_were() {
        let mut changes = Changes::default();
        changes.push(Step::Lines, &[&7_i64, &i64::MIN]);
        changes.push(Step::Problem, &[&1_i64, &0_i64, &2_u8, &None::<String>, &"what"]);
        changes.push(Step::FeedPosition, &[&"key", &vec![0_u8, 255]]);
        changes.push(Step::NextSeq, &[&300_i64]);
        let bytes = changes.encode();
        assert_eq!(Changes::decode(&bytes), Some(changes.clone()));
        assert_eq!(changes.next_seq(), Some(300));
        for len in 1..bytes.len() {
            assert_ne!(Changes::decode(&bytes[..len]), Some(changes.clone()), "{len}");
        }
        assert!(Step::ALL.iter().enumerate().all(|(at, (step, _))| *step as usize == at));
    }
}
