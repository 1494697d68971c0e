//! How far an attempt got, step by step, as people draw it when they debug by hand: the control connection, the data
//! channel, the link, authentication, encryption, addresses, traffic.

use tunlog_model::{Attempt, Layer, Outcome, Protocol};

/// What is known of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It worked.
    Passed,
    /// Here it ended.
    Failed,
    /// The evidence does not tell: it is optional, or nothing of it was logged.
    Untold,
    /// It never came to this.
    NotReached,
}

impl Step {
    /// Every step with its word.
    pub const ALL: &[(Step, &str)] = &[
        (Step::Passed, "passed"),
        (Step::Failed, "failed"),
        (Step::Untold, "not told"),
        (Step::NotReached, "not reached"),
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        Step::ALL
            .iter()
            .find(|(step, _)| *step == self)
            .map_or("", |(_, word)| word)
    }
}

/// One rung of the ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Its name on a page.
    pub name: &'static str,
    /// The layer that speaks of it; absent where none does by itself.
    pub layer: Option<Layer>,
    /// What is known of it.
    pub step: Step,
}

type Names = &'static [(&'static str, Option<Layer>)];

const PPP: Names = &[
    ("LCP", Some(Layer::Lcp)),
    ("Authentication", Some(Layer::Auth)),
    ("Encryption", Some(Layer::Ccp)),
    ("IPCP", Some(Layer::Ipcp)),
    ("Traffic", Some(Layer::Data)),
];
/// RFC 2637 §1.1: a control connection and, beside it, enhanced GRE.
const PPTP: Names = &[("TCP 1723", Some(Layer::Control)), ("GRE", Some(Layer::Gre))];
/// RFC 2661: control messages and data share one UDP port.
const L2TP: Names = &[("UDP 1701", Some(Layer::Control))];
/// RFC 3193: the same inside IPsec. No message is of ESP alone.
const L2TP_IPSEC: Names = &[
    ("IKE", Some(Layer::Ike)),
    ("ESP", None),
    ("UDP 1701", Some(Layer::Control)),
];
const ANY: Names = &[("Control", Some(Layer::Control))];
const GATEWAY: (&str, Option<Layer>) = ("Gateway", Some(Layer::System));

/// The ladder of an attempt.
pub fn ladder(attempt: &Attempt) -> Vec<Rung> {
    let lower = match attempt.protocol {
        Some(Protocol::Pptp) => PPTP,
        Some(Protocol::L2tp) if attempt.failed_at == Some(Layer::Ike) => L2TP_IPSEC,
        Some(Protocol::L2tp) => L2TP,
        Some(Protocol::L2tpIpsec) => L2TP_IPSEC,
        None if attempt.failed_at == Some(Layer::Ike) => L2TP_IPSEC,
        None if attempt.failed_at == Some(Layer::Gre) => PPTP,
        None => ANY,
    };
    let gateway = (attempt.failed_at == Some(Layer::System)).then_some(GATEWAY);
    let names: Vec<_> = gateway.iter().chain(lower).chain(PPP).copied().collect();
    let failed = failed_rung(attempt, &names);
    let rungs = names.iter().enumerate();
    rungs
        .map(|(at, &(name, layer))| Rung {
            name,
            layer,
            step: match failed {
                Some(failed) if failed == at => Step::Failed,
                // pppd counts bytes of every link: of one that failed they are those of its negotiation
                Some(failed) if failed < at && attempt.reached == Layer::Data => Step::NotReached,
                _ => step(attempt, layer, failed.is_some_and(|failed| at < failed)),
            },
        })
        .collect()
}

/// Which rung an attempt failed at.
fn failed_rung(attempt: &Attempt, names: &[(&str, Option<Layer>)]) -> Option<usize> {
    let position = |wanted: Option<Layer>| names.iter().position(|(_, layer)| *layer == wanted);
    if attempt.outcome != Outcome::Failed {
        return None;
    }
    if attempt.cause == Some("esp-blocked") {
        return position(None);
    }
    let layer = match attempt.failed_at? {
        // a packet filter stands in the way of the next that has to pass
        Layer::Firewall if attempt.reached >= Layer::Control && position(Some(Layer::Gre)).is_some() => Layer::Gre,
        Layer::Firewall if attempt.reached < Layer::Ike && position(Some(Layer::Ike)).is_some() => Layer::Ike,
        Layer::Firewall => Layer::Control,
        Layer::Radius => Layer::Auth,
        layer => layer,
    };
    position(Some(layer))
}

fn step(attempt: &Attempt, layer: Option<Layer>, below_the_failed: bool) -> Step {
    let came_to = |layer: Layer| attempt.reached >= layer;
    let passed = match layer {
        // ESP has carried whatever came through it
        None => came_to(Layer::Control),
        // the reached layers are those above system; whatever it was, it did not keep the gateway from running
        Some(Layer::System) => true,
        // optional: passed only if keys were agreed
        Some(Layer::Ccp) => attempt.mppe_bits.is_some(),
        Some(Layer::Data) => attempt.bytes_to_client.is_some() || came_to(Layer::Data),
        Some(layer) => came_to(layer),
    };
    let optional = layer == Some(Layer::Ccp) && attempt.reached > Layer::Ccp;
    let open = layer == Some(Layer::Data) && attempt.outcome == Outcome::Open;
    match passed {
        true => Step::Passed,
        false if below_the_failed || optional || open => Step::Untold,
        false => Step::NotReached,
    }
}
