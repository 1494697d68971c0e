//! What the service manager is told (sd_notify(3)): ready, reloading, stopping, alive, and a line about how it goes.
//!
//! Messages are lines `KEY=value` in one datagram to the socket that `NOTIFY_SOCKET` names. Without that variable nobody
//! listens, and everything here does nothing.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

/// Bytes of a status line.
const STATUS_BYTES_MAX: usize = 512;

/// The service manager, if there is one.
#[derive(Debug, Default)]
pub struct Service {
    socket: Option<(UnixDatagram, SocketAddr)>,
    /// Without a sign of life for this long the manager ends us.
    watchdog: Option<Duration>,
    /// When it heard one.
    alive: Option<Instant>,
    status: String,
}

impl Service {
    /// The manager that started us, by `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`.
    ///
    /// # Errors
    /// If the variables name a socket that is none: the service would never count as started.
    pub fn from_environment() -> io::Result<Service> {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        Service::of(
            variable("NOTIFY_SOCKET"),
            variable("WATCHDOG_USEC"),
            variable("WATCHDOG_PID"),
            std::process::id(),
        )
    }

    fn of(
        socket: Option<OsString>,
        watchdog_us: Option<OsString>,
        watchdog_pid: Option<OsString>,
        own_pid: u32,
    ) -> io::Result<Service> {
        let number = |value: Option<OsString>| value?.to_str()?.parse::<u64>().ok();
        let for_us = watchdog_pid.is_none() || number(watchdog_pid) == Some(u64::from(own_pid));
        let watchdog = number(watchdog_us).filter(|us| *us > 0 && for_us);
        let socket = match socket {
            Some(name) => Some((UnixDatagram::unbound()?, address(&name)?)),
            None => None,
        };
        // a manager that does not listen must not hold up what we do
        if let Some((socket, _)) = &socket {
            socket.set_write_timeout(Some(Duration::from_secs(1)))?;
        }
        Ok(Service {
            watchdog: watchdog.filter(|_| socket.is_some()).map(Duration::from_micros),
            socket,
            alive: None,
            status: String::new(),
        })
    }

    /// Whether anybody listens.
    pub fn is_managed(&self) -> bool {
        self.socket.is_some()
    }

    /// Every source was begun with and every port is open; also the end of a reload.
    ///
    /// # Errors
    /// If the manager cannot be told.
    pub fn ready(&mut self, status: &str) -> io::Result<()> {
        self.status = one_line(status);
        self.send(&format!("READY=1\nSTATUS={}\n", self.status))
    }

    /// The configuration is read anew; `ready` ends that.
    ///
    /// # Errors
    /// If the manager cannot be told.
    pub fn reloading(&mut self) -> io::Result<()> {
        // since version 253 a reload needs the time at which it began (Type=notify-reload)
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC)?;
        let micros = i128::from(now.tv_sec()) * 1_000_000 + i128::from(now.tv_nsec()) / 1000;
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={micros}\n"))
    }

    /// The end began; `extend` more may be needed for it than the manager would wait.
    ///
    /// # Errors
    /// If the manager cannot be told.
    pub fn stopping(&mut self, extend: Duration) -> io::Result<()> {
        self.send(&format!("STOPPING=1\nEXTEND_TIMEOUT_USEC={}\n", extend.as_micros()))
    }

    /// A line for `systemctl status`; told only if it is another one than before.
    ///
    /// # Errors
    /// If the manager cannot be told.
    pub fn status(&mut self, status: &str) -> io::Result<()> {
        let status = one_line(status);
        if status == self.status {
            return Ok(());
        }
        self.status = status;
        self.send(&format!("STATUS={}\n", self.status))
    }

    /// How often `alive` has to be called: half of what the manager allows. None: it does not watch.
    pub fn alive_every(&self) -> Option<Duration> {
        self.watchdog.map(|allowed| allowed / 2)
    }

    /// Everything works at this moment: records are kept and told. May be called as often as one likes; the manager is told
    /// four times in the time that it allows.
    ///
    /// # Errors
    /// If the manager cannot be told.
    pub fn alive(&mut self, now: Instant) -> io::Result<()> {
        let Some(allowed) = self.watchdog else {
            return Ok(());
        };
        let told = |at: Instant| now.saturating_duration_since(at) < allowed / 4;
        if self.alive.is_some_and(told) {
            return Ok(());
        }
        self.alive = Some(now);
        self.send("WATCHDOG=1\n")
    }

    fn send(&self, message: &str) -> io::Result<()> {
        match &self.socket {
            Some((socket, address)) => socket.send_to_addr(message.as_bytes(), address).map(|_| ()),
            None => Ok(()),
        }
    }
}

