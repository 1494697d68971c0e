//! `lessons.toml`: what people learned, and which steps the playbook gets from it.

use std::fmt::Write as _;

use serde::Deserialize;

use crate::playbook::{Language, Per, Step, is_id};
use crate::text::{quoted, quoted_list};

/// What stands in a new file.
pub const TEMPLATE: &str = "\
# What would have stopped it, or shown it earlier? One [[lesson]] each.
# `tunlog incident report DIR` puts them into the report; with --apply-lessons the steps of those that have one go into the playbook
# (~/.config/tunlog/playbook.toml, of root /etc/tunlog/playbook.toml), so that the next incident's list has them.
#
# [[lesson]]
# text = \"The alarm came at 02:50 and nobody saw it before nine\"
# owner = \"anna\"
# due = \"2026-12-01\"
#
# [lesson.step]
# id = \"call-on-duty\"
# phase = \"contain\"            # contain, eradicate, recover, verify, learn
# text = \"Call whoever is on duty\"
# commands = []
";
/// Most bytes of the file.
const BYTES_MAX: usize = 1 << 20;

/// A lesson.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lesson {
    /// What was learned.
    pub text: String,
    /// Who sees to it.
    pub owner: Option<String>,
    /// By when.
    pub due: Option<String>,
    /// What the playbook gets from it.
    pub step: Option<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    lesson: Vec<Lesson>,
}

/// Reads the file.
///
/// # Errors
/// What is wrong with it, with the line where TOML tells one.
pub fn parse(text: &str) -> Result<Vec<Lesson>, String> {
    if text.len() > BYTES_MAX {
        return Err("is too large for lessons".to_owned());
    }
    let file: File = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    let ids = file.lesson.iter().filter_map(|lesson| lesson.step.as_ref());
    match ids.map(|step| &step.id).find(|id| !is_id(id)) {
        Some(id) => Err(format!(
            "`{}` is no id of a step: small letters, digits and -",
            id.escape_debug()
        )),
        None => Ok(file.lesson),
    }
}

/// What goes to the end of a playbook that reads `before`; nothing if it has all of it already.
pub fn additions(lessons: &[Lesson], before: &str, incident: &str) -> String {
    let mut out = String::new();
    for step in lessons.iter().filter_map(|lesson| lesson.step.as_ref()) {
        let text = text_of(step);
        if !before.contains(&text) && !out.contains(&text) {
            let _ = write!(out, "\n# learned from {incident}\n{text}");
        }
    }
    out
}

/// A step as it stands in a playbook.
fn text_of(step: &Step) -> String {
    let per = match step.per {
        Per::Incident => "incident",
        Per::Account => "account",
        Per::Session => "session",
        Per::Address => "address",
    };
    let language = match step.language {
        Language::Sh => "sh",
        Language::Sql => "sql",
        Language::Routeros => "routeros",
        Language::Powershell => "powershell",
        Language::Text => "text",
    };
    let mut out = format!(
        "[[step]]\nid = {}\nphase = {}\nper = {}\nverdicts = {}\n",
        quoted(&step.id),
        quoted(step.phase.word()),
        quoted(per),
        quoted_list(&step.verdicts)
    );
    for (key, list) in [
        ("rules", &step.rules),
        ("dialects", &step.dialects),
        ("unless", &step.unless),
    ] {
        if !list.is_empty() {
            let _ = writeln!(out, "{key} = {}", quoted_list(list));
        }
    }
    let _ = writeln!(
        out,
        "text = {}\nlanguage = {}\ncommands = {}",
        quoted(&step.text),
        quoted(language),
        quoted_list(&step.commands)
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbook::Playbook;

    #[test]
    fn the_template_is_read_with_and_without_its_comments() {
        assert_eq!(parse(TEMPLATE).expect("lessons").len(), 0);
        let open: String = TEMPLATE
            .lines()
            .skip_while(|line| !line.contains("# [[lesson]]"))
            .map(|line| format!("{}\n", line.trim_start_matches("# ").trim_start_matches('#')))
            .collect();
        let lessons = parse(&open).expect("lessons");
        assert_eq!(
            lessons[0].step.as_ref().map(|step| step.id.as_str()),
            Some("call-on-duty")
        );
    }

    #[test]
    fn lessons_change_the_playbook_once() {
        let text = "[[lesson]]\ntext = \"a\"\n[[lesson]]\ntext = \"b\"\nowner = \"anna\"\n[lesson.step]\nid = \"audit\"\nphase = \"contain\"\ntext = \"ours: \\\"x\\\"\\n[[step]]\"\ncommands = [\"ls {dir}\"]\n";
        let lessons = parse(text).expect("lessons");
        let added = additions(&lessons, "", "INC-1");
        let mut playbook = Playbook::builtin();
        let before = playbook.steps.len();
        playbook.take(&added).expect("a playbook");
        assert_eq!(playbook.steps.len(), before);
        let audit = playbook.steps.iter().find(|step| step.id == "audit").expect("audit");
        assert_eq!(
            (audit.text.as_str(), audit.commands.as_slice()),
            ("ours: \"x\"\n[[step]]", ["ls {dir}".to_owned()].as_slice())
        );
        assert_eq!(additions(&lessons, &added, "INC-1"), "");
        assert!(
            parse("[[lesson]]\ntext = \"a\"\n[lesson.step]\nid = \"../x\"\nphase = \"learn\"\ntext = \"\"\n").is_err()
        );
    }
}
