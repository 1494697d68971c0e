//! Years and zones: decided once per source, every assumption marked.

use tunlog_model::{Assumed, RecordTime, Stamp};

use crate::Options;

/// Completes the stamps of one source, in the order of the source.
#[derive(Clone, Debug)]
pub struct Clock {
    last: i64,
}

impl Clock {
    pub(crate) fn new(options: &Options) -> Clock {
        Clock { last: options.now }
    }

    /// The complete time of a stamp. To be called in the order of the source, for the records that matter.
    pub fn resolve(&mut self, stamp: Stamp) -> RecordTime {
        match stamp {
            Stamp::Instant(micros) => RecordTime { micros, assumed: Assumed::default() },
            _ => RecordTime { micros: self.last, assumed: Assumed::TIME },
        }
    }
}

/// Whether `name` is a zone that `--tz` may name; the error says why not.
pub fn check_zone(name: &str) -> Result<(), String> {
    jiff::tz::TimeZone::get(name).map(|_| ()).map_err(|error| error.to_string())
}

/// The present, microseconds since 1970-01-01T00:00:00Z.
pub fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}
