//! How the daemon does, as one JSON object: the contract's keys of `tunlog status`, and what only a running daemon knows.

use serde_json::{Map, Value, json};
use tunlog_report::rfc3339;
use tunlog_store::Counts;
use tunlog_store::history::HistoryCounts;

use crate::state::{SourceState, State};
use crate::validity::Validity;

/// The status. `now`: the present, microseconds UTC.
pub fn object(state: &State, history: Option<HistoryCounts>, now: i64) -> Value {
    let (keeping, watching) = (state.keeping(), state.watching());
    let sources = state.sources();
    let mut sum = Counts::default();
    sources.iter().for_each(|(_, source)| sum.add(&source.counts));
    // what was given up on a full disk was read from no source again
    sum.lost = sum.lost.saturating_add(keeping.dropped);
    let mut all = Map::new();
    all.insert("type".to_owned(), json!("status"));
    all.insert("version".to_owned(), json!(env!("CARGO_PKG_VERSION")));
    all.insert("started".to_owned(), json!(rfc3339(state.started())));
    all.insert("now".to_owned(), json!(rfc3339(now)));
    all.insert("ready".to_owned(), json!(watching.caught_up));
    counts(&sum, &mut all);
    let sources: Vec<Value> = sources.iter().map(|(name, state)| source(name, state)).collect();
    all.insert("sources".to_owned(), json!(sources));
    let certificates = state.certificates();
    if !certificates.is_empty() {
        let certificates: Vec<Value> = certificates.iter().map(|one| certificate(one, now)).collect();
        all.insert("certificates".to_owned(), json!(certificates));
    }
    all.insert("keeping".to_owned(), known(serde_json::to_value(&keeping)));
    all.insert("watching".to_owned(), known(serde_json::to_value(&watching)));
    if let Some(counts) = history {
        all.insert("history".to_owned(), history_of(&counts));
    }
    Value::Object(all)
}

fn counts(counts: &Counts, into: &mut Map<String, Value>) {
    for (key, count) in [
        ("read", counts.read),
        ("stored", counts.stored),
        ("filtered", counts.filtered),
        ("rejected", counts.rejected),
        ("unparsed", counts.unparsed),
        ("duplicates", counts.known),
        ("lost", counts.lost),
        ("gaps", counts.gaps),
    ] {
        into.insert(key.to_owned(), json!(count));
    }
}

fn source(name: &str, state: &SourceState) -> Value {
    let word = match (state.ended, &state.problem) {
        (true, _) => "ended",
        (false, Some(_)) => "failing",
        (false, None) => "following",
    };
    let mut object = Map::new();
    object.insert("source".to_owned(), json!(name));
    object.insert("state".to_owned(), json!(word));
    if let Some(problem) = &state.problem {
        object.insert("problem".to_owned(), json!(problem));
    }
    counts(&state.counts, &mut object);
    for (key, time) in [("heard", state.heard), ("newest", state.newest)] {
        if let Some(time) = time {
            object.insert(key.to_owned(), json!(rfc3339(time)));
        }
    }
    if let Some(lag) = state.lag {
        object.insert("lag_s".to_owned(), json!(lag as f64 / 1e6));
    }
    Value::Object(object)
}

fn certificate(validity: &Validity, now: i64) -> Value {
    let mut object = Map::new();
    object.insert("file".to_owned(), json!(validity.file));
    object.insert("state".to_owned(), json!(validity.at(now)));
    object.insert("from".to_owned(), json!(rfc3339(validity.from)));
    object.insert("until".to_owned(), json!(rfc3339(validity.until)));
    if let Some(problem) = validity.warning(now) {
        object.insert("problem".to_owned(), json!(problem));
    }
    Value::Object(object)
}

fn history_of(counts: &HistoryCounts) -> Value {
    let mut object = Map::new();
    for (key, count) in [
        ("attempts", counts.attempts),
        ("sessions", counts.sessions),
        ("open", counts.open),
        ("findings", counts.findings),
        ("bytes", counts.bytes),
    ] {
        object.insert(key.to_owned(), json!(count));
    }
    for (key, time) in [("first", counts.first), ("last", counts.last)] {
        if let Some(time) = time {
            object.insert(key.to_owned(), json!(rfc3339(time)));
        }
    }
    Value::Object(object)
}

/// Without keys that have no value.
fn known(value: serde_json::Result<Value>) -> Value {
    match value.unwrap_or_default() {
        Value::Object(members) => Value::Object(members.into_iter().filter(|(_, value)| !value.is_null()).collect()),
        other => other,
    }
}
