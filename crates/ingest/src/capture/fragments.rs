//! Datagrams that came in pieces are put together (RFC 815), in bounded memory.

use std::collections::VecDeque;
use std::net::IpAddr;

use tunlog_model::Flaw;

use super::flaw;

/// Datagrams of which pieces are kept; more, and the oldest is given up.
const OPEN_MAX: usize = 64;

/// Longest datagram that IP can carry, bytes.
const DATAGRAM_BYTES_MAX: usize = 65_535;

/// Pieces of one datagram: even of 8 bytes each, nobody sends more with a good intention.
const PIECES_MAX: usize = 512;

/// How long pieces wait for the others (RFC 1122 §3.3.2 says 60 to 120 s), microseconds.
const WAIT: i64 = 60_000_000;

/// Where a piece belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fragment {
    pub id: u32,
    pub offset: usize,
    pub more: bool,
}

struct Open {
    key: (IpAddr, IpAddr, u8, u32),
    since: i64,
    /// Offset and bytes, by offset.
    pieces: Vec<(usize, Vec<u8>)>,
    total: Option<usize>,
}

/// Datagrams that are not complete.
#[derive(Default)]
pub(super) struct Fragments {
    open: VecDeque<Open>,
    given_up: u64,
}

impl Fragments {
    /// Takes a piece; the datagram when it is complete. `now`: microseconds of the capture.
    pub fn add(
        &mut self,
        (source, destination): (IpAddr, IpAddr),
        protocol: u8,
        fragment: &Fragment,
        bytes: &[u8],
        now: i64,
    ) -> Result<Option<Vec<u8>>, Flaw> {
        let end = fragment.offset + bytes.len();
        if end > DATAGRAM_BYTES_MAX {
            return Err(flaw(
                "IP",
                6,
                format!("a fragment that ends at byte {end}, behind the longest datagram"),
            ));
        }
        if fragment.more && !bytes.len().is_multiple_of(8) {
            return Err(flaw(
                "IP",
                6,
                format!("a fragment of {} bytes that is not the last", bytes.len()),
            ));
        }
        let key = (source, destination, protocol, fragment.id);
        let at = match self.open.iter().position(|open| open.key == key) {
            Some(at) if now.saturating_sub(self.open[at].since) <= WAIT => at,
            found => {
                if let Some(at) = found {
                    self.open.remove(at);
                    self.given_up += 1;
                }
                self.begin(key, now)
            }
        };
        let Some(open) = self.open.get_mut(at) else {
            return Ok(None);
        };
        if !fragment.more {
            open.total = Some(end);
        }
        let place = open.pieces.partition_point(|(offset, _)| *offset < fragment.offset);
        let known = open
            .pieces
            .get(place)
            .is_some_and(|(offset, _)| *offset == fragment.offset);
        if !known && open.pieces.len() < PIECES_MAX {
            open.pieces.insert(place, (fragment.offset, bytes.to_vec()));
        }
        let Some(whole) = open.whole() else { return Ok(None) };
        self.open.remove(at);
        Ok(Some(whole))
    }

    fn begin(&mut self, key: (IpAddr, IpAddr, u8, u32), since: i64) -> usize {
        if self.open.len() == OPEN_MAX {
            self.open.pop_front();
            self.given_up += 1;
        }
        self.open.push_back(Open {
            key,
            since,
            pieces: Vec::new(),
            total: None,
        });
        self.open.len() - 1
    }

    /// How many datagrams never became complete.
    pub fn unfinished(&self) -> u64 {
        self.given_up + self.open.len() as u64
    }
}

impl Open {
    /// The datagram, if nothing of it is missing. Where pieces overlap, the earlier byte stays.
    fn whole(&self) -> Option<Vec<u8>> {
        let total = self.total?;
        let mut whole: Vec<u8> = Vec::with_capacity(total);
        for (offset, bytes) in &self.pieces {
            let known = whole.len().checked_sub(*offset)?;
            whole.extend_from_slice(bytes.get(known..).unwrap_or(&[]));
        }
        (whole.len() >= total).then(|| {
            whole.truncate(total);
            whole
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(fragments: &mut Fragments, offset: usize, more: bool, bytes: &[u8]) -> Option<Vec<u8>> {
        let (from, to) = (IpAddr::from([203, 0, 113, 1]), IpAddr::from([198, 51, 100, 1]));
        let fragment = Fragment { id: 7, offset, more };
        fragments.add((from, to), 17, &fragment, bytes, 0).ok().flatten()
    }

    #[test]
    fn pieces_in_any_order_become_the_datagram() {
        let mut fragments = Fragments::default();
        assert_eq!(add(&mut fragments, 8, false, b"world"), None);
        assert_eq!(
            add(&mut fragments, 0, true, b"hello, w"),
            Some(b"hello, wworld".to_vec())
        );
        assert_eq!(fragments.unfinished(), 0);
    }

    #[test]
    fn a_hole_or_an_end_behind_65535_gives_nothing() {
        let mut fragments = Fragments::default();
        assert_eq!(add(&mut fragments, 0, true, b"12345678"), None);
        assert_eq!(add(&mut fragments, 16, false, b"x"), None);
        assert_eq!(fragments.unfinished(), 1);
        let (from, to) = (IpAddr::from([203, 0, 113, 1]), IpAddr::from([198, 51, 100, 1]));
        let ping_of_death = Fragment {
            id: 9,
            offset: 65_528,
            more: false,
        };
        assert!(fragments.add((from, to), 1, &ping_of_death, &[0; 16], 0).is_err());
    }

    #[test]
    fn memory_is_bounded() {
        let mut fragments = Fragments::default();
        let (from, to) = (IpAddr::from([203, 0, 113, 1]), IpAddr::from([198, 51, 100, 1]));
        for id in 0..10_000 {
            let fragment = Fragment {
                id,
                offset: 0,
                more: true,
            };
            assert_eq!(fragments.add((from, to), 17, &fragment, &[0; 64], 0), Ok(None));
        }
        assert_eq!(fragments.open.len(), OPEN_MAX);
    }
}
