//! `tunlog block`, `unblock`, `blocked` and `kick`: what they share. What is done is decided in `tunlog_respond`, and done in `act`.

pub mod block;
pub mod blocked;
pub mod kick;
pub mod unblock;

use std::path::PathBuf;

use tunlog_analysis::detect;
use tunlog_model::text::visible;
use tunlog_report::{Addition, Format, Look, Printer};
use tunlog_respond::backend::{self, Backend, Live, Options};
use tunlog_respond::{Action, Entry, Ledger, Outcome, Plan, Refusal};

use crate::args::{Common, Making};
use crate::ledger::Held;
use crate::output::{Failure, Output, tell, wants_color};
use crate::settings::Respond;
use crate::{act, config, ledger};

/// The present, microseconds UTC.
pub(in crate::command) fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

/// Where actions are written down.
pub(in crate::command) fn ledger_path(typed: Option<&PathBuf>, settings: &Respond) -> PathBuf {
    let path = typed.or(settings.ledger.as_ref()).cloned();
    path.unwrap_or_else(ledger::default_path)
}

/// Who asks for it: the user behind sudo, if there is one.
fn operator() -> Option<String> {
    ["SUDO_USER", "USER", "LOGNAME"]
        .iter()
        .filter_map(|key| std::env::var(key).ok())
        .find(|name| !name.is_empty())
}

/// A backend, and how it was come by.
pub(in crate::command) struct Chosen {
    pub(in crate::command) backend: &'static dyn Backend,
    /// For people: `in use here already`.
    because: &'static str,
}

/// The backend that is named; else the first that is in use for us here; else the first whose programs are here.
pub(in crate::command) fn choose(named: Option<&str>, options: &Options) -> Result<Chosen, Failure> {
    if let Some(word) = named {
        let backend = backend::named(word).map_err(Failure::Message)?;
        let missing = backend.programs().iter().any(|program| !act::has(program));
        let because = if missing {
            "its programs are not on this machine"
        } else {
            "as you said"
        };
        return Ok(Chosen { backend, because });
    }
    let here = |backend: &&&dyn Backend| {
        let programs = backend.programs();
        !programs.is_empty() && programs.iter().all(|program| act::has(program))
    };
    let present = || backend::ALL.iter().filter(here);
    // chosen by itself it would ask itself
    let usable = present().filter(|backend| !backend.may_ask_us());
    if let Some(backend) = usable.into_iter().find(|backend| act::is_in_use(**backend, options)) {
        let because = "in use here already";
        return Ok(Chosen {
            backend: *backend,
            because,
        });
    }
    // jails, decisions and anchors need somebody who asks them: nobody's default unless they are in use
    let because = "found here";
    let alone = |backend: &&&dyn Backend| ["nftables", "iptables"].contains(&backend.name());
    Ok(match present().find(alone) {
        Some(backend) => Chosen {
            backend: *backend,
            because,
        },
        None => Chosen {
            backend: backend::ALL[0],
            because: "no firewall that tunlog knows was found here; --backend names another",
        },
    })
}

/// An entry about a target, of which nothing is known yet but the plan.
fn entry(action: Action, target: String, plan: Plan) -> Entry {
    Entry {
        time: now(),
        action,
        outcome: Outcome::Planned,
        target,
        by: plan.by.to_owned(),
        until: None,
        reason: None,
        why: None,
        user: None,
        operator: operator(),
        plan,
    }
}

/// An entry of what is not done.
fn refused(action: Action, by: &str, refusal: &Refusal) -> Entry {
    Entry {
        outcome: Outcome::Refused,
        by: by.to_owned(),
        why: Some(format!("{}: {}", refusal.reason.word(), refusal.why)),
        ..entry(action, refusal.target.clone(), Plan::default())
    }
}

/// What the backend says that it keeps out; nothing if it cannot say, or if the ledger knows of nothing that it should.
pub(in crate::command) fn ask_live(
    chosen: &Chosen,
    options: &Options,
    ledger: &Ledger,
    quiet: bool,
) -> Option<Vec<Live>> {
    let by = chosen.backend.name();
    if ledger.active(by, now()).next().is_none() || chosen.backend.list(options).is_empty() {
        return None;
    }
    match act::live(chosen.backend, options) {
        Ok(live) => Some(live),
        Err(problem) => {
            if !quiet {
                tell(&format!(
                    "{by} cannot be asked what it keeps out, the ledger is believed: {}",
                    visible(&problem)
                ));
            }
            None
        }
    }
}

/// The output: rows in the form that was asked for, or text for people.
pub(in crate::command) struct Page {
    format: Format,
    out: Output,
    printer: Printer,
    quiet: bool,
}

impl Page {
    pub(in crate::command) fn open(common: &Common) -> Result<Page, Failure> {
        let format = config::format_of(common)?;
        let look = look(common);
        Ok(Page {
            format,
            out: Output::open(common.to.as_deref())?,
            printer: Printer::new(format, "action", Entry::COLUMNS, look),
            quiet: common.quiet,
        })
    }

    fn is_for_people(&self) -> bool {
        self.format == Format::Table
    }

    /// Text for people: lines of ours, foreign parts made harmless already.
    fn text(&mut self, text: &str) -> Result<(), Failure> {
        use std::io::Write as _;
        Ok(self.out.write_all(text.as_bytes())?)
    }

    fn row(&mut self, entry: &Entry) -> Result<(), Failure> {
        let note = match &entry.why {
            Some(why) if self.is_for_people() => format!("  why         {}\n", visible(why)),
            _ => String::new(),
        };
        let added = Addition { note, cell: None };
        Ok(self.printer.row_and(Entry::COLUMNS, entry, added, &mut self.out)?)
    }

