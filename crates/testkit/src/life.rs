//! A month of a gateway's life, made up: 300 people with their habits and mishaps, and attacks of every class whose truth is
//! known. Attempts, not lines: what is tested with it is what is concluded from attempts.
//!
//! Behaviours after what gateways show: dynamic addresses, an office behind one, telephones, typing errors, forgotten
//! passwords, devices with old ones, a morning on which passwords expired, a back end that is down, travellers.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use tunlog_model::{Attempt, Confidence, Evidence, Layer, Outcome, Protocol, SourceId};

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Monday, 2026-03-02.
const START: i64 = 1_772_409_600 * SECOND;
/// The Monday on which passwords expired.
const EXPIRY_DAY: i64 = 14;

/// Numbers that look random and are the same for each seed (SplitMix64).
pub struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    fn between(&mut self, least: i64, most: i64) -> i64 {
        least + self.below((most - least).max(1) as u64) as i64
    }

    fn chance(&mut self, of_thousand: u64) -> bool {
        self.below(1000) < of_thousand
    }
}

/// An attack.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// Its class, in the words of the table of classes (`a1` … `p1`).
    pub class: &'static str,
    /// Who attacks.
    pub sources: Vec<IpAddr>,
    /// When each try was over.
    pub times: Vec<i64>,
}

/// Something innocent that looks bad.
#[derive(Clone, Debug)]
pub struct Incident {
    /// What.
    pub kind: &'static str,
    /// Who.
    pub users: Vec<String>,
    /// From when, until when.
    pub span: (i64, i64),
}

/// What happened in a month.
#[derive(Clone, Debug, Default)]
pub struct Life {
    /// Every attempt, in no order.
    pub attempts: Vec<Attempt>,
    /// The attacks.
    pub campaigns: Vec<Campaign>,
    /// The innocent incidents.
    pub incidents: Vec<Incident>,
    /// Honest addresses and their first good login.
    pub innocent: BTreeMap<IpAddr, i64>,
    /// Single tries of strangers: neither right nor wrong.
    pub background: Vec<IpAddr>,
    /// Weeks that it lasts.
    pub weeks: f64,
}

/// Ranges of the providers whose customers the people are.
const HOMES: [(u8, u8); 6] = [(79, 192), (84, 128), (87, 128), (91, 0), (93, 192), (217, 224)];
/// Ranges of the telephone networks.
const PHONES: [(u8, u8); 3] = [(46, 114), (80, 187), (109, 41)];
/// First bytes of the rest of the world.
const WORLD: [u8; 24] = [
    5, 14, 27, 31, 37, 41, 45, 58, 60, 101, 103, 110, 113, 117, 125, 154, 177, 186, 190, 196, 200, 201, 212, 223,
];

struct Person {
    name: String,
    home: IpAddr,
    place: Place,
    expired: bool,
    /// The first day of a journey.
    travels: Option<i64>,
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Home,
    Office,
    Phone,
}

struct Maker {
    dice: Dice,
    life: Life,
    people: Vec<Person>,
    office: IpAddr,
    port: u16,
    days: i64,
    outage: (i64, i64),
    /// How the gateway tells the outage.
    outage_cause: &'static str,
}

/// A month of `people` users, by a seed.
pub fn month(seed: u64, people: usize, days: i64) -> Life {
    let mut dice = Dice(seed);
    let office = address(93, 215, 191, 106);
    let outage = START + 9 * DAY + 9 * HOUR + dice.between(0, 4 * HOUR);
    let mut maker = Maker {
        people: Vec::new(),
        life: Life {
            weeks: days as f64 / 7.0,
            ..Life::default()
        },
        office,
        port: 1024,
        days,
        outage: (outage, outage + 20 * MINUTE),
        outage_cause: ["auth-backend-unreachable", "unknown-user", "wrong-credentials"][(seed % 3) as usize],
        dice,
    };
    maker.settle(people);
    maker.live();
    maker.mishaps();
    maker.strangers();
    maker.attack();
    maker.life
}

