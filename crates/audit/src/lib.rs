//! A gateway's configuration to checks: what is weak, where it stands, why that matters and what to write instead.
//!
//! `parse` reads each file by its daemon's grammar, `setup` puts the files of one machine together, `checks` asks one family of
//! questions a file. `logs` looks at what the logs themselves show, `versions` at what is known of the programs, `migration` at who
//! still uses the old tunnels; `exceptions` marks what somebody has accepted. Nothing here reads a file or a clock: texts and
//! modes are handed in. A secret never leaves the parser that met it: what others see of it is its length and whether two are equal.

mod check;
pub mod checks;
mod day;
pub mod exceptions;
mod includes;
mod input;
mod kind;
pub mod logs;
pub mod migration;
pub mod parse;
mod ppp;
mod rule;
mod secret;
mod setup;
mod table;
pub mod versions;

pub use check::{Affected, Check, Exception, Report, Seen};
pub use includes::includes;
pub use input::{ConfigFile, Machine};
pub use kind::{Kind, by_name, is_left_over, kind_of};
pub use ppp::{Method, Pppd, Service};
pub use rule::{Family, Rule, families, rule, rules};
pub use secret::Secret;
pub use setup::{Place, Placed, Setup};
pub use table::{COLUMNS, SHORT};
pub use tunlog_model::FindingSeverity as Severity;

/// Runs every family over what was gathered of a machine; the worst first, then by file and line.
pub fn audit(machine: &Machine) -> Report {
    let mut report = Report::default();
    let setup = Setup::new(machine);
    for family in checks::ALL {
        (family.run)(&setup, &mut report);
    }
    report.sort();
    report
}
