//! The report of an incident as a sheet: what happened, to whom, what was done, what is left, and how all of it is verified.

use jiff::tz::TimeZone;
use serde_json::Value;
use tunlog_model::text::visible;
use tunlog_report::local;
use tunlog_report::sheet::{Block, Section, Sheet, SheetCell, SheetStep, SheetTable};

use crate::act::Act;
use crate::case::Case;
use crate::facts::{AccountFact, Facts};
use crate::found::{self, Found, time};
use crate::lessons::Lesson;
use crate::movement::Whose;
use crate::remediation::{Item, State, progress};
use crate::share::{technique, technique_url};
use crate::story::Verdict;
use crate::text::counted;

/// Rows of a table.
const ROWS_MAX: usize = 200;

/// What a report is made of.
pub struct Page<'a> {
    /// The case.
    pub case: &'a Case,
    /// What the analysis came to.
    pub facts: &'a Facts,
    /// Rows of `timeline.jsonl`.
    pub timeline: &'a str,
    /// Rows of `collection.jsonl`.
    pub collection: &'a str,
    /// The findings.
    pub findings: &'a [Found],
    /// What was done.
    pub acts: &'a [Act],
    /// What is left to do.
    pub items: &'a [Item],
    /// What was learned.
    pub lessons: &'a [Lesson],
    /// The public key of who signs, and how it is read aloud.
    pub key: (String, String),
    /// The zone of times.
    pub zone: TimeZone,
    /// The present, microseconds UTC.
    pub now: i64,
    /// The program's version.
    pub version: &'a str,
}

/// The report.
pub fn sheet(page: &Page<'_>) -> Sheet {
    let zone = local(page.now, &page.zone, "%Z");
    Sheet {
        title: format!("Incident {}", page.case.id),
        subtitle: format!(
            "{} · {} · {} to {}",
            page.case.title,
            page.case.severity.word(),
            page.time(page.case.since),
            page.time(page.case.until)
        ),
        sections: vec![
            page.summary(),
            page.moments(),
            page.affected(),
            page.attackers(),
            page.movement(),
            page.done(),
            page.left(),
            page.learned(),
            page.indicators(),
            page.evidence(),
            page.verification(),
        ],
        footer: format!(
            "Made by tunlog {} on {}; times are {zone}.",
            page.version,
            page.time(page.now)
        ),
    }
}

fn section(id: &'static str, heading: &'static str, blocks: Vec<Block>) -> Section {
    Section { id, heading, blocks }
}

fn tile(what: &str, value: u64, more: &str) -> (String, String, String) {
    (what.to_owned(), value.to_string(), more.to_owned())
}

/// A table, or words where it would be empty.
fn table(caption: &str, heads: &[(&'static str, &'static str)], mut rows: Vec<Vec<SheetCell>>, empty: &str) -> Block {
    if rows.is_empty() {
        return Block::Note(empty.to_owned());
    }
    let more = rows.len().saturating_sub(ROWS_MAX) as u64;
    rows.truncate(ROWS_MAX);
    Block::Table(SheetTable {
        caption: caption.to_owned(),
        heads: heads.to_vec(),
        rows,
        more,
    })
}

