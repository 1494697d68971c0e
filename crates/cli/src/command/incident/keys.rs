//! The machine's signing key, and what it remembers of the incidents that it signed.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use tunlog_seal::{Digest, SigningKey, VerifyingKey, Zeroizing, key::is_name};

use crate::output::{Failure, cause, tell};

/// Most bytes of a key file.
const BYTES_MAX: u64 = 4096;

fn failure(path: &Path, words: &str) -> Failure {
    Failure::Message(format!("{}: {words}", path.display()))
}

/// Where this machine keeps what it must remember.
pub fn state_folder() -> PathBuf {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(state) = set("XDG_STATE_HOME") {
        return state.join("tunlog");
    }
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|found| found.uid() == 0);
    match set("HOME").filter(|_| !is_root) {
        Some(home) => home.join(".local/state/tunlog"),
        None => PathBuf::from("/var/lib/tunlog"),
    }
}

/// The key's file, typed or usual.
pub fn key_path(typed: Option<&Path>) -> PathBuf {
    typed.map_or_else(|| state_folder().join("incident.key"), Path::to_owned)
}

/// The name of this machine, as far as a key can bear it.
pub fn host() -> String {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let name = read("/proc/sys/kernel/hostname").or_else(|| read("/etc/hostname"));
    let name = name.unwrap_or_default().trim().to_owned();
    if is_name(&name) { name } else { "localhost".to_owned() }
}

/// Who works here: the name typed, else the user's, at this machine.
pub fn who(typed: Option<&str>) -> String {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = typed
        .map(str::to_owned)
        .or_else(|| set("SUDO_USER"))
        .or_else(|| set("USER"))
        .or_else(|| set("LOGNAME"));
    let user = user.unwrap_or_else(|| {
        let uid = std::fs::metadata("/proc/self").map_or(0, |found| found.uid());
        name_of(uid).unwrap_or_else(|| format!("uid {uid}"))
    });
    format!("{user}@{}", host())
}

/// The user's name, by the machine's own list.
fn name_of(uid: u32) -> Option<String> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let found = fields
        .into_iter()
        .find(|fields| fields.get(2).and_then(|id| id.parse().ok()) == Some(uid))?;
    found.first().map(|name| (*name).to_owned())
}

/// The signing key; made with mode 0600 if it is not there. The flag: it was.
///
/// # Errors
/// If it cannot be read or made, or is none.
pub fn signing_key(typed: Option<&Path>) -> Result<(SigningKey, bool), Failure> {
    let path = key_path(typed);
    match read_key(&path)? {
        Some(key) => Ok((key, false)),
        None => make_key(&path).map(|key| (key, true)),
    }
}

/// The machine's own public key, if it has one.
///
/// # Errors
/// If it is there and cannot be read.
pub fn own_key(typed: Option<&Path>) -> Result<Option<VerifyingKey>, Failure> {
    Ok(read_key(&key_path(typed))?.map(|key| key.verifying()))
}

fn read_key(path: &Path) -> Result<Option<SigningKey>, Failure> {
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failure(path, &format!("cannot read: {}", cause(&error)))),
    };
    if file.metadata().is_ok_and(|found| found.mode() & 0o077 != 0) {
        tell(&format!(
            "{}: others may read this signing key: `chmod 600` it, and ask whether a new one is needed",
            path.display()
        ));
    }
    let mut text = String::new();
    file.take(BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| failure(path, &format!("cannot read: {}", cause(&error))))?;
    let key = SigningKey::parse(&text).map_err(|error| failure(path, error.words()))?;
    Ok(Some(key))
}

fn make_key(path: &Path) -> Result<SigningKey, Failure> {
    let mut seed = Zeroizing::new([0_u8; 32]);
    getrandom::fill(seed.as_mut_slice())
        .map_err(|error| Failure::Message(format!("no random numbers for a key: {error}")))?;
    let key = SigningKey::from_seed(&host(), &seed).map_err(|error| failure(path, error.words()))?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        make_folder(folder)?;
    }
    let mut text = key.secret_text();
    text.push('\n');
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.map_err(|error| {
        failure(
            path,
            &format!(
                "the signing key cannot be made: {}; name another place with --key-file",
                cause(&error)
            ),
        )
    })?;
    Ok(key)
}

/// A folder for us alone, with those above it.
///
/// # Errors
/// If it cannot be made.
pub fn make_folder(folder: &Path) -> Result<(), Failure> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| failure(folder, &format!("cannot make: {}", cause(&error))))
}

/// A count and a hash.
const REMEMBERED_BYTES_MAX: u64 = 256;

/// The last state of an incident that this machine signed: acts, and the hash of the manifest.
pub fn remembered(incident: &str) -> Option<(u64, Digest)> {
    let file = std::fs::File::open(state_folder().join("incidents").join(incident)).ok()?;
    let mut text = String::new();
    file.take(REMEMBERED_BYTES_MAX).read_to_string(&mut text).ok()?;
    let (acts, digest) = text.trim().split_once(' ')?;
    Some((acts.parse().ok()?, digest.parse().ok()?))
}

/// Remembers it. An incident can be worked on where nothing can be remembered, so this fails with a note.
pub fn remember(incident: &str, acts: u64, manifest: Digest) {
    let folder = state_folder().join("incidents");
    let place = folder.join(incident);
    let draft = folder.join(format!("{incident}.part"));
    let written = make_folder(&folder)
        .is_ok()
        .then(|| std::fs::write(&draft, format!("{acts} {manifest}\n")).and_then(|()| std::fs::rename(&draft, &place)));
    if !matches!(written, Some(Ok(()))) {
        tell(&format!(
            "{}: cannot be written: this machine will not know an earlier state of {incident} if somebody puts one back",
            place.display()
        ));
    }
}
