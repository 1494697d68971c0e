//! Findings for people: what stands under a row.

use crate::page::Page;
use crate::printer::Look;

/// Why an alarm sounded, wrapped, as a note under its row.
pub fn note(summary: &str, look: &Look, width: usize) -> String {
    let mut out = Vec::new();
    let page = Page { look, width };
    // writing to memory does not fail
    let _ = page.paragraph("why", summary, &mut out);
    let text = String::from_utf8_lossy(&out).into_owned();
    text.lines().map(|line| format!("  {line}\n")).collect()
}
