//! What a change does to the table of what waits, and how room is made in it. The sums of what waits are kept beside it.

use std::collections::BTreeMap;

use rusqlite::{ToSql, Transaction, params};

use super::{GivenUp, OutboxChange, OutboxLimits, Outgoing, UnderWay, Waiting, Which};

/// How much waits, by channel.
type Totals = BTreeMap<String, Waiting>;

/// Carries out one change.
pub(super) fn one(
    db: &Transaction<'_>,
    change: &OutboxChange,
    under_way: &UnderWay,
    waiting: &mut Totals,
    given_up: &mut GivenUp,
) -> rusqlite::Result<()> {
    match change {
        OutboxChange::Put(message) => put(db, message, waiting),
        OutboxChange::Remove { channel, which } => {
            let (column, value) = column(which);
            let sql =
                format!("DELETE FROM message WHERE channel = ?1 AND {column} = ?2 RETURNING channel, LENGTH(body)");
            remove(db, &sql, params![channel, value], waiting).map(drop)
        }
        OutboxChange::Retry { channel, which, due } => {
            let (column, value) = column(which);
            let sql =
                format!("UPDATE message SET due = ?3, attempts = attempts + 1 WHERE channel = ?1 AND {column} = ?2");
            db.prepare_cached(&sql)?.execute(params![channel, value, due]).map(drop)
        }
        OutboxChange::Hurry { now } => db
            .prepare_cached("UPDATE message SET due = ?1 WHERE attempts > 0 AND due > ?1")?
            .execute(params![now])
            .map(drop),
        OutboxChange::Seal { channel, from, to, now } => db
            .prepare_cached("UPDATE message SET bundle = ?3 WHERE channel = ?1 AND bundle = ?2 AND due <= ?4")?
            .execute(params![channel, from, to, now])
            .map(drop),
        OutboxChange::Expire { before } => {
            let (others, mut values) = not_under_way(under_way);
            values.push(before);
            let sql = format!("DELETE FROM message WHERE {others} AND queued < ? RETURNING channel, LENGTH(body)");
            let gone = remove(db, &sql, &*values, waiting)?;
            add(given_up, gone);
            Ok(())
        }
        OutboxChange::OnlyChannels(known) => {
            let others: Vec<String> = waiting.keys().filter(|name| !known.contains(name)).cloned().collect();
            for other in others {
                let sql = "DELETE FROM message WHERE channel = ?1 RETURNING channel, LENGTH(body)";
                let gone = remove(db, sql, params![other], waiting)?;
                add(given_up, gone);
            }
            Ok(())
        }
    }
}

/// The column that tells which. Never anybody's text: it becomes part of a statement.
fn column(which: &Which) -> (&'static str, &str) {
    match which {
        Which::Id(id) => ("id", id),
        Which::Bundle(bundle) => ("bundle", bundle),
    }
}

fn put(db: &Transaction<'_>, message: &Outgoing, waiting: &mut Totals) -> rusqlite::Result<()> {
    let new = db
        .prepare_cached(
            "INSERT INTO message (channel, id, bundle, about, level, queued, due, attempts, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (channel, id) DO NOTHING",
        )?
        .execute(params![
            message.channel,
            message.id,
            message.bundle,
            message.about,
            message.level,
            message.queued,
            message.due,
            message.attempts,
            message.body
        ])?;
    let total = waiting.entry(message.channel.clone()).or_default();
    total.messages += new as u64;
    total.bytes += new as u64 * message.body.len() as u64;
    Ok(())
}

/// Runs a statement that removes messages, and tells how many of each channel went.
fn remove(
    db: &Transaction<'_>,
    sql: &str,
    values: impl rusqlite::Params,
    waiting: &mut Totals,
) -> rusqlite::Result<GivenUp> {
    let mut gone = GivenUp::new();
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(values, |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
    for row in rows {
        let (channel, bytes) = row?;
        if let Some(total) = waiting.get_mut(&channel) {
            total.messages = total.messages.saturating_sub(1);
            total.bytes = total.bytes.saturating_sub(bytes as u64);
        }
        *gone.entry(channel).or_default() += 1;
    }
    waiting.retain(|_, total| total.messages > 0);
    Ok(gone)
}

fn add(given_up: &mut GivenUp, gone: GivenUp) {
    for (channel, count) in gone {
        *given_up.entry(channel).or_default() += count;
    }
}

/// The condition of what is not being carried, with its values.
fn not_under_way(under_way: &UnderWay) -> (String, Vec<&dyn ToSql>) {
    let (mut condition, mut values) = ("1".to_owned(), Vec::new());
    for (channel, which) in under_way {
        let name = match which {
            Which::Id(name) | Which::Bundle(name) => name,
        };
        condition.push_str(&format!(" AND NOT (channel = ? AND {} = ?)", column(which).0));
        values.extend([channel as &dyn ToSql, name]);
    }
    (condition, values)
}

/// Makes room.
pub(super) fn bound(
    db: &Transaction<'_>,
    limits: OutboxLimits,
    under_way: &UnderWay,
    waiting: &mut Totals,
    given_up: &mut GivenUp,
) -> rusqlite::Result<()> {
    loop {
        let messages: u64 = waiting.values().map(|total| total.messages).sum();
        let bytes: u64 = waiting.values().map(|total| total.bytes).sum();
        let over = messages.saturating_sub(limits.messages_max);
        let too_many = match bytes > limits.bytes_max {
            true => over.max(messages / 16).max(1),
            false => over,
        };
        if too_many == 0 || messages == 0 {
            return Ok(());
        }
        let (others, mut values) = not_under_way(under_way);
        let too_many = too_many as i64;
        values.push(&too_many);
        let sql = format!(
            "DELETE FROM message WHERE number IN
                 (SELECT number FROM message WHERE {others} ORDER BY level, number LIMIT ?)
             RETURNING channel, LENGTH(body)"
        );
        let gone = remove(db, &sql, &*values, waiting)?;
        if gone.is_empty() {
            return Ok(()); // all of it is being carried
        }
        add(given_up, gone);
    }
}
