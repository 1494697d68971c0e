//! What a log and a capture tell of the same connection becomes one attempt. The log decides where it speaks; the capture
//! adds what no log has, and decides where the log only guesses.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use tunlog_model::{Attempt, Confidence, Layer, Outcome, Protocol};

use super::super::{Correlator, apart};

/// How long, in microseconds of evidence, an attempt waits for its other half.
const HOLD: i64 = 150_000_000;

/// How far apart the two beginnings may be once the clocks are allowed for.
const APART_MAX: i64 = 10_000_000;

/// How far apart they may be where nothing else could be meant.
const APART_ALONE_MAX: i64 = 120_000_000;

/// Attempts of either kind that wait.
const HELD_MAX: usize = 4096;

/// Pairs whose difference is remembered for the clocks' skew.
const DIFFERENCES_MAX: usize = 64;

/// Attempts without their other half that are remembered, of either kind, to tell a wrong zone by them.
const LONE_MAX: usize = 256;

/// Zones differ by quarters of an hour, microseconds.
const QUARTER: i64 = 900_000_000;

/// The most that two zones differ, in quarters of an hour: from -12 to +14 hours.
const QUARTERS_MAX: i64 = 26 * 4;

/// How much a log's clock is ahead of a capture's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Skew {
    /// Seconds; negative: behind.
    pub seconds: f64,
    /// How many connections it was measured by.
    pub pairs: usize,
}

/// Attempts that wait for their other half.
#[derive(Default)]
pub struct Join {
    logged: VecDeque<(i64, Attempt)>,
    captured: VecDeque<(i64, Attempt)>,
    /// Beginnings in the log minus beginnings in the capture, microseconds.
    differences: VecDeque<i64>,
    /// Those of a log, of a capture, that found none: who and when.
    lone_logged: VecDeque<(IpAddr, i64)>,
    lone_captured: VecDeque<(IpAddr, i64)>,
    /// The evidence ends: time has passed for everybody, and nobody goes before all have come.
    pub(in super::super) ending: bool,
}

impl Join {
    /// The difference that the clocks have, as far as the pairs tell.
    pub fn skew(&self) -> Option<Skew> {
        let median = self.median()?;
        Some(Skew {
            seconds: median as f64 / 1e6,
            pairs: self.differences.len(),
        })
    }

    /// Remembers an attempt of a log that is told before any capture speaks: the latest of them.
    pub fn remember_lone(&mut self, logged: &Attempt) {
        if self.lone_logged.len() >= LONE_MAX {
            self.lone_logged.pop_front();
        }
        lone(&mut self.lone_logged, logged);
    }

    /// How many hours the log seems to be ahead where its zone was taken wrongly, and how many connections show it: nothing was
    /// paired, and clients appear in both at beginnings that differ by the same quarters of an hour.
    pub fn zone_apart(&self) -> Option<(f64, usize)> {
        if !self.differences.is_empty() {
            return None;
        }
        let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
        for (client, captured) in &self.lone_captured {
            for (_, logged) in self.lone_logged.iter().filter(|(other, _)| other == client) {
                let apart = logged.saturating_sub(*captured);
                let quarters = apart.saturating_add(QUARTER / 2).div_euclid(QUARTER);
                let rest = apart.saturating_sub(quarters.saturating_mul(QUARTER)).saturating_abs();
                if quarters != 0 && quarters.abs() <= QUARTERS_MAX && rest <= APART_MAX {
                    *counts.entry(quarters).or_default() += 1;
                }
            }
        }
        let (quarters, pairs) = counts
            .into_iter()
            .max_by_key(|(quarters, count)| (*count, -quarters.abs()))?;
        Some((quarters as f64 / 4.0, pairs))
    }

    fn median(&self) -> Option<i64> {
        let mut sorted: Vec<i64> = self.differences.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }

    /// What to allow for between the clocks: nothing until several pairs agree.
    fn allowance(&self) -> i64 {
        if self.differences.len() >= 3 {
            self.median().unwrap_or(0)
        } else {
            0
        }
    }

    fn remember(&mut self, difference: i64) {
        if self.differences.len() == DIFFERENCES_MAX {
            self.differences.pop_front();
        }
        self.differences.push_back(difference);
    }
}

