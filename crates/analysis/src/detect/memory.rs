//! What is remembered of sources, users and pairs of them, each within a cap.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use tunlog_model::Evidence;

use super::bounded::Bounded;
use super::bucket::Bucket;
use super::distinct::Distinct;
use super::outage::Outage;
use super::place::Atlas;
use super::region::Regions;
use super::rhythm::Rhythm;
use super::rule::Refusal;

/// Every cap of the detector, in one place; `Detector::limits_reached` says which were met.
pub mod caps {
    /// Sources that failed or logged in.
    pub const SOURCES: usize = 16_384;
    /// Users who have logged in.
    pub const USERS: usize = 65_536;
    /// Names that never logged in.
    pub const STRANGERS: usize = 16_384;
    /// Names that one source tried, with their counts; beyond, they are counted only.
    pub const TRIED: usize = 48;
    /// Sources from which one user logs in.
    pub const KNOWN: usize = 24;
    /// Sources that fail for one user.
    pub const FAILING: usize = 64;
    /// Sessions of one user open at once.
    pub const OPEN: usize = 8;
    /// Lines kept of one source.
    pub const LINES: usize = 6;
    /// Findings that are remembered so as not to tell them again.
    pub const TOLD: usize = 16_384;
    /// Attempts that wait for their turn.
    pub const WAITING: usize = 65_536;
}

const DAY: i64 = 86_400_000_000;
/// A source that was silent for so long begins anew.
const FORGOTTEN: i64 = 14 * DAY;
/// A name's hash: SipHash with fixed keys, so that it is the same in every run and cannot be steered cheaply.
pub fn name_hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

/// A name that a source tried.
#[derive(Clone, Debug)]
pub struct Tried {
    /// Hash of the name.
    pub user: u64,
    /// The name.
    pub name: Box<str>,
    /// Refusals.
    pub fails: u64,
    /// First and last of them.
    pub first: i64,
    /// The last.
    pub last: i64,
    /// What it put into the fast and the slow buckets: taken back if its owner gets in after all.
    pub weight: (f64, f64),
    /// This user had never logged in from there.
    pub new: bool,
    /// The gateway does not know the name.
    pub unknown: bool,
}

/// What is known of a source.
#[derive(Clone, Debug, Default)]
pub struct SourceState {
    /// Logins of honest people.
    pub goods: u64,
    /// Refusals since it was last forgotten.
    pub fails: u64,
    /// First and last refusal.
    pub first: i64,
    /// The last.
    pub last: i64,
    /// Fast buckets, then slow ones.
    pub buckets: [Bucket; 4],
    /// What it tried, the latest.
    pub tried: Vec<Tried>,
    /// How many different names with which it had never logged in.
    pub names: Distinct,
    /// Lines of its refusals.
    pub lines: VecDeque<Evidence>,
    rhythm: Rhythm,
    /// When a rule that speaks of one source last named it.
    pub alarmed: Option<i64>,
    /// When it last added something to the chart of distributed attacks.
    pub charted: Option<i64>,
}

impl SourceState {
    /// Whether it fails at a constant rhythm, as a machine that redials does; the period in seconds.
    pub fn period(&self) -> Option<u32> {
        self.rhythm.period()
    }

    /// Names that it tried since a time without ever having logged in with them; only unknown ones if asked.
    pub fn new_names(&self, since: i64, unknown: bool) -> usize {
        let counts = |tried: &&Tried| tried.new && tried.last >= since && (tried.unknown || !unknown);
        self.tried.iter().filter(counts).count()
    }

    /// Whether no other name was tried from here lately.
    pub fn tried_only(&self, user: u64, since: i64) -> bool {
        self.tried
            .iter()
            .all(|tried| tried.user == user || !tried.new || tried.last < since)
    }

