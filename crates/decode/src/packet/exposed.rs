//! Which logins a capture gives away: a PAP password stands in it as it is, and of CHAP and its kin challenge and response
//! together let a password be searched for at leisure. Only counted; what was exposed is nowhere kept.

use std::collections::VecDeque;
use std::net::IpAddr;

use super::tell::Context;

/// Logins that are remembered, to count none twice: a packet is sent anew until it is answered.
const RECENT_MAX: usize = 256;

/// How many logins a capture gives away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exposed {
    /// PAP passwords, in the clear (RFC 1334 §2).
    pub passwords: u64,
    /// Challenges with their responses, of CHAP (RFC 1994), MS-CHAP (RFC 2433) and MS-CHAPv2 (RFC 2759).
    pub exchanges: u64,
}

/// The two ends, the smaller address first, and the packet's identifier: challenge and response have the same.
type Login = (Option<(IpAddr, IpAddr)>, u8);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Password,
    Challenge,
}

/// Counts them.
#[derive(Debug, Default)]
pub(super) struct Watch {
    pub exposed: Exposed,
    recent: VecDeque<(Login, Seen)>,
}

impl Watch {
    /// A PAP request with so many bytes of password.
    pub fn password(&mut self, context: &Context, id: u8, len: usize) {
        if len > 0 && self.is_new(login(context, id), Seen::Password) {
            self.exposed.passwords += 1;
        }
    }

    pub fn challenge(&mut self, context: &Context, id: u8) {
        self.is_new(login(context, id), Seen::Challenge);
    }

    /// A response; the challenge before it counts once.
    pub fn response(&mut self, context: &Context, id: u8) {
        let known = (login(context, id), Seen::Challenge);
        if let Some(at) = self.recent.iter().rposition(|seen| *seen == known) {
            self.recent.remove(at);
            self.exposed.exchanges += 1;
        }
    }

    fn is_new(&mut self, login: Login, seen: Seen) -> bool {
        let is_new = !self.recent.contains(&(login, seen));
        if is_new {
            if self.recent.len() >= RECENT_MAX {
                self.recent.pop_front();
            }
            self.recent.push_back((login, seen));
        }
        is_new
    }
}

fn login(context: &Context, id: u8) -> Login {
    let ends = context.ends.map(|((from, _), (to, _))| (from.min(to), from.max(to)));
    (ends, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_to(from: u8, to: u8) -> Context {
        let end = |host| (IpAddr::from([192, 0, 2, host]), None);
        Context::between(end(from), end(to))
    }

    #[test]
    fn a_login_counts_once_and_only_whole() {
        let mut watch = Watch::default();
        watch.response(&from_to(1, 9), 7); // its challenge was not captured
        watch.challenge(&from_to(9, 1), 7);
        watch.challenge(&from_to(9, 1), 7);
        assert_eq!(watch.exposed, Exposed::default());
        watch.response(&from_to(2, 9), 7); // another client's
        watch.response(&from_to(1, 9), 8); // another challenge's
        assert_eq!(watch.exposed, Exposed::default());
        watch.response(&from_to(1, 9), 7);
        watch.response(&from_to(1, 9), 7);
        watch.password(&from_to(1, 9), 1, 0);
        assert_eq!((watch.exposed.exchanges, watch.exposed.passwords), (1, 0));
        watch.password(&from_to(1, 9), 1, 8);
        watch.password(&from_to(1, 9), 1, 8);
        watch.password(&from_to(1, 9), 2, 8);
        assert_eq!((watch.exposed.exchanges, watch.exposed.passwords), (1, 2));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut watch = Watch::default();
        for round in 0..4 {
            for id in 0..=u8::MAX {
                watch.challenge(&from_to(round, 9), id);
            }
        }
        assert_eq!(watch.recent.len(), RECENT_MAX);
        watch.response(&from_to(0, 9), 1);
        assert_eq!(watch.exposed.exchanges, 0);
        watch.response(&from_to(3, 9), 1);
        assert_eq!(watch.exposed.exchanges, 1);
    }
}
