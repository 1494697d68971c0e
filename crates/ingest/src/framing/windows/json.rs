//! Windows events as JSON: Winlogbeat, NXLog, `evtx_dump`, PowerShell. A line may be one event, or the file one array of them
//! (`framing::json_document`).

use super::json_shape::Shape;
use super::{EventFields, System, values};
use crate::framing::json::{self, Value};

/// Deepest objects that are looked into.
const DEPTH_MAX: usize = 8;

/// Longest path of keys.
const PATH_MAX: usize = 512;

/// Reads one event; what is no value of its kind is left out.
pub(crate) fn read(text: &[u8], shape: Shape, fields: &mut EventFields) -> Result<(), String> {
    fields.clear();
    let mut scratch = Vec::new();
    let mut take = |path: &[u8], value: Value<'_>| match shape {
        Shape::Winlogbeat => winlogbeat(path.strip_prefix(b"winlog.").ok_or(path), value, &mut scratch, fields),
        Shape::OldWinlogbeat => winlogbeat(Ok(path), value, &mut scratch, fields),
        Shape::EvtxDump => evtx_dump(path, value, &mut scratch, fields),
        Shape::PowerShell => power_shell(path, value, &mut scratch, fields),
        Shape::NxLog => nxlog(path, value, &mut scratch, fields),
    };
    walk(text, &mut Vec::new(), 0, &mut take).ok_or("not a whole JSON record")?;
    if fields.is_event() {
        Ok(())
    } else {
        Err("a Windows event without provider or event id".to_string())
    }
}

/// Calls `each` with every value that is no object, and the keys that lead to it, joined by dots.
fn walk(text: &[u8], path: &mut Vec<u8>, depth: usize, each: &mut dyn FnMut(&[u8], Value<'_>)) -> Option<()> {
    let mut whole = Some(());
    let read = json::object(text, &mut |key, value| {
        let before = path.len();
        if before + key.len() + 1 > PATH_MAX {
            return;
        }
        if before > 0 {
            path.push(b'.');
        }
        path.extend_from_slice(key);
        match value {
            Value::Object(inner) if depth < DEPTH_MAX => {
                whole = whole.and(walk(inner, path, depth + 1, each));
            }
            value => each(path, value),
        }
        path.truncate(before);
    });
    read.and(whole)
}

/// A scalar's text; nothing for `null` and what is no scalar.
fn scalar<'s>(value: Value<'s>, scratch: &'s mut Vec<u8>) -> Option<&'s [u8]> {
    match value {
        Value::Text(text, false) => Some(text),
        Value::Text(text, true) => {
            scratch.clear();
            json::unescape(text, scratch);
            Some(scratch)
        }
        Value::Bare(b"null") | Value::Array(_) | Value::Object(_) => None,
        Value::Bare(word) => Some(word),
    }
}

/// The path within `winlog`, or, as an error, one outside of it.
fn winlogbeat(path: Result<&[u8], &[u8]>, value: Value<'_>, scratch: &mut Vec<u8>, fields: &mut EventFields) {
    let Some(text) = scalar(value, scratch) else { return };
    let (Ok(path) | Err(path)) = path;
    match path {
        b"provider_name" | b"source_name" => fields.set(System::Provider, text),
        b"event_id" => fields.set(System::EventId, text),
        b"channel" | b"log_name" => fields.set(System::Channel, text),
        b"computer_name" => fields.set(System::Computer, text),
        b"record_id" | b"record_number" => fields.set(System::RecordId, text),
        b"version" => fields.set(System::Version, text),
        b"activity_id" => fields.set(System::ActivityId, text),
        b"process.pid" | b"process_id" => fields.set(System::ProcessId, text),
        b"@timestamp" => fields.set_stamp(values::utc(text)),
        b"host.name" => fields.set_default(System::Computer, text),
        // Winlogbeat takes it from the keywords' bits; of `keywords` it tells only the machine's words
        b"event.outcome" => match text {
            b"failure" => fields.set(System::Keywords, b"0x10000000000000"),
            b"success" => fields.set(System::Keywords, b"0x20000000000000"),
            _ => {}
        },
        b"log.level" | b"level" => {
            if let Some(level) = level(text) {
                fields.set(System::Level, level);
            }
        }
        _ => {
            if let Some(name) = path.strip_prefix(b"event_data.") {
                datum(name, text, fields);
            } else if let Some(name) = path.strip_prefix(b"user_data.")
                && name != b"xml_name"
            {
                fields.add_named(name, text);
            }
        }
    }
}

/// The level's word as Windows' number. An audit has none, and is called `information`.
fn level(word: &[u8]) -> Option<&'static [u8]> {
    Some(match &*word.to_ascii_lowercase() {
        b"critical" => b"1",
        b"error" => b"2",
        b"warning" => b"3",
        b"verbose" => b"5",
        _ => return None,
    })
}

