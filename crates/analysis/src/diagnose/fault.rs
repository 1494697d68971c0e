//! Faults that belong to no attempt: lines that speak for a cause and that no attempt took.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use tunlog_model::{
    Attempt, Clue, Confidence, Event, EventKind, Evidence, Field, Layer, Message, Role, SourceId, text,
};

use super::heard::BACKEND_APART_MAX;
use super::{Diagnosis, Texts, tell};
use crate::correlate::FirstHand;

/// How many lines wait to be taken by an attempt that closes later.
const WAITING_MAX: usize = 8192;
/// How many faults are told apart.
const FAULTS_MAX: usize = 1024;
/// Lines of evidence of one fault.
const EVIDENCE_MAX: usize = 8;

/// A line that no attempt has taken yet.
#[derive(Clone, Debug)]
struct Line {
    time: i64,
    message: &'static Message,
    pid: u32,
    source: SourceId,
    line: u64,
    /// As it may be shown.
    text: Box<str>,
    /// Shared: most lines are of the host of the line before.
    host: Arc<[u8]>,
    client: Option<IpAddr>,
    user: Option<Box<str>>,
}

/// Lines of one fault.
#[derive(Clone, Debug)]
struct Fault {
    message: &'static Message,
    cause: &'static str,
    host: Box<[u8]>,
    client: Option<IpAddr>,
    user: Option<Box<str>>,
    first: i64,
    last: i64,
    times: u64,
    lines: Vec<Evidence>,
}

/// What makes lines one fault: host, dialect, cause, client.
type Identity = (Box<[u8]>, &'static str, &'static str, Option<IpAddr>);

/// Lines that no attempt has taken yet, and faults.
#[derive(Default)]
pub struct Faults {
    waiting: Vec<Line>,
    faults: FxHashMap<Identity, Fault>,
    /// At most as many hosts as faults are told apart.
    first_hand: FirstHand<Box<[u8]>>,
}

/// A directory's line about one client's log-in: whose it was is known only if an attempt took it, and most are not a
/// VPN's. What it says of itself is a fault like any other.
pub fn is_of_others(event: &Event<'_>) -> bool {
    let about_a_client = || event.value(Field::Connection).is_some() || event.value(Field::User).is_some();
    event.message().role == Role::Backend && about_a_client()
}

impl Faults {
    /// Takes an event in.
    pub fn event(&mut self, event: &Event<'_>, shown: impl FnOnce() -> Box<str>) {
        let message = event.message();
        if message.role == Role::Ike && self.first_hand.is_copy(event.host().into(), event) {
            return;
        }
        // gateways log the packets that they drop by the million
        let is_drop = message.role == Role::Firewall && message.blames == Some("control-unreachable");
        if is_drop || is_of_others(event) || (message.blames.is_none() && !ends_something(message)) {
            return;
        }
        if self.waiting.len() >= WAITING_MAX {
            // the older half has waited long enough
            let old: Vec<Line> = self.waiting.drain(..WAITING_MAX / 2).collect();
            for line in old {
                self.settle(line);
            }
        }
        let before = self.waiting.last().map(|line| &line.host);
        let host = before.filter(|host| ***host == *event.host());
        let host = host.map_or_else(|| event.host().into(), Arc::clone);
        self.waiting.push(Line {
            time: event.time.micros,
            message,
            pid: event.pid(),
            source: event.source,
            line: event.line(),
            text: shown(),
            host,
            client: event.ip(Field::ClientIp),
            user: event.text(Field::User).map(|user| user.into()),
        });
    }

