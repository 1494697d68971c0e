//! The rooms in their order, seen from outside: files in, attempts out.

mod captures;
mod hostile;
mod hostile_detect;
mod reading;
mod seed;
mod since;
mod trails;
mod twins;
mod windows;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use tunlog_analysis::correlate::Prompt;
use tunlog_decode::Catalogue;
use tunlog_ingest::{Options, discover};
use tunlog_model::{Attempt, Event, Outcome, RecordTime};
use tunlog_pipeline::{Settings, Sources, Subscriber, Summary, UnrecognisedLine, Wants, run};

/// Attempts that are kept whole; of the rest only the counts.
const KEPT_MAX: usize = 10_000;

/// Everything that a run told.
#[derive(Default)]
struct Seen {
    attempts: Vec<Attempt>,
    /// What was told before attempts closed.
    prompts: Vec<(Prompt, Attempt)>,
    failed: u64,
    sessions: u64,
    /// Failed attempts by the address that the client claims.
    claimed: BTreeMap<String, u64>,
    users: std::collections::HashSet<Box<str>>,
    /// (line, message, microseconds UTC, assumed) of every event.
    events: Vec<(u64, String, RecordTime)>,
    unrecognised: Vec<u64>,
    gaps: Vec<Option<u64>>,
    summary: Summary,
}

impl Subscriber for Seen {
    fn event(&mut self, event: &Event<'_>, _: &Sources) -> ControlFlow<()> {
        if self.events.len() < KEPT_MAX {
            let message = event.message();
            self.events
                .push((event.line(), format!("{}/{}", message.dialect, message.id), event.time));
        }
        ControlFlow::Continue(())
    }

    fn prompt(&mut self, prompt: Prompt, attempt: Attempt, _: &Sources) -> ControlFlow<()> {
        self.prompts.push((prompt, attempt));
        ControlFlow::Continue(())
    }

    fn attempt(&mut self, attempt: Attempt, _: &Sources) -> ControlFlow<()> {
        match attempt.outcome {
            Outcome::Failed => {
                self.failed += attempt.times;
                let source = attempt.claimed_ip.map_or("unknown".to_string(), |ip| ip.to_string());
                *self.claimed.entry(source).or_default() += attempt.times;
            }
            Outcome::Established | Outcome::Open => self.sessions += 1,
            Outcome::Unfinished => {}
        }
        if let Some(user) = &attempt.user {
            self.users.insert(user.clone());
        }
        if self.attempts.len() < KEPT_MAX {
            self.attempts.push(attempt);
        }
        ControlFlow::Continue(())
    }

    fn unrecognised(&mut self, line: &UnrecognisedLine<'_>, _: &Sources) -> ControlFlow<()> {
        self.unrecognised.push(line.line);
        ControlFlow::Continue(())
    }

    fn lost(&mut self, count: Option<u64>, _: RecordTime, _: &Sources) {
        self.gaps.push(count);
    }
}

impl Seen {
    /// Names in the order of the lines that they stand in.
    fn users_in_order(&self) -> Vec<&str> {
        let mut attempts: Vec<&Attempt> = self.attempts.iter().collect();
        attempts.sort_by_key(|attempt| attempt.evidence.first().map(|evidence| evidence.line));
        attempts
            .into_iter()
            .filter_map(|attempt| attempt.user.as_deref())
            .collect()
    }

    /// The texts of what went wrong.
    fn problems(&self) -> Vec<String> {
        self.summary.problems.iter().map(ToString::to_string).collect()
    }

    fn says(&self, word: &str) -> bool {
        self.problems().iter().any(|problem| problem.contains(word))
    }
}

/// How a file is to be read.
struct Reading {
    tz: &'static str,
    year: Option<i16>,
    wants: Wants,
}

impl Default for Reading {
    fn default() -> Reading {
        Reading {
            tz: "UTC",
            year: Some(2025),
            wants: Wants::Attempts,
        }
    }
}

impl Reading {
    /// Reads the files as one stream of evidence.
    fn of(&self, paths: &[PathBuf]) -> Seen {
        let settings = Settings::new(
            Options {
                tz: Some(self.tz.into()),
                year: self.year,
                ..Options::default()
            },
            self.wants,
        );
        let mut seen = Seen::default();
        let summary = run(discover(paths, false), &Catalogue::builtin(), &settings, &mut seen);
        seen.summary = summary;
        seen
    }
}

/// A folder for one test, empty.
fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("tunlog-test-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder in the temporary folder");
    folder
}

/// A folder of the workspace's root.
fn repository(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(relative)
}
