//! Checks of an audit for people: what stands under a row.

use tunlog_audit::Check;
use tunlog_audit::versions::folded;

use crate::page::Page;
use crate::printer::Look;

/// Lines and subjects that a group names.
const NAMED_MAX: usize = 6;

/// Checks that say the same of several lines of one file, as one for people: sixteen short passwords are one row. The order stays.
pub fn grouped(checks: &[Check]) -> Vec<Check> {
    let checks = folded(checks);
    let mut groups: Vec<(Check, Vec<&Check>)> = Vec::new();
    for check in &checks {
        let like = |(first, _): &&mut (Check, Vec<&Check>)| {
            let same = first.id == check.id && first.severity == check.severity && first.file == check.file;
            same && check.subject.is_some()
                && check.file.is_some()
                && first.action == check.action
                && first.excepted == check.excepted
        };
        match groups.iter_mut().find(like) {
            Some((_, members)) => members.push(check),
            None => groups.push((check.clone(), vec![check])),
        }
    }
    groups
        .into_iter()
        .map(|(first, members)| joined(first, &members))
        .collect()
}

fn joined(mut first: Check, members: &[&Check]) -> Check {
    let others: Vec<String> = members
        .iter()
        .skip(1)
        .filter_map(|check| {
            let line = check.line.map_or(String::new(), |line| format!(" (line {line})"));
            Some(format!("`{}`{line}", check.subject.as_deref()?))
        })
        .collect();
    if !others.is_empty() {
        let shown = others.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
        let more = others.len().saturating_sub(NAMED_MAX);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        first.summary = format!("{}; the same holds for {shown}{more}", first.summary);
    }
    first
}

/// What was found, what to do, and who accepted it; wrapped, as a note under its row.
pub fn note(check: &Check, explain: bool, look: &Look, width: usize) -> String {
    let mut out = Vec::new();
    let page = Page { look, width };
    // writing to memory does not fail
    let _ = page.paragraph("found", &check.summary, &mut out);
    if explain {
        let _ = page.paragraph("why", &check.why, &mut out);
    }
    let _ = page.paragraph("to do", &check.action, &mut out);
    if explain {
        let _ = page.paragraph("see", &check.reference, &mut out);
    }
    if let Some(exception) = &check.excepted {
        let words = format!(
            "by {} until {}: {}",
            exception.owner, exception.expires, exception.reason
        );
        let _ = page.paragraph("accepted", &words, &mut out);
    }
    let text = String::from_utf8_lossy(&out).into_owned();
    text.lines().map(|line| format!("  {line}\n")).collect()
}
