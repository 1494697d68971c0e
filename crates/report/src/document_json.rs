//! A report as one JSON object: `attempts`, `clients` and `unknown` hold the contract's objects.

use tunlog_analysis::statistics::attempts::AttemptView;
use tunlog_analysis::statistics::clients;
use tunlog_analysis::statistics::report::causes::CauseRow;
use tunlog_analysis::statistics::unknown;
use tunlog_model::{Cell, Column};

use crate::document::{Document, OTHERS_MAX, SourceRow};
use crate::json;

type Members = Vec<(&'static str, Cell)>;

/// The report, with a line end.
pub fn object(document: &Document<'_>) -> Vec<u8> {
    let figures = document.figures;
    let left_out = figures.clients_left_out;
    let mut members = vec![
        ("version", Cell::Word(document.version)),
        ("made", Cell::Time(document.made)),
        ("zone", Cell::Text(document.zone_name())),
        ("first", time(document.first)),
        ("last", time(document.last)),
        ("chosen", chosen(document)),
        ("totals", totals(document)),
    ];
    members.extend(over_time(document));
    members.push((
        "causes",
        list(&figures.causes, |row| Cell::Object(cause(row, document))),
    ));
    let shown = figures.causes.iter().flat_map(|row| &row.shown);
    let mut shown: Vec<AttemptView<'_>> = shown
        .map(|attempt| AttemptView {
            attempt,
            sources: document.names,
        })
        .collect();
    shown.sort_by_key(|view| (view.attempt.started, view.attempt.id));
    members.extend([
        ("failed_attempts", rows("attempt", AttemptView::COLUMNS, &shown)),
        ("failed_attempts_left_out", Cell::Count(figures.failed_left_out())),
        ("clients", rows("client", clients::COLUMNS, &figures.clients)),
        (
            "clients_left_out",
            Cell::Object(vec![
                ("users", Cell::Count(left_out.users)),
                ("sessions", Cell::Count(left_out.sessions)),
                ("failures", Cell::Count(left_out.failures)),
                ("bytes", Cell::Bytes(left_out.bytes)),
            ]),
        ),
        ("protection", protection(document)),
    ]);
    members.extend(sources(document));
    let mut out = Vec::new();
    json::row(&mut out, "report", &members);
    out.push(b'\n');
    out
}

fn time(micros: Option<i64>) -> Cell {
    micros.map_or(Cell::None, Cell::Time)
}

fn list<T>(items: &[T], cell: impl Fn(&T) -> Cell) -> Cell {
    Cell::List(items.iter().map(cell).collect())
}

/// Rows as the contract's objects, `type` first.
fn rows<R>(kind: &'static str, columns: &[Column<R>], rows: &[R]) -> Cell {
    list(rows, |row| {
        let cells = columns.iter().map(|column| (column.key, (column.value)(row)));
        Cell::Object(std::iter::once(("type", Cell::Word(kind))).chain(cells).collect())
    })
}

fn chosen(document: &Document<'_>) -> Cell {
    if document.chosen.is_empty() {
        return Cell::None;
    }
    let members = document.chosen.iter();
    Cell::Object(
        members
            .map(|(what, value)| (*what, Cell::Text(value.clone())))
            .collect(),
    )
}

fn totals(document: &Document<'_>) -> Cell {
    let totals = &document.figures.totals;
    Cell::Object(vec![
        ("attempts", Cell::Count(totals.attempts)),
        ("sessions", Cell::Count(totals.sessions)),
        ("sessions_open", Cell::Count(totals.open)),
        ("failed", Cell::Count(totals.failed)),
        ("unfinished", Cell::Count(totals.unfinished)),
        ("encrypted", Cell::Count(totals.encrypted)),
        ("users", Cell::Count(totals.users)),
        ("bytes_to_client", Cell::Bytes(totals.bytes_to_client)),
        ("bytes_from_client", Cell::Bytes(totals.bytes_from_client)),
        ("duration_s", Cell::Seconds(totals.up_s)),
        ("most_at_once", totals.most_at_once.map_or(Cell::None, Cell::Count)),
    ])
}

fn over_time(document: &Document<'_>) -> Members {
    let mut members = Vec::new();
    if let Some(slots) = document.slots() {
        members.push(("slot_hours", Cell::Count(slots.hours.unsigned_abs())));
        let slots = list(&slots.slots, |slot| {
            Cell::Object(vec![
                ("time", Cell::Time(slot.start)),
                ("up", Cell::Count(slot.up)),
                ("begun", Cell::Count(slot.begun)),
                ("failed", Cell::Count(slot.failed)),
            ])
        });
        members.push(("slots", slots));
    }
    let hour = |time| crate::slots::hour_of_day(time, &document.zone);
    if let Some(hours) = document.figures.timeline.hours_of_day(hour) {
        members.push(("begun_by_hour_of_day", list(&hours, |count| Cell::Count(*count))));
    }
    members
}

fn cause(row: &CauseRow, document: &Document<'_>) -> Members {
    let explanation = (document.explain)(row.cause);
    let word = |text: Option<&'static str>| text.map_or(Cell::None, Cell::Word);
    vec![
        ("cause", Cell::Word(row.cause)),
        ("count", Cell::Count(row.count)),
        ("users", Cell::Count(row.users)),
        (
            "users_beyond",
            if row.users_beyond { Cell::Bool(true) } else { Cell::None },
        ),
        ("first", Cell::Time(row.first)),
        ("last", Cell::Time(row.last)),
        (
            "meaning",
            word(explanation.as_ref().map(|explanation| explanation.meaning)),
        ),
        (
            "likely",
            word(explanation.as_ref().and_then(|explanation| explanation.cause)),
        ),
        (
            "actions",
            explanation.map_or(Cell::None, |explanation| {
                list(&explanation.actions, |action| Cell::Word(action))
            }),
        ),
    ]
}

fn protection(document: &Document<'_>) -> Cell {
    list(&document.figures.protection, |row| {
        Cell::Object(vec![
            ("encryption", Cell::Word(row.encryption.name())),
            (
                "protocol",
                row.protocol.map_or(Cell::None, |protocol| Cell::Word(protocol.word())),
            ),
            ("auth_method", row.auth_method.map_or(Cell::None, Cell::Word)),
            ("sessions", Cell::Count(row.sessions)),
            ("users", list(&row.users, |user| Cell::Text((**user).to_owned()))),
            (
                "users_beyond",
                if row.users_beyond { Cell::Bool(true) } else { Cell::None },
            ),
        ])
    })
}

fn sources(document: &Document<'_>) -> Members {
    let source = |row: &SourceRow| {
        Cell::Object(vec![
            ("source", Cell::Text(row.name.clone())),
            ("records", Cell::Count(row.records)),
            ("unrecognised", Cell::Count(row.unrecognised)),
            ("first", time(row.first)),
            ("last", time(row.last)),
        ])
    };
    let few = document.unknown.len().min(OTHERS_MAX);
    vec![
        ("records", Cell::Count(document.records)),
        ("unrecognised", Cell::Count(document.unrecognised)),
        ("gaps", Cell::Count(document.gaps)),
        ("lost", Cell::Count(document.lost)),
        ("sources", list(&document.sources, source)),
        (
            "problems",
            list(&document.problems, |problem| {
                Cell::Object(vec![
                    ("kind", Cell::Word(problem.kind)),
                    ("text", Cell::Text(problem.text.clone())),
                ])
            }),
        ),
        ("unknown", rows("unknown", unknown::COLUMNS, &document.unknown[..few])),
        ("unknown_left_out", Cell::Count((document.unknown.len() - few) as u64)),
    ]
}
