//! From what is wanted to what is ordered: judged by the guard, by who logged in of late, by what is blocked already, and by
//! how much is blocked in an hour.

use std::collections::{HashMap, HashSet};

use crate::backend::Live;
use crate::ledger::HOUR;
use crate::{Blocked, Guard, KnownLogins, Latitude, Ledger, Prefix, Reason, Refusal};

/// Limits of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a block lasts if nobody says, seconds. fail2ban's default is as long.
    pub default_s: u64,
    /// The longest that may be asked for, seconds. The address of a home is somebody else's next week.
    pub longest_s: u64,
    /// New blocks in an hour.
    pub per_hour: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            default_s: 600,
            longest_s: 7 * 86_400,
            per_hour: 100,
        }
    }
}

/// The longest that every backend can hold, seconds: ipset counts milliseconds in 31 bits.
pub(crate) const LONGEST_S: u64 = 2_147_483;

impl Limits {
    /// The time that is asked for, or the default.
    ///
    /// # Errors
    /// If it is too long, or nothing.
    pub fn duration(&self, wanted_s: Option<u64>) -> Result<u64, String> {
        let longest = self.longest_s.min(LONGEST_S);
        match wanted_s.unwrap_or(self.default_s) {
            0 => Err("a block lasts at least a second".to_owned()),
            seconds if seconds > longest => Err(format!(
                "a block lasts at most {longest} s; `longest` in [respond] of tunlog.toml allows up to {LONGEST_S} s"
            )),
            seconds => Ok(seconds),
        }
    }
}

/// A block that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What is blocked.
    pub prefix: Prefix,
    /// How long, seconds.
    pub for_s: u64,
    /// When it ends, microseconds UTC.
    pub until: i64,
    /// Why; any text.
    pub reason: String,
    /// No socket reported the address: a peer said so.
    pub claimed: bool,
}

impl Order {
    /// A block from now on.
    pub fn new(prefix: Prefix, for_s: u64, reason: impl Into<String>, now: i64) -> Order {
        Order {
            prefix,
            for_s,
            until: now.saturating_add_unsigned(for_s.saturating_mul(1_000_000)),
            reason: reason.into(),
            claimed: false,
        }
    }
}

/// How things stand before a request.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// What was done, as far as it is written down.
    pub ledger: &'a Ledger,
    /// How much may be done.
    pub limits: &'a Limits,
    /// What the backend says that it keeps out, if it was asked: a firewall may have forgotten what the ledger remembers, after a
    /// restart of the machine.
    pub live: Option<&'a [Live]>,
    /// The present, microseconds UTC.
    pub now: i64,
}

/// What is blocked by one backend, so that an address need not be compared with everything.
struct Present<'a> {
    exact: HashMap<Prefix, &'a Blocked>,
    networks: Vec<&'a Blocked>,
}

impl<'a> Present<'a> {
    fn of(ledger: &'a Ledger, by: &'a str, now: i64) -> Present<'a> {
        let exact: HashMap<Prefix, &Blocked> = ledger.active(by, now).map(|block| (block.prefix, block)).collect();
        let networks = exact
            .values()
            .copied()
            .filter(|block| !block.prefix.is_host())
            .collect();
        Present { exact, networks }
    }

    fn holds(&self, prefix: Prefix) -> bool {
        self.exact.contains_key(&prefix)
    }

    /// Blocks that hold all of a network.
    fn covering(&self, prefix: Prefix) -> impl Iterator<Item = &'a Blocked> {
        let networks = self
            .networks
            .iter()
            .copied()
            .filter(move |block| block.prefix.covers(&prefix));
        self.exact.get(&prefix).copied().into_iter().chain(networks)
    }
}

/// What is made of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planned {
    /// To be done.
    pub orders: Vec<Order>,
    /// Blocked already, and for longer: until when, microseconds UTC.
    pub unneeded: Vec<(Order, i64)>,
    /// Not to be done.
    pub refused: Vec<(Order, Refusal)>,
}

