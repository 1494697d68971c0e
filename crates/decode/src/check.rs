//! The checks that every dialect file passes, shipped or a user's own: the example lines are the tests.

use std::collections::{BTreeMap, BTreeSet};

use tunlog_model::{Field, Payload, RecordRef};

use crate::codes;
use crate::definition::{DialectFile, Example, MessageEntry};
use crate::dialect::Dialect;
use crate::problem::Lines;
use crate::shape::windows_event;
use crate::template::{Caught, Fields, Slot, Template, unknown, unknown_field};
use crate::user;

/// Where an example line may come from.
const PROVENANCE: &[&str] = &["lab", "source", "documented", "wild"];

/// The shape of packets: code decides what they are, and their examples are what they are shown as.
const PACKET: &str = "packet";

/// The shape of records of named values.
const FIELDS: &str = "fields";
/// The shape of Windows events.
const WINDOWS_EVENT: &str = "windows-event";

/// How many examples a message may have; more hide the telling ones.
const EXAMPLES_MAX: usize = 60;

/// The problems of a dialect file, each beginning with its path and line; empty means it is fine.
pub fn check(path: &str, text: &str) -> Vec<String> {
    let mut report = Report {
        lines: Lines::of(text),
        found: Vec::new(),
    };
    // read twice: one copy becomes the tables that the examples are tried on
    match (toml::from_str::<DialectFile>(text), toml::from_str::<DialectFile>(text)) {
        (Ok(file), Ok(again)) => {
            head(&file, &mut report);
            messages(&file, &mut report);
            texts(&file, &mut report);
            let dialect = Dialect::new(user::table_of(again));
            compiled(&dialect, &file, &mut report);
            examples(&dialect, &file, &mut report);
        }
        (Err(error), _) | (_, Err(error)) => {
            let line = report.lines.of_byte(error.span().map_or(0, |span| span.start));
            report.say(line, "", unread(error.message()));
        }
    }
    report.found.sort();
    report
        .found
        .into_iter()
        .map(|(line, problem)| format!("{path}:{line}: {problem}"))
        .collect()
}

/// What the TOML reader says; of a key that it does not know also the nearest one that it does.
fn unread(said: &str) -> String {
    let said = said.trim_end();
    let quoted: Vec<&str> = said.split('`').skip(1).step_by(2).collect();
    match quoted.as_slice() {
        [key, known @ ..] if said.starts_with("unknown field") && !known.is_empty() => unknown("key", key, known),
        _ => said.to_owned(),
    }
}

/// Problems with their lines.
struct Report<'t> {
    lines: Lines<'t>,
    found: Vec<(usize, String)>,
}

impl Report<'_> {
    fn say(&mut self, line: usize, id: &str, what: impl AsRef<str>) {
        let what = what.as_ref();
        self.found.push((
            line,
            if id.is_empty() {
                what.to_owned()
            } else {
                format!("message `{id}`: {what}")
            },
        ));
    }

    fn in_head(&mut self, near: &str, what: impl AsRef<str>) {
        self.say(self.lines.in_head(near), "", what);
    }

    fn in_message(&mut self, number: usize, entry: &MessageEntry, near: &str, what: impl AsRef<str>) {
        self.say(self.lines.in_message(number, near), &entry.id, what);
    }
}

fn head(file: &DialectFile, report: &mut Report<'_>) {
    if file.name.trim().is_empty() {
        report.in_head("name", "`name` is empty");
    }
    if file.apps.is_empty() && file.passed_on_by.is_empty() && !file.headerless && file.shape != PACKET {
        report.in_head("apps", "no `apps` and not `headerless`: no line would ever be its");
    }
    if !matches!(file.unrecognised.as_str(), "unknown" | "noise") {
        let what = format!("`unrecognised` is `unknown` or `noise`, not `{}`", file.unrecognised);
        report.in_head("unrecognised", what);
    }
    if file.shape != FIELDS && !(file.fallback.is_empty() && file.values.is_empty()) {
        report.in_head("fallback", "`fallback` and `values` are for shape `fields`");
    }
    for key in file.values.keys() {
        if !file.map.contains_key(key) && !file.fallback.contains_key(key) {
            report.in_head(key, format!("`values` are given for `{key}`, which no `map` names"));
        }
    }
    if file.message.is_empty() {
        report.in_head("name", "no `[[message]]`: it would understand nothing");
    }
    for (key, field) in file.map.iter().chain(&file.fallback) {
        let problem = match file.shape.as_str() {
            "key-value" => Slot::compile(field).err(),
            // its compiler says what is wrong with it
            WINDOWS_EVENT => None,
            _ => Field::from_word(field).is_none().then(|| unknown_field(field)),
        };
        if let Some(problem) = problem {
            report.in_head(key, problem);
        }
    }
}

