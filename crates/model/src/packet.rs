//! A packet: what the reading of a capture hands out, before anybody understood what it carries.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::Stamp;

/// One packet of a capture above its IP header, borrowed from the read buffer. A datagram that came in fragments is one;
/// of a TCP connection a `PacketRef` is a piece of one direction, in the order in which it was sent.
#[derive(Clone, Debug)]
pub struct PacketRef<'a> {
    /// When it was captured; missing where the file gives no time that can be right.
    pub stamp: Stamp,
    /// 1-based number of the packet, within the stretch of the capture that is being read.
    pub number: u64,
    /// Sender and receiver; None below IP.
    pub addresses: Option<(IpAddr, IpAddr)>,
    /// What it carries.
    pub content: Content<'a>,
    /// Bytes that the packet had and the capture did not keep (a snap length).
    pub missing: u32,
}

/// What a packet carries.
#[derive(Clone, Debug)]
pub enum Content<'a> {
    /// A piece of a TCP connection.
    Tcp(Segment<'a>),
    /// A UDP datagram.
    Udp(Datagram<'a>),
    /// The payload of another IP protocol, by its number.
    Ip(u8, &'a [u8]),
    /// A PPP frame that no tunnel carries (a capture of a PPP interface or a serial line). The flag: it was sent by the
    /// machine that captured, if known.
    Ppp(&'a [u8], Option<bool>),
    /// The packet contradicts itself below what is carried.
    Flaw(Flaw),
}

/// A piece of a TCP connection: flags of one segment, and its bytes that are new and in order.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Sender's port.
    pub source_port: u16,
    /// Receiver's port.
    pub destination_port: u16,
    /// Opens the connection.
    pub syn: bool,
    /// Acknowledges.
    pub ack: bool,
    /// Ends its direction.
    pub fin: bool,
    /// Breaks the connection off.
    pub rst: bool,
    /// Bytes that nobody saw yet, in order.
    pub bytes: &'a [u8],
    /// Bytes are missing in front of these: the capture lacks them.
    pub gap: bool,
    /// Everything in it was seen before.
    pub again: bool,
}

/// A UDP datagram.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Sender's port.
    pub source_port: u16,
    /// Receiver's port.
    pub destination_port: u16,
    /// What it carries.
    pub bytes: &'a [u8],
}

/// Where a packet contradicts itself, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Protocol whose rule is broken, as it is called: `IP`, `TCP`, `L2TP`.
    pub protocol: &'static str,
    /// Bytes from the beginning of that protocol's header.
    pub offset: usize,
    /// What is wrong, for a reader who knows the protocol.
    pub reason: Cow<'static, str>,
}

impl Flaw {
    /// A flaw at a place.
    pub fn at(protocol: &'static str, offset: usize, reason: impl Into<Cow<'static, str>>) -> Flaw {
        Flaw {
            protocol,
            offset,
            reason: reason.into(),
        }
    }
}

/// Which packets are worth looking into; asked as soon as their ports are known.
pub trait PacketFilter {
    /// Whether TCP connections between these ports are.
    fn wants_tcp(&self, source_port: u16, destination_port: u16) -> bool;
    /// Whether UDP datagrams between these ports are.
    fn wants_udp(&self, source_port: u16, destination_port: u16) -> bool;
    /// Whether another IP protocol is.
    fn wants_protocol(&self, protocol: u8) -> bool;
}
