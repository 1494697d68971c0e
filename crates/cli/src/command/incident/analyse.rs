//! `tunlog incident analyse`: what happened, to whom, and where the thief went.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;
use std::ops::ControlFlow;

use tunlog_analysis::detect::Nature;
use tunlog_incident::act::Acts;
use tunlog_incident::case::Case;
use tunlog_incident::facts::{Facts, summary};
use tunlog_incident::found::{Found, nature};
use tunlog_incident::movement::{Mention, Movement, Search, Whose};
use tunlog_incident::story::{AccountRow, Known, Stolen, Try, Verdict};
use tunlog_incident::timeline::{Row, Timeline};
use tunlog_incident::{mask, text::counted};
use tunlog_model::{Column, Event, Field, Role, SourceId, text};
use tunlog_pipeline::{PlainRecord, Sources, Subscriber};
use tunlog_report::{Format, Look, Printer};

use super::args::AnalyseArgs;
use super::directory::Directory;
use super::gather::{Gathered, gather, take_paths};
use super::{print, print_rows};
use crate::command::scope::Scope;
use crate::output::Failure;

/// Characters of a line that are shown.
const LINE_CHARS_MAX: usize = 1_000;
/// Lines that are known to be a tunnel's own words.
const OWN_MAX: usize = 5_000_000;

/// Bytes of a record as one line for people.
fn shown(raw: &[u8]) -> String {
    let text = text::lossy(raw);
    let line = text.trim_end();
    let mut short: String = line.chars().take(LINE_CHARS_MAX).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    text::visible(&short).into_owned()
}

/// The second reading: every event.
struct Events<'a> {
    scope: &'a Scope,
    search: &'a Search<'a>,
    case: &'a Case,
    timeline: Timeline,
    movement: Movement,
    dialects: BTreeSet<&'static str>,
    /// Lines that mention an address we look for and that the tunnel's daemons wrote, or that were taken already.
    own: HashSet<(SourceId, u64)>,
    detail: u64,
    show_secrets: bool,
}

impl Events<'_> {
    fn text(&self, event: &Event<'_>) -> String {
        match self.show_secrets || event.redacted() {
            true => shown(event.raw()),
            false => shown(&tunlog_decode::redact(event.message(), event.raw())),
        }
    }

    fn mention(&mut self, event: &Event<'_>, sources: &Sources) {
        let Some(hit) = self.search.hit(event.time.micros, event.raw()) else {
            return;
        };
        // other services are looked at line by line with all the rest
        let role = event.message().role;
        if matches!(role, Role::Service | Role::Backend | Role::None) {
            return;
        }
        if self.own.len() < OWN_MAX {
            self.own.insert((event.source, event.line()));
        }
        // a packet filter's word on an inner address is movement; the tunnel's own lines are not
        if role == Role::Firewall && hit.1 == Whose::Inner {
            let record = Place {
                source: event.source,
                line: event.line(),
                time: event.time.micros,
                host: event.host(),
                program: b"packet filter",
            };
            let text = self.text(event);
            self.movement.add(mention(&record, hit, text, true, sources));
        }
    }
}

impl Subscriber for Events<'_> {
    fn event(&mut self, event: &Event<'_>, sources: &Sources) -> ControlFlow<()> {
        if !self.case.covers(event.time.micros) {
            return ControlFlow::Continue(());
        }
        let message = event.message();
        self.mention(event, sources);
        let Some(whom) = self.scope.concerns(event) else {
            return ControlFlow::Continue(());
        };
        self.dialects.insert(message.dialect);
        if message.kind.is_detail() {
            self.detail += 1;
            return ControlFlow::Continue(());
        }
        let named = event.text(Field::User).map(|user| user.to_string());
        let user = named.or(whom.user.map(String::from)).filter(|user| !user.is_empty());
        self.timeline.add(Row {
            time: event.time.micros,
            last: event.time.micros,
            count: 1,
            kind: "event",
            layer: Some(message.layer.word()),
            what: format!("{}/{}", message.dialect, message.id),
            client_ip: whom.client_ip,
            users: user.into_iter().collect(),
            users_more: 0,
            place: Some((sources.name(event.source).to_owned(), event.line())),
            text: self.text(event),
            is_key: false,
        });
        ControlFlow::Continue(())
    }
}

/// Where a record stands.
struct Place<'a> {
    source: SourceId,
    line: u64,
    time: i64,
    host: &'a [u8],
    program: &'a [u8],
}

fn mention(
    place: &Place<'_>,
    (address, whose, session): (std::net::IpAddr, Whose, Option<&Stolen>),
    text: String,
    is_packet: bool,
    sources: &Sources,
) -> Mention {
    let visible = |bytes: &[u8]| text::visible(&text::lossy(bytes)).into_owned();
    Mention {
        time: place.time,
        address,
        whose,
        session: session.map(|session| (session.id, session.user.clone())),
        is_packet,
        program: visible(place.program),
        host: visible(place.host),
        source: sources.name(place.source).to_owned(),
        line: place.line,
        text,
    }
}

