//! Findings and attempts to be told.

use std::net::IpAddr;

use tunlog_analysis::detect::{Finding, Network, Severity};
use tunlog_ingest::{Discovered, SourceKind, SourceSpec};
use tunlog_model::{Assumed, Attempt, EndReason, Evidence, Layer, Outcome, Protocol, SourceId};
use tunlog_pipeline::Sources;

use crate::log::{Config, Level, Log};
use crate::notify::notice::{Kind, Notice};

/// 2026-11-18T11:06:40Z
pub const NOW: i64 = 1_795_000_000_000_000;

/// An address, or a network of one.
pub fn network(text: &str) -> Network {
    let address: IpAddr = text.parse().expect("an address");
    let bits = if address.is_ipv4() { 32 } else { 128 };
    Network { address, bits }
}

/// What brute force against somebody gives.
pub fn finding(source: &str, user: &str, severity: Severity, time: i64) -> Finding {
    Finding {
        rule: "brute-force",
        severity,
        techniques: &["T1110.001"],
        sources: vec![network(source)],
        claimed: false,
        users: vec![user.into()],
        first: time - 60_000_000,
        last: time,
        attempts: 20,
        succeeded: Vec::new(),
        alarm_time: time,
        summary: format!("20 passwords of {user} were refused within 60 s"),
        actions: &["Block the address."],
        evidence: vec![Evidence {
            source: SourceId(0),
            line: 7,
            text: "a line".into(),
        }],
    }
}

/// A session that is over.
pub fn attempt(id: u64, user: &str) -> Attempt {
    Attempt {
        id,
        protocol: Some(Protocol::Pptp),
        gateway: Some("vpn1".into()),
        client_ip: "203.0.113.7".parse().ok(),
        client_port: None,
        claimed_ip: None,
        user: Some(user.into()),
        started: NOW,
        up: Some(NOW + 1_000_000),
        ended: Some(NOW + 61_000_000),
        duration_s: Some(60.0),
        outcome: Outcome::Established,
        reached: Layer::Data,
        failed_at: None,
        cause: None,
        confidence: None,
        assigned_ip: "192.0.2.9".parse().ok(),
        server_ip: None,
        interface: None,
        auth_method: Some("ms-chap-v2"),
        mppe_bits: Some(128),
        bytes_to_client: Some(2048),
        bytes_from_client: Some(1024),
        end_reason: Some(EndReason::UserRequest),
        backend: None,
        exposed: None,
        last_seen: NOW + 61_000_000,
        times: 1,
        assumed: Assumed(0),
        evidence: vec![Evidence {
            source: SourceId(0),
            line: 8,
            text: "another line".into(),
        }],
        trail: Default::default(),
        heard: Default::default(),
    }
}

/// The sources that evidence speaks of.
pub fn sources() -> Sources {
    Sources::of(&Discovered {
        specs: vec![SourceSpec::new("vpn.log", 0, SourceKind::Stdin)],
        ..Discovered::default()
    })
}

/// A finding as a notice.
pub fn notice(source: &str, user: &str, severity: Severity, time: i64) -> Notice {
    Notice::of_finding(&finding(source, user, severity, time), &sources())
}

/// A connection as a notice.
pub fn connected(id: u64, user: &str) -> Notice {
    Notice::of_attempt(Kind::Connected, &attempt(id, user), &sources())
}

/// A log that says what is wrong.
pub fn log() -> Log {
    Log::new(&Config {
        level: Level::Error,
        ..Config::default()
    })
}
