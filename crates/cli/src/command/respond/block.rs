//! `tunlog block`: addresses are kept out, after having been judged.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use tunlog_model::Attempt;
use tunlog_pipeline::{Sources, Subscriber, Wants};
use tunlog_respond::backend;
use tunlog_respond::{
    Action, FindingLine, Guard, KnownLogins, Latitude, Order, Outcome, Plan, Planned, Prefix, Standing, request,
};

use super::{Chosen, Page, Work, ask_live, choose, entry, finish, ledger_path, now, refused};
use crate::args::{BlockArgs, Common};
use crate::config::Setup;
use crate::ledger::{self, Held};
use crate::output::{Failure, cause, tell};
use crate::settings::Respond;
use crate::{machine, settings, when};

/// Bytes of a line of findings.
const LINE_MAX: u64 = 16 << 20;
/// Targets of one request; more are no request but a flood.
const WANTED_MAX: usize = 100_000;

/// Blocks, or shows what would be done.
pub fn run(args: &BlockArgs) -> Result<u8, Failure> {
    let settings = settings::respond(args.making.config.as_deref())?;
    let mut limits = settings.limits;
    limits.per_hour = args.per_hour.unwrap_or(limits.per_hour);
    let typed = args.duration.as_deref().map(when::duration).transpose();
    let seconds = typed.and_then(|typed| limits.duration(typed));
    let seconds = seconds.map_err(|problem| Failure::Message(format!("--for: {problem}")))?;
    let mut wanted = Wanted::new(args, seconds)?;
    let chosen = choose(
        args.backend.as_deref().or(settings.backend.as_deref()),
        &settings.options,
    )?;
    let guard = guard(&settings, args.making.apply)?;
    let known = known_logins(args)?;
    let page = Page::open(&args.shown.common())?;
    let path = ledger_path(args.making.ledger.as_ref(), &settings);
    let (held, read) = match args.making.apply {
        true => (Some(Held::open(&path)?), None),
        false => (None, Some(ledger::read(&path)?)),
    };
    let Some(ledger) = held.as_ref().map(|held| &held.ledger).or(read.as_ref()) else {
        return Ok(2);
    };
    let latitude = Latitude {
        force: args.force,
        private: args.private,
    };
    let live = match args.making.apply {
        true => ask_live(&chosen, &settings.options, ledger, args.shown.quiet),
        false => None,
    };
    let planned = request(
        std::mem::take(&mut wanted.orders),
        chosen.backend.name(),
        (&guard, latitude),
        &known,
        Standing {
            ledger,
            limits: &limits,
            live: live.as_deref(),
            now: now(),
        },
    );
    if !args.shown.quiet {
        wanted.tell();
    }
    let work = work(&chosen, &settings, planned, live.is_some());
    let status = finish(work, &args.making, page, held)?;
    Ok(if wanted.faulty { 2 } else { status })
}

/// What was typed, and what findings accuse.
#[derive(Default)]
struct Wanted {
    orders: Vec<Order>,
    /// Where each stands among them.
    places: HashMap<Prefix, usize>,
    /// Findings that accuse nobody.
    harmless: u64,
    /// A line of findings was none.
    faulty: bool,
    seconds: u64,
    reason: Option<String>,
}

impl Wanted {
    fn new(args: &BlockArgs, seconds: u64) -> Result<Wanted, Failure> {
        let mut wanted = Wanted {
            seconds,
            reason: args.reason.clone(),
            ..Wanted::default()
        };
        for typed in &args.addresses {
            let prefix = typed.parse().map_err(Failure::Message)?;
            wanted.add(prefix, "by hand", false)?;
        }
        if let Some(path) = &args.from {
            wanted.findings(path)?;
        }
        Ok(wanted)
    }

    fn add(&mut self, prefix: Prefix, why: &str, claimed: bool) -> Result<(), Failure> {
        let reason = self.reason.as_deref().unwrap_or(why);
        if let Some(order) = self.places.get(&prefix).and_then(|at| self.orders.get_mut(*at)) {
            // a socket's word counts for all
            order.claimed &= claimed;
            if !order.reason.split(", ").any(|known| known == reason) {
                order.reason = format!("{}, {reason}", order.reason);
            }
            return Ok(());
        }
        if self.orders.len() >= WANTED_MAX {
            return Err(Failure::Message(format!("more than {WANTED_MAX} addresses")));
        }
        let mut order = Order::new(prefix, self.seconds, reason, now());
        order.claimed = claimed;
        self.places.insert(prefix, self.orders.len());
        self.orders.push(order);
        Ok(())
    }

    fn findings(&mut self, path: &Path) -> Result<(), Failure> {
        let name = path.display().to_string();
        let problem = |error| Failure::Message(format!("{name}: cannot read: {}", cause(&error)));
        let mut reader: Box<dyn BufRead> = match path.as_os_str() == "-" {
            true => Box::new(std::io::stdin().lock()),
            false => Box::new(BufReader::new(File::open(path).map_err(problem)?)),
        };
        let (mut line, mut number) = (Vec::new(), 0_u64);
        loop {
            line.clear();
            let read = reader.by_ref().take(LINE_MAX).read_until(b'\n', &mut line);
            if read.map_err(problem)? == 0 {
                return Ok(());
            }
            number += 1;
            let text = String::from_utf8_lossy(&line);
            if text.trim().is_empty() {
                continue;
            }
            match FindingLine::of(&text, &super::accuses) {
                Ok(FindingLine::Attack(offenders)) => {
                    for offender in offenders {
                        self.add(offender.prefix, &offender.rule, offender.claimed)?;
                    }
                }
                Ok(FindingLine::NoAttack(_)) => self.harmless += 1,
                Err(words) => {
                    tell(&format!("{name}:{number}: passed over: {words}"));
                    self.faulty = true;
                }
            }
        }
    }

