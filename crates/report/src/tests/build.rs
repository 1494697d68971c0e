//! Attempts and pppd events by hand: the decoder and the correlator are other rooms.

use jiff::tz::TimeZone;
use tunlog_model::{
    Assumed, Attempt, Confidence, Event, EventBatch, EventKind, EventParts, Field, Layer, Message, Outcome, RecordTime,
    Severity, SourceId, Stamp, Value,
};

use crate::Look;

/// 2026-11-20T09:00:00Z.
pub const MORNING: i64 = 1_795_165_200_000_000;

pub fn utc() -> Look {
    Look {
        zone: TimeZone::UTC,
        color: false,
    }
}

pub fn at(minute: i64, second: i64) -> i64 {
    MORNING + (minute * 60 + second) * 1_000_000
}

/// A session that was up for half an hour.
pub fn session(user: &str, started: i64) -> Attempt {
    Attempt {
        id: 0x1234,
        protocol: Some(tunlog_model::Protocol::Pptp),
        gateway: Some("vpn".into()),
        client_ip: "203.0.113.15".parse().ok(),
        client_port: None,
        claimed_ip: None,
        user: Some(user.into()),
        started,
        up: Some(started),
        ended: Some(started + 1_800_000_000),
        duration_s: Some(1800.0),
        outcome: Outcome::Established,
        reached: Layer::Ipcp,
        failed_at: None,
        cause: None,
        confidence: None,
        assigned_ip: "192.168.0.10".parse().ok(),
        server_ip: None,
        interface: Some("ppp0".into()),
        auth_method: Some("ms-chap-v2"),
        mppe_bits: Some(128),
        bytes_to_client: Some(1_500_000),
        bytes_from_client: Some(250_000),
        end_reason: None,
        backend: None,
        exposed: None,
        last_seen: started + 1_800_000_000,
        times: 1,
        assumed: Assumed::default(),
        evidence: Vec::new(),
        trail: Default::default(),
        heard: Default::default(),
    }
}

/// One that is up.
pub fn open(user: &str, started: i64) -> Attempt {
    Attempt {
        ended: None,
        duration_s: None,
        outcome: Outcome::Open,
        bytes_to_client: None,
        bytes_from_client: None,
        last_seen: started,
        ..session(user, started)
    }
}

/// One that was refused.
pub fn failed(user: Option<&str>, started: i64) -> Attempt {
    Attempt {
        user: user.map(Into::into),
        up: None,
        ended: Some(started + 3_000_000),
        duration_s: None,
        outcome: Outcome::Failed,
        failed_at: Some(Layer::Auth),
        cause: Some("wrong-credentials"),
        assigned_ip: None,
        interface: None,
        bytes_to_client: None,
        bytes_from_client: None,
        last_seen: started + 3_000_000,
        ..session("", started)
    }
}

pub fn message(id: &'static str, kind: EventKind) -> &'static Message {
    Box::leak(Box::new(Message {
        dialect: "pppd",
        role: tunlog_model::Role::Ppp,
        id,
        severity: Severity::Info,
        layer: Layer::Lcp,
        kind,
        blames: None,
        confidence: Confidence::Certain,
        fails_at: Layer::Control,
        end_reason: None,
        calling: false,
        secret: false,
        concerns_attempts: true,
        concerns_audit: false,
        templates: &[],
        packet: None,
        meaning: "",
        cause: "none",
        own_advice: false,
        action: "none",
        source: "",
        versions: "",
        vendor: tunlog_model::Vendor::default(),
    }))
}

pub enum Fact<'a> {
    Ip(&'a str),
    Text(&'a str),
    Int(i64),
}

/// Gives an event of pppd to `see`.
pub fn pppd(
    pid: u32,
    time: i64,
    message: &'static Message,
    facts: &[(Field, Fact<'_>)],
    see: &mut dyn FnMut(&Event<'_>),
) {
    let mut batch = EventBatch::new(Vec::new());
    let mut values = Vec::new();
    for (field, fact) in facts {
        let value = match fact {
            Fact::Ip(ip) => Value::Ip(ip.parse().expect("an address")),
            Fact::Text(text) => Value::Text(batch.keep(text.as_bytes())),
            Fact::Int(number) => Value::Int(*number),
        };
        values.push((*field, value));
    }
    let (raw, host, app) = (batch.keep(b"the line"), batch.keep(b"vpn"), batch.keep(b"pppd"));
    let parts = EventParts {
        message,
        stamp: Stamp::Instant(time),
        line: 7,
        raw,
        host,
        app,
        cmdline: tunlog_model::Span::default(),
        pid,
        severity: Severity::Info,
        trusted: true,
    };
    values
        .drain(..)
        .for_each(|(field, value)| batch.add_value(field, value));
    batch.push(parts);
    let Some(tunlog_model::Entry::Event(raw)) = batch.entries.first() else {
        panic!("an event was pushed")
    };
    see(&Event::new(
        &batch,
        raw,
        RecordTime {
            micros: time,
            assumed: Assumed::YEAR,
        },
        SourceId(0),
    ));
}
