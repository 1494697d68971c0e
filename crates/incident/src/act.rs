//! `acts.jsonl`: what was done, in a chain. Each act holds the hash of the line before it, so that none can be changed, taken out
//! or put in between without every later one telling.

use serde_json::Value;
use tunlog_model::Cell;
use tunlog_seal::Digest;

use crate::found::{text, time};
use crate::text::row;

/// Most bytes of the file, and most acts in it.
pub const BYTES_MAX: usize = 32 << 20;
/// What the first act holds for the line before it.
const NOTHING: Digest = Digest([0; 32]);

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Its number, from 1.
    pub number: u64,
    /// When, microseconds UTC.
    pub time: i64,
    /// By whom, `user@host`.
    pub by: String,
    /// What: the subcommand, or `edited` and `found-changed` of files that others changed.
    pub act: String,
    /// With which arguments.
    pub arguments: Vec<String>,
    /// What came of it, in words.
    pub result: String,
    /// Hash of the line of the act before.
    pub previous: Digest,
}

impl Act {
    fn line(&self) -> String {
        let arguments = self.arguments.iter().map(|text| Cell::Text(text.clone())).collect();
        row(
            "act",
            &[
                ("number", Cell::Count(self.number)),
                ("time", Cell::Time(self.time)),
                ("by", Cell::Text(self.by.clone())),
                ("act", Cell::Text(self.act.clone())),
                ("arguments", Cell::List(arguments)),
                ("result", Cell::Text(self.result.clone())),
                ("previous", Cell::Text(self.previous.to_string())),
            ],
        )
    }

    fn parse(line: &str) -> Option<Act> {
        let row: Value = serde_json::from_str(line).ok()?;
        let arguments = row.get("arguments")?.as_array()?;
        (text(&row, "type")? == "act").then_some(())?;
        Some(Act {
            number: row.get("number")?.as_u64()?,
            time: time(&text(&row, "time")?)?,
            by: text(&row, "by")?,
            act: text(&row, "act")?,
            arguments: arguments
                .iter()
                .map(|text| text.as_str().map(str::to_owned))
                .collect::<Option<_>>()?,
            result: text(&row, "result")?,
            previous: text(&row, "previous")?.parse().ok()?,
        })
    }
}

/// All that was done.
#[derive(Clone, Debug, Default)]
pub struct Acts {
    /// The acts.
    pub all: Vec<Act>,
    text: String,
    last: Option<Digest>,
}

/// Where a chain is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// 1-based line.
    pub line: usize,
    /// How.
    pub how: &'static str,
}

impl Acts {
    /// Reads the file and follows the chain.
    ///
    /// # Errors
    /// Where it is broken first.
    pub fn parse(bytes: &[u8]) -> Result<Acts, Broken> {
        let broken = |line: usize, how: &'static str| Broken { line, how };
        if bytes.len() > BYTES_MAX {
            return Err(broken(1, "the file is larger than acts can be"));
        }
        let whole = std::str::from_utf8(bytes).map_err(|_| broken(1, "the file is no text"))?;
        let mut acts = Acts::default();
        for (at, line) in whole.split_inclusive('\n').enumerate() {
            let number = at + 1;
            let line = line.strip_suffix('\n').ok_or(broken(number, "the line is cut short"))?;
            let act = Act::parse(line).ok_or(broken(number, "the line is no act"))?;
            if act.number != number as u64 {
                return Err(broken(number, "its number does not follow the one before"));
            }
            if act.previous != acts.head() {
                return Err(broken(number, "it does not hold the hash of the line before"));
            }
            acts.push(act, line);
        }
        Ok(acts)
    }

    fn push(&mut self, act: Act, line: &str) {
        self.last = Some(Digest::of(line.as_bytes()));
        self.text.push_str(line);
        self.text.push('\n');
        self.all.push(act);
    }

    /// Adds what was done now.
    pub fn add(&mut self, time: i64, by: &str, act: &str, arguments: &[String], result: &str) {
        let act = Act {
            number: self.all.len() as u64 + 1,
            time,
            by: by.to_owned(),
            act: act.to_owned(),
            arguments: arguments.to_vec(),
            result: result.to_owned(),
            previous: self.head(),
        };
        let line = act.line();
        self.push(act, line.trim_end_matches('\n'));
    }

    /// The hash of the last line, which the next act and the manifest hold.
    pub fn head(&self) -> Digest {
        self.last.unwrap_or(NOTHING)
    }

    /// The file.
    pub fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn acts() -> Acts {
        let mut acts = Acts::default();
        acts.add(
            1,
            "anna@vpn1",
            "open",
            &["--ip".to_owned(), "192.0.2.1".to_owned()],
            "1 finding",
        );
        acts.add(2, "anna@vpn1", "collect", &["a\n\"b".to_owned()], "3 files\u{202e}");
        acts.add(3, "bob@vpn1", "report", &[], "");
        acts
    }

    #[test]
    fn a_chain_reads_back() {
        let acts = acts();
        let again = Acts::parse(acts.text().as_bytes()).expect("our own");
        assert_eq!((again.all, again.last), (acts.all.clone(), acts.last));
        assert_eq!(acts.all[1].arguments, ["a\n\"b"]);
        assert_eq!(Acts::parse(b"").expect("none").head(), NOTHING);
    }

    #[test]
    fn what_was_done_to_it_is_found() {
        let acts = acts();
        let lines: Vec<&str> = acts.text().lines().collect();
        let broken = |lines: &[&str]| Acts::parse(format!("{}\n", lines.join("\n")).as_bytes()).expect_err("broken");
        assert_eq!(broken(&lines[1..]).how, "its number does not follow the one before");
        assert_eq!(broken(&[lines[0], lines[2]]).line, 2);
        let changed = lines[0].replace("1 finding", "0 findings");
        let found = broken(&[&changed, lines[1], lines[2]]);
        assert_eq!(
            (found.line, found.how),
            (2, "it does not hold the hash of the line before")
        );
        assert_eq!(broken(&[lines[0], "{}"]).how, "the line is no act");
        let cut = &acts.text().as_bytes()[..acts.text().len() - 1];
        assert_eq!(Acts::parse(cut).expect_err("cut").how, "the line is cut short");
        // the last acts taken away: the chain holds, and its head is not the one that the manifest knows
        let short = Acts::parse(format!("{}\n{}\n", lines[0], lines[1]).as_bytes()).expect("a chain");
        assert_ne!(short.head(), acts.head());
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Acts::parse(&bytes);
        }
    }
}
