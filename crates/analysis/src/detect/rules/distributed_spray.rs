//! Many sources, many accounts, each source within every limit.

use std::collections::VecDeque;
use std::net::IpAddr;

use rustc_hash::FxHashSet;
use tunlog_model::Evidence;

use super::credential_stuffing;
use crate::detect::bounded::Bounded;
use crate::detect::cusum::Cusum;
use crate::detect::finding::{EVIDENCE_MAX, Finding, LISTED_MAX, Severity};
use crate::detect::region::{FOREIGN, Network, neighbours};
use crate::detect::rule::{Detection, Limits, Nature, Refusal, Rule, Scene, Threshold, finding};
use crate::detect::sigma::Sigma;

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;
/// Tries that are remembered.
const TRIES_MAX: usize = 2_048;
/// An attack is over when nothing was added to the chart for so long.
const QUIET: i64 = 3 * HOUR;
/// So many more sources are worth another word.
const JOINED: usize = 50;
/// Networks whose share in a day is remembered.
const SHARES_MAX: usize = 8_192;

/// The rule.
pub const RULE: Rule = Rule {
    name: "distributed-spray",
    severity: Severity::High,
    nature: Nature::Attack,
    techniques: &["T1110.003"],
    finds: "More new pairs of name and source are refused than is usual here, from sources that never logged in: a chart of cumulative sums against the last fourteen days. A pair weighs more the stranger its network, and if its source tries several names or its name several sources; one source, and one /24, adds at most two tries a day.",
    matters: "Five hundred rented addresses with two tries each pass below every rule that counts by source or by account.",
    wrong: "Many people abroad at once (a congress) on the day when their passwords expired.",
    actions: &[
        "Blocking single addresses does not help: ask for a second factor, or restrict from where people may log in.",
        "Look at logins from the sources of this finding (success-after-failures tells them).",
    ],
    thresholds: &[
        Threshold {
            key: "bar",
            default: 7.0,
            why: "Standard deviations above the usual: about one false alarm a year on what was measured.",
        },
        Threshold {
            key: "slack",
            default: 1.0,
            why: "Standard deviations per ten minutes that are taken for chance.",
        },
        Threshold {
            key: "sources",
            default: 5.0,
            why: "Fewer sources are the business of the rules that count by source.",
        },
    ],
    sigma: Sigma::Not(
        "It compares what comes with what was usual in fourteen days (cumulative sums) and weighs networks by how strange they are.",
    ),
    make: |limits| Box::new(DistributedSpray::new(limits)),
};

struct Try {
    time: i64,
    source: IpAddr,
    user: u64,
    name: Box<str>,
    unknown: bool,
    claimed: bool,
    foreign: bool,
    line: Option<Evidence>,
}

/// An attack that was told and goes on.
#[derive(Clone, Copy)]
struct Campaign {
    since: i64,
    told: i64,
    /// How many sources were told.
    sources: usize,
}

struct DistributedSpray {
    bar: f64,
    slack: f64,
    sources: usize,
    chart: Cusum,
    tries: VecDeque<Try>,
    shares: Bounded<Network, (i64, f64)>,
    campaign: Option<Campaign>,
    /// The last try that counted.
    last: i64,
}

impl DistributedSpray {
    fn new(limits: &Limits<'_>) -> DistributedSpray {
        DistributedSpray {
            bar: limits.of("bar"),
            slack: limits.of("slack"),
            sources: limits.of("sources") as usize,
            chart: Cusum::default(),
            tries: VecDeque::new(),
            shares: Bounded::new(SHARES_MAX),
            campaign: None,
            last: i64::MIN,
        }
    }

    /// Whether an attack that was told is still going on.
    fn goes_on(&self, now: i64) -> bool {
        self.campaign.is_some() && now.saturating_sub(self.last) <= QUIET
    }

    /// What a pair weighs: least for a person at a new address, most for a foreign source.
    fn weight(&mut self, refusal: &Refusal, source: IpAddr, now: i64) -> f64 {
        let strange = 0.8 * refusal.strange * refusal.strange;
        let weight = if refusal.honest { strange } else { strange.max(0.5) };
        // a network that acts as one has its own rule
        let day = now.div_euclid(DAY);
        let share = self.shares.entry(neighbours(source), now, || (day, 0.0));
        if share.0 != day {
            *share = (day, 0.0);
        }
        let weight = weight.min(1.6 - share.1).max(0.0);
        share.1 += weight;
        weight
    }

    fn remember(&mut self, refusal: &Refusal, source: IpAddr, several: bool) {
        self.tries.push_back(Try {
            time: refusal.time,
            source,
            user: refusal.hash,
            name: refusal.user.clone(),
            unknown: refusal.unknown || !refusal.user_good,
            claimed: refusal.claimed,
            foreign: refusal.strange >= FOREIGN || several,
            line: refusal.lines.first().cloned(),
        });
        if self.tries.len() > TRIES_MAX {
            self.tries.pop_front();
        }
    }

