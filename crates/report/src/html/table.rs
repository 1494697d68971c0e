//! Tables of a page: a caption, headings that a script may make sortable, and cells that carry what to sort by.

use std::net::IpAddr;

use maud::{Markup, html};

use crate::document::{Document, clipped, grouped, share};
use crate::size::{bytes_iec, duration};

/// A heading.
pub(super) struct Head {
    name: &'static str,
    /// What the column means.
    doc: &'static str,
}

pub(super) fn head(name: &'static str, doc: &'static str) -> Head {
    Head { name, doc }
}

/// A cell.
#[derive(Default)]
pub(super) struct Cell {
    shown: Markup,
    class: &'static str,
    /// A number to sort by, where what is shown is none.
    sort: Option<String>,
    is_empty: bool,
}

impl Cell {
    /// Nothing is known.
    pub(super) fn none() -> Cell {
        Cell {
            is_empty: true,
            ..Cell::default()
        }
    }

    /// Text of any origin.
    pub(super) fn text(value: &str, chars_max: usize) -> Cell {
        Cell::markup(html! { bdi { (clipped(value, chars_max)) } })
    }

    /// Words of ours.
    pub(super) fn word(value: &str) -> Cell {
        Cell {
            is_empty: value.is_empty(),
            ..Cell::markup(html! { (value) })
        }
    }

    /// What is already a page.
    pub(super) fn markup(shown: Markup) -> Cell {
        Cell {
            shown,
            ..Cell::default()
        }
    }

    /// The same with a class of the style.
    pub(super) fn classed(shown: Markup, class: &'static str) -> Cell {
        Cell {
            class,
            ..Cell::markup(shown)
        }
    }

    fn number(shown: &str, sort: String, is_empty: bool) -> Cell {
        Cell {
            class: "number",
            sort: Some(sort),
            is_empty,
            ..Cell::markup(html! { (shown) })
        }
    }

    /// A count.
    pub(super) fn count(count: u64) -> Cell {
        Cell::number(&grouped(count), count.to_string(), false)
    }

    /// A number of bytes.
    pub(super) fn bytes(bytes: u64) -> Cell {
        Cell::number(&bytes_iec(bytes), bytes.to_string(), false)
    }

    /// A part of a whole.
    pub(super) fn share(part: u64, whole: u64) -> Cell {
        Cell::number(&share(part, whole), part.to_string(), false)
    }

    /// Seconds.
    pub(super) fn seconds(seconds: Option<f64>) -> Cell {
        seconds.map_or(Cell::none(), |seconds| {
            Cell::number(&duration(seconds), format!("{seconds:.0}"), false)
        })
    }

    /// A time, on the document's clock.
    pub(super) fn time(micros: Option<i64>, document: &Document<'_>) -> Cell {
        micros.map_or(Cell::none(), |micros| Cell {
            class: "time",
            sort: Some(micros.to_string()),
            ..Cell::markup(html! { time datetime=(crate::rfc3339(micros)) { (document.time(micros)) } })
        })
    }

    /// An address.
    pub(super) fn ip(address: Option<IpAddr>) -> Cell {
        address.map_or(Cell::none(), |address| Cell {
            class: "address",
            ..Cell::markup(html! { (address.to_string()) })
        })
    }
}

/// A table; columns in which nothing is known are left out. The first cell of a row is its heading.
pub(super) fn table(caption: &str, heads: &[Head], rows: Vec<Vec<Cell>>) -> Markup {
    let is_used = |at: usize| rows.iter().any(|row| row.get(at).is_some_and(|cell| !cell.is_empty));
    let used: Vec<usize> = (0..heads.len()).filter(|at| *at == 0 || is_used(*at)).collect();
    let class = |at: usize| {
        rows.iter()
            .map(|row| row[at].class)
            .find(|class| !class.is_empty())
            .unwrap_or("")
    };
    let classes: Vec<&str> = used.iter().map(|at| class(*at)).collect();
    html! {
        div.table role="region" tabindex="0" aria-label=(caption) {
            table data-tools {
                caption { (caption) }
                thead { tr {
                    @for (at, class) in used.iter().zip(&classes) {
                        th scope="col" class=[named(class)] title=(heads[*at].doc) { (heads[*at].name) }
                    }
                } }
                tbody {
                    @for row in &rows { tr {
                        @for at in &used { (cell(*at, &row[*at])) }
                    } }
                }
            }
        }
    }
}

fn named(class: &str) -> Option<&str> {
    (!class.is_empty()).then_some(class)
}

fn cell(at: usize, cell: &Cell) -> Markup {
    html! {
        @if at == 0 {
            th scope="row" class=[named(cell.class)] data-v=[cell.sort.as_deref()] { (cell.shown) }
        } @else {
            td class=[named(cell.class)] data-v=[cell.sort.as_deref()] { (cell.shown) }
        }
    }
}
