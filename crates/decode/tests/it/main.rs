//! The catalogue's lints and the completeness of its messages.
mod dialects;
mod facts;
