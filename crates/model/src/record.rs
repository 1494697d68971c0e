//! A record: what the framing cut out of a byte stream, before anybody understood it.

use crate::Severity;

/// A time as its writer put it down, before year and zone are decided (`ingest::time` does that, once per source).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Stamp {
    /// The record carries no time (a pppd `logfile`, a bare console line).
    #[default]
    Missing,
    /// A complete time: microseconds since 1970-01-01T00:00:00Z.
    Instant(i64),
    /// Local wall-clock time of an unnamed zone, perhaps without a year.
    Civil(Civil),
    /// Microseconds since the machine started (kernel ring buffer).
    SinceBoot(i64),
}

/// Wall-clock time as written by BSD syslog and its variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// Year, when written.
    pub year: Option<i16>,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31; not checked against the month, the year may be missing.
    pub day: u8,
    /// Second of the day, 0 to 86 400 (a leap second is 86 400).
    pub second: u32,
    /// Microseconds of the second.
    pub micros: u32,
}

/// What had to be assumed to make a time complete. A set of flags; empty means the writer said it all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Assumed(pub u8);

impl Assumed {
    /// The year was inferred.
    pub const YEAR: Assumed = Assumed(1);
    /// The zone was assumed.
    pub const ZONE: Assumed = Assumed(2);
    /// The local time exists twice (autumn) and the order decided which.
    pub const FOLD: Assumed = Assumed(4);
    /// The local time does not exist (spring); the later reading was taken.
    pub const GAP: Assumed = Assumed(8);
    /// The time is absurd or missing; that of the record before was taken.
    pub const TIME: Assumed = Assumed(16);

    const WORDS: &[(Assumed, &str)] = &[
        (Assumed::YEAR, "year"),
        (Assumed::ZONE, "zone"),
        (Assumed::FOLD, "fold"),
        (Assumed::GAP, "gap"),
        (Assumed::TIME, "time"),
    ];

    /// Both sets together.
    pub fn with(self, other: Assumed) -> Assumed {
        Assumed(self.0 | other.0)
    }

    /// Whether all flags of `other` are set.
    pub fn has(self, other: Assumed) -> bool {
        self.0 & other.0 == other.0
    }

    /// The contract's words for the flags that are set.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        Self::WORDS
            .iter()
            .filter(move |(flag, _)| self.has(*flag))
            .map(|(_, word)| *word)
    }
}

/// A complete time and what was assumed to make it so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordTime {
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub micros: i64,
    /// What was not written but assumed.
    pub assumed: Assumed,
}

/// What a record holds.
#[derive(Clone, Copy, Debug)]
pub enum Payload<'a> {
    /// A message body: what follows the header and the program tag. Trailing blanks and line ends are cut off.
    Text(&'a [u8]),
    /// Named values (FreeRADIUS detail, structured exports), in the order of the record.
    Fields(&'a [(&'a [u8], &'a [u8])]),
    /// The writer says that the message before (of the same host, and program if `app` is not empty) came this many
    /// times more.
    Repeated(u64),
    /// The writer or its transport says that records were lost; how many, if it says so.
    Lost(Option<u64>),
}

/// One record, borrowed from the read buffer.
#[derive(Clone, Copy, Debug)]
pub struct RecordRef<'a> {
    /// When, as written.
    pub stamp: Stamp,
    /// Host name or address of the writer's machine; empty if the record does not say.
    pub host: &'a [u8],
    /// Program name without path, pid and colon; empty if the record has none.
    pub app: &'a [u8],
    /// The writer's process id; 0 if the record does not say.
    pub pid: u32,
    /// Severity, when the transport carries it (PRI, journald PRIORITY).
    pub severity: Option<Severity>,
    /// The content.
    pub payload: Payload<'a>,
    /// The process's command line as journald recorded it (`_CMDLINE`); empty if unknown.
    pub cmdline: &'a [u8],
    /// False when the transport proves that another program than `app` wrote this (`logger -t pppd`).
    pub trusted: bool,
    /// The whole record as it stands in the source, for evidence.
    pub raw: &'a [u8],
    /// 1-based line (or record) number within the source.
    pub line: u64,
    /// What the filter found out about it.
    pub hint: Hint,
}

/// What a filter found out about a line while it was cut, so that decoding need not look again. Only the filter that gave
/// it knows what it means; the default says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hint {
    /// Number of the program plus one; 0: not asked.
    pub program: u32,
    /// Where the body leads plus one; 0: not looked.
    pub place: u32,
}

impl<'a> RecordRef<'a> {
    /// A record that is one line of text of which nothing is known yet.
    pub fn bare(raw: &'a [u8], line: u64) -> RecordRef<'a> {
        RecordRef {
            stamp: Stamp::Missing,
            host: b"",
            app: b"",
            pid: 0,
            severity: None,
            payload: Payload::Text(raw),
            cmdline: b"",
            trusted: true,
            raw,
            line,
            hint: Hint::default(),
        }
    }
}

/// Which programs' lines are worth cutting further. Framing asks as soon as it knows the tag, so that a line of another
/// program costs a newline search and this question.
pub trait AppFilter {
    /// Whether records of this program may matter. An empty name (no tag) is asked for too.
    fn wants(&self, app: &[u8]) -> bool;

    /// The same, with what the filter would like to know of the program again.
    #[inline]
    fn program(&self, app: &[u8]) -> Option<Hint> {
        self.wants(app).then(Hint::default)
    }

    /// What is to be known of a line of a wanted program at a glance; None if it is chatter that nobody will ask for.
    /// Framing then counts it and makes no record of it. May be asked of any line, or of none.
    #[inline]
    fn glance(&self, program: Hint, body: &[u8]) -> Option<Hint> {
        let _ = body;
        Some(program)
    }
}

/// Takes everything.
#[derive(Clone, Copy, Debug)]
pub struct EveryApp;

impl AppFilter for EveryApp {
    fn wants(&self, _app: &[u8]) -> bool {
        true
    }
}
