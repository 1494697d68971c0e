//! One process at a time writes to a store.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Write as _};

use crate::error::{Kind, Result, StoreError};
use crate::layout::Layout;

/// Takes the store for this process.
pub(crate) fn lock(layout: &Layout) -> Result<File> {
    let path = layout.lock();
    let failed = |error: std::io::Error| StoreError::io(&path, &error);
    let mut options = File::options();
    let mut file = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut who = String::new();
            // only to say who; the answer is no in any case
            let _ = file.read_to_string(&mut who);
            let digits = who.trim().bytes().all(|byte| byte.is_ascii_digit()) && !who.trim().is_empty();
            let who = if digits {
                format!(" (process {})", who.trim())
            } else {
                String::new()
            };
            let cause = format!("another tunlog{who} writes to this store: one at a time");
            return Err(StoreError::new(Kind::Busy, layout.folder(), cause));
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(failed)?;
    Ok(file)
}
