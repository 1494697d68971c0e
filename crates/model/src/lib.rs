//! The nouns of tunlog; nothing here reads a file, a clock or the environment.
//!
//! A *record* is what framing cuts from a byte stream; an *event* is a record that a dialect understood; an *attempt*
//! joins the events of one client's try to connect; a *session* is an attempt that came up. Directions are named from
//! the gateway. Times are microseconds since 1970-01-01T00:00:00Z.

mod attempt;
mod clue;
mod event;
mod field;
mod finding;
mod hashed;
mod kind;
mod layer;
mod message;
pub mod near;
mod packet;
mod record;
mod table;
pub mod text;

pub use attempt::{Attempt, Confidence, EndReason, Evidence, Heard, Outcome, Protocol};
pub use clue::{Clue, Redact, Said};
pub use event::{
    Entry, Event, EventBatch, EventParts, NamePlace, RawEvent, SourceId, Span, Spans, Unrecognised, Value,
};
pub use field::Field;
pub use finding::FindingSeverity;
pub use hashed::Hashed;
pub use kind::EventKind;
pub use layer::{Layer, Severity};
pub use message::{Message, Packet, Role, Vendor};
pub use packet::{Content, Datagram, Flaw, PacketFilter, PacketRef, Segment};
pub use record::{AppFilter, Assumed, Civil, EveryApp, Hint, Payload, RecordRef, RecordTime, Stamp};
pub use table::{Cell, Column};

/// The word of a value in a list of values and words that holds every value.
fn word_of<T: PartialEq + Copy>(all: &[(T, &'static str)], value: T) -> &'static str {
    all.iter()
        .find(|(candidate, _)| *candidate == value)
        .map_or("", |(_, word)| word)
}

/// The value of a word in such a list.
fn value_of<T: Copy>(all: &[(T, &'static str)], word: &str) -> Option<T> {
    all.iter()
        .find(|(_, candidate)| *candidate == word)
        .map(|(value, _)| *value)
}
