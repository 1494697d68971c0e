//! The keys of a store. Each epoch has a key of its own: the old one signs the new one into the log and is erased, so that
//! whoever takes the machine over cannot sign for the past.

use std::path::{Path, PathBuf};

use tunlog_seal::{SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use crate::error::{Result, StoreError};
use crate::files::{self, Storage};

/// Where the keys of a store lie.
#[derive(Clone, Debug)]
pub struct KeyFiles {
    folder: PathBuf,
}

impl KeyFiles {
    /// Those of the store in this directory.
    pub fn of(store: &Path) -> KeyFiles {
        KeyFiles {
            folder: store.join("seal"),
        }
    }

    fn current(&self) -> PathBuf {
        self.folder.join("key")
    }

    fn next(&self) -> PathBuf {
        self.folder.join("key.next")
    }

    /// The public key of the first epoch, which everything hangs on.
    pub fn first(&self) -> PathBuf {
        self.folder.join("first-key")
    }

    /// Makes the first key.
    ///
    /// # Errors
    /// The system's.
    pub fn create(&self, storage: &dyn Storage, origin: &str) -> Result<SigningKey> {
        let key = self.random(origin)?;
        put_secret(storage, &self.current(), &key)?;
        files::put(
            storage,
            &self.first(),
            format!("{}\n", key.verifying().text()).as_bytes(),
        )?;
        Ok(key)
    }

    /// The key that signs now. A change of keys that was interrupted is finished or undone: `signed` is the key that the last
    /// note gave the right to.
    ///
    /// # Errors
    /// If it cannot be read, or it is another one.
    pub fn load(&self, storage: &dyn Storage, signed: &VerifyingKey) -> Result<SigningKey> {
        let next = self.next();
        if next.exists() {
            match self.read(&next) {
                Ok(key) if key.verifying() == *signed => self.take_over(storage)?,
                _ => storage.remove(&next).map_err(|error| StoreError::io(&next, &error))?,
            }
        }
        let key = self.read(&self.current())?;
        match key.verifying() == *signed {
            true => Ok(key),
            false => Err(StoreError::corrupt(
                &self.current(),
                "not the key that the last checkpoint names: nothing can be sealed with it",
            )),
        }
    }

    fn read(&self, path: &Path) -> Result<SigningKey> {
        let bytes = Zeroizing::new(files::read_at_most(path, files::NOTE_MAX)?);
        let text = std::str::from_utf8(&bytes).map_err(|_| StoreError::corrupt(path, "is no key"))?;
        SigningKey::parse(text).map_err(|error| StoreError::corrupt(path, error.words()))
    }

    fn random(&self, origin: &str) -> Result<SigningKey> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice())
            .map_err(|error| StoreError::corrupt(&self.folder, format!("no random numbers: {error}")))?;
        SigningKey::from_seed(origin, &seed)
            .map_err(|error| StoreError::corrupt(&self.folder, format!("the origin `{origin}` {}", error.words())))
    }

    /// Makes the key of the next epoch; it signs nothing before `take_over`.
    ///
    /// # Errors
    /// The system's.
    pub fn prepare_next(&self, storage: &dyn Storage, origin: &str) -> Result<SigningKey> {
        let key = self.random(origin)?;
        put_secret(storage, &self.next(), &key)?;
        Ok(key)
    }

    /// The next key becomes the key; the bytes of the old one are overwritten first.
    ///
    /// # Errors
    /// The system's.
    pub fn take_over(&self, storage: &dyn Storage) -> Result<()> {
        let (current, next) = (self.current(), self.next());
        let length = std::fs::metadata(&current).map_or(0, |data| data.len());
        let blank = vec![0; usize::try_from(length).unwrap_or_default().min(4096)];
        storage
            .write(&current, &blank)
            .and_then(|()| storage.sync(&current))
            .and_then(|()| storage.rename(&next, &current))
            .and_then(|()| storage.sync_folder(&self.folder))
            .map_err(|error| StoreError::io(&current, &error))
    }
}

/// Writes a secret that only its owner may read.
fn put_secret(storage: &dyn Storage, path: &Path, key: &SigningKey) -> Result<()> {
    let failed = |error: std::io::Error| StoreError::io(path, &error);
    // made with its rights before anything is in it
    create_private(path).map_err(failed)?;
    let text = Zeroizing::new(format!("{}\n", *key.secret_text()));
    storage
        .write(path, text.as_bytes())
        .and_then(|()| storage.sync(path))
        .and_then(|()| storage.sync_folder(path.parent().unwrap_or(Path::new("."))))
        .map_err(failed)
}

#[cfg(unix)]
fn create_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::File::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path).map(drop)
}

#[cfg(not(unix))]
fn create_private(path: &Path) -> std::io::Result<()> {
    std::fs::File::create(path).map(drop)
}
