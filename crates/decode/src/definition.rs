//! The dialect file as it is written (`dialects/README.md`). Shared by the build script, which turns the shipped files
//! into tables, and by the loader of users' own files: one grammar, one door.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A dialect file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DialectFile {
    /// The contract's dialect name.
    pub name: String,
    /// Programs whose lines it reads.
    #[serde(default)]
    pub apps: Vec<String>,
    /// Programs that write its lines under their own name among other lines; what nobody understands there is noise.
    #[serde(default)]
    pub passed_on_by: Vec<String>,
    /// What its writer is to a connection: "ppp", "pptp", "l2tp", "ike", "radius", "firewall", "system" or "none".
    #[serde(default = "none")]
    pub role: String,
    /// What a line of such a program is when nothing fits: "unknown" or "noise".
    #[serde(default = "unknown")]
    pub unrecognised: String,
    /// Among dialects of the same program, the higher is asked first (default 0): the more specific ones.
    #[serde(default)]
    pub priority: i32,
    /// Its messages may stand in a file without any header.
    #[serde(default)]
    pub headerless: bool,
    /// How a body is read: "template" (default), "netfilter" or "fields".
    #[serde(default = "template")]
    pub shape: String,
    /// What stands before every body and is cut off first: "none", "uptime", "thread", "connection".
    #[serde(default = "none")]
    pub prelude: String,
    /// shape = "fields": which named value is which field.
    #[serde(default)]
    pub map: BTreeMap<String, String>,
    /// The messages, in order.
    #[serde(default)]
    pub message: Vec<MessageEntry>,
}

/// One message of a dialect file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageEntry {
    /// Unique in the dialect.
    pub id: String,
    /// Main template (shape = "template").
    #[serde(default)]
    pub template: String,
    /// Other spellings.
    #[serde(default)]
    pub also: Vec<String>,
    /// Conditions (other shapes): key and the value it must have.
    #[serde(default)]
    pub when: BTreeMap<String, String>,
    /// Syslog severity.
    pub severity: String,
    /// Contract's layer.
    pub layer: String,
    /// Contract's event.
    pub event: String,
    /// Fields this message always implies.
    #[serde(default)]
    pub set: BTreeMap<String, toml::Value>,
    /// Contract's cause.
    #[serde(default)]
    pub blames: String,
    /// Contract's end reason.
    #[serde(default)]
    pub end_reason: String,
    /// `calling`: only the calling side writes it.
    #[serde(default)]
    pub side: String,
    /// The line holds a secret.
    #[serde(default)]
    pub secret: bool,
    /// Versions that write it.
    #[serde(default)]
    pub versions: String,
    /// Source of the facts.
    #[serde(default)]
    pub source: String,
    /// Meaning, cause, action.
    #[serde(default)]
    pub meaning: String,
    /// Likely cause.
    #[serde(default)]
    pub cause: String,
    /// Recommended action.
    #[serde(default)]
    pub action: String,
    /// Another message whose text is the same.
    #[serde(default, rename = "same-text-as")]
    pub same_text_as: String,
    /// Examples; they are the tests.
    #[serde(default)]
    pub example: Vec<Example>,
}

/// An example line.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// The message body.
    pub line: String,
    /// Provenance.
    pub from: String,
    /// The fields that must be extracted.
    #[serde(default)]
    pub fields: BTreeMap<String, toml::Value>,
}

fn unknown() -> String {
    "unknown".into()
}
fn template() -> String {
    "template".into()
}
fn none() -> String {
    "none".into()
}
