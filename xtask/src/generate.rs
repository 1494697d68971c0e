//! Writes the pages of the manual that have another source: docs/messages from the dialect files, and the list of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::pages::Dialect;
use crate::tree::Tree;

const DIALECTS: &str = "crates/decode/dialects";
const PAGES: &str = "docs/messages";
const INDEX: &str = "docs/README.md";
const BEGIN: &str = "<!-- messages: begin -->";
const END: &str = "<!-- messages: end -->";

/// Writes every page.
///
/// # Errors
/// What could not be read or written.
pub fn run(tree: &Tree) -> Result<String, Vec<String>> {
    let pages = pages(tree)?;
    for (path, text) in &pages {
        let file = tree.path(path);
        let folder = file.parent().map(std::fs::create_dir_all);
        if let Err(error) = folder.unwrap_or(Ok(())).and_then(|()| std::fs::write(&file, text)) {
            return Err(vec![format!("{path}: {error}")]);
        }
    }
    for path in orphans(tree, &pages) {
        std::fs::remove_file(tree.path(&path)).map_err(|error| vec![format!("{path}: {error}")])?;
    }
    Ok(format!("generate: {} pages", pages.len()))
}

/// Pages that differ from what would be written now.
pub fn stale(tree: &Tree) -> Vec<String> {
    let pages = match pages(tree) {
        Ok(pages) => pages,
        Err(problems) => return problems,
    };
    let old = pages
        .iter()
        .filter(|(path, text)| tree.read(path) != **text)
        .map(|(path, _)| path.clone());
    old.chain(orphans(tree, &pages))
        .map(|path| format!("{path}: out of date: cargo run -p xtask -- generate"))
        .collect()
}

fn orphans(tree: &Tree, pages: &BTreeMap<String, String>) -> Vec<String> {
    let there = tree.names(PAGES).into_iter().map(|name| format!("{PAGES}/{name}"));
    there.filter(|path| !pages.contains_key(path)).collect()
}

fn pages(tree: &Tree) -> Result<BTreeMap<String, String>, Vec<String>> {
    let dialects = dialects(tree)?;
    let mut pages: BTreeMap<String, String> = dialects
        .iter()
        .map(|dialect| (format!("{PAGES}/{}.md", dialect.name), dialect.page()))
        .collect();
    let index = tree.read(INDEX);
    let (Some(begin), Some(end)) = (index.find(BEGIN), index.find(END)) else {
        return Err(vec![format!("{INDEX}: the marks `{BEGIN}` and `{END}` are missing")]);
    };
    let list = list(&dialects);
    pages.insert(
        INDEX.to_string(),
        format!("{}{BEGIN}\n{list}{}", &index[..begin], &index[end..]),
    );
    Ok(pages)
}

fn list(dialects: &[Dialect]) -> String {
    let mut out = String::from("| dialect | messages | programs |\n|---|---:|---|\n");
    for dialect in dialects {
        let apps: Vec<String> = dialect.apps().iter().map(|app| format!("`{app}`")).collect();
        let name = &dialect.name;
        let _ = writeln!(
            out,
            "| [{name}](messages/{name}.md) | {} | {} |",
            dialect.messages().count(),
            apps.join(", ")
        );
    }
    out
}

fn dialects(tree: &Tree) -> Result<Vec<Dialect>, Vec<String>> {
    let mut dialects: BTreeMap<String, Dialect> = BTreeMap::new();
    let mut problems = Vec::new();
    for file in tree.names(DIALECTS).into_iter().filter(|name| name.ends_with(".toml")) {
        match tree.read(&format!("{DIALECTS}/{file}")).parse::<toml::Table>() {
            Err(error) => problems.push(format!("{DIALECTS}/{file}: {error}")),
            Ok(table) => {
                let name = table
                    .get("name")
                    .and_then(toml::Value::as_str)
                    .unwrap_or(&file)
                    .to_string();
                let entry = dialects.entry(name.clone());
                entry
                    .or_insert_with(|| Dialect {
                        name,
                        files: Vec::new(),
                    })
                    .files
                    .push(table);
            }
        }
    }
    if problems.is_empty() {
        Ok(dialects.into_values().collect())
    } else {
        Err(problems)
    }
}
