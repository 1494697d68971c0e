//! Whole outputs, compared with what a user sees.

mod audit;
mod build;
mod compat;
mod formats;
mod history;
mod monitor;
mod page;
mod report;