fn address(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

impl Maker {
    fn byte(&mut self) -> u8 {
        1 + self.dice.below(254) as u8
    }

    fn home(&mut self) -> IpAddr {
        let (a, b) = HOMES[self.dice.below(6) as usize];
        let b = b + self.dice.below(32) as u8;
        address(a, b, self.byte(), self.byte())
    }

    /// Telephones share few addresses.
    fn phone(&mut self) -> IpAddr {
        let (a, b) = PHONES[self.dice.below(3) as usize];
        let c = self.dice.below(40) as u8;
        address(a, b, c, 1 + c)
    }

    fn abroad(&mut self) -> IpAddr {
        let a = WORLD[self.dice.below(24) as usize];
        address(a, self.byte(), self.byte(), self.byte())
    }

    fn settle(&mut self, people: usize) {
        for number in 0..people {
            let place = match number {
                number if number < people / 5 => Place::Office,
                number if number < people * 3 / 10 => Place::Phone,
                _ => Place::Home,
            };
            let person = Person {
                name: format!("person{number}"),
                home: self.home(),
                place,
                expired: self.dice.chance(333),
                travels: (number % 90 == 80).then(|| self.dice.between(8, 20)),
            };
            self.people.push(person);
        }
    }

    /// One attempt; where it fails, `cause` says why.
    fn attempt(&mut self, time: i64, who: &str, from: IpAddr, cause: Option<&'static str>, lasts: i64) {
        let down = time >= self.outage.0 && time < self.outage.1;
        let cause = match cause {
            Some("unknown-user") if self.outage_cause != "auth-backend-unreachable" => Some("unknown-user"),
            None | Some("wrong-credentials" | "unknown-user") if down => Some(self.outage_cause),
            cause => cause,
        };
        self.port = self.port.wrapping_add(1).max(1024);
        let over = match cause {
            Some(_) => time + 2 * SECOND,
            None => time + lasts.max(30 * SECOND),
        };
        let line = Evidence {
            source: SourceId(0),
            line: self.life.attempts.len() as u64,
            text: format!("{who} {from}").into(),
        };
        if cause.is_none() {
            self.life
                .innocent
                .entry(from)
                .and_modify(|first| *first = time.min(*first))
                .or_insert(time);
        }
        self.life.attempts.push(Attempt {
            id: self.life.attempts.len() as u64,
            protocol: Some(Protocol::Pptp),
            gateway: Some("gw".into()),
            client_ip: Some(from),
            client_port: Some(self.port),
            claimed_ip: None,
            user: (!who.is_empty()).then(|| who.into()),
            started: time,
            up: cause.is_none().then_some(time + SECOND),
            ended: Some(over),
            duration_s: cause.is_none().then_some(lasts as f64 / 1e6),
            outcome: if cause.is_none() {
                Outcome::Established
            } else {
                Outcome::Failed
            },
            reached: Layer::Auth,
            failed_at: cause.map(|_| Layer::Auth),
            cause,
            confidence: cause.map(|_| Confidence::Certain),
            assigned_ip: None,
            server_ip: None,
            interface: Some(format!("ppp{}", self.life.attempts.len()).into()),
            auth_method: Some("ms-chap-v2"),
            mppe_bits: Some(128),
            bytes_to_client: cause.is_none().then_some(1 << 20),
            bytes_from_client: cause.is_none().then_some(1 << 18),
            end_reason: None,
            backend: None,
            last_seen: over,
            times: 1,
            assumed: Default::default(),
            evidence: vec![line],
            trail: Default::default(),
            heard: Default::default(),
            exposed: Default::default(),
        });
    }

    fn live(&mut self) {
        for day in 0..self.days {
            let weekend = day % 7 >= 5;
            for number in 0..self.people.len() {
                let abroad = self.people[number]
                    .travels
                    .is_some_and(|first| (first + 1..=first + 5).contains(&day));
                if day == self.people[number].travels.map_or(-1, |first| first + 5) {
                    self.people[number].home = self.home();
                }
                if !abroad && self.dice.chance(250) {
                    // the provider gives a new address
                    self.people[number].home = self.home();
                }
                let away = self.dice.chance(if weekend { 900 } else { 120 });
                let travels = self.people[number].travels;
                if let Some(first) = travels.filter(|first| (*first..first + 5).contains(&day)) {
                    self.travel(number, START + day * DAY, day == first);
                } else if !away {
                    self.day_of(number, START + day * DAY, day);
                }
            }
        }
    }

    /// A day abroad, from the same hotel.
    fn travel(&mut self, number: usize, midnight: i64, first: bool) {
        let name = self.people[number].name.clone();
        if first {
            self.people[number].home = self.abroad();
        }
        let (from, time) = (self.people[number].home, midnight + 8 * HOUR);
        if self.dice.chance(300) {
            self.attempt(time - MINUTE, &name, from, Some("wrong-credentials"), 0);
        }
        self.attempt(time, &name, from, None, HOUR);
        self.attempt(time + 10 * HOUR, &name, from, None, HOUR);
    }

    fn place(&mut self, number: usize) -> IpAddr {
        match self.people[number].place {
            Place::Office if self.dice.chance(800) => self.office,
            Place::Phone => match self.dice.chance(700) {
                true => self.phone(),
                false => self.people[number].home,
            },
            Place::Home | Place::Office => self.people[number].home,
        }
    }

    fn day_of(&mut self, number: usize, midnight: i64, day: i64) {
        let name = self.people[number].name.clone();
        let mut time = midnight + 6 * HOUR + 30 * MINUTE + self.dice.between(0, 3 * HOUR);
        if day >= EXPIRY_DAY && self.people[number].expired {
            self.people[number].expired = false;
            time = self.expired(number, &name, time);
        }
        for _ in 0..self.dice.between(1, 4) {
            let from = self.place(number);
            if self.dice.chance(6) {
                time = self.forgot(&name, from, time);
            }
            if self.dice.chance(40) {
                for _ in 0..self.dice.between(1, 4) {
                    self.attempt(time, &name, from, Some("wrong-credentials"), 0);
                    time += self.dice.between(8 * SECOND, 40 * SECOND);
                }
            }
            let lasts = self.dice.between(10 * MINUTE, 4 * HOUR);
            self.attempt(time, &name, from, None, lasts);
            if number % 30 == 7 && self.dice.chance(400) {
                // a telephone beside the laptop
                let phone = self.phone();
                self.attempt(time + 20 * MINUTE, &name, phone, None, lasts / 2);
            }
            time += lasts + self.dice.between(5 * MINUTE, HOUR);
        }
    }

    /// Tries again and again, asks, and comes in.
    fn forgot(&mut self, name: &str, from: IpAddr, mut time: i64) -> i64 {
        for _ in 0..self.dice.between(4, 10) {
            self.attempt(time, name, from, Some("wrong-credentials"), 0);
            time += self.dice.between(20 * SECOND, 200 * SECOND);
        }
        time + self.dice.between(20 * MINUTE, 2 * HOUR)
    }

    fn expired(&mut self, number: usize, name: &str, mut time: i64) -> i64 {
        let began = time;
        for _ in 0..self.dice.between(2, 7) {
            let from = self.place(number);
            self.attempt(time, name, from, Some("wrong-credentials"), 0);
            time += self.dice.between(15 * SECOND, 300 * SECOND);
        }
        time += self.dice.between(20 * MINUTE, 2 * HOUR);
        self.incident("password-expiry", name, (began, time));
        time
    }

    fn incident(&mut self, kind: &'static str, name: &str, span: (i64, i64)) {
        let users = vec![name.to_string()];
        self.life.incidents.push(Incident { kind, users, span });
    }

    fn mishaps(&mut self) {
        // devices with an old password, which move
        for number in [70usize, 91, 112, 133, 154, 175].map(|number| number % self.people.len()) {
            let name = self.people[number].name.clone();
            let mut from = self.people[number].home;
            let began = START + self.dice.between(8, 20) * DAY + self.dice.between(0, DAY);
            // from where its owner comes
            self.attempt(began - HOUR, &name, from, None, 30 * MINUTE);
            let (mut time, period) = (began, self.dice.between(180, 900) * SECOND);
            let until = began + self.dice.between(1, 3) * DAY;
            let mut moves = began + DAY;
            while time < until {
                if time > moves {
                    (from, moves) = (self.home(), moves + DAY);
                }
                self.attempt(time, &name, from, Some("wrong-credentials"), 0);
                time += period + self.dice.between(0, 3 * SECOND);
            }
            self.incident("stale-password", &name, (began, until));
        }
        self.outage_of_many();
        let probe = self.home();
        let blocked = self.home();
        for step in 0..self.days * 288 {
            self.attempt(START + step * 5 * MINUTE, "", probe, Some("abandoned"), 0);
        }
        for step in 0..400 {
            self.attempt(
                START + 12 * DAY + step * 30 * SECOND,
                "",
                blocked,
                Some("gre-blocked"),
                0,
            );
        }
    }

    fn outage_of_many(&mut self) {
        let (began, until) = self.outage;
        for number in 0..self.people.len() / 12 {
            let number = number * 11 % self.people.len();
            let (name, from) = (self.people[number].name.clone(), self.people[number].home);
            // they have been there before
            self.attempt(began - DAY - HOUR, &name, from, None, 30 * MINUTE);
            let mut time = began + self.dice.between(0, 12 * MINUTE);
            while time < until {
                self.attempt(time, &name, from, Some("wrong-credentials"), 0);
                time += self.dice.between(MINUTE, 4 * MINUTE);
            }
            self.incident("backend-outage", &name, (began, until));
        }
    }

    fn strangers(&mut self) {
        for _ in 0..self.days * 3 {
            let (from, time) = (self.abroad(), START + self.dice.between(0, self.days * DAY));
            let name = ["admin", "test", "vpn", "user", "root"][self.dice.below(5) as usize];
            self.attempt(time, name, from, Some("unknown-user"), 0);
            self.life.background.push(from);
        }
    }

    fn victim(&mut self) -> String {
        let number = self.dice.below(self.people.len() as u64) as usize;
        self.people[number].name.clone()
    }

    /// Tries one after the other; `who` chooses name and source of each.
    fn campaign(
        &mut self,
        class: &'static str,
        mut time: i64,
        count: usize,
        mut wait: impl FnMut(&mut Dice, usize) -> i64,
        mut who: impl FnMut(&mut Maker, usize) -> (String, IpAddr, bool),
    ) {
        let (mut sources, mut times) = (Vec::new(), Vec::new());
        for try_number in 0..count {
            let (name, from, succeeds) = who(self, try_number);
            let cause = match (succeeds, name.starts_with("person")) {
                (true, _) => None,
                (false, true) => Some("wrong-credentials"),
                (false, false) => Some("unknown-user"),
            };
            let known = self.life.innocent.get(&from).copied();
            self.attempt(time, &name, from, cause, 30 * MINUTE);
            if known.is_none() {
                // it is not honest because it got in
                self.life.innocent.remove(&from);
            }
            times.push(time + 2 * SECOND);
            if !sources.contains(&from) {
                sources.push(from);
            }
            time += wait(&mut self.dice, try_number);
        }
        self.life.campaigns.push(Campaign { class, sources, times });
    }

    fn attack(&mut self) {
        self.attack_from_one();
        self.attack_from_many();
    }

    fn at(&mut self, day: i64) -> i64 {
        START + day * DAY + self.dice.between(0, DAY)
    }

    fn attack_from_one(&mut self) {
        let seconds =
            |least: i64, most: i64| move |dice: &mut Dice, _: usize| dice.between(least * SECOND, most * SECOND);
        let one = |maker: &mut Maker| (maker.victim(), maker.abroad());
        let (name, from) = one(self);
        let time = self.at(8);
        self.campaign("a1", time, 300, seconds(2, 8), |_, _| (name.clone(), from, false));
        let (name, from) = one(self);
        let time = self.at(11);
        self.campaign("b1", time, 200, seconds(750, 1100), |_, _| (name.clone(), from, false));
        let (name, from) = (self.victim(), self.home());
        let time = self.at(7);
        self.campaign("b2", time, 100, seconds(8_800, 12_800), |_, _| {
            (name.clone(), from, false)
        });
        let (name, from) = one(self);
        let time = self.at(13);
        let rests = |dice: &mut Dice, number: usize| match number % 4 {
            3 => dice.between(900 * SECOND, 1_500 * SECOND),
            _ => dice.between(60 * SECOND, 180 * SECOND),
        };
        self.campaign("b3", time, 200, rests, |_, _| (name.clone(), from, false));
        let from = self.abroad();
        let time = self.at(9);
        self.campaign("s1", time, 60, seconds(30, 90), |maker, _| {
            (maker.victim(), from, false)
        });
        let from = self.home();
        let time = self.at(16);
        self.campaign("s2", time, 150, seconds(1_000, 1_400), |maker, _| {
            (maker.victim(), from, false)
        });
        let from = self.abroad();
        let time = self.at(10);
        self.campaign("e1", time, 140, seconds(3, 9), |_, number| {
            (format!("stranger{number}"), from, false)
        });
        let (name, from) = one(self);
        let time = self.at(15);
        self.campaign("g1", time, 60, seconds(5, 30), |_, number| {
            (name.clone(), from, number == 59)
        });
        let from = self.abroad();
        let time = START + EXPIRY_DAY * DAY + 7 * HOUR;
        self.campaign("m1", time, 80, seconds(60, 160), |maker, _| {
            (maker.victim(), from, false)
        });
        let (name, from) = one(self);
        let time = self.outage.0 - 5 * MINUTE;
        self.campaign("o1", time, 200, seconds(15, 40), |_, _| (name.clone(), from, false));
    }

    fn attack_from_many(&mut self) {
        let names: Vec<IpAddr> = (0..500).map(|_| self.abroad()).collect();
        let any = |maker: &mut Maker, most: u64| names[maker.dice.below(most) as usize];
        let name = self.victim();
        let time = self.at(17);
        let minutes =
            |least: i64, most: i64| move |dice: &mut Dice, _: usize| dice.between(least * SECOND, most * SECOND);
        self.campaign("d1", time, 400, minutes(30, 700), |maker, _| {
            (name.clone(), any(maker, 200), false)
        });
        let others: Vec<IpAddr> = (0..500).map(|_| self.abroad()).collect();
        let time = self.at(21);
        self.campaign("d2", time, 1000, minutes(15, 210), |maker, _| {
            let from = others[maker.dice.below(500) as usize];
            (maker.victim(), from, false)
        });
        let list: Vec<IpAddr> = (0..300).map(|_| self.abroad()).collect();
        let time = self.at(25);
        self.campaign("c1", time, 480, minutes(20, 250), |maker, number| {
            let from = list[maker.dice.below(300) as usize];
            match maker.dice.chance(400) {
                true => (format!("somebody{number}"), from, false),
                false => (maker.victim(), from, maker.dice.chance(8)),
            }
        });
        let (name, other) = (self.victim(), self.victim());
        let net = self.abroad();
        let time = self.at(19);
        self.campaign("n1", time, 250, minutes(100, 300), |maker, number| {
            let IpAddr::V4(v4) = net else {
                return (name.clone(), net, false);
            };
            let [a, b, c, _] = v4.octets();
            let who = if number % 2 == 0 { &name } else { &other };
            (who.clone(), address(a, b, c, maker.byte()), false)
        });
        let five: Vec<IpAddr> = (0..5).map(|_| self.abroad()).collect();
        let (name, other) = (self.victim(), self.victim());
        let time = self.at(23);
        self.campaign("p1", time, 400, minutes(30, 180), |_, number| {
            let who = if number % 3 == 0 { &name } else { &other };
            (who.clone(), five[number % 5], false)
        });
        // a stolen password, while its owner is connected
        let owner = self.people.len() - 1;
        let (name, home) = (self.people[owner].name.clone(), self.people[owner].home);
        let time = START + 18 * DAY + 10 * HOUR;
        self.attempt(time - HOUR, &name, home, None, 5 * HOUR);
        let from = self.abroad();
        self.campaign("x1", time, 1, minutes(1, 2), |_, _| (name.clone(), from, true));
    }
}
