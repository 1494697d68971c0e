//! What `tunlog last` and `lastb` understand beside what all lists do: the options of the Unix commands.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::ListArgs;

/// What stands below the help.
pub const EXAMPLES: &str = "\
Examples:
  tunlog last -5                          the latest five
  tunlog last -F --user anna              with seconds and years
  tunlog last -s yesterday -f /var/log/syslog
  tunlog lastb --ip 203.0.113.9";

/// Of `last` and `lastb`.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(after_help = EXAMPLES)]
#[command(mut_arg("since", |arg| arg.short_alias('s')))]
#[command(mut_arg("until", |arg| arg.short_alias('t')))]
pub struct LastArgs {
    /// Print whole times, with seconds and years
    #[arg(short = 'F', long)]
    pub fulltimes: bool,
    /// Log to read; the same as PATH
    #[arg(short, long, value_name = "PATH")]
    pub file: Vec<PathBuf>,
    // Last: its heading in the help stands before what follows it.
    #[command(flatten)]
    pub list: ListArgs,
}

impl LastArgs {
    /// What was typed, as for any other list.
    pub fn list(&self) -> ListArgs {
        let mut list = self.list.clone();
        list.input.paths.splice(0..0, self.file.iter().cloned());
        list
    }
}

/// Puts `-n 5` in the place of `-5` behind `last` and `lastb`; a number that belongs to the option before it stays.
pub fn with_counts(typed: Vec<OsString>) -> Vec<OsString> {
    let is_last = |word: Option<&OsString>| word.is_some_and(|word| word == "last" || word == "lastb");
    if !is_last(typed.get(1)) {
        return typed;
    }
    let count = |word: &OsString| {
        let digits = word.to_str()?.strip_prefix('-')?;
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.to_owned())
    };
    let mut words: Vec<OsString> = Vec::with_capacity(typed.len() + 1);
    for word in typed {
        let is_value = words
            .last()
            .is_some_and(|before| before.len() > 1 && before.as_encoded_bytes().starts_with(b"-"));
        match count(&word).filter(|_| !is_value) {
            Some(digits) => words.extend(["-n".into(), digits.into()]),
            None => words.push(word),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_a_count() {
        let told = |line: &str| {
            let words = with_counts(line.split(' ').map(OsString::from).collect());
            words.join(" ".as_ref()).to_string_lossy().into_owned()
        };
        assert_eq!(told("tunlog last -5"), "tunlog last -n 5");
        assert_eq!(told("tunlog lastb syslog -12 -q"), "tunlog lastb syslog -n 12 -q");
        assert_eq!(told("tunlog last - -5"), "tunlog last - -n 5");
        for same in [
            "tunlog last -n -5",
            "tunlog last --since -2h",
            "tunlog who -5",
            "tunlog last -",
            "tunlog",
        ] {
            assert_eq!(told(same), same);
        }
    }
}
