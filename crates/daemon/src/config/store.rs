//! `[store]`: where records are kept, how they are sealed, and what happens when there is no room.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tunlog_store::{FullPolicy, Options};

use crate::reach::Trust;

/// `[store]`: where records are kept, how they are sealed, and what happens when there is no room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// The directory; made if it is not there. Without it: what the service manager gave (`STATE_DIRECTORY`), else
    /// /var/lib/tunlog for root, and ~/.local/state/tunlog/store for others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
    /// Whose log it is, as every checkpoint says; asked for when the store is made. Without it: HOST/tunlog.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// When the disk is full: "block" waits for room, and the sources keep what they have; "drop-oldest-unsealed" gives up the
    /// oldest records that are not sealed yet, and counts them; "stop" ends with an error.
    pub full: Full,
    /// Bytes of records that make a segment.
    pub segment_bytes: u64,
    /// Seconds after which a segment is sealed although it is not full.
    pub segment_age_s: u64,
    /// Seconds after which the signing key changes.
    pub key_age_s: u64,
    /// Checkpoints after which the signing key changes.
    pub key_checkpoints: u64,
    /// Keep passwords, challenges and responses that stand in the logs.
    pub keep_secrets: bool,
    /// Keep log-ins to other services (SSH, mail) that stand in logs of their own, for `detect` to compare.
    pub services: bool,
    /// Who is shown every checkpoint: files on a medium or machine that this one cannot rewrite, or log servers
    /// (`tls://HOST:PORT`, `tcp://HOST:PORT`, `udp://HOST:PORT`, `unix:PATH`).
    pub witness: Vec<PathBuf>,
    /// PEM file with the authorities whose certificates log servers at `tls://` must show. Without it: the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witness_ca: Option<PathBuf>,
    /// PEM file with the certificate that is shown to log servers which ask for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witness_certificate: Option<PathBuf>,
    /// PEM file with the key of that certificate; nobody but the daemon should be able to read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witness_key: Option<PathBuf>,
    /// How long what is kept. What goes is said in a signed checkpoint first. Without a key, that kind is kept for ever.
    pub retention: Retention,
}

/// How long what is kept. What goes is said in a signed checkpoint first. Without a key, that kind is kept for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Retention {
    /// How long records are kept: "90d", "12 months", "2y". Segments go as a whole, when all of their records are older.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<String>,
    /// How large the segments may be together: "500M", "20G". Beyond it the oldest go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_size: Option<String>,
    /// How long attempts and sessions stay in the history, which may be longer than their records: "3y".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_attempts: Option<String>,
    /// How long findings stay in the history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_findings: Option<String>,
}

/// What a full disk means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Full {
    /// Wait for room.
    #[default]
    Block,
    /// Give up the oldest records that are not sealed, and count them as lost.
    DropOldestUnsealed,
    /// End with an error.
    Stop,
}

impl Full {
    /// The store's word for it.
    pub fn policy(self) -> FullPolicy {
        match self {
            Full::Block => FullPolicy::Block,
            Full::DropOldestUnsealed => FullPolicy::DropOldestUnsealed,
            Full::Stop => FullPolicy::Stop,
        }
    }
}

const SECOND: i64 = 1_000_000;

impl Default for Config {
    fn default() -> Config {
        let options = Options::default();
        let seconds = |micros: i64| u64::try_from(micros / SECOND).unwrap_or_default();
        Config {
            dir: None,
            origin: None,
            full: Full::default(),
            segment_bytes: options.segment_bytes,
            segment_age_s: seconds(options.segment_age),
            key_age_s: seconds(options.epoch_age),
            key_checkpoints: options.epoch_checkpoints,
            keep_secrets: false,
            services: true,
            witness: Vec::new(),
            witness_ca: None,
            witness_certificate: None,
            witness_key: None,
            retention: Retention::default(),
        }
    }
}

/// Smaller segments would be more index than records.
const SEGMENT_BYTES_MIN: u64 = 64 << 10;
/// A segment is made in memory.
const SEGMENT_BYTES_MAX: u64 = 64 << 20;
/// A week: what is not sealed can be changed.
const AGE_S_MAX: u64 = 7 * 86_400;

