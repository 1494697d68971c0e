//! Every connection attempt as a row, in the contract's keys.

use tunlog_model::{Attempt, Cell, Column, Outcome, SourceId};

use super::{maybe, text};

/// The names of a run's sources, for evidence.
pub trait SourceNames {
    /// The name of a source as the user gave it.
    fn source_name(&self, source: SourceId) -> &str;
}

/// Names in a list, by their place in it.
impl SourceNames for Vec<String> {
    fn source_name(&self, source: SourceId) -> &str {
        self.get(source.0 as usize).map_or("", String::as_str)
    }
}

/// An attempt together with the names that its evidence needs.
#[derive(Clone, Copy)]
pub struct AttemptView<'a> {
    /// The attempt.
    pub attempt: &'a Attempt,
    /// The names of the sources.
    pub sources: &'a dyn SourceNames,
}

impl<'a> AttemptView<'a> {
    /// The contract's `attempt`.
    // A constant of the type and not of the module: a column of `AttemptView<'static>` could not show a borrowed row.
    pub const COLUMNS: &'a [Column<AttemptView<'a>>] = &[
        Column {
            key: "id",
            header: "",
            doc: "Stable: the same evidence gives the same id.",
            value: |view| Cell::Text(format!("{:016x}", view.attempt.id)),
        },
        Column {
            key: "protocol",
            header: "Protocol",
            doc: "pptp, l2tp or l2tp-ipsec.",
            value: |view| maybe(view.attempt.protocol, |protocol| Cell::Word(protocol.word())),
        },
        Column {
            key: "gateway",
            header: "",
            doc: "Host that is the gateway.",
            value: |view| maybe(view.attempt.gateway.as_deref(), text),
        },
        Column {
            key: "started",
            header: "Started",
            doc: "First event on any layer.",
            value: |view| Cell::Time(view.attempt.started),
        },
        Column {
            key: "ended",
            header: "",
            doc: "Last event; absent while open.",
            value: |view| maybe(view.attempt.ended, Cell::Time),
        },
        Column {
            key: "user",
            header: "User",
            doc: "Name exactly as the client gave it.",
            value: |view| maybe(view.attempt.user.as_deref(), text),
        },
        Column {
            key: "client_ip",
            header: "Remote IP",
            doc: "Address of the client as a socket or the kernel reported it.",
            value: |view| maybe(view.attempt.client_ip, Cell::Ip),
        },
        Column {
            key: "client_port",
            header: "",
            doc: "Port of the client.",
            value: |view| maybe(view.attempt.client_port, |port| Cell::Count(port.into())),
        },
        Column {
            key: "claimed_ip",
            header: "",
            doc: "Address that the peer merely claims to have.",
            value: |view| maybe(view.attempt.claimed_ip, Cell::Ip),
        },
        Column {
            key: "outcome",
            header: "Outcome",
            doc: "established, open, failed or unfinished.",
            value: |view| Cell::Word(view.attempt.outcome.word()),
        },
        Column {
            key: "reached",
            header: "",
            doc: "Highest layer that worked.",
            value: |view| Cell::Word(view.attempt.reached.word()),
        },
        Column {
            key: "failed_at",
            header: "Failed at",
            doc: "Layer at which it failed.",
            value: |view| maybe(view.attempt.failed_at, |layer| Cell::Word(layer.word())),
        },
        Column {
            key: "cause",
            header: "Cause",
            doc: "Why it failed; `tunlog explain CAUSE` tells more.",
            value: |view| maybe(view.attempt.cause, Cell::Word),
        },
        Column {
            key: "confidence",
            header: "",
            doc: "certain (the log says so), likely or possible.",
            value: |view| maybe(view.attempt.confidence, |confidence| Cell::Word(confidence.word())),
        },
        Column {
            key: "duration_s",
            header: "Duration",
            doc: "Time the session was up.",
            value: |view| maybe(view.attempt.duration_s, Cell::Seconds),
        },
        Column {
            key: "assigned_ip",
            header: "Local IP",
            doc: "Address inside the tunnel.",
            value: |view| maybe(view.attempt.assigned_ip, Cell::Ip),
        },
        Column {
            key: "server_ip",
            header: "",
            doc: "The gateway's outer address.",
            value: |view| maybe(view.attempt.server_ip, Cell::Ip),
        },
        Column {
            key: "interface",
            header: "Int",
            doc: "PPP interface.",
            value: |view| maybe(view.attempt.interface.as_deref(), text),
        },
        Column {
            key: "auth_method",
            header: "",
            doc: "pap, chap-md5, ms-chap, ms-chap-v2 or eap.",
            value: |view| maybe(view.attempt.auth_method, Cell::Word),
        },
        Column {
            key: "mppe_bits",
            header: "",
            doc: "MPPE key length.",
            value: |view| maybe(view.attempt.mppe_bits, |bits| Cell::Count(bits.into())),
        },
        Column {
            key: "bytes_to_client",
            header: "TX",
            doc: "Bytes sent to the client.",
            value: |view| maybe(view.attempt.bytes_to_client, Cell::Bytes),
        },
        Column {
            key: "bytes_from_client",
            header: "RX",
            doc: "Bytes received from the client.",
            value: |view| maybe(view.attempt.bytes_from_client, Cell::Bytes),
        },
        Column {
            key: "end_reason",
            header: "End",
            doc: "Why the session ended.",
            value: |view| maybe(view.attempt.end_reason, |reason| Cell::Word(reason.word())),
        },
        Column {
            key: "backend",
            header: "",
            doc: "Who decided the login.",
            value: |view| maybe(view.attempt.backend, Cell::Word),
        },
        Column {
            key: "exposed",
            header: "",
            doc: "The login is exposed to whoever has the capture: pap, whose password it holds, or the method whose challenge and response it holds.",
            value: |view| maybe(view.attempt.exposed, Cell::Word),
        },
        Column {
            key: "times",
            header: "",
            doc: "How many times this attempt stands for, when more than once.",
            value: |view| {
                if view.attempt.times > 1 {
                    Cell::Count(view.attempt.times)
                } else {
                    Cell::None
                }
            },
        },
        Column {
            key: "assumed",
            header: "",
            doc: "What had to be assumed about its times.",
            value: |view| match view.attempt.assumed.words().map(Cell::Word).collect::<Vec<_>>() {
                words if words.is_empty() => Cell::None,
                words => Cell::List(words),
            },
        },
        Column {
            key: "evidence",
            header: "",
            doc: "The lines that it is made of.",
            value: evidence,
        },
    ];
}

/// Evidence as the contract has it.
fn evidence(view: &AttemptView<'_>) -> Cell {
    super::diagnoses::evidence(&view.attempt.evidence, view.sources)
}

/// Whether an attempt became a session.
pub fn is_session(attempt: &Attempt) -> bool {
    matches!(attempt.outcome, Outcome::Established | Outcome::Open)
}
