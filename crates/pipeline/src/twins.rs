//! The same log in two forms: what syslog wrote into two files (`syslog` and `daemon.log`), or a journal's export beside
//! the text file. Both tell of the same thing, which is told once.
//!
//! Two lines are one if different sets hold them, and host, program, process id, message and every field are the same,
//! within the precision of the coarser stamp. A line that a daemon writes twice stands twice in either form, so each is
//! paired with one of the other. Lines without host or program name no writer and are never paired, nor are packets; a
//! process id must be the same, also where there is none (the kernel, charon).

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};

use tunlog_ingest::Problem;
use tunlog_model::{Event, Hashed, SourceId, Value};

use crate::Sources;

/// How far apart, in microseconds, two forms may put a line: syslog's older stamp has whole seconds.
const APART_MAX: i64 = 1_000_000;

/// How long a line waits for its like, microseconds: of files that are followed one may be read later than the other.
const WAITS: i64 = 10_000_000;

/// Lines that wait for their like; a second of a flood has no more.
const WAITING_MAX: usize = 65_536;

/// Repetitions of a line that wait for their like.
const REPEATS_MAX: u64 = 256;

/// Sets that are told apart.
const SETS_MAX: usize = 64;

/// A line that was told.
#[derive(Clone, Copy, Debug)]
struct Told {
    micros: i64,
    /// The sets that hold it, one bit each.
    sets: u64,
}

/// Lines that say the same, the oldest first. Nearly always there is one.
#[derive(Debug)]
struct Waiting {
    first: Told,
    more: VecDeque<Told>,
    /// How many are forgotten.
    gone: u64,
    /// For each set that passed some by, how many it is done with: it told them itself, or they are too old for it. A flood of
    /// one line would else be searched from its beginning by each line of it.
    done: Vec<(usize, u64)>,
}

impl Waiting {
    fn of(first: Told) -> Waiting {
        Waiting {
            first,
            more: VecDeque::new(),
            gone: 0,
            done: Vec::new(),
        }
    }

    fn get_mut(&mut self, at: usize) -> Option<&mut Told> {
        match at.checked_sub(1) {
            None => Some(&mut self.first),
            Some(at) => self.more.get_mut(at),
        }
    }

    /// The first that a set does not hold, of the time `micros` or of any; from now on the set holds it. False if there is none.
    fn take(&mut self, set: usize, micros: Option<i64>) -> bool {
        let bit = bit_of(set);
        let near = |told: &Told| micros.is_none_or(|micros| told.micros.abs_diff(micros) <= APART_MAX as u64);
        let known = self.done.iter().position(|(other, _)| *other == set);
        let done = known.map_or(0, |at| self.done[at].1).max(self.gone);
        let mut at = (done - self.gone) as usize;
        let found = loop {
            match self.get_mut(at) {
                None => break false,
                Some(told) if told.sets & bit == 0 && near(told) => {
                    told.sets |= bit;
                    break true;
                }
                Some(_) => at += 1,
            }
        };
        let now = self.gone + at as u64;
        match known {
            Some(known) => self.done[known].1 = now,
            None if now > self.gone => self.done.push((set, now)),
            None => {}
        }
        found
    }

    /// Forgets the oldest. False if it was the last.
    fn forget(&mut self) -> bool {
        self.gone += 1;
        match self.more.pop_front() {
            Some(next) => {
                self.first = next;
                true
            }
            None => false,
        }
    }
}

/// The bit of a set.
fn bit_of(set: usize) -> u64 {
    1 << (set % SETS_MAX)
}

/// What was told lately, by a hash of what it says. The hash is SipHash, so that nobody can write a line that is taken for
/// another one.
#[derive(Debug, Default)]
pub(crate) struct Twins {
    told: HashMap<u64, Waiting, BuildHasherDefault<Hashed>>,
    /// When each of them was told, in the order of telling.
    order: VecDeque<(i64, u64)>,
    /// For each set its last line: what it says, and whether it had been told.
    last: Vec<Option<(u64, bool)>>,
    /// How many lines of each source had been told.
    passed: Vec<(SourceId, u64)>,
}

impl Twins {
    /// For a run over so many sets; None where no line can have a like.
    pub fn of(sets: usize) -> Option<Box<Twins>> {
        (2..=SETS_MAX).contains(&sets).then(|| {
            Box::new(Twins {
                last: vec![None; sets],
                ..Twins::default()
            })
        })
    }

