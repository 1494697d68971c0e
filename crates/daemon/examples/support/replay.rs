//! Logs that are there already, told to listeners as the daemon tells what comes live: for tests and for the example.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use tunlog_analysis::detect::{self, Detector};
use tunlog_daemon::{Hearing, Told};
use tunlog_decode::Catalogue;
use tunlog_model::{Attempt, Event, Outcome, RecordTime};
use tunlog_pipeline::{Settings, Sources, Subscriber, Summary, Wants, discover, run};

/// Who hears it.
pub type Hear<'a> = &'a mut dyn FnMut(Told<'_>, &Hearing<'_>);

struct Replay<'a> {
    detector: Detector,
    hear: Hear<'a>,
    now: i64,
}

impl Replay<'_> {
    fn tell(&mut self, told: Told<'_>, sources: &Sources) {
        let hearing = Hearing {
            sources,
            now: self.now,
            read: Instant::now(),
            replayed: false,
        };
        (self.hear)(told, &hearing);
    }

    fn findings(&mut self, sources: &Sources) {
        while let Some(finding) = self.detector.ready() {
            self.tell(Told::Found(&finding), sources);
        }
    }
}

impl Subscriber for Replay<'_> {
    fn event(&mut self, event: &Event<'_>, sources: &Sources) -> ControlFlow<()> {
        self.now = self.now.max(event.time.micros);
        self.tell(Told::Event(event), sources);
        self.detector.event(event);
        self.findings(sources);
        ControlFlow::Continue(())
    }

    fn opened(&mut self, attempt: Attempt, sources: &Sources) -> ControlFlow<()> {
        self.tell(Told::Opened(&attempt), sources);
        self.detector.opened(attempt);
        ControlFlow::Continue(())
    }

    fn attempt(&mut self, attempt: Attempt, sources: &Sources) -> ControlFlow<()> {
        match attempt.outcome {
            // the log ends, the session does not
            Outcome::Open => self.tell(Told::Opened(&attempt), sources),
            Outcome::Unfinished => {}
            _ => self.tell(Told::Closed(&attempt), sources),
        }
        self.detector.attempt(attempt);
        ControlFlow::Continue(())
    }

    fn repeated(&mut self, times: u64, _: &Sources) {
        self.detector.repeated(times);
    }

    fn lost(&mut self, count: Option<u64>, time: RecordTime, sources: &Sources) {
        self.tell(Told::Lost(count, time), sources);
        self.detector.lost(count, time.micros);
    }
}

/// Tells what stands in these logs.
pub fn tell(paths: &[PathBuf], hear: Hear<'_>) -> Summary {
    let found = discover(paths, true);
    let sources = Sources::of(&found);
    let settings = Settings::new(
        tunlog_ingest::Options {
            tz: Some("UTC".to_owned()),
            // the years of logs without years do not hang on the day of the test
            now: 1_795_176_000_000_000,
            ..tunlog_ingest::Options::default()
        },
        Wants::FindingsAndEvents,
    );
    let mut replay = Replay {
        detector: Detector::new(&detect::Options::default()),
        hear,
        now: i64::MIN,
    };
    let summary = run(found, &Catalogue::builtin(), &settings, &mut replay);
    replay.detector.finish();
    replay.findings(&sources);
    summary
}
