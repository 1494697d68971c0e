//! `tunlog incident remediate`: what is left to do, ticked off with who and when.

use std::fmt::Write as _;
use std::path::PathBuf;

use tunlog_incident::facts::Facts;
use tunlog_incident::playbook::{BYTES_MAX, Playbook};
use tunlog_incident::remediation::{Item, State, items, lines, markdown, parse, progress};
use tunlog_incident::text::counted;
use tunlog_model::text;
use tunlog_report::local;

use super::args::RemediateArgs;
use super::directory::Directory;
use super::{print, print_rows};
use crate::config::folders;
use crate::output::{Failure, cause, tell};

/// The playbook: the built-in one, the machine's, the user's.
///
/// # Errors
/// What is wrong with a file.
pub fn playbook() -> Result<Playbook, Failure> {
    let mut playbook = Playbook::builtin();
    for folder in folders() {
        let path: PathBuf = folder.join("playbook.toml");
        let failed = |words: String| Failure::Message(format!("{}: {words}", path.display()));
        match std::fs::metadata(&path) {
            Err(_) => continue,
            Ok(found) if found.len() > BYTES_MAX as u64 => {
                return Err(failed("is too large for a playbook".to_owned()));
            }
            Ok(_) => {}
        }
        let text = std::fs::read_to_string(&path).map_err(|error| failed(format!("cannot read: {}", cause(&error))))?;
        playbook.take(&text).map_err(failed)?;
    }
    Ok(playbook)
}

/// What the last analysis came to.
pub fn facts(directory: &Directory) -> Option<Facts> {
    let accounts = directory.read("analysis/accounts.jsonl").unwrap_or_default();
    Facts::parse(&directory.read("analysis/facts.json")?, &accounts)
}

/// The steps of an incident as they stand now.
///
/// # Errors
/// If the playbook cannot be read.
pub fn steps(directory: &Directory, facts: &Facts) -> Result<Vec<Item>, Failure> {
    let before = parse(&directory.read("remediation.jsonl").unwrap_or_default());
    let whole = std::path::absolute(directory.root()).unwrap_or_else(|_| directory.root().to_owned());
    let playbook = playbook()?;
    Ok(items(
        &playbook,
        &directory.case,
        facts,
        &whole.display().to_string(),
        &before,
    ))
}

/// Writes both forms.
///
/// # Errors
/// If they cannot be written.
pub fn write(directory: &Directory, items: &[Item]) -> Result<(), Failure> {
    directory.write("remediation.jsonl", lines(items).as_bytes())?;
    directory.write("remediation.md", markdown(items, &directory.case).as_bytes())
}

/// Remediates.
pub fn run(args: &RemediateArgs) -> Result<u8, Failure> {
    let is_rows = args.case.form.is_rows()?;
    let directory = Directory::open(&args.case)?;
    let facts = facts(&directory).unwrap_or_else(|| {
        tell("nothing was analysed yet: steps for accounts and sessions come after `tunlog incident analyse`");
        Facts::default()
    });
    let mut items = steps(&directory, &facts)?;
    let mut ticked = Vec::new();
    for (state, numbers) in [
        (State::Done, &args.done),
        (State::Skipped, &args.skip),
        (State::Open, &args.open),
    ] {
        for number in numbers {
            let count = items.len();
            let at = usize::try_from(*number).unwrap_or(usize::MAX).wrapping_sub(1);
            let Some(item) = items.get_mut(at) else {
                return Err(Failure::Message(format!("there is no step {number}: 1 to {count}")));
            };
            item.state = state;
            (item.by, item.at, item.note) = match state {
                State::Open => (None, None, None),
                State::Done | State::Skipped => (Some(directory.who.clone()), Some(directory.now), args.note.clone()),
            };
            ticked.push(format!("{} {}", item.key, state.word()));
        }
    }
    write(&directory, &items)?;
    let (done, all) = progress(&items);
    let result = match ticked.is_empty() {
        true => format!("{}, {done} done or skipped", counted(all as u64, "step", "steps")),
        false => format!("{}; {done} of {all} done or skipped", ticked.join(", ")),
    };
    let listed = listed(&items, args.all);
    let root = directory.root().display().to_string();
    let signed = directory.done("remediate", &result)?;
    if is_rows {
        print_rows(&lines(&items))?;
        return Ok(0);
    }
    let next = match done == all {
        true => format!("everything is done or skipped\nnext: tunlog incident report {root}\n"),
        false => format!("next: tunlog incident remediate {root} --done N --note TEXT, or --skip N\n"),
    };
    print(&format!(
        "{listed}{result}\nwhole, with commands: {root}/remediation.md\n{signed}{next}"
    ))?;
    Ok(0)
}

/// The open steps, all if asked for.
fn listed(items: &[Item], all: bool) -> String {
    let mut out = String::new();
    let mut phase = "";
    for (at, item) in items.iter().enumerate() {
        if item.state != State::Open && !all {
            continue;
        }
        if item.phase != phase {
            phase = &item.phase;
            let _ = writeln!(out, "{phase}");
        }
        let mark = match item.state {
            State::Open => " ",
            State::Done => "x",
            State::Skipped => "-",
        };
        let _ = writeln!(out, "{mark} {:>3}  {}", at + 1, item.text);
        for command in &item.commands {
            for line in command.lines() {
                let _ = writeln!(out, "         {}", text::visible(line));
            }
        }
        if let (Some(by), Some(time)) = (&item.by, item.at) {
            let note = item
                .note
                .as_deref()
                .map_or(String::new(), |note| format!(": {}", text::visible(note)));
            let time = local(
                time,
                &jiff::tz::TimeZone::try_system().unwrap_or(jiff::tz::TimeZone::UTC),
                "%Y-%m-%d %H:%M",
            );
            let _ = writeln!(
                out,
                "         {} by {} at {time}{note}",
                item.state.word(),
                text::visible(by)
            );
        }
    }
    out
}
