//! Where a body stops to fit a template: for whoever writes one.

use memchr::memmem;

use super::take::{SPLITS_MAX, end_of};
use super::value::keep;
use super::{Kind, Piece, Template};

/// A place up to which a body fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Bytes of the body that fit.
    pub at: usize,
    /// What the template has there, as its writer put it; empty at its end.
    pub wants: String,
}

impl Template {
    /// How far `body` fits. None if all of it does.
    pub fn stop(&self, body: &[u8]) -> Option<Stop> {
        let alike = common(&self.prefix, body);
        if alike < self.prefix.len() {
            return Some(Stop::literal(alike, &self.prefix[alike..]));
        }
        stop(&self.pieces, &body[alike..], alike)
    }
}

impl Stop {
    fn literal(at: usize, text: &[u8]) -> Stop {
        let wants = String::from_utf8_lossy(text).replace('<', "<<");
        Stop { at, wants }
    }

    /// At a placeholder, where its text or the end of it is not found.
    fn piece(at: usize, piece: &Piece) -> Stop {
        let field = piece.field.map_or("_", |field| field.word());
        let kind = Kind::ALL.iter().find(|(kind, _)| *kind == piece.kind);
        let placeholder = match kind {
            Some((Kind::Text, _)) | None => format!("<{field}>"),
            Some((_, word)) => format!("<{field}:{word}>"),
        };
        let literal = Stop::literal(at, &piece.literal);
        Stop {
            at,
            wants: placeholder + &literal.wants,
        }
    }
}

/// How many bytes are alike at the beginning.
fn common(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

/// As `take_pieces` goes; `at` is where `rest` stands.
fn stop(pieces: &[Piece], rest: &[u8], at: usize) -> Option<Stop> {
    let Some((piece, later)) = pieces.split_first() else {
        return (!rest.is_empty()).then(|| Stop::literal(at, b""));
    };
    if piece.kind.splits_from_right() {
        return from_right(piece, later, rest, at);
    }
    let Some(end) = end_of(piece, rest, later.is_empty()).filter(|end| holds(piece, &rest[..*end])) else {
        return Some(Stop::piece(at, piece));
    };
    let after = &rest[end..];
    let alike = common(&piece.literal, after);
    if alike < piece.literal.len() {
        return Some(Stop::literal(at + end + alike, &piece.literal[alike..]));
    }
    stop(later, &after[alike..], at + end + alike)
}

/// Of all places where a peer-chosen name may end, the one behind which most fits.
fn from_right(piece: &Piece, later: &[Piece], rest: &[u8], at: usize) -> Option<Stop> {
    let mut furthest = Stop::piece(at, piece);
    if later.is_empty() {
        return match rest.strip_suffix(&*piece.literal) {
            Some(text) if holds(piece, text) => None,
            _ => Some(furthest),
        };
    }
    let ends = memmem::find_iter(rest, &*piece.literal).collect::<Vec<_>>();
    for end in ends.into_iter().rev().take(SPLITS_MAX) {
        if !holds(piece, &rest[..end]) {
            continue;
        }
        let behind = end + piece.literal.len();
        let found = stop(later, &rest[behind..], at + behind)?;
        if found.at > furthest.at {
            furthest = found;
        }
    }
    Some(furthest)
}

fn holds(piece: &Piece, text: &[u8]) -> bool {
    keep(piece, text, &mut Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(template: &str, body: &str, stop: Option<(usize, &str)>) {
        let template = Template::compile(template).expect("the test's template is right");
        let got = template.stop(body.as_bytes());
        let got = got.as_ref().map(|stop| (stop.at, stop.wants.as_str()));
        assert_eq!(got, stop, "{body}");
        // it stops nowhere exactly where it fits
        let fits = body.as_bytes().starts_with(template.prefix()) && template.take(body.as_bytes(), &mut Vec::new());
        assert_eq!(fits, stop.is_none(), "{body}");
    }

    #[test]
    fn it_stops_where_the_first_thing_differs() {
        let template = "Client <client_ip:ip>, port <client_port:int> gone";
        check(template, "Client 192.0.2.7, port 1723 gone", None);
        check(template, "client 192.0.2.7, port 1723 gone", Some((0, "Client ")));
        check(
            template,
            "Client gw, port 1723 gone",
            Some((7, "<client_ip:ip>, port ")),
        );
        check(
            template,
            "Client 192.0.2.999, port 1 gone",
            Some((7, "<client_ip:ip>, port ")),
        );
        check(template, "Client 192.0.2.7; port 1723 gone", Some((16, ", port ")));
        check(
            template,
            "Client 192.0.2.7, port x gone",
            Some((23, "<client_port:int> gone")),
        );
        check(template, "Client 192.0.2.7, port 1723 gone away", Some((32, "")));
        check(template, "Client 192.0.2.7, port 1723", Some((27, " gone")));
    }

    #[test]
    fn the_end_of_a_name_that_leads_furthest_counts() {
        let template = "Peer <user:name> at <client_ip:ip> failed";
        check(template, "Peer anna at home at 192.0.2.7 failed", None);
        check(template, "Peer anna at home at 192.0.2.7 came", Some((31, "failed")));
        check(
            template,
            "Peer anna from 192.0.2.7 failed",
            Some((5, "<user:name> at ")),
        );
        check(
            "Peer <user:name> failed",
            "Peer anna came",
            Some((5, "<user:name> failed")),
        );
        check("<_:word> is << 3", "it is < 4", Some((8, "3")));
    }
}
