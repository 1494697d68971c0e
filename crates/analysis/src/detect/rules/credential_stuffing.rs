//! Lists of names and passwords that were lost elsewhere, tried from many sources. The chart is that of distributed-spray.

use crate::detect::finding::Severity;
use crate::detect::rule::{Detection, Nature, Rule};
use crate::detect::sigma::Sigma;

/// The rule.
pub const RULE: Rule = Rule {
    name: "credential-stuffing",
    severity: Severity::High,
    nature: Nature::Attack,
    techniques: &["T1110.004"],
    finds: "The chart of distributed-spray rises, and the tries are those of a list: nearly each with a name of its own, and many names that nobody here has.",
    matters: "Passwords used elsewhere too were lost elsewhere: one or two in a hundred fit, at the first try.",
    wrong: "A spray over so many accounts that none was tried twice yet.",
    actions: &[
        "Look at logins from the sources of this finding and reset those passwords (success-after-failures tells them).",
        "Ask for a second factor, or new passwords; blocking the sources only slows it.",
    ],
    thresholds: &[],
    sigma: Sigma::Not(
        "It is told from a distributed spray by names that were each tried once and are unknown, against what was usual in fourteen days.",
    ),
    make: |_| Box::new(Charted),
};

/// distributed-spray keeps the chart of both.
struct Charted;

impl Detection for Charted {}

/// Whether tries are those of a list: names that differ, a third of which nobody here has.
pub fn is_a_list(tries: usize, names: usize, unknown: usize) -> bool {
    names * 10 >= tries * 8 && unknown * 3 >= names
}
