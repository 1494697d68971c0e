//! The columns of what the attempts tell: `attempts.jsonl` and `accounts.jsonl`.

use tunlog_model::{Cell, Column};

use crate::story::{AccountRow, Try};

fn name(text: Option<&str>) -> Cell {
    text.map_or(Cell::None, |text| Cell::Text(text.to_owned()))
}

impl Try {
    /// The columns of `attempts.jsonl`.
    pub const COLUMNS: &[Column<Try>] = &[
        Column {
            key: "id",
            header: "",
            doc: "As `tunlog attempts` has it.",
            value: |row| Cell::Text(format!("{:016x}", row.id)),
        },
        Column {
            key: "started",
            header: "Time",
            doc: "First event.",
            value: |row| Cell::Time(row.started),
        },
        Column {
            key: "up",
            header: "",
            doc: "When the session came up.",
            value: |row| row.up.map_or(Cell::None, Cell::Time),
        },
        Column {
            key: "ended",
            header: "",
            doc: "Last event.",
            value: |row| row.ended.map_or(Cell::None, Cell::Time),
        },
        Column {
            key: "user",
            header: "User",
            doc: "The account.",
            value: |row| name(row.user.as_deref()),
        },
        Column {
            key: "client_ip",
            header: "From",
            doc: "Where it came from.",
            value: |row| match row.claimed {
                false => row.client_ip.map_or(Cell::None, Cell::Ip),
                true => Cell::None,
            },
        },
        Column {
            key: "claimed_ip",
            header: "",
            doc: "Where its peer claims to be.",
            value: |row| match row.claimed {
                true => row.client_ip.map_or(Cell::None, Cell::Ip),
                false => Cell::None,
            },
        },
        Column {
            key: "role",
            header: "",
            doc: "What the address is to the incident.",
            value: |row| row.role.map_or(Cell::None, |role| Cell::Word(role.word())),
        },
        Column {
            key: "outcome",
            header: "Outcome",
            doc: "What became of it.",
            value: |row| Cell::Word(row.outcome.word()),
        },
        Column {
            key: "cause",
            header: "Cause",
            doc: "Why it failed.",
            value: |row| row.cause.map_or(Cell::None, Cell::Word),
        },
        Column {
            key: "assigned_ip",
            header: "Inner IP",
            doc: "Address inside the tunnel.",
            value: |row| row.assigned_ip.map_or(Cell::None, Cell::Ip),
        },
        Column {
            key: "gateway",
            header: "",
            doc: "The gateway.",
            value: |row| name(row.gateway.as_deref()),
        },
        Column {
            key: "backend",
            header: "",
            doc: "Who decided the log-in.",
            value: |row| row.backend.map_or(Cell::None, Cell::Word),
        },
        Column {
            key: "bytes_to_client",
            header: "",
            doc: "Bytes to the client.",
            value: |row| row.bytes.0.map_or(Cell::None, Cell::Bytes),
        },
        Column {
            key: "bytes_from_client",
            header: "",
            doc: "Bytes from the client.",
            value: |row| row.bytes.1.map_or(Cell::None, Cell::Bytes),
        },
        Column {
            key: "times",
            header: "",
            doc: "How many equal ones it stands for.",
            value: |row| Cell::Count(row.times),
        },
    ];
}

impl AccountRow {
    /// The columns of `accounts.jsonl`.
    pub const COLUMNS: &[Column<AccountRow>] = &[
        Column {
            key: "user",
            header: "User",
            doc: "The account.",
            value: |row| Cell::Text(row.user.clone()),
        },
        Column {
            key: "verdict",
            header: "Verdict",
            doc: "compromised, suspect, tried, unaffected.",
            value: |row| Cell::Word(row.verdict.word()),
        },
        Column {
            key: "why",
            header: "",
            doc: "What it rests on.",
            value: |row| Cell::Text(row.why.clone()),
        },
        Column {
            key: "tried",
            header: "Tried",
            doc: "Attempts of the attackers, those that succeeded too.",
            value: |row| Cell::Count(row.tried),
        },
        Column {
            key: "succeeded",
            header: "Got in",
            doc: "Those that succeeded.",
            value: |row| Cell::Count(row.succeeded),
        },
        Column {
            key: "first",
            header: "First",
            doc: "The first of them.",
            value: |row| row.span.map_or(Cell::None, |span| Cell::Time(span.0)),
        },
        Column {
            key: "last",
            header: "Last",
            doc: "The last of them.",
            value: |row| row.span.map_or(Cell::None, |span| Cell::Time(span.1)),
        },
        Column {
            key: "sources",
            header: "",
            doc: "From where.",
            value: |row| Cell::List(row.sources.iter().map(|ip| Cell::Ip(*ip)).collect()),
        },
        Column {
            key: "sessions",
            header: "",
            doc: "Sessions that are not the account's owner's, or may not be.",
            value: |row| Cell::List(row.sessions.iter().map(|id| Cell::Text(format!("{id:016x}"))).collect()),
        },
        Column {
            key: "backends",
            header: "",
            doc: "Who decided its log-ins.",
            value: |row| Cell::List(row.backends.iter().map(|word| Cell::Word(word)).collect()),
        },
    ];
}
