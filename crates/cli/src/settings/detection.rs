//! `[detect]`: tables of places, and for each rule its thresholds and whether it is on.

use std::path::{Path, PathBuf};

use tunlog_analysis::detect;

/// What the configuration says of detection.
#[derive(Clone, Debug, Default)]
pub struct Detection {
    /// Thresholds, and rules that are off.
    pub options: detect::Options,
    /// Tables of places.
    pub mmdb: Vec<PathBuf>,
}

impl Detection {
    /// Takes in `[detect]` (`mmdb`), and the `[detect.RULE]` tables: `enabled` and the rule's thresholds.
    pub(super) fn take(&mut self, path: &Path, rules: &toml::Table) -> Result<(), String> {
        for (rule, value) in rules {
            if rule == "mmdb" {
                let folder = path.parent().unwrap_or(Path::new(""));
                self.mmdb = paths(value, folder).map_err(|words| format!("[detect]: {words}"))?;
                continue;
            }
            let keys = value
                .as_table()
                .ok_or_else(|| format!("`detect.{rule}` must be a table: [detect.{rule}]"))?;
            for (key, value) in keys {
                set(rule, key, value, &mut self.options).map_err(|words| format!("[detect.{rule}]: {words}"))?;
            }
        }
        Ok(())
    }
}

/// A path or several, from the folder of the configuration.
fn paths(value: &toml::Value, folder: &Path) -> Result<Vec<PathBuf>, String> {
    let all = match value {
        toml::Value::Array(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    let path = |value: &toml::Value| value.as_str().map(|text| folder.join(text));
    all.iter()
        .map(|value| path(value).ok_or_else(|| "`mmdb` is a path, or a list of paths".to_owned()))
        .collect()
}

fn set(rule: &str, key: &str, value: &toml::Value, options: &mut detect::Options) -> Result<(), String> {
    match (key, value) {
        ("enabled", toml::Value::Boolean(true)) => detect::rule(rule)
            .map(|_| ())
            .ok_or(format!("there is no rule `{rule}`")),
        ("enabled", toml::Value::Boolean(false)) => options.switch_off(rule),
        ("enabled", _) => Err("`enabled` is true or false".to_owned()),
        (key, toml::Value::Integer(value)) => options.set(rule, key, *value as f64),
        (key, toml::Value::Float(value)) => options.set(rule, key, *value),
        (key, _) => Err(format!("`{key}` must be a number")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{refused, taken};
    use super::*;

    #[test]
    fn tables_lie_beside_the_configuration_unless_their_path_is_whole() {
        let mut detection = Detection::default();
        let text = "mmdb = [\"city.mmdb\", \"/srv/asn.mmdb\"]\n[brute-force]\nminute = 9";
        let keys: toml::Table = text.parse().expect("TOML");
        assert_eq!(detection.take(Path::new("/etc/tunlog/tunlog.toml"), &keys), Ok(()));
        assert_eq!(
            detection.mmdb,
            [Path::new("/etc/tunlog/city.mmdb"), Path::new("/srv/asn.mmdb")]
        );
    }

    #[test]
    fn thresholds_are_taken_and_mistakes_are_named() {
        assert_eq!(
            taken("[detect.brute-force]\nminute = 9\nten_minutes = 12.5\n[detect.log-gap]\nenabled = false\n"),
            Ok(())
        );
        refused(&[
            ("[detect.brute-farce]\nminute = 9", "there is no rule `brute-farce`"),
            (
                "[detect.brute-force]\nhour = 9",
                "no threshold `hour`: minute, ten_minutes",
            ),
            ("[detect.brute-force]\nminute = -1", "a number above 0"),
            ("[detect.brute-force]\nminute = \"9\"", "must be a number"),
            ("[detect]\nminute = 1", "must be a table"),
            ("[detect]\nmmdb = 1", "[detect]: `mmdb` is a path"),
        ]);
    }
}
