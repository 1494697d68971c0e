//! The exposition: every family with its samples.

use std::collections::BTreeMap;

use super::counts::{BySource, Counts, Tally};
use super::families::{self as f, Family};
use super::health::Health;
use super::open::Moved;
use super::text::{Exposition, Form};
use super::words::{self, PROTOCOLS};
use super::{Metrics, process, users};

/// What was told of traffic before: a counter never goes back.
pub type Reported = BTreeMap<&'static str, Moved>;

/// One of the figures of a user.
type Figure = fn(&users::Figures) -> u64;

impl Metrics {
    pub(super) fn render_parts(&self, form: Form, now: i64, with_process: bool) -> String {
        // asked before the counts are held: who answers may wait for others
        let health = self.health.get().map(|ask| ask()).unwrap_or_default();
        let mut out = Exposition::new(form);
        out.family(&f::BUILD_INFO);
        out.sample(&f::BUILD_INFO, &[self.version, self.revision], 1.0);
        if let Some(ready) = health.ready {
            out.single(&f::READY, f64::from(u8::from(ready)));
        }
        {
            let mut counts = self.counts();
            counts.open.look_at(&health);
            self.sessions(&counts, &health, now, &mut out);
            attempts(&counts, &mut out);
            if let Some(users) = &counts.users {
                self.users(users, &mut out);
            }
            events(&counts, &mut out);
        }
        sources(&health, &mut out);
        store(&health, &mut out);
        channels(&health, &mut out);
        if let Some(banned) = health.banned {
            out.single(&f::BANNED, banned as f64);
        }
        if with_process {
            self.process(&mut out);
        }
        out.finish()
    }

    fn sessions(&self, counts: &Counts, health: &Health, now: i64, out: &mut Exposition) {
        let stale_us = i64::try_from(self.config.stale_after_s)
            .unwrap_or(i64::MAX)
            .saturating_mul(1_000_000);
        let stale = now.saturating_sub(stale_us);
        let gauges: Vec<_> = PROTOCOLS
            .iter()
            .map(|protocol| (*protocol, counts.open.gauges(protocol, stale)))
            .collect();
        out.family(&f::SESSIONS);
        for (protocol, gauges) in &gauges {
            if let Some(starting) = &health.starting {
                let of_it = starting.iter().filter(|(of, _)| words::protocol(*of) == *protocol);
                let count: u64 = of_it.map(|(_, count)| count).sum();
                out.sample(&f::SESSIONS, &[protocol, "starting"], count as f64);
            }
            out.sample(&f::SESSIONS, &[protocol, "active"], gauges.active as f64);
            out.sample(&f::SESSIONS, &[protocol, "stale"], gauges.stale as f64);
        }
        out.family(&f::USERS);
        for (protocol, gauges) in &gauges {
            out.sample(&f::USERS, &[protocol], gauges.users as f64);
        }
        out.family(&f::UNENCRYPTED);
        for (protocol, gauges) in gauges.iter().filter(|(protocol, _)| *protocol != words::UNKNOWN) {
            out.sample(&f::UNENCRYPTED, &[protocol], gauges.unencrypted as f64);
        }
        self.traffic(counts, out);
    }

    fn traffic(&self, counts: &Counts, out: &mut Exposition) {
        let mut reported = self.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for protocol in PROTOCOLS {
            let ended = counts.moved.get(protocol).copied().unwrap_or_default();
            let open = counts.open.moved(protocol);
            let told = reported.entry(protocol).or_default();
            told.received = told.received.max(ended.received.saturating_add(open.received));
            told.sent = told.sent.max(ended.sent.saturating_add(open.sent));
        }
        out.family(&f::RECEIVED);
        for (protocol, moved) in reported.iter() {
            out.sample(&f::RECEIVED, &[protocol], moved.received as f64);
        }
        out.family(&f::SENT);
        for (protocol, moved) in reported.iter() {
            out.sample(&f::SENT, &[protocol], moved.sent as f64);
        }
    }

    fn users(&self, users: &users::Users, out: &mut Exposition) {
        let mut all: BTreeMap<String, users::Figures> = BTreeMap::new();
        for (name, figures) in users.all() {
            let shown = match &self.hash {
                Some(hash) if name != users::OTHER => hash(name),
                _ => name.to_owned(),
            };
            // two names of one hash are one series
            all.entry(shown).or_default().add(figures);
        }
        let columns: [(&Family, Figure); 3] = [
            (&f::USER_RECEIVED, |figures| figures.received),
            (&f::USER_SENT, |figures| figures.sent),
            (&f::USER_CONNECTED, |figures| figures.connected),
        ];
        for (family, value) in columns {
            out.family(family);
            for (name, figures) in &all {
                out.sample(family, &[name], value(figures) as f64);
            }
        }
    }

