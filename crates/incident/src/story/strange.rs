//! Sessions that look like nobody but the owner, or do not.

use super::Try;
use crate::text::counted;

/// Sessions of an account since the attack began, from where it never came before.
#[derive(Default)]
pub(super) struct Strange<'a> {
    pub(super) sessions: Vec<&'a Try>,
    /// All log-ins of the account since the attack began that are not the attackers'.
    pub(super) logins: u64,
    pub(super) is_compared: bool,
}

impl Strange<'_> {
    pub(super) fn tried(&self, tried: u64) -> String {
        let tried = match tried {
            0 => "a finding names it".to_owned(),
            tried => format!("{} in vain", counted(tried, "attempt", "attempts")),
        };
        match (self.logins, self.is_compared) {
            (0, _) => tried,
            (logins, true) => format!(
                "{tried}; {} from where it came before",
                counted(logins, "log-in", "log-ins")
            ),
            (logins, false) => format!(
                "{tried}; {} since, and no earlier one in the evidence to compare with: ask its owner",
                counted(logins, "log-in", "log-ins")
            ),
        }
    }

    pub(super) fn unaffected(&self) -> String {
        match self.logins {
            0 => "nobody tried it, and it did not log in".to_owned(),
            logins => format!("nobody tried it; {}", counted(logins, "log-in", "log-ins")),
        }
    }
}
