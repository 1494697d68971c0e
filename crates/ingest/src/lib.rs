//! Bytes to records: the reading of the outside world.
//!
//! Four rooms. [`source`] finds the inputs, decompresses them and hands out stretches of whole records ([`Chunk`]).
//! [`framing`] cuts a chunk into [`tunlog_model::RecordRef`]s without knowing what came before it, so that chunks may be
//! cut in parallel. [`time`] decides the years and the zone of one source, in the order of the source.

pub mod arrival;
pub mod capture;
pub mod error;
pub mod follow;
pub mod frames;
pub mod framing;
pub mod source;
pub mod time;

pub use arrival::{Arrival, Feed, Position, What};
pub use capture::{Capture, RawContent, RawPacket};
pub use error::{Problem, ProblemKind};
pub use follow::{FollowConfig, Follower};
pub use frames::Frames;
pub use framing::{Cut, Format, Framer, Note, Place};
pub use source::archive::{zip_members, zip_names};
pub use source::discover::{Discovered, discover, machine_sources, machine_sources_with_services, repeats};
pub use source::{Chunk, Listen, Source, SourceKind, SourceSpec, Tap, each_block, first_bytes, set_name};
pub use time::{Clock, check_zone};

/// What the user decided about reading.
#[derive(Clone, Debug)]
pub struct Options {
    /// Zone of stamps that carry none (`--tz`): an IANA name, `UTC` or an offset like `+02:00`. None: `TZ`, then the
    /// system's.
    pub tz: Option<String>,
    /// Year of the first line of inputs without years (`--year`). None: inferred backwards from the file's time.
    pub year: Option<i16>,
    /// The present, microseconds since 1970-01-01T00:00:00Z; given by the caller so that tests can fix it.
    pub now: i64,
    /// Bytes of a line that are looked at; the rest of a longer line is skipped.
    pub line_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            tz: None,
            year: None,
            now: time::now(),
            line_bytes_max: LINE_BYTES_MAX,
        }
    }
}

/// Default of [`Options::line_bytes_max`]: longer than any syslog message, short enough to bound memory.
pub const LINE_BYTES_MAX: usize = 65_536;
