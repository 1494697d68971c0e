//! What a report is made of, whatever form it takes: page, Markdown or JSON.

use jiff::tz::TimeZone;
use tunlog_analysis::statistics::attempts::SourceNames;
use tunlog_analysis::statistics::report::Figures;
use tunlog_analysis::statistics::unknown::UnknownRow;
use tunlog_model::text;

use crate::explain::Explanation;
use crate::slots::Slots;
use crate::time::local;

/// Characters of a name that are shown.
pub(crate) const NAME_CHARS_MAX: usize = 64;
/// Characters of a line of a log that are shown.
pub(crate) const LINE_CHARS_MAX: usize = 400;
/// Lines of evidence of an attempt that are shown.
pub(crate) const EVIDENCE_MAX: usize = 40;
/// Sources, problems and shapes of unknown lines that are shown, of each kind.
pub(crate) const OTHERS_MAX: usize = 100;

/// What one source gave.
#[derive(Clone, Debug)]
pub struct SourceRow {
    /// Its name as given or found.
    pub name: String,
    /// Records of programs that concern us.
    pub records: u64,
    /// Lines of VPN daemons that nobody understood.
    pub unrecognised: u64,
    /// Time of the earliest event.
    pub first: Option<i64>,
    /// Time of the latest event.
    pub last: Option<i64>,
}

/// What is to be told about an input.
#[derive(Clone, Debug)]
pub struct ProblemRow {
    /// `error`, `warning` or `note`.
    pub kind: &'static str,
    /// The input, the place in it and the reason.
    pub text: String,
}

/// Everything that a report tells.
pub struct Document<'a> {
    /// What was counted.
    pub figures: &'a Figures,
    /// The names of sources, for evidence.
    pub names: &'a dyn SourceNames,
    /// What a cause means and what to do.
    pub explain: &'a dyn Fn(&'static str) -> Option<Explanation>,
    /// What was chosen of the evidence: `user`, `since` and so on with what was typed.
    pub chosen: Vec<(&'static str, String)>,
    /// The sources, in the order of the run.
    pub sources: Vec<SourceRow>,
    /// What was wrong with them.
    pub problems: Vec<ProblemRow>,
    /// Lines that were not understood, the most frequent first.
    pub unknown: Vec<UnknownRow>,
    /// Records that were read.
    pub records: u64,
    /// Lines that were not understood.
    pub unrecognised: u64,
    /// Places where a writer says that lines were lost.
    pub gaps: u64,
    /// Lines that were lost, as far as counted.
    pub lost: u64,
    /// Time of the first event, microseconds UTC.
    pub first: Option<i64>,
    /// Time of the last event.
    pub last: Option<i64>,
    /// When the report was made.
    pub made: i64,
    /// The zone of its clock.
    pub zone: TimeZone,
    /// Version of this program.
    pub version: &'static str,
}