    /// The finding of the tries since a time, if they are many sources and names.
    fn found(&self, since: i64, sum: f64, scene: &Scene<'_>) -> Option<Finding> {
        let never = |source: &IpAddr| scene.memory.sources.get(source).is_none_or(|state| state.goods == 0);
        let tries: Vec<&Try> = self
            .tries
            .iter()
            .filter(|one| one.time >= since && one.foreign && never(&one.source))
            .collect();
        let mut seen = FxHashSet::default();
        let sources: Vec<Network> = tries
            .iter()
            .filter(|one| seen.insert(one.source))
            .map(|one| one.source.into())
            .collect();
        let mut known = FxHashSet::default();
        let names: Vec<&&Try> = tries.iter().filter(|one| known.insert(one.user)).collect();
        if sources.len() < self.sources || names.len() < 4 {
            return None;
        }
        let unknown = names.iter().filter(|one| one.unknown).count();
        let rule = match credential_stuffing::is_a_list(tries.len(), names.len(), unknown) {
            true => &credential_stuffing::RULE,
            false => &RULE,
        };
        Some(Finding {
            claimed: tries.iter().all(|one| one.claimed),
            users: names.iter().take(LISTED_MAX).map(|one| one.name.clone()).collect(),
            first: tries.first().map_or(scene.now, |one| one.time),
            attempts: tries.len() as u64,
            evidence: tries
                .iter()
                .rev()
                .filter_map(|one| one.line.clone())
                .take(EVIDENCE_MAX)
                .collect(),
            summary: format!(
                "{} sources from which nobody ever logged in were refused with {} names, {unknown} of which nobody here has; the chart stands {sum:.1} deviations above the usual {:.2} in ten minutes, its bar is {}.",
                sources.len(),
                names.len(),
                self.chart.usual(),
                self.bar
            ),
            sources: sources.into_iter().take(LISTED_MAX).collect(),
            ..finding(rule, scene.now)
        })
    }

    fn tell(&mut self, sum: f64, scene: &mut Scene<'_>) {
        let now = scene.now;
        let since = self.campaign.map_or(self.chart.since(), |campaign| campaign.since);
        let Some(found) = self.found(since, sum, scene) else {
            return;
        };
        // goes on: told again when as many have joined, or after a while; another attack may hide in it
        let joined = |campaign: Campaign| found.sources.len() - campaign.sources.min(found.sources.len());
        let known = |campaign: Campaign| now - campaign.told < 6 * HOUR && joined(campaign) < JOINED;
        if self.campaign.is_some_and(known) {
            self.chart.reset();
            return;
        }
        for source in &found.sources {
            if let Some(state) = scene.memory.sources.get_mut(&source.address) {
                state.alarmed = Some(now);
            }
        }
        self.campaign = Some(Campaign {
            since,
            told: now,
            sources: found.sources.len(),
        });
        self.chart.reset();
        scene.raise(now as u64, found);
    }
}

impl Detection for DistributedSpray {
    fn refused(&mut self, refusal: &Refusal, scene: &mut Scene<'_>) {
        if refusal.known_pair || refusal.outage || refusal.source_good {
            return;
        }
        let Some(source) = refusal.source else { return };
        let now = scene.now;
        let Some(state) = scene.memory.sources.get(&source) else {
            return;
        };
        let again = state
            .tried
            .iter()
            .any(|tried| tried.user == refusal.hash && tried.fails > refusal.times);
        let several = !state.tried_only(refusal.hash, i64::MIN);
        // what a rule about this source has told is explained
        if again
            || state.alarmed.is_some_and(|alarmed| now - alarmed < DAY)
                && !(self.goes_on(now) && state.charted.is_some_and(|charted| now - charted < DAY))
        {
            return;
        }
        // and so is an account that is guessed at from many sources
        let attacked = scene.memory.user(refusal.hash).and_then(|user| user.attacked);
        if attacked.is_some_and(|attacked| now - attacked < DAY) {
            return;
        }
        let weight = self.weight(refusal, source, now);
        if weight < 0.05 {
            return;
        }
        if !self.goes_on(now) {
            self.campaign = None;
        }
        if let Some(state) = scene.memory.sources.get_mut(&source) {
            state.charted = Some(now);
        }
        self.last = now;
        self.remember(refusal, source, several);
        let sum = self.chart.add(now, weight, self.slack, self.campaign.is_none());
        if sum > self.bar {
            self.tell(sum, scene);
        }
    }
}
