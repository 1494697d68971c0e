//! Enhanced GRE, PPTP's data channel (RFC 2637 §4.1): what each direction of a call sent, and what of it is missing.

use std::net::IpAddr;

use rustc_hash::FxHashMap;
use tunlog_model::{Field, Flaw};

use super::messages::Id;
use super::tell::{Carrier, Context, Teller, Way, long, word};

/// Directions that are counted at once; more, and the quietest quarter is told and forgotten.
const DIRECTIONS_MAX: usize = 16_384;

/// Sender, receiver and call id.
type Key = (IpAddr, IpAddr, u16);

/// An enhanced GRE packet.
pub(super) struct Packet<'a> {
    pub call: u16,
    pub sequence: Option<u32>,
    pub acknowledged: Option<u32>,
    /// The PPP frame; empty in a bare acknowledgement.
    pub frame: &'a [u8],
    /// Bytes of the frame that the capture did not keep.
    pub missing: u32,
}

/// Reads a packet; None if it is GRE of another kind.
pub(super) fn read(bytes: &[u8], missing: u32) -> Result<Option<Packet<'_>>, Flaw> {
    let flaw = |at: usize, reason: String| Err(Flaw::at("GRE", at, reason));
    if bytes.len() < 4 {
        return flaw(bytes.len(), "the packet ends within its header".into());
    }
    let (flags, protocol) = (word(bytes, 0), word(bytes, 2));
    if protocol != 0x880b {
        return Ok(None);
    }
    if flags & 7 != 1 {
        return flaw(1, format!("version {} with PPP inside; PPTP's is 1", flags & 7));
    }
    if flags & 0x2000 == 0 {
        return flaw(0, "no key, so no call".into());
    }
    let (has_sequence, has_acknowledgement) = (flags & 0x1000 != 0, flags & 0x0080 != 0);
    let header = 8 + 4 * usize::from(has_sequence) + 4 * usize::from(has_acknowledgement);
    let Some(rest) = bytes.get(header..) else {
        return flaw(
            bytes.len(),
            format!("the packet ends within its header of {header} bytes"),
        );
    };
    let len = usize::from(word(bytes, 4));
    if len > rest.len() + missing as usize {
        return flaw(
            4,
            format!(
                "a payload of {len} bytes in a packet that has {}",
                rest.len() + missing as usize
            ),
        );
    }
    let kept = len.min(rest.len());
    Ok(Some(Packet {
        call: word(bytes, 6),
        sequence: has_sequence.then(|| long(bytes, 8)),
        acknowledged: has_acknowledgement.then(|| long(bytes, if has_sequence { 12 } else { 8 })),
        frame: &rest[..kept],
        missing: (len - kept) as u32,
    }))
}

/// What one direction of a call sent.
#[derive(Clone, Debug)]
struct Direction {
    packets: u64,
    /// Payload of the frames that carry data, bytes: what pppd counts.
    data: u64,
    data_packets: u64,
    /// The sequence number that comes next.
    next: Option<u32>,
    /// Which of the 64 numbers before it came.
    came: u64,
    lost: u64,
    reordered: u64,
    again: u64,
    /// The highest number that the other side acknowledged in this direction's packets.
    acknowledged: Option<u32>,
    age: u64,
}

impl Direction {
    fn new() -> Direction {
        Direction {
            packets: 0,
            data: 0,
            data_packets: 0,
            next: None,
            came: 1,
            lost: 0,
            reordered: 0,
            again: 0,
            acknowledged: None,
            age: 0,
        }
    }

    /// Takes note of a sequence number.
    fn sequence(&mut self, number: u32) {
        let Some(next) = self.next else {
            self.next = Some(number.wrapping_add(1));
            return;
        };
        let ahead = number.wrapping_sub(next) as i32;
        if ahead >= 0 {
            self.lost += ahead as u64;
            self.came = self.came.checked_shl(ahead as u32 + 1).unwrap_or(0) | 1;
            self.next = Some(number.wrapping_add(1));
            return;
        }
        let back = ahead.unsigned_abs() - 1;
        let bit = 1u64.checked_shl(back).unwrap_or(0);
        if bit != 0 && self.came & bit != 0 {
            self.again += 1;
            return;
        }
        // behind later ones; what was counted as lost is there after all
        self.came |= bit;
        self.reordered += 1;
        self.lost = self.lost.saturating_sub(1);
    }
}

