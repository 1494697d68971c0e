//! The rules, one a file; the order is that in which they are asked.

mod unencrypted;

use super::rule::Rule;

pub use unencrypted::RULE as UNENCRYPTED;

/// Every rule.
pub static ALL: &[&Rule] = &[&unencrypted::RULE];
