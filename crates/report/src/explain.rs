//! The contract's `explanation`: what a message, a cause or a code means and what to do.

use std::io::{self, Write};

use tunlog_model::{Cell, Column, Message, Vendor, text};

use crate::printer::Look;

/// An explanation, whatever it is of.
#[derive(Clone, Debug, Default)]
pub struct Explanation {
    /// `pppd/peer-failed-chap`, `gre-blocked`.
    pub id: String,
    /// Who says it; absent for a cause.
    pub dialect: Option<&'static str>,
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
    pub meaning: String,
    /// The likely cause.
    pub cause: Option<String>,
    /// What to do.
    pub actions: Vec<String>,
    /// The contract's cause that a message speaks for.
    pub blames: Option<&'static str>,
    /// Where the knowledge comes from.
    pub source: Option<&'static str>,
    /// What the vendor's reference says of a message.
    pub vendor: Vendor,
}

impl Explanation {
    /// Of a message of the catalogue.
    pub fn of(message: &'static Message) -> Explanation {
        let told = |words: &'static str| (!words.is_empty() && words != "none").then_some(words);
        Explanation {
            id: format!("{}/{}", message.dialect, message.id),
            dialect: Some(message.dialect),
            severity: Some(message.severity.word()),
            template: Some(message.vendor.template)
                .filter(|template| !template.is_empty())
                .or(message.templates.first().copied()),
            also: message.templates.get(1..).unwrap_or_default(),
            layer: Some(message.layer.word()),
            event: Some(message.kind.word()),
            meaning: message.meaning.to_owned(),
            cause: told(message.cause).map(str::to_owned),
            actions: told(message.action).map(str::to_owned).into_iter().collect(),
            blames: message.blames,
            source: told(message.source),
            vendor: message.vendor,
        }
    }

    /// Prints it for people.
    pub fn print(&self, look: &Look, out: &mut dyn Write) -> io::Result<()> {
        let (bold, plain) = if look.color { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        write!(out, "{bold}{}{plain}", text::visible(&self.id))?;
        let kind: Vec<&str> = [self.severity, self.layer, self.event].into_iter().flatten().collect();
        if !kind.is_empty() {
            write!(out, "  ({})", kind.join(", "))?;
        }
        writeln!(out)?;
        for template in self.template.iter().chain(self.also) {
            writeln!(out, "    {}", text::visible(template))?;
        }
        writeln!(out)?;
        paragraph("meaning", &self.meaning, out)?;
        if let Some(cause) = &self.cause {
            paragraph("cause", cause, out)?;
        }
        for action in &self.actions {
            paragraph("what to do", action, out)?;
        }
        if let Some(blames) = self.blames {
            paragraph("speaks for", &format!("{blames}  (tunlog explain {blames})"), out)?;
        }
        self.print_vendor(out)?;
        self.source
            .map_or(Ok(()), |source| paragraph("known from", source, out))
    }

    fn print_vendor(&self, out: &mut dyn Write) -> io::Result<()> {
        let vendor = &self.vendor;
        if !vendor.name.is_empty() {
            paragraph("name", vendor.name, out)?;
        }
        if !vendor.firewall_action.is_empty() {
            paragraph("firewall", vendor.firewall_action, out)?;
        }
        if !vendor.parameters.is_empty() {
            paragraph("parameters", &vendor.parameters.join(", "), out)?;
        }
        if !vendor.same_text_as.is_empty() {
            let twin = format!(
                "{}/{} has the same text",
                self.dialect.unwrap_or_default(),
                vendor.same_text_as
            );
            paragraph("or", &twin, out)?;
        }
        Ok(())
    }
}

const LABEL_WIDTH: usize = 12;
const LINE_WIDTH: usize = 100;

/// A label and its text, wrapped at blanks.
fn paragraph(label: &str, words: &str, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{label:<LABEL_WIDTH$}")?;
    let mut column = LABEL_WIDTH;
    for word in text::visible(words).split_whitespace() {
        let length = word.chars().count();
        if column > LABEL_WIDTH && column + 1 + length > LINE_WIDTH {
            write!(out, "\n{:LABEL_WIDTH$}", "")?;
            column = LABEL_WIDTH;
        } else if column > LABEL_WIDTH {
            out.write_all(b" ")?;
            column += 1;
        }
        out.write_all(word.as_bytes())?;
        column += length;
    }
    out.write_all(b"\n")
}

fn word(word: &'static str) -> Cell {
    maybe(Some(word).filter(|word| !word.is_empty()))
}

fn maybe(word: Option<&'static str>) -> Cell {
    word.map_or(Cell::None, Cell::Word)
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
        doc: "The message's own name.",
        value: |row| match (row.vendor.name, row.id.split_once('/')) {
            ("", Some((_, name))) => Cell::Text(name.to_owned()),
            ("", None) => Cell::None,
            (name, _) => Cell::Word(name),
        },
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
        header: "",
        doc: "What it means.",
        value: |row| Cell::Text(row.meaning.clone()),
    },
    Column {
        key: "cause",
        header: "",
        doc: "The likely cause.",
        value: |row| row.cause.clone().map_or(Cell::None, Cell::Text),
    },
    Column {
        key: "actions",
        header: "",
        doc: "What to do.",
        value: |row| match row.actions.iter().cloned().map(Cell::Text).collect::<Vec<_>>() {
            actions if actions.is_empty() => Cell::None,
            actions => Cell::List(actions),
        },
    },
    Column {
        key: "blames",
        header: "",
        doc: "The cause of a failure that a message speaks for.",
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
];
