//! The correlator, seen from outside: log text in, attempts out.

mod interleaving;
mod scenarios;
mod sessions;

use tunlog_analysis::correlate::{Correlator, Options};
use tunlog_model::Attempt;
use tunlog_testkit::{Log, Told};

/// The attempts that a log tells of.
fn attempts_of(log: &str) -> Vec<Attempt> {
    thread_local!(static LOG: Log = Log::default());
    let mut correlator = Correlator::new(Options::default());
    let mut attempts = Vec::new();
    LOG.with(|reader| {
        reader.tell(log, &mut |told| {
            match told {
                Told::Event(event) => correlator.observe(&event),
                Told::Repeated(times) => correlator.repeated(times),
            }
            attempts.extend(correlator.closed());
        });
    });
    correlator.finish();
    attempts.extend(correlator.closed());
    attempts
}
