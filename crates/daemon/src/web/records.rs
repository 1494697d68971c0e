//! Records as they stand in the logs, from the newest back: what came of them says only what somebody understood.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tunlog_model::text::lossy;
use tunlog_report::rfc3339;
use tunlog_store::record::{Kind, Record};
use tunlog_store::{Period, Reader, StoreError};

use super::answers::{Failure, Page};
use super::pattern;
use super::question::Question;

/// A page of the store in this folder. After `time` it is what was found until then, and goes on from there when that is asked for.
///
/// # Errors
/// If the store cannot be read, or the cursor is none.
pub fn page(folder: &Path, question: &Question, time: Duration) -> Result<Page, Failure> {
    let failed = |error: StoreError| Failure::Unavailable(format!("the store cannot be read: {}", error.cause));
    let before = question.cursor.as_deref().map_or(Ok(u64::MAX), seq_of)?;
    let mut reader = Reader::open(folder).map_err(failed)?;
    let sources = reader.sources().map_err(failed)?;
    let names: HashMap<u64, &str> = sources.iter().map(|source| (source.id, source.name.as_str())).collect();
    let period = Period {
        since: question.attempts.since,
        until: question.attempts.until,
    };
    let enough = Instant::now() + time;
    let (limit, gateway) = (question.limit as usize, question.attempts.gateway.as_deref());
    let mut page = Page::default();
    let mut last: Option<u64> = None;
    let read = reader.backwards(before, period, &mut |record| {
        // one more than was looked at: so there is a next page
        let is_late = last.is_some() && Instant::now() > enough;
        if page.items.len() == limit || is_late {
            page.next = last.map(|seq| seq.to_string());
            return false;
        }
        last = Some(record.seq);
        let is_meant = gateway.is_none_or(|gateway| record.host == gateway.as_bytes());
        if is_meant && pattern::fit_text(&question.patterns, &lossy(record.raw)) {
            page.items.push(object(record, &names).to_string());
        }
        true
    });
    read.map_err(failed)?;
    Ok(page)
}

/// One text for one place.
fn seq_of(cursor: &str) -> Result<u64, Failure> {
    let seq: Option<u64> = cursor.parse().ok();
    seq.filter(|seq| seq.to_string() == cursor).ok_or(Failure::Cursor)
}

fn object(record: &Record<'_>, names: &HashMap<u64, &str>) -> Value {
    let mut object = Map::new();
    object.insert("type".to_owned(), json!("record"));
    object.insert("id".to_owned(), json!(record.seq));
    if let Some(time) = record.time {
        object.insert("time".to_owned(), json!(rfc3339(time)));
    }
    object.insert("kind".to_owned(), json!(record.kind.word()));
    let source = names.get(&record.source).copied().unwrap_or_default();
    object.insert("source".to_owned(), json!(source));
    object.insert("line".to_owned(), json!(record.line));
    let texts = [
        ("gateway", lossy(record.host)),
        ("program", lossy(record.program)),
        ("dialect", record.dialect.into()),
        ("name", record.message.into()),
        ("event", record.event.into()),
        ("text", lossy(record.raw)),
    ];
    for (key, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        object.insert(key.to_owned(), json!(text));
    }
    if record.pid > 0 {
        object.insert("pid".to_owned(), json!(record.pid));
    }
    if let Some(times) = record.times {
        object.insert("times".to_owned(), json!(times));
    }
    Value::Object(object)
}

/// What such an object is, for the OpenAPI document.
pub fn schema() -> Value {
    let text = |doc: &str| json!({"type": "string", "description": doc});
    let count = |doc: &str| json!({"type": "integer", "minimum": 0, "description": doc});
    let kinds: Vec<&str> = Kind::ALL.iter().map(|(_, word)| *word).collect();
    json!({
        "type": "object",
        "properties": {
            "type": {"const": "record"},
            "id": count("Number of the record in the store."),
            "time": {"type": "string", "format": "date-time"},
            "kind": {
                "type": "string",
                "enum": kinds,
                "description": "Something understood, a line that nobody understood, a repetition, a loss.",
            },
            "source": text("Where it stood."),
            "line": count("Line or record in the source, from 1."),
            "gateway": text("Host that wrote it."),
            "program": text("Program that wrote it."),
            "pid": count("Its process."),
            "dialect": text("Which dialect understood it."),
            "name": text("The message within the dialect; `explain` tells more of DIALECT/NAME."),
            "event": text("What it tells."),
            "times": count("How often repeated, or how many were lost."),
            "text": text("The record as it stands in the log, without its secrets unless the store keeps them."),
        },
        "required": ["type", "id", "kind", "source", "line"],
        "additionalProperties": false,
    })
}