/// Judges what is wanted of a backend. What comes twice is ordered once.
pub fn request(
    wanted: Vec<Order>,
    by: &str,
    (guard, latitude): (&Guard, Latitude),
    known: &KnownLogins,
    standing: Standing<'_>,
) -> Planned {
    let Standing {
        ledger,
        limits,
        live,
        now,
    } = standing;
    let mut planned = Planned::default();
    let (room, mut new) = (limits.per_hour.saturating_sub(ledger.made_within_hour(now)), 0);
    let present = Present::of(ledger, by, now);
    let is_kept_out = |prefix: &Prefix| live.is_none_or(|live| live.iter().any(|held| held.prefix.covers(prefix)));
    let mut ordered = HashSet::new();
    for order in wanted {
        if ordered.contains(&order.prefix) {
            continue;
        }
        if let Err(refusal) = judge(&order, (guard, latitude), known, now) {
            planned.refused.push((order, refusal));
            continue;
        }
        let covering = present.covering(order.prefix).find(|block| block.until >= order.until);
        if let Some(block) = covering.filter(|block| is_kept_out(&block.prefix)) {
            planned.unneeded.push((order, block.until));
            continue;
        }
        if let Some(refusal) = overlap(&order, &planned.orders, &present) {
            planned.refused.push((order, refusal));
        } else if !present.holds(order.prefix) && new >= room {
            let refusal = too_many(&order, limits);
            planned.refused.push((order, refusal));
        } else {
            new += usize::from(!present.holds(order.prefix));
            ordered.insert(order.prefix);
            planned.orders.push(order);
        }
    }
    planned
}

fn judge(order: &Order, (guard, latitude): (&Guard, Latitude), known: &KnownLogins, now: i64) -> Result<(), Refusal> {
    guard.judge(order.prefix, latitude)?;
    if latitude.force {
        return Ok(());
    }
    let refusal = |reason, why: String| {
        Err(Refusal {
            target: order.prefix.to_string(),
            reason,
            why,
        })
    };
    if order.claimed {
        let why = "no socket reported it: the peer said so (Calling-Station-Id), and may name anybody".to_owned();
        return refusal(Reason::Claimed, why);
    }
    if let Some((user, address, last)) = known.protects(order.prefix, now) {
        let user = tunlog_model::text::visible(user);
        let ago = (now - last).max(0) / 60_000_000;
        let why =
            format!("{user}, who has come from {address} before, logged in {ago} min ago: others would be put out too");
        return refusal(Reason::KnownLogin, why);
    }
    Ok(())
}

/// Networks inside networks cannot be told apart by every backend (nftables refuses them): one must go first.
fn overlap(order: &Order, orders: &[Order], present: &Present<'_>) -> Option<Refusal> {
    if order.prefix.is_host() {
        return None;
    }
    let differs = |other: &Prefix| !other.is_host() && *other != order.prefix && other.overlaps(&order.prefix);
    let blocked = present.networks.iter().map(|block| block.prefix);
    let other = blocked.chain(orders.iter().map(|other| other.prefix)).find(differs)?;
    Some(Refusal {
        target: order.prefix.to_string(),
        reason: Reason::Overlap,
        why: format!("{other} is blocked already: `tunlog unblock {other}` first"),
    })
}

