//! Faults that belong to no attempt: lines that speak for a cause and that no attempt took.

use std::net::IpAddr;

use rustc_hash::FxHashMap;
use tunlog_model::{Attempt, Clue, Confidence, Event, Evidence, Field, Layer, Message, Role, SourceId};

use crate::correlate::Redact;

use super::heard::Heard;
use super::{Diagnosis, Texts, tell};

/// How many lines wait to be taken by an attempt that closes later.
const WAITING_MAX: usize = 8192;
/// How many faults are told apart.
const FAULTS_MAX: usize = 1024;
/// Lines of evidence of one fault.
const EVIDENCE_MAX: usize = 5;

/// A line that speaks for a cause.
#[derive(Clone, Debug)]
struct Line {
    time: i64,
    message: &'static Message,
    host: Box<[u8]>,
    pid: u32,
    source: SourceId,
    line: u64,
    text: Box<str>,
    client: Option<IpAddr>,
    user: Option<Box<str>>,
}

/// Lines of one fault.
#[derive(Clone, Debug)]
struct Fault {
    message: &'static Message,
    host: Box<[u8]>,
    client: Option<IpAddr>,
    user: Option<Box<str>>,
    first: i64,
    last: i64,
    times: u64,
    lines: Vec<Evidence>,
}

/// Lines that no attempt has taken yet, and faults.
pub struct Faults {
    redact: Option<Redact>,
    waiting: Vec<Line>,
    faults: FxHashMap<(Box<[u8]>, &'static str, &'static str, Option<IpAddr>), Fault>,
}

impl Faults {
    /// `redact` takes secrets out.
    pub fn new(redact: Option<Redact>) -> Faults {
        Faults {
            redact,
            waiting: Vec::new(),
            faults: FxHashMap::default(),
        }
    }

    /// Takes an event in.
    pub fn event(&mut self, event: &Event<'_>) {
        let message = event.message();
        if message.blames.is_none() {
            return;
        }
        if self.waiting.len() >= WAITING_MAX {
            // the older half has waited long enough
            let old: Vec<Line> = self.waiting.drain(..WAITING_MAX / 2).collect();
            for line in old {
                self.settle(line);
            }
        }
        let raw = event.raw();
        let shown = self
            .redact
            .map_or(std::borrow::Cow::Borrowed(raw), |redact| redact(message, raw));
        self.waiting.push(Line {
            time: event.time.micros,
            message,
            host: event.host().into(),
            pid: event.pid(),
            source: event.source,
            line: event.line(),
            text: tunlog_model::text::lossy(shown.trim_ascii_end()).into(),
            client: event.ip(Field::ClientIp),
            user: event.text(Field::User).map(|user| user.into()),
        });
    }

    /// An attempt took its lines.
    pub fn covered(&mut self, attempt: &Attempt) {
        if attempt.trail.is_empty() {
            return;
        }
        let takes = |clue: &Clue, line: &Line| {
            clue.source == line.source
                && (line.line == clue.line
                    || line.line == clue.last_line
                    || (std::ptr::eq(clue.message, line.message)
                        && clue.pid == line.pid
                        && (clue.line..=clue.last_line).contains(&line.line)))
        };
        self.waiting
            .retain(|line| !attempt.trail.iter().any(|clue| takes(clue, line)));
    }

    fn settle(&mut self, line: Line) {
        let cause = line.message.blames.unwrap_or("unknown");
        let client = line.client.filter(|_| cause != "not-vpn-traffic");
        let key = (line.host.clone(), line.message.dialect, cause, client);
        if !self.faults.contains_key(&key) && self.faults.len() >= FAULTS_MAX {
            return;
        }
        let fault = self.faults.entry(key).or_insert_with(|| Fault {
            message: line.message,
            host: line.host.clone(),
            client,
            user: line.user.clone(),
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

    /// What is left, the earliest first.
    pub fn finish(&mut self, texts: Texts, heard: &Heard) -> Vec<Diagnosis> {
        for line in std::mem::take(&mut self.waiting) {
            self.settle(line);
        }
        let mut faults: Vec<Fault> = std::mem::take(&mut self.faults).into_values().collect();
        faults.sort_by_key(|fault| fault.first);
        faults
            .into_iter()
            .filter(|fault| tells_alone(fault, heard))
            .map(|fault| diagnosis(fault, texts))
            .collect()
    }
}

/// Whether a line is a fault without an attempt: a filter that drops somebody's packets does its work.
fn tells_alone(fault: &Fault, _heard: &Heard) -> bool {
    fault.message.role != Role::Firewall
        || fault.message.blames != Some("control-unreachable")
}

fn diagnosis(fault: Fault, texts: Texts) -> Diagnosis {
    let message = fault.message;
    let cause = message.blames.unwrap_or("unknown");
    let times = match fault.times {
        1 => String::new(),
        times => format!(" ({times} times)"),
    };
    let what = message.meaning.trim_end_matches('.');
    let why = Some(message.cause).filter(|why| !why.is_empty() && *why != "none");
    let why = why.or(texts(cause).map(|text| text.cause)).unwrap_or_default();
    let mut actions = Vec::new();
    if !message.action.is_empty() && message.action != "none" {
        actions.push(message.action.to_owned());
    }
    Diagnosis {
        attempt: None,
        cause,
        layer: message.layer,
        confidence: Confidence::Certain,
        summary: format!("{what}{times}. {why}").trim_end().to_owned(),
        actions: tell::actions(actions, false, None, cause, texts),
        alternatives: Vec::new(),
        decides: Vec::new(),
        ladder: Vec::new(),
        protocol: None,
        gateway: (!fault.host.is_empty()).then(|| tunlog_model::text::lossy(&fault.host).into()),
        client_ip: fault.client,
        claimed_ip: None,
        assigned_ip: None,
        user: fault.user,
        time: fault.first,
        last: fault.last,
        outcome: None,
        times: fault.times,
        backend: (message.layer == Layer::Radius).then_some("radius"),
        evidence: fault.lines,
    }
}