/// The directions of a capture's calls.
#[derive(Default)]
pub(super) struct Calls {
    directions: FxHashMap<Key, Direction>,
    age: u64,
}

impl Calls {
    /// Counts a packet. Whether it is the first of its direction; None if it was seen before (a capture of several
    /// interfaces has it twice).
    pub fn count(&mut self, (from, to): (IpAddr, IpAddr), packet: &Packet<'_>) -> Option<bool> {
        self.age += 1;
        let direction = self
            .directions
            .entry((from, to, packet.call))
            .or_insert_with(Direction::new);
        direction.age = self.age;
        let first = direction.packets == 0;
        if let Some(number) = packet.sequence {
            let again = direction.again;
            direction.sequence(number);
            if direction.again > again {
                return None;
            }
        }
        direction.packets += 1;
        if let Some(number) = packet.acknowledged {
            direction.acknowledged = Some(direction.acknowledged.map_or(number, |known| known.max(number)));
        }
        Some(first)
    }

    /// Adds the payload of a data frame to what its direction carried.
    pub fn carried(&mut self, (from, to): (IpAddr, IpAddr), call: u16, bytes: usize) {
        if let Some(direction) = self.directions.get_mut(&(from, to, call)) {
            direction.data += bytes as u64;
            direction.data_packets += 1;
        }
    }

    /// Tells what a call's directions sent and whether one of them is missing, and forgets them.
    pub fn end(&mut self, teller: &mut Teller<'_>, way: Way, (client, server): (Option<u16>, Option<u16>)) {
        let mut take = |from: IpAddr, to: IpAddr, call: Option<u16>, from_client: bool| {
            let call = call?;
            let direction = self.directions.remove(&(from, to, call))?;
            tell(teller, (from, to, call), Way { from_client, ..way }, &direction);
            Some(direction)
        };
        let from = take(way.client, way.server, server, true);
        let to = take(way.server, way.client, client, false);
        if let Some((id, line)) = missing(from.as_ref(), to.as_ref()) {
            let from_client = id != Id::GreNeverToClient && id != Id::GreNotReceived;
            let way = Way { from_client, ..way };
            let ends = if from_client {
                (way.client, way.server)
            } else {
                (way.server, way.client)
            };
            let call = if from_client { server } else { client };
            let context = Context {
                way: Some(way),
                carrier: call.map_or(Carrier::None, Carrier::Gre),
                ..Context::between((ends.0, None), (ends.1, None))
            };
            teller.plain(id, &context, line);
        }
    }

    /// Tells everything that is left, in a stable order.
    pub fn finish(&mut self, teller: &mut Teller<'_>, way: &mut dyn FnMut(IpAddr, IpAddr) -> Way) {
        let mut all: Vec<(Key, Direction)> = self.directions.drain().collect();
        all.sort_by_key(|(_, direction)| direction.age);
        for (key, direction) in all {
            tell(teller, key, way(key.0, key.1), &direction);
        }
    }

    /// Whether there are so many that some must go; they are told as if they had ended.
    pub fn make_room(&mut self, teller: &mut Teller<'_>, way: &mut dyn FnMut(IpAddr, IpAddr) -> Way) {
        if self.directions.len() < DIRECTIONS_MAX {
            return;
        }
        let mut ages: Vec<u64> = self.directions.values().map(|direction| direction.age).collect();
        let quarter = ages.len() / 4;
        let limit = *ages.select_nth_unstable(quarter).1;
        let (gone, kept): (Vec<_>, Vec<_>) = self
            .directions
            .drain()
            .partition(|(_, direction)| direction.age <= limit);
        self.directions = kept.into_iter().collect();
        for (key, direction) in gone {
            tell(teller, key, way(key.0, key.1), &direction);
        }
    }
}