    fn finish(mut self, rows: bool) -> Result<(), Failure> {
        if rows || !self.is_for_people() {
            self.printer.finish(&mut self.out)?;
        }
        self.out.finish()
    }
}

fn look(common: &Common) -> Look {
    use jiff::tz::TimeZone;
    let zone = match common.utc {
        true => TimeZone::UTC,
        false => TimeZone::try_system().unwrap_or(TimeZone::UTC),
    };
    Look {
        zone,
        color: wants_color(common.color, common.to.is_some()),
    }
}

/// What is to be done, and what is not.
#[derive(Default)]
pub(in crate::command) struct Work {
    /// Before the first of the others; nothing if they are none.
    pub(in crate::command) set_up: Option<Entry>,
    /// In this order.
    pub(in crate::command) to_do: Vec<Entry>,
    /// Refused, or not needed.
    pub(in crate::command) other: Vec<Entry>,
    /// A line for people, above the steps.
    head: String,
}

impl Work {
    pub(in crate::command) fn steps(&self) -> impl Iterator<Item = &Entry> {
        self.set_up.iter().chain(&self.to_do)
    }

    /// Shows what would be done.
    fn show(&self, mut page: Page) -> Result<(), Failure> {
        if !page.is_for_people() {
            for entry in self.steps().chain(&self.other) {
                page.row(entry)?;
            }
            return page.finish(true);
        }
        let mut whole = Plan::default();
        for entry in self.steps() {
            whole.steps.extend(entry.plan.steps.iter().cloned());
            whole.undo.extend(entry.plan.undo.iter().cloned());
            for note in &entry.plan.notes {
                if !whole.notes.contains(note) {
                    whole.notes.push(note.clone());
                }
            }
        }
        if !self.to_do.is_empty() {
            page.text(&format!("# {}\n{}", visible(&self.head), whole.render()))?;
        }
        for entry in &self.other {
            let why = entry.why.as_deref().unwrap_or_default();
            let line = format!("{}: {}: {why}", entry.target, entry.outcome.word());
            page.text(&format!("# {}\n", visible(&line)))?;
        }
        let quiet = page.quiet || self.to_do.is_empty();
        page.finish(false)?;
        if !quiet {
            tell("nothing was done: --apply does it");
        }
        Ok(())
    }

    /// Does it, writes it down, and stops at the first step that fails. Whether all of it was done.
    fn carry_out(self, mut page: Page, held: &mut Held) -> Result<bool, Failure> {
        held.write_all(&self.other)?;
        let (mut done, mut failed) = (Vec::new(), None);
        let mut left = self.steps().count();
        for mut entry in self.set_up.into_iter().chain(self.to_do) {
            left -= 1;
            let asks_us = backend::named(&entry.by).is_ok_and(Backend::may_ask_us);
            let carried = match asks_us {
                true => held.let_others(|| act::carry_out(&entry.plan))?,
                false => act::carry_out(&entry.plan),
            };
            entry.outcome = if carried.is_ok() {
                Outcome::Done
            } else {
                Outcome::Failed
            };
            entry.why = carried.err();
            held.write(&entry)?;
            page.row(&entry)?;
            if entry.outcome == Outcome::Failed {
                failed = Some(entry);
                break;
            }
            done.push(entry);
        }
        for entry in &self.other {
            page.row(entry)?;
        }
        page.finish(true)?;
        match failed {
            Some(entry) => {
                tell_failure(&entry, &done, left);
                Ok(false)
            }
            None => Ok(true),
        }
    }
}

/// Says what failed, what was done before it, and how that is undone.
fn tell_failure(failed: &Entry, done: &[Entry], left: usize) {
    let why = failed.why.as_deref().unwrap_or_default();
    tell(&format!("{} {}: {why}", failed.action.word(), failed.target));
    if left > 0 {
        tell(&format!("{left} more stood behind it, and were not done"));
    }
    for step in &failed.plan.undo {
        tell(&format!(
            "if some of it was done, this undoes it: {}",
            step.command().replace('\n', "; ")
        ));
    }
    let blocked: Vec<&str> = done
        .iter()
        .filter(|entry| entry.action == Action::Block)
        .map(|entry| entry.target.as_str())
        .collect();
    if !blocked.is_empty() {
        tell(&format!(
            "done before: `tunlog unblock {} --apply` undoes it",
            blocked.join(" ")
        ));
    }
}

/// Shows the work, or does it. The exit status.
pub(in crate::command) fn finish(work: Work, making: &Making, page: Page, held: Option<Held>) -> Result<u8, Failure> {
    let nothing = work.to_do.is_empty() && !work.other.iter().any(|entry| entry.outcome == Outcome::Unneeded);
    let Some(mut held) = held.filter(|_| making.apply) else {
        work.show(page)?;
        return Ok(u8::from(nothing));
    };
    if let Some(entry) = work.to_do.iter().find(|entry| !entry.plan.is_run()) {
        return Err(Failure::Message(format!(
            "{} is text to paste elsewhere, and cannot be done from here: leave --apply out",
            entry.by
        )));
    }
    match work.carry_out(page, &mut held)? {
        true => Ok(u8::from(nothing)),
        false => Ok(2),
    }
}

/// The rules whose findings accuse somebody: what they name may be blocked.
pub(in crate::command) fn accusing_rules() -> impl Iterator<Item = &'static str> {
    let accusing = detect::ALL.iter().filter(|rule| rule.nature == detect::Nature::Attack);
    accusing.map(|rule| rule.name)
}

/// Whether a rule is one of them.
fn accuses(rule: &str) -> bool {
    accusing_rules().any(|name| name == rule)
}