impl Config {
    /// Whose log it is: what is said, or this machine's.
    pub fn origin_or_host(&self) -> String {
        let host = || {
            let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
            let name = name
                .unwrap_or_default()
                .replace(|c: char| c.is_whitespace() || c == '+', "");
            format!("{}/tunlog", if name.is_empty() { "localhost" } else { &name })
        };
        self.origin.clone().unwrap_or_else(host)
    }

    /// What the store is opened with.
    pub fn options(&self) -> Options {
        let micros = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(SECOND);
        Options {
            segment_bytes: self.segment_bytes,
            segment_age: micros(self.segment_age_s),
            epoch_age: micros(self.key_age_s),
            epoch_checkpoints: self.key_checkpoints,
        }
    }

    /// Whom log servers at `tls://` have to be, and who we are to them.
    pub fn trust(&self) -> Trust {
        Trust {
            ca: self.witness_ca.clone(),
            own: self.witness_certificate.clone().zip(self.witness_key.clone()),
        }
    }

    /// Where the store lies: what is configured, else what the service manager gave, else root's or the user's usual place.
    /// `variable` asks for one of the environment.
    ///
    /// # Errors
    /// If nobody says where, and this user has no home.
    pub fn place(&self, variable: &dyn Fn(&str) -> Option<std::ffi::OsString>) -> Result<PathBuf, String> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        if let Some(dir) = &self.dir {
            return Ok(dir.clone());
        }
        // several are separated by colons: the first is ours
        let given = set("STATE_DIRECTORY").and_then(|given| Some(given.to_str()?.split(':').next()?.to_owned()));
        if let Some(given) = given {
            return Ok(PathBuf::from(given));
        }
        if nix::unistd::geteuid().is_root() {
            return Ok(PathBuf::from("/var/lib/tunlog"));
        }
        let home = || Some(PathBuf::from(set("HOME")?).join(".local/state"));
        let state = set("XDG_STATE_HOME").map(PathBuf::from).or_else(home);
        state
            .map(|state| state.join("tunlog/store"))
            .ok_or_else(|| "nobody says where the store lies, and there is no HOME: name it with --store".to_owned())
    }

    /// Judges the values.
    ///
    /// # Errors
    /// The key that is wrong, and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if !(SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&self.segment_bytes) {
            let words = format!("must be {SEGMENT_BYTES_MIN} to {SEGMENT_BYTES_MAX}");
            return Err(("segment-bytes", words));
        }
        for (key, value) in [("segment-age-s", self.segment_age_s), ("key-age-s", self.key_age_s)] {
            if !(1..=AGE_S_MAX).contains(&value) {
                return Err((key, format!("must be 1 to {AGE_S_MAX} seconds")));
            }
        }
        match (&self.witness_certificate, &self.witness_key) {
            (Some(_), None) => return Err(("witness-key", "a certificate needs its key".to_owned())),
            (None, Some(_)) => return Err(("witness-certificate", "a key needs its certificate".to_owned())),
            _ => {}
        }
        if self.key_checkpoints == 0 {
            return Err(("key-checkpoints", "must be 1 or more".to_owned()));
        }
        self.retention.check()?;
        match &self.origin {
            Some(origin)
                if origin.is_empty() || origin.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+') =>
            {
                Err(("origin", "must be a name without blanks and `+`".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_what_the_store_does_by_itself() {
        assert_eq!(Config::default().options(), Options::default());
        assert_eq!(Config::default().check(), Ok(()));
    }

    #[test]
    fn the_place_is_what_is_said_or_what_the_manager_gave() {
        let given = |name: &str| (name == "STATE_DIRECTORY").then(|| "/var/lib/tunlog:/var/lib/other".into());
        let mut config = Config::default();
        assert_eq!(config.place(&given), Ok(PathBuf::from("/var/lib/tunlog")));
        config.dir = Some(PathBuf::from("here"));
        assert_eq!(config.place(&given), Ok(PathBuf::from("here")));
    }

    #[test]
    fn values_out_of_bounds_are_named() {
        let wrong = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.check().expect_err("a mistake").0
        };
        assert_eq!(wrong(|config| config.segment_bytes = 1), "segment-bytes");
        assert_eq!(wrong(|config| config.segment_age_s = 0), "segment-age-s");
        assert_eq!(wrong(|config| config.key_age_s = u64::MAX), "key-age-s");
        assert_eq!(wrong(|config| config.key_checkpoints = 0), "key-checkpoints");
        assert_eq!(wrong(|config| config.origin = Some("a b".to_owned())), "origin");
    }
}
