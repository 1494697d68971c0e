//! The migration report for people: what stands under a row.

use crate::page::Page;
use crate::printer::Look;

/// What to do, wrapped, as a note under a row.
pub fn note(advice: &str, look: &Look, width: usize) -> String {
    let mut out = Vec::new();
    // writing to memory does not fail
    let _ = Page { look, width }.paragraph("to do", advice, &mut out);
    let text = String::from_utf8_lossy(&out).into_owned();
    text.lines().map(|line| format!("  {line}\n")).collect()
}
