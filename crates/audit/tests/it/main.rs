//! Whole logs in, checks out.

mod any_text;
mod logs;
mod migration;
mod variants;
mod versions;
