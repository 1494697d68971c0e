//! What is known of versions: the list that is compiled in, or a newer one that somebody hands over.

use serde::Deserialize;

use super::packages::Package;
use super::scheme::Version;
use crate::Severity;

/// The list that is compiled in.
const BUILT_IN: &str = include_str!("../../data/advisories.toml");

/// What must hold besides the version, and can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// pppd asks RADIUS, and process ids above 65535 were heard.
    RadiusAndLongPid,
    /// The package is Ubuntu's.
    Ubuntu,
}

/// One row: what is wrong with some versions of a program.
#[derive(Clone, Debug)]
pub struct Advisory {
    /// `CVE-2020-8597`, or a name of ours where there is no number.
    pub id: String,
    /// The program.
    pub product: String,
    /// First version that is affected.
    pub from: Option<Version>,
    /// First version that is not, as it is written.
    pub fixed: Option<(Version, String)>,
    /// The program's logs tell no version.
    pub unlogged: bool,
    /// How bad.
    pub severity: Severity,
    /// What it is, half a sentence.
    pub summary: String,
    /// What must hold besides, and cannot be seen.
    pub only: Option<String>,
    /// What must hold besides, and can be seen.
    pub need: Option<Need>,
    /// Where that is written.
    pub reference: String,
    /// Package versions in which a distribution mended it before, by source package.
    mended: Vec<(String, String)>,
}

impl Advisory {
    /// Whether a version is affected, going by its number alone.
    pub fn affects(&self, version: &Version) -> bool {
        let from = self.from.as_ref().is_none_or(|from| version >= from);
        from && self.fixed.as_ref().is_some_and(|(fixed, _)| version < fixed)
    }

    /// Whether a distribution has mended it in this package.
    pub fn is_mended(&self, package: &Package) -> bool {
        self.mended
            .iter()
            .any(|(source, version)| source == package.source && package.is_at_least(version))
    }
}

/// The whole list.
#[derive(Clone, Debug, Default)]
pub struct Advisories {
    /// The rows, in the order of the file.
    pub rows: Vec<Advisory>,
    /// Day of its newest fact, `2026-11-21`.
    pub date: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    date: String,
    #[serde(default)]
    advisory: Vec<Row>,
    #[serde(default)]
    mended: Vec<Mended>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    product: String,
    from: Option<String>,
    fixed: Option<String>,
    #[serde(default)]
    unlogged: bool,
    severity: String,
    summary: String,
    only: Option<String>,
    needs: Option<String>,
    reference: String,
    seen: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mended {
    advisory: String,
    package: String,
    versions: Vec<String>,
    #[allow(dead_code)] // for whoever reads the file
    reference: String,
}

impl Advisories {
    /// The list that is compiled in; a test reads it, so it is never empty.
    pub fn built_in() -> Advisories {
        Advisories::parse(BUILT_IN).unwrap_or_default()
    }

    /// Reads a list.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(text: &str) -> Result<Advisories, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        let is_day = |day: &str| super::day(day).is_some();
        if !is_day(&file.date) {
            return Err(format!("`date`: `{}` is no day: 2026-12-31", file.date));
        }
        let mut rows = Vec::with_capacity(file.advisory.len());
        for row in file.advisory {
            if !is_day(&row.seen) {
                return Err(format!("{}: `seen`: `{}` is no day: 2026-12-31", row.id, row.seen));
            }
            let id = row.id.clone();
            rows.push(advisory(row).map_err(|problem| format!("{id}: {problem}"))?);
        }
        for mended in file.mended {
            let of_package = |version: String| (mended.package.clone(), version);
            let mut known = false;
            for row in rows.iter_mut().filter(|row: &&mut Advisory| row.id == mended.advisory) {
                known = true;
                row.mended.extend(mended.versions.iter().cloned().map(of_package));
            }
            if !known {
                return Err(format!("[[mended]]: there is no advisory `{}`", mended.advisory));
            }
        }
        Ok(Advisories { rows, date: file.date })
    }

    /// The rows of a program.
    pub fn of<'a>(&'a self, product: &'a str) -> impl Iterator<Item = &'a Advisory> {
        self.rows.iter().filter(move |row| row.product == product)
    }
}

