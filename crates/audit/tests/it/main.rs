//! Whole logs in, checks out.

mod logs;
mod versions;