    /// An attempt took its lines.
    pub fn covered(&mut self, attempt: &Attempt) {
        // refusals that name nobody are one attempt of many processes
        let is_nobody = attempt.client_ip.is_none() && attempt.user.is_none();
        let takes = |clue: Clue<'_>, line: &Line| {
            clue.source == line.source
                && (line.line == clue.line
                    || line.line == clue.last_line
                    || (std::ptr::eq(clue.message, line.message)
                        && (is_nobody || clue.pid == line.pid)
                        && (clue.line..=clue.last_line).contains(&line.line)))
        };
        let (first, last) = (attempt.trail.first(), attempt.trail.iter().map(|clue| clue.last).max());
        let (Some(first), Some(last)) = (first.map(|clue| clue.time), last) else {
            return;
        };
        self.waiting.retain(|line| {
            let near = (first..=last).contains(&line.time);
            !near || !attempt.trail.iter().any(|clue| takes(clue, line))
        });
    }

    /// What the login's backend said of nobody in particular has been told with an attempt of that time.
    pub fn told_of_backend(&mut self, cause: &str, from: i64, until: i64) {
        let (from, until) = (
            from.saturating_sub(BACKEND_APART_MAX),
            until.saturating_add(BACKEND_APART_MAX),
        );
        self.waiting.retain(|line| {
            let message = line.message;
            let is_it = matches!(message.role, Role::Radius | Role::Backend)
                && message.blames == Some(cause)
                && line.user.is_none();
            !is_it || !(from..=until).contains(&line.time)
        });
    }

    fn settle(&mut self, line: Line) {
        let message = line.message;
        let cause = message.blames.unwrap_or("unknown");
        let client = line.client.filter(|_| cause != "not-vpn-traffic");
        let host: Box<[u8]> = (*line.host).into();
        let key = (host.clone(), message.dialect, cause, client);
        if !self.faults.contains_key(&key) && self.faults.len() >= FAULTS_MAX {
            return;
        }
        let fault = self.faults.entry(key).or_insert_with(|| Fault {
            message,
            cause,
            host,
            client,
            user: line.user,
            first: line.time,
            last: line.time,
            times: 0,
            lines: Vec::new(),
        });
        fault.times += 1;
        fault.first = fault.first.min(line.time);
        fault.last = fault.last.max(line.time);
        if fault.lines.len() < EVIDENCE_MAX {
            fault.lines.push(Evidence {
                source: line.source,
                line: line.line,
                text: line.text,
            });
        }
    }

    /// The faults that were named, the earliest first.
    pub fn finish(&mut self, texts: Texts) -> Vec<Diagnosis> {
        for line in std::mem::take(&mut self.waiting) {
            self.settle(line);
        }
        let named = self.faults.values().filter(|fault| tells_alone(fault));
        let mut faults: Vec<&Fault> = named.collect();
        faults.sort_by_key(|fault| fault.first);
        faults.into_iter().map(|fault| diagnosis(fault, texts)).collect()
    }

    /// After `finish`: ends of connections that no attempt is known of, at gateways of which nothing else is.
    pub fn endings(&mut self, known: &FxHashSet<Option<Box<str>>>, texts: Texts) -> Vec<Diagnosis> {
        let unknown = |fault: &&Fault| fault.cause == "unknown" && !known.contains(&gateway(&fault.host));
        let mut faults: Vec<&Fault> = self.faults.values().filter(unknown).collect();
        faults.sort_by_key(|fault| fault.first);
        let told = faults.into_iter().map(|fault| {
            let mut found = diagnosis(fault, texts);
            found.confidence = Confidence::Possible;
            found.summary = "Connections end here whose beginning is not in the evidence, and nothing says why they ended. The log from before these lines would tell.".to_owned();
            found.decides = vec!["the log of the minutes before, from the client's first packet on".to_owned()];
            found
        });
        told.collect()
    }
}

/// The end of something whose beginning may be missing.
fn ends_something(message: &Message) -> bool {
    use EventKind::*;
    let is_tunnel = matches!(
        message.role,
        Role::Ppp | Role::Pptp | Role::L2tp | Role::Server | Role::Caller
    );
    is_tunnel
        && matches!(
            message.kind,
            CallClosed | TunnelClosed | ControlClosed | LinkTerminated | LinkDown
        )
}

/// Whether a line is a fault without an attempt. A filter that drops somebody's packets does its work, a daemon that
/// was stopped was told to, and a session that ended with its peer is over.
fn tells_alone(fault: &Fault) -> bool {
    !matches!(
        fault.cause,
        "unknown" | "server-stopped" | "peer-gone" | "client-aborted" | "abandoned"
    )
}

fn gateway(host: &[u8]) -> Option<Box<str>> {
    (!host.is_empty()).then(|| text::lossy(host).into())
}

fn diagnosis(fault: &Fault, texts: Texts) -> Diagnosis {
    let message = fault.message;
    let cause = fault.cause;
    let times = match fault.times {
        1 => String::new(),
        times => format!(" ({times} lines)"),
    };
    let what = message.meaning.trim_end_matches('.');
    let why = Some(message.cause).filter(|why| !why.is_empty() && *why != "none");
    let why = why.or(texts(cause).map(|text| text.cause)).unwrap_or_default();
    let own = Some(message.action).filter(|action| !action.is_empty() && *action != "none");
    Diagnosis {
        attempt: None,
        cause,
        layer: message.layer,
        confidence: Confidence::Certain,
        summary: format!("{what}{times}. {why}").trim_end().to_owned(),
        actions: tell::actions(own.into_iter().map(Cow::Borrowed).collect(), false, None, cause, texts),
        alternatives: Vec::new(),
        decides: Vec::new(),
        ladder: Vec::new(),
        protocol: None,
        gateway: gateway(&fault.host),
        client_ip: fault.client,
        claimed_ip: None,
        assigned_ip: None,
        user: fault.user.clone(),
        time: fault.first,
        last: fault.last,
        outcome: None,
        times: fault.times,
        backend: (message.layer == Layer::Radius).then_some("radius"),
        exposed: None,
        evidence: fault.lines.clone(),
        times_of: Vec::new(),
        packed: Default::default(),
    }
}
