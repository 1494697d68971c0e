//! What concerns some attempts: the lines that were said about them, and of every source what names their addresses and users
//! at that time. A bundle packs it for a colleague, an incident collects it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use tunlog_analysis::detect::Network;
use tunlog_model::{Attempt, Event, Field, Layer, Role, SourceId, Value, text};

/// How much of the time before and after an attempt belongs to it, microseconds.
pub const MARGIN: i64 = 30_000_000;
/// Lines that are remembered by their numbers.
const LINES_MAX: usize = 5_000_000;

/// Stretches of time, those that touch put together.
#[derive(Clone, Debug, Default)]
pub struct Spans(BTreeMap<i64, i64>);

impl Spans {
    /// Adds a stretch.
    pub fn add(&mut self, mut from: i64, mut until: i64) {
        while let Some((start, end)) = self.0.range(..=until).next_back().map(|(start, end)| (*start, *end)) {
            if end < from {
                break;
            }
            (from, until) = (from.min(start), until.max(end));
            self.0.remove(&start);
        }
        self.0.insert(from, until);
    }

    /// Whether a time lies in one.
    pub fn contains(&self, time: i64) -> bool {
        self.0.range(..=time).next_back().is_some_and(|(_, end)| time <= *end)
    }

    /// All, in order.
    pub fn all(&self) -> impl Iterator<Item = (i64, i64)> {
        self.0.iter().map(|(from, until)| (*from, *until))
    }
}

/// Whom an attempt concerns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whom {
    /// The client's address.
    pub client_ip: Option<IpAddr>,
    /// The user.
    pub user: Option<Box<str>>,
}

/// A host and a number on it.
type Process = (Box<str>, u32);

/// What concerns some attempts.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The time of the attempts, with its margin.
    pub spans: Spans,
    /// Addresses of the clients.
    pub clients: HashSet<IpAddr>,
    /// Networks that concern it as a whole.
    pub networks: Vec<Network>,
    /// Users.
    pub users: HashSet<Box<str>>,
    /// A time in which addresses and users concern it whether or not an attempt is near.
    pub window: Option<(i64, i64)>,
    processes: HashMap<Process, Vec<(i64, i64, u32)>>,
    lines: HashMap<(SourceId, u64), u32>,
    whom: Vec<Whom>,
}

impl Scope {
    /// An attempt belongs to it.
    pub fn take(&mut self, attempt: &Attempt) {
        let from = attempt.started.saturating_sub(MARGIN);
        let until = attempt.last_seen.saturating_add(MARGIN);
        self.spans.add(from, until);
        self.clients.extend(attempt.client_ip);
        self.clients.extend(attempt.claimed_ip);
        self.users.extend(attempt.user.clone().filter(|user| !user.is_empty()));
        let number = self.whom.len() as u32;
        self.whom.push(Whom {
            client_ip: attempt.client_ip.or(attempt.claimed_ip),
            user: attempt.user.clone(),
        });
        let gateway = attempt.gateway.clone().unwrap_or_default();
        for clue in attempt.trail.iter() {
            // daemons that serve many at once are not the client's process
            if clue.pid != 0 && matches!(clue.message.role, Role::Ppp | Role::Pptp) {
                let spans = self.processes.entry((gateway.clone(), clue.pid)).or_default();
                if spans.last().is_none_or(|last| last.2 != number) {
                    spans.push((from, until, number));
                }
            }
            self.line(clue.source, clue.line, number);
            self.line(clue.source, clue.last_line, number);
        }
    }

    /// A line belongs to it.
    pub fn keep_line(&mut self, source: SourceId, line: u64) {
        self.line(source, line, u32::MAX);
    }

    fn line(&mut self, source: SourceId, line: u64, number: u32) {
        if self.lines.len() < LINES_MAX {
            self.lines.entry((source, line)).or_insert(number);
        }
    }

    /// Whom an event of the scope concerns: an attempt where that is known, else nobody in particular. None: it is none of it.
    pub fn concerns(&self, event: &Event<'_>) -> Option<Whom> {
        if let Some(number) = self.lines.get(&(event.source, event.line())) {
            return Some(self.whom(*number));
        }
        let time = event.time.micros;
        let is_near = self.spans.contains(time);
        let in_window = self.window.is_some_and(|(from, until)| (from..=until).contains(&time));
        if !is_near && !in_window {
            return None;
        }
        let mut addresses = event.fields().iter().filter_map(|(_, value)| match value {
            Value::Ip(address) => Some(*address),
            _ => None,
        });
        if let Some(address) = addresses.find(|address| self.names(*address)) {
            return Some(Whom {
                client_ip: Some(address),
                user: event.text(Field::User).map(|user| user.into()),
            });
        }
        if let Some(user) = event.text(Field::User) {
            let known = self.users.get(&*user)?;
            return Some(Whom {
                client_ip: None,
                user: Some(known.clone()),
            });
        }
        if event.pid() != 0 && !self.processes.is_empty() {
            let host: Box<str> = text::lossy(event.host()).into();
            let spans = self.processes.get(&(host, event.pid()));
            let of_it = spans.and_then(|spans| spans.iter().find(|(from, until, _)| (*from..=*until).contains(&time)));
            if let Some((_, _, number)) = of_it {
                return Some(self.whom(*number));
            }
        }
        // what daemons and the kernel say of themselves concerns everybody
        let message = event.message();
        let names_another = event.value(Field::ClientIp).is_some();
        let of_all = is_near && !names_another && message.layer == Layer::System && message.role != Role::Firewall;
        of_all.then(Whom::default)
    }

    fn names(&self, address: IpAddr) -> bool {
        self.clients.contains(&address) || self.networks.iter().any(|network| network.contains(address))
    }

    fn whom(&self, number: u32) -> Whom {
        self.whom.get(number as usize).cloned().unwrap_or_default()
    }
}

/// `1-syslog.log`: the number keeps equal names apart, and nothing of a path gets out of the folder.
pub fn plain_name(source: SourceId, name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let plain: String = last
        .chars()
        .map(|c| if is_plain(c) { c } else { '_' })
        .take(80)
        .collect();
    format!("{}-{plain}", source.0 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        let name = |name: &str| plain_name(SourceId(0), name);
        assert_eq!(name("/var/log/syslog"), "1-syslog");
        assert_eq!(name("a/../../etc/pass wd"), "1-pass_wd");
        assert_eq!(name(".."), "1-..");
        assert_eq!(name(""), "1-");
    }

    #[test]
    fn stretches_that_touch_are_one() {
        let mut spans = Spans::default();
        for (from, until) in [(10, 20), (40, 50), (5, 7), (20, 30), (31, 39), (45, 46)] {
            spans.add(from, until);
        }
        assert_eq!(spans.all().collect::<Vec<_>>(), [(5, 7), (10, 30), (31, 39), (40, 50)]);
        spans.add(0, 100);
        assert_eq!(spans.all().collect::<Vec<_>>(), [(0, 100)]);
        assert!(spans.contains(0) && spans.contains(100) && !spans.contains(101) && !spans.contains(-1));
    }
}
