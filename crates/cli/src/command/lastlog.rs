//! `tunlog lastlog`: when each user was in last.

use std::ops::ControlFlow;

use tunlog_analysis::statistics::lastlog::{COLUMNS, LastLogins};
use tunlog_model::Attempt;
use tunlog_pipeline::{Sources, Subscriber, Wants};
use tunlog_report::Printer;

use crate::args::LastlogArgs;
use crate::config::Setup;
use crate::filter::Filter;
use crate::output::{Failure, tell};

const DAY: i64 = 86_400_000_000;

struct Collect {
    filter: Filter,
    logins: LastLogins,
}

impl Subscriber for Collect {
    fn attempt(&mut self, attempt: Attempt, _sources: &Sources) -> ControlFlow<()> {
        if self.filter.takes(&attempt) {
            self.logins.add(&attempt);
        }
        ControlFlow::Continue(())
    }
}

/// Runs the command.
///
/// # Errors
/// What was typed wrong, or cannot be written.
pub fn run(args: &LastlogArgs) -> Result<u8, Failure> {
    let mut setup = Setup::new(&args.input.common, &args.input.paths, args.rotate, Wants::Attempts)?;
    setup.settings.evidence = false;
    let mut collect = Collect {
        filter: setup.filter.clone(),
        logins: LastLogins::new(),
    };
    let mut out = setup.output()?;
    let found = std::mem::take(&mut setup.found);
    let summary = tunlog_pipeline::run(found, &setup.catalogue, &setup.settings, &mut collect);
    let ago = |days: u32| setup.now.saturating_sub(i64::from(days).saturating_mul(DAY));
    let is_meant = |login: i64| {
        args.before.is_none_or(|days| login <= ago(days)) && args.time.is_none_or(|days| login >= ago(days))
    };
    let mut printer = Printer::new(setup.format, "lastlog", COLUMNS, setup.look.clone());
    let rows = collect.logins.rows().filter(|row| is_meant(row.login.login));
    for row in rows.take(setup.limit.try_into().unwrap_or(usize::MAX)) {
        printer.row(COLUMNS, row, &mut out)?;
    }
    printer.finish(&mut out)?;
    out.finish()?;
    if collect.logins.left_out() > 0 {
        tell(&format!(
            "{} sessions of further users are not shown: there are too many users",
            collect.logins.left_out()
        ));
    }
    Ok(setup.close(&summary, printer.rows()))
}
