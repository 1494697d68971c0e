//! Who still uses PPTP, or L2TP without IPsec: what has to be moved, and in which order.

mod clients;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use tunlog_model::{Attempt, Event, Protocol};

use crate::day::DAY;
use crate::logs::{Protection, gateway_of, is_up};
use clients::Clients;

pub use table::{COLUMNS, SHORT};

/// Users that are told one by one.
const USERS_MAX: usize = 50_000;
/// Addresses, kinds and gateways that one row lists.
const LISTED_MAX: usize = 20;
/// Days after which somebody is thought to be gone.
const GONE_DAYS: i64 = 30;

/// In which order users are moved, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Has sessions that everybody on the way can read.
    InTheClear,
    /// Uses another tunnel already.
    HasAnother,
    /// Has weak keys or a weak log-in.
    Weak,
    /// All others.
    Active,
    /// Has not come for a while.
    Gone,
}

impl Step {
    /// What to do, in a sentence.
    pub fn advice(self) -> &'static str {
        match self {
            Step::InTheClear => {
                "At once: sessions cross the network in the clear. Move, and have the password changed."
            }
            Step::HasAnother => "Easy: uses L2TP inside IPsec already. Take the account off PPTP.",
            Step::Weak => "Soon: short keys or a weak log-in. Move, and have the password changed.",
            Step::Active => {
                "Next, those with most sessions first: move to IKEv2 or L2TP inside IPsec, then change the password."
            }
            Step::Gone => {
                "Perhaps not needed: no session for 30 days. Ask, and take the account off instead of moving it."
            }
        }
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Step::InTheClear => "in-the-clear",
            Step::HasAnother => "has-another",
            Step::Weak => "weak",
            Step::Active => "active",
            Step::Gone => "gone",
        }
    }
}

/// A user who has to be moved.
#[derive(Clone, Debug)]
pub struct Row {
    /// In the suggested order, from 1.
    pub order: u64,
    /// Why there.
    pub step: Step,
    /// The user; none: sessions that name nobody.
    pub user: Option<Box<str>>,
    /// Sessions over PPTP.
    pub pptp: u64,
    /// Sessions over L2TP outside IPsec.
    pub l2tp: u64,
    /// Sessions over L2TP inside IPsec.
    pub l2tp_ipsec: u64,
    /// The first of those over PPTP or plain L2TP, microseconds UTC.
    pub first: i64,
    /// The last of them.
    pub last: i64,
    /// Sessions of these without encryption, as far as logs tell.
    pub unencrypted: u64,
    /// Sessions over L2TP without MPPE, by gateway.
    plain: BTreeMap<u64, u64>,
    weak: bool,
    client_ips: BTreeSet<IpAddr>,
    clients: BTreeSet<Box<str>>,
    methods: BTreeSet<&'static str>,
    mppe: BTreeSet<u8>,
    gateways: BTreeSet<Box<str>>,
}

/// What was seen of each user.
#[derive(Default)]
pub struct Migration {
    rows: BTreeMap<Option<Box<str>>, Row>,
    /// Sessions of users beyond the cap.
    beyond: u64,
    clients: Clients,
    protection: Protection,
    last: i64,
}

fn add<T: Ord>(set: &mut BTreeSet<T>, value: T) {
    if set.len() < LISTED_MAX {
        set.insert(value);
    }
}

impl Migration {
    /// Every event.
    pub fn event(&mut self, event: &Event<'_>) {
        self.last = self.last.max(event.time.micros);
        if event.trusted() {
            self.clients.event(event);
            self.protection.event(event);
        }
    }

    /// Every attempt.
    pub fn attempt(&mut self, attempt: &Attempt) {
        let Some(protocol) = attempt.protocol.filter(|_| is_up(attempt)) else {
            return;
        };
        self.last = self.last.max(attempt.last_seen);
        let user = attempt.user.clone().filter(|user| !user.is_empty());
        if self.rows.len() >= USERS_MAX && !self.rows.contains_key(&user) {
            self.beyond = self.beyond.saturating_add(1);
            return;
        }
        let kind = self.clients.of(attempt).map(Box::from);
        let open = match protocol {
            Protocol::Pptp => self.protection.lacks_mppe(attempt),
            // whether an IKE daemon speaks is known when the logs have ended
            _ => false,
        };
        let row = self.rows.entry(user).or_insert_with_key(|user| Row::new(user.clone()));
        row.take(attempt, protocol, open, kind);
    }

