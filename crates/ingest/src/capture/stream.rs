//! TCP connections: the bytes of each direction in order (RFC 9293 §3.4), in bounded memory.

use std::net::IpAddr;

use rustc_hash::FxHashMap;
use tunlog_model::Segment;

use super::ip::Tcp;

/// Connections that are kept in order; more, and the one that was silent longest goes.
const CONNECTIONS_MAX: usize = 8192;

/// Segments of one direction that wait for an earlier one. Control connections are small: what is missing then is missing
/// in the capture.
const WAITING_MAX: usize = 16;

/// Bytes that wait in one direction.
const WAITING_BYTES_MAX: usize = 64 * 1024;

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Ends {
    from: (IpAddr, u16),
    to: (IpAddr, u16),
}

/// One direction of a connection.
#[derive(Default)]
struct Direction {
    /// Sequence number of the byte that comes next, once one is known.
    next: Option<u32>,
    /// Later segments: sequence number and bytes.
    waiting: Vec<(u32, Vec<u8>)>,
    /// The packet that was seen last, of the whole capture.
    seen: u64,
}

/// The connections of a capture.
#[derive(Default)]
pub(super) struct Streams {
    directions: FxHashMap<Ends, Direction>,
}

impl Streams {
    /// Takes a segment and tells it, with those that waited for it: they count as this packet's, because only now are their
    /// bytes what the receiver sees. `packets`: how many the capture had so far.
    #[allow(clippy::too_many_arguments)] // a header's parts
    pub fn segment(
        &mut self,
        (source, destination): (IpAddr, IpAddr),
        header: &Tcp,
        payload: &[u8],
        missing: u32,
        packets: u64,
        each: &mut dyn FnMut(Segment<'_>),
    ) {
        let ends = Ends {
            from: (source, header.source_port),
            to: (destination, header.destination_port),
        };
        let set = |flag: u8| header.flags & flag != 0;
        let (syn, fin, rst) = (set(SYN), set(FIN), set(RST));
        let bytes = &payload[header.len.min(payload.len())..];
        let mut segment = Segment {
            source_port: header.source_port,
            destination_port: header.destination_port,
            syn,
            ack: set(ACK),
            fin,
            rst,
            bytes: &[],
            gap: false,
            again: false,
        };
        if self.directions.len() >= CONNECTIONS_MAX {
            self.forget_oldest();
        }
        let direction = self.directions.entry(ends).or_default();
        direction.seen = packets;
        if syn {
            let first = header.sequence.wrapping_add(1);
            segment.again = direction.next == Some(first);
            if !segment.again {
                direction.next = Some(first);
                direction.waiting.clear();
            }
        }
        let sequence = header.sequence.wrapping_add(u32::from(syn));
        let next = *direction.next.get_or_insert(sequence);
        // how far the segment lies ahead of what is expected; behind counts as negative
        let ahead = sequence.wrapping_sub(next) as i32;
        if bytes.is_empty() {
            each(segment);
        } else if ahead > 0 && direction.wait(sequence, bytes) {
            each(segment); // its flags; the bytes come later
        } else {
            let known = (ahead.min(0).unsigned_abs() as usize).min(bytes.len());
            segment.bytes = &bytes[known..];
            segment.again |= segment.bytes.is_empty();
            segment.gap = ahead > 0;
            direction.next = Some(sequence.wrapping_add(bytes.len() as u32).wrapping_add(missing))
                .filter(|_| !segment.again)
                .or(direction.next);
            each(segment);
            direction.tell_waiting(segment, each);
        }
        if rst {
            self.directions.remove(&ends);
            self.directions.remove(&Ends {
                from: ends.to,
                to: ends.from,
            });
        }
    }

    /// Makes room: the quarter that was silent longest goes.
    fn forget_oldest(&mut self) {
        let mut seen: Vec<u64> = self.directions.values().map(|direction| direction.seen).collect();
        let quarter = seen.len() / 4;
        let (_, limit, _) = seen.select_nth_unstable(quarter);
        let limit = *limit;
        self.directions.retain(|_, direction| direction.seen > limit);
    }
}

impl Direction {
    /// Keeps a segment that came early; false if there is no room, so that the hole in front of it is given up.
    fn wait(&mut self, sequence: u32, bytes: &[u8]) -> bool {
        if self.waiting.iter().any(|(known, _)| *known == sequence) {
            return true;
        }
        let held: usize = self.waiting.iter().map(|(_, bytes)| bytes.len()).sum();
        if self.waiting.len() >= WAITING_MAX || held + bytes.len() > WAITING_BYTES_MAX {
            return false;
        }
        self.waiting.push((sequence, bytes.to_vec()));
        true
    }

    /// Tells what waited for bytes that are there now.
    fn tell_waiting(&mut self, like: Segment<'_>, each: &mut dyn FnMut(Segment<'_>)) {
        while let Some(next) = self.next {
            let ready = self
                .waiting
                .iter()
                .position(|(sequence, _)| sequence.wrapping_sub(next) as i32 <= 0);
            let Some(at) = ready else { return };
            let (sequence, bytes) = self.waiting.swap_remove(at);
            let known = (next.wrapping_sub(sequence) as usize).min(bytes.len());
            let fresh = &bytes[known..];
            if fresh.is_empty() {
                continue;
            }
            self.next = Some(next.wrapping_add(fresh.len() as u32));
            let segment = Segment {
                bytes: fresh,
                gap: false,
                again: false,
                fin: false,
                syn: false,
                ..like
            };
            each(segment);
        }
    }
}