/// `param1` and so on are values without names, counted from one.
fn datum(name: &[u8], text: &[u8], fields: &mut EventFields) {
    if name == b"Binary" {
        return fields.set_binary(text);
    }
    let position = name
        .strip_prefix(b"param")
        .and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<usize>().ok())
        .filter(|number| (1..=super::DATA_MAX).contains(number));
    match position {
        Some(number) => fields.add_at(number - 1, text),
        None => fields.add_named(name, text),
    }
}

fn evtx_dump(path: &[u8], value: Value<'_>, scratch: &mut Vec<u8>, fields: &mut EventFields) {
    let Some(path) = path.strip_prefix(b"Event.") else {
        return;
    };
    if path == b"EventData.Data.#text" || path == b"EventData.Data" {
        return match value {
            Value::Array(array) => json::elements(array, &mut |element| {
                fields.add(scalar(element, scratch).unwrap_or_default());
            }),
            value => fields.add(scalar(value, scratch).unwrap_or_default()),
        };
    }
    let text = match scalar(value, scratch) {
        Some(text) => text,
        None if matches!(value, Value::Bare(_)) && !path.starts_with(b"System.") => b"",
        None => return,
    };
    match path {
        b"System.Provider.#attributes.Name" => fields.set(System::Provider, text),
        b"System.Provider.#attributes.EventSourceName" => fields.set(System::SourceName, text),
        b"System.EventID" | b"System.EventID.#text" => fields.set(System::EventId, text),
        b"System.Version" => fields.set(System::Version, text),
        b"System.Level" => fields.set(System::Level, text),
        b"System.Keywords" => fields.set(System::Keywords, text),
        b"System.TimeCreated.#attributes.SystemTime" => fields.set_stamp(values::utc(text)),
        b"System.EventRecordID" => fields.set(System::RecordId, text),
        b"System.Correlation.#attributes.ActivityID" => fields.set(System::ActivityId, text),
        b"System.Execution.#attributes.ProcessID" => fields.set(System::ProcessId, text),
        b"System.Channel" => fields.set(System::Channel, text),
        b"System.Computer" => fields.set(System::Computer, text),
        b"EventData.Binary" => fields.set_binary(text),
        _ => evtx_dump_data(path, text, fields),
    }
}

fn evtx_dump_data(path: &[u8], text: &[u8], fields: &mut EventFields) {
    if path.split(|byte| *byte == b'.').any(|key| key == b"#attributes") {
        return;
    }
    if let Some(name) = path.strip_prefix(b"EventData.") {
        fields.add_named(name.strip_suffix(b".#text").unwrap_or(name), text);
    } else if let Some(inner) = path.strip_prefix(b"UserData.")
        && let Some(dot) = inner.iter().rposition(|byte| *byte == b'.')
    {
        fields.add_named(&inner[dot + 1..], text);
    }
}

