//! Rules in Sigma, the exchange format of detection rules: those of others run over what tunlog sees (`Rules`, `Engine`), and ours
//! written for other tools (`export`).
//!
//! A crate of its own because of the engine's dependencies (YAML, regular expressions), which nothing else needs. It is pure: texts of
//! rules and events go in, findings come out; time is the events' time.

mod engine;
pub mod export;
mod rules;
mod view;

pub use engine::{Engine, caps};
pub use rules::{Rules, Source};
