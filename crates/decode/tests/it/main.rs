//! The catalogue's lints, the completeness of its messages, and what comes of a record.
mod clavister;
mod codes;
mod dialects;
mod door;
mod facts;
mod nps;
mod properties;
mod redaction;
mod relays;
mod render;
mod seed;
mod services;
mod torn;
mod unread;
mod user;
mod windows;
