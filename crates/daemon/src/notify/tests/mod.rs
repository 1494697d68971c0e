//! Whole ways: from what is heard to what a receiver gets, with receivers of our own on this machine.

mod desk;
mod looks;
mod receivers;
mod samples;
mod ways;
mod whole;
