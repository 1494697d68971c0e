//! An audit as one page, in the looks of the report.

use maud::{Markup, html};
use tunlog_audit::{Check, Severity, rule};

use super::{Shell, prose, tile};
use crate::document::{LINE_CHARS_MAX, clipped, counted};
use crate::sarif::address;

/// What the page needs besides the checks.
#[derive(Clone, Copy, Debug)]
pub struct Audit<'a> {
    /// The checks, the worst first.
    pub checks: &'a [Check],
    /// What was read.
    pub files: &'a [String],
    /// What could not be read or understood.
    pub notes: &'a [String],
    /// Our version.
    pub version: &'a str,
    /// When it was made, as it shall be shown.
    pub made: &'a str,
}

/// Characters of a summary that are shown: it may name some users.
const SUMMARY_CHARS_MAX: usize = 2 * LINE_CHARS_MAX;

/// Severities with their headings, the worst first.
const GROUPS: [(Severity, &str); 5] = [
    (Severity::Critical, "Critical"),
    (Severity::High, "High"),
    (Severity::Medium, "Medium"),
    (Severity::Low, "Low"),
    (Severity::Info, "For information"),
];

/// The page.
pub fn page(audit: &Audit<'_>) -> String {
    let shell = Shell {
        title: &format!("VPN audit, {}", audit.made),
        version: audit.version,
        scripted: false,
    };
    let main = html! {
        (summary(audit))
        @for (severity, name) in GROUPS { (group(audit, severity, name)) }
        (sources(audit))
    };
    let footer = html! { "Made by tunlog " (audit.version) " on " (audit.made) "." };
    shell.page(header(audit), main, footer)
}

fn of(audit: &Audit<'_>, severity: Severity) -> usize {
    audit.checks.iter().filter(|check| check.severity == severity).count()
}

fn header(audit: &Audit<'_>) -> Markup {
    html! {
        header {
            h1 { "VPN audit" }
            p.period { (audit.made) }
            nav aria-label="Sections" {
                ul {
                    li { a href="#summary" { "Summary" } }
                    @for (severity, name) in GROUPS {
                        @if of(audit, severity) > 0 { li { a href=(format!("#{}", severity.word())) { (name) } } }
                    }
                    li { a href="#sources" { "Sources" } }
                }
            }
        }
    }
}

fn summary(audit: &Audit<'_>) -> Markup {
    let accepted = audit.checks.iter().filter(|check| check.excepted.is_some()).count();
    html! {
        section id="summary" aria-labelledby="h-summary" {
            h2 id="h-summary" { "Summary" }
            @if audit.checks.is_empty() { p.words { "Nothing to say against this configuration." } }
            dl.tiles {
                @for (severity, name) in GROUPS { (tile(name, &of(audit, severity).to_string(), "")) }
                @if accepted > 0 { (tile("Accepted", &accepted.to_string(), "by an exception, counted above")) }
            }
        }
    }
}

fn group(audit: &Audit<'_>, severity: Severity, name: &str) -> Markup {
    let count = of(audit, severity);
    let checks = audit.checks.iter().filter(|check| check.severity == severity);
    html! {
        @if count > 0 {
            section id=(severity.word()) aria-labelledby=(format!("h-{}", severity.word())) {
                h2 id=(format!("h-{}", severity.word())) { (name) " " span.times { (counted(count as u64, "check", "checks")) } }
                @for check in checks { (one(check)) }
            }
        }
    }
}

fn one(check: &Check) -> Markup {
    html! {
        article.attempt {
            h3 { (rule(check.id).map_or(check.id, |rule| rule.title)) }
            p.facts {
                code { (check.id) }
                @if let Some(place) = check.place() { " · " bdi { (clipped(&place, LINE_CHARS_MAX)) } }
            }
            @if let Some(exception) = &check.excepted {
                p { strong { "Accepted " } "by " bdi { (clipped(&exception.owner, LINE_CHARS_MAX)) } " until " (clipped(&exception.expires, LINE_CHARS_MAX)) ": " bdi { (clipped(&exception.reason, LINE_CHARS_MAX)) } }
            }
            p { bdi { (prose(&clipped(&check.summary, SUMMARY_CHARS_MAX))) } }
            p { (prose(&check.why)) }
            p { strong { "To do: " } (prose(&check.action)) }
            p.told { "See: " (reference(&check.reference)) }
        }
    }
}

/// The reference; an address in it is a link.
fn reference(text: &str) -> Markup {
    match address(text).and_then(|address| Some((address, text.split_once(address)?))) {
        Some((address, (before, after))) => html! { (before) a href=(address) rel="noreferrer" { (address) } (after) },
        None => html! { (text) },
    }
}

fn sources(audit: &Audit<'_>) -> Markup {
    html! {
        section id="sources" aria-labelledby="h-sources" {
            h2 id="h-sources" { "Sources" }
            @if !audit.notes.is_empty() {
                ul.problems { @for note in audit.notes { li { (clipped(note, LINE_CHARS_MAX)) } } }
            }
            p { (counted(audit.files.len() as u64, "file was read:", "files were read:")) }
            ul.problems { @for file in audit.files { li { bdi { (clipped(file, LINE_CHARS_MAX)) } } } }
        }
    }
}
