//! Who was heard at all: "not in the log" and "did not happen" are two things.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use rustc_hash::FxHashSet;
use tunlog_model::{Attempt, Clue, Confidence, Event, EventKind, Field, Layer, LoneClue, Outcome, Role};

use super::fault::is_of_others;
use super::{Diagnosis, Texts};

/// What the sources told of, whomever it concerned.
#[derive(Debug, Default)]
pub struct Heard {
    roles: u16,
    /// Lines were lost.
    pub gaps: bool,
    /// What the login's backend said lately that names no user: it drops, ignores or does not understand requests.
    backend: VecDeque<LoneClue>,
    /// GRE that a packet filter saw lately.
    gre: VecDeque<Seen>,
}

/// A packet that a filter saw.
#[derive(Debug)]
struct Seen {
    clue: LoneClue,
    host: Box<[u8]>,
    ends: [Option<IpAddr>; 2],
}

/// How many packets are remembered.
const SEEN_MAX: usize = 512;

/// How many such lines are remembered.
const BACKEND_MAX: usize = 256;
/// How far, microseconds, they may be from the attempt that they concern: a gateway asks three times, 10 s apart.
pub const BACKEND_APART_MAX: i64 = 10_000_000;

impl Heard {
    /// Takes note that a writer of that role spoke.
    pub fn hear(&mut self, role: Role) {
        self.roles |= 1 << role as u16;
    }

    /// Takes an event in.
    pub fn listen(&mut self, event: &Event<'_>, text: impl FnOnce() -> Box<str>) {
        let message = event.message();
        self.hear(message.role);
        self.gaps |= message.kind == EventKind::EvidenceGap;
        if message.role == Role::Firewall && message.kind != EventKind::PacketAccepted && is_gre(event) {
            if self.gre.len() >= SEEN_MAX {
                self.gre.pop_front();
            }
            self.gre.push_back(Seen {
                clue: LoneClue::of(event, &text()),
                host: event.host().into(),
                ends: [event.ip(Field::ClientIp), event.ip(Field::ServerIp)],
            });
            return;
        }
        let of_backend = message.blames.is_some_and(|cause| cause.starts_with("auth-backend-"));
        let asked = matches!(message.role, Role::Radius | Role::Backend) && !is_of_others(event);
        if of_backend && asked && event.value(Field::User).is_none() {
            if self.backend.len() >= BACKEND_MAX {
                self.backend.pop_front();
            }
            self.backend.push_back(LoneClue::of(event, &text()));
        }
    }

    /// GRE between the ends of an attempt, in its time, as far as a filter on the same machine logs it. Where the attempt
    /// names no address the machine and the time decide.
    pub fn gre_of<'h>(&'h self, attempt: &'h Attempt) -> impl Iterator<Item = Clue<'h>> {
        let span = attempt.started..=attempt.last_seen;
        let ends = [attempt.client_ip, attempt.server_ip];
        let ours = move |seen: &&Seen| {
            let named = ends.iter().flatten().next().is_some();
            let same_end = ends.iter().flatten().any(|end| seen.ends.contains(&Some(*end)));
            let same_host = attempt.gateway.as_deref().map(str::as_bytes) == Some(&*seen.host);
            span.contains(&seen.clue.time) && if named { same_end } else { same_host }
        };
        self.gre.iter().filter(ours).map(|seen| seen.clue.clue())
    }

    /// What the backend said of nobody in particular around that time.
    pub fn backend_fault(&self, from: i64, until: i64) -> Option<(&'static str, Clue<'_>)> {
        let (from, until) = (
            from.saturating_sub(BACKEND_APART_MAX),
            until.saturating_add(BACKEND_APART_MAX),
        );
        let clue = self
            .backend
            .iter()
            .rev()
            .find(|clue| (from..=until).contains(&clue.time))?;
        Some((clue.message.blames?, clue.clue()))
    }

    /// Whether a writer of that role spoke.
    pub fn role(&self, role: Role) -> bool {
        self.roles & (1 << role as u16) != 0
    }
}