    /// Sessions of users who found no place in the table.
    pub fn beyond(&self) -> u64 {
        self.beyond
    }

    /// The users who have to be moved, in the suggested order.
    pub fn rows(self) -> Vec<Row> {
        let (last, mut rows) = (self.last, Vec::new());
        rows.extend(self.rows.into_values().filter(|row| row.pptp + row.l2tp > 0));
        for row in &mut rows {
            let plain = row
                .plain
                .iter()
                .filter(|(gateway, _)| !self.protection.lacks_ike(**gateway));
            row.unencrypted += plain.map(|(_, count)| count).sum::<u64>();
            row.step = row.step(last);
        }
        rows.sort_by(|one, other| {
            let sessions = |row: &Row| std::cmp::Reverse(row.pptp + row.l2tp);
            (one.step, sessions(one), &one.user).cmp(&(other.step, sessions(other), &other.user))
        });
        for (row, order) in rows.iter_mut().zip(1..) {
            row.order = order;
        }
        rows
    }
}

impl Row {
    fn new(user: Option<Box<str>>) -> Row {
        Row {
            order: 0,
            step: Step::Active,
            user,
            pptp: 0,
            l2tp: 0,
            l2tp_ipsec: 0,
            first: i64::MAX,
            last: i64::MIN,
            unencrypted: 0,
            plain: BTreeMap::new(),
            weak: false,
            client_ips: BTreeSet::new(),
            clients: BTreeSet::new(),
            methods: BTreeSet::new(),
            mppe: BTreeSet::new(),
            gateways: BTreeSet::new(),
        }
    }

    fn take(&mut self, attempt: &Attempt, protocol: Protocol, open: bool, kind: Option<Box<str>>) {
        let times = attempt.times.max(1);
        match protocol {
            Protocol::L2tpIpsec => {
                self.l2tp_ipsec += times;
                return;
            }
            Protocol::Pptp => self.pptp += times,
            Protocol::L2tp => {
                self.l2tp += times;
                let gateway = gateway_of(attempt);
                let fits = self.plain.len() < LISTED_MAX || self.plain.contains_key(&gateway);
                if fits && attempt.mppe_bits.is_none() {
                    *self.plain.entry(gateway).or_default() += times;
                }
            }
        }
        if open {
            self.unencrypted += times;
        }
        let up = attempt.up.unwrap_or(attempt.started);
        self.first = self.first.min(up);
        self.last = self.last.max(up);
        self.clients_of(attempt, kind);
        if let Some(method) = attempt.auth_method {
            self.methods.insert(method);
            self.weak |= matches!(method, "pap" | "chap-md5" | "ms-chap");
        }
        if let Some(bits) = attempt.mppe_bits {
            self.mppe.insert(bits);
            self.weak |= bits < 128;
        }
    }

    fn clients_of(&mut self, attempt: &Attempt, kind: Option<Box<str>>) {
        if let Some(address) = attempt.client_ip {
            add(&mut self.client_ips, address);
        }
        if let Some(kind) = kind {
            add(&mut self.clients, kind);
        }
        if let Some(gateway) = &attempt.gateway {
            add(&mut self.gateways, gateway.clone());
        }
    }

    /// Where it stands at the end of the logs.
    fn step(&self, last: i64) -> Step {
        match () {
            () if self.last < last - GONE_DAYS * DAY => Step::Gone,
            () if self.unencrypted > 0 => Step::InTheClear,
            () if self.l2tp_ipsec > 0 => Step::HasAnother,
            () if self.weak => Step::Weak,
            () => Step::Active,
        }
    }

    /// Methods of logging in, of these sessions.
    pub fn methods(&self) -> impl Iterator<Item = &'static str> {
        self.methods.iter().copied()
    }

    /// Lengths of MPPE keys.
    pub fn mppe(&self) -> impl Iterator<Item = u8> {
        self.mppe.iter().copied()
    }

    /// What the clients say they are.
    pub fn clients(&self) -> impl Iterator<Item = &str> {
        self.clients.iter().map(|client| &**client)
    }

    /// Addresses that the clients came from.
    pub fn client_ips(&self) -> impl Iterator<Item = IpAddr> {
        self.client_ips.iter().copied()
    }
}
