//! Which tool wrote an event as JSON, by the keys at its top.

/// The writers that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Winlogbeat 7 and later: everything under `winlog`, or under keys that begin with `winlog.`.
    Winlogbeat,
    /// Winlogbeat up to 6: the same names at the top.
    OldWinlogbeat,
    /// `evtx_dump -o jsonl`: the XML's elements as objects.
    EvtxDump,
    /// `Get-WinEvent | ConvertTo-Json`.
    PowerShell,
    /// NXLog's `to_json()`.
    NxLog,
}

/// What was seen of the keys so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen(u8);

const WINLOG: u8 = 1;
const OLD_ID: u8 = 2;
const OLD_DATA: u8 = 4;
const EVENT: u8 = 8;
const ID: u8 = 16;
const PROVIDER_NAME: u8 = 32;
const EVENT_ID: u8 = 64;
const SOURCE_NAME: u8 = 128;

impl Seen {
    /// Takes note of a key at the top, and of whether its value is an object.
    pub fn key(&mut self, key: &[u8], object: bool) {
        self.0 |= match key {
            b"winlog" | b"Event" if !object => 0,
            b"winlog" | b"winlog.event_id" => WINLOG,
            b"event_id" => OLD_ID,
            b"source_name" => OLD_DATA,
            b"Event" => EVENT,
            b"Id" => ID,
            b"ProviderName" => PROVIDER_NAME,
            b"EventID" => EVENT_ID,
            b"SourceName" => SOURCE_NAME,
            _ => 0,
        };
    }

    /// The writer, if the keys tell.
    pub fn shape(self) -> Option<Shape> {
        let all = |keys: u8| self.0 & keys == keys;
        if all(WINLOG) {
            Some(Shape::Winlogbeat)
        } else if all(ID | PROVIDER_NAME) {
            Some(Shape::PowerShell)
        } else if all(EVENT_ID | SOURCE_NAME) {
            Some(Shape::NxLog)
        } else if all(OLD_ID | OLD_DATA) {
            Some(Shape::OldWinlogbeat)
        } else if all(EVENT) {
            Some(Shape::EvtxDump)
        } else {
            None
        }
    }
}