    /// Whether an event of a set was told from another one already.
    pub fn is_told(&mut self, event: &Event<'_>, set: usize) -> bool {
        if let Some(last) = self.last.get_mut(set) {
            *last = None;
        }
        if event.host().is_empty() || event.app().is_empty() || event.message().dialect == "pcap" {
            return false;
        }
        let (says, micros) = (hash(event), event.time.micros);
        self.forget(micros);
        let waiting = self.told.get_mut(&says);
        let is_told = waiting.is_some_and(|waiting| waiting.take(set, Some(micros)));
        if !is_told {
            self.wait(
                says,
                Told {
                    micros,
                    sets: bit_of(set),
                },
            );
        }
        if let Some(last) = self.last.get_mut(set) {
            *last = Some((says, is_told));
        }
        if is_told {
            self.count(event.source);
        }
        is_told
    }

    /// How many of the times that a set's last line came once more are news: another form may have them as lines.
    pub fn repeated(&mut self, times: u64, micros: i64, set: usize) -> u64 {
        let Some((says, was_told)) = self.last.get(set).copied().flatten() else {
            return times;
        };
        if was_told {
            return 0; // the other form tells of its repetitions too
        }
        let mut news = times;
        if let Some(waiting) = self.told.get_mut(&says) {
            while news > 0 && waiting.take(set, None) {
                news -= 1;
            }
        }
        for _ in 0..news.min(REPEATS_MAX) {
            self.wait(
                says,
                Told {
                    micros,
                    sets: bit_of(set),
                },
            );
        }
        news
    }

    /// What is to be said of it at the end.
    pub fn problems(&self, sources: &Sources) -> Vec<Problem> {
        let told = self.passed.iter().map(|(source, count)| {
            let lines = if *count == 1 { "line tells" } else { "lines tell" };
            let cause = format!("{count} {lines} what other inputs tell in another form: counted once");
            Problem::note(sources.name(*source), cause)
        });
        told.collect()
    }

    fn wait(&mut self, says: u64, told: Told) {
        self.forget(told.micros);
        match self.told.entry(says) {
            Entry::Occupied(waiting) => waiting.into_mut().more.push_back(told),
            Entry::Vacant(free) => {
                free.insert(Waiting::of(told));
            }
        }
        self.order.push_back((told.micros, says));
    }

    fn count(&mut self, source: SourceId) {
        match self.passed.iter_mut().find(|(known, _)| *known == source) {
            Some((_, count)) => *count += 1,
            None => self.passed.push((source, 1)),
        }
    }

    /// Forgets what is too old to have a like, and the oldest of too many.
    fn forget(&mut self, now: i64) {
        while let Some((micros, says)) = self.order.front().copied() {
            if now.saturating_sub(micros) <= WAITS && self.order.len() < WAITING_MAX {
                return;
            }
            self.order.pop_front();
            if let Entry::Occupied(mut waiting) = self.told.entry(says)
                && !waiting.get_mut().forget()
            {
                waiting.remove();
            }
        }
    }
}

/// What an event says, and who says it.
fn hash(event: &Event<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    let message = event.message();
    (event.host(), event.app(), event.pid(), message.dialect, message.id).hash(&mut hasher);
    for (field, value) in event.fields() {
        field.word().hash(&mut hasher);
        match value {
            Value::Int(number) => number.hash(&mut hasher),
            Value::Seconds(seconds) => seconds.to_bits().hash(&mut hasher),
            Value::Ip(address) => address.hash(&mut hasher),
            Value::Bool(flag) => flag.hash(&mut hasher),
            Value::Text(_) | Value::Bytes(_) | Value::Word(_) => event.value_bytes(value).hash(&mut hasher),
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn each_line_has_one_like_of_each_other_set() {
        let told = |micros| Told {
            micros,
            sets: bit_of(0),
        };
        let mut waiting = Waiting::of(told(0));
        waiting.more.extend([told(200_000), told(5_000_000)]);
        assert!(!waiting.take(0, Some(0)), "its own");
        assert!(waiting.take(1, Some(0)) && waiting.take(1, Some(300_000)));
        assert!(!waiting.take(1, Some(3_000_000)), "no other is near");
        assert!(waiting.take(2, Some(0)), "a third set has likes of its own");
        waiting.more.push_back(told(6_000_000));
        assert!(waiting.forget() && waiting.forget());
        assert!(waiting.take(2, None) && waiting.take(2, None) && !waiting.take(2, None));
        assert!(waiting.forget() && !waiting.forget());
    }

    #[test]
    fn a_flood_of_one_line_is_not_searched_again_and_again() {
        let begun = Instant::now();
        let told = Told {
            micros: 0,
            sets: bit_of(0),
        };
        let mut waiting = Waiting::of(told);
        for micros in 0..60_000 {
            assert!(!waiting.take(0, Some(micros)));
            waiting.more.push_back(Told { micros, ..told });
        }
        // each would be 60 000 steps: half a minute and more in all
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    }
}
