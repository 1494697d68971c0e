//! An attempt for tests of tables.

use tunlog_model::{Assumed, Attempt, Layer, Outcome};

/// Of a user, begun and over at a second.
pub fn attempt(user: Option<&str>, outcome: Outcome, at: i64) -> Attempt {
    Attempt {
        id: 0,
        protocol: None,
        gateway: None,
        client_ip: Some([203, 0, 113, 7].into()),
        client_port: None,
        claimed_ip: None,
        user: user.map(Into::into),
        started: at * 1_000_000,
        up: Some(at * 1_000_000),
        ended: None,
        duration_s: Some(60.0),
        outcome,
        reached: Layer::Control,
        failed_at: None,
        cause: None,
        confidence: None,
        assigned_ip: None,
        server_ip: None,
        interface: None,
        auth_method: None,
        mppe_bits: None,
        bytes_to_client: Some(10),
        bytes_from_client: Some(3),
        end_reason: None,
        backend: None,
        exposed: None,
        last_seen: at * 1_000_000,
        times: 1,
        assumed: Assumed::default(),
        evidence: Vec::new(),
        trail: Default::default(),
        heard: Default::default(),
    }
}