fn advisory(row: Row) -> Result<Advisory, String> {
    let version = |key: &str, text: String| match Version::parse(&text) {
        Some(version) => Ok((version, text)),
        None => Err(format!("`{key}`: `{text}` is no version")),
    };
    let from = row.from.map(|text| version("from", text)).transpose()?;
    let fixed = row.fixed.map(|text| version("fixed", text)).transpose()?;
    if fixed.is_none() && !row.unlogged {
        return Err("`fixed` is missing".to_owned());
    }
    let need = match row.needs.as_deref() {
        None => None,
        Some("radius-and-long-pid") => Some(Need::RadiusAndLongPid),
        Some("ubuntu") => Some(Need::Ubuntu),
        Some(other) => return Err(format!("`needs`: `{other}` is none: radius-and-long-pid, ubuntu")),
    };
    let severity = Severity::from_word(&row.severity).ok_or_else(|| {
        format!(
            "`severity`: `{}` is none: info, low, medium, high, critical",
            row.severity
        )
    })?;
    Ok(Advisory {
        id: row.id,
        product: row.product,
        from: from.map(|(version, _)| version),
        fixed,
        unlogged: row.unlogged,
        severity,
        summary: row.summary,
        only: row.only,
        need,
        reference: row.reference,
        mended: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_that_is_compiled_in_is_read() {
        let advisories = Advisories::parse(BUILT_IN).unwrap_or_else(|problem| panic!("{problem}"));
        assert!(advisories.rows.len() > 55, "{}", advisories.rows.len());
        let mut ids: Vec<&str> = advisories.rows.iter().map(|row| row.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), advisories.rows.len(), "each stands once");
        assert!(
            !ids.contains(&"CVE-2022-4603"),
            "pppdump is no part of a gateway's work"
        );
        for row in &advisories.rows {
            assert!(row.reference.starts_with("https://"), "{}", row.id);
            let ends = row.summary.ends_with('.') || row.only.as_deref().is_some_and(|only| only.ends_with('.'));
            assert!(!ends, "{}: half a sentence", row.id);
            let affected = row.from.as_ref().zip(row.fixed.as_ref());
            assert!(affected.is_none_or(|(from, (fixed, _))| from < fixed), "{}", row.id);
        }
    }

    #[test]
    fn a_list_with_a_mistake_is_refused_with_its_place() {
        let row = |keys: &str| {
            format!(
                "date = \"2026-11-21\"\n[[advisory]]\nid = \"X-1\"\nproduct = \"pppd\"\nsummary = \"s\"\nreference = \"https://r\"\n{keys}"
            )
        };
        let whole = "seen = \"2026-11-21\"\nseverity = \"low\"\nfixed = \"2.4.9\"\n";
        assert!(Advisories::parse(&row(whole)).is_ok());
        for (text, words) in [
            (
                row("seen = \"2026-11-21\"\nseverity = \"low\"\n"),
                "X-1: `fixed` is missing",
            ),
            (
                row("seen = \"2026-13-21\"\nseverity = \"low\"\nfixed = \"2.4.9\"\n"),
                "`2026-13-21` is no day",
            ),
            (row(&whole.replace("low", "bad")), "X-1: `severity`: `bad` is none"),
            (row(&whole.replace("2.4.9", "new")), "X-1: `fixed`: `new` is no version"),
            (
                row(&format!("{whole}needs = \"luck\"\n")),
                "X-1: `needs`: `luck` is none",
            ),
            (row(&format!("{whole}sevrity = \"low\"\n")), "unknown field `sevrity`"),
            (
                row(&format!(
                    "{whole}[[mended]]\nadvisory = \"X-2\"\npackage = \"ppp\"\nversions = []\nreference = \"r\"\n"
                )),
                "there is no advisory `X-2`",
            ),
            ("date = \"today\"".to_owned(), "`today` is no day"),
        ] {
            let problem = Advisories::parse(&text).err().unwrap_or_default();
            assert!(problem.contains(words), "{text}: {problem}");
        }
    }
}
