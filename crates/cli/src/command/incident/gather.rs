//! Reading an incident's sources: which attempts belong to it, and which lines.

use std::ops::ControlFlow;
use std::path::PathBuf;

use tunlog_incident::case::Case;
use tunlog_incident::story::{Known, Story, Verdict};
use tunlog_ingest::Discovered;
use tunlog_model::Attempt;
use tunlog_pipeline::{Settings, Sources, Subscriber, Summary, Wants};
use tunlog_report::Format;

use super::args::Reading;
use super::directory::Directory;
use crate::args::Common;
use crate::command::scope::Scope;
use crate::config::Setup;
use crate::output::Failure;

/// Attempts whose lines are remembered.
const SCOPED_MAX: u64 = 50_000;

/// What the first reading told, and what is needed for the next.
pub struct Gathered {
    /// What the attempts told.
    pub known: Known,
    /// Which lines belong to it.
    pub scope: Scope,
    /// How to read.
    pub setup: Setup,
    /// The inputs, to be read again.
    pub found: Discovered,
    /// Their names.
    pub sources: Sources,
    /// What the first reading came to.
    pub summary: Summary,
}

struct Collect<'c> {
    story: Story<'c>,
    scope: Scope,
    taken: u64,
}

impl Subscriber for Collect<'_> {
    fn attempt(&mut self, attempt: Attempt, _: &Sources) -> ControlFlow<()> {
        if self.story.take(&attempt) && self.taken < SCOPED_MAX {
            self.taken += 1;
            self.scope.take(&attempt);
        }
        ControlFlow::Continue(())
    }
}

/// Takes paths that were typed into the case, so that every later reading has them too.
///
/// # Errors
/// If one cannot be found, or the case cannot be written.
pub fn take_paths(directory: &mut Directory, typed: &[PathBuf], reading: &Reading) -> Result<(), Failure> {
    let mut case = directory.case.clone();
    for path in super::open::absolute(typed)? {
        if !case.paths.contains(&path) {
            case.paths.push(path);
        }
    }
    case.tz = reading.tz.clone().or(case.tz);
    case.year = reading.year.or(case.year);
    let is_new = (&case.paths, &case.tz, case.year) != (&directory.case.paths, &directory.case.tz, directory.case.year);
    if is_new {
        directory.case = case;
        directory.write("incident.toml", directory.case.text().as_bytes())?;
    }
    Ok(())
}

/// The sources of a case.
///
/// # Errors
/// If they cannot be read as the case says.
pub fn setup(case: &Case, quiet: bool, show_secrets: bool, wants: Wants) -> Result<Setup, Failure> {
    let common = Common {
        tz: case.tz.clone(),
        year: case.year,
        quiet,
        show_secrets,
        ..Common::default()
    };
    let paths: Vec<PathBuf> = case.paths.iter().map(PathBuf::from).collect();
    // as detection has it: the machine's other services tell where a thief went
    let mut setup = Setup::in_format(Format::Jsonl, &common, &paths, false, Wants::Findings)?;
    setup.catalogue = setup.catalogue.heeding_services();
    setup.settings.wants = wants;
    Ok(setup)
}

/// Reads the sources for the attempts of a case.
///
/// # Errors
/// If they cannot be read as the case says.
pub fn gather(case: &Case, quiet: bool, show_secrets: bool) -> Result<Gathered, Failure> {
    let mut setup = setup(case, quiet, show_secrets, Wants::Diagnoses)?;
    setup.settings.evidence = false;
    let mut scope = Scope::default();
    let roles = case.roles();
    scope.networks = roles.networks().collect();
    scope.clients = roles.hosts().collect();
    scope.users = case
        .accounts
        .iter()
        .map(|account| account.name.as_str().into())
        .collect();
    scope.window = Some((case.since, case.until));
    let mut collect = Collect {
        story: Story::new(case),
        scope,
        taken: 0,
    };
    let found = std::mem::take(&mut setup.found);
    let sources = Sources::of(&found);
    let summary = tunlog_pipeline::run(found.clone(), &setup.catalogue, &setup.settings, &mut collect);
    let Collect { story, mut scope, .. } = collect;
    let known = story.finish();
    let is_hit = |verdict| matches!(verdict, Verdict::Compromised | Verdict::Suspect);
    let hit = known.accounts.iter().filter(|account| is_hit(account.verdict));
    scope.users.extend(hit.map(|account| account.user.as_str().into()));
    Ok(Gathered {
        known,
        scope,
        setup,
        found,
        sources,
        summary,
    })
}

impl Gathered {
    /// The settings of the reading that sees every event.
    pub fn events(&self) -> Settings {
        Settings {
            wants: Wants::Events,
            since: None,
            until: None,
            ..self.setup.settings.clone()
        }
    }
}
