//! Packets as a capture holds them, with what decides who may see how much of them.

use std::net::IpAddr;

use tunlog_model::Stamp;

use super::file::Frame;
use super::ip;
use super::link::{self, Network};

/// A packet as it stands in a capture.
#[derive(Clone, Debug)]
pub struct RawPacket<'a> {
    /// Link type, of the registry at tcpdump.org.
    pub link: u16,
    /// When it was captured; missing where the file gives no time that can be right.
    pub stamp: Stamp,
    /// Its length on the wire, bytes.
    pub original: u32,
    /// What was kept of it.
    pub bytes: &'a [u8],
    /// What it carries.
    pub content: RawContent<'a>,
}

/// What a packet carries.
#[derive(Clone, Debug)]
pub enum RawContent<'a> {
    /// IP.
    Ip {
        /// Sender and receiver.
        addresses: (IpAddr, IpAddr),
        /// The number of the protocol above.
        protocol: u8,
        /// What is above IP: the last bytes of the packet, but for what the link adds.
        payload: &'a [u8],
        /// It is a piece of a datagram, by this number, and whether it is the first: what is above IP begins there alone.
        fragment: Option<(u32, bool)>,
    },
    /// A PPP frame that no tunnel carries.
    Ppp(&'a [u8]),
    /// Something else, or nothing that can be read.
    Other,
}

impl<'a> RawPacket<'a> {
    pub(super) fn of(frame: &Frame<'a>) -> RawPacket<'a> {
        let missing = (frame.original as usize).saturating_sub(frame.bytes.len()) as u32;
        let content = match link::network(frame.link, frame.bytes) {
            Ok(Network::Ip(bytes)) => match ip::read(bytes, missing) {
                Ok(packet) => RawContent::Ip {
                    addresses: (packet.source.to_canonical(), packet.destination.to_canonical()),
                    protocol: packet.protocol,
                    payload: packet.payload,
                    fragment: packet.fragment.map(|piece| (piece.id, piece.offset == 0)),
                },
                Err(_) => RawContent::Other,
            },
            Ok(Network::Ppp(bytes, _)) => RawContent::Ppp(bytes),
            Ok(Network::Other | Network::Unread) | Err(_) => RawContent::Other,
        };
        RawPacket {
            link: frame.link,
            stamp: frame.stamp,
            original: frame.original,
            bytes: frame.bytes,
            content,
        }
    }

    /// Where a part of the packet's bytes begins; `None` if it is none of them (decapsulated from a copy).
    pub fn offset_of(&self, part: &[u8]) -> Option<usize> {
        let offset = (part.as_ptr() as usize).checked_sub(self.bytes.as_ptr() as usize)?;
        (offset + part.len() <= self.bytes.len()).then_some(offset)
    }
}
