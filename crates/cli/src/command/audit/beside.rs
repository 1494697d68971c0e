//! What is asked of an audit besides its files: packages, advisories, accounts, exceptions.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use tunlog_audit::exceptions::Exceptions;
use tunlog_audit::logs::{Account, Beside, LogFile, accounts};
use tunlog_audit::versions::{Advisories, packages};
use tunlog_audit::{Check, exceptions};
use tunlog_ingest::{Discovered, SourceKind};

use crate::args::BesideArgs;
use crate::config::folders;
use crate::output::{Failure, cause};

/// The most bytes of a file of these kinds: a package list of a large machine has some ten million.
const BYTES_MAX: u64 = 64 << 20;

/// Where dpkg keeps what is installed.
const DPKG_STATUS: &str = "/var/lib/dpkg/status";

/// Where logs lie whose rights are those of the gateway: a copy's say nothing.
const LOG_FOLDER: &str = "/var/log";

/// A text file, or standard input.
fn read(path: &Path) -> Result<String, Failure> {
    let failure = |words: String| Failure::Message(format!("{}: {words}", path.display()));
    let unreadable = |error: std::io::Error| failure(format!("cannot read: {}", cause(&error)));
    let mut bytes = Vec::new();
    match path == Path::new("-") {
        true => std::io::stdin().lock().take(BYTES_MAX + 1).read_to_end(&mut bytes),
        false => std::fs::File::open(path).and_then(|file| file.take(BYTES_MAX + 1).read_to_end(&mut bytes)),
    }
    .map_err(unreadable)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(failure("is too large for what it should be".to_owned()));
    }
    // a name in another encoding costs no more than itself
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

impl BesideArgs {
    /// What belongs to the logs. `machine`: no PATH was given, this machine is meant. `known`: accounts that the configuration has.
    ///
    /// # Errors
    /// If a file that was named cannot be read or is not what it should be.
    pub fn gather(&self, machine: bool, known: Vec<Account>, found: &Discovered) -> Result<Beside, Failure> {
        let advisories = match &self.advisories {
            Some(path) => Advisories::parse(&read(path)?)
                .map_err(|problem| Failure::Message(format!("{}: {problem}", path.display())))?,
            None => Advisories::built_in(),
        };
        Ok(Beside {
            advisories,
            packages: self.packages(machine)?,
            accounts: match &self.accounts {
                Some(path) => accounts(&path.display().to_string(), &read(path)?),
                None => known,
            },
            log_files: log_files(found),
        })
    }

    fn packages(&self, machine: bool) -> Result<Option<(String, Vec<tunlog_audit::versions::Package>)>, Failure> {
        let own = || (machine && Path::new(DPKG_STATUS).is_file()).then(|| PathBuf::from(DPKG_STATUS));
        let Some(path) = self.dpkg_status.clone().or_else(own) else {
            return Ok(None);
        };
        let text = read(&path)?;
        let found = packages(&text);
        let looks_like_one = text.lines().take(1000).any(|line| {
            line.starts_with("Package: ")
                || line.starts_with("ii ")
                || line.split_once('\t').is_some_and(|(name, _)| !name.is_empty())
        });
        if found.is_empty() && !looks_like_one {
            return Err(Failure::Message(format!(
                "{}: no list of packages: give /var/lib/dpkg/status, or what `dpkg -l` or `dpkg-query -W` prints",
                path.display()
            )));
        }
        Ok(Some((path.display().to_string(), found)))
    }

    /// The exceptions, and what is wrong with some of them. Files that were named must be there, the usual ones need not.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn read_exceptions(&self) -> Result<(Exceptions, Vec<String>), Failure> {
        let mut all = Exceptions::default();
        let mut problems = Vec::new();
        let usual = || {
            folders()
                .map(|folder| folder.join("exceptions.toml"))
                .filter(|path| path.is_file())
        };
        let paths: Vec<PathBuf> = match self.exceptions.is_empty() {
            true => usual().collect(),
            false => self.exceptions.clone(),
        };
        for path in paths {
            problems.extend(all.read(&path.display().to_string(), &read(&path)?));
        }
        Ok((all, problems))
    }

    /// What accepts the checks that were named; None if none of them was found.
    ///
    /// # Errors
    /// If there is no such check at all.
    pub fn proposal(&self, checks: &[Check], now: i64) -> Result<Option<String>, Failure> {
        if let Some(unknown) = self.accept.iter().find(|id| tunlog_audit::rule(id).is_none()) {
            return Err(Failure::Message(format!(
                "--accept: there is no check `{unknown}`: `tunlog audit` prints their names"
            )));
        }
        let chosen: Vec<&Check> = checks
            .iter()
            .filter(|check| check.excepted.is_none() && self.accept.iter().any(|id| id == check.id))
            .collect();
        Ok((!chosen.is_empty()).then(|| exceptions::proposal(&chosen, now)))
    }
}

/// Plain files below /var/log, with their rights.
fn log_files(found: &Discovered) -> Vec<LogFile> {
    let paths = found.specs.iter().filter_map(|spec| match &spec.kind {
        SourceKind::File(path) => Some(path),
        _ => None,
    });
    paths.filter_map(|path| log_file(path)).collect()
}

#[cfg(unix)]
fn log_file(path: &Path) -> Option<LogFile> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = path.canonicalize().ok().filter(|path| path.starts_with(LOG_FOLDER))?;
    let mode = path
        .metadata()
        .ok()
        .filter(|found| found.is_file())?
        .permissions()
        .mode();
    Some(LogFile {
        path: path.display().to_string(),
        mode,
    })
}

#[cfg(not(unix))]
fn log_file(_: &Path) -> Option<LogFile> {
    None
}
