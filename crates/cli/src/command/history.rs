//! `tunlog who`, `last` and `lastb`, with the habits of the Unix commands; other forms than a table print attempts.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};
use std::ops::ControlFlow;

use tunlog_analysis::statistics::history::Login;
use tunlog_model::{Attempt, Outcome};
use tunlog_pipeline::{Sources, Subscriber, Wants};
use tunlog_report::history::{Dates, Note};
use tunlog_report::{Format, Look, history};

use super::Explain;
use super::attempts::{self, Which};
use crate::args::{LastArgs, ListArgs, WhoArgs};
use crate::config::{self, Setup};
use crate::filter::Filter;
use crate::output::Failure;

/// Who is connected now.
pub fn who(args: &WhoArgs) -> Result<u8, Failure> {
    let heading = args.heading;
    print(&args.input, Which::Open, &move |logins, _, look, note, out| {
        logins.reverse(); // `who` lists the longest first
        history::who(logins, heading, look, note, out)
    })
}

/// The sessions, the latest first.
pub fn last(args: &LastArgs) -> Result<u8, Failure> {
    let dates = dates(args);
    print(&args.list(), Which::Sessions, &move |logins, first, look, note, out| {
        history::last(logins, dates, look, note, out)?;
        first.map_or(Ok(()), |first| history::begins(first, look, out))
    })
}

/// The failures, the latest first.
pub fn lastb(args: &LastArgs) -> Result<u8, Failure> {
    let dates = dates(args);
    print(&args.list(), Which::Failed, &move |logins, first, look, note, out| {
        history::lastb(logins, dates, look, note, out)?;
        first.map_or(Ok(()), |first| history::begins(first, look, out))
    })
}

fn dates(args: &LastArgs) -> Dates {
    match args.fulltimes {
        true => Dates::Whole,
        false => Dates::Short,
    }
}

/// Prints logins, the latest first, given the first time of the evidence.
type Print = dyn Fn(&mut Vec<Login>, Option<i64>, &Look, Note<'_>, &mut dyn Write) -> io::Result<()>;

fn print(args: &ListArgs, which: Which, print: &Print) -> Result<u8, Failure> {
    if config::format_of(&args.input.common)? != Format::Table {
        return attempts::run(args, which);
    }
    let mut setup = Setup::new(&args.input.common, &args.input.paths, false, Wants::Attempts)?;
    let mut out = setup.output()?;
    let mut latest = Latest {
        which,
        filter: &setup.filter,
        limit: setup.limit,
        logins: BinaryHeap::new(),
        seen: 0,
    };
    let found = std::mem::take(&mut setup.found);
    let summary = tunlog_pipeline::run(found, &setup.catalogue, &setup.settings, &mut latest);
    let mut logins: Vec<Login> = latest
        .logins
        .into_sorted_vec()
        .into_iter()
        .map(|Reverse(kept)| kept.login)
        .collect();
    let rows = logins.len() as u64;
    let explain = Explain::new(args.explain, &setup.look);
    let note = |login: &Login| match &explain {
        None => String::new(),
        Some(explain) => {
            let outcome = outcome_of(which, login);
            explain.outcome(login.cause, login.end_reason, outcome).note
        }
    };
    print(&mut logins, summary.first, &setup.look, &note, &mut out)?;
    out.finish()?;
    Ok(setup.close(&summary, rows))
}

/// What is told of a login without cause and end reason.
fn outcome_of(which: Which, login: &Login) -> Outcome {
    match (which, login.logout) {
        (Which::Failed, _) => Outcome::Failed,
        (_, None) => Outcome::Open,
        _ => Outcome::Established,
    }
}

/// The logins that began last; with a limit no more than that many are held.
struct Latest<'a> {
    which: Which,
    filter: &'a Filter,
    limit: u64,
    logins: BinaryHeap<Reverse<Kept>>,
    seen: u64,
}

/// Ordered by the time of login, then by the order of the log.
struct Kept {
    order: (i64, u64),
    login: Login,
}

impl PartialEq for Kept {
    fn eq(&self, other: &Kept) -> bool {
        self.order == other.order
    }
}

impl Eq for Kept {}

impl PartialOrd for Kept {
    fn partial_cmp(&self, other: &Kept) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Kept {
    fn cmp(&self, other: &Kept) -> std::cmp::Ordering {
        self.order.cmp(&other.order)
    }
}

impl Subscriber for Latest<'_> {
    fn attempt(&mut self, attempt: Attempt, _sources: &Sources) -> ControlFlow<()> {
        if self.which.takes(&attempt) && self.filter.takes(&attempt) {
            let login = Login::of(&attempt);
            self.seen += 1;
            self.logins.push(Reverse(Kept {
                order: (login.login, self.seen),
                login,
            }));
            if self.logins.len() as u64 > self.limit {
                self.logins.pop();
            }
        }
        ControlFlow::Continue(())
    }
}
