//! Checks of an audit for people: what stands under a row.

use tunlog_audit::Check;

use crate::page::Page;
use crate::printer::Look;

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
