//! Packet captures: pcap and pcapng bytes to packets above IP.
//!
//! A capture is read in one go and in order, on one thread: interfaces are announced before their packets, a datagram may
//! come in fragments, and a TCP connection is put in order over many packets. `Capture` is fed with stretches of bytes of
//! any length and hands out [`PacketRef`]s; what a packet says is not its concern. A record that cannot be right is told
//! as a problem with the byte at which it stands; what is sound before and behind it is read.

mod file;
mod fragments;
mod ip;
mod link;
mod pcap;
mod pcapng;
mod raw;
mod stream;
mod wireless;

use tunlog_model::{Content, Flaw, PacketFilter, PacketRef, Stamp};

use crate::{Problem, ProblemKind};
use file::{Format, Frame, Record, Step};
use fragments::Fragments;
use link::Network;
pub use raw::{RawContent, RawPacket};
use stream::Streams;

/// Most bytes of one packet that a file may hold: libpcap's own limit of a snap length.
const PACKET_BYTES_MAX: usize = 262_144;

/// Whether an input begins like a capture.
pub(crate) fn is_capture(head: &[u8]) -> bool {
    matches!(
        head,
        [0xd4, 0xc3, 0xb2, 0xa1, ..]
            | [0xa1, 0xb2, 0xc3, 0xd4, ..]
            | [0x4d, 0x3c, 0xb2, 0xa1, ..]
            | [0xa1, 0xb2, 0x3c, 0x4d, ..]
            | [0x34, 0xcd, 0xb2, 0xa1, ..]
            | [0xa1, 0xb2, 0xcd, 0x34, ..]
            | [0x0a, 0x0d, 0x0d, 0x0a, ..]
    )
}

/// A capture that is being read.
pub struct Capture {
    name: String,
    format: Format,
    /// The beginning of a record whose end was not fed yet.
    carry: Vec<u8>,
    /// Bytes of a block that nobody needs and that are still to come.
    skip: u64,
    /// Bytes of the file that were used.
    offset: u64,
    stopped: bool,
    above: Above,
    problems: Vec<Problem>,
}

/// What is above the file format, with what it has to remember.
struct Above {
    /// Packets so far, and those of the stretch that is being fed.
    packets: u64,
    stretch: u64,
    fragments: Fragments,
    streams: Streams,
    /// Link types that are not read and were told.
    unread: Vec<u16>,
}

/// What is done with a frame.
type Each<'e> = dyn FnMut(&mut Above, &Frame<'_>, &str, &mut Vec<Problem>) + 'e;

impl Capture {
    /// A capture of that name, of which nothing was fed.
    pub fn new(name: &str) -> Capture {
        Capture {
            name: name.to_string(),
            format: Format::Unknown,
            carry: Vec::new(),
            skip: 0,
            offset: 0,
            stopped: false,
            above: Above {
                packets: 0,
                stretch: 0,
                fragments: Fragments::default(),
                streams: Streams::default(),
                unread: Vec::new(),
            },
            problems: Vec::new(),
        }
    }

