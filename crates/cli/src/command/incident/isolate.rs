//! `tunlog incident isolate`: what shuts the attackers out: blocks, ended sessions, stricter settings. Shown, and done with `--apply`.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::ops::ControlFlow;

use tunlog_incident::case::{AddressRole, Case, Roles};
use tunlog_incident::isolation::snippets;
use tunlog_incident::text::counted;
use tunlog_model::{Attempt, Event, Outcome, text};
use tunlog_pipeline::{Sources, Subscriber, Wants};
use tunlog_report::{Format, Printer};
use tunlog_respond::kick::Session;
use tunlog_respond::{Entry, KnownLogins, Latitude, Ledger, Order, Prefix, Standing, request};

use super::args::IsolateArgs;
use super::directory::Directory;
use super::gather::{gather, setup};
use super::print;
use crate::args::{Common, KickArgs, Output};
use crate::command::respond::{Page, Work, ask_live, block, choose, finish, kick, ledger_path};
use crate::ledger::{self, Held};
use crate::output::Failure;
use crate::{settings, when};

/// How long an attacker is kept out unless `--for` says otherwise, seconds: the time until people have looked.
const BLOCK_S: u64 = 24 * 3600;

/// Sessions that are open, log-ins that protect their addresses, daemons that spoke.
struct Open<'a> {
    case: &'a Case,
    roles: Roles,
    stolen: HashSet<u64>,
    sessions: Vec<Session>,
    known: KnownLogins,
    dialects: HashSet<&'static str>,
}

impl Subscriber for Open<'_> {
    fn event(&mut self, event: &Event<'_>, _: &Sources) -> ControlFlow<()> {
        self.dialects.insert(event.message().dialect);
        ControlFlow::Continue(())
    }

    fn attempt(&mut self, attempt: Attempt, _: &Sources) -> ControlFlow<()> {
        let of_attackers = attempt
            .client_ip
            .is_some_and(|ip| self.roles.of(ip) == Some(AddressRole::Attacker));
        // a thief's log-in protects nobody
        if let (Some(up), Some(ip), Some(user)) = (attempt.up, attempt.client_ip, &attempt.user)
            && !(of_attackers && attempt.last_seen >= self.case.since)
        {
            self.known.login(ip, user, up);
        }
        if attempt.outcome == Outcome::Open && (of_attackers || self.stolen.contains(&attempt.id)) {
            self.sessions.push(kick::session(&attempt));
        }
        ControlFlow::Continue(())
    }
}

/// What is to be done, and how much of it.
struct Decided {
    work: Work,
    held: Option<Held>,
    /// Blocks to be made, addresses that attack, sessions to end.
    counts: (u64, u64, u64),
}

/// Decides as `tunlog block` and `tunlog kick` do.
fn decide(args: &IsolateArgs, directory: &Directory, open: &Open<'_>) -> Result<Decided, Failure> {
    let settings = settings::respond(args.making.config.as_deref())?;
    let mut limits = settings.limits;
    limits.per_hour = args.per_hour.unwrap_or(limits.per_hour);
    let typed = args.duration.as_deref().map(when::duration).transpose();
    let seconds = typed
        .and_then(|typed| limits.duration(Some(typed.unwrap_or(BLOCK_S.min(limits.longest_s)))))
        .map_err(|problem| Failure::Message(format!("--for: {problem}")))?;
    let backend = args.backend.as_deref().or(settings.backend.as_deref());
    let chosen = choose(backend, &settings.options)?;
    let guard = block::guard(&settings, args.making.apply)?;
    let path = ledger_path(args.making.ledger.as_ref(), &settings);
    let held = if args.making.apply {
        Some(Held::open(&path)?)
    } else {
        None
    };
    let read = if held.is_none() {
        ledger::read(&path)?
    } else {
        Ledger::new()
    };
    let ledger = held.as_ref().map_or(&read, |held| &held.ledger);
    let latitude = Latitude {
        force: args.force,
        private: args.private,
    };
    let orders = orders(&directory.case, seconds, directory.now)?;
    let attackers = orders.len() as u64;
    let by = chosen.backend.name();
    let live = match args.making.apply {
        true => ask_live(&chosen, &settings.options, ledger, args.case.quiet),
        false => None,
    };
    let standing = Standing {
        ledger,
        limits: &limits,
        live: live.as_deref(),
        now: directory.now,
    };
    let planned = request(orders, by, (&guard, latitude), &open.known, standing);
    let mut work = block::work(&chosen, &settings, planned, live.is_some());
    let blocks = work.to_do.len() as u64;
    let asked = KickArgs {
        making: args.making.clone(),
        reason: Some(directory.case.id.clone()),
        ..KickArgs::default()
    };
    let kicks = kick::work(&asked, &open.sessions)?;
    let ended = kicks.to_do.len() as u64;
    work.to_do.extend(kicks.to_do);
    work.other.extend(kicks.other);
    Ok(Decided {
        work,
        held,
        counts: (blocks, attackers, ended),
    })
}

