//! Who still uses PPTP or L2TP without IPsec, as one page, in the looks of the report.

use maud::{Markup, html};
use tunlog_audit::migration::{Row, Step};

use super::table::{Cell, head, table};
use super::{Shell, tile};
use crate::document::{NAME_CHARS_MAX, clipped};
use crate::printer::Look;
use crate::time::local;

/// Steps in the order in which they are taken, with their headings.
const STEPS: [(Step, &str); 5] = [
    (Step::InTheClear, "In the clear"),
    (Step::HasAnother, "Has another tunnel already"),
    (Step::Weak, "Weak keys or log-in"),
    (Step::Active, "Active"),
    (Step::Gone, "Not seen for 30 days"),
];

/// The page; `made`: now, microseconds UTC.
pub fn page(rows: &[Row], look: &Look, made: i64, version: &str) -> String {
    let made = local(made, &look.zone, "%Y-%m-%d %H:%M");
    let shell = Shell {
        title: &format!("Migration from PPTP, {made}"),
        version,
        scripted: true,
    };
    let main = html! {
        (summary(rows))
        @for (step, name) in STEPS { (group(rows, step, name, look)) }
    };
    let footer = html! { "Made by tunlog " (version) " on " (made) "." };
    shell.page(header(rows, &made), main, footer)
}

fn count(rows: &[Row], step: Step) -> usize {
    rows.iter().filter(|row| row.step == step).count()
}

fn header(rows: &[Row], made: &str) -> Markup {
    html! {
        header {
            h1 { "Who still uses PPTP, or L2TP without IPsec" }
            p.period { (made) }
            nav aria-label="Sections" {
                ul {
                    li { a href="#summary" { "Summary" } }
                    @for (step, name) in STEPS {
                        @if count(rows, step) > 0 { li { a href=(format!("#{}", step.word())) { (name) } } }
                    }
                }
            }
        }
    }
}

fn summary(rows: &[Row]) -> Markup {
    html! {
        section id="summary" aria-labelledby="h-summary" {
            h2 id="h-summary" { "Summary" }
            @if rows.is_empty() { p.words { "Nobody, as far as these logs tell." } }
            dl.tiles {
                (tile("Users to move", &rows.len().to_string(), ""))
                @for (step, name) in STEPS { (tile(name, &count(rows, step).to_string(), "")) }
            }
        }
    }
}

fn group(rows: &[Row], step: Step, name: &str, look: &Look) -> Markup {
    let heads = [
        head("User", "The name that was given."),
        head("Order", "In which order users are best moved."),
        head("PPTP", "Sessions over PPTP."),
        head("L2TP", "Sessions over L2TP outside IPsec."),
        head("L2TP/IPsec", "Sessions over L2TP inside IPsec."),
        head("Unencrypted", "Sessions that were not encrypted, as far as logs tell."),
        head("Last", "The last session over PPTP or plain L2TP."),
        head("Log-in", "Methods of logging in."),
        head("MPPE", "Lengths of MPPE keys."),
        head("Clients", "What the clients say they are."),
        head("From", "Addresses that the clients came from."),
    ];
    let cells = rows.iter().filter(|row| row.step == step).map(|row| row_of(row, look));
    html! {
        @if count(rows, step) > 0 {
            section id=(step.word()) aria-labelledby=(format!("h-{}", step.word())) {
                h2 id=(format!("h-{}", step.word())) { (name) }
                p { (step.advice()) }
                (table(name, &heads, cells.collect()))
            }
        }
    }
}

fn row_of(row: &Row, look: &Look) -> Vec<Cell> {
    let counted = |count: u64| if count > 0 { Cell::count(count) } else { Cell::none() };
    let last = html! { time datetime=(crate::rfc3339(row.last)) { (local(row.last, &look.zone, "%Y-%m-%d %H:%M")) } };
    vec![
        match row.user.as_deref() {
            Some(user) => Cell::text(user, NAME_CHARS_MAX),
            None => Cell::markup(html! { span.nobody { "nobody named" } }),
        },
        Cell::count(row.order),
        counted(row.pptp),
        counted(row.l2tp),
        counted(row.l2tp_ipsec),
        counted(row.unencrypted),
        Cell::markup(last),
        joined(row.methods().map(str::to_owned)),
        joined(row.mppe().map(|bits| bits.to_string())),
        joined(row.clients().map(str::to_owned)),
        joined(row.client_ips().map(|address| address.to_string())),
    ]
}

/// Several values in one cell, each on a line of its own.
fn joined(values: impl Iterator<Item = String>) -> Cell {
    let values: Vec<String> = values.collect();
    if values.is_empty() {
        return Cell::none();
    }
    Cell::markup(html! {
        @for (at, value) in values.iter().enumerate() {
            @if at > 0 { br; }
            bdi { (clipped(value, NAME_CHARS_MAX)) }
        }
    })
}
