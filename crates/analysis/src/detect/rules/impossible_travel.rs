//! One account, two places, and nothing that flies so fast.

use std::net::IpAddr;

use crate::detect::bounded::Bounded;
use crate::detect::finding::{Finding, Severity, Taken};
use crate::detect::memory::name_hash;
use crate::detect::place::Place;
use crate::detect::rule::{Detection, Limits, Nature, Opening, Rule, Scene, Threshold, finding};
use crate::detect::sigma::Sigma;
use tunlog_model::{Attempt, EndReason, Evidence, text::visible};

/// Users whose places are remembered.
const USERS_MAX: usize = 32_768;
/// Places of one user, the latest.
const SITES_MAX: usize = 3;

/// The rule.
pub const RULE: Rule = Rule {
    name: "impossible-travel",
    severity: Severity::Medium,
    nature: Nature::Suspicion,
    techniques: &["T1078"],
    finds: "A user logs in from a place that nobody can have reached since the last login, by the table of places that is configured (`[detect] mmdb`, `--mmdb`). Left out: addresses from which this user has logged in before, the same operator, proxies and VPNs for everybody, and what the table is not sure of.",
    matters: "The account is used by two people: the owner, and somebody who has the password.",
    wrong: "A telephone whose operator lets its customers out far away; a company network with one way out for several countries; a table that is old.",
    actions: &[
        "Ask the owner whether both logins are theirs.",
        "If not: end the session, reset the password, and look at what the address inside the tunnel did.",
    ],
    thresholds: &[
        Threshold {
            key: "kmh",
            default: 900.0,
            why: "Speed of an airliner; more is not travelled with a suitcase.",
        },
        Threshold {
            key: "km",
            default: 500.0,
            why: "Below this distance tables are wrong too often: an operator's customers stand where its office is.",
        },
    ],
    sigma: Sigma::Not("Distance and speed are no conditions of Sigma."),
    make: |limits| Box::new(ImpossibleTravel::new(limits)),
};

/// A login of a user.
struct Site {
    source: IpAddr,
    place: Place,
    /// When the user was last known to be there.
    seen: i64,
    line: Option<Evidence>,
}

struct ImpossibleTravel {
    kmh: f64,
    km: f64,
    users: Bounded<u64, Vec<Site>>,
}

impl ImpossibleTravel {
    fn new(limits: &Limits<'_>) -> ImpossibleTravel {
        ImpossibleTravel {
            kmh: limits.of("kmh"),
            km: limits.of("km"),
            users: Bounded::new(USERS_MAX),
        }
    }

    /// The place among those of a user that is too far for the time since, with distance and speed.
    fn too_far<'s>(&self, sites: &'s [Site], place: &Place, now: i64) -> Option<(&'s Site, f64, f64)> {
        sites.iter().rev().find_map(|site| {
            if site.place.asn.is_some() && site.place.asn == place.asn {
                return None;
            }
            let km = site.place.apart_km(place)?;
            // stamps have no fractions: what is at the same time is a minute apart
            let hours = (now.saturating_sub(site.seen).max(60_000_000)) as f64 / 3.6e9;
            let kmh = km / hours;
            (km > self.km && kmh > self.kmh).then_some((site, km, kmh))
        })
    }

    fn alarm(&self, opening: &Opening<'_>, user: (&str, u64), place: &Place, source: IpAddr, scene: &mut Scene<'_>) {
        let none = Vec::new();
        let sites = self.users.get(&user.1).unwrap_or(&none);
        let Some((site, km, kmh)) = self.too_far(sites, place, opening.time) else {
            return;
        };
        let country = |place: &Place| place.country.clone().unwrap_or_else(|| "an unknown country".into());
        let found = Finding {
            sources: vec![source.into(), site.source.into()],
            users: vec![user.0.into()],
            first: site.seen,
            last: opening.time,
            attempts: 2,
            succeeded: vec![Taken {
                user: user.0.into(),
                client_ip: Some(source),
                time: opening.time,
            }],
            summary: format!(
                "{} logged in from {source} ({}) {:.1} hours after being at {} ({}), at least {km:.0} km away: {kmh:.0} km/h, where {:.0} would be the most.",
                visible(user.0),
                country(place),
                (opening.time - site.seen).max(0) as f64 / 3.6e9,
                site.source,
                country(&site.place),
                self.kmh
            ),
            evidence: site.line.iter().chain(&opening.lines).cloned().collect(),
            ..finding(&RULE, scene.now)
        };
        scene.raise(user.1 ^ name_hash(&source.to_string()), found);
    }
}

impl Detection for ImpossibleTravel {
    fn opened(&mut self, opening: &Opening<'_>, scene: &mut Scene<'_>) {
        let (Some(user), Some(source)) = (opening.user, opening.source) else {
            return;
        };
        let place = scene.memory.atlas.place(source, scene.now);
        let Some(place) = place.filter(|place| !place.anonymous && place.at.is_some()) else {
            return;
        };
        if !opening.known_pair {
            self.alarm(opening, user, &place, source, scene);
        }
        let sites = self.users.entry(user.1, scene.now, Vec::new);
        sites.retain(|site| site.source != source);
        if sites.len() >= SITES_MAX {
            sites.remove(0);
        }
        sites.push(Site {
            source,
            place,
            seen: opening.time,
            line: opening.lines.last().cloned(),
        });
    }

    fn closed(&mut self, attempt: &Attempt, _: &mut Scene<'_>) {
        // who ends a session is there; where the link only died nobody knows since when
        let (Some(user), Some(EndReason::UserRequest)) = (attempt.user.as_deref(), attempt.end_reason) else {
            return;
        };
        let sites = self.users.get_mut(&name_hash(user));
        let site = sites
            .into_iter()
            .flatten()
            .find(|site| Some(site.source) == attempt.client_ip);
        if let Some(site) = site {
            site.seen = site.seen.max(attempt.last_seen);
        }
    }
}
