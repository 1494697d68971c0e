//! The words of a diagnosis: what everyone has, and what the rule of its cause adds.

use std::borrow::Cow;

use tunlog_model::{Attempt, Clue, Confidence, EventKind, Evidence, Layer, Role};

use super::rule::{self, Claim, Need};
use super::{Case, Diagnosis, Texts, ladder};

/// Most actions.
const ACTIONS_MAX: usize = 6;

/// What a rule says; what it leaves out is taken from the message that gave the cause away, or from the cause in general.
#[derive(Default)]
pub struct Telling<'a> {
    /// What happened: one or two sentences.
    pub summary: String,
    /// What to do before what is said of the cause in general.
    pub actions: Vec<Cow<'static, str>>,
    /// What else it may be.
    pub alternatives: Vec<(&'static str, Confidence)>,
    /// Which further evidence would decide.
    pub decides: Vec<String>,
    /// The lines that prove it, besides those that speak for the cause.
    pub proof: Vec<Clue<'a>>,
    /// Lines of elsewhere that belong to it.
    pub beside: Vec<Clue<'a>>,
    /// Leave out what is said of the cause in general.
    pub only_own_actions: bool,
}

impl<'a> Telling<'a> {
    /// Adds something to do.
    pub fn action(&mut self, text: impl Into<Cow<'static, str>>) {
        self.actions.push(text.into());
    }

    /// Adds another possibility.
    pub fn or(&mut self, cause: &'static str, confidence: Confidence) {
        self.alternatives.push((cause, confidence));
    }

    /// Adds what would decide.
    pub fn decide(&mut self, text: impl Into<String>) {
        self.decides.push(text.into());
    }
}

/// The diagnosis of an attempt as a claim has it.
pub fn of(case: &Case<'_>, claim: &Claim<'_>, texts: Texts) -> Diagnosis {
    let attempt = case.attempt;
    let mut telling = Telling::default();
    if let Some(rule) = rule::of(claim.cause) {
        (rule.tell)(case, claim, &mut telling);
        if claim.confidence != Confidence::Certain {
            let missing = rule.needs.iter().filter(|need| !need.is_met(case));
            telling.decides.extend(missing.map(|need| Need::how(*need).to_owned()));
        }
    }
    if case.heard.gaps && claim.confidence != Confidence::Certain {
        telling.decide(
            "lines that are missing: the writer says that some were lost, so what is not in the log may have happened",
        );
    }
    let mut diagnosis = blank(attempt, claim.cause, claim.layer, claim.confidence, texts);
    let clue = claim.clue.or_else(|| case.blames(claim.cause));
    if case.is_of_its_own_kind() {
        advise_its_kind(case, clue, &mut telling);
    }
    diagnosis.summary = summary(telling.summary, claim.cause, clue, texts);
    diagnosis.actions = guarded(
        actions(telling.actions, telling.only_own_actions, clue, claim.cause, texts),
        attempt,
    );
    telling.alternatives.retain(|(cause, _)| *cause != claim.cause);
    diagnosis.alternatives = telling.alternatives;
    telling.decides.dedup();
    diagnosis.decides = telling.decides;
    let stopped = (claim.cause != "unencrypted").then_some((claim.cause, claim.layer));
    diagnosis.ladder = ladder::of(attempt, stopped);
    let (proof, beside) = (telling.proof, telling.beside);
    let tells = |clue: &Clue<'_>| {
        is_telling(*clue) || clue.message.blames == Some(claim.cause) || proof.iter().any(|known| known.is(*clue))
    };
    let mut shown: Vec<Clue<'_>> = case.clues().filter(tells).chain(beside).collect();
    shown.sort_by_key(|clue| clue.time);
    if shown.is_empty() {
        shown = case.clues().collect();
    }
    diagnosis.set_lines(lines(shown.into_iter()));
    diagnosis
}

/// What the rules advise is for daemons of Unix: here the event that tells of the cause knows better, or the last that tells
/// of the failure.
fn advise_its_kind<'a>(case: &Case<'a>, clue: Option<Clue<'a>>, telling: &mut Telling<'a>) {
    let advises = |clue: &Clue<'_>| clue.message.own_advice && !matches!(clue.message.action, "" | "none");
    let told = clue.filter(advises).or_else(|| case.clues().rev().find(advises));
    telling.actions.clear();
    telling.decides.clear();
    telling.only_own_actions = told.is_some();
    telling
        .actions
        .extend(told.map(|clue| Cow::Borrowed(clue.message.action)));
    let asked = case.told_by(Role::Radius) || case.told_by(Role::Backend);
    if !asked && !case.is_calling() && case.has(EventKind::AuthFailed) {
        telling.decide("event 6273 of NPS, or 4625 and 4776 of the Security log, of the same second: they tell name, password and policy apart");
    }
}