fn power_shell(path: &[u8], value: Value<'_>, scratch: &mut Vec<u8>, fields: &mut EventFields) {
    if path == b"Properties" {
        if let Value::Array(array) = value {
            json::elements(array, &mut |element| property(element, scratch, fields));
        }
        return;
    }
    let Some(text) = scalar(value, scratch) else { return };
    match path {
        b"Id" => fields.set(System::EventId, text),
        b"Version" => fields.set(System::Version, text),
        b"Level" => fields.set(System::Level, text),
        b"Keywords" => fields.set(System::Keywords, text),
        b"RecordId" => fields.set(System::RecordId, text),
        b"ProviderName" => fields.set(System::Provider, text),
        b"LogName" => fields.set(System::Channel, text),
        b"ProcessId" => fields.set(System::ProcessId, text),
        b"MachineName" => fields.set(System::Computer, text),
        b"ActivityId" => fields.set(System::ActivityId, text),
        // PowerShell 7 writes a time, Windows PowerShell milliseconds; with `ConvertTo-Json` of version 5 in an object
        b"TimeCreated" | b"TimeCreated.value" => {
            fields.set_stamp(values::date(text).unwrap_or_else(|| values::local(text)));
        }
        _ => {}
    }
}

/// One of `Properties`: `{"Value": …}`. A list of numbers is the binary part; a security identifier is an object that has a
/// `Value` of its own.
fn property(element: Value<'_>, scratch: &mut Vec<u8>, fields: &mut EventFields) {
    let Value::Object(object) = element else {
        return fields.add(b"");
    };
    let mut found = None;
    let _ = json::object(object, &mut |key, value| {
        if key == b"Value" {
            found = Some(value);
        }
    });
    match found {
        Some(Value::Array(array)) => {
            let mut digits = String::new();
            json::elements(array, &mut |element| {
                if let Value::Bare(number) = element
                    && let Some(byte) = std::str::from_utf8(number)
                        .ok()
                        .and_then(|text| text.parse::<u8>().ok())
                {
                    use std::fmt::Write as _;
                    let _ = write!(digits, "{byte:02x}");
                }
            });
            fields.set_binary(digits.as_bytes());
        }
        Some(Value::Object(inner)) => {
            let mut identifier = None;
            let _ = json::object(inner, &mut |key, value| {
                if key == b"Value" {
                    identifier = Some(value);
                }
            });
            let text = identifier.and_then(|value| scalar(value, scratch));
            fields.add(text.unwrap_or_default());
        }
        Some(value) => fields.add(scalar(value, scratch).unwrap_or_default()),
        None => fields.add(b""),
    }
}

/// Keys that NXLog adds of its own; every other one is the event's data. From the field list of `im_msvistalog`.
const NXLOG_OWN: &[&[u8]] = &[
    b"AccountName",
    b"AccountType",
    b"Category",
    b"Domain",
    b"EventReceivedTime",
    b"EventType",
    b"ExecutionThreadID",
    b"HostIP",
    b"Message",
    b"MessageSourceAddress",
    b"Opcode",
    b"OpcodeValue",
    b"ProviderGuid",
    b"RelatedActivityID",
    b"Severity",
    b"SeverityValue",
    b"SourceModuleName",
    b"SourceModuleType",
    b"Task",
    b"TaskValue",
    b"ThreadID",
    b"UserID",
    b"host",
    b"message",
    b"tags",
];

fn nxlog(path: &[u8], value: Value<'_>, scratch: &mut Vec<u8>, fields: &mut EventFields) {
    let Some(text) = scalar(value, scratch) else { return };
    match path {
        b"EventID" => fields.set(System::EventId, text),
        b"SourceName" => fields.set(System::Provider, text),
        b"Version" => fields.set(System::Version, text),
        b"Channel" => fields.set(System::Channel, text),
        b"Hostname" => fields.set(System::Computer, text),
        b"RecordNumber" => fields.set(System::RecordId, text),
        b"Keywords" => fields.set(System::Keywords, text),
        b"ActivityID" => fields.set(System::ActivityId, text),
        b"Level" | b"LevelValue" => fields.set(System::Level, text),
        // the logging process in the Enterprise and in the Community Edition; events have data of the second name, too
        b"ExecutionProcessID" | b"ProcessID" => fields.set_default(System::ProcessId, text),
        b"EventTime" => fields.set_stamp(values::local(text)),
        b"EventType" => {
            if let Some(level) = text.strip_prefix(b"AUDIT_").map_or_else(|| level(text), |_| Some(b"0")) {
                fields.set_default(System::Level, level);
            }
        }
        own if NXLOG_OWN.contains(&own) || own.first() == Some(&b'@') => {}
        name => datum(name, text, fields),
    }
}
