//! Secrets that are made at random and kept in files of their own, for their owner alone.

use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use ring::rand::{SecureRandom as _, SystemRandom};

/// Bytes of a secret that is made here; twice as many digits.
const MADE_BYTES: usize = 32;
/// Characters that a secret must have at least: a shorter one can be guessed.
const CHARS_MIN: usize = 16;
/// Bytes of a file that are read.
const FILE_MAX: u64 = 4096;

/// Whether a file with a secret is one that only its owner reads: what is to be told about it, behind its name, if it is not. That a service's group
/// reads what root keeps for it is usual.
///
/// # Errors
/// If everybody can read or change it: then it is no secret, and why, and what helps.
pub fn judge(path: &Path, data: &Metadata) -> Result<Option<String>, String> {
    if !data.is_file() {
        return Ok(None); // no file that keeps one
    }
    let mode = data.mode() & 0o777;
    let file = path.display();
    if mode & 0o006 != 0 {
        return Err(format!(
            "everybody on this machine can read or change it (mode {mode:04o}), so it is no secret: chmod 600 {file}"
        ));
    }
    let is_kept_for_us = data.uid() == 0 && data.gid() == nix::unistd::getegid().as_raw() && mode & 0o020 == 0;
    let is_loose = mode & 0o060 != 0 && !is_kept_for_us;
    Ok(is_loose.then(|| format!("its group can read or change it (mode {mode:04o}): chmod 600 {file}")))
}

/// The same of a file that another part of the program reads.
///
/// # Errors
/// As `judge`; a file that is not there is for its reader to tell.
pub fn judge_file(path: &Path) -> Result<Option<String>, String> {
    fs::metadata(path).map_or(Ok(None), |data| judge(path, &data))
}

/// The secret in this file, its first line; made at random if there is no such file.
///
/// # Errors
/// If it cannot be read or written, or is too short to be one.
pub fn load_or_make(path: &Path) -> Result<String, String> {
    let failed = |what: &str, error: &io::Error| format!("{}: {what}: {error}", path.display());
    match fs::File::open(path) {
        Ok(file) => read(path, file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let secret = random()?;
            match write(path, &secret) {
                Ok(()) => Ok(secret),
                // somebody else made it meanwhile
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    let file = fs::File::open(path).map_err(|error| failed("cannot read", &error))?;
                    read(path, file)
                }
                Err(error) => Err(failed("cannot write", &error)),
            }
        }
        Err(error) => Err(failed("cannot read", &error)),
    }
}

fn read(path: &Path, file: fs::File) -> Result<String, String> {
    let data = file
        .metadata()
        .map_err(|error| format!("{}: cannot read: {error}", path.display()))?;
    judge(path, &data).map_err(|why| format!("{}: {why}", path.display()))?;
    let mut text = String::new();
    file.take(FILE_MAX)
        .read_to_string(&mut text)
        .map_err(|error| format!("{}: cannot read: {error}", path.display()))?;
    let secret = text.lines().next().unwrap_or_default().trim();
    let is_plain = secret.bytes().all(|byte| byte.is_ascii_graphic());
    if secret.len() < CHARS_MIN || !is_plain {
        return Err(format!(
            "{}: the first line must be a secret of {CHARS_MIN} or more letters, digits and signs; remove the file to have one made",
            path.display()
        ));
    }
    Ok(secret.to_owned())
}

/// A secret that nobody keeps.
///
/// # Errors
/// If the system gives no random bytes.
pub fn random() -> Result<String, String> {
    let mut bytes = [0; MADE_BYTES];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| "the system gives no random bytes".to_owned())?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Whole or not at all: a name is given to it only when it is written.
fn write(path: &Path, secret: &str) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.new", std::process::id()));
    let temporary = Path::new(&temporary);
    let _ = fs::remove_file(temporary);
    let written = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(temporary)?;
        file.write_all(secret.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        // a link, unlike a renaming, puts nothing in the place of what is there
        fs::hard_link(temporary, path)
    })();
    let _ = fs::remove_file(temporary);
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn made_once_and_of_its_owner() {
        let folder = std::env::temp_dir().join(format!("tunlog-secret-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("token");
        let first = load_or_make(&path).expect("a secret");
        assert_eq!(first.len(), 2 * MADE_BYTES);
        assert_eq!(load_or_make(&path).expect("the same"), first);
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(
            fs::read_dir(&folder).expect("a folder").count(),
            1,
            "nothing else is left"
        );
        for bad in ["", "short\n", "with a blank in it, long enough\n"] {
            fs::write(&path, bad).expect("written");
            assert!(load_or_make(&path).is_err(), "{bad:?}");
        }
        fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn a_secret_that_everybody_reads_is_none() {
        let path = std::env::temp_dir().join(format!("tunlog-secret-mode-{}", std::process::id()));
        fs::write(&path, "0123456789abcdef0123\n").expect("written");
        let with = |mode: u32| {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
            (judge_file(&path), load_or_make(&path).is_ok())
        };
        let file = path.display();
        for mode in [0o644, 0o604, 0o602, 0o666] {
            let expected = format!(
                "everybody on this machine can read or change it (mode {mode:04o}), so it is no secret: chmod 600 {file}"
            );
            assert_eq!(with(mode), (Err(expected), false));
        }
        for mode in [0o600, 0o400, 0o700, 0o601] {
            assert_eq!(with(mode), (Ok(None), true), "{mode:o}");
        }
        let expected = format!("its group can read or change it (mode 0660): chmod 600 {file}");
        assert_eq!(with(0o660), (Ok(Some(expected)), true));
        fs::remove_file(&path).expect("our own file");
        assert_eq!(judge_file(&path), Ok(None));
    }
}
