//! The families of rules, one a file. A new family is a file, its `.variants` beside it, and a line here.

use crate::Family;

/// Every family, in the order of the manual.
pub const ALL: &[&Family] = &[];
