//! The built binary, run as a user runs it.

mod clavister;
mod command_line;
mod compat;
mod detect;
mod diagnose;
mod explain;
mod harness;
mod monitor_defects;
mod report;
mod store;
mod watch;