fn messages(file: &DialectFile, report: &mut Report<'_>) {
    let mut ids = BTreeSet::new();
    for (number, entry) in file.message.iter().enumerate() {
        // one event may have several entries, told apart by conditions; it is one message to whoever reads of it
        if !ids.insert(&entry.id) && file.shape != WINDOWS_EVENT {
            report.in_message(number, entry, "id", "the id is used twice");
        }
        if !is_slug(&entry.id) {
            report.in_message(number, entry, "id", "an id is of small letters, digits and hyphens");
        }
        for (key, text) in [
            ("meaning", &entry.meaning),
            ("cause", &entry.cause),
            ("action", &entry.action),
        ] {
            if text.trim().is_empty() {
                report.in_message(
                    number,
                    entry,
                    key,
                    format!("`{key}` is missing (write \"none\" where there is none)"),
                );
            }
        }
        for (key, field) in entry.map.iter().filter(|_| file.shape == FIELDS) {
            if Field::from_word(field).is_none() {
                report.in_message(number, entry, key, unknown_field(field));
            }
        }
        if file.shape == "template" && entry.template.is_empty() && entry.also.is_empty() {
            report.in_message(number, entry, "id", "no `template`: no line would ever be it");
        }
        let told_by = [&entry.template, &entry.code].iter().any(|text| !text.is_empty()) || !entry.when.is_empty();
        if file.shape == "key-value" && !told_by {
            report.in_message(
                number,
                entry,
                "id",
                "no `code`, `when` or `template`: no line would ever be it",
            );
        }
        if !entry.same_text_as.is_empty() && !file.message.iter().any(|twin| twin.id == entry.same_text_as) {
            let what = format!("`same-text-as` names `{}`, which is not here", entry.same_text_as);
            report.in_message(number, entry, "same-text-as", what);
        }
        for (key, cause) in [("blames", &entry.blames), ("suspects", &entry.suspects)] {
            if !cause.is_empty() && !codes::causes().any(|known| known == cause) {
                let what = unknown("cause", cause, &codes::causes().collect::<Vec<_>>());
                report.in_message(number, entry, key, what);
            }
        }
        if !entry.blames.is_empty() && !entry.suspects.is_empty() {
            report.in_message(
                number,
                entry,
                "suspects",
                "`blames` says it for certain: `suspects` has nothing to add",
            );
        }
        if entry.example.is_empty() {
            report.in_message(number, entry, "id", "no example line");
        }
        if entry.example.len() > EXAMPLES_MAX {
            report.in_message(number, entry, "id", format!("more than {EXAMPLES_MAX} example lines"));
        }
    }
}

/// Who asks what a message means wants to hear of this one: two messages that say the same are one, or declared twins.
fn texts(file: &DialectFile, report: &mut Report<'_>) {
    let mut told: BTreeMap<(&str, &str), &MessageEntry> = BTreeMap::new();
    for (number, entry) in file.message.iter().enumerate() {
        let twin = &entry.twin_of;
        let here = twin.strip_prefix(&file.name).and_then(|rest| rest.strip_prefix('/'));
        let here = here.or((!twin.contains('/') && !twin.is_empty()).then_some(twin));
        if here.is_some_and(|id| !file.message.iter().any(|other| other.id == id)) {
            report.in_message(
                number,
                entry,
                "twin-of",
                format!("`twin-of` names `{twin}`, which is not here"),
            );
        }
        match told.get(&(entry.meaning.trim(), entry.action.trim())) {
            Some(first) if twin.is_empty() && entry.same_text_as != first.id && first.same_text_as != entry.id => {
                let what = format!(
                    "`meaning` and `action` are those of `{}`: say what is different, make them one message (`also`), or declare `twin-of`",
                    first.id
                );
                report.in_message(number, entry, "meaning", what);
            }
            Some(_) => {}
            None => {
                told.insert((entry.meaning.trim(), entry.action.trim()), entry);
            }
        }
    }
}

