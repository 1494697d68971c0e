//! How bad a finding or a check is, in the contract's words.

/// How bad it is. `Info` and `Low` never sound an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // the contract's words
pub enum FindingSeverity {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

impl FindingSeverity {
    /// Every severity with the contract's word.
    pub const ALL: &[(FindingSeverity, &str)] = &[
        (FindingSeverity::Info, "info"),
        (FindingSeverity::Low, "low"),
        (FindingSeverity::Medium, "medium"),
        (FindingSeverity::High, "high"),
        (FindingSeverity::Critical, "critical"),
    ];

    /// The contract's word.
    pub fn word(self) -> &'static str {
        crate::word_of(Self::ALL, self)
    }

    /// The severity that a word names.
    pub fn from_word(word: &str) -> Option<FindingSeverity> {
        crate::value_of(Self::ALL, word)
    }
}
