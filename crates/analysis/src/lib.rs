//! Events to attempts and tables. Pure: time comes from the events.

pub mod correlate;
pub mod statistics;
