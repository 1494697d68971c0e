//! Records in JSON: journald, Docker's json-file, GELF, and the shapes of the common shippers.

use std::ops::Range;

use tunlog_model::{AppFilter, Payload, RecordRef, Severity, Stamp};

use super::cutter::{severity, trim_end};
use super::header;
use super::json::{self, Value};
use super::stamp;
use super::windows::json_shape::Seen;
use super::windows::{self, EventFields};

/// What a record may be called in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Message,
    App,
    Comm,
    Exe,
    Cmdline,
    Pid,
    OtherPid,
    Host,
    Severity,
    Transport,
    /// Microseconds since 1970, journald's own.
    Received,
    /// The same by the writer's reckoning: the better one.
    Sent,
    /// RFC 3339, or seconds with a fraction.
    Time,
}

fn role(key: &[u8]) -> Option<Role> {
    Some(match key {
        b"MESSAGE" | b"log" | b"short_message" | b"message" | b"msg" => Role::Message,
        b"SYSLOG_IDENTIFIER"
        | b"programname"
        | b"program"
        | b"appname"
        | b"app-name"
        | b"ident"
        | b"_application_name"
        | b"_app_name"
        | b"PROGRAM"
        | b"syslogtag"
        | b"_app"
        | b"_program"
        | b"syslog_program"
        | b"_SYSLOG_IDENTIFIER" => Role::App,
        b"_COMM" => Role::Comm,
        b"_EXE" => Role::Exe,
        b"_CMDLINE" => Role::Cmdline,
        b"_PID" => Role::Pid,
        b"SYSLOG_PID" | b"procid" | b"pid" | b"_process_id" | b"_pid" | b"PID" => Role::OtherPid,
        b"_HOSTNAME" | b"host" | b"hostname" | b"HOST" => Role::Host,
        b"PRIORITY" | b"level" | b"syslogseverity" => Role::Severity,
        b"_TRANSPORT" => Role::Transport,
        b"__REALTIME_TIMESTAMP" => Role::Received,
        b"_SOURCE_REALTIME_TIMESTAMP" => Role::Sent,
        b"time" | b"timestamp" | b"@timestamp" | b"timereported" | b"ISODATE" => Role::Time,
        _ => return None,
    })
}

/// Whether a line that begins with a brace is a log record.
pub(crate) fn looks_like(line: &[u8]) -> bool {
    let (mut message, mut time) = (false, false);
    let mut windows = Seen::default();
    let mut each = |key: &[u8], value: Value<'_>| match role(key) {
        Some(Role::Message) => message = true,
        Some(Role::Time | Role::Received | Role::Sent) => time = true,
        Some(_) => {}
        None => windows.key(key, matches!(value, Value::Object(_))),
    };
    // A head may be cut in the middle of a line: what was seen up to there counts.
    let _ = json::object(line, &mut each);
    (message && time) || windows.shape().is_some()
}

/// A part of a record: in the line itself, or in the scratch buffer because it was escaped.
#[derive(Clone, Debug)]
enum Part<'a> {
    Line(&'a [u8]),
    Scratch(Range<usize>),
}

impl<'a> Part<'a> {
    fn bytes<'s>(&self, scratch: &'s [u8]) -> &'s [u8]
    where
        'a: 's,
    {
        match self {
            Part::Line(text) => text,
            Part::Scratch(range) => &scratch[range.clone()],
        }
    }
}

/// The parts of a record found so far.
struct Parts<'a> {
    message: Part<'a>,
    app: Part<'a>,
    comm: Part<'a>,
    exe: Part<'a>,
    cmdline: Part<'a>,
    host: Part<'a>,
    pid: u32,
    severity: Option<Severity>,
    kernel: bool,
    stamp: Stamp,
    sent: bool,
    journal: bool,
}

/// Reads JSON records; keeps its buffer.
#[derive(Default)]
pub(crate) struct JsonReader {
    scratch: Vec<u8>,
    event: EventFields,
}