impl Page<'_> {
    fn time(&self, micros: i64) -> String {
        local(micros, &self.zone, "%Y-%m-%d %H:%M:%S")
    }

    /// A time that stands somewhere as RFC 3339.
    fn moment(&self, text: &str) -> SheetCell {
        time(text).map_or(SheetCell::None, |micros| SheetCell::Time(self.time(micros)))
    }

    fn count(&self, verdict: Verdict) -> u64 {
        self.facts.with(verdict).count() as u64
    }

    fn summary(&self) -> Section {
        let words = self
            .facts
            .in_words(self.case)
            .into_iter()
            .map(|words| Block::Words(self.local_times(&words)));
        let (done, all) = progress(self.items);
        let tiles = vec![
            tile(
                "Attempts of the attackers",
                self.facts.tried,
                &format!("{} succeeded", self.facts.succeeded),
            ),
            tile("Accounts compromised", self.count(Verdict::Compromised), ""),
            tile(
                "Accounts suspect",
                self.count(Verdict::Suspect),
                "perhaps in other hands",
            ),
            tile(
                "Accounts tried",
                self.count(Verdict::Tried) + self.facts.accounts_more,
                "in vain, as far as seen",
            ),
            tile("Stolen sessions", self.facts.sessions.len() as u64, ""),
            tile("Steps done", done as u64, &format!("of {all}")),
        ];
        section("summary", "Summary", words.chain([Block::Tiles(tiles)]).collect())
    }

    /// Times in words are told in the report's zone like all others.
    fn local_times(&self, words: &str) -> String {
        let is_stamp = |word: &str| word.len() >= 20 && word.as_bytes().get(10) == Some(&b'T') && word.ends_with('Z');
        let told = |word: &str| {
            let bare = word.trim_end_matches(['.', ',', ';']);
            match time(bare).filter(|_| is_stamp(bare)) {
                Some(micros) => format!("{}{}", self.time(micros), &word[bare.len()..]),
                None => word.to_owned(),
            }
        };
        words.split(' ').map(told).collect::<Vec<_>>().join(" ")
    }

    fn moments(&self) -> Section {
        let rows = self
            .timeline
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let rows = rows
            .filter(|row| row.get("key") == Some(&Value::Bool(true)))
            .map(|row| {
                let get = |key: &str| found::text(&row, key).unwrap_or_default();
                vec![
                    self.moment(&get("time")),
                    SheetCell::text(get("kind")),
                    SheetCell::text(get("what")),
                    SheetCell::text(get("client_ip")),
                    SheetCell::text(visible(&get("text"))),
                ]
            });
        let heads = [
            ("Time", "When."),
            ("Kind", "What kind of moment."),
            ("What", "Which."),
            ("Address", "From where, or which address."),
            ("Told", "In words, or the line that says it."),
        ];
        let empty = "Nothing was analysed yet: `tunlog incident analyse` finds them.";
        let block = table("Moments that decided how it went", &heads, rows.collect(), empty);
        section("moments", "Key moments", vec![block])
    }

    fn affected(&self) -> Section {
        let row = |account: &AccountFact| {
            vec![
                SheetCell::Text(visible(&account.user).into_owned()),
                SheetCell::text(account.verdict.clone()),
                SheetCell::Count(account.tried),
                SheetCell::Count(account.succeeded),
                self.moment(&account.first),
                self.moment(&account.last),
                SheetCell::text(self.local_times(&account.why)),
            ]
        };
        let heads = [
            ("Account", "The name as it was given."),
            ("Verdict", "compromised, suspect, tried, unaffected."),
            ("Tried", "Attempts of the attackers."),
            ("Got in", "Those that succeeded."),
            ("First", "The first of them."),
            ("Last", "The last of them."),
            ("Why", "What the verdict rests on."),
        ];
        let rows = self.facts.accounts.iter().map(row).collect();
        let block = table(
            "Accounts, the worst first",
            &heads,
            rows,
            "No account is concerned, or nothing was analysed yet.",
        );
        section("affected", "Who was affected", vec![block])
    }

    fn attackers(&self) -> Section {
        let addresses = self.case.addresses.iter().map(|address| {
            vec![
                SheetCell::Text(address.network.to_string()),
                SheetCell::text(address.role.word()),
            ]
        });
        let findings = self.findings.iter().map(|found| {
            vec![
                SheetCell::Time(self.time(found.alarm_time)),
                SheetCell::text(found.rule.clone()),
                SheetCell::text(found.severity.word()),
                SheetCell::text(visible(&found.summary)),
            ]
        });
        let heads = [
            ("Address", "Address or network."),
            ("Role", "attacker, compromised-source, suspect."),
        ];
        let alarms = [
            ("Alarm", "When it was known."),
            ("Rule", "What was found."),
            ("Severity", "How bad."),
            ("Seen", "In words."),
        ];
        let blocks = vec![
            table("Addresses", &heads, addresses.collect(), "No address is known."),
            table(
                "Findings it began with",
                &alarms,
                findings.collect(),
                "It was opened without a finding.",
            ),
        ];
        section("attackers", "Attackers", blocks)
    }

    fn movement(&self) -> Section {
        let sessions = self.facts.sessions.iter().map(|one| {
            let end = if one.is_open {
                SheetCell::text("still up")
            } else {
                self.moment(&one.until)
            };
            vec![
                SheetCell::Text(visible(&one.user).into_owned()),
                SheetCell::text(one.verdict.clone()),
                SheetCell::text(one.client_ip.clone()),
                SheetCell::text(one.assigned_ip.clone()),
                self.moment(&one.from),
                end,
                SheetCell::text(one.traffic.clone()),
            ]
        });
        let places = self.facts.places.iter().map(|one| {
            vec![
                SheetCell::text(one.address.clone()),
                SheetCell::text(if one.whose == Whose::Inner.word() {
                    "inside, stolen session"
                } else {
                    "the attackers' own"
                }),
                SheetCell::text(visible(&one.user)),
                SheetCell::text(visible(&one.service)),
                SheetCell::text(visible(&one.host)),
                SheetCell::Count(one.lines),
                self.moment(&one.first),
                SheetCell::Code(visible(&one.example).into_owned()),
            ]
        });
        let session_heads = [
            ("Account", "Whose name it bore."),
            ("Verdict", "compromised or suspect."),
            ("From", "Outer address."),
            ("Inside", "Address inside the tunnel."),
            ("Up", "When it came up."),
            ("Down", "When it ended."),
            ("Traffic", "How much went through it."),
        ];
        let place_heads = [
            ("Address", "The address that lines mention."),
            ("Whose", "Of a stolen session, or the attackers' own."),
            ("Account", "The session's."),
            ("Service", "The program that wrote, else the file."),
            ("On", "Its machine."),
            ("Lines", "How many."),
            ("First", "The first of them."),
            ("Example", "The first line. A peer may have written the address there."),
        ];
        let blocks = vec![
            table(
                "Sessions that were not their owners', or may not have been",
                &session_heads,
                sessions.collect(),
                "No session is known to have been stolen.",
            ),
            table(
                "Where else their addresses, and the attackers', were seen",
                &place_heads,
                places.collect(),
                "No other log that was given mentions an address.",
            ),
        ];
        section("movement", "What they did inside", blocks)
    }

    fn done(&self) -> Section {
        let rows = self.acts.iter().map(|act| {
            vec![
                SheetCell::Time(self.time(act.time)),
                SheetCell::Count(act.number),
                SheetCell::Text(visible(&act.by).into_owned()),
                SheetCell::text(visible(&act.act)),
                SheetCell::text(visible(&act.result)),
            ]
        });
        let heads = [
            ("Time", "When."),
            ("Act", "Its number."),
            ("By", "Who."),
            ("What", "Which subcommand, or what was found."),
            ("Result", "What came of it."),
        ];
        section(
            "acts",
            "What was done",
            vec![table(
                "Acts; each holds the hash of the one before",
                &heads,
                rows.collect(),
                "Nothing yet.",
            )],
        )
    }

    fn left(&self) -> Section {
        let (done, all) = progress(self.items);
        let steps = self.items.iter().map(|item| SheetStep {
            group: item.phase.clone(),
            is_done: item.state != State::Open,
            text: item.text.clone(),
            told: self.ticked(item),
            commands: item.commands.clone(),
        });
        let words = match all {
            0 => "Nothing was planned yet: `tunlog incident remediate` lists the steps.".to_owned(),
            _ => format!(
                "{done} of {} done or skipped.",
                counted(all as u64, "step is", "steps are")
            ),
        };
        section(
            "remediation",
            "What is left to do",
            vec![Block::Note(words), Block::Steps(steps.collect())],
        )
    }

    fn ticked(&self, item: &Item) -> String {
        let (Some(by), Some(at)) = (&item.by, item.at) else {
            return String::new();
        };
        let note = item.note.as_deref().map_or(String::new(), |note| format!(": {note}"));
        format!("{} by {by}, {}{note}", item.state.word(), self.time(at))
    }

    fn learned(&self) -> Section {
        let rows = self.lessons.iter().map(|lesson| {
            let text = |value: &Option<String>| SheetCell::text(visible(value.as_deref().unwrap_or_default()));
            let step = lesson.step.as_ref().map_or(String::new(), |step| step.id.clone());
            vec![
                SheetCell::Text(visible(&lesson.text).into_owned()),
                text(&lesson.owner),
                text(&lesson.due),
                SheetCell::text(step),
            ]
        });
        let heads = [
            ("Lesson", "What was learned."),
            ("Owner", "Who sees to it."),
            ("Due", "By when."),
            ("Step", "What the playbook gets from it."),
        ];
        let empty = "None was written down yet: lessons.toml is the place.";
        section(
            "lessons",
            "Lessons",
            vec![table("What was learned", &heads, rows.collect(), empty)],
        )
    }

    fn indicators(&self) -> Section {
        let techniques = self.case.techniques.iter().map(|id| {
            vec![
                SheetCell::Text(id.clone()),
                SheetCell::text(technique(id)),
                SheetCell::text(technique_url(id)),
            ]
        });
        let heads = [
            ("Technique", "Of MITRE ATT&CK."),
            ("Name", "As it is called there."),
            ("Described at", "Its page."),
        ];
        let blocks = vec![
            Block::Note("The addresses above, the accounts and these techniques stand in stix.json (STIX 2.1) and misp.json (MISP, authentication-failure-report) for other tools.".to_owned()),
            table("Techniques", &heads, techniques.collect(), "No technique was named."),
        ];
        section("indicators", "Indicators", blocks)
    }

    fn evidence(&self) -> Section {
        let rows = self
            .collection
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let rows = rows.map(|row| {
            let get = |key: &str| found::text(&row, key).unwrap_or_default();
            let number = |key: &str| {
                row.get(key)
                    .and_then(Value::as_u64)
                    .map_or(SheetCell::None, SheetCell::Count)
            };
            let notes = row.get("notes").and_then(Value::as_array).cloned().unwrap_or_default();
            let notes: Vec<String> = notes
                .iter()
                .filter_map(|note| note.as_str().map(str::to_owned))
                .collect();
            vec![
                SheetCell::Text(visible(&get("original")).into_owned()),
                SheetCell::text(get("what")),
                number("taken"),
                number("left"),
                SheetCell::Code(get("original_sha256")),
                SheetCell::text(visible(&notes.join("; "))),
            ]
        });
        let heads = [
            ("Original", "Where it lay."),
            ("What", "Lines, packets, configuration."),
            ("Taken", "How many."),
            ("Left", "How many were not taken."),
            ("SHA-256 of the original", "Of the whole file."),
            ("Notes", "What is to be known."),
        ];
        let empty = "Nothing was collected yet: `tunlog incident collect` takes it.";
        section(
            "evidence",
            "Evidence",
            vec![table("What was collected", &heads, rows.collect(), empty)],
        )
    }

    fn verification(&self) -> Section {
        let words = "Every file is listed with its SHA-256 in MANIFEST, a signed note (C2SP signed-note, Ed25519); acts.jsonl is a chain of hashes. Whoever has the public key of the one who signed, by another way than this directory, can tell whether anything was changed, added or taken out.";
        let lines = vec![
            format!("tunlog incident verify DIR --key '{}'", self.key.0),
            format!("read aloud: {}", self.key.1),
        ];
        section(
            "verify",
            "How to verify",
            vec![Block::Words(words.to_owned()), Block::Lines(lines)],
        )
    }
}
