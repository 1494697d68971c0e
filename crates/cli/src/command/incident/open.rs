//! `tunlog incident open`: from findings, accounts, addresses or a time to a case.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read as _};
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use tunlog_analysis::correlate::{Prompt, Redact};
use tunlog_analysis::detect::{Detector, Nature, Network, Severity};
use tunlog_analysis::statistics::findings::FindingView;
use tunlog_incident::case::{AFTER, AccountRole, AddressRole, BEFORE, Case, Named, Opener, open};
use tunlog_incident::found::{FINDINGS_MAX, Found, LINE_BYTES_MAX, nature};
use tunlog_incident::network;
use tunlog_incident::text::{counted, few, row};
use tunlog_model::{Attempt, Cell, Event, RecordTime};
use tunlog_pipeline::{Sources, Subscriber, Summary, Wants};
use tunlog_report::{Format, Printer, local};

use super::args::OpenArgs;
use super::directory::Directory;
use super::{keys, print, print_rows};
use crate::command::Names;
use crate::command::detect::detector;
use crate::config::Setup;
use crate::output::{Failure, cause, tell};
use crate::places::Tables;
use crate::settings;

/// Names shown in a line.
const SHOWN: usize = 6;

/// Which findings are meant.
struct Choice {
    rule: Option<String>,
    users: Vec<String>,
    networks: Vec<Network>,
    since: Option<i64>,
    until: Option<i64>,
}

impl Choice {
    fn takes(&self, found: &Found) -> bool {
        let kind = match &self.rule {
            Some(rule) => found.rule == *rule,
            None => found.severity >= Severity::Medium && nature(&found.rule) != Nature::NoAttack,
        };
        let names_none = self.users.is_empty() && self.networks.is_empty();
        let user = || self.users.iter().any(|user| found.names_user(user));
        let source = |wanted: &Network| {
            found
                .sources
                .iter()
                .any(|source| source.contains(wanted.address) || wanted.contains(source.address))
        };
        kind && self.since.is_none_or(|since| found.alarm_time >= since)
            && self.until.is_none_or(|until| found.alarm_time <= until)
            && (names_none || user() || self.networks.iter().any(source))
    }

    fn names(&self, attempt: &Attempt) -> bool {
        let ip = |ip: IpAddr| self.networks.iter().any(|network| network.contains(ip));
        let user = |name: &str| self.users.iter().any(|user| user == name);
        let in_time = self.since.is_none_or(|since| attempt.last_seen >= since)
            && self.until.is_none_or(|until| attempt.started <= until);
        in_time
            && (attempt.client_ip.is_some_and(ip)
                || attempt.assigned_ip.is_some_and(ip)
                || attempt.user.as_deref().is_some_and(user))
    }
}

/// Looks for findings, and for who was named.
struct Search<'a> {
    detector: Option<Detector>,
    choice: &'a Choice,
    printer: Printer,
    findings: Vec<Found>,
    more: u64,
    seen: Option<(i64, i64)>,
}

impl Search<'_> {
    fn take_ready(&mut self, sources: &Sources) {
        while let Some(finding) = self.detector.as_mut().and_then(Detector::ready) {
            let view = FindingView {
                finding: &finding,
                sources: &Names(sources),
            };
            let mut line = Vec::new();
            let printed = self.printer.row(FindingView::COLUMNS, &view, &mut line);
            let found = printed
                .ok()
                .and_then(|()| Found::parse(String::from_utf8_lossy(&line).trim_end()).ok());
            if let Some(found) = found.filter(|found| self.choice.takes(found)) {
                keep(&mut self.findings, &mut self.more, found);
            }
        }
    }
}

fn keep(findings: &mut Vec<Found>, more: &mut u64, found: Found) {
    match findings.len() < FINDINGS_MAX {
        true => findings.push(found),
        false => *more += 1,
    }
}

impl Subscriber for Search<'_> {
    fn event(&mut self, event: &Event<'_>, sources: &Sources) -> ControlFlow<()> {
        if let Some(detector) = &mut self.detector {
            detector.event(event);
        }
        self.take_ready(sources);
        ControlFlow::Continue(())
    }

    fn prompt(&mut self, prompt: Prompt, attempt: Attempt, _: &Sources) -> ControlFlow<()> {
        if let Some(detector) = &mut self.detector {
            detector.prompt(prompt, attempt);
        }
        ControlFlow::Continue(())
    }

    fn opened(&mut self, attempt: Attempt, _: &Sources) -> ControlFlow<()> {
        if let Some(detector) = &mut self.detector {
            detector.opened(attempt);
        }
        ControlFlow::Continue(())
    }

    fn attempt(&mut self, attempt: Attempt, _: &Sources) -> ControlFlow<()> {
        if self.choice.names(&attempt) {
            let (first, last) = self.seen.unwrap_or((attempt.started, attempt.last_seen));
            self.seen = Some((first.min(attempt.started), last.max(attempt.last_seen)));
        }
        if let Some(detector) = &mut self.detector {
            detector.attempt(attempt);
        }
        ControlFlow::Continue(())
    }

    fn repeated(&mut self, times: u64, _: &Sources) {
        if let Some(detector) = &mut self.detector {
            detector.repeated(times);
        }
    }

    fn lost(&mut self, count: Option<u64>, time: RecordTime, _: &Sources) {
        if let Some(detector) = &mut self.detector {
            detector.lost(count, time.micros);
        }
    }
}