/// Vendors' own codes are ids too (`02800009`, `rras/20271` without its dialect).
fn is_slug(id: &str) -> bool {
    !id.is_empty()
        && id
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// What compiling the dialect brought to light.
fn compiled(dialect: &Dialect, file: &DialectFile, report: &mut Report<'_>) {
    for problem in &dialect.ready().problems {
        match file.message.iter().position(|entry| entry.id == problem.message) {
            Some(number) => report.in_message(number, &file.message[number], problem.near, &problem.what),
            None => report.in_head(problem.near, &problem.what),
        }
    }
}

fn examples(dialect: &Dialect, file: &DialectFile, report: &mut Report<'_>) {
    for (number, entry) in file.message.iter().enumerate() {
        for (at, example) in entry.example.iter().enumerate() {
            let line = report.lines.of_example(number, at);
            for problem in wrong(dialect, file, entry, example) {
                report.say(line, &entry.id, problem);
            }
        }
    }
}

/// What is wrong with an example.
fn wrong(dialect: &Dialect, file: &DialectFile, entry: &MessageEntry, example: &Example) -> Vec<String> {
    let mut found = Vec::new();
    if !PROVENANCE.contains(&example.from.as_str()) {
        found.push(unknown("`from`", &example.from, PROVENANCE));
    }
    if file.shape == PACKET {
        return found;
    }
    let body = example.line.as_bytes();
    let (provider, pairs) = match file.shape.as_str() {
        WINDOWS_EVENT => windows_event::pairs_of(&example.line).unwrap_or_default(),
        _ => ("", detail_pairs(file, &example.line)),
    };
    let mut record = RecordRef::bare(body, 1);
    if matches!(file.shape.as_str(), FIELDS | WINDOWS_EVENT) {
        record.payload = Payload::Fields(&pairs);
        record.app = provider_of(file, entry, provider).as_bytes();
    }
    let mut fields = Vec::new();
    match dialect.find(body.trim_ascii_end(), &record, &mut fields) {
        None => {
            let place = stops(dialect, &file.templates(entry), body.trim_ascii_end());
            let place = place.unwrap_or_else(|| format!(" {}", example.line));
            found.push(format!("the example is not recognised:{place}"));
        }
        Some(message) if message.id != entry.id && !twins(file, message.id, &entry.id) => {
            found.push(format!("the example decodes to `{}`: {}", message.id, example.line));
        }
        Some(_) => found.extend(compare(&fields, example)),
    }
    found
}

/// Where an example stops to fit, by the template that it fits furthest: the line, and below it what points at the place.
/// None where no template tells.
fn stops(dialect: &Dialect, templates: &[String], body: &[u8]) -> Option<String> {
    let rest = dialect.behind_prelude(body);
    let behind = body.len() - rest.len();
    let stops = templates.iter().filter_map(|text| {
        let stop = Template::compile(text).ok()?.stop(rest)?;
        Some((stop, text))
    });
    // of templates that fit equally far the first, which is the message's own text
    let furthest = stops.reduce(|one, other| if other.0.at > one.0.at { other } else { one });
    let (stop, template) = furthest?;
    let fits = tunlog_model::text::lossy(&body[..behind + stop.at]);
    let (line, blanks) = (tunlog_model::text::lossy(body), " ".repeat(fits.chars().count()));
    let wants = match stop.wants.as_str() {
        "" => "here the template ends".to_owned(),
        wants => format!("here should stand `{wants}`"),
    };
    let of = match templates {
        [_] => String::new(),
        _ => format!(", of `{template}`"),
    };
    Some(format!("\n  {line}\n  {blanks}^ {wants}{of}"))
}

/// The provider of an example event: the one that it names, else the first that writes the message.
fn provider_of<'f>(file: &'f DialectFile, entry: &'f MessageEntry, named: &'f str) -> &'f str {
    let first = || entry.matches.provider.first().or(file.apps.first());
    match named {
        "" if file.shape == WINDOWS_EVENT => first().map_or("", String::as_str),
        _ => named,
    }
}

/// Two messages that declare that their text is the same.
fn twins(file: &DialectFile, one: &str, other: &str) -> bool {
    let says = |id: &str, twin: &str| {
        file.message
            .iter()
            .any(|message| message.id == id && message.same_text_as == twin)
    };
    says(one, other) || says(other, one)
}

/// For shape = "fields": the example is written as `Name = value; Name = value`.
fn detail_pairs<'a>(file: &DialectFile, line: &'a str) -> Vec<(&'a [u8], &'a [u8])> {
    if file.shape != FIELDS {
        return Vec::new();
    }
    let pairs = line.split("; ").filter_map(|pair| pair.split_once(" = "));
    pairs
        .map(|(name, value)| (name.trim().as_bytes(), value.trim().as_bytes()))
        .collect()
}

fn compare(fields: &Fields<'_>, example: &Example) -> Vec<String> {
    let mut found = Vec::new();
    for (field, caught) in fields {
        let (word, got) = (field.word(), show(caught));
        match example.fields.get(word).map(plain) {
            None => found.push(format!(
                "the example extracts {word} = {got}, which its `fields` do not name: {}",
                example.line
            )),
            Some(want) if !same(&want, &got) => {
                found.push(format!(
                    "the example extracts {word} = {got}, its `fields` say {want}: {}",
                    example.line
                ));
            }
            Some(_) => {}
        }
    }
    for key in example.fields.keys() {
        if Field::from_word(key).is_none() {
            found.push(unknown_field(key));
        } else if !fields.iter().any(|(field, _)| field.word() == key) {
            found.push(format!("the example does not extract `{key}`: {}", example.line));
        }
    }
    found
}

fn same(want: &str, got: &str) -> bool {
    want == got || matches!((want.parse::<f64>(), got.parse::<f64>()), (Ok(a), Ok(b)) if (a - b).abs() < 1e-6)
}

fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn show(caught: &Caught<'_>) -> String {
    match caught {
        Caught::Text(text) => tunlog_model::text::lossy(text).into_owned(),
        Caught::Bytes(bytes) => tunlog_model::text::lossy(bytes).into_owned(),
        Caught::Int(number) => number.to_string(),
        Caught::Seconds(seconds) => seconds.to_string(),
        Caught::Ip(address) => address.to_string(),
        Caught::Word(word) => (*word).to_string(),
        Caught::Bool(bool) => bool.to_string(),
    }
}