    fn tell(&self) {
        if self.harmless > 0 {
            let words = match self.harmless {
                1 => "1 finding accuses nobody, and was passed over".to_owned(),
                count => format!("{count} findings accuse nobody, and were passed over"),
            };
            tell(&words);
        }
    }
}

/// The never-block set of this machine.
pub(in crate::command) fn guard(settings: &Respond, apply: bool) -> Result<Guard, Failure> {
    let mut guard = Guard::new();
    let known = machine::protect(&mut guard);
    for (prefix, why) in &settings.never_block {
        guard.protect(*prefix, why.clone());
    }
    if apply && !known && settings.never_block.is_empty() {
        let message =
            "this machine's own addresses cannot be told here: name them in never_block of [respond] in tunlog.toml";
        return Err(Failure::Message(message.to_owned()));
    }
    Ok(guard)
}

/// Who logged in from where, by the logs that were named, else by the machine's own if it has some.
fn known_logins(args: &BlockArgs) -> Result<KnownLogins, Failure> {
    let without = |why: &str| {
        if !args.shown.quiet {
            tell(&format!("{why}: recent logins protect nobody"));
        }
        Ok(KnownLogins::new())
    };
    if args.no_log {
        return Ok(KnownLogins::new());
    }
    if args.logs.is_empty() && tunlog_ingest::machine_sources().specs.is_empty() {
        return without("no log of this machine's logins was found (--log PATH names one)");
    }
    read_logins(&args.logs, args.shown.quiet)
}

struct Logins(KnownLogins);

impl Subscriber for Logins {
    fn attempt(&mut self, attempt: Attempt, _: &Sources) -> ControlFlow<()> {
        if let (Some(up), Some(address), Some(user)) = (attempt.up, attempt.client_ip, &attempt.user) {
            self.0.login(address, user, up);
        }
        ControlFlow::Continue(())
    }
}

fn read_logins(logs: &[PathBuf], quiet: bool) -> Result<KnownLogins, Failure> {
    let common = Common {
        quiet: true,
        ..Common::default()
    };
    let mut setup = Setup::new(&common, logs, false, Wants::Attempts)?;
    let found = std::mem::take(&mut setup.found);
    let mut logins = Logins(KnownLogins::new());
    let summary = tunlog_pipeline::run(found, &setup.catalogue, &setup.settings, &mut logins);
    if setup.close(&summary, 1) == 2 {
        // a log that is cut short may hide the login that protects an address
        let words = "the logs of logins could not be read in full";
        if !logs.is_empty() {
            return Err(Failure::Message(format!("{words}; --no-log does without")));
        }
        tell(&format!("{words}: recent logins may not protect their addresses"));
    }
    if logins.0.dropped() > 0 && !quiet {
        tell(&format!(
            "{} logins found no room, and protect nobody",
            logins.0.dropped()
        ));
    }
    Ok(logins.0)
}

pub(in crate::command) fn work(chosen: &Chosen, settings: &Respond, planned: Planned, asked: bool) -> Work {
    let (backend, options) = (chosen.backend, &settings.options);
    let mut work = Work {
        head: format!("by {}: {} ({})", backend.name(), backend.about(), chosen.because),
        ..Work::default()
    };
    let set_up = backend::set_up(backend, &planned.orders);
    if !planned.orders.is_empty() && !set_up.steps.is_empty() {
        work.set_up = Some(entry(Action::SetUp, backend.name().to_owned(), set_up));
    }
    for order in planned.orders {
        let plan = backend::block(backend, &order, options);
        let mut made = entry(Action::Block, order.prefix.to_string(), plan);
        made.until = Some(order.until);
        made.reason = Some(order.reason);
        work.to_do.push(made);
    }
    for (order, until) in planned.unneeded {
        let plan = Plan {
            by: backend.name(),
            ..Plan::default()
        };
        let mut made = entry(Action::Block, order.prefix.to_string(), plan);
        made.outcome = Outcome::Unneeded;
        made.until = Some(until);
        let until = tunlog_report::rfc3339(until);
        made.why = Some(match asked {
            true => format!("it is blocked already, until {until}"),
            false => format!(
                "by the ledger it is blocked already, until {until}; whether {} holds it, `tunlog blocked --live` says",
                backend.name()
            ),
        });
        work.other.push(made);
    }
    for (order, refusal) in planned.refused {
        let mut made = refused(Action::Block, backend.name(), &refusal);
        made.why = Some(match refusal.reason.lifted_by() {
            Some(option) => format!("{} ({option} does it nevertheless)", refusal.why),
            None => refusal.why.clone(),
        });
        made.reason = Some(order.reason);
        work.other.push(made);
    }
    work
}