impl Correlator {
    /// Takes an attempt that a log tells of.
    pub(in super::super) fn hold_logged(&mut self, attempt: Attempt) {
        let skew = self.packets.join.allowance();
        let found = best(&self.packets.join.captured, |captured| fit(&attempt, captured, skew));
        match found.and_then(|at| self.packets.join.captured.remove(at)) {
            Some((_, captured)) => self.joined(attempt, captured),
            None => {
                self.packets
                    .join
                    .logged
                    .push_back((self.passed.saturating_add(HOLD), attempt));
                self.release(false);
            }
        }
    }

    /// Takes an attempt that a capture shows.
    pub(super) fn hold_captured(&mut self, attempt: Attempt) {
        let skew = self.packets.join.allowance();
        let found = best(&self.packets.join.logged, |logged| fit(logged, &attempt, skew));
        match found.and_then(|at| self.packets.join.logged.remove(at)) {
            Some((_, logged)) => self.joined(logged, attempt),
            None => {
                self.packets
                    .join
                    .captured
                    .push_back((self.passed.saturating_add(HOLD), attempt));
                self.release(false);
            }
        }
    }

    fn joined(&mut self, logged: Attempt, captured: Attempt) {
        let is_calling = logged.client_ip.is_none() && captured.client_ip.is_some();
        if !is_calling {
            self.packets.join.remember(logged.started - captured.started);
        }
        let skew = self.packets.join.allowance();
        self.tell(one(logged, captured, skew));
    }

    /// Lets go of what waited long enough, or of everything.
    pub(super) fn release(&mut self, all: bool) {
        let ending = self.packets.join.ending;
        loop {
            let due = |held: &VecDeque<(i64, Attempt)>, passed: i64| {
                held.front().is_some_and(|(due, _)| all || (!ending && *due <= passed)) || held.len() > HELD_MAX
            };
            let captures_alone = self.packets.alone;
            let join = &mut self.packets.join;
            if due(&join.logged, self.passed)
                && let Some((_, logged)) = join.logged.pop_front()
            {
                let alone = alone(&logged, &join.logged, &join.captured);
                match alone.and_then(|at| join.captured.remove(at)) {
                    Some((_, captured)) => self.joined(logged, captured),
                    None => {
                        lone(&mut join.lone_logged, &logged);
                        self.tell(logged);
                    }
                }
            } else if (captures_alone || due(&join.captured, self.passed))
                && let Some((_, captured)) = join.captured.pop_front()
            {
                lone(&mut join.lone_captured, &captured);
                self.tell(captured);
            } else {
                return;
            }
        }
    }
}

/// Remembers an attempt that is told alone.
fn lone(known: &mut VecDeque<(IpAddr, i64)>, attempt: &Attempt) {
    if let Some(client) = attempt.client_ip.filter(|_| known.len() < LONE_MAX) {
        known.push_back((client, attempt.started));
    }
}

/// The one that fits best.
fn best(held: &VecDeque<(i64, Attempt)>, fit: impl Fn(&Attempt) -> Option<i64>) -> Option<usize> {
    let fitting = held
        .iter()
        .enumerate()
        .filter_map(|(at, (_, attempt))| Some((fit(attempt)?, at)));
    fitting.min().map(|(_, at)| at)
}

/// Whether two attempts are of one connection: less is better.
fn fit(logged: &Attempt, captured: &Attempt, skew: i64) -> Option<i64> {
    if !may_be_one(logged, captured) {
        return None;
    }
    let difference = apart(logged.started.saturating_sub(skew), captured.started);
    // a log that names no address begins with its first word about PPP
    let limit = if logged.client_ip.is_some() {
        APART_MAX
    } else {
        APART_MAX / 2
    };
    (difference <= limit).then_some(difference)
}

