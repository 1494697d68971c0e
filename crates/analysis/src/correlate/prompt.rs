//! What is known of an attempt long before it closes: that its session came up, that it failed, that its session ended.
//!
//! An attempt closes when no line can belong to it any more, which may be a minute after its last one; whoever watches
//! wants to know at the line that decides. So it is told twice: first as it stands at that line (`prompts`), then as it
//! turned out (`closed`), and `Attempt::heard` says of the second whether anything is new in it.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;
use tunlog_model::{Attempt, Heard, Outcome};

use super::accounting::Identity;
use super::link::Link;
use super::slab::Key;
use super::{Correlator, build, is_session};

/// How long, in microseconds, a name or an address may come after the line that decides: programs write their lines of
/// one connection within the second.
const NAMES_MAX: i64 = 1_000_000;

/// How long a RADIUS server's word waits for the gateway's own line, where gateways' logs are read: the server holds
/// refusals back for a second, and the gateway's line has the address of the socket.
const GATEWAY_MAX: i64 = 3_000_000;

/// Most attempts that wait for a name; more, and they are told without.
const WAITING_MAX: usize = 16_384;

/// What is told of an attempt before it closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// A session came up.
    Up,
    /// It failed.
    Failed,
    /// The session ended.
    Ended,
}

/// What was told of one side, each with a print of what it said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    up: Option<u64>,
    failed: Option<u64>,
    ended: Option<u64>,
    /// It failed because the login was refused.
    refused: bool,
    /// How it stood once it was up was told.
    pub settled: bool,
    /// What its session counted was told with the end.
    counted: bool,
    /// It waits for a name.
    waits: bool,
    /// The id that was told first.
    id: Option<u64>,
}

impl Told {
    /// What was told of two sides of one attempt, or of what became part of it.
    pub fn join(&mut self, other: Told) {
        self.up = self.up.or(other.up);
        self.failed = self.failed.or(other.failed);
        self.ended = self.ended.or(other.ended);
        self.refused |= other.refused;
        self.settled |= other.settled;
        self.counted |= other.counted;
        self.id = self.id.or(other.id);
    }

    /// What is to be told of whoever is up, was refused, is over.
    pub fn news(&self, up: bool, refused: bool, over: bool) -> Option<Prompt> {
        match up {
            true if self.up.is_none() => Some(Prompt::Up),
            true if over && self.ended.is_none() => Some(Prompt::Ended),
            false if refused && !self.refused => Some(Prompt::Failed),
            false if over && self.failed.is_none() && self.ended.is_none() => Some(Prompt::Failed),
            _ => None,
        }
    }

    /// What of an attempt as it stands was told.
    pub fn heard(&self, attempt: &Attempt) -> Heard {
        let over = match is_session(attempt.outcome) {
            true => self.ended,
            false => self.failed,
        };
        Heard {
            up: self.up.is_some_and(|up| up == print(attempt, "")),
            settled: self.settled,
            counted: self.counted,
            over: over.is_some_and(|over| over == print(attempt, end(attempt))),
            id: self.id.filter(|id| *id != attempt.id),
        }
    }
}

/// Who it was, and how it ended.
fn print(attempt: &Attempt, end: &str) -> u64 {
    let mut hasher = FxHasher::default();
    let client = attempt.client_ip.or(attempt.claimed_ip);
    (&attempt.user, client, end).hash(&mut hasher);
    hasher.finish()
}

/// How an attempt ended, as far as it makes a difference to whoever counts refusals. Which of these it is stays as a rule;
/// a finer cause within one may come later.
fn end(attempt: &Attempt) -> &'static str {
    if is_session(attempt.outcome) {
        return "session";
    }
    match attempt.cause {
        Some("wrong-credentials" | "wrong-password" | "unknown-user" | "account-restricted" | "no-secret") => "refused",
        Some("auth-backend-unreachable" | "auth-backend-misconfigured") => "unanswered",
        Some("abandoned" | "not-vpn-traffic" | "gre-blocked" | "l2tp-unanswered") => "no-login",
        _ => "other",
    }
}

/// What waits for a name.
#[derive(Clone, Debug)]
enum Waiting {
    Link(Key),
    Carrier(Key),
    /// A RADIUS answer, by its number.
    Answer(u64),
    /// A session that accounting knows.
    Record(Identity),
}

/// What is to be told, and what waits to be.
#[derive(Debug, Default)]
pub struct Prompts {
    /// For a name.
    named: VecDeque<(i64, Waiting)>,
    /// For the gateway's line.
    joined: VecDeque<(i64, Waiting)>,
    told: Vec<(Prompt, Attempt)>,
    /// A gateway's own log is read: what a RADIUS server says is told there, too, and better.
    pub gateway: bool,
}