/// The third reading: every line of every program.
fn look_elsewhere(
    gathered: &Gathered,
    search: &Search<'_>,
    own: &HashSet<(SourceId, u64)>,
    show_secrets: bool,
    movement: &mut Movement,
) {
    let sources = &gathered.sources;
    let mut each = |record: &PlainRecord<'_>| {
        if let Some(hit) = search.hit(record.time.micros, record.raw)
            && !own.contains(&(record.source, record.line))
        {
            let place = Place {
                source: record.source,
                line: record.line,
                time: record.time.micros,
                host: record.host,
                program: record.program,
            };
            let line = shown(record.raw);
            let line = if show_secrets {
                line
            } else {
                mask::line(&line).into_owned()
            };
            movement.add(mention(&place, hit, line, false, sources));
        }
        ControlFlow::Continue(())
    };
    // what cannot be read was told by the first reading
    let _ = tunlog_pipeline::plain(&gathered.found, &gathered.setup.settings.ingest, &mut each);
    movement.sort();
}

fn key(time: i64, kind: &'static str, what: &str, words: String) -> Row {
    Row {
        time,
        last: time,
        count: 1,
        kind,
        layer: None,
        what: what.to_owned(),
        client_ip: None,
        users: Vec::new(),
        users_more: 0,
        place: None,
        text: words,
        is_key: true,
    }
}

/// The moments that decide how the story goes.
fn key_moments(known: &Known, findings: &[Found], acts: &Acts, timeline: &mut Timeline) {
    let mut hostile = known.tries.iter().filter(|one| one.is_hostile());
    if let Some(first) = hostile.next() {
        let user = first
            .user
            .as_deref()
            .map_or(String::new(), |user| format!(", as {}", text::visible(user)));
        let mut row = key(
            first.started,
            "attempt",
            "first-contact",
            format!("first attempt of the attackers{user}"),
        );
        row.client_ip = first.client_ip;
        timeline.add(row);
    }
    if let Some((_, last)) = known.contact {
        timeline.add(key(
            last,
            "attempt",
            "last-contact",
            "last sign of the attackers at the gateway".to_owned(),
        ));
    }
    for session in &known.stolen {
        let inner = session
            .assigned_ip
            .map_or("an unknown address".to_owned(), |ip| ip.to_string());
        let perhaps = if session.verdict == Verdict::Compromised {
            ""
        } else {
            ", perhaps not its owner's"
        };
        let words = format!(
            "session of {} up, {inner} inside{perhaps}",
            text::visible(&session.user)
        );
        let mut up = key(session.from, "session", "session-up", words);
        (up.client_ip, up.users) = (session.client_ip, vec![session.user.clone()]);
        timeline.add(up.clone());
        if !session.is_open {
            let words = format!("session of {} over", text::visible(&session.user));
            timeline.add(Row {
                time: session.until,
                last: session.until,
                what: "session-down".to_owned(),
                text: words,
                ..up
            });
        }
    }
    for found in findings {
        let mut row = key(found.alarm_time, "alarm", &found.rule, found.summary.clone());
        row.is_key = nature(&found.rule) != Nature::NoAttack;
        timeline.add(row);
    }
    for act in &acts.all {
        let mut row = key(act.time, "act", &act.act, format!("{} by {}", act.result, act.by));
        row.is_key = act.act == "isolate";
        timeline.add(row);
    }
}

fn mentions_into(movement: &Movement, timeline: &mut Timeline) {
    let mut seen: HashMap<(std::net::IpAddr, &str, &str), ()> = HashMap::new();
    for line in &movement.lines {
        let service = line.service();
        let is_first = seen.insert((line.address, service, line.host.as_str()), ()).is_none();
        timeline.add(Row {
            time: line.time,
            last: line.time,
            count: 1,
            kind: "mention",
            layer: None,
            what: service.to_owned(),
            client_ip: Some(line.address),
            users: line.session.iter().map(|session| session.1.clone()).collect(),
            users_more: 0,
            place: Some((line.source.clone(), line.line)),
            text: line.text.clone(),
            is_key: is_first && line.whose == Whose::Inner,
        });
    }
}

fn rows<R>(
    kind: &'static str,
    format: Format,
    columns: &[Column<R>],
    all: &[R],
    look: &Look,
) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    let mut printer = Printer::new(format, kind, columns, look.clone());
    for row in all {
        printer.row(columns, row, &mut out)?;
    }
    printer.finish(&mut out)?;
    Ok(out)
}

