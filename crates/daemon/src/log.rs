//! What the daemon says of itself: structured lines on standard error.
//!
//! A line has a level, a message that is a constant of ours, and named values. Values may come from anybody: they are escaped
//! as in every output of ours and cut where they get long. A message that repeats itself is counted instead of written.

use std::fmt::Display;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd as _};
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustc_hash::{FxBuildHasher, FxHashMap};
use serde::{Deserialize, Serialize};
use tunlog_model::Cell;
use tunlog_report::{json, logfmt};

/// Bytes of one value.
const VALUE_BYTES_MAX: usize = 1024;
/// How long repetitions are counted together.
const WINDOW: Duration = Duration::from_secs(60);
/// Lines of one message about one thing in a window.
const SAME_MAX: u32 = 5;
/// Lines of one message in a window, whatever they are about.
const MESSAGE_MAX: u32 = 60;
/// Things whose repetitions are told apart; more are counted by their message alone.
const THINGS_MAX: usize = 1024;

/// How bad it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Something does not work and needs somebody.
    Error,
    /// Something does not work now, or only in part; it is tried again.
    Warning,
    /// Something that an administrator wants to find later: start, end, reload, what was found.
    #[default]
    Info,
    /// For those who look for a fault.
    Debug,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Info => "info",
            Level::Debug => "debug",
        }
    }

    /// The severity of RFC 5424, as sd-daemon(3) wants it before a line.
    fn priority(self) -> u8 {
        match self {
            Level::Error => 3,
            Level::Warning => 4,
            Level::Info => 6,
            Level::Debug => 7,
        }
    }
}

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// `time=… level=warning message="…" key=value`
    #[default]
    Logfmt,
    /// One JSON object a line.
    Json,
}

/// `[log]`: what the daemon says of itself, on standard error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// The least that is said: "error", "warning", "info" or "debug".
    pub level: Level,
    /// "logfmt" or "json". Where standard error is the journal, each line begins with its priority and leaves its time out.
    pub format: Form,
}

/// Where lines go. Clones share it.
#[derive(Clone)]
pub struct Log(Arc<Inner>);

struct Inner {
    level: Level,
    form: Form,
    /// Standard error is the journal: it wants a priority and knows the time.
    journal: bool,
    /// The present, microseconds UTC.
    clock: fn() -> i64,
    state: Mutex<State>,
}

struct State {
    out: Box<dyn Write + Send>,
    window: Option<Instant>,
    /// Lines of a message (and of what it is about) in this window.
    seen: FxHashMap<(&'static str, Option<u64>), u32>,
    /// Lines that were counted instead of written, by message.
    left_out: FxHashMap<&'static str, u64>,
    /// The line that is being made.
    line: Vec<u8>,
}

impl Log {
    /// On standard error.
    pub fn new(config: &Config) -> Log {
        let stream = std::env::var("JOURNAL_STREAM").unwrap_or_default();
        let journal = is_stream(&stream, io::stderr());
        let clock = || jiff::Timestamp::now().as_microsecond();
        Log::to(Box::new(io::stderr()), config, journal, clock)
    }

    fn to(out: Box<dyn Write + Send>, config: &Config, journal: bool, clock: fn() -> i64) -> Log {
        Log(Arc::new(Inner {
            level: config.level,
            form: config.format,
            journal,
            clock,
            state: Mutex::new(State {
                out,
                window: None,
                seen: FxHashMap::default(),
                left_out: FxHashMap::default(),
                line: Vec::new(),
            }),
        }))
    }

