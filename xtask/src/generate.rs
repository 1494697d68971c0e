//! Writes the pages of the manual that have another source: docs/messages from the dialect files, docs/codes from the code
//! files, and the lists of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::code_pages::Family;
use crate::pages::Dialect;
use crate::tree::Tree;

const DIALECTS: &str = "crates/decode/dialects";
const PAGES: &str = "docs/messages";
const INDEX: &str = "docs/README.md";
const BEGIN: &str = "<!-- messages: begin -->";
const END: &str = "<!-- messages: end -->";
const CODES: &str = "crates/decode/codes";
const CODE_PAGES: &str = "docs/codes";
const CODES_BEGIN: &str = "<!-- codes: begin -->";
const CODES_END: &str = "<!-- codes: end -->";

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
    let folders = [PAGES, CODE_PAGES].into_iter();
    let there = folders.flat_map(|folder| {
        tree.names(folder)
            .into_iter()
            .map(move |name| format!("{folder}/{name}"))
    });
    there.filter(|path| !pages.contains_key(path)).collect()
}

fn pages(tree: &Tree) -> Result<BTreeMap<String, String>, Vec<String>> {
    let dialects = dialects(tree)?;
    let mut pages: BTreeMap<String, String> = dialects
        .iter()
        .map(|dialect| (format!("{PAGES}/{}.md", dialect.name), dialect.page()))
        .collect();
    let families = families(tree)?;
    pages.extend(
        families
            .iter()
            .map(|family| (format!("{CODE_PAGES}/{}.md", family.name()), family.page())),
    );
    let index = between(&tree.read(INDEX), BEGIN, END, &list(&dialects))?;
    let index = between(&index, CODES_BEGIN, CODES_END, &list_of_codes(&families))?;
    pages.insert(INDEX.to_string(), index);
    Ok(pages)
}

/// A text with what stands between two marks replaced.
fn between(text: &str, begin: &str, end: &str, new: &str) -> Result<String, Vec<String>> {
    match (text.find(begin), text.find(end)) {
        (Some(from), Some(to)) => Ok(format!("{}{begin}\n{new}{}", &text[..from], &text[to..])),
        _ => Err(vec![format!("{INDEX}: the marks `{begin}` and `{end}` are missing")]),
    }
}

fn list_of_codes(families: &[Family]) -> String {
    let mut out = String::from("| family | codes | what they are |\n|---|---:|---|\n");
    for family in families {
        let (name, count) = (family.name(), family.codes().count());
        let _ = writeln!(out, "| [{name}](codes/{name}.md) | {count} | {} |", family.title());
    }
    out
}

fn families(tree: &Tree) -> Result<Vec<Family>, Vec<String>> {
    let files = tree.names(CODES).into_iter().filter(|name| name.ends_with(".toml"));
    let mut families = Vec::new();
    for file in files {
        let path = format!("{CODES}/{file}");
        let table = tree.read(&path).parse::<toml::Table>();
        families.push(Family(table.map_err(|error| vec![format!("{path}: {error}")])?));
    }
    families.sort_by_key(|family| family.name().to_string());
    Ok(families)
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
