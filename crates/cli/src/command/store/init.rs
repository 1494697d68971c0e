//! `tunlog store init`: a store, and the key that everything hangs on.

use std::io::Write;
use std::path::Path;

use tunlog_model::text;
use tunlog_store::{Created, Store};

use super::args::InitArgs;
use super::{now, pins};
use crate::output::{Failure, Output};

/// Makes a store and prints its key.
pub fn run(args: &InitArgs) -> Result<u8, Failure> {
    let (origin, created) = create(&args.dir, args.origin.as_deref())?;
    let mut out = Output::open(None)?;
    tell(&args.dir, &origin, &created, &mut out)?;
    out.finish()?;
    Ok(0)
}

/// Makes a store; its origin, and its key.
///
/// # Errors
/// What the store says.
pub fn create(dir: &Path, origin: Option<&str>) -> Result<(String, Created), Failure> {
    let origin = origin.map_or_else(|| format!("{}/tunlog", host()), str::to_owned);
    let created = Store::create(dir, &origin, now())?;
    Ok((origin, created))
}

/// Says what the key is and what to do with it.
pub fn tell(dir: &Path, origin: &str, created: &Created, out: &mut dyn Write) -> std::io::Result<()> {
    let dir_path = dir;
    let dir = dir.display().to_string();
    writeln!(
        out,
        "store    {}  origin {}",
        text::visible(&dir),
        text::visible(origin)
    )?;
    writeln!(out, "key      {}", created.words)?;
    writeln!(out, "         {}", created.fingerprint)?;
    writeln!(out, "         {}", text::visible(&created.key))?;
    writeln!(
        out,
        "Keep the key, in any of these forms, in another place than this machine: only who has it can tell later\n\
         whether the store is what it was (`tunlog store verify --key KEY`)."
    )?;
    match pins::keep(dir_path, &created.key) {
        Ok(place) => writeln!(
            out,
            "It was written down in {} as well; who can change the store may change that file, too.",
            text::visible(&place.display().to_string())
        ),
        Err(cause) => writeln!(out, "It was not written down here: {}", text::visible(&cause)),
    }
}

/// The machine's name, as far as a key can have it.
fn host() -> String {
    let known = ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .iter()
        .find_map(|path| std::fs::read_to_string(path).ok());
    let name: String = known
        .unwrap_or_default()
        .trim()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        .take(64)
        .collect();
    match name.is_empty() {
        true => "localhost".to_owned(),
        false => name,
    }
}
