//! `tunlog explain --list`: what may be asked for, a line each.

use std::io::{self, Write};

use tunlog_analysis::detect::ALL;
use tunlog_decode::{Catalogue, codes};
use tunlog_report::explain::{COLUMNS, Explanation};
use tunlog_report::{Format, Look, Printer, Shown, Table};

use super::words::{self, Hit};
use super::{format, search};
use crate::args::ExplainArgs;
use crate::output::{Failure, Output, tell, wants_color};

/// Characters of a meaning that a list shows.
const MEANING_CHARS_MAX: usize = 90;

/// Lists the families and dialects, or what is in one of them.
pub fn run(which: &str, catalogue: &Catalogue, args: &ExplainArgs) -> Result<u8, Failure> {
    let look = Look {
        zone: jiff::tz::TimeZone::UTC,
        color: wants_color(args.color, false),
    };
    let mut out = Output::open(None)?;
    let rules = match search::folded(which).as_str() {
        words::RULES => Some(ALL.iter().map(|rule| words::of_rule(rule)).collect()),
        words::CHECKS => Some(tunlog_audit::rules().map(words::of_check).collect()),
        _ => None,
    };
    if let Some(rules) = rules {
        return of_rules(rules, args, look);
    }
    let hits = members(which, catalogue);
    let people = format(args) == Format::Table;
    if which.is_empty() && people {
        print(overview(catalogue).into_iter(), &look, &mut out)?;
        writeln!(out, "\n`tunlog explain --list NAME` lists one of them, with every id.")?;
    } else if people {
        print(hits.iter().map(row_of), &look, &mut out)?;
    } else {
        let mut printer = Printer::new(format(args), "explanation", COLUMNS, look);
        for hit in &hits {
            printer.row(COLUMNS, &words::explanation(hit, catalogue), &mut out)?;
        }
        printer.finish(&mut out)?;
    }
    out.finish()?;
    if hits.is_empty() {
        tell(&format!(
            "`{which}` is no dialect, family, layer, cause or kind of event; `tunlog explain --list` names them"
        ));
    }
    Ok(u8::from(hits.is_empty()))
}

/// The rules of `detect`, or the checks of `audit`.
fn of_rules(all: Vec<Explanation>, args: &ExplainArgs, look: Look) -> Result<u8, Failure> {
    let mut out = Output::open(None)?;
    if format(args) == Format::Table {
        print(all.iter().map(row), &look, &mut out)?;
    } else {
        let mut printer = Printer::new(format(args), "explanation", COLUMNS, look);
        for explanation in &all {
            printer.row(COLUMNS, explanation, &mut out)?;
        }
        printer.finish(&mut out)?;
    }
    out.finish()?;
    Ok(0)
}

/// What belongs to a dialect, a family, a layer, a cause or a kind of event; with no name, everything.
fn members(which: &str, catalogue: &Catalogue) -> Vec<Hit> {
    let word = search::folded(which);
    let messages = catalogue.listed().filter(|listed| {
        let names = [
            listed.dialect(),
            listed.layer(),
            listed.event(),
            listed.blames(),
            listed.end_reason(),
        ];
        word.is_empty() || names.contains(&word.as_str())
    });
    let families = codes::FAMILIES
        .iter()
        .filter(|family| word.is_empty() || search::family_named(which).is_some_and(|asked| asked.name == family.name));
    let codes = families.flat_map(|family| family.codes).map(Hit::Code);
    codes.chain(messages.map(Hit::Message)).collect()
}

/// The families and the dialects with their numbers.
fn overview(catalogue: &Catalogue) -> Vec<(String, String)> {
    let families = codes::FAMILIES.iter().map(|family| {
        (
            family.name.to_owned(),
            format!("{} ({})", family.title, family.codes.len()),
        )
    });
    let dialects = catalogue.dialects().iter().map(|dialect| {
        let count = catalogue
            .listed()
            .filter(|listed| listed.dialect() == dialect.name)
            .count();
        (
            dialect.name.to_owned(),
            format!("messages of {} ({count})", dialect.name),
        )
    });
    let rules = (
        words::RULES.to_owned(),
        format!("rules of tunlog detect ({})", ALL.len()),
    );
    let checks = (
        words::CHECKS.to_owned(),
        format!("checks of tunlog audit ({})", tunlog_audit::rules().count()),
    );
    families.chain([rules, checks]).chain(dialects).collect()
}

/// Rows of id and meaning.
pub fn print(rows: impl Iterator<Item = (String, String)>, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new(vec!["", ""], look.color);
    for (id, meaning) in rows {
        table.row(vec![Shown::left(&id), Shown::left(&meaning)], out)?;
    }
    table.finish(out)
}

/// Of an explanation.
pub fn row(explanation: &Explanation) -> (String, String) {
    let name = explanation.name.filter(|_| explanation.dialect.is_none());
    (
        explanation.id.clone(),
        named(name.unwrap_or_default(), explanation.meaning),
    )
}

fn row_of(hit: &Hit) -> (String, String) {
    match hit {
        Hit::Message(listed) => (format!("{}/{}", listed.dialect(), listed.id()), short(listed.meaning())),
        Hit::Code(code) => (code.id.to_owned(), named(code.name, code.meaning)),
    }
}

fn named(name: &str, meaning: &str) -> String {
    match name {
        "" => short(meaning),
        name => short(&format!("{name}: {meaning}")),
    }
}

/// The beginning of a text, cut at a blank.
fn short(text: &str) -> String {
    if text.chars().count() <= MEANING_CHARS_MAX {
        return text.to_owned();
    }
    let cut: String = text.chars().take(MEANING_CHARS_MAX).collect();
    let end = cut.rfind(' ').unwrap_or(cut.len());
    format!("{}…", cut[..end].trim_end_matches([',', ':', ';', '.']))
}
