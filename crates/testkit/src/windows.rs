//! Windows events for tests: one description, and every form in which an administrator may copy it from the machine. No
//! public log holds events of RemoteAccess or NPS, so that fixtures are made of these.
//!
//! [`WindowsEvent::from_xml`] takes an event as the Event Viewer shows it; [`crate::evtx::write`] makes a log file of many.

mod json;
mod snare;
mod xml;

/// One event. What is empty or `None` is not written.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct WindowsEvent {
    /// `Provider Name`.
    pub provider: String,
    /// `Provider EventSourceName`, of providers that have a manifest and an old name.
    pub source_name: Option<String>,
    /// The event id, without qualifiers.
    pub id: u16,
    /// The `Qualifiers` of classic events.
    pub qualifiers: Option<u16>,
    /// Version of the event's definition.
    pub version: Option<u8>,
    /// 1 critical, 2 error, 3 warning, 4 information, 5 verbose; 0 for audits.
    pub level: u8,
    /// Task category.
    pub task: u16,
    /// Keywords: audit failure is 0x10000000000000, success 0x20000000000000.
    pub keywords: u64,
    /// When, microseconds since 1970-01-01T00:00:00Z.
    pub time: i64,
    /// `EventRecordID`.
    pub record_id: u64,
    /// `Correlation ActivityID`, in braces.
    pub activity_id: Option<String>,
    /// `Execution`: process and thread.
    pub execution: Option<(u32, u32)>,
    /// `Channel`: Application, Security, System…
    pub channel: String,
    /// `Computer`.
    pub computer: String,
    /// What the event tells.
    pub data: EventData,
    /// The binary part of a classic event.
    pub binary: Option<Vec<u8>>,
}

/// What an event tells, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventData {
    /// Classic events: values without names.
    Positional(Vec<String>),
    /// Events of a manifest: name and value.
    Named(Vec<(String, String)>),
    /// `UserData`: an element of this name that holds these.
    User(String, Vec<(String, String)>),
}

impl Default for EventData {
    fn default() -> EventData {
        EventData::Positional(Vec::new())
    }
}

/// How `Event Viewer` and `wevtutil` lay out many events as XML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XmlLayout {
    /// `wevtutil qe /f:xml`, `ForEach { $_.ToXml() }`: an event a line, no root, single quotes.
    Lines,
    /// The Event Viewer's "Save as XML": one root, everything in one line.
    Root,
    /// Indented, each element on a line of its own.
    Pretty,
}

impl WindowsEvent {
    /// A classic event (RemoteAccess, RasClient…) with values without names, in the log System.
    pub fn classic(provider: &str, id: u16, values: &[&str]) -> WindowsEvent {
        WindowsEvent {
            provider: provider.to_string(),
            id,
            qualifiers: Some(0),
            level: 4,
            keywords: 0x80_0000_0000_0000,
            channel: "System".to_string(),
            computer: "ras1.example.test".to_string(),
            data: EventData::Positional(values.iter().map(ToString::to_string).collect()),
            ..WindowsEvent::default()
        }
    }

    /// An event of the Security log with named values; `success` is what the audit says.
    pub fn audit(id: u16, success: bool, values: &[(&str, &str)]) -> WindowsEvent {
        let outcome = if success {
            0x20_0000_0000_0000
        } else {
            0x10_0000_0000_0000
        };
        WindowsEvent {
            provider: "Microsoft-Windows-Security-Auditing".to_string(),
            id,
            version: Some(1),
            keywords: 0x8000_0000_0000_0000 | outcome,
            execution: Some((680, 5044)),
            channel: "Security".to_string(),
            computer: "dc1.example.test".to_string(),
            data: EventData::Named(
                values
                    .iter()
                    .map(|(name, value)| (name.to_string(), value.to_string()))
                    .collect(),
            ),
            ..WindowsEvent::default()
        }
    }

    /// The same event at another time (microseconds UTC) and with another record id.
    pub fn at(self, time: i64, record_id: u64) -> WindowsEvent {
        WindowsEvent {
            time,
            record_id,
            ..self
        }
    }

    /// The same event with a binary part.
    pub fn with_binary(self, binary: &[u8]) -> WindowsEvent {
        WindowsEvent {
            binary: Some(binary.to_vec()),
            ..self
        }
    }

    /// Reads an event as the Event Viewer and `wevtutil` show it (`<Event xmlns=…>…</Event>`).
    ///
    /// # Errors
    /// What is missing or no event.
    pub fn from_xml(text: &str) -> Result<WindowsEvent, String> {
        xml::read(text)
    }

    /// `<Event …>…</Event>` in one line, in single quotes, as `wevtutil` prints it.
    pub fn xml(&self) -> String {
        xml::event(self, XmlLayout::Lines)
    }

    /// A line of Winlogbeat.
    pub fn winlogbeat(&self) -> String {
        json::winlogbeat(self).to_string()
    }

    /// A line of NXLog's `to_json()`.
    pub fn nxlog(&self) -> String {
        json::nxlog(self).to_string()
    }

    /// A line of `evtx_dump -o jsonl`.
    pub fn evtx_dump(&self) -> String {
        json::evtx_dump(self).to_string()
    }

    /// A line of Snare's syslog: no time zone, no data but the text that Windows makes of them.
    pub fn snare(&self, text: &str) -> String {
        snare::line(self, text)
    }

    /// The time as RFC 3339 in UTC with `digits` (at most 6) of the second.
    pub(crate) fn rfc3339(&self, digits: usize) -> String {
        let text = jiff::Timestamp::from_microsecond(self.time).unwrap_or_default();
        format!("{text:.digits$}")
    }
}

/// Many events as XML.
pub fn xml(events: &[WindowsEvent], layout: XmlLayout) -> String {
    xml::document(events, layout)
}

/// Many events as `Get-WinEvent | ConvertTo-Json -Depth 3` prints them: an array, or one object for one event. Windows
/// PowerShell 5 writes `\/Date(ms)\/`, PowerShell 7 writes ISO times (`iso`).
pub fn get_winevent(events: &[WindowsEvent], iso: bool) -> String {
    json::get_winevent(events, iso)
}

/// UTF-16LE with byte order mark, as PowerShell redirects and the Event Viewer saves.
pub fn utf16(text: &str) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xfe];
    bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    bytes
}
