//! The same source, or the same account, at the gateway and at other services: SSH, mail, Windows.

mod tally;

use std::net::IpAddr;
use std::rc::Rc;

use crate::correlate::account::Account;
use crate::detect::bounded::Bounded;
use crate::detect::finding::{EVIDENCE_MAX, Finding, LISTED_MAX, Severity, Taken};
use crate::detect::memory::name_hash;
use crate::detect::region::FOREIGN;
use crate::detect::rule::{Detection, Limits, Nature, Opening, Refusal, Rule, Scene, Threshold, finding};
use crate::detect::service::{Login, key_of};
use crate::detect::sigma::{Base, Count, Joined, Least, REFUSED, Said, Sigma};
use tally::{Doors, GATEWAY, Refused, Tally, Tried};
use tunlog_model::text::visible;

/// People, and addresses of theirs, that are remembered from their log-ins.
const PEOPLE_MAX: usize = 16_384;
const HOMES_MAX: usize = 16_384;
/// Sources and accounts whose refusals are remembered: the noise of the Internet, which must not push people out.
const REFUSED_MAX: usize = 4_096;
/// Sources from which one account is known to log in, at whatever service.
const KNOWN_MAX: usize = 12;
const HOUR: i64 = 3_600_000_000;

/// The rule.
pub const RULE: Rule = Rule {
    name: "same-credentials-elsewhere",
    severity: Severity::Medium,
    nature: Nature::Attack,
    techniques: &["T1110", "T1078"],
    finds: "One source is refused at the gateway and at another service whose log is given along (sshd, dovecot, postfix, PAM, Windows): with several names, or with one and more often than a person. Or one account is refused at both from networks from which its owner never came. Or such a source, or somebody from a foreign network, gets in at one door after refusals at the other: then it is high.",
    matters: "A list of names and passwords is tried wherever it may fit. Each log alone shows a few mistakes; what fits at one door opens the others.",
    wrong: "People behind one new address who mistype at several services; a traveller whose password expired, with a program that goes on asking.",
    actions: &[
        "Block the source at all services, not only at the gateway.",
        "Where one got in: reset that password everywhere it is used, end the sessions, and see what was done in them.",
        "Let the services share one directory and one lock-out, and ask for a second factor.",
    ],
    thresholds: &[
        Threshold {
            key: "names",
            default: 3.0,
            why: "Names refused from one source at both doors together: one person has one name, and mistypes it.",
        },
        Threshold {
            key: "names_shared",
            default: 8.0,
            why: "The same where somebody logs in from that address: an office, a network behind one address.",
        },
        Threshold {
            key: "tries",
            default: 5.0,
            why: "With fewer names: refusals at each of the doors. A person asks for help before, and a device is known by its rhythm.",
        },
        Threshold {
            key: "networks",
            default: 4.0,
            why: "Networks (/16, IPv6 /40) that are refused with one account at all doors together, two of them at the gateway; those from which people log in count 0.4.",
        },
        Threshold {
            key: "hours",
            default: 24.0,
            why: "How long a refusal is remembered for what comes at the other door.",
        },
    ],
    sigma: Sigma::Said(&Said {
        bases: &[
            REFUSED,
            Base {
                name: "elsewhere",
                title: "A login to another service was refused",
                service: "event",
                fits: &[
                    ("dialect", &["sshd", "dovecot", "postfix", "pam"]),
                    ("event", &["auth-failed"]),
                ],
                but: &[],
            },
        ],
        joined: &[Joined {
            name: "both",
            title: "One address is refused at the VPN and at another service",
            count: Count::All,
            of: &["refused", "elsewhere"],
            by: &["source"],
            aliases: &[
                ("source", "refused", "client_ip"),
                ("source", "elsewhere", "fields.client_ip"),
            ],
            within: "1d",
            least: Least::EachOne,
        }],
        loses: "How many names, and who is known there: a person who mistypes at both doors fits. Events of other services are those of `tunlog decode --services`.",
    }),
    make: |limits| Box::new(Elsewhere::new(limits)),
};

/// Somebody who has logged in, at whatever door.
#[derive(Default)]
struct Person {
    goods: u64,
    known: Vec<(IpAddr, i64)>,
}

impl Person {
    fn knows(&self, source: IpAddr) -> bool {
        self.known.iter().any(|(known, _)| *known == source)
    }

    fn learn(&mut self, source: IpAddr, now: i64) {
        self.goods += 1;
        self.known.retain(|(known, _)| *known != source);
        if self.known.len() >= KNOWN_MAX {
            self.known.remove(0);
        }
        self.known.push((source, now));
    }
}

struct Elsewhere {
    names: [f64; 2],
    tries: u64,
    networks: f64,
    window: i64,
    /// By the account's key.
    people: Bounded<u64, Person>,
    /// Log-ins from an address that nothing spoke against.
    homes: Bounded<IpAddr, u64>,
    by_source: Bounded<IpAddr, Tally>,
    by_account: Bounded<u64, Tally>,
}

