//! The families of rules, one a file. A new family is a file, its `.variants` beside it, and a line here.

mod accel;
mod firewall;
mod ipsec;
mod kernel;
mod l2tp;
mod logging;
mod ppp_encryption;
mod ppp_link;
mod ppp_logging;
mod ppp_login;
mod pptp;
mod radius;
mod routeros;
mod second_factor;
mod secrets;

use crate::Family;

/// Every family, in the order of the manual.
pub const ALL: &[&Family] = &[
    &pptp::FAMILY,
    &ppp_login::FAMILY,
    &ppp_encryption::FAMILY,
    &ppp_logging::FAMILY,
    &ppp_link::FAMILY,
    &secrets::FAMILY,
    &l2tp::FAMILY,
    &ipsec::FAMILY,
    &accel::FAMILY,
    &radius::FAMILY,
    &second_factor::FAMILY,
    &firewall::FAMILY,
    &kernel::FAMILY,
    &logging::FAMILY,
    &routeros::FAMILY,
];
