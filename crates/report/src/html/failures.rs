//! Failures: how many of each cause, and the attempts themselves with ladder and evidence.

use maud::{Markup, html};
use tunlog_analysis::statistics::report::causes::CauseRow;
use tunlog_analysis::statistics::report::ladder::{Step, ladder};
use tunlog_model::{Attempt, Evidence};

use super::chart;
use super::table::{Cell, head, table};
use crate::document::{Document, EVIDENCE_MAX, LINE_CHARS_MAX, NAME_CHARS_MAX, clipped, counted, grouped, name};

/// Failures by cause, as bars.
pub(super) fn by_cause(document: &Document<'_>) -> Markup {
    let causes = &document.figures.causes;
    let all = document.figures.totals.failed;
    let longest = causes.iter().map(|row| row.count).max().unwrap_or(0);
    let rows = causes.iter().map(|row| {
        let more = if row.users_beyond { " and more" } else { "" };
        vec![
            Cell::markup(html! { a href=(format!("#cause-{}", row.cause)) { (row.cause) } }),
            Cell::markup(chart::bar(&[("bad", row.count)], longest)),
            Cell::count(row.count),
            Cell::share(row.count, all),
            if more.is_empty() {
                Cell::count(row.users)
            } else {
                Cell::word(&(grouped(row.users) + more))
            },
            Cell::time(Some(row.first), document),
            Cell::time(Some(row.last), document),
        ]
    });
    let heads = [
        head("Cause", "Why attempts failed; `tunlog explain CAUSE` tells more."),
        head("", "Failed attempts, beside the most frequent cause."),
        head("Failed", "Failed attempts."),
        head("Share", "Part of all failed attempts."),
        head("Users", "How many users it met: by name, else by address."),
        head("First", "When it first happened."),
        head("Last", "When it last happened."),
    ];
    html! {
        section id="causes" aria-labelledby="h-causes" {
            h2 id="h-causes" { "Failures per cause" }
            @if causes.is_empty() {
                p.empty { "No attempt failed." }
            } @else {
                (table("Causes of failed attempts, the most frequent first", &heads, rows.collect()))
            }
        }
    }
}

/// The failed attempts, by cause.
pub(super) fn in_full(document: &Document<'_>) -> Markup {
    let causes = document.figures.causes.iter().filter(|row| !row.shown.is_empty());
    html! {
        section id="failed" aria-labelledby="h-failed" {
            h2 id="h-failed" { "Failed attempts" }
            @if document.figures.causes.is_empty() { p.empty { "No attempt failed." } }
            @if let Some(words) = document.failed_left_out() { p.left-out { (prose(&words)) } }
            div data-attempts {
                @for row in causes { (of_cause(row, document)) }
            }
        }
    }
}

fn of_cause(row: &CauseRow, document: &Document<'_>) -> Markup {
    let explanation = (document.explain)(row.cause);
    html! {
        section.cause id=(format!("cause-{}", row.cause)) {
            h3 { (row.cause) " " span.times { (counted(row.count, "attempt", "attempts")) } }
            @if let Some(explanation) = explanation {
                p { (prose(explanation.meaning)) }
                @if let Some(cause) = explanation.cause { p { strong { "Likely cause: " } (prose(cause)) } }
                @if !explanation.actions.is_empty() {
                    p.heads { strong { "What to do:" } }
                    ol.actions { @for action in &explanation.actions { li { (prose(action)) } } }
                }
            }
            @for (at, failed) in row.shown.iter().enumerate() { (attempt(failed, at == 0, document)) }
        }
    }
}

/// Text of ours with code between backticks.
pub(super) fn prose(text: &str) -> Markup {
    html! {
        @for (at, part) in text.split('`').enumerate() {
            @if at % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// Who tried, from where, how far it got, and the lines that tell it.
fn attempt(attempt: &Attempt, is_open: bool, document: &Document<'_>) -> Markup {
    html! {
        article.attempt {
            h4 { bdi { (name(attempt.user.as_deref())) } @if let Some(ip) = attempt.client_ip { " from " (ip.to_string()) } }
            p.facts {
                time datetime=(crate::rfc3339(attempt.started)) { (document.time(attempt.started)) }
                @for fact in facts(attempt) { " · " bdi { (fact) } }
            }
            (rungs(attempt))
            @if !attempt.evidence.is_empty() { (evidence(&attempt.evidence, is_open, document)) }
        }
    }
}

/// What else is known of an attempt.
pub(crate) fn facts(attempt: &Attempt) -> Vec<String> {
    let mut facts = Vec::new();
    let mut told = |words: Option<String>| facts.extend(words);
    told(attempt.protocol.map(|protocol| protocol.word().to_owned()));
    told(
        attempt
            .gateway
            .as_deref()
            .map(|gateway| format!("gateway {}", clipped(gateway, NAME_CHARS_MAX))),
    );
    told(attempt.claimed_ip.map(|ip| format!("claims to be {ip}")));
    told(attempt.auth_method.map(str::to_owned));
    told(attempt.backend.map(|backend| format!("decided by {backend}")));
    told((attempt.times > 1).then(|| counted(attempt.times, "time", "times")));
    told(attempt.confidence.map(|confidence| match attempt.cause {
        Some(_) => format!("cause {}", confidence.word()),
        None => confidence.word().to_owned(),
    }));
    let assumed: Vec<&str> = attempt.assumed.words().collect();
    told((!assumed.is_empty()).then(|| format!("{} of the time assumed", assumed.join(" and "))));
    facts
}

/// A mark for a step.
pub(crate) fn mark(step: Step) -> &'static str {
    match step {
        Step::Passed => "✓",
        Step::Failed => "✗",
        Step::Untold => "?",
        Step::NotReached => "–",
    }
}

fn rungs(attempt: &Attempt) -> Markup {
    let class = |step: Step| match step {
        Step::Passed => "passed",
        Step::Failed => "failed",
        Step::Untold => "untold",
        Step::NotReached => "not-reached",
    };
    html! {
        ol.ladder aria-label="How far it got" {
            @for rung in ladder(attempt) {
                li class=(class(rung.step)) title=(rung.step.word()) {
                    span aria-hidden="true" { (mark(rung.step)) } " " (rung.name) span.unseen { ": " (rung.step.word()) }
                }
            }
        }
    }
}

fn evidence(lines: &[Evidence], is_open: bool, document: &Document<'_>) -> Markup {
    let unseen = lines.len().saturating_sub(EVIDENCE_MAX);
    html! {
        details open[is_open] {
            summary { "Evidence: " (counted(lines.len() as u64, "line", "lines")) }
            ol.evidence {
                @for line in lines.iter().take(EVIDENCE_MAX) {
                    li {
                        span.place { bdi { (clipped(document.names.source_name(line.source), LINE_CHARS_MAX)) } ":" (line.line) }
                        " " code { (clipped(&line.text, LINE_CHARS_MAX)) }
                    }
                }
            }
            @if unseen > 0 { p.left-out { "Not shown: " (counted(unseen as u64, "line", "lines")) "." } }
        }
    }
}
