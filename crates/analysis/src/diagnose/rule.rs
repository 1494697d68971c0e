//! What a rule is, and how the rules agree on one cause.

use tunlog_model::{Clue, Confidence, Layer, Outcome, Role};

use super::tell::{self, Telling};
use super::{Case, Diagnosis, Texts, rules};

/// Whose voice a rule needs, to be sure that what is not in the log did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The PPTP or L2TP daemon.
    Tunnel,
    /// The PPP daemon.
    Ppp,
    /// PPP's packets: `debug` in the PPP options.
    Packets,
    /// The RADIUS server's own log.
    Radius,
    /// The packet filter.
    Firewall,
    /// The IKE daemon.
    Ike,
}

impl Need {
    /// Whether it was heard about this attempt (servers and filters: at all).
    pub fn is_met(self, case: &Case<'_>) -> bool {
        let whole = case.told_by(Role::Server);
        match self {
            Need::Tunnel => {
                whole
                    || [Role::Pptp, Role::L2tp, Role::Caller]
                        .into_iter()
                        .any(|role| case.told_by(role))
            }
            Need::Ppp => whole || case.told_by(Role::Ppp),
            Need::Packets => case.tells_packets(),
            Need::Radius => case.heard.role(Role::Radius),
            Need::Firewall => case.heard.role(Role::Firewall),
            Need::Ike => case.heard.role(Role::Ike),
        }
    }

    /// How to get it.
    pub fn how(self) -> &'static str {
        match self {
            Need::Tunnel => "the tunnel daemon's own lines (pptpd or xl2tpd: facility daemon in syslog)",
            Need::Ppp => "pppd's lines (facility local2, which many syslog rules leave out)",
            Need::Packets => {
                "the packets of the negotiation: `debug` in /etc/ppp/pptpd-options or /etc/ppp/options.xl2tpd, then one more try"
            }
            Need::Radius => "the RADIUS server's log of the same minute, with `auth = yes` in radiusd.conf",
            Need::Firewall => "the firewall's log of the same minute, with a LOG rule before the one that drops",
            Need::Ike => "the IKE daemon's log of the same minute (charon or pluto)",
        }
    }
}

/// What a rule thinks of an attempt.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The contract's cause.
    pub cause: &'static str,
    /// How sure.
    pub confidence: Confidence,
    /// Where it stopped.
    pub layer: Layer,
    /// The line that gives it away.
    pub clue: Option<Clue<'a>>,
}

impl<'a> Claim<'a> {
    /// The log says so.
    pub fn certain(cause: &'static str, layer: Layer, clue: Clue<'a>) -> Option<Claim<'a>> {
        Claim::new(cause, layer, Confidence::Certain, Some(clue))
    }

    /// The evidence points there.
    pub fn likely(cause: &'static str, layer: Layer, clue: Option<Clue<'a>>) -> Option<Claim<'a>> {
        Claim::new(cause, layer, Confidence::Likely, clue)
    }

    /// It could be.
    pub fn possible(cause: &'static str, layer: Layer, clue: Option<Clue<'a>>) -> Option<Claim<'a>> {
        Claim::new(cause, layer, Confidence::Possible, clue)
    }

    fn new(cause: &'static str, layer: Layer, confidence: Confidence, clue: Option<Clue<'a>>) -> Option<Claim<'a>> {
        Some(Claim {
            cause,
            confidence,
            layer,
            clue,
        })
    }
}

/// One rule: which causes it tells, what it has to have heard, when it knows better than the correlator, and its words.
pub struct Rule {
    /// The name of its file.
    pub name: &'static str,
    /// The causes that it tells.
    pub causes: &'static [&'static str],
    /// How it decides, for those who want to know.
    pub explanation: &'static str,
    /// Whose voices decide.
    pub needs: &'static [Need],
    /// Another opinion than the correlator's.
    pub claim: for<'a> fn(&Case<'a>) -> Option<Claim<'a>>,
    /// What it adds to the words that every diagnosis has.
    pub tell: for<'a> fn(&Case<'a>, &Claim<'a>, &mut Telling<'a>),
}

/// No opinion of its own: the correlator decides.
pub fn no_claim<'a>(_: &Case<'a>) -> Option<Claim<'a>> {
    None
}

/// The diagnoses of an attempt: its fault, if there is one, and that it is not encrypted.
pub fn diagnose(case: &Case<'_>, texts: Texts) -> Vec<Diagnosis> {
    let mut found = Vec::new();
    if let Some(claim) = judge(case) {
        found.push(tell::of(case, &claim, texts));
    }
    if let Some(claim) = (rules::UNENCRYPTED.claim)(case) {
        found.push(tell::of(case, &claim, texts));
    }
    found
}

/// The rules in their order, the first that knows better; else the correlator's opinion.
fn judge<'a>(case: &Case<'a>) -> Option<Claim<'a>> {
    let claimed = rules::ALL
        .iter()
        .filter(|rule| !rule.causes.contains(&"unencrypted"))
        .find_map(|rule| (rule.claim)(case));
    claimed.or_else(|| opinion(case))
}

fn opinion<'a>(case: &Case<'a>) -> Option<Claim<'a>> {
    if case.attempt.outcome != Outcome::Failed {
        return None;
    }
    let (cause, confidence) = case.opinion()?;
    Some(Claim {
        cause,
        confidence,
        layer: case.attempt.failed_at.unwrap_or(case.attempt.reached),
        clue: case.blames(cause),
    })
}

/// The rule of a cause.
pub fn of(cause: &str) -> Option<&'static Rule> {
    rules::ALL.iter().copied().find(|rule| rule.causes.contains(&cause))
}
