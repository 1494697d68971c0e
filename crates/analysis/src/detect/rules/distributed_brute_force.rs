//! Many sources, one account; and a network whose addresses take turns.

use std::net::IpAddr;

use crate::detect::bounded::Bounded;
use crate::detect::bucket::{Bucket, Scale};
use crate::detect::finding::{EVIDENCE_MAX, Finding, LISTED_MAX, Severity};
use crate::detect::memory::{Failing, Memory, UserState, name_hash};
use crate::detect::region::{FOREIGN, Network, neighbours};
use crate::detect::rule::{Detection, Limits, Nature, Refusal, Rule, Scene, Threshold, finding};
use crate::detect::sigma::{Count, Joined, Least, REFUSED, Said, Sigma};

const DAY: i64 = 86_400_000_000;
/// Networks that are watched.
const NETWORKS_MAX: usize = 8_192;
/// Addresses and names of a network that are told.
const MEMBERS_MAX: usize = 64;

/// The rule.
pub const RULE: Rule = Rule {
    name: "distributed-brute-force",
    severity: Severity::High,
    nature: Nature::Attack,
    techniques: &["T1110.001"],
    finds: "One account is refused from many sources that never logged in with it. Sources of one provider's range count once, and less than half where people of this gateway log in from near by. Or: addresses of one /24 (IPv6 /48) from which nobody logs in take turns.",
    matters: "Each source stays below every limit that counts by address; the account is guessed at all the same.",
    wrong: "Somebody who travels through many networks with an old password; a name that is no account of yours and that scanners of the whole Internet try (admin, test).",
    actions: &[
        "Blocking single addresses does not help: block the network if it is one, else protect the account with a long password or a second factor.",
        "Tell the owner; see whether a login followed from one of the sources.",
    ],
    thresholds: &[
        Threshold {
            key: "day",
            default: 5.0,
            why: "Ranges within a day for one account: a person has a home, an office and two telephone networks.",
        },
        Threshold {
            key: "week",
            default: 8.0,
            why: "The same within a week.",
        },
        Threshold {
            key: "turns",
            default: 10.0,
            why: "Refusals within a day from at least three ranges, where that many are not reached: a handful of sources in turn.",
        },
        Threshold {
            key: "network",
            default: 12.0,
            why: "Capacity of the bucket of a network, leaking one in two hours, if at least four of its addresses try.",
        },
    ],
    sigma: Sigma::Said(&Said {
        bases: &[REFUSED],
        joined: &[
            Joined {
                name: "day",
                title: "One account refused at the VPN from many addresses within a day",
                count: Count::Values("client_ip"),
                of: &["refused"],
                by: &["user"],
                aliases: &[],
                within: "1d",
                least: Least::Threshold("day"),
            },
            Joined {
                name: "week",
                title: "One account refused at the VPN from many addresses within a week",
                count: Count::Values("client_ip"),
                of: &["refused"],
                by: &["user"],
                aliases: &[],
                within: "7d",
                least: Least::Threshold("week"),
            },
        ],
        loses: "Addresses count, not networks: a telephone that changes its address is many. It does not know who has logged in from where.",
    }),
    make: |limits| Box::new(Distributed::new(limits)),
};

struct Turns {
    bucket: Bucket,
    first: i64,
    addresses: Vec<IpAddr>,
    users: Vec<Box<str>>,
    count: u64,
}

struct Distributed {
    day: f64,
    week: f64,
    turns: f64,
    network: Scale,
    networks: Bounded<Network, Turns>,
}

impl Distributed {
    fn new(limits: &Limits<'_>) -> Distributed {
        Distributed {
            day: limits.of("day"),
            week: limits.of("week"),
            turns: limits.of("turns"),
            network: Scale {
                capacity: limits.of("network"),
                leak_s: 7_200.0,
            },
            networks: Bounded::new(NETWORKS_MAX),
        }
    }

    fn account(&self, refusal: &Refusal, scene: &mut Scene<'_>) {
        let now = scene.now;
        let Some(user) = scene.memory.user(refusal.hash) else {
            return;
        };
        if user.failing.len() < 3 {
            return;
        }
        // names that never logged in are tried by all the Internet
        let factor = if refusal.user_good { 1.0 } else { 2.0 };
        // sources that another rule has named are explained
        let open = |source: &IpAddr| {
            let state = scene.memory.sources.get(source);
            state.is_none_or(|state| state.alarmed.is_none_or(|alarmed| now - alarmed > DAY))
        };
        let (day, ranges, count) = user.ranges(now - DAY, open);
        let (week, ..) = user.ranges(now - 7 * DAY, open);
        let in_turn = ranges >= 3 && day >= 2.0 && count as f64 >= self.turns;
        if day < self.day * factor && week < self.week * factor && !(in_turn && refusal.user_good) {
            return;
        }
        if scene.is_told(refusal.hash) {
            return;
        }
        let mut found = of_user(now, user, scene);
        found.claimed = refusal.claimed;
        found.summary = format!(
            "{} was refused {count} times within a day from {ranges} ranges of addresses from which its owner never logged in; a person has up to four.",
            tunlog_model::text::visible(&refusal.user)
        );
        if found.sources.len() >= 2 && scene.raise(refusal.hash, found) {
            mark(scene, refusal.hash);
        }
    }

