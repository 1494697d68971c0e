//! `tunlog explain`: a message, a cause, a code or a line of a log.

mod line;
mod list;
mod near;
mod search;
#[cfg(test)]
mod tests;
mod words;

use std::io::{Read as _, Write as _};

use tunlog_decode::Catalogue;
use tunlog_report::explain::{COLUMNS, Explanation};
use tunlog_report::{Format, Look, Printer};

pub use words::{of_message, of_word};

use crate::args::{ExplainArgs, Output as Form};
use crate::config;
use crate::output::{Failure, Output, tell, wants_color, width};

/// More than these are listed, not told in full.
const FULL_MAX: usize = 3;
/// Bytes that are read from standard input.
const INPUT_BYTES_MAX: u64 = 64 << 20;

/// Prints what is known; 1 if nothing is.
pub fn run(args: &ExplainArgs) -> Result<u8, Failure> {
    args.output.map_or(Ok(Format::Table), config::format)?;
    let loaded = config::catalogue();
    let catalogue = &loaded.catalogue.heeding_services();
    let asked = args.words.join(" ");
    let asked = asked.trim();
    let code = match (args.list, asked) {
        (true, which) => list::run(which, catalogue, args)?,
        (false, "-") => {
            let mut input = Vec::new();
            let read = std::io::stdin().lock().take(INPUT_BYTES_MAX).read_to_end(&mut input);
            read.map_err(|error| Failure::Message(format!("standard input: {}", crate::output::cause(&error))))?;
            let (found, unknown) = line::lines(input, catalogue);
            show(&group(found, args), args)?;
            if unknown > 0 {
                let lines = if unknown == 1 { "line" } else { "lines" };
                tell(&format!(
                    "{unknown} {lines} not known; `tunlog unknown` groups those of VPN daemons"
                ));
            }
            u8::from(unknown > 0)
        }
        (false, asked) => {
            let found = find(asked, catalogue);
            show(&found, args)?;
            if found.is_empty() {
                tell(&near::unknown(asked, catalogue));
            }
            u8::from(found.is_empty())
        }
    };
    Ok(if loaded.faulty { 2 } else { code })
}

/// What is known of a message, cause, code or line, for others than people; the most useful first.
pub fn known(asked: &str, catalogue: &Catalogue) -> Vec<Explanation> {
    find(asked.trim(), catalogue)
        .into_iter()
        .map(|(_, explanation)| explanation)
        .collect()
}

/// What answers, the most useful first: the rank of the answer and the answer.
fn find(asked: &str, catalogue: &Catalogue) -> Vec<(u8, Explanation)> {
    if let Some(rule) = tunlog_analysis::detect::rule(&asked.to_ascii_lowercase()) {
        return vec![(0, words::of_rule(rule))];
    }
    if let Some(rule) = tunlog_audit::rule(&asked.to_ascii_lowercase()) {
        return vec![(0, words::of_check(rule))];
    }
    let hits = search::find(asked, catalogue);
    if !hits.is_empty() {
        return hits
            .iter()
            .map(|(rank, hit)| (*rank, words::explanation(hit, catalogue)))
            .collect();
    }
    let (found, _) = line::lines(asked.as_bytes().to_vec(), catalogue);
    if !found.is_empty() {
        return found.into_iter().map(|explanation| (0, explanation)).collect();
    }
    let hits = search::number_inside(asked);
    hits.iter()
        .map(|(rank, hit)| (*rank, words::explanation(hit, catalogue)))
        .collect()
}

/// Lines of one message are told once to people; other forms have them all.
fn group(found: Vec<Explanation>, args: &ExplainArgs) -> Vec<(u8, Explanation)> {
    let for_people = format(args) == Format::Table;
    let mut seen = std::collections::HashSet::new();
    found
        .into_iter()
        .filter(|explanation| !for_people || seen.insert(explanation.id.clone()))
        .map(|explanation| (0, explanation))
        .collect()
}

fn format(args: &ExplainArgs) -> Format {
    match args.json {
        true => Format::Jsonl,
        // `run` has refused the forms that are none
        false => config::format(args.output.unwrap_or(Form::Table)).unwrap_or(Format::Table),
    }
}

fn show(found: &[(u8, Explanation)], args: &ExplainArgs) -> Result<(), Failure> {
    let look = Look {
        zone: jiff::tz::TimeZone::UTC,
        color: wants_color(args.color, false),
    };
    let mut out = Output::open(None)?;
    if format(args) != Format::Table {
        let mut printer = Printer::new(format(args), "explanation", COLUMNS, look);
        for (_, explanation) in found {
            printer.row(COLUMNS, explanation, &mut out)?;
        }
        printer.finish(&mut out)?;
        return out.finish();
    }
    let full = in_full(found);
    for (at, (_, explanation)) in found[..full].iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        explanation.print(&look, width(), &mut out)?;
    }
    if full < found.len() {
        if full > 0 {
            writeln!(out, "\nalso")?;
        }
        list::print(
            found[full..].iter().map(|(_, explanation)| list::row(explanation)),
            &look,
            &mut out,
        )?;
        writeln!(out, "\n`tunlog explain ID` tells more of each.")?;
    }
    out.finish()
}

/// How many are told in full: whole ranks, as long as they are few. What somebody pasted is told in any case.
fn in_full(found: &[(u8, Explanation)]) -> usize {
    if found.iter().all(|(_, explanation)| explanation.line.is_some()) {
        return found.len();
    }
    let mut full = 0;
    while let Some((rank, _)) = found.get(full) {
        let end = found.partition_point(|(other, _)| other <= rank);
        if end > FULL_MAX {
            break;
        }
        full = end;
    }
    full
}