/// A path, or a name in the abstract namespace behind `@`.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(Path::new(name)),
        [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "NOTIFY_SOCKET is neither a path nor a name behind @",
        )),
    }
}

/// No text can add a line of its own to the message.
fn one_line(text: &str) -> String {
    let mut line = tunlog_model::text::visible(text).into_owned();
    if line.len() > STATUS_BYTES_MAX {
        line.truncate(line.floor_char_boundary(STATUS_BYTES_MAX));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Manager(UnixDatagram);

    impl Manager {
        fn new(name: &str) -> (Manager, OsString) {
            let name = format!("tunlog-service-{}-{name}", std::process::id());
            let address = SocketAddr::from_abstract_name(&name).expect("a name");
            let socket = UnixDatagram::bind_addr(&address).expect("a socket");
            socket.set_nonblocking(true).expect("a socket");
            (Manager(socket), format!("@{name}").into())
        }

        /// What it was told; a datagram is there as soon as it was sent.
        fn heard(&self) -> Vec<String> {
            let mut bytes = [0; 4096];
            std::iter::from_fn(|| {
                let count = self.0.recv(&mut bytes).ok()?;
                Some(String::from_utf8_lossy(&bytes[..count]).into_owned())
            })
            .collect()
        }
    }

    #[test]
    fn the_manager_hears_how_it_goes() {
        let (manager, name) = Manager::new("all");
        let mut service = Service::of(Some(name), None, None, 1).expect("a socket");
        assert!(service.is_managed());
        service.ready("3 sources").expect("told");
        service.status("3 sources").expect("told");
        service.status("a\nREADY=0\u{202e}").expect("told");
        service.stopping(Duration::from_secs(90)).expect("told");
        assert_eq!(
            manager.heard(),
            [
                "READY=1\nSTATUS=3 sources\n",
                "STATUS=a\\x0aREADY=0\\u{202e}\n",
                "STOPPING=1\nEXTEND_TIMEOUT_USEC=90000000\n"
            ]
        );
        service.reloading().expect("told");
        let reload = manager.heard().concat();
        let micros = reload.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect(&reload);
        assert!(micros.trim_end().parse::<u64>().is_ok_and(|micros| micros > 0));
    }

    #[test]
    fn signs_of_life_come_often_enough_and_not_too_often() {
        let (manager, name) = Manager::new("alive");
        let watchdog = Some("30000000".into());
        let mut service = Service::of(Some(name), watchdog, Some("7".into()), 7).expect("a socket");
        assert_eq!(service.alive_every(), Some(Duration::from_secs(15)));
        let start = Instant::now();
        for second in 0..30 {
            service.alive(start + Duration::from_secs(second)).expect("told");
        }
        assert_eq!(manager.heard(), vec!["WATCHDOG=1\n"; 4]);
    }

    #[test]
    fn who_is_not_watched_says_nothing() {
        let (manager, name) = Manager::new("other");
        // the watchdog is for another process
        let mut service = Service::of(Some(name), Some("1000000".into()), Some("8".into()), 7).expect("a socket");
        assert_eq!(service.alive_every(), None);
        service.alive(Instant::now()).expect("nothing to tell");
        assert_eq!(manager.heard(), Vec::<String>::new());
        let mut alone = Service::of(None, Some("1000000".into()), None, 7).expect("nothing to open");
        assert!(!alone.is_managed());
        assert_eq!(alone.alive_every(), None);
        alone.ready("alone").expect("nobody to tell");
        assert!(Service::of(Some("nonsense".into()), None, None, 7).is_err());
    }
}