    fn process(&self, out: &mut Exposition) {
        let costs = process::costs();
        let known = [
            (&f::process::CPU, costs.cpu_s),
            (&f::process::RESIDENT, costs.resident.map(|bytes| bytes as f64)),
            (&f::process::DESCRIPTORS, costs.descriptors.map(|count| count as f64)),
            (&f::process::STARTED, Some(self.started)),
        ];
        for (family, value) in known {
            if let Some(value) = value {
                out.single(family, value);
            }
        }
    }
}

fn tally<const N: usize>(family: &Family, tally: &Tally<N>, out: &mut Exposition) {
    out.family(family);
    for (labels, count) in tally {
        out.sample(family, labels, *count as f64);
    }
}

fn attempts(counts: &Counts, out: &mut Exposition) {
    tally(&f::STARTS, &counts.starts, out);
    tally(&f::ENDS, &counts.ends, out);
    tally(&f::ATTEMPTS, &counts.attempts, out);
    tally(&f::AUTH_FAILURES, &counts.auth_failures, out);
    out.family(&f::DURATION);
    out.histogram(&f::DURATION, &[], &counts.duration);
    tally(&f::ECHO, &counts.echo, out);
    out.family(&f::RADIUS);
    for (kind, histogram) in &counts.radius {
        out.histogram(&f::RADIUS, &[kind], histogram);
    }
    out.single(&f::RADIUS_TIMEOUTS, counts.radius_timeouts as f64);
}

fn events(counts: &Counts, out: &mut Exposition) {
    tally(&f::DETECTIONS, &counts.detections, out);
    out.single(&f::GAPS, counts.gaps as f64);
    out.family(&f::LAG);
    for (source, newest) in &counts.newest {
        out.sample(&f::LAG, &[source], newest.lag_s);
    }
    out.family(&f::LAST_EVENT);
    for (source, newest) in &counts.newest {
        out.sample(&f::LAST_EVENT, &[source], newest.time as f64 / 1e6);
    }
}

/// What sources of one label have together: the label's source is up if all that count are.
#[derive(Debug, Default)]
struct SourceSum {
    seen: u64,
    up: u64,
    lines: [u64; 4],
    lost: u64,
}

fn sources(health: &Health, out: &mut Exposition) {
    let mut sums: BySource<SourceSum> = BySource::new();
    for source in &health.sources {
        let sum = sums.of(&source.name);
        sum.seen += 1;
        sum.up += u64::from(source.up);
        sum.lost = sum.lost.saturating_add(source.lost);
        for (at, count) in [source.error, source.filtered, source.parsed, source.unknown]
            .into_iter()
            .enumerate()
        {
            sum.lines[at] = sum.lines[at].saturating_add(count);
        }
    }
    out.family(&f::UP);
    for (label, sum) in &sums.rows {
        out.sample(&f::UP, &[label], f64::from(u8::from(sum.up == sum.seen)));
    }
    out.family(&f::LINES);
    for (label, sum) in &sums.rows {
        for (outcome, count) in ["error", "filtered", "parsed", "unknown"].into_iter().zip(sum.lines) {
            out.sample(&f::LINES, &[label, outcome], count as f64);
        }
    }
    out.family(&f::LOST);
    for (label, sum) in &sums.rows {
        out.sample(&f::LOST, &[label], sum.lost as f64);
    }
}

fn store(health: &Health, out: &mut Exposition) {
    let Some(store) = &health.store else { return };
    out.family(&f::STORE_RECORDS);
    for (state, count) in [("open", store.open), ("sealed", store.sealed)] {
        out.sample(&f::STORE_RECORDS, &[state], count as f64);
    }
    out.family(&f::STORE_SEGMENTS);
    for (state, count) in [
        ("kept", store.segments),
        ("removed", store.removed),
        ("set_aside", store.set_aside),
    ] {
        out.sample(&f::STORE_SEGMENTS, &[state], count as f64);
    }
    out.single(&f::STORE_BYTES, store.bytes as f64);
    if let Some(time) = store.checkpoint {
        out.single(&f::CHECKPOINT, time as f64 / 1e6);
    }
    out.single(&f::DROPPED, store.dropped as f64);
    out.single(&f::REFUSED, health.refused as f64);
}

fn channels(health: &Health, out: &mut Exposition) {
    if health.channels.is_empty() {
        return;
    }
    out.family(&f::NOTIFIED);
    for channel in &health.channels {
        for (result, count) in [
            ("failed", channel.failed),
            ("given_up", channel.given_up),
            ("sent", channel.sent),
        ] {
            out.sample(&f::NOTIFIED, &[&channel.name, result], count as f64);
        }
    }
    out.family(&f::WAITING);
    for channel in &health.channels {
        out.sample(&f::WAITING, &[&channel.name], channel.waiting as f64);
    }
}
