//! What the catalogue knows of one message.

use crate::{EndReason, EventKind, Layer, Severity};

/// One entry of the catalogue. Its identity is (dialect, id), never its text.
#[derive(Clone, Debug)]
pub struct Message {
    /// The contract's dialect name.
    pub dialect: &'static str,
    /// Slug or vendor code, unique within the dialect.
    pub id: &'static str,
    /// Syslog severity as the writer logs it.
    pub severity: Severity,
    /// The layer it belongs to.
    pub layer: Layer,
    /// What kind of thing it tells.
    pub kind: EventKind,
    /// The contract's cause that this message speaks for, if it does.
    pub blames: Option<&'static str>,
    /// The contract's end reason that this message proves, if it does.
    pub end_reason: Option<EndReason>,
    /// The line holds a secret (password, challenge and response): redact its text.
    pub secret: bool,
    /// The templates, the main one first; empty for shapes without templates.
    pub templates: &'static [&'static str],
    /// What it means.
    pub meaning: &'static str,
    /// Likely cause, or "none".
    pub cause: &'static str,
    /// Recommended action, or "none".
    pub action: &'static str,
    /// Where the fact comes from (daemon source file, RFC, lab).
    pub source: &'static str,
    /// Versions of the daemon that write it, if known.
    pub versions: &'static str,
}
