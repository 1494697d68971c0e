//! Diagnoses for people: causes counted, attempts as a list, and one attempt with its ladder, what to do and the lines.

use std::io::{self, Write};

use tunlog_analysis::diagnose::{Diagnosis, State};
use tunlog_analysis::statistics::attempts::SourceNames;
use tunlog_analysis::statistics::diagnoses::{CauseCount, DiagnosisView};
use tunlog_model::{Column, Confidence, text};

use crate::page::Page;
use crate::printer::{Format, Look, Printer};
use crate::time::local;

const DAY_AND_TIME: &str = "%Y-%m-%d %H:%M:%S";

/// The causes, most frequent first.
pub fn causes(counts: &[CauseCount], look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let columns: &[Column<CauseCount>] = CauseCount::COLUMNS;
    let mut printer = Printer::new(Format::Table, "cause", columns, look.clone());
    for count in counts {
        printer.row(columns, count, out)?;
    }
    printer.finish(out)
}

/// Diagnoses as a table, one a line.
pub fn list(diagnoses: &[Diagnosis], sources: &dyn SourceNames, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let mut printer = Printer::new(Format::Table, "diagnosis", DiagnosisView::COLUMNS, look.clone());
    for diagnosis in diagnoses {
        printer.row(DiagnosisView::COLUMNS, &DiagnosisView { diagnosis, sources }, out)?;
    }
    printer.finish(out)
}

/// One diagnosis, whole.
pub fn whole(
    diagnosis: &Diagnosis,
    sources: &dyn SourceNames,
    look: &Look,
    width: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let page = Page { look, width };
    head(diagnosis, look, out)?;
    ladder(diagnosis, &page, out)?;
    page.paragraph("why", &diagnosis.summary, out)?;
    for (at, action) in diagnosis.actions.iter().enumerate() {
        page.paragraph(
            if at == 0 { "to do" } else { "" },
            &format!("{}. {action}", at + 1),
            out,
        )?;
    }
    if !diagnosis.alternatives.is_empty() {
        let all = diagnosis.alternatives.iter();
        let words: Vec<String> = all
            .map(|(cause, confidence)| format!("{cause} ({})", confidence.word()))
            .collect();
        page.paragraph("may also be", &words.join(", "), out)?;
    }
    for (at, what) in diagnosis.decides.iter().enumerate() {
        page.paragraph(if at == 0 { "decides" } else { "" }, &format!("- {what}"), out)?;
    }
    evidence(diagnosis, sources, &page, out)
}

fn head(diagnosis: &Diagnosis, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let (bold, plain) = if look.color { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    let colour = match (look.color, diagnosis.is_fault()) {
        (false, _) => "",
        (true, true) => "\x1b[31m",
        (true, false) => "\x1b[32m",
    };
    let sure = match diagnosis.confidence {
        Confidence::Certain => "",
        Confidence::Likely => ", likely",
        Confidence::Possible => ", possible",
    };
    write!(out, "{bold}{}{plain}", local(diagnosis.time, &look.zone, DAY_AND_TIME))?;
    write!(out, "  {colour}{}{plain}{sure}", diagnosis.cause)?;
    if let Some(user) = diagnosis.user.as_deref() {
        let user = if user.is_empty() {
            "\"\"".into()
        } else {
            text::visible(user)
        };
        write!(out, "  {user}")?;
    }
    match (diagnosis.client_ip, diagnosis.claimed_ip) {
        (Some(client), _) => write!(out, "  from {client}")?,
        (None, Some(claimed)) => write!(out, "  says to be {claimed}")?,
        (None, None) => {}
    }
    if let Some(protocol) = diagnosis.protocol {
        write!(out, "  {}", protocol.word())?;
    }
    if let Some(gateway) = diagnosis.gateway.as_deref() {
        write!(out, "  at {}", text::visible(gateway))?;
    }
    if diagnosis.times > 1 {
        write!(out, "  {} times", diagnosis.times)?;
    }
    writeln!(out)
}

/// Layer under layer, as people draw it: what worked, where it stopped.
fn ladder(diagnosis: &Diagnosis, page: &Page<'_>, out: &mut dyn Write) -> io::Result<()> {
    let wide = diagnosis.ladder.iter().map(|step| step.name.len()).max().unwrap_or(0);
    for (at, step) in diagnosis.ladder.iter().enumerate() {
        page.label(if at == 0 { "how far" } else { "" }, out)?;
        let (mark, words, colour) = match step.state {
            State::Worked => ("✓", "", "\x1b[32m"),
            State::Stopped => ("✗", "  stopped here", "\x1b[31m"),
            State::NotReached => ("·", "", ""),
            State::NotTold => ("?", "  the evidence does not tell", ""),
            State::Without => ("–", "  none", "\x1b[33m"),
        };
        let (colour, plain) = match page.look.color && !colour.is_empty() {
            true => (colour, "\x1b[0m"),
            false => ("", ""),
        };
        let name = if words.is_empty() {
            step.name.to_owned()
        } else {
            format!("{:<wide$}", step.name)
        };
        writeln!(out, "{colour}{mark}{plain} {name}{words}")?;
    }
    Ok(())
}

fn evidence(diagnosis: &Diagnosis, sources: &dyn SourceNames, page: &Page<'_>, out: &mut dyn Write) -> io::Result<()> {
    for (at, item) in diagnosis.evidence.iter().enumerate() {
        page.label(if at == 0 { "evidence" } else { "" }, out)?;
        let source = text::visible(sources.source_name(item.source)).into_owned();
        writeln!(out, "{source}:{}: {}", item.line, text::visible(&item.text))?;
    }
    Ok(())
}
