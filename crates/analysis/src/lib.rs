//! Events to attempts, diagnoses and tables. Pure: time comes from the events.

pub mod correlate;
pub mod detect;
pub mod diagnose;
pub mod statistics;
