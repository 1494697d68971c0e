//! Whole ways: from what is heard to what a receiver gets, with receivers of our own on this machine.

mod desk;
#[expect(
    clippy::invisible_characters,
    reason = "a word joiner keeps a mention from being one"
)]
mod looks;
mod receivers;
mod samples;
mod ways;
mod whole;
