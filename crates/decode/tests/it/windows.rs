//! The reference list of Windows events: each that is known for certain is decoded and explained.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tunlog_decode::{Catalogue, Decoder, Keep};
use tunlog_model::{Entry, EventBatch, Payload, RecordRef, Spans};

/// One row of the list: what is read of it here.
struct Row {
    id: u32,
    provider: String,
    params: Vec<String>,
    is_certain: bool,
}

/// The rows; none where the list is not beside the clone.
// the crate is pure, its tests may read what stands beside the clone
#[allow(clippy::disallowed_methods, clippy::disallowed_macros)]
fn rows() -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/windows-events.jsonl");
    let Ok(text) = fs::read_to_string(path) else {
        eprintln!("skipped: no list of Windows events beside the clone");
        return Vec::new();
    };
    text.lines().map(row).collect()
}

/// A line of the list. Its keys are known, so that no JSON reader is needed.
fn row(line: &str) -> Row {
    let text = |key: &str| {
        let after = line.split(&format!("\"{key}\": ")).nth(1).expect("the key");
        after.to_string()
    };
    let id = text("id");
    let params = text("params");
    let confidence = text("confidence");
    Row {
        id: id.split(',').next().and_then(|id| id.parse().ok()).expect("an id"),
        provider: text("provider").split('"').nth(1).expect("a provider").to_string(),
        params: params
            .split(']')
            .next()
            .unwrap_or_default()
            .split('"')
            .skip(1)
            .step_by(2)
            .map(str::to_string)
            .collect(),
        is_certain: ["\"read", "\"measured"].iter().any(|word| confidence.starts_with(word)),
    }
}

/// Values of a row's parameters, made up by their names.
fn values(row: &Row) -> Vec<(String, String)> {
    let value = |name: &str| match name {
        "NASPortType" => "Virtual",
        _ if name.contains("CoId") && !name.contains("literal") => "{0E1D5C5A-0001-0007-50C4-2BACB0BFDA01}",
        _ if name.contains("address") || name.contains("ip") || name.contains("Address") => "203.0.113.7",
        _ if name.contains("Status") => "0xc000006a",
        _ if name.contains("ReasonCode") || name.contains("reason code") => "16",
        _ if name.contains("RAS error") => "691",
        _ if name.contains("Port") => "1723",
        _ if name.contains("Protocol") => "6",
        _ if name.contains("bytes") || name.contains("minutes") || name.contains("seconds") => "7",
        _ => "anna",
    };
    let named = row.params.iter().map(|param| {
        let key = match param.split_once(':') {
            Some((position, _)) if position.bytes().all(|byte| byte.is_ascii_digit()) => position,
            Some(("Binary", _)) => return ("Binary".to_string(), "b3020000".to_string()),
            _ => param.split(' ').next().unwrap_or(param),
        };
        (key.trim_matches(['(', ':']).to_string(), value(param).to_string())
    });
    named.collect()
}

#[test]
fn every_event_of_the_list_is_decoded_and_explained() {
    let catalogue = Catalogue::builtin();
    let mut missing = Vec::new();
    let mut decoded = BTreeMap::new();
    for row in rows() {
        let providers = row
            .provider
            .split('/')
            .map(str::trim)
            .next()
            .unwrap_or_default()
            .to_string();
        let id = row.id.to_string();
        let own = values(&row);
        let mut pairs: Vec<(&[u8], &[u8])> = vec![(b"System/EventID", id.as_bytes())];
        pairs.extend(own.iter().map(|(key, value)| (key.as_bytes(), value.as_bytes())));
        let record = RecordRef {
            app: providers.as_bytes(),
            payload: Payload::Fields(&pairs),
            ..RecordRef::bare(b"", 1)
        };
        let mut batch = EventBatch::over(0);
        Decoder::new(&catalogue, Keep::Events).decode(&record, &Spans::of(&[]), &mut batch);
        let found = batch.entries.iter().find_map(|entry| match entry {
            Entry::Event(event) => Some(event.message),
            _ => None,
        });
        match found {
            Some(message) if message.id == id && !message.meaning.is_empty() => {
                // what nobody confirmed says so
                if !row.is_certain && row.provider.starts_with("Ras") {
                    assert!(message.source.contains("not confirmed"), "{id}: {}", message.source);
                }
                decoded.insert(row.id, message.dialect);
            }
            _ => missing.push(format!("{} {id}", row.provider)),
        }
    }
    assert!(missing.is_empty(), "not decoded: {missing:?}");
    // the list is long: an empty or short one proves nothing
    assert!(decoded.is_empty() || decoded.len() >= 35, "{} events", decoded.len());
}
