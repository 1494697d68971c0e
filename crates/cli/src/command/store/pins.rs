//! Keys that this user has seen: `store init` writes the first key of a store down under its path, and `store verify` compares,
//! as ssh does with hosts. Who wants more keeps the key in another place.

use std::path::{Path, PathBuf};

use crate::output::cause;

/// Where they lie.
fn folder() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/state"));
    let state = std::env::var_os("XDG_STATE_HOME")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
        .or(home)?;
    Some(state.join("tunlog").join("store-keys"))
}

/// The file of a store's key.
fn file(store: &Path) -> Option<PathBuf> {
    let whole = std::fs::canonicalize(store).ok()?;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let bytes = whole.as_os_str().as_encoded_bytes();
    let name: String = bytes
        .iter()
        .map(|byte| match plain(byte) {
            true => char::from(*byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect();
    // a longer name is none that a file can have
    (name.len() <= 250).then(|| folder().map(|folder| folder.join(name)))?
}

/// The key that was written down for a store, and where.
pub fn known(store: &Path) -> Option<(String, PathBuf)> {
    let file = file(store)?;
    let text = std::fs::read_to_string(&file).ok()?;
    Some((text.trim().to_owned(), file))
}

/// Writes a store's key down; where.
///
/// # Errors
/// Why it could not be.
pub fn keep(store: &Path, key: &str) -> Result<PathBuf, String> {
    let file = file(store).ok_or("there is no home directory")?;
    let written = std::fs::create_dir_all(file.parent().unwrap_or(Path::new(".")))
        .and_then(|()| std::fs::write(&file, format!("{key}\n")));
    written.map_err(|error| format!("{}: {}", file.display(), cause(&error)))?;
    Ok(file)
}
