//! What a gateway writes its logs to, found by looking: for who names no source.
//!
//! Debian and Ubuntu write `syslog` and `auth.log`, RHEL `messages` and `secure`, Alpine `messages`, OpenWrt what its
//! `/etc/config/system` names; daemons that write files of their own have their usual places. A journal is followed where no
//! syslog daemon writes files that are alive.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tunlog_ingest::repeats;

/// Main logs of syslog daemons: what stands in one usually stands in no other.
const MAIN: &[&str] = &["/var/log/syslog", "/var/log/messages"];

/// Logs beside them.
const BESIDE: &[&str] = &[
    "/var/log/daemon.log",
    "/var/log/auth.log",
    "/var/log/secure",
    "/var/log/ppp.log",
    "/var/log/pptpd.log",
    "/var/log/xl2tpd.log",
    "/var/log/charon.log",
    "/var/log/pluto.log",
    "/var/log/accel-ppp/accel-ppp.log",
    "/var/log/freeradius/radius.log",
    "/var/log/radius/radius.log",
    "/var/log/kern.log",
    "/var/log/ufw.log",
];

/// Logs of other services that let people in, for `detect` to compare.
const SERVICES: &[&str] = &["/var/log/mail.log", "/var/log/maillog", "/var/log/dovecot.log"];

/// Folders of FreeRADIUS' detail files.
const DETAIL: &[&str] = &[
    "/var/log/freeradius/radacct",
    "/var/log/radius/radacct",
    "/var/log/radacct",
];

/// Where journald keeps its files, on disk or in memory.
const JOURNALS: &[&str] = &["/var/log/journal", "/run/log/journal"];

/// A syslog file that nobody wrote to for this long is a leftover where there is a journal.
const ALIVE: Duration = Duration::from_secs(24 * 3600);
/// The most bytes of a configuration file.
const BYTES_MAX: u64 = 1 << 20;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Files to follow.
    pub follow: Vec<String>,
    /// Follow the journal.
    pub journal: bool,
    /// Folders of FreeRADIUS' detail files.
    pub detail: Vec<String>,
    /// What was looked at and is not followed, with the reason.
    pub not: Vec<(String, String)>,
}

impl Found {
    /// Whether there is nothing to follow.
    pub fn is_empty(&self) -> bool {
        self.follow.is_empty() && !self.journal && self.detail.is_empty()
    }
}

/// Why a usual place is not followed.
pub const NOT_THERE: &str = "is not there";

/// Looks at this machine. `services`: also at the logs of other services.
pub fn find(services: bool) -> Found {
    find_in(Path::new("/"), services, SystemTime::now())
}

fn find_in(root: &Path, services: bool, now: SystemTime) -> Found {
    let mut found = Found::default();
    let journal = journal(root);
    let named = openwrt_log(root);
    let mut main: Option<PathBuf> = None;
    let mut is_alive = false;
    for path in MAIN.iter().map(|path| (*path).to_owned()).chain(named) {
        let real = inside(root, &path);
        let Some(age) = looked(&mut found, &path, &real, now) else {
            continue;
        };
        if let Some(main) = &main
            && repeats(&real, main)
        {
            let why = format!("its lines stand in {} as well", shown(root, main));
            found.not.push((path, why));
            continue;
        }
        is_alive |= age.is_some_and(|age| age < ALIVE);
        main.get_or_insert(real);
        found.follow.push(path);
    }
    let services = SERVICES.iter().filter(|_| services);
    for path in BESIDE.iter().chain(services) {
        let real = inside(root, path);
        if looked(&mut found, path, &real, now).is_none() {
            continue;
        }
        match &main {
            Some(main) if repeats(&real, main) => {
                let why = format!("its lines stand in {} as well", shown(root, main));
                found.not.push(((*path).to_owned(), why));
            }
            _ => found.follow.push((*path).to_owned()),
        }
    }
    for path in DETAIL {
        match fs::read_dir(inside(root, path)) {
            Ok(_) => found.detail.push((*path).to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => found.not.push(((*path).to_owned(), unreadable(&error))),
        }
    }
    match journal {
        Ok(()) if is_alive => {
            let why = "syslog's files hold the same: [follow] journal = true follows it as well";
            found.not.push(("the journal".to_owned(), why.to_owned()));
        }
        Ok(()) => found.journal = true,
        Err(why) => found.not.push(("the journal".to_owned(), why.to_owned())),
    }
    found
}

/// Whether a file is a log that may be followed, and how long ago it was written to. One that cannot be read is followed all
/// the same: it is tried again, and shown until then.
fn looked(found: &mut Found, path: &str, real: &Path, now: SystemTime) -> Option<Option<Duration>> {
    let not = |found: &mut Found, why: String| found.not.push((path.to_owned(), why));
    let data = match fs::metadata(real) {
        Ok(data) => data,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            not(found, NOT_THERE.to_owned());
            return None;
        }
        Err(error) => {
            not(found, unreadable(&error));
            return None;
        }
    };
    if !data.is_file() {
        not(found, "is no file".to_owned());
        return None;
    }
    if let Err(error) = fs::File::open(real) {
        not(found, format!("{}; it is tried again", unreadable(&error)));
    }
    let modified = data.modified().ok();
    Some(modified.map(|time| now.duration_since(time).unwrap_or_default()))
}

fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "may not be read by this user: logs are usually read by the group `adm` or `systemd-journal`".to_owned()
        }
        _ => format!("cannot be read: {error}"),
    }
}

