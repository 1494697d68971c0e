//! The contract's `explanation`: what a message, a cause or a code means and what to do.

use std::io::{self, Write};

use tunlog_model::{Cell, Column, Message, Vendor, text};

use crate::page::Page;
use crate::printer::{Addition, Look, show};
use crate::table::Cells;

/// What stands for actions where there is nothing to do.
const NOTHING_TO_DO: &str = "None needed.";

/// An explanation, whatever it is of.
#[derive(Clone, Debug, Default)]
pub struct Explanation {
    /// `pppd/peer-failed-chap`, `gre-blocked`, `ras/691`.
    pub id: String,
    /// Who says it; absent for causes and codes.
    pub dialect: Option<&'static str>,
    /// Its own name: the message's, or `ERROR_AUTHENTICATION_FAILURE` of a code.
    pub name: Option<&'static str>,
    /// What family of codes it belongs to, in words.
    pub family: Option<&'static str>,
    /// Severity of a message.
    pub severity: Option<&'static str>,
    /// Its main template.
    pub template: Option<&'static str>,
    /// Its other spellings.
    pub also: &'static [&'static str],
    /// The layer.
    pub layer: Option<&'static str>,
    /// The kind of event.
    pub event: Option<&'static str>,
    /// What it means.
    pub meaning: &'static str,
    /// The likely cause.
    pub cause: Option<&'static str>,
    /// What to do; empty: nothing.
    pub actions: Vec<&'static str>,
    /// The contract's cause that a message speaks for.
    pub blames: Option<&'static str>,
    /// What that cause means.
    pub blamed: Option<&'static str>,
    /// Ids of what belongs to it.
    pub see_also: Vec<String>,
    /// Where the knowledge comes from.
    pub source: Option<&'static str>,
    /// What else is to be said, each under a label (of rules: when they are wrong, their thresholds).
    pub notes: Vec<(&'static str, String)>,
    /// What the vendor's reference says of a message.
    pub vendor: Vendor,
    /// The facts that the line asked about carries.
    pub fields: Vec<(&'static str, Cell)>,
    /// That line, its secrets redacted, and its number.
    pub line: Option<(u64, String)>,
}

impl Explanation {
    /// Of a message of the catalogue.
    pub fn of(message: &Message) -> Explanation {
        let told = |words: &'static str| (!words.is_empty() && words != "none").then_some(words);
        Explanation {
            id: format!("{}/{}", message.dialect, message.id),
            dialect: Some(message.dialect),
            name: Some(message.vendor.name)
                .filter(|name| !name.is_empty())
                .or(Some(message.id)),
            severity: Some(message.severity.word()),
            template: Some(message.vendor.template)
                .filter(|template| !template.is_empty())
                .or(message.templates.first().copied()),
            also: message.templates.get(1..).unwrap_or_default(),
            layer: Some(message.layer.word()),
            event: Some(message.kind.word()),
            meaning: message.meaning,
            cause: told(message.cause),
            actions: told(message.action).into_iter().collect(),
            blames: message.blames,
            source: told(message.source),
            vendor: message.vendor,
            ..Explanation::default()
        }
    }

    /// Prints it for people on lines of so many columns.
    pub fn print(&self, look: &Look, width: usize, out: &mut dyn Write) -> io::Result<()> {
        let (bold, plain) = if look.color { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        write!(out, "{bold}{}{plain}", text::visible(&self.id))?;
        let own_name = self.name.filter(|name| self.dialect.is_none() && !name.is_empty());
        if let Some(name) = own_name {
            write!(out, "  {name}")?;
        }
        if self.dialect.is_some() {
            let kind: Vec<&str> = [self.severity, self.layer, self.event].into_iter().flatten().collect();
            write!(out, "  {}", kind.join(" · "))?;
        }
        writeln!(out)?;
        if let Some(family) = self.family {
            let layer = self.layer.map(|layer| format!(" · layer {layer}")).unwrap_or_default();
            writeln!(out, "    {family}{layer}")?;
        }
        self.print_texts(out)?;
        writeln!(out)?;
        let page = Page { look, width };
        self.print_fields(&page, out)?;
        self.print_body(&page, out)?;
        for (label, words) in &self.notes {
            page.paragraph(label, words, out)?;
        }
        if !self.see_also.is_empty() {
            page.paragraph("see also", &self.see_also.join(", "), out)?;
        }
        self.print_vendor(&page, out)?;
        self.source
            .map_or(Ok(()), |source| page.paragraph("known from", source, out))
    }

    /// The same as a note under a line, in short: what it means, why, what to do.
    pub fn note(&self, look: &Look, width: usize) -> String {
        let mut out = Vec::new();
        let page = Page { look, width };
        // writing to memory does not fail
        let _ = self.print_body(&page, &mut out);
        let text = String::from_utf8_lossy(&out).into_owned();
        // messages and causes stand in the row already
        let head = (self.dialect.is_none() && self.id.contains('/')).then_some(self.id.as_str());
        let lines = head.into_iter().chain(text.lines());
        lines.map(|line| format!("  {line}\n")).collect()
    }

    /// The same as an addition to a row.
    pub fn addition(&self, look: &Look, width: usize) -> Addition {
        let cells = COLUMNS
            .iter()
            .filter(|column| matches!(column.key, "id" | "meaning" | "cause" | "actions" | "blames"));
        let members = cells
            .map(|column| (column.key, (column.value)(self)))
            .filter(|(_, cell)| *cell != Cell::None);
        Addition {
            note: self.note(look, width),
            cell: Some((ADDED_KEY, Cell::Object(members.collect()))),
        }
    }

    fn print_texts(&self, out: &mut dyn Write) -> io::Result<()> {
        if let Some((_, line)) = &self.line {
            return writeln!(out, "    {}", text::visible(line));
        }
        // spellings that differ in what no reader sees are for programs
        let all = self.template.iter().chain(self.also).copied();
        let texts: Vec<&str> = all.filter(|template| !template.chars().any(text::is_harmful)).collect();
        for template in texts.iter().take(TEXTS_MAX) {
            writeln!(out, "    {}", readable(template))?;
        }
        match texts.len().saturating_sub(TEXTS_MAX) {
            0 => Ok(()),
            more => writeln!(out, "    and {more} more spellings"),
        }
    }

    fn print_fields(&self, page: &Page<'_>, out: &mut dyn Write) -> io::Result<()> {
        let longest = self.fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (at, (name, value)) in self.fields.iter().enumerate() {
            let mut cells = Cells::default();
            show(value, &page.look.zone, &mut cells);
            let label = if at == 0 { "says" } else { "" };
            page.label(label, out)?;
            writeln!(out, "{name:<longest$}  {}", cells.text())?;
        }
        Ok(())
    }

    fn print_body(&self, page: &Page<'_>, out: &mut dyn Write) -> io::Result<()> {
        page.paragraph("meaning", self.meaning, out)?;
        if let Some(cause) = self.cause {
            page.paragraph("cause", cause, out)?;
        }
        match self.actions.as_slice() {
            [] => page.paragraph("what to do", "nothing to do", out)?,
            [only] => page.paragraph("what to do", only, out)?,
            several => {
                for (at, action) in several.iter().enumerate() {
                    let label = if at == 0 { "what to do" } else { "" };
                    page.paragraph(label, &format!("{}. {action}", at + 1), out)?;
                }
            }
        }
        if let Some(blames) = self.blames {
            let words = match self.blamed {
                Some(meaning) => format!("{blames}: {meaning}"),
                None => blames.to_owned(),
            };
            page.paragraph("speaks for", &words, out)?;
        }
        Ok(())
    }

    fn print_vendor(&self, page: &Page<'_>, out: &mut dyn Write) -> io::Result<()> {
        let vendor = &self.vendor;
        if !vendor.name.is_empty() {
            page.paragraph("name", vendor.name, out)?;
        }
        if !vendor.firewall_action.is_empty() {
            page.paragraph("firewall", vendor.firewall_action, out)?;
        }
        if !vendor.parameters.is_empty() {
            page.paragraph("parameters", &vendor.parameters.join(", "), out)?;
        }
        if !vendor.same_text_as.is_empty() {
            let twin = format!(
                "{}/{} has the same text",
                self.dialect.unwrap_or_default(),
                vendor.same_text_as
            );
            page.paragraph("or", &twin, out)?;
        }
        Ok(())
    }
}

/// The key of an explanation that was added to a row.
pub const ADDED_KEY: &str = "explanation";
/// Spellings that are shown; `-o json` and the manual's pages have more.
const TEXTS_MAX: usize = 6;

/// A template for people: `<user:pppd-name>` is `<user>`, what is not kept is `…`.
fn readable(template: &str) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('<') {
            out.push('<');
            rest = after;
            continue;
        }
        let end = rest.find('>').unwrap_or(rest.len());
        match rest[..end].split(':').next().unwrap_or_default() {
            "_" => out.push('…'),
            name => out.push_str(&format!("<{name}>")),
        }
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    out + rest
}

fn word(word: &'static str) -> Cell {
    maybe(Some(word).filter(|word| !word.is_empty()))
}

fn maybe(word: Option<&'static str>) -> Cell {
    word.filter(|word| !word.is_empty()).map_or(Cell::None, Cell::Word)
}

/// What to do, as JSON has it: never empty.
pub fn actions(explanation: &Explanation) -> Cell {
    match explanation.actions.as_slice() {
        [] => Cell::List(vec![Cell::Word(NOTHING_TO_DO)]),
        actions => Cell::List(actions.iter().copied().map(Cell::Word).collect()),
    }
}

/// The contract's `explanation`.
pub const COLUMNS: &[Column<Explanation>] = &[
    Column {
        key: "id",
        header: "ID",
        doc: "What is explained.",
        value: |row| Cell::Text(row.id.clone()),
    },
    Column {
        key: "dialect",
        header: "",
        doc: "Who says it.",
        value: |row| maybe(row.dialect),
    },
    Column {
        key: "name",
        header: "",
        doc: "The message's or code's own name.",
        value: |row| maybe(row.name),
    },
    Column {
        key: "family",
        header: "",
        doc: "What family of codes it belongs to.",
        value: |row| maybe(row.family),
    },
    Column {
        key: "severity",
        header: "",
        doc: "Syslog severity.",
        value: |row| maybe(row.severity),
    },
    Column {
        key: "template",
        header: "",
        doc: "The text of the message.",
        value: |row| maybe(row.template),
    },
    Column {
        key: "layer",
        header: "",
        doc: "The layer it belongs to.",
        value: |row| maybe(row.layer),
    },
    Column {
        key: "event",
        header: "",
        doc: "What kind of thing happened.",
        value: |row| maybe(row.event),
    },
    Column {
        key: "meaning",
        header: "Meaning",
        doc: "What it means.",
        value: |row| Cell::Word(row.meaning),
    },
    Column {
        key: "cause",
        header: "",
        doc: "The likely cause.",
        value: |row| maybe(row.cause),
    },
    Column {
        key: "actions",
        header: "",
        doc: "What to do.",
        value: actions,
    },
    Column {
        key: "blames",
        header: "",
        doc: "The cause of a failure that it speaks for.",
        value: |row| maybe(row.blames),
    },
    Column {
        key: "code",
        header: "",
        doc: "The number by which the vendor identifies it.",
        value: |row| word(row.vendor.code),
    },
    Column {
        key: "firewall_action",
        header: "",
        doc: "What the firewall does, by the vendor's reference.",
        value: |row| word(row.vendor.firewall_action),
    },
    Column {
        key: "revision",
        header: "",
        doc: "Revision of the message in the vendor's reference.",
        value: |row| match row.vendor.revision {
            0 => Cell::None,
            revision => Cell::Count(revision.into()),
        },
    },
    Column {
        key: "parameters",
        header: "",
        doc: "Its parameters by the vendor's names, in the order of the line.",
        value: |row| match row.vendor.parameters {
            [] => Cell::None,
            keys => Cell::List(keys.iter().map(|key| Cell::Word(key)).collect()),
        },
    },
    Column {
        key: "same_text_as",
        header: "",
        doc: "Another message with the same text.",
        value: |row| word(row.vendor.same_text_as),
    },
    Column {
        key: "see_also",
        header: "",
        doc: "What else to ask for.",
        value: |row| match row.see_also.as_slice() {
            [] => Cell::None,
            ids => Cell::List(ids.iter().cloned().map(Cell::Text).collect()),
        },
    },
    Column {
        key: "fields",
        header: "",
        doc: "The facts that the line asked about carries.",
        value: |row| match (row.fields.as_slice(), &row.line) {
            ([], None) => Cell::None,
            (fields, _) => Cell::Object(fields.to_vec()),
        },
    },
    Column {
        key: "evidence",
        header: "",
        doc: "The line asked about.",
        value: |row| match &row.line {
            None => Cell::None,
            Some((number, line)) => Cell::List(vec![Cell::Object(vec![
                ("source", Cell::Word("-")),
                ("line", Cell::Count(*number)),
                ("text", Cell::Text(line.clone())),
            ])]),
        },
    },
    Column {
        key: "notes",
        header: "",
        doc: "What else is to be said, each with what it is about.",
        value: |row| {
            let all = row.notes.iter().map(|(label, words)| {
                Cell::Object(vec![("about", Cell::Word(label)), ("text", Cell::Text(words.clone()))])
            });
            match row.notes.is_empty() {
                true => Cell::None,
                false => Cell::List(all.collect()),
            }
        },
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_shown_without_their_types() {
        assert_eq!(
            readable("Peer <user:pppd-name> failed, <<see> <_:any>"),
            "Peer <user> failed, <see> …"
        );
    }

    #[test]
    fn narrow_terminals_have_labels_on_lines_of_their_own() {
        let explanation = Explanation {
            id: "a/b".into(),
            meaning: "one two three four five six seven eight nine ten eleven twelve",
            ..Explanation::default()
        };
        let look = Look {
            zone: jiff::tz::TimeZone::UTC,
            color: false,
        };
        let printed = |width| {
            let mut out = Vec::new();
            explanation.print(&look, width, &mut out).expect("memory");
            String::from_utf8(out).expect("text")
        };
        assert_eq!(
            printed(40),
            "a/b\n\nmeaning\n  one two three four five six seven\n  eight nine ten eleven twelve\nwhat to do\n  nothing to do\n"
        );
        assert_eq!(
            printed(60),
            "a/b\n\nmeaning     one two three four five six seven eight nine ten\n            eleven twelve\nwhat to do  nothing to do\n"
        );
    }
}
