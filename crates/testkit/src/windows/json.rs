//! Events as the JSON of shippers and tools. Key names as in Winlogbeat 8, NXLog's `im_msvistalog` with `to_json()`, `evtx_dump`
//! of the evtx crate, and PowerShell's `EventLogRecord`.

use serde_json::{Map, Value, json};

use super::{EventData, WindowsEvent};

/// Sets a key whose value is known.
fn set(object: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object.insert(key.to_string(), value.into());
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn outcome(event: &WindowsEvent) -> Option<&'static str> {
    match (event.keywords >> 52) & 3 {
        1 => Some("failure"),
        2 => Some("success"),
        _ => None,
    }
}

pub(super) fn winlogbeat(event: &WindowsEvent) -> Value {
    let mut winlog = Map::new();
    let mut data = Map::new();
    match &event.data {
        EventData::Positional(values) => {
            let named = values.iter().enumerate();
            data.extend(named.map(|(at, value)| (format!("param{}", at + 1), Value::from(value.as_str()))));
        }
        EventData::Named(fields) | EventData::User(_, fields) => {
            let fields = fields.iter();
            data.extend(fields.map(|(name, value)| (name.clone(), Value::from(value.as_str()))));
        }
    }
    set(&mut data, "Binary", event.binary.as_deref().map(hex));
    winlog.insert("api".into(), "wineventlog".into());
    winlog.insert("channel".into(), event.channel.as_str().into());
    winlog.insert("computer_name".into(), event.computer.as_str().into());
    set(&mut winlog, "activity_id", event.activity_id.as_deref());
    if let EventData::User(name, _) = &event.data {
        data.insert("xml_name".into(), name.as_str().into());
        winlog.insert("user_data".into(), data.into());
    } else {
        winlog.insert("event_data".into(), data.into());
    }
    winlog.insert("event_id".into(), event.id.to_string().into());
    winlog.insert("provider_name".into(), event.provider.as_str().into());
    winlog.insert("record_id".into(), event.record_id.into());
    winlog.insert("task".into(), event.task.to_string().into());
    set(&mut winlog, "version", event.version);
    if let Some((process, thread)) = event.execution {
        winlog.insert("process".into(), json!({"pid": process, "thread": {"id": thread}}));
    }
    let mut ecs = Map::new();
    ecs.insert("code".into(), event.id.to_string().into());
    ecs.insert("kind".into(), "event".into());
    set(&mut ecs, "outcome", outcome(event));
    let level = ["information", "critical", "error", "warning", "information", "verbose"];
    json!({
        "@timestamp": event.rfc3339(3),
        "event": ecs,
        "host": {"name": event.computer},
        "log": {"level": level.get(usize::from(event.level)).copied().unwrap_or("information")},
        "message": "text of the machine's language",
        "winlog": winlog,
    })
}

pub(super) fn nxlog(event: &WindowsEvent) -> Value {
    let mut object = Map::new();
    let (kind, severity) = match (outcome(event), event.level) {
        (Some("failure"), _) => ("AUDIT_FAILURE", 4),
        (Some(_), _) => ("AUDIT_SUCCESS", 2),
        (None, 1) => ("CRITICAL", 5),
        (None, 2) => ("ERROR", 4),
        (None, 3) => ("WARNING", 3),
        (None, 5) => ("VERBOSE", 1),
        (None, _) => ("INFO", 2),
    };
    object.insert("EventTime".into(), event.rfc3339(6).into());
    object.insert("Hostname".into(), event.computer.as_str().into());
    object.insert("Keywords".into(), (event.keywords as i64).into());
    object.insert("EventType".into(), kind.into());
    object.insert("SeverityValue".into(), severity.into());
    object.insert("EventID".into(), event.id.into());
    object.insert("SourceName".into(), event.provider.as_str().into());
    set(&mut object, "Version", event.version);
    object.insert("Task".into(), event.task.into());
    object.insert("OpcodeValue".into(), 0.into());
    object.insert("RecordNumber".into(), event.record_id.into());
    set(&mut object, "ActivityID", event.activity_id.as_deref());
    set(
        &mut object,
        "ExecutionProcessID",
        event.execution.map(|(process, _)| process),
    );
    set(&mut object, "ThreadID", event.execution.map(|(_, thread)| thread));
    object.insert("Channel".into(), event.channel.as_str().into());
    object.insert("Message".into(), "text of the machine's language".into());
    object.insert("Category".into(), "Logon".into());
    if let EventData::Named(fields) | EventData::User(_, fields) = &event.data {
        let fields = fields.iter();
        object.extend(fields.map(|(name, value)| (name.clone(), Value::from(value.as_str()))));
    }
    object.insert("EventReceivedTime".into(), event.rfc3339(6).into());
    object.insert("SourceModuleName".into(), "eventlog".into());
    object.insert("SourceModuleType".into(), "im_msvistalog".into());
    object.into()
}