fn journal(root: &Path) -> Result<(), &'static str> {
    if !JOURNALS.iter().any(|path| inside(root, path).is_dir()) {
        return Err("there is none");
    }
    let places = ["/usr/bin/journalctl", "/bin/journalctl"];
    match places.iter().any(|path| inside(root, path).is_file()) {
        true => Ok(()),
        false => Err("there is no journalctl to read it with"),
    }
}

/// OpenWrt's logd writes to memory, and to a file where `option log_file` names one (/etc/config/system).
fn openwrt_log(root: &Path) -> Option<String> {
    use std::io::Read as _;
    let mut text = String::new();
    let file = fs::File::open(inside(root, "/etc/config/system")).ok()?;
    file.take(BYTES_MAX).read_to_string(&mut text).ok()?;
    let value = text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("option") && words.next() == Some("log_file")).then(|| words.next())?
    })?;
    let path = value.trim_matches(['\'', '"']);
    (path.starts_with('/') && !MAIN.contains(&path)).then(|| path.to_owned())
}

fn inside(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

fn shown(root: &Path, path: &Path) -> String {
    let inner = path.strip_prefix(root).unwrap_or(path);
    format!("/{}", inner.display())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A machine made of files.
    struct Machine(PathBuf);

    impl Machine {
        fn new(files: &[(&str, &str)]) -> Machine {
            static NUMBER: AtomicU32 = AtomicU32::new(0);
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let root = std::env::temp_dir().join(format!("tunlog-machine-{}-{number}", std::process::id()));
            for (path, text) in files {
                let path = inside(&root, path);
                fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
                fs::write(path, text).expect("a file");
            }
            Machine(root)
        }

        fn find(&self) -> Found {
            find_in(&self.0, false, SystemTime::now())
        }

        fn why_not(&self, path: &str) -> String {
            let not = self.find().not;
            let found = not.into_iter().find(|(known, _)| known == path);
            found.unwrap_or_else(|| panic!("{path} is followed")).1
        }
    }

    impl Drop for Machine {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    const PPPD: &str = "Nov 20 10:00:00 vpn1 pppd[1]: Connect: ppp0 <--> /dev/pts/1\n";
    const SSHD: &str = "Nov 20 10:00:01 vpn1 sshd[2]: Accepted password for anna\n";
    const JOURNAL: &[(&str, &str)] = &[("/var/log/journal/m/system.journal", "x"), ("/usr/bin/journalctl", "x")];

    #[test]
    fn debian_writes_some_lines_twice() {
        let both = format!("{PPPD}{SSHD}");
        let machine = Machine::new(&[
            ("/var/log/syslog", PPPD),
            ("/var/log/daemon.log", PPPD),
            ("/var/log/auth.log", SSHD),
            ("/var/log/freeradius/radius.log", ""),
            ("/var/log/freeradius/radacct/192.0.2.1/detail-20261120", ""),
        ]);
        let found = machine.find();
        assert_eq!(
            found.follow,
            ["/var/log/syslog", "/var/log/auth.log", "/var/log/freeradius/radius.log"]
        );
        assert_eq!(found.detail, ["/var/log/freeradius/radacct"]);
        assert!(
            machine
                .why_not("/var/log/daemon.log")
                .contains("/var/log/syslog as well")
        );
        assert_eq!(machine.why_not("/var/log/messages"), "is not there");
        assert_eq!(machine.why_not("the journal"), "there is none");
        // auth.log, too, where syslog takes everything
        let machine = Machine::new(&[("/var/log/syslog", &both), ("/var/log/auth.log", SSHD)]);
        assert_eq!(machine.find().follow, ["/var/log/syslog"]);
    }

    #[test]
    fn the_journal_is_followed_where_no_file_is_alive() {
        let machine = Machine::new(JOURNAL);
        assert!(machine.find().journal);
        let files = [JOURNAL, &[("/var/log/messages", PPPD), ("/var/log/secure", SSHD)]].concat();
        let machine = Machine::new(&files);
        let found = machine.find();
        assert_eq!(found.follow, ["/var/log/messages", "/var/log/secure"]);
        assert!(!found.journal, "the same lines");
        let later = SystemTime::now() + Duration::from_secs(3 * 86_400);
        assert!(find_in(&machine.0, false, later).journal, "left over");
        let machine = Machine::new(&JOURNAL[..1]);
        assert!(machine.why_not("the journal").contains("no journalctl"));
    }

    #[test]
    fn openwrt_names_its_file() {
        let system =
            "config system\n\toption hostname 'gw'\n\toption log_file '/mnt/log/messages'\n\toption log_size '64'\n";
        let machine = Machine::new(&[("/etc/config/system", system), ("/mnt/log/messages", PPPD)]);
        assert_eq!(machine.find().follow, ["/mnt/log/messages"]);
        let machine = Machine::new(&[("/etc/config/system", "config system\n\toption log_size '64'\n")]);
        let found = machine.find();
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn services_are_followed_where_they_are_wanted() {
        let machine = Machine::new(&[("/var/log/syslog", PPPD), ("/var/log/mail.log", SSHD)]);
        assert_eq!(machine.find().follow, ["/var/log/syslog"]);
        let found = find_in(&machine.0, true, SystemTime::now());
        assert_eq!(found.follow, ["/var/log/syslog", "/var/log/mail.log"]);
    }
}
