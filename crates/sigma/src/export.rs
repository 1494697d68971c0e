//! Our rules as Sigma files, for other tools: over the objects that `tunlog attempts -o jsonl` and `tunlog decode -o jsonl` print. Not
//! all can be said; what is lost stands in the description of each, and the rest is listed with the reason.

use std::fmt::Write as _;

use tunlog_analysis::detect::sigma::{Base, Count, Joined, Least, Said, Sigma};
use tunlog_analysis::detect::{ALL, Options, Rule, Severity};

/// A file of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// When the shipped files were last changed in more than a number.
const DATE: &str = "2026-11-21";

/// The rules that are on, with the thresholds that are set, and a page that says what they are.
pub fn files(options: &Options) -> Vec<File> {
    let mut files: Vec<File> = ALL.iter().filter_map(|rule| file(rule, options)).collect();
    files.push(File {
        name: "README.md".into(),
        text: page(options),
    });
    files
}

fn file(rule: &'static Rule, options: &Options) -> Option<File> {
    let Sigma::Said(said) = rule.sigma else { return None };
    if options.is_off(rule) {
        return None;
    }
    let mut text = String::new();
    for base in said.bases {
        detection(&mut text, rule, said, base);
    }
    for joined in said.joined {
        correlation(&mut text, rule, said, joined, options);
    }
    Some(File {
        name: format!("tunlog_{}.yml", rule.name.replace('-', "_")),
        text,
    })
}

/// A name by which rules refer to each other.
fn name(rule: &Rule, part: &str) -> String {
    format!("tunlog_{}_{part}", rule.name.replace('-', "_"))
}

/// The head that every document has.
fn head(text: &mut String, rule: &Rule, said: &Said, (part, title): (&str, &str), alone: bool) {
    if !text.is_empty() {
        text.push_str("---\n");
    }
    let name = name(rule, part);
    let title = match alone {
        true => title.to_owned(),
        false => format!("{title} (for {})", rule.name),
    };
    let description = match alone {
        true => format!("{} In Sigma it loses: {}", rule.finds, said.loses),
        false => format!(
            "Counted by the other rules of this file (tunlog's `{}`); alone it is nothing.",
            rule.name
        ),
    };
    let _ = writeln!(text, "title: {}", quoted(&title));
    let _ = writeln!(text, "id: {}", uuid(&name));
    let _ = writeln!(text, "name: {name}");
    let _ = writeln!(text, "status: experimental");
    let _ = writeln!(text, "description: {}", quoted(&description));
    let _ = writeln!(text, "author: tunlog");
    let _ = writeln!(text, "date: {DATE}");
    if !rule.techniques.is_empty() {
        text.push_str("tags:\n");
    }
    for technique in rule.techniques {
        let _ = writeln!(text, "  - attack.{}", technique.to_ascii_lowercase());
    }
    if alone {
        let _ = writeln!(text, "falsepositives:\n  - {}", quoted(rule.wrong));
    }
    let level = if alone { level(rule.severity) } else { "informational" };
    let _ = writeln!(text, "level: {level}");
}

fn detection(text: &mut String, rule: &Rule, said: &Said, base: &Base) {
    head(text, rule, said, (base.name, base.title), said.joined.is_empty());
    let _ = writeln!(text, "logsource:\n  product: tunlog\n  service: {}", base.service);
    text.push_str("detection:\n");
    selection(text, "selection", base.fits);
    selection(text, "filter", base.but);
    let but = if base.but.is_empty() { "" } else { " and not filter" };
    let _ = writeln!(text, "  condition: selection{but}");
}

fn selection(text: &mut String, name: &str, keys: &[(&str, &[&str])]) {
    if keys.is_empty() {
        return;
    }
    let _ = writeln!(text, "  {name}:");
    for (key, values) in keys {
        match values {
            [only] => drop(writeln!(text, "    {key}: {}", quoted(only))),
            values => {
                let _ = writeln!(text, "    {key}:");
                for value in *values {
                    let _ = writeln!(text, "      - {}", quoted(value));
                }
            }
        }
    }
}