/// Opens an incident.
pub fn run(args: &OpenArgs) -> Result<u8, Failure> {
    let is_rows = args.case.form.is_rows()?;
    let networks = args.ip.iter().map(|typed| network::parse(typed));
    let networks: Vec<Network> = networks
        .collect::<Result<_, _>>()
        .map_err(|words| Failure::Message(format!("--ip: {words}")))?;
    let severity = args.severity.as_deref().map(|typed| {
        let wrong = || {
            Failure::Message(format!(
                "--severity: `{typed}` is none: info, low, medium, high, critical"
            ))
        };
        Severity::from_word(typed).ok_or_else(wrong)
    });
    let severity = severity.transpose()?;
    if let Some(rule) = &args.rule
        && tunlog_analysis::detect::rule(rule).is_none()
    {
        return Err(Failure::Message(format!(
            "--rule: there is no rule `{rule}`; `tunlog explain --list` names them"
        )));
    }
    if args.paths.iter().any(|path| path.as_os_str() == "-") {
        let words = "standard input can be read only once, an incident reads its sources again: name files";
        return Err(Failure::Message(words.to_owned()));
    }
    let mut setup = Setup::in_format(Format::Jsonl, &args.common(), &args.paths, false, Wants::Findings)?;
    setup.catalogue = setup.catalogue.heeding_services();
    let choice = Choice {
        rule: args.rule.clone(),
        users: args.user.clone(),
        networks,
        since: setup.settings.since.take(),
        until: setup.settings.until.take(),
    };
    let (findings, more, seen, summary) = search(args, &mut setup, &choice)?;
    let status = setup.close(&summary, 1);
    let nobody = seen.is_none() || (choice.users.is_empty() && choice.networks.is_empty());
    if findings.is_empty() && nobody {
        tell(
            "nothing found of what was named: no incident is opened; `tunlog detect` shows all findings, --user or --ip names a subject",
        );
        return Ok(1);
    }
    let named = Named {
        users: choice.users,
        networks: choice.networks,
        since: choice.since,
        until: choice.until,
        seen,
        title: args.title.clone(),
        severity,
    };
    let opener = Opener {
        by: keys::who(args.case.by.as_deref()),
        now: setup.now,
    };
    let mut case = open(&findings, &named, &opener);
    case.paths = absolute(&args.paths)?;
    case.tz.clone_from(&args.reading.tz);
    case.year = args.reading.year;
    let told = tell_case(&case, &findings, more, &setup);
    let result = format!("{}: {}", case.id, case.title);
    let rows = is_rows.then(|| as_row(&case, findings.len()));
    let directory = Directory::create(&args.case, case)?;
    directory.write("incident.toml", directory.case.text().as_bytes())?;
    let lines: String = findings.iter().map(|found| format!("{}\n", found.line)).collect();
    directory.write("findings.jsonl", lines.as_bytes())?;
    let root = directory.root().display().to_string();
    let signed = directory.done("open", &result)?;
    match rows {
        Some(rows) => print_rows(&rows)?,
        None => print(&format!(
            "{told}{signed}next: look at {root}/incident.toml, then\n  tunlog incident isolate {root}    what shuts the attacker out\n  tunlog incident collect {root}    before logs rotate away\n  tunlog incident analyse {root}    what happened\n"
        ))?,
    }
    Ok(status)
}

type Searched = (Vec<Found>, u64, Option<(i64, i64)>, Summary);

/// Reads the logs: for findings, unless they are given; for who was named in any case.
fn search(args: &OpenArgs, setup: &mut Setup, choice: &Choice) -> Result<Searched, Failure> {
    let settings::Detection { mut options, mmdb } = settings::detection(None)?;
    options.keep_texts((!setup.settings.show_secrets).then_some(tunlog_decode::redact as Redact));
    let tables = Tables::open(&mmdb)?;
    let mut search = Search {
        detector: args.from.is_none().then(|| detector(&options, tables)),
        choice,
        printer: Printer::new(Format::Jsonl, "finding", FindingView::COLUMNS, setup.look.clone()),
        findings: Vec::new(),
        more: 0,
        seen: None,
    };
    let found = std::mem::take(&mut setup.found);
    let sources = Sources::of(&found);
    let summary = tunlog_pipeline::run(found, &setup.catalogue, &setup.settings, &mut search);
    if let Some(detector) = &mut search.detector {
        detector.finish();
    }
    search.take_ready(&sources);
    if let Some(from) = &args.from {
        read_findings(from, choice, &mut search.findings, &mut search.more)?;
    }
    Ok((search.findings, search.more, search.seen, summary))
}

