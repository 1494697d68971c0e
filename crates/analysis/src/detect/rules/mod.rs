//! The rules, one a file.

mod backend_outage;
mod brute_force;
mod cleartext_authentication;
mod clock_jump;
mod concurrent_sessions;
mod control_flood;
mod credential_stuffing;
mod distributed_brute_force;
mod distributed_spray;
mod encryption_downgrade;
mod first_seen_country;
mod impossible_travel;
mod injected_line;
mod log_gap;
mod password_spray;
mod protocol_abuse;
mod reconnect_storm;
mod same_credentials_elsewhere;
mod slow_brute_force;
mod stale_password;
mod success_after_failures;
mod unusual_traffic;
mod user_enumeration;

use super::rule::{Refusal, Rule};

/// Every rule, in the order in which they are asked: those about one source come before those that look at the rest.
pub const ALL: &[&Rule] = &[
    &backend_outage::RULE,
    &stale_password::RULE,
    &injected_line::RULE,
    &brute_force::RULE,
    &slow_brute_force::RULE,
    &user_enumeration::RULE,
    &password_spray::RULE,
    &distributed_brute_force::RULE,
    &distributed_spray::RULE,
    &credential_stuffing::RULE,
    &same_credentials_elsewhere::RULE,
    &success_after_failures::RULE,
    &concurrent_sessions::RULE,
    &impossible_travel::RULE,
    &first_seen_country::RULE,
    &encryption_downgrade::RULE,
    &cleartext_authentication::RULE,
    &control_flood::RULE,
    &protocol_abuse::RULE,
    &reconnect_storm::RULE,
    &unusual_traffic::RULE,
    &log_gap::RULE,
    &clock_jump::RULE,
];

/// What a refusal puts into the fast and into the slow buckets of its source.
pub fn weights(refusal: &Refusal) -> (f64, f64) {
    (brute_force::weight(refusal), slow_brute_force::weight(refusal))
}
