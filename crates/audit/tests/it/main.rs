//! Whole logs in, checks out.

mod any_text;
mod logs;
mod manual;
mod migration;
mod properties;
mod variants;
mod versions;
