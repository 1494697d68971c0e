//! Whole logs in, checks out.

mod logs;
mod migration;
mod variants;
mod versions;
