//! `tunlog explain`: a message, a cause, a code or a line of a log.

use std::io::Write as _;

use tunlog_decode::Catalogue;
use tunlog_ingest::{Chunk, Framer, Options};
use tunlog_model::{EveryApp, Payload};
use tunlog_report::explain::{COLUMNS, Explanation};
use tunlog_report::{Format, Look, Printer};

use crate::args::{ExplainArgs, Output as Form};
use crate::output::{Failure, Output, wants_color};
use crate::{causes, config};

/// Names that are suggested for one that is not known.
const SUGGESTIONS_MAX: usize = 5;

/// Prints what is known; 1 if nothing is.
pub fn run(args: &ExplainArgs) -> Result<u8, Failure> {
    let catalogue = config::catalogue()?;
    let asked = args.words.join(" ");
    let found = find(asked.trim(), &catalogue);
    let format = if args.json {
        Format::Jsonl
    } else {
        config::format(args.output.unwrap_or(Form::Table))
    };
    let look = Look {
        zone: jiff::tz::TimeZone::UTC,
        color: wants_color(args.color, false),
    };
    let mut out = Output::open(None)?;
    if format == Format::Table {
        for (at, explanation) in found.iter().enumerate() {
            if at > 0 {
                writeln!(out)?;
            }
            explanation.print(&look, &mut out)?;
        }
    } else {
        let mut printer = Printer::new(format, "explanation", COLUMNS, look);
        for explanation in &found {
            printer.row(COLUMNS, explanation, &mut out)?;
        }
        printer.finish(&mut out)?;
    }
    out.finish()?;
    if found.is_empty() {
        crate::output::tell(&unknown(&asked, &catalogue));
    }
    Ok(if found.is_empty() { 1 } else { 0 })
}

/// By full id, by cause, by the id alone (every dialect that has it), by a code at its end, by the line.
fn find(asked: &str, catalogue: &Catalogue) -> Vec<Explanation> {
    if let Some(message) = catalogue.message(asked) {
        return vec![Explanation::of(message)];
    }
    if let Some(cause) = causes::explain(asked) {
        return vec![cause];
    }
    let code = vendor_code(asked);
    let named: Vec<Explanation> = catalogue
        .messages()
        .filter(|message| {
            message.id == asked
                || message.id == code
                || begins_with_code(message.id, &code)
                || ends_in_code(message.id, asked)
        })
        .map(Explanation::of)
        .collect();
    if !named.is_empty() {
        return named;
    }
    line(asked, catalogue).into_iter().collect()
}

/// Whether an id is a number with a word behind it, `713902-qm-error`, and the number is the one asked for.
fn begins_with_code(id: &str, code: &str) -> bool {
    let digits = code.len() >= 5 && code.bytes().all(|byte| byte.is_ascii_digit());
    digits && id.strip_prefix(code).is_some_and(|rest| rest.starts_with('-'))
}

/// The id of a code as Cisco writes it: `%VPDN-6-CLOSE` is `vpdn-6-close`, `%ASA-6-603104` is `603104`.
fn vendor_code(asked: &str) -> String {
    let id = asked.trim_start_matches('%').to_ascii_lowercase().replace('_', "-");
    let number = id.rsplit('-').next().unwrap_or_default();
    match number.len() == 6 && number.bytes().all(|byte| byte.is_ascii_digit()) {
        true => number.to_owned(),
        false => id,
    }
}

/// Whether an id such as `mschap-failed-691` ends in the code asked for.
fn ends_in_code(id: &str, asked: &str) -> bool {
    let is_code = asked.len() >= 3 && asked.bytes().all(|byte| byte.is_ascii_digit());
    is_code && id.rsplit_once('-').is_some_and(|(_, code)| code == asked)
}

/// A line with its syslog header or without.
fn line(asked: &str, catalogue: &Catalogue) -> Option<Explanation> {
    let mut found = None;
    let framer = Framer::new(&Options::default(), false);
    framer.cut(&Chunk::new(asked.as_bytes().to_vec()), &EveryApp, &mut |record| {
        if let (None, Payload::Text(body)) = (found, record.payload) {
            found = catalogue.explain_line(body);
        }
    });
    found
        .or_else(|| catalogue.explain_line(asked.as_bytes()))
        .map(Explanation::of)
}

fn unknown(asked: &str, catalogue: &Catalogue) -> String {
    let needle = asked.to_ascii_lowercase();
    let ids = catalogue
        .messages()
        .map(|message| format!("{}/{}", message.dialect, message.id));
    let all = causes::CAUSES.iter().map(|(id, ..)| (*id).to_owned()).chain(ids);
    let near: Vec<String> = if needle.len() < 3 || needle.contains(' ') {
        Vec::new()
    } else {
        all.filter(|id| id.contains(&needle)).take(SUGGESTIONS_MAX).collect()
    };
    if near.is_empty() {
        format!(
            "`{asked}` is no message, cause or code that is known; give a message's id, a cause, or a whole line of a log"
        )
    } else {
        format!("`{asked}` is not known; did you mean {}", near.join(", "))
    }
}