/// Whether nothing speaks against it.
fn may_be_one(logged: &Attempt, captured: &Attempt) -> bool {
    let agree = |one: Option<&str>, other: Option<&str>| one.zip(other).is_none_or(|(one, other)| one == other);
    let is_l2tp = |attempt: &Attempt| attempt.protocol.map(|protocol| protocol != Protocol::Pptp);
    if is_l2tp(logged)
        .zip(is_l2tp(captured))
        .is_some_and(|(one, other)| one != other)
    {
        return false;
    }
    let addresses = logged.assigned_ip.zip(captured.assigned_ip);
    match (logged.client_ip, captured.client_ip) {
        (Some(one), Some(other)) => {
            let ports = logged.client_port.zip(captured.client_port);
            one == other
                && ports.is_none_or(|(one, other)| one == other)
                && (agree(logged.user.as_deref(), captured.user.as_deref())
                    || addresses.is_some_and(|(one, other)| one == other))
        }
        _ => match addresses {
            Some((one, other)) => one == other,
            // a refusal that names nobody, at the moment in which the capture shows one
            None if logged.user.is_none() => logged.client_ip.is_none() && is_refusal(logged) && is_refusal(captured),
            None => logged.user == captured.user,
        },
    }
}

/// Whether it failed before anything was negotiated.
fn is_refusal(attempt: &Attempt) -> bool {
    attempt.outcome == Outcome::Failed && attempt.failed_at == Some(Layer::Control)
}

/// The captured attempt of the same client where it is the only one, and the logged one too: then the clocks differ.
fn alone(logged: &Attempt, others: &VecDeque<(i64, Attempt)>, held: &VecDeque<(i64, Attempt)>) -> Option<usize> {
    let client = logged.client_ip?;
    let same = |attempt: &Attempt| attempt.client_ip == Some(client);
    if others.iter().any(|(_, other)| same(other)) {
        return None;
    }
    let mut found = held.iter().enumerate().filter(|(_, (_, captured))| same(captured));
    let (at, (_, captured)) = found.next()?;
    let near = apart(logged.started, captured.started) <= APART_ALONE_MAX;
    (found.next().is_none() && near && may_be_one(logged, captured)).then_some(at)
}

fn sure(confidence: Option<Confidence>) -> u8 {
    match confidence {
        Some(Confidence::Certain) => 3,
        Some(Confidence::Likely) => 2,
        Some(Confidence::Possible) => 1,
        None => 0,
    }
}

/// One attempt of both.
fn one(logged: Attempt, captured: Attempt, skew: i64) -> Attempt {
    let mut one = logged;
    one.protocol = match (one.protocol, captured.protocol) {
        (Some(Protocol::L2tp), Some(Protocol::L2tpIpsec)) => Some(Protocol::L2tpIpsec),
        (known, other) => known.or(other),
    };
    one.user = one.user.or(captured.user);
    one.client_ip = one.client_ip.or(captured.client_ip);
    one.client_port = one.client_port.or(captured.client_port);
    one.claimed_ip = one.claimed_ip.or(captured.claimed_ip);
    one.server_ip = one.server_ip.or(captured.server_ip);
    one.auth_method = one.auth_method.or(captured.auth_method);
    one.mppe_bits = one.mppe_bits.or(captured.mppe_bits);
    one.backend = one.backend.or(captured.backend);
    one.exposed = one.exposed.or(captured.exposed);
    one.assumed = one.assumed.with(captured.assumed);
    one.reached = one.reached.max(captured.reached);
    let first = captured.started.saturating_add(skew);
    if one.started > first {
        one.started = first;
    }
    let is_up = |attempt: &Attempt| attempt.up.is_some();
    if is_up(&one) || one.outcome == Outcome::Established || one.outcome == Outcome::Open {
        one.assigned_ip = one.assigned_ip.or(captured.assigned_ip);
        one.bytes_to_client = one.bytes_to_client.or(captured.bytes_to_client);
        one.bytes_from_client = one.bytes_from_client.or(captured.bytes_from_client);
    } else if one.outcome == Outcome::Unfinished && captured.outcome != Outcome::Unfinished {
        one.outcome = captured.outcome;
        (one.up, one.ended, one.duration_s) = (captured.up, captured.ended, captured.duration_s);
        (one.cause, one.confidence, one.failed_at) = (captured.cause, captured.confidence, captured.failed_at);
        (one.assigned_ip, one.end_reason) = (captured.assigned_ip, captured.end_reason);
    } else if one.outcome == Outcome::Failed
        && captured.cause.is_some_and(|cause| cause != "unknown")
        && (one.cause.is_none_or(|cause| cause == "unknown") || sure(captured.confidence) > sure(one.confidence))
    {
        (one.cause, one.confidence, one.failed_at) = (captured.cause, captured.confidence, captured.failed_at);
    }
    one.evidence.extend(captured.evidence);
    one
}
