//! Events and attempts as rules see them: the keys of the contract's JSON objects, nested ones joined by a dot (`fields.user`). A
//! field of an event is also there under its bare name, as it is in attempts.

use std::collections::HashMap;
use std::net::IpAddr;

use tunlog_analysis::correlate::Redact;
use tunlog_analysis::statistics::attempts::{AttemptView, SourceNames};
use tunlog_model::{Attempt, Cell, Event, Evidence, SourceId, Value, text};

/// Keys and values. Numbers are text here; rules compare them as numbers all the same.
pub type Flat = HashMap<String, String>;

/// Keys of ours, beside those of the contract: what a finding is made of.
const MICROS: &str = "tunlog.micros";
const SOURCE: &str = "tunlog.source";
const LINE: &str = "tunlog.line";
const TEXT: &str = "tunlog.text";
/// What a correlation remembers of an object; attempts have one of their own.
pub const ID: &str = "id";

/// No attempt asks for the name of a source here.
struct Nameless;

impl SourceNames for Nameless {
    fn source_name(&self, _: SourceId) -> &str {
        ""
    }
}

fn rfc3339(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros).map_or_else(|_| String::new(), |time| time.to_string())
}

fn number(seconds: f64) -> String {
    format!("{seconds}")
}

/// An event, with its line, secrets taken out.
pub fn event(event: &Event<'_>, redact: Option<Redact>) -> Flat {
    let message = event.message();
    let mut flat = Flat::new();
    let mut put = |key: &str, value: String| drop(flat.insert(key.to_owned(), value));
    put("type", "event".into());
    put("time", rfc3339(event.time.micros));
    put("dialect", message.dialect.into());
    put("message", format!("{}/{}", message.dialect, message.id));
    put("layer", message.fails_at.word().into());
    put("event", message.kind.word().into());
    put("severity", event.severity().word().into());
    if !event.host().is_empty() {
        put("gateway", text::lossy(event.host()).into_owned());
    }
    if event.pid() != 0 {
        put("pid", event.pid().to_string());
    }
    for (field, value) in event.fields() {
        let told = match value {
            Value::Int(number) => number.to_string(),
            Value::Seconds(seconds) => number(*seconds),
            Value::Ip(address) => address.to_string(),
            Value::Bool(yes) => yes.to_string(),
            Value::Word(word) => (*word).to_owned(),
            other => text::lossy(event.value_bytes(other).unwrap_or_default()).into_owned(),
        };
        let word = field.word();
        put(&format!("fields.{word}"), told.clone());
        // `pid` and the like are the line's own
        if !matches!(word, "pid" | "type" | "name") {
            put(word, told);
        }
    }
    let raw = event.raw();
    let redact = redact.filter(|_| !event.redacted());
    let shown = redact.map_or(raw.into(), |redact| redact(message, raw));
    put(ID, format!("{}:{}", event.source.0, event.line()));
    put(MICROS, event.time.micros.to_string());
    put(SOURCE, event.source.0.to_string());
    put(LINE, event.line().to_string());
    put(TEXT, text::lossy(shown.trim_ascii_end()).into_owned());
    flat
}

/// An attempt at the time when it ended, or when it was last heard of.
pub fn attempt(attempt: &Attempt) -> (i64, Flat) {
    let view = AttemptView {
        attempt,
        sources: &Nameless,
    };
    let mut flat = Flat::new();
    flat.insert("type".into(), "attempt".into());
    for column in AttemptView::COLUMNS {
        if let Some(told) = told((column.value)(&view)) {
            flat.insert(column.key.into(), told);
        }
    }
    let time = attempt.ended.unwrap_or(attempt.last_seen);
    flat.insert("time".into(), rfc3339(time));
    flat.insert(MICROS.into(), time.to_string());
    let user = attempt.user.as_deref().filter(|user| !user.is_empty());
    let named = user.and_then(|user| attempt.evidence.iter().find(|line| line.text.contains(user)));
    if let Some(line) = named.or(attempt.evidence.first()) {
        flat.insert(SOURCE.into(), line.source.0.to_string());
        flat.insert(LINE.into(), line.line.to_string());
        flat.insert(TEXT.into(), line.text.to_string());
    }
    (time, flat)
}

fn told(cell: Cell) -> Option<String> {
    Some(match cell {
        Cell::Text(text) => text,
        Cell::Word(word) => word.to_owned(),
        Cell::Count(count) | Cell::Bytes(count) => count.to_string(),
        Cell::Time(time) => rfc3339(time),
        Cell::Seconds(seconds) => number(seconds),
        Cell::Ip(address) => address.to_string(),
        Cell::Bool(yes) => yes.to_string(),
        Cell::None | Cell::List(_) | Cell::Object(_) => return None,
    })
}

/// What a finding needs of an event that counted.
#[derive(Clone)]
pub struct Seen {
    /// When, microseconds UTC.
    pub time: i64,
    /// The address of the socket.
    pub source: Option<IpAddr>,
    /// The name.
    pub user: Option<Box<str>>,
    /// It was let in.
    pub is_login: bool,
    /// The line.
    pub line: Option<Evidence>,
}

impl Seen {
    /// Of a value of each key.
    pub fn of<'v>(value: impl Fn(&str) -> Option<&'v str>) -> Option<Seen> {
        let line = || {
            Some(Evidence {
                source: SourceId(value(SOURCE)?.parse().ok()?),
                line: value(LINE)?.parse().ok()?,
                text: value(TEXT)?.into(),
            })
        };
        Some(Seen {
            time: value(MICROS)?.parse().ok()?,
            source: value("client_ip").and_then(|address| address.parse().ok()),
            user: value("user").map(Into::into),
            is_login: matches!(value("outcome"), Some("established" | "open"))
                || value("event") == Some("auth-succeeded"),
            line: line(),
        })
    }
}
