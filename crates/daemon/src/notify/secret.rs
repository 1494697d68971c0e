//! What must not be seen: passwords, tokens, and addresses that are as good as one (a webhook's URL of Slack or Teams lets
//! everybody write who knows it).
//!
//! A secret stands in the configuration itself, or in a file, an environment variable or a credential of systemd
//! (`LoadCredential=`). It is read when it is used, never printed by `Debug`, and written as `***` by `Serialize`.

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::secret;

/// Bytes of a secret.
const BYTES_MAX: u64 = 16 << 10;
/// What is shown instead.
const HIDDEN: &str = "***";

/// Where a secret is.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Secret {
    /// There is none.
    #[default]
    Absent,
    /// In the configuration itself.
    Text(String),
    /// In a file; blanks and line ends around it do not count.
    File(PathBuf),
    /// In an environment variable.
    Env(String),
    /// In a credential of systemd.
    Credential(String),
}

/// How a secret is named that stands somewhere else.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Place {
    File(PathBuf),
    Env(String),
    Credential(String),
}

impl Secret {
    /// Whether there is none.
    pub fn is_absent(&self) -> bool {
        *self == Secret::Absent
    }

    /// The file that it stands in, if it is one.
    pub fn file(&self) -> Option<PathBuf> {
        match self {
            Secret::File(path) => Some(path.clone()),
            Secret::Credential(name) => credential(name).ok(),
            Secret::Absent | Secret::Text(_) | Secret::Env(_) => None,
        }
    }

    /// The secret itself.
    ///
    /// # Errors
    /// Where it was looked for and why it was not found; never a word of it.
    pub fn read(&self) -> Result<String, String> {
        match self {
            Secret::Absent => Err("is not set".to_owned()),
            Secret::Text(text) => plain(text, "it"),
            Secret::File(path) => of_file(path),
            Secret::Env(name) => {
                let text = std::env::var(name).map_err(|_| format!("environment variable {name} is not set"))?;
                plain(&text, name)
            }
            Secret::Credential(name) => of_file(&credential(name)?),
        }
    }
}

fn credential(name: &str) -> Result<PathBuf, String> {
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        return Err(format!("`{name}` is no name of a credential"));
    }
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY")
        .ok_or_else(|| format!("credential `{name}`: systemd gave none (LoadCredential= in the unit)"))?;
    Ok(Path::new(&folder).join(name))
}

fn of_file(path: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("{}: cannot read: {error}", path.display());
    let file = std::fs::File::open(path).map_err(failed)?;
    let data = file.metadata().map_err(failed)?;
    secret::judge(path, &data).map_err(|why| format!("{}: {why}", path.display()))?;
    let mut text = String::new();
    file.take(BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    plain(&text, &path.display().to_string())
}

/// A secret becomes part of a header or a URL: it is one line.
fn plain(text: &str, place: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(format!("{place} is empty"));
    }
    if text.len() as u64 > BYTES_MAX || text.chars().any(char::is_control) {
        return Err(format!("{place} holds more than one line, or too much"));
    }
    Ok(text.to_owned())
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Secret::Absent => out.write_str("Absent"),
            Secret::Text(_) => out.write_str(HIDDEN),
            Secret::File(path) => write!(out, "File({})", path.display()),
            Secret::Env(name) => write!(out, "Env({name})"),
            Secret::Credential(name) => write!(out, "Credential({name})"),
        }
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            Secret::Absent => out.serialize_str(""),
            Secret::Text(_) => out.serialize_str(HIDDEN),
            Secret::File(path) => Place::File(path.clone()).serialize(out),
            Secret::Env(name) => Place::Env(name.clone()).serialize(out),
            Secret::Credential(name) => Place::Credential(name.clone()).serialize(out),
        }
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Secret;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a text, { file = \"…\" }, { env = \"…\" } or { credential = \"…\" }")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Secret, E> {
                Ok(match text {
                    "" => Secret::Absent,
                    text => Secret::Text(text.to_owned()),
                })
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Secret, A::Error> {
                let place = Place::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(match place {
                    Place::File(path) => Secret::File(path),
                    Place::Env(name) => Secret::Env(name),
                    Place::Credential(name) => Secret::Credential(name),
                })
            }
        }
        from.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Serialize, Deserialize)]
    struct Holder {
        a: Secret,
        b: Secret,
        c: Secret,
    }

    #[test]
    fn a_secret_is_never_shown() {
        let text = "a = \"hunter2\"\nb = { file = \"/etc/x\" }\nc = { credential = \"token\" }\n";
        let holder: Holder = toml::from_str(text).expect("TOML");
        assert_eq!(holder.a.read().as_deref(), Ok("hunter2"));
        let shown = format!("{holder:?}{}", toml::to_string(&holder).expect("TOML"));
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("a = \"***\"") && shown.contains("/etc/x"), "{shown}");
        assert!(toml::from_str::<Holder>("a = 1\nb = \"\"\nc = \"\"").is_err());
        assert!(toml::from_str::<Holder>("a = { fill = \"x\" }\nb = \"\"\nc = \"\"").is_err());
    }

    #[test]
    fn a_file_s_line_end_does_not_count_and_a_second_line_is_refused() {
        let path = std::env::temp_dir().join(format!("tunlog-secret-{}", std::process::id()));
        let secret = Secret::File(path.clone());
        std::fs::write(&path, "s3cret\n").expect("written");
        let mode = |mode| std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode));
        mode(0o644).expect("a mode");
        assert!(secret.read().expect_err("everybody reads it").contains("chmod 600"));
        mode(0o600).expect("a mode");
        assert_eq!(secret.read().as_deref(), Ok("s3cret"));
        std::fs::write(&path, "s3cret\r\nX-Header: y\n").expect("written");
        let error = secret.read().expect_err("two lines");
        assert!(!error.contains("s3cret"), "{error}");
        std::fs::remove_file(&path).expect("our own file");
        assert!(secret.read().is_err());
        assert!(Secret::Credential("../passwd".to_owned()).read().is_err());
    }
}
