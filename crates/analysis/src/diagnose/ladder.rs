//! How far an attempt got, layer by layer, as people draw it when they debug by hand.

use tunlog_model::{Attempt, Clue, EventKind, Layer, Outcome, Protocol};

/// What is known of one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It worked.
    Worked,
    /// It stopped here.
    Stopped,
    /// It was not come to.
    NotReached,
    /// The evidence does not tell.
    NotTold,
    /// It is up without it (encryption).
    Without,
}

impl State {
    /// Every state with its word.
    pub const ALL: &[(State, &str)] = &[
        (State::Worked, "worked"),
        (State::Stopped, "stopped"),
        (State::NotReached, "not-reached"),
        (State::NotTold, "not-told"),
        (State::Without, "without"),
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        let found = Self::ALL.iter().find(|(state, _)| *state == self);
        found.map_or("", |(_, word)| word)
    }
}

/// One rung.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What people call it.
    pub name: &'static str,
    /// The layer of the contract.
    pub layer: Layer,
    /// What is known of it.
    pub state: State,
}

const PPP: &[(&str, Layer)] = &[
    ("LCP", Layer::Lcp),
    ("authentication", Layer::Auth),
    ("encryption", Layer::Ccp),
    ("IPCP", Layer::Ipcp),
    ("traffic", Layer::Data),
];

/// The ladder of an attempt that stopped for this cause at this layer; absent: nothing stopped it.
pub fn of(attempt: &Attempt, stopped: Option<(&str, Layer)>) -> Vec<Step> {
    let carrier: &[(&str, Layer)] = match attempt.protocol {
        Some(Protocol::Pptp) => &[("TCP 1723", Layer::Control), ("GRE", Layer::Gre)],
        Some(Protocol::L2tp) => &[("UDP 1701", Layer::Control)],
        Some(Protocol::L2tpIpsec) => &[
            ("IKE UDP 500/4500", Layer::Ike),
            ("ESP", Layer::Gre),
            ("UDP 1701", Layer::Control),
        ],
        None => &[("tunnel", Layer::Control)],
    };
    let all: Vec<(&'static str, Layer)> = carrier.iter().chain(PPP).copied().collect();
    let stop = stopped.map(|(cause, layer)| place(rung(cause).unwrap_or(layer), attempt, &all));
    let reached = all.iter().rposition(|(_, layer)| worked(attempt, *layer));
    let state = |at: usize, layer: Layer| match (stop, reached) {
        (Some(stop), _) if at == stop => State::Stopped,
        (Some(stop), _) if at > stop => State::NotReached,
        _ if layer == Layer::Ccp && attempt.up.is_some() && attempt.mppe_bits.is_none() => {
            match said(attempt, EventKind::EncryptionAgreed) {
                true => State::Worked,
                false if attempt.protocol == Some(Protocol::L2tpIpsec) => State::Worked,
                false => State::Without,
            }
        }
        (Some(_), _) => State::Worked,
        (None, Some(reached)) if at <= reached => State::Worked,
        _ => State::NotTold,
    };
    let steps = all.iter().enumerate().map(|(at, (name, layer))| Step {
        name,
        layer: *layer,
        state: state(at, *layer),
    });
    steps.collect()
}

/// The rung that a cause breaks, whoever says so: a packet filter speaks of any.
fn rung(cause: &str) -> Option<Layer> {
    match cause {
        "gre-blocked" | "conntrack-helper-missing" | "esp-blocked" => Some(Layer::Gre),
        "control-unreachable" | "not-vpn-traffic" | "abandoned" => Some(Layer::System),
        cause if cause.starts_with("ike-") => Some(Layer::Ike),
        _ => None,
    }
}

/// The rung of a layer: what has none of its own stands where it is felt.
fn place(layer: Layer, attempt: &Attempt, all: &[(&'static str, Layer)]) -> usize {
    let felt = match layer {
        // the lowest rung there is
        Layer::System if !attempt.trail.iter().any(said_by_ppp) => return 0,
        Layer::System | Layer::Firewall => match attempt.trail.iter().any(said_by_ppp) {
            true => Layer::Lcp,
            false => Layer::Control,
        },
        Layer::Radius => Layer::Auth,
        layer => layer,
    };
    let own = all.iter().position(|(_, known)| *known == felt);
    own.or_else(|| all.iter().position(|(_, known)| *known >= felt && *known != Layer::Gre))
        .unwrap_or(0)
}

fn said_by_ppp(clue: Clue<'_>) -> bool {
    clue.message.role == tunlog_model::Role::Ppp
}

fn said(attempt: &Attempt, kind: EventKind) -> bool {
    attempt.trail.iter().any(|clue| clue.message.kind == kind)
}

fn worked(attempt: &Attempt, layer: Layer) -> bool {
    match layer {
        Layer::Data => attempt
            .bytes_to_client
            .or(attempt.bytes_from_client)
            .is_some_and(|bytes| bytes > 0),
        Layer::Ipcp => matches!(attempt.outcome, Outcome::Established | Outcome::Open),
        layer => attempt.reached >= layer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_has_its_word() {
        let words: Vec<&str> = State::ALL.iter().map(|(state, _)| state.word()).collect();
        assert_eq!(words, ["worked", "stopped", "not-reached", "not-told", "without"]);
    }
}