fn correlation(text: &mut String, rule: &'static Rule, said: &Said, joined: &Joined, options: &Options) {
    head(text, rule, said, (joined.name, joined.title), true);
    let kind = match joined.count {
        Count::Events => "event_count",
        Count::Values(_) => "value_count",
        Count::All => "temporal",
        Count::InOrder => "temporal_ordered",
    };
    let _ = writeln!(text, "correlation:\n  type: {kind}\n  rules:");
    for of in joined.of {
        let _ = writeln!(text, "    - {}", name(rule, of));
    }
    text.push_str("  group-by:\n");
    for key in joined.by {
        let _ = writeln!(text, "    - {key}");
    }
    let _ = writeln!(text, "  timespan: {}", joined.within);
    aliases(text, rule, joined);
    let (word, least) = match joined.least {
        Least::Threshold(key) => ("gte", options.threshold(rule, key)),
        Least::Above(key, more) => ("gt", options.threshold(rule, key) + more),
        Least::Fixed(number) => ("gte", number),
        Least::EachOne => return,
    };
    let _ = writeln!(text, "  condition:\n    {word}: {}", least.ceil());
    if let Count::Values(key) = joined.count {
        let _ = writeln!(text, "    field: {key}");
    }
}

fn aliases(text: &mut String, rule: &Rule, joined: &Joined) {
    let mut last = "";
    if !joined.aliases.is_empty() {
        text.push_str("  aliases:\n");
    }
    for (alias, of, key) in joined.aliases {
        if *alias != last {
            let _ = writeln!(text, "    {alias}:");
            last = alias;
        }
        let _ = writeln!(text, "      {}: {key}", name(rule, of));
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "informational",
        other => other.word(),
    }
}

/// A text as YAML: in single quotes, which escape nothing but themselves.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// An id that is always the same for a name (RFC 9562, version 8: made as we like).
fn uuid(name: &str) -> String {
    // FNV-1a, 64 bits, from two beginnings
    let hash = |start: u64| {
        name.bytes().fold(start, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    };
    let (high, low) = (hash(0xcbf2_9ce4_8422_2325), hash(0x6c62_272e_07bb_0142));
    let high = high & !0xf000 | 0x8000;
    let low = low & !(0xc000 << 48) | 0x8000 << 48;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

/// What the folder holds.
fn page(options: &Options) -> String {
    let mut text = String::from(
        "# tunlog's rules as Sigma

Made by `tunlog export-rules sigma --to FOLDER`; what is edited here is lost the next time. For tools that read what `tunlog attempts -o jsonl`
(`service: attempt`) and `tunlog decode -o jsonl` (`service: event`; other services with `--services`) print, one object a line, under the
keys of those objects. `tunlog detect` itself knows more than Sigma can say; each description tells what is lost.

| file | rule | loses |
|---|---|---|
",
    );
    for rule in ALL {
        if let Sigma::Said(said) = rule.sigma
            && !options.is_off(rule)
        {
            let file = rule.name.replace('-', "_");
            let _ = writeln!(
                text,
                "| [tunlog_{file}.yml](tunlog_{file}.yml) | {} | {} |",
                rule.name, said.loses
            );
        }
    }
    text.push_str("\nNot in Sigma:\n\n| rule | why |\n|---|---|\n");
    for rule in ALL {
        if let Sigma::Not(why) = rule.sigma {
            let _ = writeln!(text, "| {} | {why} |", rule.name);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rules;

    #[test]
    fn every_file_is_read_back_by_the_engine() {
        let files = files(&Options::default());
        let sources: Vec<_> = files
            .iter()
            .filter(|file| file.name.ends_with(".yml"))
            .map(|file| (file.name.clone(), file.text.clone()))
            .collect();
        let (rules, problems) = Rules::read(&sources);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(rules.foreign(), 0);
        let documents: usize = sources.iter().map(|(_, text)| text.matches("title: ").count()).sum();
        assert_eq!(rules.count(), documents);
        assert!(crate::Engine::new(&rules, None).is_ok());
    }

    #[test]
    fn ids_differ_and_stay() {
        let text: String = files(&Options::default()).into_iter().map(|file| file.text).collect();
        let mut ids: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("id: ")).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
        assert_eq!(
            uuid("tunlog_brute_force_minute"),
            "e2464e40-a0cb-83f2-b2e0-202156396b6f"
        );
    }

    #[test]
    fn thresholds_and_rules_are_those_that_are_set() {
        let mut options = Options::default();
        options.set("brute-force", "minute", 30.0).expect("a threshold");
        options.switch_off("password-spray").expect("a rule");
        let files = files(&options);
        let of = |name: &str| files.iter().find(|file| file.name == name);
        assert!(of("tunlog_password_spray.yml").is_none());
        assert!(of("tunlog_brute_force.yml").is_some_and(|file| file.text.contains("    gt: 31\n")));
    }
}
