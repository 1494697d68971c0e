//! The rules, one a file; the order is that in which they are asked. Each has its scenarios beside it (`<rule>.toml`): logs
//! that it must know and logs that it must leave alone.

mod addresses;
mod auth_backend;
mod auth_method_refused;
mod auth_reply_mismatch;
mod control_unreachable;
mod credentials;
mod encryption_failed;
mod encryption_refused;
mod endings;
mod gre_blocked;
mod ike;
mod l2tp_unanswered;
mod no_secret;
mod peer_authentication_demanded;
mod system;
mod traffic;
mod unencrypted;
mod unknown;

use super::rule::Rule;

pub use unencrypted::RULE as UNENCRYPTED;

/// Every rule. Those that know of a daemon's or peer's own words come before those that go by what is missing.
pub static ALL: &[&Rule] = &[
    &auth_backend::RULE,
    &peer_authentication_demanded::RULE,
    &auth_method_refused::RULE,
    &auth_reply_mismatch::RULE,
    &credentials::RULE,
    &no_secret::RULE,
    &encryption_refused::RULE,
    &encryption_failed::RULE,
    &addresses::RULE,
    &l2tp_unanswered::RULE,
    &traffic::RULE,
    &endings::RULE,
    &gre_blocked::RULE,
    &control_unreachable::RULE,
    &ike::RULE,
    &system::RULE,
    &unknown::RULE,
    &unencrypted::RULE,
];
