//! Durations as people write them: `30s`, `5m`, `2h`, `7d`, or a number of seconds.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A duration, in whole seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(u64);

const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];

impl Span {
    /// Of so many seconds.
    pub const fn seconds(seconds: u64) -> Span {
        Span(seconds)
    }

    /// As microseconds, as times are counted.
    pub fn micros(self) -> i64 {
        i64::try_from(self.0.saturating_mul(1_000_000)).unwrap_or(i64::MAX)
    }

    /// As the standard library has it.
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }

    /// Whether it is none.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    fn parse(text: &str) -> Result<Span, String> {
        let wrong = || format!("`{text}` is no duration: write 30s, 5m, 2h or 7d");
        let (digits, unit) = match UNITS.iter().find(|(letter, _)| text.ends_with(*letter)) {
            Some((_, unit)) => (&text[..text.len() - 1], *unit),
            None => (text, 1),
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        let count: u64 = digits.parse().map_err(|_| wrong())?;
        count.checked_mul(unit).map(Span).ok_or_else(wrong)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS
            .iter()
            .find(|(_, unit)| self.0 >= *unit && self.0.is_multiple_of(*unit));
        let (letter, unit) = whole.copied().unwrap_or(('s', 1));
        write!(out, "{}{letter}", self.0 / unit)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Span, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Span;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a duration like \"30s\", \"5m\", \"2h\" or \"7d\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Span, E> {
                Span::parse(text).map_err(E::custom)
            }

            fn visit_i64<E: serde::de::Error>(self, seconds: i64) -> Result<Span, E> {
                let seconds = u64::try_from(seconds).map_err(|_| E::custom("a duration is not negative"))?;
                Ok(Span(seconds))
            }
        }
        from.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        for (text, seconds) in [
            ("30s", 30),
            ("5m", 300),
            ("2h", 7200),
            ("7d", 604_800),
            ("90", 90),
            ("0s", 0),
        ] {
            assert_eq!(Span::parse(text), Ok(Span(seconds)), "{text}");
        }
        for text in [
            "",
            "s",
            "-1s",
            "5 m",
            "1.5h",
            "5x",
            "99999999999999999999s",
            "9999999999999999999d",
        ] {
            assert!(Span::parse(text).is_err(), "{text}");
        }
        assert_eq!(Span(300).to_string(), "5m");
        assert_eq!(Span(90).to_string(), "90s");
        assert_eq!(Span(0).to_string(), "0s");
    }
}
