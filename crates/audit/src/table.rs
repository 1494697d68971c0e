//! A check as a row, in the contract's keys.

use tunlog_model::{Cell, Column};

use crate::{Check, Exception, Seen};

const CHECK: Column<Check> = Column {
    key: "check",
    header: "Check",
    doc: "The rule; `tunlog explain CHECK` tells more.",
    value: |check| Cell::Word(check.id),
};

const SEVERITY: Column<Check> = Column {
    key: "severity",
    header: "Severity",
    doc: "info, low, medium, high or critical.",
    value: |check| Cell::Word(check.severity.word()),
};

/// The contract's `check`.
pub const COLUMNS: &[Column<Check>] = &[
    CHECK,
    SEVERITY,
    Column {
        key: "file",
        header: "File",
        doc: "The file that it is about.",
        value: |check| text(check.file.as_deref()),
    },
    Column {
        key: "line",
        header: "Line",
        doc: "Its line; absent where something is missing or the whole file is meant.",
        value: |check| check.line.map_or(Cell::None, |line| Cell::Count(line.into())),
    },
    Column {
        key: "subject",
        header: "",
        doc: "Whom it is about, where that is no file: a user, a package.",
        value: |check| text(check.subject.as_deref()),
    },
    Column {
        key: "summary",
        header: "",
        doc: "What was found.",
        value: |check| Cell::Text(check.summary.clone()),
    },
    Column {
        key: "why",
        header: "",
        doc: "Why it matters.",
        value: |check| Cell::Text(check.why.clone().into_owned()),
    },
    Column {
        key: "action",
        header: "",
        doc: "What to change to what.",
        value: |check| Cell::Text(check.action.clone().into_owned()),
    },
    Column {
        key: "reference",
        header: "",
        doc: "Where that is written.",
        value: |check| Cell::Text(check.reference.clone().into_owned()),
    },
    Column {
        key: "program",
        header: "",
        doc: "The program whose version has a known vulnerability.",
        value: |check| {
            check
                .affected
                .as_deref()
                .map_or(Cell::None, |affected| Cell::Word(affected.program))
        },
    },
    Column {
        key: "version",
        header: "",
        doc: "Its version, as the log or the package list has it.",
        value: |check| text(check.affected.as_deref().map(|affected| affected.version.as_str())),
    },
    Column {
        key: "fixed_in",
        header: "",
        doc: "The project's first version that is not affected.",
        value: |check| {
            text(
                check
                    .affected
                    .as_deref()
                    .and_then(|affected| affected.fixed_in.as_deref()),
            )
        },
    },
    Column {
        key: "count",
        header: "",
        doc: "How often logs tell of it.",
        value: |check| seen(check, |seen| Cell::Count(seen.count)),
    },
    Column {
        key: "first",
        header: "",
        doc: "When logs tell of it first.",
        value: |check| seen(check, |seen| Cell::Time(seen.first)),
    },
    Column {
        key: "last",
        header: "",
        doc: "When logs tell of it last.",
        value: |check| seen(check, |seen| Cell::Time(seen.last)),
    },
    Column {
        key: "users",
        header: "",
        doc: "Users concerned, at most 500.",
        value: |check| seen(check, |seen| texts(&seen.users)),
    },
    Column {
        key: "sources",
        header: "",
        doc: "Addresses of sockets concerned, at most 500.",
        value: |check| {
            seen(check, |seen| {
                list(seen.addresses.iter().copied().map(Cell::Ip).collect())
            })
        },
    },
    Column {
        key: "gateways",
        header: "",
        doc: "Gateways whose logs tell of it, at most 500.",
        value: |check| seen(check, |seen| texts(&seen.gateways)),
    },
    Column {
        key: "exception",
        header: "",
        doc: "Somebody has accepted it, and why, who and until when.",
        value: |check| check.excepted.as_ref().map_or(Cell::None, exception),
    },
];

/// For people: how bad, what, where.
pub const SHORT: &[Column<Check>] = &[
    SEVERITY,
    CHECK,
    Column {
        key: "file",
        header: "Where",
        doc: "File and line.",
        value: |check| text(check.place().as_deref()),
    },
];

impl Check {
    /// `file:line`, or whom it is about.
    pub fn place(&self) -> Option<String> {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => Some(format!("{file}:{line}")),
            (Some(file), None) => Some(file.clone()),
            (None, _) => self.subject.clone(),
        }
    }
}

fn text(text: Option<&str>) -> Cell {
    text.map_or(Cell::None, |text| Cell::Text(text.to_owned()))
}

fn exception(exception: &Exception) -> Cell {
    Cell::Object(vec![
        ("reason", Cell::Text(exception.reason.clone())),
        ("owner", Cell::Text(exception.owner.clone())),
        ("expires", Cell::Text(exception.expires.clone())),
    ])
}

fn seen(check: &Check, cell: impl Fn(&Seen) -> Cell) -> Cell {
    check.seen.as_deref().map_or(Cell::None, cell)
}

fn texts(texts: &[String]) -> Cell {
    list(texts.iter().cloned().map(Cell::Text).collect())
}

fn list(cells: Vec<Cell>) -> Cell {
    if cells.is_empty() {
        Cell::None
    } else {
        Cell::List(cells)
    }
}