impl JsonReader {
    /// Reads one line. False if it is no whole record.
    pub(crate) fn read_line<F: AppFilter + ?Sized>(
        &mut self,
        line: &[u8],
        number: u64,
        filter: &F,
        each: &mut impl FnMut(&RecordRef<'_>),
    ) -> bool {
        self.scratch.clear();
        let mut parts = Parts::new();
        let scratch = &mut self.scratch;
        let mut seen = false;
        let mut windows = Seen::default();
        let whole = json::object(line, &mut |key, value| match role(key) {
            Some(role) => {
                seen |= role == Role::Message;
                let bare = matches!(value, Value::Bare(_));
                let part = part(value, scratch);
                parts.take(role, key, part, bare, scratch);
            }
            None => windows.key(key, matches!(value, Value::Object(_))),
        });
        if whole.is_none() {
            return false;
        }
        if let Some(shape) = windows.shape() {
            let read = windows::json::read(line, shape, &mut self.event);
            if read.is_ok() {
                // what stands on one line is its own evidence
                let raw = (!line.contains(&b'\n')).then_some(line);
                self.event.give(raw, number, filter, each);
            }
            return read.is_ok();
        }
        if seen {
            give(&parts, &self.scratch, line, number, filter, each);
        }
        seen
    }

    /// Reads the fields of a record of `journalctl -o export`.
    pub(crate) fn read_fields<'x, F: AppFilter + ?Sized>(
        &mut self,
        raw: &[u8],
        number: u64,
        fields: impl Iterator<Item = (&'x [u8], &'x [u8])>,
        filter: &F,
        each: &mut impl FnMut(&RecordRef<'_>),
    ) {
        let mut parts = Parts::new();
        for (key, value) in fields {
            if let Some(role) = role(key) {
                parts.take(role, key, Part::Line(value), false, &[]);
            }
        }
        give(&parts, &[], raw, number, filter, each);
    }
}

/// The bytes of a value: a text, an array of bytes, or the first of several values.
fn part<'a>(value: Value<'a>, scratch: &mut Vec<u8>) -> Part<'a> {
    match value {
        Value::Text(text, false) => Part::Line(text),
        Value::Text(text, true) => {
            let start = scratch.len();
            json::unescape(text, scratch);
            Part::Scratch(start..scratch.len())
        }
        Value::Bare(b"null") | Value::Object(_) => Part::Line(b""),
        Value::Bare(word) => Part::Line(word),
        Value::Array(array) => {
            let inner = array[1..array.len() - 1].trim_ascii();
            match inner.first() {
                Some(b'0'..=b'9') => {
                    let start = scratch.len();
                    let number = |word: &[u8]| std::str::from_utf8(word.trim_ascii()).ok()?.parse::<u8>().ok();
                    scratch.extend(inner.split(|byte| *byte == b',').filter_map(number));
                    Part::Scratch(start..scratch.len())
                }
                // An array of arrays is a doubled field of bytes; deeper nesting is nobody's record.
                Some(b'[') => match json::value(inner, 0) {
                    Some((Value::Array(first), _)) if first.get(1) != Some(&b'[') => part(Value::Array(first), scratch),
                    _ => Part::Line(b""),
                },
                Some(_) => match json::value(inner, 0) {
                    Some((Value::Array(_), _)) | None => Part::Line(b""),
                    Some((first, _)) => part(first, scratch),
                },
                None => Part::Line(b""),
            }
        }
    }
}

impl<'a> Parts<'a> {
    fn new() -> Parts<'a> {
        let none = Part::Line(&b""[..]);
        Parts {
            message: none.clone(),
            app: none.clone(),
            comm: none.clone(),
            exe: none.clone(),
            cmdline: none.clone(),
            host: none,
            pid: 0,
            severity: None,
            kernel: false,
            stamp: Stamp::Missing,
            sent: false,
            journal: false,
        }
    }

    fn take(&mut self, role: Role, key: &[u8], part: Part<'a>, bare: bool, scratch: &[u8]) {
        let text = part.bytes(scratch);
        match role {
            Role::Message if key == b"MESSAGE" || self.message.bytes(scratch).is_empty() => self.message = part,
            Role::App if key == b"SYSLOG_IDENTIFIER" || self.app.bytes(scratch).is_empty() => self.app = part,
            Role::Comm => self.comm = part,
            Role::Exe => self.exe = part,
            Role::Cmdline => self.cmdline = part,
            Role::Host if key == b"_HOSTNAME" || self.host.bytes(scratch).is_empty() => self.host = part,
            Role::Message | Role::App | Role::Host => {}
            Role::Pid => self.pid = number(text).unwrap_or(self.pid),
            Role::OtherPid if self.pid == 0 => self.pid = number(text).unwrap_or_default(),
            Role::OtherPid => {}
            Role::Severity => self.severity = severity(text),
            Role::Transport => self.kernel = text == b"kernel",
            Role::Received => {
                self.journal = true;
                if !self.sent {
                    self.stamp = micros(text);
                }
            }
            Role::Sent => {
                if let stamp @ Stamp::Instant(_) = micros(text) {
                    (self.stamp, self.sent) = (stamp, true);
                }
            }
            Role::Time if self.stamp == Stamp::Missing => self.stamp = if bare { seconds(text) } else { time(text) },
            Role::Time => {}
        }
    }
}