    fn network(&mut self, refusal: &Refusal, source: IpAddr, scene: &mut Scene<'_>) {
        if refusal.source_good || refusal.strange <= 0.1 {
            return;
        }
        let now = scene.now;
        let network = neighbours(source);
        let turns = self.networks.entry(network, now, || Turns {
            bucket: Bucket::default(),
            first: now,
            addresses: Vec::new(),
            users: Vec::new(),
            count: 0,
        });
        turns.count += refusal.times;
        if !turns.addresses.contains(&source) && turns.addresses.len() < MEMBERS_MAX {
            turns.addresses.push(source);
        }
        if !turns.users.contains(&refusal.user) && turns.users.len() < MEMBERS_MAX {
            turns.users.push(refusal.user.clone());
        }
        let over = turns.bucket.pour(now, refusal.times as f64, self.network);
        if !over || turns.addresses.len() < 4 {
            return;
        }
        let found = Finding {
            sources: vec![network],
            claimed: refusal.claimed,
            users: turns.users.clone(),
            first: turns.first,
            attempts: turns.count,
            evidence: refusal.lines.clone(),
            summary: format!(
                "{} addresses of {network} were refused {} times in turn; nobody ever logged in from that network.",
                turns.addresses.len(),
                turns.count
            ),
            ..finding(&RULE, now)
        };
        for address in &turns.addresses {
            if let Some(state) = scene.memory.sources.get_mut(address) {
                state.alarmed = Some(now);
            }
        }
        scene.raise(name_hash(&network.to_string()), found);
    }
}

/// Sources that are no person's who mistypes: a foreign network, or other names tried as well. Of a familiar network that
/// tries one name only nothing proves that it is not the owner at a new address.
fn guesses(failing: &Failing, hash: u64, memory: &Memory) -> bool {
    let state = memory.sources.get(&failing.source);
    failing.strange >= FOREIGN || state.is_some_and(|state| !state.tried_only(hash, i64::MIN))
}

fn of_user(now: i64, user: &UserState, scene: &Scene<'_>) -> Finding {
    let hash = name_hash(&user.name);
    let never = |source: &IpAddr| scene.memory.sources.get(source).is_none_or(|state| state.goods == 0);
    let blamed = || {
        let recent = user.failing.iter().filter(|failing| failing.last >= now - 7 * DAY);
        recent.filter(|failing| guesses(failing, hash, scene.memory) && never(&failing.source))
    };
    let mut evidence: Vec<_> = blamed().filter_map(|failing| failing.line.clone()).collect();
    evidence.truncate(EVIDENCE_MAX);
    Finding {
        sources: blamed().take(LISTED_MAX).map(|failing| failing.source.into()).collect(),
        users: vec![user.name.clone()],
        first: blamed().map(|failing| failing.first).min().unwrap_or(now),
        attempts: blamed().map(|failing| failing.count).sum(),
        evidence,
        ..finding(&RULE, now)
    }
}

/// Remembers who is suspected, for whoever sees them get in.
fn mark(scene: &mut Scene<'_>, hash: u64) {
    let now = scene.now;
    let Some(user) = scene.memory.user(hash) else { return };
    let guessing = user
        .failing
        .iter()
        .filter(|failing| guesses(failing, hash, scene.memory));
    let blamed: Vec<IpAddr> = guessing.map(|failing| failing.source).collect();
    if let Some(user) = scene.memory.user_mut(hash) {
        user.attacked = Some(now);
    }
    for source in blamed {
        if let Some(state) = scene.memory.sources.get_mut(&source) {
            state.alarmed = Some(now);
        }
    }
}

impl Detection for Distributed {
    fn refused(&mut self, refusal: &Refusal, scene: &mut Scene<'_>) {
        if refusal.known_pair || refusal.outage {
            return;
        }
        let Some(source) = refusal.source else { return };
        self.network(refusal, source, scene);
        self.account(refusal, scene);
    }
}
