//! A report as Markdown, for tickets and mails. What strangers chose stands between backticks, where no renderer looks for
//! links, pictures, mentions or HTML.

use std::fmt::Write as _;

use tunlog_analysis::statistics::clients::{ClientRow, Who};
use tunlog_analysis::statistics::report::causes::CauseRow;
use tunlog_analysis::statistics::report::ladder::ladder;
use tunlog_analysis::statistics::report::traffic;
use tunlog_model::Attempt;

use crate::document::{
    Document, EVIDENCE_MAX, LINE_CHARS_MAX, NAME_CHARS_MAX, OTHERS_MAX, clipped, counted, grouped, name, share,
};
use crate::html::{facts, mark};
use crate::size::{bytes_iec, duration};

/// Steps of a chart made of characters.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Columns of such a chart on a line.
const BARS_A_LINE: usize = 72;

/// The report.
pub fn page(document: &Document<'_>) -> String {
    let mut out = format!("# VPN report\n\n{}\n", document.period());
    for (what, value) in &document.chosen {
        let _ = write!(out, "\nOnly {what} {}\n", quoted(&clipped(value, NAME_CHARS_MAX)));
    }
    summary(document, &mut out);
    over_time(document, &mut out);
    causes(document, &mut out);
    failed(document, &mut out);
    clients(document, &mut out);
    protection(document, &mut out);
    sources(document, &mut out);
    let (made, zone) = (document.time(document.made), document.zone_name());
    let _ = write!(out, "\nMade by tunlog {} on {made}, {zone}.\n", document.version);
    out
}

/// Text of any origin as code: between more backticks than it has in a row.
fn quoted(text: &str) -> String {
    let fence = "`".repeat(longest_run(text) + 1);
    // a space that would touch the fence is taken away again by every renderer (CommonMark §6.1)
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) || text.is_empty() {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{text}{pad}{fence}")
}

fn longest_run(text: &str) -> usize {
    let runs = text.split(|c| c != '`');
    runs.map(str::len).max().unwrap_or(0)
}

/// The same in a table, where a bar would begin the next cell even between backticks (GFM §4.10).
fn quoted_cell(text: &str) -> String {
    quoted(text).replace('|', "\\|")
}

fn table(out: &mut String, heads: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let _ = write!(out, "\n| {} |\n|{}\n", heads.join(" | "), " --- |".repeat(heads.len()));
    for row in rows {
        let _ = writeln!(out, "| {} |", row.join(" | "));
    }
}

fn left_out(out: &mut String, words: Option<String>) {
    if let Some(words) = words {
        let _ = write!(out, "\n{words}\n");
    }
}

fn summary(document: &Document<'_>, out: &mut String) {
    let totals = &document.figures.totals;
    out.push_str("\n## Summary\n\n");
    let _ = writeln!(out, "{}", document.in_words().join(" "));
    let figures = [
        (
            "Sessions",
            format!("{}, {} open at the end", grouped(totals.sessions), grouped(totals.open)),
        ),
        ("Users with a session", grouped(totals.users)),
        (
            "Attempts",
            format!("{}, {} failed", grouped(totals.attempts), grouped(totals.failed)),
        ),
        (
            "Traffic",
            format!(
                "{} to clients, {} from them",
                bytes_iec(totals.bytes_to_client),
                bytes_iec(totals.bytes_from_client)
            ),
        ),
        ("Time connected", duration(totals.up_s)),
        (
            "Most sessions at once",
            totals.most_at_once.map_or("not counted".to_owned(), grouped),
        ),
        ("Encrypted, as far as seen", document.encrypted()),
        ("Without an outcome", grouped(totals.unfinished)),
    ];
    let rows = figures.into_iter().map(|(what, value)| vec![what.to_owned(), value]);
    table(out, &["", ""], rows);
}

/// Sessions over time as a line of bars.
fn over_time(document: &Document<'_>, out: &mut String) {
    let Some(slots) = document.slots() else { return };
    let most = slots.slots.iter().map(|slot| slot.up).max().unwrap_or(0);
    if most == 0 {
        return;
    }
    let _ = write!(
        out,
        "\n## Sessions per {}\n\nAt most {}.\n\n```\n",
        slots.each(),
        grouped(most)
    );
    for line in slots.slots.chunks(BARS_A_LINE) {
        let bar = |up: u64| match up {
            0 => ' ',
            up => BARS[((up as f64 / most as f64 * 8.0).ceil() as usize).clamp(1, 8) - 1],
        };
        let bars: String = line.iter().map(|slot| bar(slot.up)).collect();
        if bars.trim().is_empty() {
            continue;
        }
        let start = line.first().map_or(String::new(), |slot| document.time(slot.start));
        let _ = writeln!(out, "{start} {}", bars.trim_end());
    }
    out.push_str("```\n");
}

