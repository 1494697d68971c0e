//! What was said about an attempt, line by line: what a diagnosis is made of.

use std::borrow::Cow;
use std::ops::Deref;

use crate::trail::{Line, Trail};
use crate::{Event, Field, text};

/// One line about an attempt, or equal lines that followed each other, as its trail has it.
#[derive(Clone, Copy, Debug)]
pub struct Clue<'t> {
    of: &'t Line,
    trail: &'t Trail,
}

impl Deref for Clue<'_> {
    type Target = Line;

    #[inline]
    fn deref(&self) -> &Line {
        self.of
    }
}

impl<'t> Clue<'t> {
    /// A line of a trail.
    #[inline]
    pub(crate) fn new(of: &'t Line, trail: &'t Trail) -> Clue<'t> {
        Clue { of, trail }
    }

    /// The first line as it may be shown.
    pub fn text(self) -> Cow<'t, str> {
        let raw = self.trail.raw(self.of);
        let Some(redact) = self.trail.redacts(self.of) else {
            return match raw {
                Cow::Borrowed(raw) => text::lossy(raw),
                Cow::Owned(raw) => Cow::Owned(text::lossy(&raw).into_owned()),
            };
        };
        match raw {
            Cow::Borrowed(raw) => match redact(self.of.message, raw) {
                Cow::Borrowed(shown) => text::lossy(shown),
                Cow::Owned(shown) => Cow::Owned(text::lossy(&shown).into_owned()),
            },
            Cow::Owned(raw) => Cow::Owned(text::lossy(&redact(self.of.message, &raw)).into_owned()),
        }
    }

    /// What the line says in a field, one of those that trails keep.
    pub fn fact(self, field: Field) -> Option<Cow<'t, str>> {
        self.trail.fact(self.of, &[field])
    }

    /// What the line says in the first of these fields that it has.
    pub fn first_fact(self, fields: &[Field]) -> Option<Cow<'t, str>> {
        self.trail.fact(self.of, fields)
    }

    /// Whether the line tells of a PPP control packet of this protocol and code, and which way it went: `rcvd`, `LCP`, `ConfReq`.
    #[inline]
    pub fn is_packet(self, way: &str, protocol: &str, code: &str) -> bool {
        self.of.message.packet.is_some_and(|packet| {
            packet.sent == (way == "sent")
                && packet.protocol.eq_ignore_ascii_case(protocol)
                && (code.is_empty() || packet.code.eq_ignore_ascii_case(code))
        })
    }

    /// Whether both are the same line of the same trail.
    #[inline]
    pub fn is(self, other: Clue<'_>) -> bool {
        std::ptr::eq(self.of, other.of)
    }
}

/// A clue that stands alone: its line belongs to no trail.
#[derive(Clone, Debug)]
pub struct LoneClue {
    of: Line,
    said: Trail,
}

impl Deref for LoneClue {
    type Target = Line;

    #[inline]
    fn deref(&self) -> &Line {
        &self.of
    }
}

impl LoneClue {
    /// The clue of an event's line, which may be shown as `shown`.
    pub fn of(event: &Event<'_>, shown: &str) -> LoneClue {
        let (of, said) = Trail::of_line(event, shown);
        LoneClue { of, said }
    }

    /// As those of trails.
    pub fn clue(&self) -> Clue<'_> {
        Clue::new(&self.of, &self.said)
    }
}
