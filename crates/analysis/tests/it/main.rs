//! The correlator, seen from outside: log text in, attempts out.

mod detect;
mod detect_month;
mod diagnose;
mod gateway;
mod gateways;
mod interleaving;
mod prompts;
mod scenarios;
mod scenarios_backends;
mod scenarios_calling;
mod scenarios_nps;
mod scenarios_served;
mod scenarios_vendors;
mod scenarios_windows;
mod sessions;
mod windows_languages;

use tunlog_analysis::correlate::{Correlator, Options};
use tunlog_model::Attempt;
use tunlog_testkit::{Log, Told};

/// The attempts that a log tells of.
fn attempts_of(log: &str) -> Vec<Attempt> {
    thread_local!(static LOG: Log = Log::default());
    LOG.with(|reader| attempts_with(reader, log, Options::default()))
}

/// The attempts that Windows events tell of (`Log::tell_windows`).
fn attempts_of_windows(lines: &str) -> Vec<Attempt> {
    let mut correlator = Correlator::new(Options::default());
    let mut attempts = Vec::new();
    Log::default().tell_windows(lines, &mut |told| {
        if let Told::Event(event) = told {
            correlator.observe(&event);
        }
        attempts.extend(correlator.closed());
    });
    correlator.finish();
    attempts.extend(correlator.closed());
    attempts
}

/// The same by any reader, within any limits.
fn attempts_with(reader: &Log, log: &str, options: Options) -> Vec<Attempt> {
    let mut correlator = Correlator::new(options);
    let mut attempts = Vec::new();
    reader.tell(log, &mut |told| {
        match told {
            Told::Event(event) => correlator.observe(&event),
            Told::Repeated(times) => correlator.repeated(times),
        }
        attempts.extend(correlator.closed());
    });
    correlator.finish();
    attempts.extend(correlator.closed());
    attempts
}