fn too_many(order: &Order, limits: &Limits) -> Refusal {
    Refusal {
        target: order.prefix.to_string(),
        reason: Reason::Rate,
        why: format!(
            "{} new blocks within {} min are enough: look at what is happening first",
            limits.per_hour,
            HOUR / 60_000_000
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Blocked;

    const NOW: i64 = 100 * HOUR;

    fn order(prefix: &str) -> Order {
        Order::new(prefix.parse().expect(prefix), 600, "test", NOW)
    }

    fn planned(wanted: Vec<Order>, ledger: &Ledger, latitude: Latitude) -> Planned {
        planned_with(wanted, ledger, latitude, None)
    }

    fn planned_with(wanted: Vec<Order>, ledger: &Ledger, latitude: Latitude, live: Option<&[Live]>) -> Planned {
        let mut known = KnownLogins::new();
        for time in [NOW - 30 * HOUR, NOW - HOUR] {
            known.login("203.0.113.20".parse().expect("an address"), "anna", time);
        }
        let limits = Limits {
            per_hour: 3,
            ..Limits::default()
        };
        request(
            wanted,
            "nftables",
            (&Guard::new(), latitude),
            &known,
            Standing {
                ledger,
                limits: &limits,
                live,
                now: NOW,
            },
        )
    }

    fn blocked(prefix: &str, since: i64, until: i64) -> Blocked {
        Blocked {
            prefix: prefix.parse().expect(prefix),
            by: "nftables".to_owned(),
            since,
            until,
            reason: None,
        }
    }

    fn reasons(planned: &Planned) -> Vec<Reason> {
        planned.refused.iter().map(|(_, refusal)| refusal.reason).collect()
    }

    #[test]
    fn each_is_judged_alone() {
        let mut claimed = order("198.51.100.9");
        claimed.claimed = true;
        let wanted = vec![
            order("198.51.100.7"),
            order("127.0.0.1"),
            order("198.51.100.7"),
            order("203.0.113.20"),
            claimed,
            order("203.0.113.21"),
        ];
        let plain = planned(wanted.clone(), &Ledger::new(), Latitude::default());
        let shown: Vec<String> = plain.orders.iter().map(|order| order.prefix.to_string()).collect();
        assert_eq!(shown, ["198.51.100.7", "203.0.113.21"]);
        assert_eq!(
            reasons(&plain),
            [Reason::NeverBlocked, Reason::KnownLogin, Reason::Claimed]
        );
        let force = Latitude {
            force: true,
            private: false,
        };
        let forced = planned(wanted, &Ledger::new(), force);
        assert_eq!(reasons(&forced), [Reason::NeverBlocked, Reason::Rate]);
    }

    #[test]
    fn an_hour_holds_so_many_and_what_is_blocked_is_not_blocked_again() {
        let mut ledger = Ledger::new();
        for (prefix, since, until) in [
            ("198.51.100.1", NOW - 2 * HOUR, NOW - HOUR),
            ("198.51.100.2", NOW - HOUR / 2, NOW + HOUR),
            ("198.51.101.0/24", NOW - HOUR / 2, NOW + HOUR),
        ] {
            ledger.block(blocked(prefix, since, until)).expect("room");
        }
        let wanted = vec![
            order("198.51.100.2"),
            order("198.51.101.9"),
            order("198.51.101.0/25"),
            order("198.51.100.0/23"),
            order("198.51.100.1"),
            order("198.51.100.3"),
        ];
        let force = Latitude {
            force: true,
            private: false,
        };
        let planned = planned(wanted, &ledger, force);
        let unneeded: Vec<String> = planned
            .unneeded
            .iter()
            .map(|(order, _)| order.prefix.to_string())
            .collect();
        assert_eq!(unneeded, ["198.51.100.2", "198.51.101.9", "198.51.101.0/25"]);
        assert_eq!(reasons(&planned), [Reason::Overlap, Reason::Rate]);
        assert_eq!(planned.orders.len(), 1);
    }

    #[test]
    fn what_the_firewall_forgot_is_blocked_again() {
        let mut ledger = Ledger::new();
        for prefix in ["198.51.100.2", "198.51.101.0/24", "198.51.102.0/24"] {
            ledger.block(blocked(prefix, NOW - HOUR / 2, NOW + HOUR)).expect("room");
        }
        let wanted = vec![order("198.51.100.2"), order("198.51.101.9"), order("198.51.102.9")];
        let live = [Live {
            prefix: "198.51.101.0/24".parse().expect("a prefix"),
            left_s: None,
        }];
        let told = |planned: Planned| {
            let orders: Vec<String> = planned.orders.iter().map(|order| order.prefix.to_string()).collect();
            (orders, planned.unneeded.len())
        };
        let asked = planned_with(wanted.clone(), &ledger, Latitude::default(), Some(&live));
        // none of them is one more in this hour: they were counted
        assert_eq!(
            told(asked),
            (vec!["198.51.100.2".to_owned()], 1),
            "a host in a network that is gone is a new block, and there is no room"
        );
        let unasked = planned(wanted, &ledger, Latitude::default());
        assert_eq!(told(unasked), (Vec::new(), 3));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test is about how long it takes")]
    fn a_hundred_thousand_are_judged_at_once() {
        let mut ledger = Ledger::new();
        let host = |number: u32| Prefix::host(std::net::Ipv4Addr::from(0xc633_0000 + number).into());
        for number in 0..20_000 {
            let block = Blocked {
                prefix: host(number),
                ..blocked("198.51.100.0/24", NOW - 2 * HOUR, NOW + HOUR)
            };
            ledger.block(block).expect("room");
        }
        let wanted = (0..100_000).map(|number| Order::new(host(number), 600, "test", NOW));
        let begun = std::time::Instant::now();
        let planned = planned(wanted.collect(), &ledger, Latitude::default());
        assert_eq!((planned.unneeded.len(), planned.orders.len()), (20_000, 3));
        // compared with each other they took minutes
        assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
    }

    #[test]
    fn a_block_has_an_end() {
        let limits = Limits::default();
        assert_eq!(limits.duration(None), Ok(600));
        assert_eq!(limits.duration(Some(3600)), Ok(3600));
        assert!(limits.duration(Some(0)).is_err());
        assert!(limits.duration(Some(8 * 86_400)).is_err());
        let wide = Limits {
            longest_s: u64::MAX,
            ..limits
        };
        assert!(wide.duration(Some(LONGEST_S)).is_ok() && wide.duration(Some(LONGEST_S + 1)).is_err());
    }
}
