//! Descriptors: each connection and each open file needs one, and the system gives a process only so many. Who lets in more
//! connections than there are descriptors leaves none for the store.

use super::Config;
use crate::listen::Door;

/// For the store, its databases and their readers, standard streams and notifications.
const RESERVE: usize = 256;
/// For what one pattern of files may name.
const EACH_GLOB: usize = 32;
/// Descriptors that are asked for; more would only cost memory.
const WANTED: u64 = 65_536;

/// How many descriptors this process may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// At present.
    pub soft: u64,
    /// If it asks for them.
    pub hard: u64,
}

impl Limit {
    /// What the system says; None if it does not.
    pub fn read() -> Option<Limit> {
        use nix::sys::resource::{Resource, getrlimit};
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
        Some(Limit { soft, hard })
    }

    /// Asks for as many as there are to be had, and answers how many they are then.
    #[must_use]
    pub fn raised(self) -> u64 {
        use nix::sys::resource::{Resource, setrlimit};
        let wanted = self.attainable();
        if self.soft < wanted && setrlimit(Resource::RLIMIT_NOFILE, wanted, self.hard).is_ok() {
            return wanted;
        }
        self.soft
    }

    /// How many a daemon would have.
    pub fn attainable(self) -> u64 {
        self.soft.max(self.hard.min(WANTED))
    }
}

impl Config {
    /// Lowers the limits of connections to what the system allows, and says so. `limit`: descriptors of this process.
    pub fn fit_descriptors(&mut self, limit: u64) -> Option<String> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let doors = self.listen.doors().unwrap_or_default();
        let tls = doors.iter().filter(|door| matches!(door, Door::Tls(_))).count();
        let open = doors
            .iter()
            .filter(|door| matches!(door, Door::Tcp(_) | Door::Tls(_) | Door::UnixStream(_)))
            .count();
        let fixed = RESERVE + EACH_GLOB * self.follow.globs.len() + doors.len();
        let listen = open
            .saturating_mul(self.listen.connections_max)
            .saturating_add(tls.saturating_mul(self.listen.handshakes_max));
        let needed = fixed.saturating_add(listen).saturating_add(self.http.connections_max);
        if needed <= limit {
            return None;
        }
        let free = limit.saturating_sub(fixed);
        // who looks how it goes comes in, whatever senders do
        let http = self.http.connections_max.min(free / 4).max(1);
        let each = free.saturating_sub(http) / open.max(1);
        let mut lowered = Vec::new();
        let mut lower = |key: &str, value: &mut usize, most: usize| {
            if *value > most.max(1) {
                *value = most.max(1);
                lowered.push(format!("`{key}` is {value}"));
            }
        };
        lower("http.connections-max", &mut self.http.connections_max, http);
        if tls > 0 {
            lower("listen.handshakes-max", &mut self.listen.handshakes_max, each / 5);
        }
        if open > 0 {
            let handshakes = if tls > 0 { self.listen.handshakes_max } else { 0 };
            let most = each.saturating_sub(handshakes);
            lower("listen.connections-max", &mut self.listen.connections_max, most);
        }
        Some(format!(
            "{needed} descriptors may be needed and the system allows {limit} (LimitNOFILE= of the unit, ulimit -n): {}",
            lowered.join(", ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening(tcp: usize, tls: bool) -> Config {
        let mut config = Config::default();
        config.listen.tcp = (0..tcp).map(|number| format!("127.0.0.1:{}", 5000 + number)).collect();
        if tls {
            config.listen.tls = vec!["127.0.0.1:6514".to_owned()];
        }
        config
    }

    /// What is open at the most.
    fn most(config: &Config, tcp: usize, tls: usize) -> usize {
        let listen = &config.listen;
        config.http.connections_max + (tcp + tls) * listen.connections_max + tls * listen.handshakes_max
    }

    #[test]
    fn limits_fit_what_the_system_allows() {
        for (tcp, tls, limit) in [
            (1, false, 1024),
            (3, true, 1024),
            (1, true, 4096),
            (8, true, 4096),
            (0, false, 300),
        ] {
            let mut config = listening(tcp, tls);
            let words = config.fit_descriptors(limit).unwrap_or_default();
            let fits = most(&config, tcp, usize::from(tls)) + RESERVE <= limit as usize;
            assert!(fits, "{tcp} {tls} {limit}: {words}");
            let lowered = config.listen.connections_max < 1000 || config.http.connections_max < 128;
            assert_eq!(lowered, !words.is_empty(), "{words}");
            assert_eq!(config.fit_descriptors(limit), None, "once is enough");
        }
        let mut config = listening(2, true);
        assert_eq!(config.fit_descriptors(65_536), None);
        assert_eq!(config.listen, listening(2, true).listen);
        // less than nothing is left: one of each all the same
        config.fit_descriptors(64).expect("words");
        assert_eq!((config.listen.connections_max, config.http.connections_max), (1, 1));
    }

    #[test]
    fn the_words_say_what_is_lowered() {
        let words = listening(1, false).fit_descriptors(1024).expect("words");
        assert_eq!(
            words,
            "1385 descriptors may be needed and the system allows 1024 (LimitNOFILE= of the unit, ulimit -n): \
             `listen.connections-max` is 639"
        );
    }
}
