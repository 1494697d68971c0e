//! A report as one page that needs nothing else: no network, no script to be read, light or dark, on paper.
//!
//! The page may be shown to anybody and its names are chosen by strangers. So every value passes `maud`'s escaping, after
//! what could deceive the reader has been made visible; styles and script are ours, inline, and named by their hashes in
//! the page's policy: nothing else runs or is loaded, whatever got in.

pub mod audit;
mod chart;
mod failures;
pub mod migration;
mod parts;
mod policy;
mod sheet;
mod table;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::document::{Document, counted, grouped, share};
use crate::size::{bytes_iec, duration};
use failures::prose;
pub(crate) use failures::{facts, mark};
use parts::{clients, protection, sources, traffic_of_users};
pub use sheet::sheet;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// What every page of ours has around it: policy, style, and the script that makes tables sortable, if it is `scripted`.
struct Shell<'a> {
    title: &'a str,
    version: &'a str,
    scripted: bool,
}

impl Shell<'_> {
    /// The page around a header, what it tells, and a footer.
    fn page(&self, header: Markup, main: Markup, footer: Markup) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(policy::policy());
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="referrer" content="no-referrer";
                    @if !self.version.is_empty() { meta name="generator" content=(format!("tunlog {}", self.version)); }
                    title { (self.title) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    (header)
                    main { (main) }
                    footer { p { (footer) } }
                    @if self.scripted { script { (PreEscaped(SCRIPT)) } }
                }
            }
        };
        page.into_string()
    }
}

/// The page.
pub fn page(document: &Document<'_>) -> String {
    let shell = Shell {
        title: &format!("VPN report, {}", document.period()),
        version: document.version,
        scripted: true,
    };
    let main = html! {
        (summary(document))
        (over_time(document))
        (traffic_of_users(document))
        (failures::by_cause(document))
        (failures::in_full(document))
        (clients(document))
        (protection(document))
        (sources(document))
    };
    let footer = html! {
        "Made by tunlog " (document.version) " on " (document.time(document.made)) ", " (document.zone_name()) "."
    };
    shell.page(head(document), main, footer)
}

fn head(document: &Document<'_>) -> Markup {
    let sections = [
        ("summary", "Summary"),
        ("time", "Over time"),
        ("traffic", "Traffic"),
        ("causes", "Causes"),
        ("failed", "Failed attempts"),
        ("clients", "Clients"),
        ("protection", "Protection"),
        ("sources", "Sources"),
    ];
    html! {
        header {
            h1 { "VPN report" }
            p.period { (document.period()) }
            @if !document.chosen.is_empty() {
                p.chosen {
                    "Only "
                    @for (at, (what, value)) in document.chosen.iter().enumerate() {
                        @if at > 0 { ", " }
                        (what) " " bdi { (crate::document::clipped(value, crate::document::NAME_CHARS_MAX)) }
                    }
                    "."
                }
            }
            nav aria-label="Sections" {
                ul { @for (id, name) in sections { li { a href=(format!("#{id}")) { (name) } } } }
            }
        }
    }
}

/// A figure with what it counts.
fn tile(name: &str, value: &str, more: &str) -> Markup {
    html! {
        div.tile {
            dt { (name) }
            dd { strong { (value) } " " @if !more.is_empty() { span { (more) } } }
        }
    }
}

fn summary(document: &Document<'_>) -> Markup {
    let totals = &document.figures.totals;
    let failed = match totals.failed {
        0 => String::new(),
        failed => format!(
            "{} of {}",
            share(failed, totals.attempts),
            counted(totals.attempts, "attempt", "attempts")
        ),
    };
    let bytes = totals.bytes_to_client.saturating_add(totals.bytes_from_client);
    let directions = format!(
        "{} to clients, {} from them",
        bytes_iec(totals.bytes_to_client),
        bytes_iec(totals.bytes_from_client)
    );
    let most = totals.most_at_once.map_or("not counted".to_owned(), grouped);
    html! {
        section id="summary" aria-labelledby="h-summary" {
            h2 id="h-summary" { "Summary" }
            @for words in document.in_words() { p.words { (words) } }
            dl.tiles {
                (tile("Sessions", &grouped(totals.sessions), &format!("{} open at the end", grouped(totals.open))))
                (tile("Users", &grouped(totals.users), "with a session"))
                (tile("Failed attempts", &grouped(totals.failed), &failed))
                (tile("Traffic", &bytes_iec(bytes), &directions))
                (tile("Time connected", &duration(totals.up_s), "all ended sessions together"))
                (tile("Most at once", &most, "sessions"))
                (tile("Encrypted", &document.encrypted(), "of the sessions, as far as seen"))
                (tile("Without an outcome", &grouped(totals.unfinished), "the evidence ends before"))
            }
        }
    }
}

fn over_time(document: &Document<'_>) -> Markup {
    let slots = document.slots();
    let hours = document
        .figures
        .timeline
        .hours_of_day(|time| crate::slots::hour_of_day(time, &document.zone));
    html! {
        section id="time" aria-labelledby="h-time" {
            h2 id="h-time" { "Over time" }
            @match &slots {
                None => p.empty { "Nothing to draw." },
                Some(slots) => {
                    (chart::sessions(slots, &document.zone))
                    (chart::failed(slots, &document.zone))
                    @if let Some(hours) = hours.filter(|hours| hours.iter().any(|count| *count > 0)) {
                        (chart::hours_of_day(&hours, &document.zone_name()))
                    }
                }
            }
        }
    }
}
