//! Dialects as static tables: what the build script writes and what a user's file is turned into.

use tunlog_model::Vendor;

/// A dialect file as data.
#[derive(Debug)]
#[allow(missing_docs)] // field for field what dialects/README.md describes
pub struct DialectTable {
    pub name: &'static str,
    pub apps: &'static [&'static str],
    pub passed_on_by: &'static [&'static str],
    pub role: &'static str,
    pub unrecognised: &'static str,
    pub headerless: bool,
    pub priority: i32,
    pub shape: &'static str,
    pub prelude: &'static str,
    pub map: &'static [(&'static str, &'static str)],
    pub fallback: &'static [(&'static str, &'static str)],
    pub values: &'static [(&'static str, &'static [(&'static str, &'static str)])],
    pub key_value: KeyValueTable,
    pub messages: &'static [MessageTable],
}

/// What keys of `key=value` lines say, as data.
#[derive(Debug, Default)]
#[allow(missing_docs)] // field for field what dialects/README.md describes
pub struct KeyValueTable {
    pub code: &'static str,
    pub leading: &'static [&'static str],
    pub level: &'static str,
    pub levels: &'static [(&'static str, &'static str)],
    pub free_text: &'static [&'static str],
    pub own: &'static [&'static str],
}

/// One message as data.
#[derive(Debug)]
#[allow(missing_docs)] // field for field what dialects/README.md describes
pub struct MessageTable {
    pub id: &'static str,
    pub templates: &'static [&'static str],
    pub when: &'static [(&'static str, &'static str)],
    pub severity: &'static str,
    pub layer: &'static str,
    pub event: &'static str,
    pub set: &'static [(&'static str, &'static str)],
    pub blames: &'static str,
    pub suspects: &'static str,
    pub end_reason: &'static str,
    pub side: &'static str,
    pub secret: bool,
    /// An audit needs it, though no attempt does.
    pub audit: bool,
    pub versions: &'static str,
    pub source: &'static str,
    pub meaning: &'static str,
    pub cause: &'static str,
    pub action: &'static str,
    pub map: &'static [(&'static str, &'static str)],
    pub windows_event: WindowsEventTable,
    pub codes: &'static [(&'static str, &'static str)],
    pub vendor: Vendor,
}

/// Which Windows event a message is, as data.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // field for field what dialects/README.md describes
pub struct WindowsEventTable {
    pub id: u32,
    pub providers: &'static [&'static str],
    pub versions: &'static [u32],
}

include!(concat!(env!("OUT_DIR"), "/shipped.rs"));