/// IP protocol 47, as filters write it.
fn is_gre(event: &Event<'_>) -> bool {
    event
        .bytes(Field::Protocol)
        .is_some_and(|name| name == b"47" || name.eq_ignore_ascii_case(b"GRE"))
        || event.int(Field::Protocol) == Some(47)
}

/// How many gateways are told apart.
const GATEWAYS_MAX: usize = 1024;

/// Gateways whose every attempt came up, with the latest session of each.
#[derive(Default)]
pub struct Gateways {
    sessions: BTreeMap<Option<Box<str>>, (u64, Diagnosis)>,
    faulty: FxHashSet<Option<Box<str>>>,
}

impl Gateways {
    /// Takes an attempt in, and what was found about it.
    pub fn note(&mut self, attempt: &Attempt, found: &[Diagnosis], texts: Texts) {
        if attempt.outcome == Outcome::Failed || found.iter().any(Diagnosis::is_fault) {
            self.mark(&attempt.gateway);
        }
        let is_up = matches!(attempt.outcome, Outcome::Established | Outcome::Open);
        let nearly = attempt.outcome == Outcome::Unfinished && attempt.reached >= Layer::Ccp && attempt.cause.is_none();
        if !(is_up || nearly) || self.faulty.contains(&attempt.gateway) {
            return;
        }
        let known = self.sessions.get(&attempt.gateway).map_or(0, |(count, _)| *count);
        if known == 0 && self.sessions.len() >= GATEWAYS_MAX {
            return;
        }
        let count = known + attempt.times;
        let diagnosis = healthy(attempt, count, texts);
        self.sessions.insert(attempt.gateway.clone(), (count, diagnosis));
    }

    fn mark(&mut self, gateway: &Option<Box<str>>) {
        if self.faulty.len() < GATEWAYS_MAX && !self.faulty.contains(gateway) {
            self.sessions.remove(gateway);
            self.faulty.insert(gateway.clone());
        }
    }

    /// A fault of no attempt.
    pub fn fault(&mut self, diagnosis: &Diagnosis) {
        // who merely knocked, and what was dropped of others' packets, does not make a gateway unhealthy
        if diagnosis.cause != "not-vpn-traffic" {
            self.mark(&diagnosis.gateway);
        }
    }

    /// Those of which anything was found.
    pub fn known(&self) -> FxHashSet<Option<Box<str>>> {
        self.faulty.iter().chain(self.sessions.keys()).cloned().collect()
    }

    /// The healthy ones.
    pub fn finish(self) -> impl Iterator<Item = Diagnosis> {
        self.sessions.into_values().map(|(_, diagnosis)| diagnosis)
    }
}

fn healthy(attempt: &Attempt, count: u64, texts: Texts) -> Diagnosis {
    let confidence = match attempt.outcome {
        Outcome::Unfinished => Confidence::Likely,
        _ => Confidence::Certain,
    };
    let sessions = match count {
        _ if attempt.outcome == Outcome::Unfinished => {
            "Login and encryption worked, and the log ends while the connection comes up, with nothing wrong in it"
                .to_owned()
        }
        1 => "One session came up and nothing in it went wrong".to_owned(),
        count => format!("{count} sessions came up and none failed; this is the latest"),
    };
    let mut diagnosis = super::tell::blank(attempt, "healthy", Layer::Data, confidence, texts);
    diagnosis.summary = format!(
        "{sessions}. If something still does not work it lies behind the tunnel: routes, name resolution, forwarding or a firewall inside."
    );
    let telling = attempt.trail.iter().filter(|clue| {
        matches!(
            clue.message.kind,
            EventKind::AuthSucceeded
                | EventKind::EncryptionAgreed
                | EventKind::AddressAssigned
                | EventKind::AddressLocal
                | EventKind::LinkUp
                | EventKind::TrafficCounted
                | EventKind::TimeCounted
                | EventKind::CallEstablished
                | EventKind::SessionTimeout
                | EventKind::IdleTimeout
                | EventKind::LinkTerminated
        )
    });
    diagnosis.set_lines(super::tell::lines(telling));
    if diagnosis.evidence.is_empty() {
        diagnosis.set_lines(super::tell::lines(attempt.trail.iter()));
    }
    diagnosis
}