/// Packets of one direction after which silence of the other means something.
const TELLING_MIN: u64 = 3;

/// Which direction of a call is missing, or does not arrive: every packet of one acknowledges what came of the other (RFC
/// 2637 §4.3), so packets that are never acknowledged did not get there.
fn missing(from: Option<&Direction>, to: Option<&Direction>) -> Option<(Id, &'static str)> {
    let packets = |direction: Option<&Direction>| direction.map_or(0, |direction| direction.packets);
    match (packets(from), packets(to)) {
        (0, TELLING_MIN..) => Some((Id::GreNeverFromClient, "no GRE ever came from the client")),
        (TELLING_MIN.., 0) => Some((Id::GreNeverToClient, "no GRE ever went to the client")),
        (TELLING_MIN.., TELLING_MIN..) if from.is_some_and(|from| from.acknowledged.is_none()) => Some((
            Id::GreNotReceived,
            "the client acknowledges none of the GRE packets that went to it",
        )),
        _ => None,
    }
}

fn tell(teller: &mut Teller<'_>, (from, to, call): Key, way: Way, direction: &Direction) {
    let context = Context {
        way: Some(way),
        carrier: Carrier::Gre(call),
        ..Context::between((from, None), (to, None))
    };
    let mut line = format!(
        "GRE call {call} in all: {} packets, {} with data of {} bytes, {} lost, {} reordered",
        direction.packets, direction.data_packets, direction.data, direction.lost, direction.reordered
    );
    if let Some(number) = direction.acknowledged {
        line.push_str(&format!(", acknowledged up to {number}"));
    }
    let (packets, bytes) = if way.from_client {
        (Field::PacketsFromClient, Field::BytesFromClient)
    } else {
        (Field::PacketsToClient, Field::BytesToClient)
    };
    if let Some(draft) = teller.event(Id::GreCounted, &context, &line) {
        draft
            .int(packets, direction.packets as i64)
            .int(bytes, direction.data as i64)
            .int(Field::Count, direction.data_packets as i64)
            .int(Field::Lost, direction.lost as i64)
            .int(Field::Reordered, direction.reordered as i64)
            .end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(numbers: &[u32]) -> (u64, u64, u64) {
        let mut direction = Direction::new();
        for number in numbers {
            direction.sequence(*number);
        }
        (direction.lost, direction.reordered, direction.again)
    }

    #[test]
    fn gaps_are_losses_until_what_is_missing_comes_late() {
        assert_eq!(after(&[0, 1, 2, 3]), (0, 0, 0));
        assert_eq!(after(&[5, 6, 9]), (2, 0, 0));
        assert_eq!(after(&[0, 2, 1, 3]), (0, 1, 0));
        assert_eq!(after(&[0, 2, 1, 1, 3]), (0, 1, 1));
        assert_eq!(after(&[u32::MAX, 0, 1]), (0, 0, 0));
        assert_eq!(after(&[0, 100, 1]), (98, 1, 0));
        assert_eq!(after(&[3, 3]), (0, 0, 1));
    }

    #[test]
    fn lengths_and_versions_are_checked() {
        let header = [0x30, 0x01, 0x88, 0x0b, 0, 2, 0, 7, 0, 0, 0, 5];
        let packet = [&header[..], b"ab"].concat();
        let read_one = read(&packet, 0)
            .ok()
            .flatten()
            .map(|packet| (packet.call, packet.sequence, packet.frame.len()));
        assert_eq!(read_one, Some((7, Some(5), 2)));
        assert!(read(&packet[..13], 0).is_err());
        assert!(read(&packet[..13], 1).is_ok());
        assert!(read(&[0xff, 0xff, 0x88, 0x0b], 0).is_err());
        assert!(read(&[0, 0, 8, 0, 1, 2], 0).is_ok_and(|packet| packet.is_none()));
    }
}