pub(super) fn evtx_dump(event: &WindowsEvent) -> Value {
    let mut provider = json!({"Name": event.provider});
    if let Some(source) = &event.source_name {
        provider["EventSourceName"] = source.as_str().into();
    }
    let id = match event.qualifiers {
        Some(qualifiers) => json!({"#attributes": {"Qualifiers": qualifiers}, "#text": event.id}),
        None => event.id.into(),
    };
    let mut system = Map::new();
    system.insert("Provider".into(), json!({"#attributes": provider}));
    system.insert("EventID".into(), id);
    set(&mut system, "Version", event.version);
    system.insert("Level".into(), event.level.into());
    system.insert("Task".into(), event.task.into());
    system.insert("Keywords".into(), format!("{:#x}", event.keywords).into());
    system.insert(
        "TimeCreated".into(),
        json!({"#attributes": {"SystemTime": event.rfc3339(6)}}),
    );
    system.insert("EventRecordID".into(), event.record_id.into());
    let correlation = event.activity_id.as_ref();
    let correlation = correlation.map(|id| json!({"#attributes": {"ActivityID": id.trim_matches(['{', '}'])}}));
    system.insert("Correlation".into(), correlation.unwrap_or(Value::Null));
    set(
        &mut system,
        "Execution",
        event
            .execution
            .map(|(process, thread)| json!({"#attributes": {"ProcessID": process, "ThreadID": thread}})),
    );
    system.insert("Channel".into(), event.channel.as_str().into());
    system.insert("Computer".into(), event.computer.as_str().into());
    let mut whole = Map::new();
    whole.insert(
        "#attributes".into(),
        json!({"xmlns": "http://schemas.microsoft.com/win/2004/08/events/event"}),
    );
    whole.insert("System".into(), system.into());
    let mut data = Map::new();
    match &event.data {
        EventData::Positional(values) if values.len() == 1 => {
            drop(data.insert("Data".into(), json!({"#text": values[0]})))
        }
        EventData::Positional(values) => drop(data.insert("Data".into(), json!({"#text": values}))),
        EventData::Named(fields) | EventData::User(_, fields) => {
            let fields = fields.iter();
            data.extend(fields.map(|(name, value)| (name.clone(), Value::from(value.as_str()))));
        }
    }
    set(&mut data, "Binary", event.binary.as_deref().map(hex));
    match &event.data {
        EventData::User(name, _) => {
            let mut user = Map::new();
            user.insert(name.clone(), data.into());
            whole.insert("UserData".into(), user.into());
        }
        _ => drop(whole.insert("EventData".into(), data.into())),
    }
    json!({"Event": whole})
}

pub(super) fn get_winevent(events: &[WindowsEvent], iso: bool) -> String {
    let mut records: Vec<Value> = events.iter().map(|event| event_log_record(event, iso)).collect();
    let whole = match records.len() {
        1 => records.remove(0),
        _ => Value::Array(records),
    };
    let text = serde_json::to_string_pretty(&whole).unwrap_or_default();
    // Windows PowerShell writes a slash before each slash of a date, and ends lines as Windows does
    text.replace("/Date(", "\\/Date(")
        .replace(")/\"", ")\\/\"")
        .replace('\n', "\r\n")
}

fn event_log_record(event: &WindowsEvent, iso: bool) -> Value {
    let strings: Vec<&String> = match &event.data {
        EventData::Positional(values) => values.iter().collect(),
        EventData::Named(fields) | EventData::User(_, fields) => fields.iter().map(|(_, value)| value).collect(),
    };
    let mut properties: Vec<Value> = strings.into_iter().map(|value| json!({"Value": value})).collect();
    properties.extend(event.binary.iter().map(|binary| json!({"Value": binary})));
    let time = match iso {
        true => event.rfc3339(6),
        false => format!("/Date({})/", event.time / 1000),
    };
    let display = json!(["text of the machine's language"]);
    json!({
        "Id": event.id,
        "Version": event.version,
        "Qualifiers": event.qualifiers,
        "Level": event.level,
        "Task": event.task,
        "Opcode": 0,
        "Keywords": event.keywords as i64,
        "RecordId": event.record_id,
        "ProviderName": event.provider,
        "ProviderId": null,
        "LogName": event.channel,
        "ProcessId": event.execution.map(|(process, _)| process),
        "ThreadId": event.execution.map(|(_, thread)| thread),
        "MachineName": event.computer,
        "UserId": null,
        "TimeCreated": time,
        "ActivityId": event.activity_id.as_ref().map(|id| id.trim_matches(['{', '}'])),
        "RelatedActivityId": null,
        "ContainerLog": event.channel,
        "MatchedQueryIds": [],
        "Bookmark": {},
        "LevelDisplayName": "text of the machine's language",
        "KeywordsDisplayNames": display,
        "Properties": properties,
        "Message": "text of the machine's language",
    })
}
