//! A login from a country from which this user never came.

use crate::detect::bounded::Bounded;
use crate::detect::finding::{Finding, Severity, Taken};
use crate::detect::memory::{Memory, name_hash};
use crate::detect::place::Place;
use crate::detect::region::range;
use crate::detect::rule::{Detection, Limits, Nature, Opening, Rule, Scene, Threshold, finding};
use crate::detect::sigma::Sigma;
use tunlog_model::text::visible;

/// Users whose countries are remembered, and how many of each.
const USERS_MAX: usize = 32_768;
const COUNTRIES_MAX: usize = 16;
const HOUR: i64 = 3_600_000_000;

/// The rule.
pub const RULE: Rule = Rule {
    name: "first-seen-country",
    severity: Severity::Info,
    nature: Nature::Suspicion,
    techniques: &["T1078"],
    finds: "A user logs in from a country from which this user never came, by the table of places that is configured (`[detect] mmdb`, `--mmdb`). That alone is information; with one more sign it is an alarm (medium): an address that hides where it is, refusals of this name or of others from there, an account that is guessed at, another session open elsewhere, an hour of the day at which this user never came.",
    matters: "A stolen password is used where the thief is.",
    wrong: "Holidays, business travel, a new telephone operator; a table that is old.",
    actions: &[
        "Ask the owner. If it was somebody else: end the session and reset the password.",
        "Where nobody travels, let only your own countries in at the firewall.",
    ],
    thresholds: &[
        Threshold {
            key: "logins",
            default: 5.0,
            why: "Logins of a user whose country is known before one is new: with fewer every country is.",
        },
        Threshold {
            key: "logins_hours",
            default: 30.0,
            why: "Logins of a user before an hour of the day is unusual, two hours either way.",
        },
        Threshold {
            key: "refusals",
            default: 3.0,
            why: "Refusals of the name at that address within a day that are a sign: more than one mistyped password.",
        },
    ],
    sigma: Sigma::Not("It remembers from which countries each user came."),
    make: |limits| Box::new(FirstSeenCountry::new(limits)),
};

/// What is known of a user.
#[derive(Default)]
struct Habit {
    countries: Vec<Box<str>>,
    logins: u64,
    /// Logins at each hour of the day, UTC.
    hours: [u32; 24],
}

impl Habit {
    fn learn(&mut self, country: &str, hour: usize) {
        self.logins += 1;
        self.hours[hour % 24] += 1;
        self.countries.retain(|known| **known != *country);
        if self.countries.len() >= COUNTRIES_MAX {
            self.countries.remove(0);
        }
        self.countries.push(country.into());
    }

    /// Whether no login was ever within two hours of this one.
    fn never_at(&self, hour: usize) -> bool {
        (22..=26).all(|off| self.hours[(hour + off) % 24] == 0)
    }
}

struct FirstSeenCountry {
    logins: f64,
    logins_hours: f64,
    refusals: f64,
    users: Bounded<u64, Habit>,
}

impl FirstSeenCountry {
    fn new(limits: &Limits<'_>) -> FirstSeenCountry {
        FirstSeenCountry {
            logins: limits.of("logins"),
            logins_hours: limits.of("logins_hours"),
            refusals: limits.of("refusals"),
            users: Bounded::new(USERS_MAX),
        }
    }

    /// What else speaks against a login from a new country.
    fn sign(&self, opening: &Opening<'_>, place: &Place, habit: &Habit, memory: &Memory) -> Option<&'static str> {
        let (source, (_, hash)) = (opening.source?, opening.user?);
        let since = opening.time - 24 * HOUR;
        if place.anonymous {
            return Some("the address hides where its user is");
        }
        let state = memory.sources.get(&source);
        if state.is_some_and(|state| state.alarmed.is_some_and(|alarmed| alarmed >= since)) {
            return Some("an alarm named the address within a day");
        }
        let tried = state.map_or(&[][..], |state| &state.tried);
        let refused = |one: &&crate::detect::memory::Tried| one.new && one.last >= since;
        if tried.iter().filter(refused).any(|one| one.user != hash) {
            return Some("the address was refused with other names");
        }
        let own = tried.iter().filter(refused).map(|one| one.fails).sum::<u64>();
        if own as f64 >= self.refusals {
            return Some("the address was refused with this name several times before");
        }
        let user = memory.user(hash);
        if user.is_some_and(|user| user.attacked.is_some_and(|attacked| attacked >= since)) {
            return Some("the account is guessed at from many sources");
        }
        let elsewhere = |open: &crate::detect::memory::Open| range(open.source) != range(source);
        if user.is_some_and(|user| user.open.iter().any(elsewhere)) {
            return Some("another session of this user is open elsewhere");
        }
        let unusual = habit.logins as f64 >= self.logins_hours && habit.never_at(hour_of(opening.time));
        unusual.then_some("this user never came at this hour of the day")
    }
}

fn hour_of(time: i64) -> usize {
    usize::try_from(time.div_euclid(HOUR).rem_euclid(24)).unwrap_or(0)
}

impl Detection for FirstSeenCountry {
    fn opened(&mut self, opening: &Opening<'_>, scene: &mut Scene<'_>) {
        let (Some((user, hash)), Some(source)) = (opening.user, opening.source) else {
            return;
        };
        let Some(place) = scene.memory.atlas.place(source, scene.now) else {
            return;
        };
        let Some(country) = place.country.as_deref() else {
            return;
        };
        let none = Habit::default();
        let habit = self.users.get(&hash).unwrap_or(&none);
        let known = habit.countries.iter().any(|known| **known == *country);
        let mut trusted = true;
        if !known && !opening.known_pair && habit.logins as f64 >= self.logins {
            let sign = self.sign(opening, &place, habit, scene.memory);
            let usual = habit.countries.join(", ");
            let found = Finding {
                severity: if sign.is_some() {
                    Severity::Medium
                } else {
                    Severity::Info
                },
                sources: vec![source.into()],
                users: vec![user.into()],
                first: opening.time,
                attempts: 1,
                succeeded: sign
                    .map(|_| Taken {
                        user: user.into(),
                        client_ip: Some(source),
                        time: opening.time,
                    })
                    .into_iter()
                    .collect(),
                summary: format!(
                    "{} logged in from {source} in {country} for the first time; the {} logins before came from {usual}{}{}.",
                    visible(user),
                    habit.logins,
                    if sign.is_some() { "; and " } else { "" },
                    sign.unwrap_or_default(),
                ),
                evidence: opening.lines.clone(),
                ..finding(&RULE, scene.now)
            };
            scene.raise(hash ^ name_hash(country), found);
            trusted = sign.is_none();
        }
        // what an alarm was about makes no habit
        if trusted {
            let habit = self.users.entry(hash, scene.now, Habit::default);
            habit.learn(country, hour_of(opening.time));
        }
    }
}