/// Isolates, or shows what would.
pub fn run(args: &IsolateArgs) -> Result<u8, Failure> {
    let directory = Directory::open(&args.case)?;
    let is_rows = args.case.form.is_rows()?;
    let open = read(&directory.case, args.case.quiet)?;
    let Decided { work, held, counts } = decide(args, &directory, &open)?;
    directory.clear("isolate")?;
    directory.write("isolate/plan.txt", plan(&work, &directory.case).as_bytes())?;
    directory.write("isolate/plan.jsonl", &rows(&work)?)?;
    let mut dialects: Vec<String> = open.dialects.iter().map(|word| (*word).to_owned()).collect();
    dialects.sort();
    let told = write_snippets(&directory, &dialects)?;
    let page = Page::open(&Common {
        output: is_rows.then_some(Output::Jsonl),
        quiet: args.case.quiet,
        ..Common::default()
    })?;
    // writes down and stops at the first step that fails, as `tunlog block` and `kick` do
    let status = finish(work, &args.making, page, held)?;
    let done = match (args.making.apply, status) {
        (false, _) => "shown",
        (true, 2) => "tried, and failed at a step",
        (true, _) => "done",
    };
    let result = format!(
        "{} for {}, {} to end: {done}",
        counted(counts.0, "block", "blocks"),
        counted(counts.1, "attacker's address", "attackers' addresses"),
        counted(counts.2, "session", "sessions")
    );
    let root = directory.root().display().to_string();
    let signed = directory.done("isolate", &result)?;
    if !is_rows {
        let next = match args.making.apply {
            true => String::new(),
            false => {
                format!("  tunlog incident isolate {root} --apply     does it, as `tunlog block` and `kick` do\n")
            }
        };
        print(&format!(
            "isolate: {result}\n{told}{signed}next:\n{next}  tunlog incident collect {root}\n"
        ))?;
    }
    Ok(if status == 2 { 2 } else { 0 })
}

fn read(case: &Case, quiet: bool) -> Result<Open<'_>, Failure> {
    let gathered = gather(case, true, false)?;
    let mut again = setup(case, quiet, false, Wants::Diagnoses)?;
    again.settings.evidence = false;
    let mut open = Open {
        case,
        roles: case.roles(),
        stolen: gathered.known.stolen.iter().map(|session| session.id).collect(),
        sessions: Vec::new(),
        known: KnownLogins::new(),
        dialects: HashSet::new(),
    };
    let found = std::mem::take(&mut again.found);
    let summary = tunlog_pipeline::run(found, &again.catalogue, &again.settings, &mut open);
    let _ = again.close(&summary, 1);
    Ok(open)
}

/// Those who attack are kept out; an honest person's machine is not.
fn orders(case: &Case, seconds: u64, now: i64) -> Result<Vec<Order>, Failure> {
    let attackers = case
        .addresses
        .iter()
        .filter(|address| address.role == AddressRole::Attacker);
    let order = |address: &tunlog_incident::case::Address| {
        let prefix = Prefix::new(address.network.address, address.network.bits).map_err(Failure::Message)?;
        Ok(Order::new(prefix, seconds, format!("incident {}", case.id), now))
    };
    attackers.map(order).collect()
}

fn plan(work: &Work, case: &Case) -> String {
    let mut out = format!("# {}: what shuts the attackers out, in this order\n", case.id);
    for entry in work.steps() {
        let _ = writeln!(out, "\n# {} {}", entry.action.word(), text::visible(&entry.target));
        out.push_str(&entry.plan.render());
    }
    for entry in &work.other {
        let why = entry.why.as_deref().unwrap_or_default();
        let line = format!(
            "{} {}: {}: {why}",
            entry.action.word(),
            entry.target,
            entry.outcome.word()
        );
        let _ = writeln!(out, "\n# {}", text::visible(&line));
    }
    let honest = case
        .addresses
        .iter()
        .filter(|address| address.role == AddressRole::CompromisedSource);
    for address in honest {
        let _ = writeln!(
            out,
            "\n# {} is an honest person's machine: not blocked; tell its owner",
            address.network
        );
    }
    out
}

fn rows(work: &Work) -> Result<Vec<u8>, Failure> {
    let look = tunlog_report::Look {
        zone: jiff::tz::TimeZone::UTC,
        color: false,
    };
    let mut printer = Printer::new(Format::Jsonl, "action", Entry::COLUMNS, look);
    let mut out = Vec::new();
    for entry in work.steps().chain(&work.other) {
        printer.row(Entry::COLUMNS, entry, &mut out)?;
    }
    Ok(out)
}

fn write_snippets(directory: &Directory, dialects: &[String]) -> Result<String, Failure> {
    let mut told = String::new();
    for snippet in snippets(dialects) {
        let path = format!("isolate/settings/{}", snippet.file);
        directory.write(&path, snippet.text.as_bytes())?;
        let _ = writeln!(told, "  {path}: {}", snippet.does);
    }
    Ok(told)
}