/// Hands out the record.
fn give<F: AppFilter + ?Sized>(
    parts: &Parts<'_>,
    scratch: &[u8],
    raw: &[u8],
    line: u64,
    filter: &F,
    each: &mut impl FnMut(&RecordRef<'_>),
) {
    let message = parts.message.bytes(scratch);
    let mut app = super::tag::base(parts.app.bytes(scratch));
    let (mut host, mut pid, mut body, mut level) = (parts.host.bytes(scratch), parts.pid, message, parts.severity);
    let comm = parts.comm.bytes(scratch);
    if app.ends_with(b":") || app.ends_with(b"]") {
        // a tag as syslog has it (rsyslog's `syslogtag`)
        let tag = super::tag::read(app);
        (app, pid) = (super::tag::base(tag.app), if pid > 0 { pid } else { tag.pid });
    }
    if app.is_empty() && parts.kernel {
        app = b"kernel";
    }
    if app.is_empty() && parts.journal {
        app = comm;
    }
    let mut stamp = parts.stamp;
    if app.is_empty()
        && let Some(inner) = header::read(trim_end(message))
    {
        // A whole line of syslog in an envelope (Docker, a shipper).
        (app, body) = (inner.app, inner.body);
        pid = if inner.pid > 0 { inner.pid } else { pid };
        host = if inner.host.is_empty() { host } else { inner.host };
        level = inner.severity.or(level);
        stamp = if stamp == Stamp::Missing { inner.stamp } else { stamp };
    }
    let payload = match super::markers::loss(app, body) {
        Some(count) => Payload::Lost(count),
        None if !filter.wants(app) => return,
        None => Payload::Text(trim_end(body)),
    };
    let cmdline = parts.cmdline.bytes(scratch);
    let trusted = is_trusted(app, comm, parts.exe.bytes(scratch), cmdline, parts.kernel);
    each(&RecordRef {
        stamp,
        host,
        app,
        pid,
        severity: level,
        payload,
        cmdline,
        trusted,
        raw,
        line,
        hint: tunlog_model::Hint::default(),
    });
}

/// Programs that fork and execute each other, so that one may still bear another's name when it logs.
const DAEMONS: &[&[u8]] = &[
    b"pppd",
    b"pptpd",
    b"pptpctrl",
    b"bcrelay",
    b"xl2tpd",
    b"l2tpd",
    b"openl2tpd",
    b"pptp",
    b"accel-pppd",
    b"charon",
    b"charon-systemd",
    b"pluto",
    b"starter",
    b"ipsec",
    b"radiusd",
    b"freeradius",
    b"mpd5",
    b"npppd",
    b"slapd",
    b"winbindd",
    b"NetworkManager",
    b"nm-pptp-service",
    b"nm-l2tp-service",
    b"kernel",
];

/// Whether the transport's own knowledge of the sender agrees with the name the sender gave.
fn is_trusted(app: &[u8], comm: &[u8], exe: &[u8], cmdline: &[u8], kernel: bool) -> bool {
    let program = if !comm.is_empty() {
        comm
    } else if !exe.is_empty() {
        super::tag::base(exe)
    } else {
        super::tag::base(first_word(cmdline))
    };
    if program.is_empty() || kernel || !DAEMONS.contains(&app) {
        return true;
    }
    if app == b"kernel" {
        return false; // a process that calls itself the kernel
    }
    // The kernel cuts names to fifteen bytes, and some daemons add to theirs.
    DAEMONS.contains(&program)
        || program.starts_with(app)
        || (program.len() >= 15 && app.starts_with(program))
        || program.starts_with(b"nm-")
}

fn first_word(cmdline: &[u8]) -> &[u8] {
    let text = cmdline.strip_prefix(b"\"").unwrap_or(cmdline);
    let end = text
        .iter()
        .position(|byte| matches!(byte, b' ' | b'"'))
        .unwrap_or(text.len());
    text[..end].strip_suffix(b":").unwrap_or(&text[..end])
}

fn number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn micros(text: &[u8]) -> Stamp {
    let value = std::str::from_utf8(text)
        .ok()
        .filter(|text| text.len() <= 18)
        .and_then(|text| text.parse::<i64>().ok());
    value.filter(|value| *value >= 0).map_or(Stamp::Missing, Stamp::Instant)
}

/// Seconds since 1970 with a fraction, as GELF has them; or milliseconds.
fn seconds(text: &[u8]) -> Stamp {
    let (whole, fraction) = match text.iter().position(|byte| *byte == b'.') {
        Some(dot) => (&text[..dot], &text[dot + 1..]),
        None => (text, &b""[..]),
    };
    let fraction = &fraction[..fraction.iter().take_while(|byte| byte.is_ascii_digit()).count()];
    match micros(whole) {
        Stamp::Instant(value) if value < 100_000_000_000 => {
            Stamp::Instant(value * 1_000_000 + i64::from(stamp::fraction(fraction)))
        }
        Stamp::Instant(value) if value < 100_000_000_000_000 => Stamp::Instant(value * 1000),
        _ => Stamp::Missing,
    }
}

fn time(text: &[u8]) -> Stamp {
    match stamp::at_start(text) {
        Some(hit) => hit.stamp,
        None => seconds(text),
    }
}