    fn note(&mut self, refusal: &Refusal, weight: (f64, f64)) {
        if refusal.time - self.last > FORGOTTEN && self.fails > 0 {
            let goods = self.goods;
            *self = SourceState {
                goods,
                ..SourceState::default()
            };
        }
        if self.fails == 0 {
            self.first = refusal.time;
        } else {
            self.rhythm.note(refusal.time - self.last);
        }
        self.last = refusal.time.max(self.last);
        self.fails += refusal.times;
        self.note_name(refusal, weight);
        for line in &refusal.lines {
            self.lines.push_back(line.clone());
        }
        while self.lines.len() > caps::LINES {
            self.lines.pop_front();
        }
    }

    fn note_name(&mut self, refusal: &Refusal, weight: (f64, f64)) {
        let new = !refusal.known_pair && !refusal.outage;
        if new {
            self.names.add(refusal.hash);
        }
        if let Some(tried) = self.tried.iter_mut().find(|tried| tried.user == refusal.hash) {
            tried.fails += refusal.times;
            tried.last = refusal.time;
            tried.new |= new;
            tried.unknown |= refusal.unknown && !refusal.outage;
            tried.weight = (tried.weight.0 + weight.0, tried.weight.1 + weight.1);
            return;
        }
        if self.tried.len() >= caps::TRIED
            && let Some(oldest) = (0..self.tried.len()).min_by_key(|at| self.tried[*at].last)
        {
            self.tried.remove(oldest);
        }
        self.tried.push(Tried {
            user: refusal.hash,
            name: refusal.user.clone(),
            fails: refusal.times,
            first: refusal.time,
            last: refusal.time,
            weight,
            new,
            unknown: refusal.unknown,
        });
    }

    /// Somebody got in: the failures with that name were a person's.
    fn forgive(&mut self, user: u64) {
        let Some(at) = self.tried.iter().position(|tried| tried.user == user) else {
            return;
        };
        let tried = self.tried.remove(at);
        for (number, bucket) in self.buckets.iter_mut().enumerate() {
            bucket.take(if number < 2 { tried.weight.0 } else { tried.weight.1 });
        }
        if self.tried.is_empty() {
            self.fails = 0;
            self.buckets.iter_mut().for_each(Bucket::empty);
        }
    }
}

/// A source that fails for a user and never logged in with that name.
#[derive(Clone, Debug)]
pub struct Failing {
    /// The source.
    pub source: IpAddr,
    /// First and last refusal.
    pub first: i64,
    /// The last.
    pub last: i64,
    /// How many.
    pub count: u64,
    /// How strange its network is.
    pub strange: f64,
    /// A line of the last one.
    pub line: Option<Evidence>,
}

/// A device that redials with an old password.
#[derive(Clone, Copy, Debug)]
pub struct Stale {
    /// Where it is.
    pub source: IpAddr,
    /// Refusals in a row.
    pub count: u64,
    /// When they began.
    pub first: i64,
    /// The last one.
    pub last: i64,
    /// Seconds between two of them, smoothed.
    pub period_s: f64,
}

/// An open session of a user.
#[derive(Clone, Copy, Debug)]
pub struct Open {
    /// Key of the session.
    pub key: u64,
    /// Where it comes from.
    pub source: IpAddr,
    /// When it came up.
    pub up: i64,
}

/// What is known of a user.
#[derive(Clone, Debug, Default)]
pub struct UserState {
    /// The name.
    pub name: Box<str>,
    /// Logins.
    pub goods: u64,
    /// From where, and when last.
    pub known: Vec<(IpAddr, i64)>,
    /// Who fails with the name.
    pub failing: Vec<Failing>,
    /// A device with an old password.
    pub stale: Option<Stale>,
    /// Sessions that are up.
    pub open: Vec<Open>,
    /// When the name was last found under attack from many sources.
    pub attacked: Option<i64>,
}

impl UserState {
    /// Whether the user has logged in from there.
    pub fn knows(&self, source: IpAddr) -> bool {
        self.known.iter().any(|(known, _)| *known == source)
    }

