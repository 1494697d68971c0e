//! From what is wanted to what is ordered: judged by the guard, by who logged in of late, by what is blocked already, and by
//! how much is blocked in an hour.

use crate::ledger::HOUR;
use crate::{Guard, KnownLogins, Latitude, Ledger, Prefix, Reason, Refusal};

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
    (ledger, limits): (&Ledger, &Limits),
    now: i64,
) -> Planned {
    let mut planned = Planned::default();
    let (room, mut new) = (limits.per_hour.saturating_sub(ledger.made_within_hour(now)), 0);
    for order in wanted {
        if planned.orders.iter().any(|other| other.prefix == order.prefix) {
            continue;
        }
        if let Err(refusal) = judge(&order, (guard, latitude), known, now) {
            planned.refused.push((order, refusal));
            continue;
        }
        let covering = ledger
            .overlapping(order.prefix, by, now)
            .find(|block| block.prefix.covers(&order.prefix) && block.until >= order.until);
        if let Some(block) = covering {
            planned.unneeded.push((order, block.until));
            continue;
        }
        if let Some(refusal) = overlap(&order, by, &planned.orders, ledger, now) {
            planned.refused.push((order, refusal));
        } else if !ledger.holds(order.prefix, by, now) && new >= room {
            let refusal = too_many(&order, limits);
            planned.refused.push((order, refusal));
        } else {
            new += usize::from(!ledger.holds(order.prefix, by, now));
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
fn overlap(order: &Order, by: &str, orders: &[Order], ledger: &Ledger, now: i64) -> Option<Refusal> {
    let differs = |other: &Prefix| !other.is_host() && *other != order.prefix && other.overlaps(&order.prefix);
    let in_ledger = ledger
        .overlapping(order.prefix, by, now)
        .map(|block| block.prefix)
        .find(differs);
    let in_orders = orders.iter().map(|other| other.prefix).find(differs);
    let other = in_ledger.or(in_orders).filter(|_| !order.prefix.is_host())?;
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
            (ledger, &limits),
            NOW,
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