impl Prompts {
    /// Whether something has waited long enough.
    pub fn is_due(&self, passed: i64) -> bool {
        let due = |queue: &VecDeque<(i64, Waiting)>| queue.front().is_some_and(|(due, _)| *due <= passed);
        due(&self.named) || due(&self.joined)
    }

    fn next(&mut self, passed: i64) -> Option<Waiting> {
        let is_due = |(due, _): &&(i64, Waiting)| *due <= passed;
        let queue = match self.named.front().filter(is_due).is_some() {
            true => &mut self.named,
            false => &mut self.joined,
        };
        queue.front().filter(is_due)?;
        queue.pop_front().map(|(_, waiting)| waiting)
    }
}

impl Correlator {
    /// What became known since the last call, as it stands. Each comes once more among `closed`.
    pub fn prompts(&mut self) -> std::vec::Drain<'_, (Prompt, Attempt)> {
        self.prompts.told.drain(..)
    }

    /// Whether something became known.
    pub fn has_prompts(&self) -> bool {
        !self.prompts.told.is_empty()
    }

    /// Tells what has just become known of a link, or waits a moment for its name and address.
    pub(super) fn announce(&mut self, key: Key) {
        if !self.options.prompts {
            return;
        }
        let Some(link) = self.links.get(key) else { return };
        let Some(news) = self.news(link) else { return };
        let client = self.client_of(link).is_some();
        let carrier = link.carrier.and_then(|carrier| self.carriers.get(carrier));
        let doubtful = carrier.is_some_and(|carrier| carrier.doubtful)
            && !(link.paired_for_certain || link.facts.client_ip.is_some());
        if doubtful && news == Prompt::Failed {
            // a line that proves whose it is comes within seconds: who is blamed is not guessed
            return;
        }
        let named = client && !doubtful && (link.facts.user.is_some() || (news == Prompt::Failed && !link.refused));
        let complete = match news {
            Prompt::Up => named,
            // pppd says soon what it counted
            Prompt::Ended => link.exited || link.served.is_some(),
            Prompt::Failed => named && (link.refused || link.exited || link.served.is_some()),
        };
        if complete || self.prompts.named.len() >= WAITING_MAX {
            self.tell_news(key);
        } else if let Some(link) = self.links.get_mut(key).filter(|link| !link.told.waits) {
            link.told.waits = true;
            let due = self.passed.saturating_add(NAMES_MAX);
            self.prompts.named.push_back((due, Waiting::Link(key)));
        }
    }

    /// What is to be told of a link.
    fn news(&self, link: &Link) -> Option<Prompt> {
        let carrier = link.carrier.and_then(|carrier| self.carriers.get(carrier));
        if build::is_calling(carrier, Some(link)) {
            return None;
        }
        let finished = carrier.is_some_and(|carrier| carrier.finished.is_some());
        let over = link.exited || finished || (link.served.is_some() && link.ending);
        let news = link.told.news(link.up.is_some(), link.refused, over)?;
        (link.is_telling() || carrier.is_some_and(|carrier| carrier.opened)).then_some(news)
    }

    /// Tells all that is to be told of a link.
    fn tell_news(&mut self, key: Key) {
        while let Some(link) = self.links.get(key)
            && let Some(news) = self.news(link)
        {
            let carrier = link.carrier.and_then(|carrier| self.carriers.get(carrier));
            let (told, refused) = (link.told, link.refused);
            let attempt = self.attempt(carrier, Some(link), news == Prompt::Up);
            let told = self.tell_prompt((news, refused), attempt, told);
            let Some(link) = self.links.get_mut(key) else { return };
            link.told = told;
        }
    }

    /// Tells an attempt as it stands, and whether it was refused; what is told of it then. A session that nobody knew of before
    /// its end came up first.
    pub(super) fn tell_prompt(&mut self, news: (Prompt, bool), mut attempt: Attempt, mut told: Told) -> Told {
        let (news, refused) = news;
        told.refused |= refused;
        attempt.heard = told.heard(&attempt);
        told.id = told.id.or(Some(attempt.id));
        let (session, who) = (is_session(attempt.outcome), Some(print(&attempt, "")));
        let how = Some(print(&attempt, end(&attempt)));
        if session && told.up.is_none() || news == Prompt::Up {
            told.up = who;
            self.prompts.told.push((Prompt::Up, opened(attempt.clone())));
        }
        match (news, session) {
            (Prompt::Up, _) => {}
            (_, true) => {
                told.ended = how;
                told.counted = attempt.bytes_to_client.is_some();
                self.prompts.told.push((Prompt::Ended, attempt));
            }
            (_, false) => {
                told.failed = how;
                self.prompts.told.push((Prompt::Failed, attempt));
            }
        }
        told
    }

    /// A carrier is over: its pppd says soon that it ends. One that started none is told at once.
    pub(super) fn announce_end(&mut self, key: Key) {
        let Some(carrier) = self.carriers.get(key).filter(|_| self.options.prompts) else {
            return;
        };
        match (carrier.link, carrier.call_started) {
            (Some(link), _) => self.announce(link),
            (None, None) => self.tell_carrier(key),
            (None, Some(_)) => {
                let due = self.passed.saturating_add(NAMES_MAX);
                self.prompts.named.push_back((due, Waiting::Carrier(key)));
            }
        }
    }

    fn tell_carrier(&mut self, key: Key) {
        let Some(carrier) = self.carriers.get(key) else { return };
        if carrier.link.is_some() || carrier.calling || !carrier.opened || carrier.told.failed.is_some() {
            return;
        }
        let (attempt, told) = (self.attempt(Some(carrier), None, false), carrier.told);
        let told = self.tell_prompt((Prompt::Failed, false), attempt, told);
        if let Some(carrier) = self.carriers.get_mut(key) {
            carrier.told = told;
        }
    }

    /// A line that was told already came so many times more: as many attempts.
    pub(super) fn tell_repeated(&mut self, key: Key, times: u64) {
        let Some(link) = self.links.get(key).filter(|link| link.told.refused) else {
            return;
        };
        let carrier = link.carrier.and_then(|carrier| self.carriers.get(carrier));
        let mut attempt = self.attempt(carrier, Some(link), false);
        attempt.times = times;
        self.prompts.told.push((Prompt::Failed, attempt));
    }

    /// A RADIUS server refused somebody: at once where no gateway's log is read.
    pub(super) fn announce_answer(&mut self, number: u64) {
        if self.options.prompts {
            self.tell_or_wait(Waiting::Answer(number));
        }
    }

    /// Accounting tells of a session that began.
    pub(super) fn announce_record(&mut self, identity: Identity) {
        if self.options.prompts {
            self.tell_or_wait(Waiting::Record(identity));
        }
    }

    fn tell_or_wait(&mut self, waiting: Waiting) {
        match self.prompts.gateway && self.prompts.joined.len() < WAITING_MAX {
            true => {
                let due = self.passed.saturating_add(GATEWAY_MAX);
                self.prompts.joined.push_back((due, waiting));
            }
            false => self.tell_waiting(waiting),
        }
    }

    /// Tells what has waited long enough.
    /// When the first began of what was not told as a session that is up, or is up no longer and may still gain lines.
    pub fn undecided_since(&self) -> Option<i64> {
        let is_up = |link: &Link| link.up.is_some() && link.told.up.is_some() && !link.exited;
        let links = self.links.iter().filter(|(_, link)| !is_up(link));
        let links = links.map(|(_, link)| link.facts.started);
        // a carrier of a session is part of that
        let bears = |link: Option<Key>| link.and_then(|key| self.links.get(key)).is_some_and(is_up);
        let carriers = self.carriers.iter().filter(|(_, carrier)| !bears(carrier.link));
        let carriers = carriers.map(|(_, carrier)| carrier.facts.started);
        links.chain(carriers).chain(self.packets_since()).min()
    }

    pub(super) fn settle_prompts(&mut self) {
        while let Some(waiting) = self.prompts.next(self.passed) {
            self.tell_waiting(waiting);
        }
    }

    fn tell_waiting(&mut self, waiting: Waiting) {
        match waiting {
            Waiting::Link(key) => {
                if let Some(link) = self.links.get_mut(key) {
                    link.told.waits = false;
                    self.tell_news(key);
                }
            }
            Waiting::Carrier(key) => self.tell_carrier(key),
            Waiting::Answer(number) => {
                let Some(answer) = self.radius.numbered(number).map(|answer| answer.clone()) else {
                    return;
                };
                let (told, gateway) = (answer.told, self.gateway(answer.host));
                let told = self.tell_prompt((Prompt::Failed, true), build::answer(answer, gateway), told);
                if let Some(answer) = self.radius.numbered(number) {
                    answer.told = told;
                }
            }
            Waiting::Record(identity) => {
                let Some(record) = self.accounting.open_record(&identity).map(|record| record.clone()) else {
                    return;
                };
                let attempt = build::record(&record, false, self.gateway(record.host));
                let told = self.tell_prompt((Prompt::Up, false), attempt, record.told);
                if let Some(record) = self.accounting.open_record(&identity) {
                    record.told = told;
                }
            }
        }
    }
}

/// A session as it stood when it came up.
fn opened(attempt: Attempt) -> Attempt {
    Attempt {
        outcome: Outcome::Open,
        ended: None,
        duration_s: None,
        end_reason: None,
        ..attempt
    }
}
