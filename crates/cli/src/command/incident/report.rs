//! `tunlog incident report`: the incident for others: a page, Markdown, STIX, MISP; and what was learned, into the playbook.

use std::fmt::Write as _;
use std::path::PathBuf;

use jiff::tz::TimeZone;
use tunlog_incident::facts::Facts;
use tunlog_incident::found::Found;
use tunlog_incident::lessons::{Lesson, TEMPLATE, additions, parse};
use tunlog_incident::misp;
use tunlog_incident::page::{Page, sheet};
use tunlog_incident::playbook::Playbook;
use tunlog_incident::remediation::Item;
use tunlog_incident::share::{by_address, json};
use tunlog_incident::stix::{self, Export};
use tunlog_incident::text::{counted, row};
use tunlog_model::Cell;
use tunlog_report::html;
use tunlog_report::sheet::markdown;

use super::args::ReportArgs;
use super::directory::Directory;
use super::{keys, print, print_rows, remediate};
use crate::output::{Failure, cause, tell};

/// Reports.
pub fn run(args: &ReportArgs) -> Result<u8, Failure> {
    let is_rows = args.case.form.is_rows()?;
    let directory = Directory::open(&args.case)?;
    let facts = remediate::facts(&directory).unwrap_or_else(|| {
        tell("nothing was analysed yet: the report says little before `tunlog incident analyse`");
        Facts::default()
    });
    let lessons = lessons(&directory)?;
    let items = remediate::steps(&directory, &facts)?;
    remediate::write(&directory, &items)?;
    let objects = write(&directory, &facts, &items, &lessons, args.utc)?;
    let learned = match args.apply_lessons {
        true => apply(&lessons, &directory.case.id)?,
        false => would_apply(&lessons, &directory.case.id)?,
    };
    let root = directory.root().display().to_string();
    let result = format!(
        "report.html, report.md, stix.json ({}), misp.json; {}{}",
        counted(objects as u64, "object", "objects"),
        counted(lessons.len() as u64, "lesson", "lessons"),
        if args.apply_lessons { ", applied" } else { "" }
    );
    let rows = row(
        "report",
        &[
            ("incident", Cell::Text(directory.case.id.clone())),
            ("html", Cell::Text(format!("{root}/report.html"))),
            ("markdown", Cell::Text(format!("{root}/report.md"))),
            ("stix", Cell::Text(format!("{root}/stix.json"))),
            ("misp", Cell::Text(format!("{root}/misp.json"))),
            ("lessons", Cell::Count(lessons.len() as u64)),
        ],
    );
    let signed = directory.done("report", &result)?;
    match is_rows {
        true => print_rows(&rows)?,
        false => print(&format!(
            "in {root}: {result}\n{learned}{signed}next:\n  open {root}/report.html; printed, it is the PDF\n  zip -r {root}.zip {root}      to hand it over, and the public key by another way\n  tunlog incident verify {root}\n"
        ))?,
    }
    Ok(0)
}

/// Writes all forms. Answers how many objects of STIX there are.
fn write(
    directory: &Directory,
    facts: &Facts,
    items: &[Item],
    lessons: &[Lesson],
    utc: bool,
) -> Result<usize, Failure> {
    let read = |path: &str| directory.read(path).unwrap_or_default();
    let findings: Vec<Found> = read("findings.jsonl")
        .lines()
        .filter_map(|line| Found::parse(line).ok())
        .collect();
    let public = directory.public_key();
    let page = Page {
        case: &directory.case,
        facts,
        timeline: &read("analysis/timeline.jsonl"),
        collection: &read("evidence/collection.jsonl"),
        findings: &findings,
        acts: &directory.acts.all,
        items,
        lessons,
        key: (public.text(), public.spoken()),
        zone: if utc {
            TimeZone::UTC
        } else {
            TimeZone::try_system().unwrap_or(TimeZone::UTC)
        },
        now: directory.now,
        version: env!("CARGO_PKG_VERSION"),
    };
    let whole = sheet(&page);
    directory.write("report.html", html::sheet(&whole).as_bytes())?;
    directory.write("report.md", markdown(&whole).as_bytes())?;
    let words = facts.in_words(&directory.case).join("\n");
    let from = by_address(&read("analysis/attempts.jsonl"));
    let export = Export {
        case: &directory.case,
        facts,
        from: &from,
        items,
        words: &words,
        host: &keys::host(),
        now: directory.now,
    };
    let bundle = stix::bundle(&export);
    directory.write("stix.json", json(&bundle).as_bytes())?;
    directory.write("misp.json", json(&misp::event(&export)).as_bytes())?;
    Ok(bundle["objects"].as_array().map_or(0, Vec::len))
}

/// What was learned; the first report puts a file there to be written into.
fn lessons(directory: &Directory) -> Result<Vec<Lesson>, Failure> {
    let Some(text) = directory.read("lessons.toml") else {
        directory.write("lessons.toml", TEMPLATE.as_bytes())?;
        return Ok(Vec::new());
    };
    parse(&text)
        .map_err(|words| Failure::Message(format!("{}: {words}", directory.root().join("lessons.toml").display())))
}

/// The user's playbook; root's is the machine's.
fn playbook_path() -> PathBuf {
    use std::os::unix::fs::MetadataExt as _;
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|found| found.uid() == 0);
    let mut folders = crate::config::folders();
    let machine = folders.next();
    // an own folder that was named counts for root too
    let own = folders
        .next()
        .filter(|_| !is_root || std::env::var_os("XDG_CONFIG_HOME").is_some());
    own.or(machine)
        .unwrap_or_else(|| PathBuf::from("/etc/tunlog"))
        .join("playbook.toml")
}

fn added(lessons: &[Lesson], incident: &str) -> Result<(PathBuf, String, String), Failure> {
    let path = playbook_path();
    let before = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => {
            return Err(Failure::Message(format!(
                "{}: cannot read: {}",
                path.display(),
                cause(&error)
            )));
        }
    };
    let added = additions(lessons, &before, incident);
    Ok((path, before, added))
}

fn would_apply(lessons: &[Lesson], incident: &str) -> Result<String, Failure> {
    let (path, _, added) = added(lessons, incident)?;
    if added.is_empty() {
        return Ok(String::new());
    }
    let mut out = format!("--apply-lessons would put this to the end of {}:\n", path.display());
    for line in added.lines() {
        let _ = writeln!(out, "  {line}");
    }
    Ok(out)
}

fn apply(lessons: &[Lesson], incident: &str) -> Result<String, Failure> {
    let (path, before, added) = added(lessons, incident)?;
    if added.is_empty() {
        return Ok("the playbook has every step that was learned\n".to_owned());
    }
    let whole = format!("{before}{added}");
    let failed = |words: String| Failure::Message(format!("{}: {words}", path.display()));
    // what cannot be read back is not written
    Playbook::builtin().take(&whole).map_err(failed)?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| Failure::write(&folder.display().to_string(), &error))?;
    }
    let draft = path.with_extension("toml.part");
    std::fs::write(&draft, &whole)
        .and_then(|()| std::fs::rename(&draft, &path))
        .map_err(|error| Failure::write(&path.display().to_string(), &error))?;
    let mut out = format!("put to the end of {}:\n", path.display());
    for line in added.lines() {
        let _ = writeln!(out, "  {line}");
    }
    Ok(out)
}
