//! Whole logs in, checks out.

mod logs;
mod manual;
mod migration;
mod properties;
mod variants;
mod versions;