    /// Something does not work and needs somebody.
    pub fn error(&self, message: &'static str, values: &[(&'static str, Cell)]) {
        self.tell(Level::Error, message, values);
    }

    /// Something does not work now; it is tried again.
    pub fn warning(&self, message: &'static str, values: &[(&'static str, Cell)]) {
        self.tell(Level::Warning, message, values);
    }

    /// What an administrator wants to find later.
    pub fn info(&self, message: &'static str, values: &[(&'static str, Cell)]) {
        self.tell(Level::Info, message, values);
    }

    /// For those who look for a fault.
    pub fn debug(&self, message: &'static str, values: &[(&'static str, Cell)]) {
        self.tell(Level::Debug, message, values);
    }

    /// Writes a line, unless its level is not wanted or it repeats itself. The first value says what the line is about: lines
    /// about different things are no repetition of each other, up to a limit.
    pub fn tell(&self, level: Level, message: &'static str, values: &[(&'static str, Cell)]) {
        if level <= self.0.level {
            self.tell_at(Instant::now(), level, message, values);
        }
    }

    fn tell_at(&self, at: Instant, level: Level, message: &'static str, values: &[(&'static str, Cell)]) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.close_window(&mut state, at);
        if state.is_repeated(message, values.first()) {
            *state.left_out.entry(message).or_default() += 1;
            return;
        }
        self.write(&mut state, level, message, values);
    }

    /// Says how often lines repeated themselves, when their minute is over. To be called now and then: without it that is said
    /// with the next line.
    pub fn tick(&self) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.close_window(&mut state, Instant::now());
    }

    fn close_window(&self, state: &mut State, at: Instant) {
        let begun = *state.window.get_or_insert(at);
        if at.saturating_duration_since(begun) < WINDOW {
            return;
        }
        state.window = Some(at);
        state.seen.clear();
        let mut left_out: Vec<(&'static str, u64)> = state.left_out.drain().collect();
        left_out.sort_unstable();
        for (message, times) in left_out {
            let values = [("repeated", Cell::Word(message)), ("times", Cell::Count(times))];
            self.write(state, Level::Warning, "lines that repeat others were left out", &values);
        }
    }

    fn write(&self, state: &mut State, level: Level, message: &'static str, values: &[(&'static str, Cell)]) {
        let mut cells = Vec::with_capacity(values.len() + 3);
        if !self.0.journal {
            cells.push(("time", Cell::Time((self.0.clock)())));
        }
        cells.push(("level", Cell::Word(level.word())));
        cells.push(("message", Cell::Word(message)));
        cells.extend(values.iter().map(|(key, value)| (*key, shortened(value))));
        let State { out, line, .. } = state;
        line.clear();
        match self.0.form {
            Form::Logfmt => {
                logfmt::row(line, "log", &cells);
                // in a log everything is a log
                line.drain(.."type=log ".len().min(line.len()));
            }
            Form::Json => {
                json::row(line, "log", &cells);
                line.push(b'\n');
            }
        }
        if self.0.journal {
            line.splice(..0, format!("<{}>", level.priority()).into_bytes());
        }
        // one write a line, so that lines of threads do not mix; if standard error is gone nobody is left to tell
        let _ = out.write_all(line);
    }
}

impl State {
    fn is_repeated(&mut self, message: &'static str, about: Option<&(&'static str, Cell)>) -> bool {
        let of_message = self.seen.entry((message, None)).or_default();
        *of_message = of_message.saturating_add(1);
        if *of_message > MESSAGE_MAX {
            return true;
        }
        let known = self.seen.len();
        let thing = about.map_or(0, |(_, value)| hash(value));
        match self.seen.entry((message, Some(thing))) {
            std::collections::hash_map::Entry::Occupied(mut entry) => {
                *entry.get_mut() += 1;
                *entry.get() > SAME_MAX
            }
            std::collections::hash_map::Entry::Vacant(entry) => {
                if known < THINGS_MAX {
                    entry.insert(1);
                }
                false
            }
        }
    }
}

fn hash(value: &Cell) -> u64 {
    let mut hasher = FxBuildHasher.build_hasher();
    let mut bytes = Vec::new();
    json::value(&mut bytes, value);
    hasher.write(&bytes);
    hasher.finish()
}

/// A value for a line, of whatever can be printed.
pub fn value(value: impl Display) -> Cell {
    Cell::Text(value.to_string())
}

fn shortened(value: &Cell) -> Cell {
    match value {
        Cell::Text(text) if text.len() > VALUE_BYTES_MAX => {
            let end = text.floor_char_boundary(VALUE_BYTES_MAX);
            Cell::Text(format!("{}…", &text[..end]))
        }
        value => value.clone(),
    }
}