/// A diagnosis without words of its own.
pub fn blank(attempt: &Attempt, cause: &'static str, layer: Layer, confidence: Confidence, texts: Texts) -> Diagnosis {
    Diagnosis {
        attempt: Some(attempt.id),
        cause,
        layer,
        confidence,
        summary: String::new(),
        actions: guarded(actions(Vec::new(), false, None, cause, texts), attempt),
        alternatives: Vec::new(),
        decides: Vec::new(),
        ladder: ladder::of(attempt, None),
        protocol: attempt.protocol,
        gateway: attempt.gateway.clone(),
        client_ip: attempt.client_ip,
        claimed_ip: attempt.claimed_ip,
        assigned_ip: attempt.assigned_ip,
        user: attempt.user.clone(),
        time: attempt.started,
        last: attempt.last_seen,
        outcome: Some(attempt.outcome),
        times: attempt.times,
        backend: attempt.backend,
        exposed: attempt.exposed,
        evidence: Vec::new(),
        times_of: Vec::new(),
        packed: Default::default(),
    }
}

/// Two sentences: what happened, and what usually is to blame.
pub fn summary(own: String, cause: &str, clue: Option<Clue<'_>>, texts: Texts) -> String {
    let general = texts(cause);
    let said = clue
        .map(|clue| clue.message)
        .filter(|message| message.blames == Some(cause));
    let what = match (own.is_empty(), said) {
        (false, _) => own,
        (true, Some(message)) if !message.meaning.is_empty() => message.meaning.to_owned(),
        _ => general.map_or(String::new(), |text| text.meaning.to_owned()),
    };
    if sentences(&what) > 1 {
        return what;
    }
    let why = said
        .map(|message| message.cause)
        .filter(|cause| !cause.is_empty() && *cause != "none")
        .or(general.map(|text| text.cause));
    match why {
        Some(why) if !why.is_empty() => format!("{what} {why}"),
        _ => what,
    }
}

fn sentences(text: &str) -> usize {
    text.matches(". ").count() + usize::from(text.ends_with('.'))
}

/// What the rule says, then the message, then the cause in general.
pub fn actions(
    own: Vec<Cow<'static, str>>,
    only_own: bool,
    clue: Option<Clue<'_>>,
    cause: &str,
    texts: Texts,
) -> Vec<Cow<'static, str>> {
    let mut all = own;
    if !only_own {
        let said = clue
            .map(|clue| clue.message)
            .filter(|message| message.blames == Some(cause));
        all.extend(
            said.map(|message| message.action)
                .filter(|action| !action.is_empty() && *action != "none")
                .map(Cow::Borrowed),
        );
        let general = texts(cause).map_or(&[][..], |text| text.actions);
        all.extend(general.iter().map(|action| Cow::Borrowed(*action)));
    }
    let mut kept: Vec<Cow<'static, str>> = Vec::with_capacity(all.len());
    for action in all {
        if !kept.contains(&action) && kept.len() < ACTIONS_MAX {
            kept.push(action);
        }
    }
    kept
}

/// What to do about a login that a capture gives away stands last: it mends nothing, and must not be left out.
fn guarded(mut actions: Vec<Cow<'static, str>>, attempt: &Attempt) -> Vec<Cow<'static, str>> {
    let found = match attempt.exposed {
        None => return actions,
        Some("pap") => "shows this login's password in the clear (PAP): forbid PAP (`refuse-pap`, `require-mschap-v2`)",
        Some("ms-chap" | "ms-chap-v2") => {
            "holds challenge and response of this login (MS-CHAP), which one search of 2^56 keys opens, whatever the password: let PPTP's successor or IPsec carry such logins"
        }
        Some(_) => "holds challenge and response of this login (CHAP), against which passwords can be tried offline",
    };
    let told = format!(
        "The capture exposes credentials. It {found}; keep the file secret, delete it when it has served, and change the password."
    );
    actions.push(told.into());
    actions
}

/// Clues as evidence, with their times.
pub fn lines<'a>(clues: impl Iterator<Item = Clue<'a>>) -> Vec<(i64, Evidence)> {
    let line = |clue: Clue<'a>| {
        let item = Evidence {
            source: clue.source,
            line: clue.line,
            text: clue.text().into(),
        };
        (clue.time, item)
    };
    clues.map(line).collect()
}

/// Lines that say something of their own: no chatter, and not what every start of a daemon says.
fn is_telling(clue: Clue<'_>) -> bool {
    use EventKind::*;
    let is_routine = matches!(
        clue.message.kind,
        PluginLoaded | ProcessStarted | ScriptRun | DaemonStarted
    );
    if is_routine && clue.message.blames.is_none() {
        return false;
    }
    !clue.message.kind.is_detail() || clue.message.blames.is_some() || clue.message.end_reason.is_some()
}
