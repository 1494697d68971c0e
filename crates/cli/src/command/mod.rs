//! One file per command, and what they share.

mod attempts;
mod audit;
mod clients;
mod decode;
mod detect;
mod diagnose;
mod dialect;
mod explain;
mod export_rules;
mod history;
pub mod incident;
mod lastlog;
mod manual;
mod notify;
mod report;
mod respond;
mod scope;
mod serve;
pub mod store;
mod unknown;
mod usage;

use std::ops::ControlFlow;

use tunlog_analysis::statistics::attempts::SourceNames;
use tunlog_model::{EndReason, Outcome, SourceId};
use tunlog_pipeline::Sources;
use tunlog_report::explain::Explanation;
use tunlog_report::{Addition, Look};

use crate::args::{ClientsArgs, Command, DialectCommand};
use crate::output::Failure;

/// Runs a command; the exit status if it did not fail. No command is `clients`, as pptpd-monitor without options.
pub fn run(command: Option<Command>) -> Result<u8, Failure> {
    match command.unwrap_or_else(|| Command::Clients(ClientsArgs::default())) {
        Command::Clients(args) => clients::run(&args),
        Command::Attempts(args) => attempts::run(&args, attempts::Which::All),
        Command::Sessions(args) => attempts::run(&args, attempts::Which::Sessions),
        Command::Who(args) => history::who(&args),
        Command::Last(args) => history::last(&args),
        Command::Lastb(args) => history::lastb(&args),
        Command::Ac(args) => usage::run(&args),
        Command::Lastlog(args) => lastlog::run(&args),
        Command::Diagnose(args) => diagnose::run(&args),
        Command::Detect(args) => detect::run(&args),
        Command::Block(args) => respond::block::run(&args),
        Command::Unblock(args) => respond::unblock::run(&args),
        Command::Blocked(args) => respond::blocked::run(&args),
        Command::Kick(args) => respond::kick::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::ExportRules(which) => export_rules::run(&which),
        Command::Decode(args) => decode::run(&args),
        Command::Unknown(args) => unknown::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Serve(args) => serve::run(args),
        Command::CheckConfig(args) => serve::check(&args),
        Command::Notify(command) => notify::run(&command),
        Command::Import(args) => store::import(&args),
        Command::Store(command) => store::run(&command),
        Command::Status(args) => store::status(&args),
        Command::Incident(command) => incident::run(&command),
        Command::Dialect(DialectCommand::Check { files }) => dialect::check(&files),
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::man(&args),
    }
}

/// Explanations for the lines of a list, if they were asked for.
#[derive(Clone, Debug)]
struct Explain {
    look: Look,
    width: usize,
}

impl Explain {
    fn new(wanted: bool, look: &Look) -> Option<Explain> {
        wanted.then(|| Explain {
            look: look.clone(),
            width: crate::output::width().saturating_sub(2),
        })
    }

    /// Of an explanation.
    fn addition(&self, explanation: Option<Explanation>) -> Addition {
        explanation.map_or(Addition::default(), |explanation| {
            explanation.addition(&self.look, self.width)
        })
    }

    /// What came of an attempt: its cause, else why it ended, else its outcome.
    fn outcome(&self, cause: Option<&str>, ended: Option<EndReason>, outcome: Outcome) -> Addition {
        let cause = cause.and_then(|cause| explain::of_word("cause", cause));
        let ended = || explain::of_word("end-reason", ended?.word());
        self.addition(
            cause
                .or_else(ended)
                .or_else(|| explain::of_word("outcome", outcome.word())),
        )
    }
}

/// The names of a run's sources, as tables want them.
struct Names<'a>(&'a Sources);

impl SourceNames for Names<'_> {
    fn source_name(&self, source: SourceId) -> &str {
        self.0.name(source)
    }
}

/// The end of a run that came early: output that failed, or rows enough.
#[derive(Default)]
struct Stop(Option<std::io::Error>);

impl Stop {
    /// Goes on unless writing failed.
    fn after(&mut self, written: std::io::Result<()>) -> ControlFlow<()> {
        match written {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.0 = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    /// The error of writing, if there was one.
    fn check(self) -> Result<(), Failure> {
        self.0.map_or(Ok(()), |error| Err(error.into()))
    }
}
