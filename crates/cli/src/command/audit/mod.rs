//! `tunlog audit`: what is weak in a gateway's configuration, and what its logs show of its safety.

mod beside;
mod logs;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use tunlog_audit::{COLUMNS, ConfigFile, Machine, SHORT, kind_of};
use tunlog_pipeline::Wants;
use tunlog_report::{Addition, Format, Printer};

use crate::args::{Output as Form, PathArgs};
use crate::config::{Setup, format_of};
use crate::output::{self, Failure, tell};
use beside::BesideArgs;

/// Of `audit`.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct AuditArgs {
    #[command(flatten)]
    pub beside: BesideArgs,
    // Last: its heading in the help stands before what follows it.
    #[command(flatten)]
    pub input: PathArgs,
}

fn config(path: &Path) -> Option<ConfigFile> {
    let text = std::fs::read_to_string(path).ok()?;
    let file = ConfigFile::new(path.display().to_string(), text);
    kind_of(&file.path, &file.text).is_some().then_some(file)
}

/// Audits.
pub fn run(args: &AuditArgs) -> Result<u8, Failure> {
    let common = &args.input.common;
    let html = common.output == Some(Form::Html)
        || (common.output.is_none()
            && common
                .to
                .as_ref()
                .is_some_and(|to| to.extension().is_some_and(|suffix| suffix == "html")));
    let format = if html { Format::Json } else { format_of(common)? };
    let mut machine = Machine::default();
    let mut paths: Vec<PathBuf> = Vec::new();
    for path in &args.input.paths {
        match config(path) {
            Some(file) => machine.files.push(file),
            None => paths.push(path.clone()),
        }
    }
    let mut setup = Setup::in_format(format, common, &paths, false, Wants::Attempts)?;
    if args.beside.migration {
        return logs::migration(&mut setup, html);
    }
    let (mut exceptions, problems) = args.beside.read_exceptions()?;
    let mut report = tunlog_audit::audit(&machine);
    let beside = args
        .beside
        .gather(args.input.paths.is_empty(), Vec::new(), &setup.found)?;
    let summary = logs::audit(&mut setup, beside, &mut report);
    exceptions.apply(
        setup.now,
        args.input.paths.is_empty() || !args.beside.exceptions.is_empty(),
        &mut report,
    );
    report.sort();
    let mut out = setup.output()?;
    if !args.beside.accept.is_empty() {
        let proposal = args.beside.proposal(&report.checks, setup.now)?;
        out.write_all(proposal.as_deref().unwrap_or_default().as_bytes())?;
        out.finish()?;
        return Ok(u8::from(proposal.is_none()));
    }
    let for_people = setup.format == Format::Table;
    let columns = if for_people { SHORT } else { COLUMNS };
    let mut printer = Printer::new(setup.format, "check", columns, setup.look.clone());
    for check in &report.checks {
        let mut note = String::new();
        if for_people {
            note = tunlog_report::finding::note(&check.summary, &setup.look, output::width().saturating_sub(2));
        }
        printer.row_and(columns, check, Addition { note, cell: None }, &mut out)?;
    }
    printer.finish(&mut out)?;
    out.finish()?;
    for note in report
        .notes
        .iter()
        .chain(report.remarks.iter().filter(|_| !setup.quiet))
    {
        tell(note);
    }
    for problem in &problems {
        tell(problem);
    }
    let status = setup.close(&summary, printer.rows());
    Ok(if problems.is_empty() { status } else { 2 })
}
