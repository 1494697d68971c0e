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
    /// How a body is read: "template" (default), "netfilter", "fields", "key-value" or "windows-event".
    #[serde(default = "template")]
    pub shape: String,
    /// What stands before every body and is cut off first: a word of `Prelude::ALL`.
    #[serde(default = "none")]
    pub prelude: String,
    /// shape = "fields": which named value is which field. shape = "key-value": which key is which placeholder
    /// (`user = "user:name"`).
    #[serde(default)]
    pub map: BTreeMap<String, String>,
    /// shape = "fields": the same, for values that count only where none of `map` says the field.
    #[serde(default)]
    pub fallback: BTreeMap<String, String>,
    /// shape = "fields": what the numbers of a value stand for, in words.
    #[serde(default)]
    pub values: BTreeMap<String, BTreeMap<String, String>>,
    /// shape = "key-value": what its keys say of the line itself.
    #[serde(default, rename = "key-value")]
    pub key_value: KeyValueHead,
    /// The messages, in order.
    #[serde(default)]
    pub message: Vec<MessageEntry>,
}

/// How lines of `key=value` pairs tell what they are.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyValueHead {
    /// The key whose value is the message's `code`.
    #[serde(default)]
    pub code: String,
    /// Keys that may stand before it: it is not looked for behind any other.
    #[serde(default)]
    pub leading: Vec<String>,
    /// The key among them whose value is the severity.
    #[serde(default)]
    pub level: String,
    /// Its values, as syslog words.
    #[serde(default)]
    pub levels: BTreeMap<String, String>,
    /// Keys whose value repeats what other keys say, in prose.
    #[serde(default, rename = "free-text")]
    pub free_text: Vec<String>,
    /// Categories of which every line should be understood; lines of others are noise.
    #[serde(default)]
    pub own: Vec<String>,
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
    /// Conditions (other shapes): key and the values it may have, separated by `|`.
    #[serde(default)]
    pub when: BTreeMap<String, String>,
    /// shape = "windows-event": which event it is.
    #[serde(default, rename = "match")]
    pub matches: EventMatch,
    /// shape = "windows-event": values that are codes, as `key:family`, the most telling first.
    #[serde(default)]
    pub codes: Vec<String>,
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
    /// Contract's cause that is likely where this message is the last word; not with `blames`.
    #[serde(default)]
    pub suspects: String,
    /// Contract's end reason.
    #[serde(default)]
    pub end_reason: String,
    /// `calling`: only the calling side writes it.
    #[serde(default)]
    pub side: String,
    /// An audit needs it, though no attempt does.
    #[serde(default)]
    pub audit: bool,
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
    /// shape = "key-value": the number by which its writer identifies it.
    #[serde(default)]
    pub code: String,
    /// The writer's own name for it; several may share one.
    #[serde(default)]
    pub name: String,
    /// What the writer's reference says that the firewall does ("None", "drop").
    #[serde(default)]
    pub firewall_action: String,
    /// Its revision in the writer's reference.
    #[serde(default)]
    pub revision: u32,
    /// Its keys, in the order in which they are written.
    #[serde(default)]
    pub parameters: Vec<String>,
    /// shape = "key-value", "fields", "windows-event": keys that are another field here than in the head's `map`.
    #[serde(default)]
    pub map: BTreeMap<String, String>,
    /// Another message whose text is the same.
    #[serde(default, rename = "same-text-as")]
    pub same_text_as: String,
    /// Another message (`id`, or `dialect/id`) that says the same of another place: meaning and action may be its.
    #[serde(default, rename = "twin-of")]
    pub twin_of: String,
    /// Examples; they are the tests.
    #[serde(default)]
    pub example: Vec<Example>,
}

/// The identity of a Windows event.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventMatch {
    /// Event id, without its qualifiers.
    #[serde(rename = "event-id")]
    pub event_id: u32,
    /// Providers; those of the dialect's `apps` if none are named.
    #[serde(default)]
    pub provider: Vec<String>,
    /// Versions; any if none are named.
    #[serde(default)]
    pub version: Vec<u32>,
}

impl DialectFile {
    /// The templates of a message, with the writer's names of keys replaced by what `map` says of them: a reference's
    /// text can be taken as it is printed.
    pub fn templates(&self, entry: &MessageEntry) -> Vec<String> {
        let main = Some(&entry.template).filter(|template| !template.is_empty());
        let all = main.into_iter().chain(&entry.also);
        all.map(|template| match self.shape.as_str() {
            "key-value" => resolved(template, |key| entry.map.get(key).or_else(|| self.map.get(key))),
            _ => template.clone(),
        })
        .collect()
    }
}

fn resolved<'m>(template: &str, meaning: impl Fn(&str) -> Option<&'m String>) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, inside)) = rest.split_once('<') {
        out.push_str(before);
        out.push('<');
        if let Some(literal) = inside.strip_prefix('<') {
            out.push('<');
            rest = literal;
            continue;
        }
        let Some((key, after)) = inside.split_once('>') else {
            rest = inside;
            break;
        };
        out.push_str(meaning(key).map_or(key, String::as_str));
        out.push('>');
        rest = after;
    }
    out + rest
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
