//! Events to attempts, diagnoses and tables. Pure: time comes from the events.

pub mod correlate;
pub mod diagnose;
pub mod statistics;