/// Whether a descriptor is the stream that systemd connected to the journal: `JOURNAL_STREAM` holds its device and inode,
/// `DEVICE:INODE` (systemd.exec(5)).
fn is_stream(variable: &str, file: impl AsFd) -> bool {
    let Some((device, inode)) = variable.split_once(':') else {
        return false;
    };
    let found = std::fs::metadata(format!("/proc/self/fd/{}", file.as_fd().as_raw_fd()));
    found.is_ok_and(|found| device.parse() == Ok(found.dev()) && inode.parse() == Ok(found.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was written, kept for the test.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("one thread").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Kept {
        fn text(&self) -> String {
            let bytes = std::mem::take(&mut *self.0.lock().expect("one thread"));
            String::from_utf8(bytes).expect("UTF-8")
        }

        fn log(&self, level: Level, format: Form, journal: bool) -> Log {
            let config = Config { level, format };
            Log::to(Box::new(self.clone()), &config, journal, || 1_795_000_000_000_000)
        }
    }

    #[test]
    fn a_line_has_time_level_message_and_values() {
        let kept = Kept::default();
        let log = kept.log(Level::Info, Form::Logfmt, false);
        log.info(
            "listening",
            &[("address", value("127.0.0.1:514")), ("feeds", Cell::Count(2))],
        );
        log.debug("not wanted", &[]);
        assert_eq!(
            kept.text(),
            "time=2026-11-18T11:06:40Z level=info message=listening address=127.0.0.1:514 feeds=2\n"
        );
        let log = kept.log(Level::Debug, Form::Json, false);
        log.debug("wanted", &[("name", value("a\"b"))]);
        assert_eq!(
            kept.text(),
            "{\"type\":\"log\",\"time\":\"2026-11-18T11:06:40Z\",\"level\":\"debug\",\"message\":\"wanted\",\"name\":\"a\\\"b\"}\n"
        );
    }

    #[test]
    fn the_journal_gets_priorities() {
        let kept = Kept::default();
        let log = kept.log(Level::Info, Form::Logfmt, true);
        log.warning("cannot open a source", &[("source", value("/var/log/syslog"))]);
        log.error("gone", &[]);
        assert_eq!(
            kept.text(),
            "<4>level=warning message=\"cannot open a source\" source=/var/log/syslog\n<3>level=error message=gone\n"
        );
        assert!(!is_stream("", io::stderr()));
        assert!(!is_stream("1:x", io::stderr()));
        let file = std::fs::File::open("/proc/self/exe").expect("this program");
        let found = file.metadata().expect("a file");
        assert!(is_stream(&format!("{}:{}", found.dev(), found.ino()), &file));
        assert!(!is_stream(&format!("{}:{}", found.dev(), found.ino() + 1), &file));
    }

    #[test]
    fn names_that_others_chose_make_no_lines_and_move_no_cursor() {
        let kept = Kept::default();
        let log = kept.log(Level::Info, Form::Logfmt, true);
        let name = "x\n<0>level=error message=\"all is lost\"\u{1b}[2J\u{202e}";
        log.info("a peer", &[("name", value(name)), ("long", value("ä".repeat(5000)))]);
        let text = kept.text();
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        assert!(
            text.starts_with("<6>level=info message=\"a peer\" name=\"x\\n<0>level=error"),
            "{text}"
        );
        assert!(!text.contains(['\u{1b}', '\u{202e}']));
        assert!(text.len() < 1400, "{}", text.len());
    }

    #[test]
    fn repetitions_are_counted() {
        let kept = Kept::default();
        let log = kept.log(Level::Info, Form::Logfmt, true);
        let start = Instant::now();
        let tell = |second: u64, peer: u64| {
            let at = start + Duration::from_secs(second);
            log.tell_at(at, Level::Warning, "a peer is too fast", &[("peer", Cell::Count(peer))]);
        };
        for _ in 0..20 {
            tell(0, 1);
        }
        assert_eq!(kept.text().lines().count(), 5, "one thing");
        tell(1, 2);
        assert_eq!(kept.text().lines().count(), 1, "another thing");
        for peer in 10..100_000 {
            tell(2, peer);
        }
        assert_eq!(
            kept.text().lines().count(),
            60 - 21,
            "one message at most {MESSAGE_MAX} times"
        );
        tell(61, 1);
        let text = kept.text();
        let left_out = 15 + (99_990 - 39);
        assert_eq!(
            text,
            format!(
                "<4>level=warning message=\"lines that repeat others were left out\" repeated=\"a peer is too fast\" times={left_out}\n\
                 <4>level=warning message=\"a peer is too fast\" peer=1\n"
            )
        );
        assert!(log.0.state.lock().expect("one thread").seen.len() <= THINGS_MAX + 2);
    }
}