/// The findings of a file; a line that is none is told.
fn read_findings(from: &Path, choice: &Choice, findings: &mut Vec<Found>, more: &mut u64) -> Result<(), Failure> {
    let name = from.display().to_string();
    let failed = |error: std::io::Error| Failure::Message(format!("{name}: cannot read: {}", cause(&error)));
    let mut reader: Box<dyn BufRead> = match name == "-" {
        true => Box::new(std::io::stdin().lock()),
        false => Box::new(BufReader::new(std::fs::File::open(from).map_err(failed)?)),
    };
    for number in 1_u64.. {
        let mut line = Vec::new();
        let most = LINE_BYTES_MAX as u64 + 2;
        let read = reader
            .by_ref()
            .take(most)
            .read_until(b'\n', &mut line)
            .map_err(failed)?;
        if read == 0 {
            break;
        }
        if read as u64 == most && !line.ends_with(b"\n") {
            return Err(Failure::Message(format!(
                "{name}:{number}: is longer than a finding can be"
            )));
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        if text.is_empty() {
            continue;
        }
        match Found::parse(text) {
            Ok(found) if choice.takes(&found) => keep(findings, more, found),
            Ok(_) => {}
            Err(words) => tell(&format!("{name}:{number}: {words}: passed over")),
        }
    }
    Ok(())
}

/// Paths that mean the same from everywhere.
///
/// # Errors
/// If one cannot be found or is no text.
pub fn absolute(paths: &[PathBuf]) -> Result<Vec<String>, Failure> {
    let absolute = |path: &PathBuf| {
        let failed = |words: &str| Failure::Message(format!("{}: {words}", path.display()));
        let whole = std::fs::canonicalize(path).map_err(|error| failed(&format!("cannot read: {}", cause(&error))))?;
        let text = whole.to_str().map(str::to_owned);
        text.ok_or_else(|| failed("a path that is no text cannot be written into incident.toml"))
    };
    paths.iter().map(absolute).collect()
}

fn tell_case(case: &Case, findings: &[Found], more: u64, setup: &Setup) -> String {
    let time = |micros: i64| local(micros, &setup.look.zone, "%Y-%m-%d %H:%M:%S");
    let mut out = String::new();
    let _ = writeln!(out, "opened {} ({}): {}", case.id, case.severity.word(), case.title);
    let mut rules: Vec<String> = case
        .rules
        .iter()
        .map(|rule| {
            let count = findings.iter().filter(|found| found.rule == *rule).count();
            format!("{rule} {count}")
        })
        .collect();
    if more > 0 {
        rules.push(format!("{more} more findings were left out"));
    }
    let rules = if rules.is_empty() {
        "none; the subjects were named".to_owned()
    } else {
        rules.join(", ")
    };
    let _ = writeln!(out, "  findings     {rules}");
    let margin = |micros: i64| micros / 3_600_000_000;
    let _ = writeln!(
        out,
        "  time         {} to {} (from {} h before the first sign to {} h after the last alarm, unless typed)",
        time(case.since),
        time(case.until),
        margin(BEFORE),
        margin(AFTER)
    );
    for role in [
        AddressRole::Attacker,
        AddressRole::CompromisedSource,
        AddressRole::Suspect,
    ] {
        let all: Vec<String> = case
            .addresses
            .iter()
            .filter(|address| address.role == role)
            .map(|address| address.network.to_string())
            .collect();
        if !all.is_empty() {
            let _ = writeln!(out, "  {:<12} {}", role.word(), few(&all, SHOWN));
        }
    }
    for role in [AccountRole::Compromised, AccountRole::Suspect, AccountRole::Tried] {
        let all: Vec<&str> = case
            .accounts
            .iter()
            .filter(|account| account.role == role)
            .map(|account| account.name.as_str())
            .collect();
        if !all.is_empty() {
            let count = counted(all.len() as u64, "account", "accounts");
            let _ = writeln!(out, "  {:<12} {count}: {}", role.word(), few(&all, SHOWN));
        }
    }
    if case.accounts_more > 0 {
        let _ = writeln!(out, "  and {} accounts more that were tried", case.accounts_more);
    }
    out
}

fn as_row(case: &Case, findings: usize) -> String {
    let role = |role: AccountRole| {
        let names = case.accounts.iter().filter(|account| account.role == role);
        Cell::List(names.map(|account| Cell::Text(account.name.clone())).collect())
    };
    let addresses = case
        .addresses
        .iter()
        .map(|address| Cell::Text(address.network.to_string()));
    row(
        "incident",
        &[
            ("incident", Cell::Text(case.id.clone())),
            ("title", Cell::Text(case.title.clone())),
            ("severity", Cell::Word(case.severity.word())),
            ("since", Cell::Time(case.since)),
            ("until", Cell::Time(case.until)),
            ("findings", Cell::Count(findings as u64)),
            ("addresses", Cell::List(addresses.collect())),
            ("compromised", role(AccountRole::Compromised)),
            ("suspect", role(AccountRole::Suspect)),
            ("tried", role(AccountRole::Tried)),
        ],
    )
}
