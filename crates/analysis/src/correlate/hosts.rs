//! Hosts as numbers: what is known of a process or a client is known of it on one host.

use rustc_hash::FxHashMap;
use tunlog_model::{Event, NamePlace};

/// How many hosts are told apart.
pub const HOSTS_MAX: usize = 65_536;

/// The names of hosts and their numbers, which are given in the order in which hosts are heard.
#[derive(Debug, Default)]
pub struct Hosts {
    numbers: FxHashMap<Box<[u8]>, u32>,
    names: Vec<Box<[u8]>>,
    /// Of the event before: where its host's name stands, and its number.
    last: Option<(NamePlace, u32)>,
}

impl Hosts {
    /// The number of an event's host; that of the event before is likely the same.
    #[inline]
    pub fn of(&mut self, event: &Event<'_>) -> u32 {
        let place = event.host_place();
        match self.last {
            Some((last, number)) if last == place => number,
            _ => {
                let number = self.number(event.host());
                self.last = Some((place, number));
                number
            }
        }
    }

    #[inline(never)]
    fn number(&mut self, name: &[u8]) -> u32 {
        match self.numbers.get(name) {
            Some(number) => *number,
            // a forger of host names must not fill memory: from here on they are all one
            None if self.names.len() >= HOSTS_MAX => 0,
            None => {
                let number = self.names.len() as u32;
                self.names.push(name.into());
                self.numbers.insert(name.into(), number);
                number
            }
        }
    }

    /// The name of a host.
    pub fn name(&self, number: u32) -> Option<&[u8]> {
        self.names.get(number as usize).map(|name| &**name)
    }

    /// The numbers that were given.
    pub fn numbers(&self) -> std::ops::Range<u32> {
        0..self.names.len() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_hosts_are_one() {
        let mut hosts = Hosts::default();
        let number = |hosts: &mut Hosts, name: String| hosts.number(name.as_bytes());
        assert_eq!((number(&mut hosts, "a".into()), number(&mut hosts, "b".into())), (0, 1));
        assert_eq!((number(&mut hosts, "a".into()), hosts.numbers()), (0, 0..2));
        assert_eq!((hosts.name(1), hosts.name(2)), (Some(&b"b"[..]), None));
        for at in 0..HOSTS_MAX {
            number(&mut hosts, format!("forged-{at}"));
        }
        assert_eq!(number(&mut hosts, "one more".into()), 0);
        assert_eq!(hosts.numbers().len(), HOSTS_MAX);
    }
}