    /// Takes in a login.
    fn learn(&mut self, source: IpAddr, now: i64) {
        self.failing.retain(|failing| failing.source != source);
        if let Some(known) = self.known.iter_mut().find(|(known, _)| *known == source) {
            known.1 = now;
            return;
        }
        if self.known.len() >= caps::KNOWN
            && let Some(oldest) = (0..self.known.len()).min_by_key(|at| self.known[*at].1)
        {
            self.known.remove(oldest);
        }
        self.known.push((source, now));
    }

    /// How many different ranges fail with this name since a time; those from where people log in count less.
    pub fn ranges(&self, since: i64, counts: impl Fn(&IpAddr) -> bool) -> (f64, usize, u64) {
        let mut seen: Vec<(super::region::Network, f64)> = Vec::new();
        let mut count = 0;
        for failing in self
            .failing
            .iter()
            .filter(|failing| failing.last >= since && counts(&failing.source))
        {
            count += failing.count;
            let range = super::region::range(failing.source);
            let weight: f64 = if failing.strange >= 0.6 { 1.0 } else { 0.4 };
            match seen.iter_mut().find(|(known, _)| *known == range) {
                Some((_, known)) => *known = weight.max(*known),
                None => seen.push((range, weight)),
            }
        }
        (seen.iter().map(|(_, weight)| weight).sum(), seen.len(), count)
    }

    fn note(&mut self, refusal: &Refusal, source: IpAddr) {
        let line = refusal.lines.first().cloned();
        if let Some(failing) = self.failing.iter_mut().find(|failing| failing.source == source) {
            failing.last = refusal.time;
            failing.count += refusal.times;
            failing.line = line;
            return;
        }
        if self.failing.len() >= caps::FAILING
            && let Some(oldest) = (0..self.failing.len()).min_by_key(|at| self.failing[*at].last)
        {
            self.failing.remove(oldest);
        }
        self.failing.push(Failing {
            source,
            first: refusal.time,
            last: refusal.time,
            count: refusal.times,
            strange: refusal.strange,
            line,
        });
    }

    /// Follows a device that redials: from a place where the user has logged in, or from where it moved to.
    fn follow(&mut self, refusal: &Refusal, source: IpAddr) {
        if !refusal.known_pair || refusal.outage {
            return;
        }
        let gap = |stale: &Stale| (refusal.time - stale.last).max(0) as f64 / 1e6;
        match &mut self.stale {
            Some(stale) if stale.source == source || moved(stale, refusal.time) => {
                let seconds = gap(stale);
                stale.period_s = match stale.count {
                    1 => seconds,
                    _ => stale.period_s * 0.8 + seconds.min(stale.period_s * 2.0 + 30.0) * 0.2,
                };
                (stale.source, stale.last) = (source, refusal.time);
                stale.count += refusal.times;
            }
            stale => {
                *stale = Some(Stale {
                    source,
                    count: refusal.times,
                    first: refusal.time,
                    last: refusal.time,
                    period_s: 0.0,
                });
            }
        }
    }
}

/// Whether a refusal at `time` is the next one of a device whose address has changed: it keeps its rhythm.
pub fn moved(stale: &Stale, time: i64) -> bool {
    if stale.count < 8 || stale.period_s < 20.0 {
        return false;
    }
    let periods = (time - stale.last).max(0) as f64 / 1e6 / stale.period_s;
    (0.5..=12.0).contains(&periods) && (periods - periods.round()).abs() <= 0.2 + 0.05 * periods
}

