//! A sheet as a page: the same look, policy and script as the report.

use maud::{Markup, html};

use super::table::{Cell, head, table};
use super::{Shell, tile};
use crate::document::{LINE_CHARS_MAX, clipped, grouped};
use crate::sheet::{Block, Section, Sheet, SheetCell, SheetStep, SheetTable};

/// Bytes from which on a text is a sentence.
const LONG: usize = 32;

/// The page.
pub fn sheet(sheet: &Sheet) -> String {
    let shell = Shell {
        title: &shown(&sheet.title),
        version: "",
        scripted: true,
    };
    let header = html! {
        header {
            h1 { bdi { (shown(&sheet.title)) } }
            p.period { (shown(&sheet.subtitle)) }
            nav aria-label="Sections" {
                ul { @for section in &sheet.sections { li { a href=(format!("#{}", section.id)) { (section.heading) } } } }
            }
        }
    };
    let main = html! { @for one in &sheet.sections { (section(one)) } };
    shell.page(header, main, html! { (shown(&sheet.footer)) })
}

/// Text of any origin: harmless, and not longer than people read.
fn shown(text: &str) -> String {
    clipped(text, LINE_CHARS_MAX).to_string()
}

fn section(section: &Section) -> Markup {
    let heading = format!("h-{}", section.id);
    html! {
        section id=(section.id) aria-labelledby=(heading) {
            h2 id=(heading) { (section.heading) }
            @for one in &section.blocks { (block(one)) }
        }
    }
}

fn block(block: &Block) -> Markup {
    html! {
        @match block {
            Block::Words(words) => p.words { (shown(words)) },
            Block::Note(words) => p.facts { (shown(words)) },
            Block::Tiles(tiles) => dl.tiles { @for (what, value, more) in tiles { (tile(&shown(what), &shown(value), &shown(more))) } },
            Block::Table(table) => (of_table(table)),
            Block::Steps(steps) => (of_steps(steps)),
            Block::Lines(lines) => ul.evidence { @for line in lines { li { code { (shown(line)) } } } },
        }
    }
}

fn of_table(sheet: &SheetTable) -> Markup {
    let heads: Vec<_> = sheet.heads.iter().map(|(name, doc)| head(name, doc)).collect();
    let rows = sheet.rows.iter().map(|row| row.iter().map(cell).collect()).collect();
    html! {
        (table(&shown(&sheet.caption), &heads, rows))
        @if sheet.more > 0 { p.left-out { (grouped(sheet.more)) " more rows are in the files." } }
    }
}

fn cell(cell: &SheetCell) -> Cell {
    match cell {
        SheetCell::None => Cell::none(),
        // on a narrow screen a table is pushed aside rather than a sentence made a column of single words
        SheetCell::Text(text) if text.len() > LONG => Cell::classed(html! { bdi { (shown(text)) } }, "long"),
        SheetCell::Text(text) => Cell::text(text, LINE_CHARS_MAX),
        SheetCell::Time(text) => Cell::classed(html! { (shown(text)) }, "time"),
        SheetCell::Count(count) => Cell::count(*count),
        SheetCell::Code(text) if text.len() > LONG => Cell::classed(html! { code { (shown(text)) } }, "long"),
        SheetCell::Code(text) => Cell::markup(html! { code { (shown(text)) } }),
    }
}

fn of_steps(steps: &[SheetStep]) -> Markup {
    let mut groups: Vec<&str> = steps.iter().map(|step| step.group.as_str()).collect();
    groups.dedup();
    html! {
        @for group in groups {
            h3 { (shown(group)) }
            @for step in steps.iter().filter(|step| step.group == group) {
                div.attempt {
                    h4 { span aria-hidden="true" { (if step.is_done { "☑ " } else { "☐ " }) } bdi { (shown(&step.text)) } }
                    @if !step.told.is_empty() { p.facts { bdi { (shown(&step.told)) } } }
                    @if !step.commands.is_empty() {
                        ul.evidence { @for command in &step.commands { li { code { (shown(command)) } } } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::policy;
    use super::*;
    use crate::sheet::tests::everything;

    #[test]
    fn values_are_text_and_nothing_else() {
        let hostile = "</code><script>alert(1)</script><img src=x onerror=y>\"'\u{202e}";
        let page = sheet(&everything(hostile));
        let plain = sheet(&everything("x"));
        let count = |page: &str, what: &str| page.matches(what).count();
        for what in ["<script", "<img", "<code", "</code>", "onerror="] {
            let expected = if what == "onerror=" {
                count(&page, "&lt;img src=x onerror=")
            } else {
                count(&plain, what)
            };
            assert_eq!(count(&page, what), expected, "{what}");
        }
        assert!(!page.contains('\u{202e}'));
        assert!(!page.contains("Empty"), "a column in which nothing is known");
        assert!(page.contains(&policy::policy().replace('\'', "&#39;")) || page.contains(&policy::policy()));
    }
}