impl Document<'_> {
    /// A time for people.
    pub(crate) fn time(&self, micros: i64) -> String {
        local(micros, &self.zone, "%Y-%m-%d %H:%M:%S")
    }

    /// The zone in words: its name, else its offset.
    pub(crate) fn zone_name(&self) -> String {
        match self.zone.iana_name() {
            Some("Etc/UTC") => "UTC".to_owned(),
            Some(name) => name.to_owned(),
            None => local(self.made, &self.zone, "UTC%:z"),
        }
    }

    /// From when to when the evidence goes.
    pub(crate) fn period(&self) -> String {
        match (self.first, self.last) {
            (Some(first), Some(last)) => {
                let zone = self.zone_name();
                format!("{} to {}, {zone}", self.time(first), self.time(last))
            }
            _ => "no event".to_owned(),
        }
    }

    /// The columns of the charts over time.
    pub(crate) fn slots(&self) -> Option<Slots> {
        Slots::of(&self.figures.timeline, self.last, &self.zone)
    }

    /// The part of the sessions with an encryption that is seen.
    pub(crate) fn encrypted(&self) -> String {
        let totals = &self.figures.totals;
        match totals.sessions {
            0 => "–".to_owned(),
            sessions => share(totals.encrypted, sessions),
        }
    }

    /// The whole in three sentences.
    pub(crate) fn in_words(&self) -> Vec<String> {
        let totals = &self.figures.totals;
        if totals.attempts == 0 {
            return vec!["The evidence tells of no attempt to connect.".to_owned()];
        }
        let users = counted(totals.users, "user", "users");
        let mut words = vec![match totals.sessions {
            0 => "Nobody came up.".to_owned(),
            sessions => format!("{users} had {}.", counted(sessions, "session", "sessions")),
        }];
        words.push(match (totals.failed, self.figures.causes.first()) {
            (0, _) | (_, None) => "No attempt failed.".to_owned(),
            (failed, Some(most)) => format!(
                "{} of {} failed ({}), most often for {} ({}).",
                grouped(failed),
                counted(totals.attempts, "attempt", "attempts"),
                share(failed, totals.attempts),
                most.cause,
                grouped(most.count)
            ),
        });
        let bare = totals.sessions - totals.encrypted;
        if bare > 0 {
            words.push(format!(
                "Of {} no encryption is seen.",
                counted(bare, "session", "sessions")
            ));
        }
        words
    }

    /// What the page leaves out of the failed attempts, in words.
    pub(crate) fn failed_left_out(&self) -> Option<String> {
        let left_out = self.figures.failed_left_out();
        (left_out > 0).then(|| {
            format!(
                "{} counted above and not shown here: the latest of each cause are, the rare causes first. `tunlog attempts` lists all, `-n` shows more.",
                counted(left_out, "failed attempt is", "failed attempts are")
            )
        })
    }

    /// What the table of clients leaves out, in words.
    pub(crate) fn clients_left_out(&self) -> Option<String> {
        let left_out = self.figures.clients_left_out;
        (left_out.users > 0).then(|| {
            format!(
                "Not shown: {} with {}, {} and {}. `tunlog clients` lists all, `-n` shows more.",
                counted(left_out.users, "user", "users"),
                counted(left_out.sessions, "session", "sessions"),
                counted(left_out.failures, "failed attempt", "failed attempts"),
                crate::bytes_iec(left_out.bytes)
            )
        })
    }
}

/// A number with its noun.
pub(crate) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// A number with a space between thousands (a narrow one that does not break).
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + 6);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// A part in per cent: `39 %`; what is not nothing never shows as nothing, what is not all never as all.
pub(crate) fn share(part: u64, whole: u64) -> String {
    let percent = (part as f64 / whole.max(1) as f64 * 100.0).round() as u64;
    match percent {
        0 if part > 0 => "< 1 %".to_owned(),
        100 if part < whole => "> 99 %".to_owned(),
        percent => format!("{percent} %"),
    }
}

/// Text of any origin, harmless and of bounded length as it is shown.
pub(crate) fn clipped(value: &str, chars_max: usize) -> String {
    // what is cut away need not be made visible first
    let end = value.char_indices().nth(chars_max).map_or(value.len(), |(end, _)| end);
    let shown = text::visible(&value[..end]);
    let shown_end = shown.char_indices().nth(chars_max).map(|(end, _)| end);
    if shown_end.is_none() && end == value.len() {
        return shown.into_owned();
    }
    let chars = value.chars().count() as u64;
    let shown = &shown[..shown_end.unwrap_or(shown.len())];
    format!("{shown}… ({} characters)", grouped(chars))
}

/// A name for people.
pub(crate) fn name(user: Option<&str>) -> String {
    match user {
        None => "(no name)".to_owned(),
        Some("") => "\"\"".to_owned(),
        Some(user) => clipped(user, NAME_CHARS_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let shown = [0, 999, 1000, 1_234_567].map(grouped);
        assert_eq!(shown, ["0", "999", "1\u{202f}000", "1\u{202f}234\u{202f}567"]);
        let shares = [(0, 7), (7, 7), (1, 1000), (999, 1000), (9, 23), (0, 0)].map(|(part, whole)| share(part, whole));
        assert_eq!(shares, ["0 %", "100 %", "< 1 %", "> 99 %", "39 %", "0 %"]);
    }

    #[test]
    fn long_and_harmful_text_is_cut_and_shown() {
        assert_eq!(clipped("joe\u{202e}\x07", 20), "joe\\u{202e}\\x07");
        assert_eq!(clipped("\u{202e}\u{202e}", 9), "\\u{202e}\\… (2 characters)");
        assert_eq!(clipped("äöüß", 4), "äöüß");
        assert_eq!(clipped(&"ä".repeat(10_000), 2), "ää… (10\u{202f}000 characters)");
        assert_eq!([name(None), name(Some(""))], ["(no name)", "\"\""]);
    }
}
