//! `[store.retention]`: how long what is kept.

use jiff::{Span, Timestamp, Zoned};
use tunlog_store::{Retain, Retained, Store, StoreError, size};

use super::store::Retention;

/// Microseconds between two looks at what is too old.
const EVERY: i64 = 3600 * 1_000_000;
/// Microseconds from the start to the first look: until then the store is read.
const FIRST: i64 = 600 * 1_000_000;

impl Retention {
    /// Judges the values.
    ///
    /// # Errors
    /// The key that is wrong, and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let now = Zoned::new(Timestamp::UNIX_EPOCH, jiff::tz::TimeZone::UTC);
        for (key, typed) in [
            ("retention.keep", &self.keep),
            ("retention.keep-attempts", &self.keep_attempts),
            ("retention.keep-findings", &self.keep_findings),
        ] {
            if let Some(typed) = typed
                && before(typed, &now).is_none()
            {
                return Err((
                    key,
                    format!("`{typed}` is no time to keep something: say \"90d\", \"12 months\" or \"2y\""),
                ));
            }
        }
        match &self.max_size {
            Some(typed) if size(typed).is_none_or(|bytes| bytes == 0) => Err((
                "retention.max-size",
                format!("`{typed}` is no size: say \"500M\", \"10G\" or \"1T\""),
            )),
            _ => Ok(()),
        }
    }

    /// What may go at a moment (microseconds UTC).
    pub fn rule(&self, now: i64) -> Retain {
        let Ok(now) = Timestamp::from_microsecond(now) else {
            return Retain::default();
        };
        let now = now.to_zoned(jiff::tz::TimeZone::UTC);
        let time = |typed: &Option<String>| before(typed.as_deref()?, &now);
        Retain {
            before: time(&self.keep),
            bytes_max: self.max_size.as_deref().and_then(size),
            attempts_before: time(&self.keep_attempts),
            findings_before: time(&self.keep_findings),
        }
    }
}

/// The moment so long before another; None if the text is no length of time, or not a positive one.
fn before(typed: &str, now: &Zoned) -> Option<i64> {
    let span: Span = typed.parse().ok().filter(|span: &Span| span.is_positive())?;
    Some(now.checked_sub(span).ok()?.timestamp().as_microsecond())
}

/// Looks after what is too old, now and then.
#[derive(Clone, Debug)]
pub struct Keeping {
    config: Retention,
    /// When to look again.
    next: i64,
}

impl Keeping {
    /// By a configuration; `now` in microseconds UTC.
    pub fn new(config: Retention, now: i64) -> Keeping {
        Keeping {
            config,
            next: now.saturating_add(FIRST),
        }
    }

    /// When there is something to do next (microseconds UTC); None if everything is kept.
    pub fn due_at(&self) -> Option<i64> {
        (self.config != Retention::default()).then_some(self.next)
    }

    /// Removes what is too old, if it is time to look; what went, if anything did.
    ///
    /// # Errors
    /// The store's; it is tried again the next time.
    pub fn run(&mut self, store: &mut Store, now: i64) -> Result<Option<Retained>, StoreError> {
        if self.due_at().is_none_or(|due| now < due) {
            return Ok(None);
        }
        self.next = now.saturating_add(EVERY);
        let gone = store.retain(&self.config.rule(now), now)?;
        Ok((!gone.is_empty()).then_some(gone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_168_800_000_000;
    const DAY: i64 = 86_400_000_000;

    fn keep(typed: &str) -> Retention {
        Retention {
            keep: Some(typed.to_owned()),
            ..Retention::default()
        }
    }

    #[test]
    fn times_and_sizes_as_people_write_them() {
        for (typed, days) in [("90d", 90), ("2w", 14), ("P3D", 3), ("1 month", 31), ("1y", 365)] {
            assert_eq!(keep(typed).check(), Ok(()), "{typed}");
            assert_eq!(keep(typed).rule(NOW).before, Some(NOW - days * DAY), "{typed}");
        }
        for typed in ["", "90", "-5d", "0d", "soon", "99999999y"] {
            assert_eq!(
                keep(typed).check().expect_err("a mistake").0,
                "retention.keep",
                "{typed}"
            );
        }
        let mut config = Retention {
            max_size: Some("20G".to_owned()),
            ..Retention::default()
        };
        assert_eq!(config.rule(NOW).bytes_max, Some(20 << 30));
        config.max_size = Some("0".to_owned());
        assert_eq!(config.check().expect_err("a mistake").0, "retention.max-size");
    }

    #[test]
    fn what_is_old_goes_once_an_hour_and_without_a_word_nothing_does() {
        let folder = std::env::temp_dir().join(format!("tunlog-keeping-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        Store::create(&folder, "a/b", NOW).expect("a store");
        let mut history = tunlog_store::History::open(&folder).expect("a history");
        let mut put = |id: u64| {
            history.put_finding(tunlog_store::FindingRow {
                id,
                alarm_time: NOW - 10 * DAY,
                rule: "log-gap".to_owned(),
                severity: tunlog_model::FindingSeverity::Low,
                json: "{}".to_owned(),
            });
            history.commit(id, None).expect("a commit");
        };
        let mut store = Store::open(&folder, tunlog_store::Options::default()).expect("the store");
        let mut nothing = Keeping::new(Retention::default(), NOW);
        assert_eq!((nothing.due_at(), nothing.run(&mut store, NOW)), (None, Ok(None)));
        put(1);
        let config = Retention {
            keep_findings: Some("7d".to_owned()),
            ..Retention::default()
        };
        let mut keeping = Keeping::new(config, NOW - FIRST);
        assert_eq!(keeping.run(&mut store, NOW - 1), Ok(None), "not at once");
        let gone = keeping.run(&mut store, NOW).expect("it goes").expect("a row");
        assert_eq!((gone.rows[0].rows, gone.checkpoint), (1, Some(2)));
        put(2);
        assert_eq!(keeping.run(&mut store, NOW + 1), Ok(None), "not yet");
        assert_eq!(keeping.due_at(), Some(NOW + EVERY));
        assert!(keeping.run(&mut store, NOW + EVERY).expect("it goes").is_some());
        drop(store);
        std::fs::remove_dir_all(&folder).expect("our own folder");
    }
}