fn causes(document: &Document<'_>, out: &mut String) {
    out.push_str("\n## Failures per cause\n");
    if document.figures.causes.is_empty() {
        out.push_str("\nNo attempt failed.\n");
        return;
    }
    let rows = document.figures.causes.iter().map(|row| {
        let more = if row.users_beyond { " and more" } else { "" };
        vec![
            row.cause.to_owned(),
            grouped(row.count),
            share(row.count, document.figures.totals.failed),
            grouped(row.users) + more,
            document.time(row.first),
            document.time(row.last),
        ]
    });
    table(out, &["Cause", "Failed", "Share", "Users", "First", "Last"], rows);
}

fn failed(document: &Document<'_>, out: &mut String) {
    let shown: Vec<&CauseRow> = document
        .figures
        .causes
        .iter()
        .filter(|row| !row.shown.is_empty())
        .collect();
    if shown.is_empty() {
        return;
    }
    out.push_str("\n## Failed attempts\n");
    left_out(out, document.failed_left_out());
    for row in shown {
        let _ = write!(
            out,
            "\n### {} ({})\n",
            row.cause,
            counted(row.count, "attempt", "attempts")
        );
        if let Some(explanation) = (document.explain)(row.cause) {
            let _ = write!(out, "\n{}\n", explanation.meaning);
            if let Some(cause) = explanation.cause {
                let _ = write!(out, "\nLikely cause: {cause}\n");
            }
            if !explanation.actions.is_empty() {
                out.push_str("\nWhat to do:\n\n");
                for (at, action) in explanation.actions.iter().enumerate() {
                    let _ = writeln!(out, "{}. {action}", at + 1);
                }
            }
        }
        for failed in &row.shown {
            attempt(failed, document, out);
        }
    }
}

fn attempt(attempt: &Attempt, document: &Document<'_>, out: &mut String) {
    let from = attempt.client_ip.map_or(String::new(), |ip| format!(" from {ip}"));
    let _ = write!(
        out,
        "\n#### {}, {}{from}\n\n",
        document.time(attempt.started),
        user(attempt.user.as_deref())
    );
    let facts = facts(attempt);
    if !facts.is_empty() {
        let facts: Vec<String> = facts.iter().map(|fact| quoted(fact)).collect();
        let _ = write!(out, "{}\n\n", facts.join(" · "));
    }
    let rungs: Vec<String> = ladder(attempt)
        .iter()
        .map(|rung| format!("{} {}", mark(rung.step), rung.name))
        .collect();
    let _ = writeln!(out, "{}", rungs.join(" → "));
    let lines: Vec<String> = attempt
        .evidence
        .iter()
        .take(EVIDENCE_MAX)
        .map(|line| {
            let source = clipped(document.names.source_name(line.source), LINE_CHARS_MAX);
            format!("{source}:{} {}", line.line, clipped(&line.text, LINE_CHARS_MAX))
        })
        .collect();
    if lines.is_empty() {
        return;
    }
    let lines = lines.join("\n");
    let fence = "`".repeat((longest_run(&lines) + 1).max(3));
    let _ = write!(out, "\n{fence}\n{lines}\n{fence}\n");
    let unseen = attempt.evidence.len().saturating_sub(EVIDENCE_MAX) as u64;
    left_out(
        out,
        (unseen > 0).then(|| format!("Not shown: {}.", counted(unseen, "line", "lines"))),
    );
}

/// A user in a heading or a table: what we say of nobody is ours, a name is quoted.
fn user(user: Option<&str>) -> String {
    match user {
        None | Some("") => name(user),
        Some(_) => quoted(&name(user)),
    }
}

fn who(row: &ClientRow) -> String {
    match &row.who {
        Who::Named(name) => user(Some(name)).replace('|', "\\|"),
        Who::Nobody => name(None),
        Who::Others => "(all other names)".to_owned(),
    }
}