    /// Reads on. Calls `each` with every packet that `filter` wants; `PacketRef::number` goes on from `before`. Answers the
    /// number of the last one.
    pub fn feed<F: PacketFilter>(
        &mut self,
        bytes: &[u8],
        before: u64,
        filter: &F,
        each: &mut impl FnMut(&PacketRef<'_>),
    ) -> u64 {
        self.above.stretch = before;
        self.walk(bytes, &mut |above, frame, name, problems| {
            above.frame(frame, name, problems, filter, each);
        });
        self.above.stretch
    }

    /// Reads on and hands out every packet as the capture holds it, for whoever cuts captures.
    pub fn feed_raw(&mut self, bytes: &[u8], each: &mut impl FnMut(&RawPacket<'_>)) {
        self.walk(bytes, &mut |above, frame, _, _| {
            above.packets += 1;
            each(&RawPacket::of(frame));
        });
    }

    /// Calls `each` with every frame, over the ends of stretches.
    fn walk(&mut self, mut bytes: &[u8], each: &mut Each<'_>) {
        while !self.carry.is_empty() && !bytes.is_empty() && !self.stopped {
            let wanted = match self.format.step(&self.carry) {
                Step::Needs(wanted) => wanted,
                Step::Whole(_) | Step::Skip(_) | Step::Stop(_) => self.carry.len(),
            };
            let taken = wanted.saturating_sub(self.carry.len()).min(bytes.len());
            self.carry.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            let mut carry = std::mem::take(&mut self.carry);
            let used = self.records(&carry, each);
            carry.drain(..used);
            self.carry = carry;
        }
        let used = self.records(bytes, each);
        if !self.stopped {
            self.carry.extend_from_slice(&bytes[used..]);
        }
    }

    /// The file ends here.
    pub fn end(&mut self) {
        if self.stopped {
            return;
        }
        if !self.carry.is_empty() || self.skip > 0 {
            let cause = format!(
                "cut short: the record after packet {} is truncated; what was whole before it was used",
                self.above.packets
            );
            self.say(ProblemKind::Error, cause);
        }
        let lost = self.above.fragments.unfinished();
        if lost > 0 {
            let cause = format!("{lost} datagrams came in fragments of which some are not in the capture: not read");
            self.problems.push(Problem::note(self.name.as_str(), cause));
        }
        self.stopped = true;
    }

    /// What went wrong since the last call.
    pub fn problems(&mut self) -> Vec<Problem> {
        std::mem::take(&mut self.problems)
    }

    /// Whether nothing more can be read.
    pub fn is_over(&self) -> bool {
        self.stopped
    }

    /// Reads the whole records of `bytes`; answers how many bytes were used.
    fn records(&mut self, bytes: &[u8], each: &mut Each<'_>) -> usize {
        let mut used = 0;
        while !self.stopped {
            let rest = &bytes[used..];
            if self.skip > 0 {
                let skipped = self.skip.min(rest.len() as u64);
                self.skip -= skipped;
                self.offset += skipped;
                used += skipped as usize;
                if self.skip > 0 {
                    break;
                }
                continue;
            }
            match self.format.step(rest) {
                Step::Needs(_) => break,
                Step::Stop(reason) => {
                    self.say(ProblemKind::Error, format!("{reason}: reading stops here"));
                    self.stopped = true;
                }
                Step::Skip(whole) => self.skip = whole,
                Step::Whole(len) => {
                    match self.format.record(&rest[..len]) {
                        Record::Packet(frame) => each(&mut self.above, &frame, &self.name, &mut self.problems),
                        Record::Nothing => {}
                        Record::Lost(count) => {
                            let cause = format!("the capturing machine says that it lost {count} packets");
                            self.say(ProblemKind::Note, cause);
                        }
                        Record::Odd(reason) => self.say(ProblemKind::Warning, reason),
                        Record::Bad(reason) => {
                            self.say(ProblemKind::Warning, format!("{reason}: the block is not used"))
                        }
                    }
                    used += len;
                    self.offset += len as u64;
                }
            }
        }
        used
    }

    fn say(&mut self, kind: ProblemKind, cause: String) {
        // a file of nothing but bad blocks needs no line for each
        if self.problems.len() < 1000 {
            let problem = Problem {
                kind,
                ..Problem::error(self.name.as_str(), cause)
            };
            self.problems.push(problem.at(format!("byte {}", self.offset)));
        }
    }
}

impl Above {
    fn frame<F: PacketFilter>(
        &mut self,
        frame: &Frame<'_>,
        name: &str,
        problems: &mut Vec<Problem>,
        filter: &F,
        each: &mut impl FnMut(&PacketRef<'_>),
    ) {
        self.packets += 1;
        self.stretch += 1;
        let place = Place {
            stamp: frame.stamp,
            number: self.stretch,
        };
        let missing = (frame.original as usize).saturating_sub(frame.bytes.len()) as u32;
        match link::network(frame.link, frame.bytes) {
            Ok(Network::Ip(packet)) => self.ip(packet, missing, place, filter, each),
            Ok(Network::Ppp(bytes, sent)) => each(&place.packet(None, Content::Ppp(bytes, sent), missing)),
            Ok(Network::Other) => {}
            Ok(Network::Unread) => {
                if !self.unread.contains(&frame.link) {
                    self.unread.push(frame.link);
                    let cause = format!("link type {} is not read: its packets are only counted", frame.link);
                    let at = format!("packet {}", self.packets);
                    problems.push(Problem::warning(name, cause).at(at));
                }
            }
            Err(flaw) if missing == 0 => each(&place.packet(None, Content::Flaw(flaw), missing)),
            Err(_) => {}
        }
    }

    fn ip<F: PacketFilter>(
        &mut self,
        bytes: &[u8],
        missing: u32,
        place: Place,
        filter: &F,
        each: &mut impl FnMut(&PacketRef<'_>),
    ) {
        let packet = match ip::read(bytes, missing) {
            Ok(packet) => packet,
            Err(refused) => {
                if let Some(flaw) = refused.flaw {
                    each(&place.packet(refused.addresses, Content::Flaw(flaw), missing));
                }
                return;
            }
        };
        let addresses = (packet.source, packet.destination);
        match packet.fragment {
            None => self.transport(
                addresses,
                packet.protocol,
                packet.payload,
                packet.missing,
                place,
                filter,
                each,
            ),
            Some(fragment) => {
                let stamp = match place.stamp {
                    Stamp::Instant(micros) => micros,
                    _ => 0,
                };
                match self
                    .fragments
                    .add(addresses, packet.protocol, &fragment, packet.payload, stamp)
                {
                    Ok(Some(whole)) => {
                        self.transport(addresses, packet.protocol, &whole, 0, place, filter, each);
                    }
                    Ok(None) => {}
                    Err(flaw) => each(&place.packet(Some(addresses), Content::Flaw(flaw), missing)),
                }
            }
        }
    }

    #[allow(clippy::too_many_arguments)] // the packet's parts, as they were peeled off
    fn transport<F: PacketFilter>(
        &mut self,
        addresses: (std::net::IpAddr, std::net::IpAddr),
        protocol: u8,
        payload: &[u8],
        missing: u32,
        place: Place,
        filter: &F,
        each: &mut impl FnMut(&PacketRef<'_>),
    ) {
        let content = match protocol {
            6 => match ip::tcp(payload) {
                Ok(header) if filter.wants_tcp(header.source_port, header.destination_port) => {
                    let mut told = |segment: tunlog_model::Segment<'_>| {
                        each(&place.packet(Some(addresses), Content::Tcp(segment), missing));
                    };
                    return self
                        .streams
                        .segment(addresses, &header, payload, missing, self.packets, &mut told);
                }
                Ok(_) => return,
                Err(flaw) => flaw,
            },
            17 => match ip::udp(payload, missing) {
                Ok(datagram) if filter.wants_udp(datagram.source_port, datagram.destination_port) => {
                    return each(&place.packet(Some(addresses), Content::Udp(datagram), missing));
                }
                Ok(_) => return,
                Err(flaw) => flaw,
            },
            other if filter.wants_protocol(other) => {
                return each(&place.packet(Some(addresses), Content::Ip(other, payload), missing));
            }
            _ => return,
        };
        if missing == 0 {
            each(&place.packet(Some(addresses), Content::Flaw(content), missing));
        }
    }
}

/// When a packet came and which one it is.
#[derive(Clone, Copy)]
struct Place {
    stamp: Stamp,
    number: u64,
}

impl Place {
    fn packet<'a>(
        self,
        addresses: Option<(std::net::IpAddr, std::net::IpAddr)>,
        content: Content<'a>,
        missing: u32,
    ) -> PacketRef<'a> {
        PacketRef {
            stamp: self.stamp,
            number: self.number,
            addresses,
            content,
            missing,
        }
    }
}

/// A flaw for whoever reads headers here.
fn flaw(protocol: &'static str, offset: usize, reason: impl Into<std::borrow::Cow<'static, str>>) -> Flaw {
    Flaw::at(protocol, offset, reason)
}

#[cfg(test)]
mod tests;
