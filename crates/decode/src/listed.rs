//! A message as its table has it: found, named and explained without compiling the dialect that it belongs to.

use tunlog_model::{Confidence, EndReason, EventKind, Layer, Message, Packet, Role, Severity};

use crate::table::{DialectTable, MessageTable};

/// An entry of the catalogue, not yet made ready to read lines.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    dialect: &'static DialectTable,
    entry: &'static MessageTable,
}

impl Listed {
    /// Every entry of a table.
    pub(crate) fn all(dialect: &'static DialectTable) -> impl Iterator<Item = Listed> {
        dialect.messages.iter().map(move |entry| Listed { dialect, entry })
    }

    /// The contract's dialect name.
    pub fn dialect(&self) -> &'static str {
        self.dialect.name
    }

    /// The id within the dialect.
    pub fn id(&self) -> &'static str {
        self.entry.id
    }

    /// The number of the Windows event that it is, if it is one.
    pub fn event_id(&self) -> Option<u32> {
        Some(self.entry.windows_event.id).filter(|id| *id != 0)
    }

    /// The vendor's own name of it; empty if it has none.
    pub fn name(&self) -> &'static str {
        self.entry.vendor.name
    }

    /// What it means.
    pub fn meaning(&self) -> &'static str {
        self.entry.meaning
    }

    /// The kind of event, in the contract's word.
    pub fn event(&self) -> &'static str {
        self.entry.event
    }

    /// The layer, in the contract's word.
    pub fn layer(&self) -> &'static str {
        self.entry.layer
    }

    /// The contract's cause that it speaks for; empty if none.
    pub fn blames(&self) -> &'static str {
        self.entry.blames
    }

    /// Its texts, the main one first.
    pub fn templates(&self) -> &'static [&'static str] {
        self.entry.templates
    }

    /// Only the calling side writes it: an address that it names is a server's.
    pub fn is_calling(&self) -> bool {
        !self.entry.side.is_empty()
    }

    /// The programs that write it, by their syslog tags.
    pub fn programs(&self) -> &'static [&'static str] {
        self.dialect.apps
    }

    /// What stands before its text and is cut off first; `none` if nothing does.
    pub fn prelude(&self) -> &'static str {
        self.dialect.prelude
    }

    /// The contract's end reason that it proves; empty if none.
    pub fn end_reason(&self) -> &'static str {
        self.entry.end_reason
    }

    /// Everything that is known of it.
    pub fn message(&self) -> Message {
        let role = Role::from_word(self.dialect.role).unwrap_or(Role::None);
        message_of(self.dialect.name, role, self.entry)
    }
}

/// The message of an entry; a word that is in no list gives the list's plainest value.
pub(crate) fn message_of(dialect: &'static str, role: Role, entry: &'static MessageTable) -> Message {
    let layer = Layer::from_word(entry.layer).unwrap_or(Layer::System);
    let kind = EventKind::from_word(entry.event).unwrap_or(EventKind::SystemMessage);
    Message {
        dialect,
        role,
        id: entry.id,
        severity: Severity::from_word(entry.severity).unwrap_or(Severity::Info),
        layer,
        kind,
        blames: [entry.blames, entry.suspects]
            .into_iter()
            .find(|cause| !cause.is_empty()),
        confidence: match entry.blames.is_empty() && !entry.suspects.is_empty() {
            true => Confidence::Likely,
            false => Confidence::Certain,
        },
        fails_at: layer,
        end_reason: EndReason::from_word(entry.end_reason),
        calling: !entry.side.is_empty(),
        secret: entry.secret,
        concerns_attempts: concerns_attempts(role, layer, kind, entry),
        concerns_audit: entry.audit || (entry.secret && !is_sent(entry)),
        templates: entry.templates,
        packet: Packet::of(entry.templates),
        meaning: entry.meaning,
        cause: entry.cause,
        own_advice: entry.windows_event.id != 0,
        action: entry.action,
        source: entry.source,
        versions: entry.versions,
        vendor: entry.vendor,
    }
}

/// Whether attempts need a message: not chatter without facts, nor a packet that a filter dropped on its way to somebody
/// else's port (gateways log them by the million).
fn concerns_attempts(role: Role, layer: Layer, kind: EventKind, entry: &MessageTable) -> bool {
    use EventKind::{
        AuthError, AuthFailed, AuthMessage, AuthStarted, AuthSucceeded, HelperMissing, PluginLoaded, ScriptRun,
        SystemError,
    };
    let has = |text: &str| entry.templates.iter().any(|template| template.contains(text));
    if role == Role::Packet {
        // even a repeated request proves something; the mass of packets is counted, not told
        return true;
    }
    if role == Role::Firewall || (role == Role::Server && layer == Layer::Firewall) {
        return !entry.blames.is_empty() || kind == HelperMissing;
    }
    if role == Role::Service {
        return matches!(kind, AuthSucceeded | AuthFailed);
    }
    if role == Role::Backend {
        // what is not about a log-in is other people's business
        return matches!(kind, AuthStarted | AuthSucceeded | AuthFailed | AuthError) || !entry.blames.is_empty();
    }
    if !entry.blames.is_empty() || !entry.suspects.is_empty() || !entry.end_reason.is_empty() || !entry.side.is_empty()
    {
        return true;
    }
    if matches!(role, Role::Server | Role::Caller) {
        // their lines are tied by names that stand in progress lines too, and in preludes
        return layer != Layer::System || !kind.is_detail() || JOINING.iter().any(|field| has(field));
    }
    if !kind.is_detail() && kind != AuthStarted {
        return !matches!(kind, ScriptRun | PluginLoaded | SystemError);
    }
    // of packet lines those that came from the peer prove that it is heard; what we sent proves nothing
    let heard = kind == AuthMessage || kind == AuthStarted || (layer == Layer::Lcp && has(":ppp-options>"));
    (heard && !is_sent(entry)) || JOINING.iter().any(|field| has(field))
}

/// The line of a packet that the writer sent.
fn is_sent(entry: &MessageTable) -> bool {
    let first = entry.templates.first();
    first.is_some_and(|template| template.starts_with("sent [") || template.starts_with("send ["))
}

/// Placeholders that join a line with others, whatever else it says.
const JOINING: &[&str] = &[
    "<user:",
    "<user>",
    "<client_ip:",
    "<claimed_ip:",
    "<assigned_ip:",
    "<tunnel_id:",
    "<pid:",
    "<interface:",
];