fn clients(document: &Document<'_>, out: &mut String) {
    if document.figures.clients.is_empty() {
        return;
    }
    out.push_str("\n## Clients\n");
    let rows = document.figures.clients.iter().map(|row| {
        let (to, from) = traffic(row);
        let address = |ip: Option<std::net::IpAddr>| ip.map_or(String::new(), |ip| ip.to_string());
        vec![
            who(row),
            grouped(row.open.len() as u64),
            grouped(row.sessions),
            grouped(row.failures),
            bytes_iec(to),
            bytes_iec(from),
            address(row.client_ip),
            address(row.assigned_ip),
            if row.last_seen == i64::MIN {
                String::new()
            } else {
                document.time(row.last_seen)
            },
            row.duration_s().map_or(String::new(), duration),
        ]
    });
    let heads = [
        "User",
        "Up",
        "Sessions",
        "Failed",
        "To client",
        "From client",
        "Remote IP",
        "Inner IP",
        "Last seen",
        "Connected",
    ];
    table(out, &heads, rows);
    left_out(out, document.clients_left_out());
}

fn protection(document: &Document<'_>, out: &mut String) {
    let rows = &document.figures.protection;
    if rows.is_empty() {
        return;
    }
    out.push_str("\n## Encryption and authentication\n");
    let rows = rows.iter().map(|row| {
        let users: Vec<String> = row
            .users
            .iter()
            .map(|name| user(Some(name)).replace('|', "\\|"))
            .collect();
        let beyond = if row.users_beyond { " and others" } else { "" };
        vec![
            row.encryption.name().to_owned(),
            row.protocol.map_or("not told", |protocol| protocol.word()).to_owned(),
            row.auth_method.unwrap_or("not told").to_owned(),
            grouped(row.sessions),
            users.join(", ") + beyond,
        ]
    });
    table(
        out,
        &["Encryption", "Protocol", "Authentication", "Sessions", "Users"],
        rows,
    );
}

fn sources(document: &Document<'_>, out: &mut String) {
    out.push_str("\n## Sources\n");
    let time = |time: Option<i64>| time.map_or(String::new(), |time| document.time(time));
    let rows = document.sources.iter().take(OTHERS_MAX).map(|row| {
        vec![
            quoted_cell(&clipped(&row.name, LINE_CHARS_MAX)),
            grouped(row.records),
            grouped(row.unrecognised),
            time(row.first),
            time(row.last),
        ]
    });
    table(out, &["Source", "Records", "Not understood", "First", "Last"], rows);
    let unseen = document.sources.len().saturating_sub(OTHERS_MAX) as u64;
    left_out(
        out,
        (unseen > 0).then(|| format!("Not shown: {}.", counted(unseen, "source", "sources"))),
    );
    if document.gaps > 0 {
        let gaps = counted(document.gaps, "gap", "gaps");
        let _ = write!(out, "\n{gaps} where the writer says that lines were lost.\n");
    }
    if !document.problems.is_empty() {
        out.push('\n');
        for problem in document.problems.iter().take(OTHERS_MAX) {
            let _ = writeln!(
                out,
                "- {}: {}",
                problem.kind,
                quoted(&clipped(&problem.text, LINE_CHARS_MAX))
            );
        }
        let unseen = document.problems.len().saturating_sub(OTHERS_MAX);
        left_out(out, (unseen > 0).then(|| format!("Not shown: {unseen} more.")));
    }
    unknown(document, out);
}

fn unknown(document: &Document<'_>, out: &mut String) {
    if document.unknown.is_empty() {
        out.push_str("\nEvery line of a VPN daemon was understood.\n");
        return;
    }
    out.push_str("\n### What was not understood\n");
    let rows = document.unknown.iter().take(OTHERS_MAX).map(|row| {
        vec![
            row.dialect.to_owned(),
            grouped(row.count),
            quoted_cell(&clipped(&row.example, LINE_CHARS_MAX)),
        ]
    });
    table(out, &["Dialect", "Lines", "Example"], rows);
    let unseen = document.unknown.len().saturating_sub(OTHERS_MAX) as u64;
    left_out(
        out,
        (unseen > 0).then(|| format!("Not shown: {}.", counted(unseen, "shape", "shapes"))),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_leaves_its_backticks() {
        let shown = ["joe", "`x`", "a``b", "", " @all ", "a|b"].map(quoted_cell);
        assert_eq!(
            shown,
            ["`joe`", "`` `x` ``", "```a``b```", "`  `", "`  @all  `", "`a\\|b`"]
        );
    }
}