/// Analyses an incident.
pub fn run(args: &AnalyseArgs) -> Result<u8, Failure> {
    let is_rows = args.case.form.is_rows()?;
    let mut directory = Directory::open(&args.case)?;
    take_paths(&mut directory, &args.paths, &args.reading)?;
    let case = directory.case.clone();
    let gathered = gather(&case, args.case.quiet, args.show_secrets)?;
    let known = &gathered.known;
    let search = Search::new(&case, &known.stolen);
    let mut events = Events {
        scope: &gathered.scope,
        search: &search,
        case: &case,
        timeline: Timeline::default(),
        movement: Movement::default(),
        dialects: BTreeSet::new(),
        own: HashSet::new(),
        detail: 0,
        show_secrets: args.show_secrets,
    };
    let _ = tunlog_pipeline::run(
        gathered.found.clone(),
        &gathered.setup.catalogue,
        &gathered.events(),
        &mut events,
    );
    let Events {
        mut timeline,
        mut movement,
        own,
        detail,
        dialects,
        ..
    } = events;
    look_elsewhere(&gathered, &search, &own, args.show_secrets, &mut movement);
    let findings: Vec<Found> = directory
        .read("findings.jsonl")
        .unwrap_or_default()
        .lines()
        .filter_map(|line| Found::parse(line).ok())
        .collect();
    key_moments(known, &findings, &directory.acts, &mut timeline);
    mentions_into(&movement, &mut timeline);
    let (timeline, left_out) = timeline.finish();
    let dialects = dialects.into_iter().map(str::to_owned).collect();
    let facts = Facts::of(known, &movement, (left_out, detail), dialects);
    write(&directory, &gathered, &facts, &timeline, &movement)?;
    let words = summary(&facts, &case, &notes(&facts, known));
    directory.write("analysis/summary.txt", words.as_bytes())?;
    let result = result(&facts);
    let status = gathered.setup.close(&gathered.summary, 1);
    let root = directory.root().display().to_string();
    let accounts = rows(
        "account",
        Format::Jsonl,
        AccountRow::COLUMNS,
        &known.accounts,
        &gathered.setup.look,
    )?;
    let signed = directory.done("analyse", &result)?;
    if is_rows {
        print_rows(&String::from_utf8_lossy(&accounts))?;
        return Ok(status);
    }
    let mut out = words;
    let _ = write!(
        out,
        "in {root}/analysis: timeline.csv ({}), accounts.jsonl, attempts.jsonl, movement.jsonl, summary.txt\n{signed}next:\n  tunlog incident collect {root}      the lines and packets that prove it\n  tunlog incident remediate {root}    what is left to do\n  tunlog incident report {root}       for others\n",
        counted(timeline.len() as u64, "row", "rows")
    );
    print(&out)?;
    Ok(status)
}

fn write(
    directory: &Directory,
    gathered: &Gathered,
    facts: &Facts,
    timeline: &[Row],
    movement: &Movement,
) -> Result<(), Failure> {
    let (known, look) = (&gathered.known, &gathered.setup.look);
    directory.clear("analysis")?;
    let put = |name: &str, bytes: Vec<u8>| directory.write(&format!("analysis/{name}"), &bytes);
    put(
        "timeline.jsonl",
        rows("moment", Format::Jsonl, Row::COLUMNS, timeline, look)?,
    )?;
    put(
        "timeline.csv",
        rows("moment", Format::Csv, Row::COLUMNS, timeline, look)?,
    )?;
    put(
        "accounts.jsonl",
        rows("account", Format::Jsonl, AccountRow::COLUMNS, &known.accounts, look)?,
    )?;
    put(
        "attempts.jsonl",
        rows("attempt", Format::Jsonl, Try::COLUMNS, &known.tries, look)?,
    )?;
    put(
        "movement.jsonl",
        rows("mention", Format::Jsonl, Mention::COLUMNS, &movement.lines, look)?,
    )?;
    put("facts.json", facts.text().into_bytes())
}

/// What is not in the files, and why.
fn notes(facts: &Facts, known: &Known) -> Vec<String> {
    let mut notes = Vec::new();
    let mut say = |count: u64, words: &str| {
        if count > 0 {
            notes.push(format!("{count} {words}"));
        }
    };
    say(
        facts.left_out.0,
        "events are left out of the timeline, which holds the first 5,000 rows",
    );
    say(
        facts.left_out.1,
        "lines of detail (protocol messages) are not in the timeline; `collect` takes them",
    );
    say(
        facts.mentions_more,
        "lines that mention an address are not in movement.jsonl, which holds the first 20,000",
    );
    say(
        known.tries_more,
        "attempts are counted and not listed in attempts.jsonl",
    );
    say(
        known.accounts_more,
        "accounts are counted and not listed in accounts.jsonl",
    );
    notes
}

fn result(facts: &Facts) -> String {
    let count = |verdict| facts.with(verdict).count() as u64;
    let inner: u64 = facts
        .places
        .iter()
        .filter(|place| place.whose == Whose::Inner.word())
        .map(|place| place.lines)
        .sum();
    format!(
        "{} of the attackers, {} succeeded; {} compromised, {} suspect, {} tried; {} of other services mention stolen sessions",
        counted(facts.tried, "attempt", "attempts"),
        facts.succeeded,
        counted(count(Verdict::Compromised), "account", "accounts"),
        count(Verdict::Suspect),
        count(Verdict::Tried),
        counted(inner, "line", "lines")
    )
}