/// What is remembered.
#[derive(Debug)]
pub struct Memory {
    /// Sources.
    pub sources: Bounded<IpAddr, SourceState>,
    users: Bounded<u64, UserState>,
    strangers: Bounded<u64, UserState>,
    /// Networks.
    pub regions: Regions,
    /// Whether what decides logins is down.
    pub outage: Outage,
    /// Where addresses are.
    pub atlas: Atlas,
    /// Findings told: rule and key.
    told: Bounded<(usize, u64), i64>,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory {
            sources: Bounded::new(caps::SOURCES),
            users: Bounded::new(caps::USERS),
            strangers: Bounded::new(caps::STRANGERS),
            regions: Regions::default(),
            outage: Outage::default(),
            atlas: Atlas::default(),
            told: Bounded::new(caps::TOLD),
        }
    }
}

impl Memory {
    /// A user, whether or not anybody ever logged in with the name.
    pub fn user(&self, hash: u64) -> Option<&UserState> {
        self.users.get(&hash).or_else(|| self.strangers.get(&hash))
    }

    /// The same, to be changed.
    pub fn user_mut(&mut self, hash: u64) -> Option<&mut UserState> {
        match self.users.get(&hash).is_some() {
            true => self.users.get_mut(&hash),
            false => self.strangers.get_mut(&hash),
        }
    }

    /// Remembers a refusal, with what it puts into the buckets of its source.
    pub fn note_refusal(&mut self, refusal: &Refusal, weight: (f64, f64)) {
        if let Some(source) = refusal.source {
            let state = self.sources.entry(source, refusal.time, SourceState::default);
            state.note(refusal, weight);
        }
        let make = || UserState {
            name: refusal.user.clone(),
            ..UserState::default()
        };
        let user = match self.users.get(&refusal.hash).is_some() {
            true => self.users.entry(refusal.hash, refusal.time, make),
            false => self.strangers.entry(refusal.hash, refusal.time, make),
        };
        if let Some(source) = refusal.source {
            if !refusal.known_pair && !refusal.outage {
                user.note(refusal, source);
            }
            user.follow(refusal, source);
        }
    }

    /// Remembers a login; `clean`: nothing speaks against its being the owner's.
    pub fn note_login(&mut self, user: Option<(&str, u64)>, source: Option<IpAddr>, now: i64, clean: bool) {
        if let Some(source) = source {
            let state = self.sources.entry(source, now, SourceState::default);
            if clean {
                state.goods += 1;
                if let Some((_, hash)) = user {
                    state.forgive(hash);
                }
                self.regions.learn(source, now);
            }
        }
        let Some((name, hash)) = user else { return };
        let before = self.strangers.remove(&hash);
        let state = self.users.entry(hash, now, || {
            before.unwrap_or_else(|| UserState {
                name: name.into(),
                ..UserState::default()
            })
        });
        state.goods += 1;
        if let (Some(source), true) = (source, clean) {
            state.learn(source, now);
            if state
                .stale
                .is_some_and(|stale| stale.source == source && now - stale.last > 2 * DAY)
            {
                state.stale = None;
            }
        }
    }

    /// Whether a rule has told of a key within a day.
    pub fn was_told(&self, rule: usize, key: u64, now: i64) -> bool {
        let last = self.told.get(&(rule, key));
        last.is_some_and(|last| now.saturating_sub(*last) < DAY)
    }

    /// Whether an alarm of a rule about a key may sound: not again within a day.
    pub fn may_alarm(&mut self, rule: usize, key: u64, now: i64) -> bool {
        let last = self.told.entry((rule, key), now, || i64::MIN);
        let may = now.saturating_sub(*last) >= DAY;
        if may {
            *last = now;
        }
        may
    }

    /// Caps that were met: what, how many it holds, how many were given up.
    pub fn limits_reached(&self) -> Vec<(&'static str, usize, u64)> {
        let all = [
            ("sources", caps::SOURCES, self.sources.dropped()),
            ("users", caps::USERS, self.users.dropped()),
            ("names that never logged in", caps::STRANGERS, self.strangers.dropped()),
            ("findings told", caps::TOLD, self.told.dropped()),
        ];
        all.into_iter().filter(|(_, _, dropped)| *dropped > 0).collect()
    }
}
