//! What is kept of an attempt and of a finding: the columns that questions are asked of, and the line that answers them.

use std::net::IpAddr;

use rusqlite::types::Value;
use rusqlite::{Connection, Row, ToSql, params_from_iter};
use tunlog_model::{Assumed, Attempt, EndReason, FindingSeverity, Layer, Outcome, Protocol};

/// An attempt.
#[derive(Clone, Debug)]
pub struct AttemptRow {
    /// The attempt's id.
    pub id: u64,
    values: Box<[Value]>,
}

/// What is selected where a row becomes an attempt again, in the order in which `attempt_of` reads it.
pub(super) const SUMMED: &str =
    "id, started, up, ended, last_seen, user, client_ip, claimed_ip, assigned_ip, interface,
     gateway, protocol, outcome, reached, end_reason, bytes_to_client, bytes_from_client, duration_s, times";

impl AttemptRow {
    /// Of an attempt as it is now; `json` is the contract's line, by which the interface answers. Evidence and trail are in
    /// that line, or nowhere.
    pub fn of(attempt: &Attempt, json: String) -> AttemptRow {
        let number = |number: Option<i64>| number.map_or(Value::Null, Value::Integer);
        // a counter of a log may be any 64 bits; a sum of such ones means nothing anyhow
        let counter = |count: Option<u64>| number(count.map(|count| i64::try_from(count).unwrap_or(i64::MAX)));
        let text = |text: Option<&str>| text.map_or(Value::Null, |text| Value::Text(text.to_owned()));
        let address = |ip: Option<IpAddr>| ip.map_or(Value::Null, |ip| Value::Text(ip.to_string()));
        let session = matches!(attempt.outcome, Outcome::Established | Outcome::Open);
        AttemptRow {
            id: attempt.id,
            values: Box::new([
                Value::Integer(attempt.id as i64),
                Value::Integer(attempt.started),
                number(attempt.up),
                number(attempt.ended),
                Value::Integer(attempt.last_seen),
                text(attempt.user.as_deref()),
                address(attempt.client_ip),
                address(attempt.claimed_ip),
                address(attempt.assigned_ip),
                text(attempt.interface.as_deref()),
                text(attempt.gateway.as_deref()),
                text(attempt.protocol.map(Protocol::word)),
                text(Some(attempt.outcome.word())),
                Value::Integer(session.into()),
                text(Some(attempt.reached.word())),
                text(attempt.cause),
                text(attempt.end_reason.map(EndReason::word)),
                counter(attempt.bytes_to_client),
                counter(attempt.bytes_from_client),
                attempt.duration_s.map_or(Value::Null, Value::Real),
                counter(Some(attempt.times)),
                Value::Text(json),
            ]),
        }
    }

    pub(super) fn write(&self, db: &Connection) -> rusqlite::Result<()> {
        db.prepare_cached(
            "INSERT INTO attempt (
                 id, started, up, ended, last_seen, user, client_ip, claimed_ip, assigned_ip, interface, gateway,
                 protocol, outcome, session, reached, cause, end_reason, bytes_to_client, bytes_from_client,
                 duration_s, times, json)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET
                 started = excluded.started, up = excluded.up, ended = excluded.ended,
                 last_seen = excluded.last_seen, user = excluded.user, client_ip = excluded.client_ip,
                 claimed_ip = excluded.claimed_ip, assigned_ip = excluded.assigned_ip,
                 interface = excluded.interface, gateway = excluded.gateway, protocol = excluded.protocol,
                 outcome = excluded.outcome, session = excluded.session, reached = excluded.reached,
                 cause = excluded.cause, end_reason = excluded.end_reason,
                 bytes_to_client = excluded.bytes_to_client, bytes_from_client = excluded.bytes_from_client,
                 duration_s = excluded.duration_s, times = excluded.times, json = excluded.json",
        )?
        .execute(params_from_iter(&*self.values))
        .map(drop)
    }
}

/// An attempt of a row: what sums and lists are made of. Its cause, evidence, port and method of log-in are in its line alone.
pub(super) fn attempt_of(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    let text = |at: usize| {
        row.get::<_, Option<String>>(at)
            .map(|text| text.map(String::into_boxed_str))
    };
    let word = |at: usize| row.get::<_, Option<String>>(at).map(Option::unwrap_or_default);
    let address = |at: usize| Ok::<_, rusqlite::Error>(word(at)?.parse().ok());
    let counter = |at: usize| {
        row.get::<_, Option<i64>>(at)
            .map(|count| count.map(|count| count as u64))
    };
    Ok(Attempt {
        id: row.get::<_, i64>(0)? as u64,
        started: row.get(1)?,
        up: row.get(2)?,
        ended: row.get(3)?,
        last_seen: row.get(4)?,
        user: text(5)?,
        client_ip: address(6)?,
        claimed_ip: address(7)?,
        assigned_ip: address(8)?,
        interface: text(9)?,
        gateway: text(10)?,
        protocol: Protocol::from_word(&word(11)?),
        outcome: Outcome::from_word(&word(12)?).unwrap_or(Outcome::Unfinished),
        reached: Layer::from_word(&word(13)?).unwrap_or(Layer::Control),
        end_reason: EndReason::from_word(&word(14)?),
        bytes_to_client: counter(15)?,
        bytes_from_client: counter(16)?,
        duration_s: row.get(17)?,
        times: counter(18)?.unwrap_or(1),
        client_port: None,
        failed_at: None,
        cause: None,
        confidence: None,
        server_ip: None,
        auth_method: None,
        mppe_bits: None,
        backend: None,
        exposed: None,
        assumed: Assumed::default(),
        evidence: Vec::new(),
        trail: Default::default(),
        heard: Default::default(),
    })
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingRow {
    /// Made of what makes it this finding and no other (rule, sources, users, first time), so that a finding which is told again after a
    /// restart is the same row.
    pub id: u64,
    /// When the alarm sounded, microseconds UTC.
    pub alarm_time: i64,
    /// The rule's id.
    pub rule: String,
    /// How bad it is.
    pub severity: FindingSeverity,
    /// The contract's line.
    pub json: String,
}

impl FindingRow {
    pub(super) fn write(&self, db: &Connection) -> rusqlite::Result<()> {
        let FindingRow {
            id,
            alarm_time,
            rule,
            severity,
            json,
        } = self;
        let values: [&dyn ToSql; 5] = [&(*id as i64), alarm_time, rule, &rank(*severity), json];
        db.prepare_cached(
            "INSERT OR REPLACE INTO finding (id, alarm_time, rule, severity, json) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(values)
        .map(drop)
    }
}

/// Severities as numbers that can be compared: 0 is info.
pub(super) fn rank(severity: FindingSeverity) -> i64 {
    let all = FindingSeverity::ALL.iter();
    all.take_while(|(known, _)| *known < severity).count() as i64
}
