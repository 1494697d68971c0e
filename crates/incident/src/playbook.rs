//! The playbook: steps of which each incident gets those that concern it. The built-in one, and what people wrote themselves.

use serde::Deserialize;

/// The built-in playbook.
const BUILTIN: &str = include_str!("playbook.toml");
/// Most bytes of a playbook, and most steps.
pub const BYTES_MAX: usize = 1 << 20;
const STEPS_MAX: usize = 1_000;

/// When in an incident something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The attacker is shut out.
    Contain,
    /// What he took or left is made worthless.
    Eradicate,
    /// It will not work again.
    Recover,
    /// It is seen to have worked.
    Verify,
    /// What comes of it.
    Learn,
}

impl Phase {
    /// All, in order, with their words.
    pub const ALL: &[(Phase, &str)] = &[
        (Phase::Contain, "contain"),
        (Phase::Eradicate, "eradicate"),
        (Phase::Recover, "recover"),
        (Phase::Verify, "verify"),
        (Phase::Learn, "learn"),
    ];

    /// The word.
    pub fn word(self) -> &'static str {
        Phase::ALL
            .iter()
            .find(|(phase, _)| *phase == self)
            .map_or("", |(_, word)| word)
    }
}

/// What a step is done for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Per {
    /// Once.
    Incident,
    /// Each account of its verdicts.
    Account,
    /// Each stolen session.
    Session,
    /// Each address of the attackers.
    Address,
}

/// The language of commands, which decides how a name is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// A POSIX shell.
    #[default]
    Sh,
    /// SQL.
    Sql,
    /// RouterOS.
    Routeros,
    /// PowerShell.
    Powershell,
    /// Words for people.
    Text,
}

/// A step.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its name.
    pub id: String,
    /// When.
    pub phase: Phase,
    /// For what.
    #[serde(default = "incident")]
    pub per: Per,
    /// Verdicts of accounts and sessions that it is for.
    #[serde(default = "hit")]
    pub verdicts: Vec<String>,
    /// Only if one of these spoke.
    #[serde(default)]
    pub rules: Vec<String>,
    /// Only if one of these spoke.
    #[serde(default)]
    pub dialects: Vec<String>,
    /// Not if one of these spoke.
    #[serde(default)]
    pub unless: Vec<String>,
    /// What is done and why.
    pub text: String,
    /// The language of the commands.
    #[serde(default)]
    pub language: Language,
    /// The commands.
    #[serde(default)]
    pub commands: Vec<String>,
}

fn incident() -> Per {
    Per::Incident
}

fn hit() -> Vec<String> {
    vec!["compromised".to_owned(), "suspect".to_owned()]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    step: Vec<Step>,
}

/// Steps in the order of their phases.
#[derive(Clone, Debug)]
pub struct Playbook {
    /// The steps.
    pub steps: Vec<Step>,
}

fn read(text: &str) -> Result<Vec<Step>, String> {
    if text.len() > BYTES_MAX {
        return Err("is too large for a playbook".to_owned());
    }
    let file: File = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    for step in &file.step {
        if !is_id(&step.id) {
            return Err(format!(
                "`{}` is no id of a step: small letters, digits and -",
                step.id.escape_debug()
            ));
        }
    }
    Ok(file.step)
}

/// Whether a step may have this id.
pub fn is_id(id: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !id.is_empty() && id.len() <= 64 && id.bytes().all(fits)
}

impl Playbook {
    /// The built-in one.
    pub fn builtin() -> Playbook {
        let mut playbook = Playbook { steps: Vec::new() };
        // a test reads it, so it can be read
        let _ = playbook.take(BUILTIN);
        playbook
    }

    /// Takes people's own steps: those with a known id take its place, the others are added.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn take(&mut self, text: &str) -> Result<(), String> {
        for step in read(text)? {
            match self.steps.iter_mut().find(|known| known.id == step.id) {
                Some(known) => *known = step,
                None => self.steps.push(step),
            }
        }
        if self.steps.len() > STEPS_MAX {
            return Err(format!("more than {STEPS_MAX} steps"));
        }
        self.steps.sort_by_key(|step| step.phase);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_playbook_is_sound() {
        let steps = read(BUILTIN).expect("the built-in playbook");
        assert_eq!(Playbook::builtin().steps.len(), steps.len());
        for step in &steps {
            for rule in &step.rules {
                assert!(tunlog_analysis::detect::rule(rule).is_some(), "{}: {rule}", step.id);
            }
            for verdict in &step.verdicts {
                assert!(
                    ["compromised", "suspect", "tried"].contains(&verdict.as_str()),
                    "{}: {verdict}",
                    step.id
                );
            }
        }
        for (phase, word) in Phase::ALL {
            assert!(steps.iter().any(|step| step.phase == *phase), "{word}");
        }
    }

    #[test]
    fn peoples_own_steps_extend_and_replace() {
        let mut playbook = Playbook::builtin();
        let before = playbook.steps.len();
        playbook
            .take("[[step]]\nid = \"audit\"\nphase = \"recover\"\ntext = \"ours\"\n[[step]]\nid = \"call-anna\"\nphase = \"contain\"\ntext = \"call\"\n")
            .expect("a playbook");
        assert_eq!(playbook.steps.len(), before + 1);
        let audit = playbook.steps.iter().find(|step| step.id == "audit").expect("audit");
        assert_eq!((audit.text.as_str(), audit.commands.len()), ("ours", 0));
        assert!(playbook.steps.is_sorted_by_key(|step| step.phase));
        for (text, why) in [
            ("[[step]]\nid = \"A b\"\nphase = \"learn\"\ntext = \"\"", "no id"),
            ("[[step]]\nid = \"a\"\nphase = \"later\"\ntext = \"\"", "phase"),
            ("[[step]]\nid = \"a\"\nfase = \"learn\"\ntext = \"\"", "fase"),
        ] {
            let error = playbook.take(text).expect_err(text);
            assert!(error.contains(why), "{error}");
        }
    }
}
