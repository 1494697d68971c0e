use expect_test::expect_file;

use super::*;
use crate::config::{Document, SECTIONS};

fn read(text: &str) -> Config {
    let mut document = Document::parse("t.toml", text);
    let config = Config::take(&mut document);
    document.check_sections(SECTIONS);
    let mistakes: Vec<String> = document.finish().iter().map(ToString::to_string).collect();
    assert_eq!(mistakes, Vec::<String>::new(), "{text}");
    config
}

#[test]
fn what_is_printed_is_what_holds() {
    let printed = whole(&Config::default());
    assert_eq!(whole(&read(&printed)), printed);
    let changed = "[store]\nfull = \"stop\"\n[follow]\nglobs = [\"a\\\"b\", \"c\"]\n[http]\nlisten = [\"127.0.0.1:0\"]\n\
                   [detect.brute-force]\nminute = 7\n[detect.log-gap]\nenabled = false\n[log]\nlevel = \"debug\"\n";
    let printed = whole(&read(changed));
    assert_eq!(whole(&read(&printed)), printed);
    for line in [
        "full = \"stop\"",
        "listen = [\"127.0.0.1:0\"]",
        "minute = 7",
        "enabled = false",
        "level = \"debug\"",
    ] {
        assert!(
            printed.lines().any(|printed| printed == line),
            "{line} is not in\n{printed}"
        );
    }
}

#[test]
fn every_key_is_explained_and_every_explanation_has_its_key() {
    for (path, meaning) in KEYS {
        assert!(!meaning.is_empty(), "{path}: {meaning}");
        assert!(SECTIONS.contains(&path.split('.').next().unwrap_or_default()), "{path}");
    }
    for (name, section) in sections(&Config::default()) {
        let known: Vec<&str> = keys_of(name).collect();
        for (key, _) in section
            .iter()
            .filter(|(_, value)| !value.is_table() && name != "detect")
        {
            assert!(
                known.contains(&key.as_str()),
                "{name}.{key} has no doc comment that build.rs finds"
            );
        }
    }
    assert_eq!(SECTIONS.len(), sections(&Config::default()).len());
}

/// The file that packages bring: everything is there to be read, and nothing is said.
#[test]
fn the_file_of_the_package_is_the_reference() {
    let mut text = String::from(
        "# The configuration of tunlog: `tunlog serve`, and [detect] and [respond] for all commands.\n\
         # Each line that is commented out shows what holds without it. `tunlog check-config` judges this file,\n\
         # `systemctl reload tunlog` has it read anew. Without [follow] and [listen] the daemon looks for the logs of this machine.\n\n",
    );
    for line in whole(&Config::default()).lines() {
        let is_key = !line.is_empty() && !line.starts_with('#') && !line.starts_with('[');
        text.push_str(if is_key { "#" } else { "" });
        text.push_str(if line.starts_with("# ") && line.ends_with(" =") {
            "#"
        } else {
            ""
        });
        text.push_str(match line.strip_prefix("# ") {
            Some(key) if line.ends_with(" =") => key,
            _ => line,
        });
        text.push('\n');
    }
    read(&text);
    expect_file!["../../../../../packaging/tunlog.toml"].assert_eq(&text);
}

/// The manual's page.
#[test]
fn the_manual_lists_every_key() {
    let mut page = String::from(
        "# tunlog.toml\n\nEvery key of the configuration, with what holds without it. [serve.md](serve.md) tells where the file lies and \
         how it is read; `tunlog serve --print-config` prints what holds on a machine. Written by a test from the doc comments of the \
         code: `UPDATE_EXPECT=1 cargo test -p tunlog-daemon config`.\n",
    );
    for (name, section) in sections(&Config::default()) {
        let _ = write!(page, "\n## [{name}]\n\n{}\n\n", capitalised(meaning(name)));
        if name == "detect" {
            rules_of(&mut page);
            continue;
        }
        page.push_str("| key | default | meaning |\n|---|---|---|\n");
        let under = format!("{name}.");
        for (path, meaning) in KEYS.iter().filter(|(path, _)| path.starts_with(&under)) {
            let key = &path[under.len()..];
            let value = key
                .split('.')
                .try_fold(&Value::Table(section.clone()), |value, key| value.get(key))
                .map(shown);
            let _ = writeln!(
                page,
                "| `{key}` | {} | {} |",
                value.unwrap_or_default(),
                meaning.replace('|', "\\|")
            );
        }
    }
    expect_file!["../../../../../docs/configuration.md"].assert_eq(&page);
}

fn shown(value: &Value) -> String {
    match value {
        Value::Table(_) => String::new(),
        Value::String(text) if text.is_empty() => String::new(),
        value => format!("`{value}`"),
    }
}

fn rules_of(page: &mut String) {
    page.push_str(
        "`mmdb` is a table of places in MaxMind's format, or a list of them, beside this file. Each rule is a section of its own, \
         `[detect.RULE]`: `enabled = false` switches it off, and its thresholds may be set. `tunlog explain RULE` tells more.\n\n\
         | rule | threshold | default | meaning |\n|---|---|---|---|\n",
    );
    for rule in rules::ALL {
        for threshold in rule.thresholds {
            let (name, key, default, why) = (
                rule.name,
                threshold.key,
                threshold.default,
                threshold.why.replace('|', "\\|"),
            );
            let _ = writeln!(page, "| `{name}` | `{key}` | `{default}` | {why} |");
        }
    }
}