/// A log-in that worked, at whatever door.
struct Success<'a> {
    door: &'a str,
    user: &'a str,
    account: &'a Account,
    key: u64,
    source: IpAddr,
    time: i64,
    strange: f64,
    lines: &'a [tunlog_model::Evidence],
}

impl Elsewhere {
    fn new(limits: &Limits<'_>) -> Elsewhere {
        Elsewhere {
            names: [limits.of("names"), limits.of("names_shared")],
            tries: limits.of("tries") as u64,
            networks: limits.of("networks"),
            window: (limits.of("hours") * HOUR as f64) as i64,
            people: Bounded::new(PEOPLE_MAX),
            homes: Bounded::new(HOMES_MAX),
            by_source: Bounded::new(REFUSED_MAX),
            by_account: Bounded::new(REFUSED_MAX),
        }
    }

    /// Whether the account's owner is known to come from there.
    fn is_owner(&self, key: u64, source: Option<IpAddr>) -> bool {
        let person = self.people.get(&key);
        source.is_some_and(|source| person.is_some_and(|person| person.knows(source)))
    }

    /// Whether people log in from there.
    fn is_home(&self, source: IpAddr) -> bool {
        self.homes.get(&source).is_some()
    }

    /// A refusal at any door.
    fn note(&mut self, refused: &Rc<Refused>, scene: &mut Scene<'_>) {
        let login = &refused.login;
        let since = login.time - self.window;
        if let Some(account) = &login.account {
            let tally = self.by_account.entry(login.key, login.time, Tally::default);
            tally.note(refused, since);
            if tally.is_of_two() {
                self.judge_account(account, refused, scene);
            }
        }
        if let Some(source) = login.source {
            let tally = self.by_source.entry(source, login.time, Tally::default);
            tally.note(refused, since);
            if tally.is_of_two() {
                self.judge_source(source, refused, scene);
            }
        }
    }

    /// Whether what a source was refused at all doors is more than people are.
    fn is_bad(&self, source: IpAddr, all: &Doors<'_>) -> bool {
        let home = self.is_home(source);
        all.names() as f64 >= self.names[usize::from(home)]
            || (!home && all.strange > 0.3 && all.people >= 2 * self.tries)
    }

    fn judge_source(&mut self, source: IpAddr, last: &Refused, scene: &mut Scene<'_>) {
        let Some(tally) = self.by_source.get(&source) else {
            return;
        };
        let home = self.is_home(source);
        let since = scene.now - self.window;
        let gateway = tally.since(since, Tried::is_gateway);
        let others = tally.since(since, |tried| !tried.is_gateway());
        let all = tally.since(since, |_| true);
        if gateway.count == 0 || others.count == 0 {
            return;
        }
        let often = gateway.people.min(others.people) >= self.tries && all.strange > 0.3 && !home;
        if !often && (all.names() as f64) < self.names[usize::from(home)] {
            return;
        }
        if let Some(state) = scene.memory.sources.get_mut(&source) {
            state.alarmed = Some(scene.now);
        }
        let found = Finding {
            sources: vec![source.into()],
            claimed: last.claimed,
            summary: format!(
                "{source} was refused at {} within {} hours, with {} different names; one person has one name.",
                all.told(),
                self.window / HOUR,
                all.names(),
            ),
            ..finding_of(&all, scene.now)
        };
        scene.raise(name_hash(&source.to_string()), found);
    }

    fn judge_account(&mut self, account: &Account, last: &Refused, scene: &mut Scene<'_>) {
        let Some(tally) = self.by_account.get(&last.login.key) else {
            return;
        };
        let since = scene.now - self.window;
        let same = |tried: &Tried| tried.is_of(account);
        let gateway = tally.since(since, |tried| tried.is_gateway() && same(tried));
        let others = tally.since(since, |tried| !tried.is_gateway() && same(tried));
        let known = self.people.get(&last.login.key).is_some_and(|person| person.goods > 0);
        let good = known || scene.memory.user(last.hash).is_some_and(|user| user.goods > 0);
        let networks = gateway.networks() + others.networks();
        if !good || gateway.networks() < 2.0 || others.networks() < 1.0 || networks < self.networks {
            return;
        }
        let all = tally.since(since, same);
        let found = Finding {
            sources: all.sources(),
            summary: format!(
                "{} was refused at {} within {} hours, from {} addresses from which its owner never came.",
                visible(last.login.user.as_deref().unwrap_or_default()),
                all.told(),
                self.window / HOUR,
                all.sources().len(),
            ),
            ..finding_of(&all, scene.now)
        };
        scene.raise(name_hash("account") ^ last.login.key, found);
    }

