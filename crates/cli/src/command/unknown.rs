//! `tunlog unknown`: the lines of VPN daemons that were not understood.

use std::ops::ControlFlow;

use tunlog_analysis::statistics::unknown::{COLUMNS, Shapes, UnknownLine, UnknownRow};
use tunlog_model::{Cell, text};
use tunlog_pipeline::{Sources, Subscriber, UnrecognisedLine, Wants};
use tunlog_report::{Addition, Format, Printer};

use crate::args::ListArgs;
use crate::config::Setup;
use crate::output::{Failure, tell};

#[derive(Default)]
struct Collect(Shapes);

impl Subscriber for Collect {
    fn unrecognised(&mut self, line: &UnrecognisedLine<'_>, sources: &Sources) -> ControlFlow<()> {
        self.0.add(&UnknownLine {
            dialect: line.dialect,
            body: line.body,
            record: line.raw,
            source: sources.name(line.source),
            line: line.line,
        });
        ControlFlow::Continue(())
    }
}

/// Prints the shapes, the most frequent first.
pub fn run(args: &ListArgs) -> Result<u8, Failure> {
    let mut setup = Setup::new(&args.input.common, &args.input.paths, false, Wants::Unrecognised)?;
    let mut out = setup.output()?;
    if !setup.filter.takes_unknown() && !setup.quiet {
        tell("a line that was not understood has no user, address or gateway to choose by: nothing is printed");
    }
    let mut collect = Collect::default();
    let found = std::mem::take(&mut setup.found);
    let mut summary = tunlog_pipeline::run(found, &setup.catalogue, &setup.settings, &mut collect);
    summary.unrecognised = 0; // they are the output: no need to point there
    if !setup.filter.takes_unknown() {
        collect = Collect::default();
    }
    let printer = Printer::new(setup.format, "unknown", COLUMNS, setup.look.clone());
    let mut printer = if args.explain {
        printer.adding(ENTRY_KEY)
    } else {
        printer
    };
    for row in collect
        .0
        .rows()
        .iter()
        .take(usize::try_from(setup.limit).unwrap_or(usize::MAX))
    {
        let added = if args.explain { entry(row) } else { Addition::default() };
        printer.row_and(COLUMNS, row, added, &mut out)?;
    }
    printer.finish(&mut out)?;
    out.finish()?;
    if printer.rows() > 0 && !args.explain && !setup.quiet && setup.format == Format::Table {
        tell(
            "`tunlog unknown -x` writes the beginning of a dialect entry for each; CONTRIBUTING.md tells how to go on",
        );
    }
    Ok(setup.close(&summary, printer.rows()))
}

/// The key of an entry that was added to a row.
const ENTRY_KEY: &str = "entry";

/// The beginning of a dialect entry for lines of a shape, sound as it stands; a line under the row tells where the first
/// of them is.
fn entry(row: &UnknownRow) -> Addition {
    let (template, line) = (quoted(&row.template()), quoted(&row.example));
    let entry = format!(
        "[[message]]
id       = \"say-what-it-tells\"
template = {template}
severity = \"info\"
layer    = \"system\"
event    = \"system-message\"
meaning  = \"What it tells the administrator.\"
cause    = \"none\"
action   = \"none\"

[[message.example]]
line   = {line}
from   = \"wild\"
"
    );
    let place = format!("first at {}:{}\n", row.source, row.line);
    let lines = place.lines().chain(entry.lines());
    let note = lines.map(|line| format!("    {}", text::visible(line)).trim_end().to_owned() + "\n");
    Addition {
        note: note.collect(),
        cell: Some((ENTRY_KEY, Cell::Text(entry))),
    }
}

/// A TOML string.
fn quoted(text: &str) -> String {
    if !text.contains('\'') && !text.chars().any(char::is_control) {
        return format!("'{text}'");
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out + "\""
}
