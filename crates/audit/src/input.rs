//! What was gathered of a machine. Gathering it is the caller's work.

/// A configuration file.
#[derive(Clone, Debug, Default)]
pub struct ConfigFile {
    /// Its path, as it shall be named.
    pub path: String,
    /// Permission bits, if known: of a copy they say nothing.
    pub mode: Option<u32>,
    /// The owner's number, if known.
    pub owner_uid: Option<u32>,
    /// What it says.
    pub text: String,
}

impl ConfigFile {
    /// A text under a name, of which no more is known.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> ConfigFile {
        ConfigFile {
            path: path.into(),
            text: text.into(),
            ..ConfigFile::default()
        }
    }

    /// The last part of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// A machine: its files and what belongs to them.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// The files.
    pub files: Vec<ConfigFile>,
    /// All of the configuration was looked at (`/etc`, not single files): what is not there is missing.
    pub is_whole: bool,
}