    /// Somebody got in; whether nothing speaks against its being the owner.
    fn succeeded(&mut self, success: &Success<'_>, scene: &mut Scene<'_>) -> bool {
        let since = success.time - self.window;
        let other_door = |tried: &Tried| tried.is_gateway() != (success.door == GATEWAY);
        let none = Tally::default();
        let tally = self.by_source.get(&success.source).unwrap_or(&none);
        let side = tally.since(since, other_door);
        let everywhere = tally.since(since, |_| true);
        let (all, reason) = if side.count > 0 && self.is_bad(success.source, &everywhere) {
            let reason = format!("after that address was refused at {}", everywhere.told());
            (everywhere, reason)
        } else {
            let Some(tally) = self.by_account.get(&success.key) else {
                return true;
            };
            let side = tally.since(since, |tried| other_door(tried) && tried.is_of(success.account));
            if success.strange < FOREIGN || side.networks() < self.networks - 1.0 {
                return true;
            }
            let reason = format!(
                "a foreign network, after the account was refused from several at {}",
                side.told()
            );
            (side, reason)
        };
        let mut found = finding_of(&all, scene.now);
        found.severity = Severity::High;
        found.sources = vec![success.source.into()];
        found.last = success.time;
        found.attempts += 1;
        found.users = vec![success.user.into()];
        found.succeeded = vec![Taken {
            user: success.user.into(),
            client_ip: Some(success.source),
            time: success.time,
        }];
        found.summary = format!(
            "{} got in at {} from {}, from where this user never came, {reason}.",
            visible(success.user),
            tally::said(success.door),
            success.source
        );
        found
            .evidence
            .truncate(EVIDENCE_MAX - success.lines.len().min(EVIDENCE_MAX));
        found.evidence.extend(success.lines.iter().take(EVIDENCE_MAX).cloned());
        let told = name_hash("success") ^ success.key ^ name_hash(&success.source.to_string());
        scene.raise(told, found);
        false
    }

    /// An honest log-in, as far as is known: what its owner was refused before is forgiven.
    fn learn(&mut self, success: &Success<'_>) {
        let (source, now) = (success.source, success.time);
        self.people.entry(success.key, now, Person::default).learn(source, now);
        *self.homes.entry(source, now, || 0) += 1;
        if let Some(tally) = self.by_account.get_mut(&success.key) {
            tally.forgive(|tried| tried.source() == Some(source));
        }
        if let Some(tally) = self.by_source.get_mut(&source) {
            tally.forgive(|tried| tried.is_of(success.account));
        }
    }
}

/// A finding about what a tally holds.
fn finding_of(all: &Doors<'_>, now: i64) -> Finding {
    Finding {
        users: all.users().into_iter().take(LISTED_MAX).collect(),
        first: all.first,
        last: all.last,
        attempts: all.count,
        evidence: all.lines(EVIDENCE_MAX),
        ..finding(&RULE, now)
    }
}

impl Detection for Elsewhere {
    fn refused(&mut self, refusal: &Refusal, scene: &mut Scene<'_>) {
        let account = (!refusal.user.is_empty()).then(|| Account::of(&refusal.user, None));
        let key = account.as_ref().map_or(0, key_of);
        if refusal.outage || refusal.known_pair || self.is_owner(key, refusal.source) {
            return;
        }
        let login = Login {
            time: refusal.time,
            service: GATEWAY.into(),
            user: account.is_some().then(|| refusal.user.clone()),
            account,
            key,
            source: refusal.source,
            accepted: false,
            times: refusal.times,
            sum: false,
            line: refusal.lines.first().cloned(),
        };
        let refused = Refused {
            login: Rc::new(login),
            hash: refusal.hash,
            claimed: refusal.claimed,
            strange: refusal.strange,
        };
        self.note(&Rc::new(refused), scene);
    }

    fn opened(&mut self, opening: &Opening<'_>, scene: &mut Scene<'_>) {
        let (Some((user, _)), Some(source)) = (opening.user, opening.source) else {
            return;
        };
        let account = Account::of(user, None);
        let success = Success {
            door: GATEWAY,
            user,
            key: key_of(&account),
            account: &account,
            source,
            time: opening.time,
            strange: opening.strange,
            lines: &opening.lines,
        };
        let owner = opening.known_pair || self.is_owner(success.key, Some(source));
        if owner || self.succeeded(&success, scene) {
            self.learn(&success);
        }
    }

    fn wants_elsewhere(&self) -> bool {
        true
    }

    fn elsewhere(&mut self, login: &Rc<Login>, scene: &mut Scene<'_>) {
        let user = login.user.as_deref().unwrap_or_default();
        let hash = name_hash(user);
        let at_the_gateway = |source| scene.memory.user(hash).is_some_and(|known| known.knows(source));
        let owner = login.source.is_some_and(at_the_gateway) || self.is_owner(login.key, login.source);
        if !login.accepted && (owner || scene.memory.outage.is_on(scene.now)) {
            return;
        }
        let strange = login
            .source
            .map_or(0.0, |source| scene.memory.regions.strangeness(source));
        if !login.accepted {
            let refused = Refused {
                login: Rc::clone(login),
                hash,
                claimed: false,
                strange,
            };
            return self.note(&Rc::new(refused), scene);
        }
        let (Some(account), Some(source)) = (&login.account, login.source) else {
            return;
        };
        let success = Success {
            door: &login.service,
            user,
            account,
            key: login.key,
            source,
            time: login.time,
            strange,
            lines: login.line.as_slice(),
        };
        if owner || self.succeeded(&success, scene) {
            self.learn(&success);
        }
    }
}
