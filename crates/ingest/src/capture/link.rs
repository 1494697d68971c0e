//! Frames of a link to the IP packet in them, by the link types of <https://www.tcpdump.org/linktypes.html>.

use tunlog_model::Flaw;

use super::{flaw, wireless};

/// What a frame carries.
pub(super) enum Network<'a> {
    /// An IP packet, either version.
    Ip(&'a [u8]),
    /// A PPP frame; whether the capturing machine sent it, if known.
    Ppp(&'a [u8], Option<bool>),
    /// Something else (ARP, a bridge's talk).
    Other,
    /// The link type is none of these.
    Unread,
}

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const PPPOE_SESSION: u16 = 0x8864;

/// How many tags a frame may carry in front of its content.
const TAGS_MAX: usize = 4;

/// The packet in a frame.
pub(super) fn network(link: u16, frame: &[u8]) -> Result<Network<'_>, Flaw> {
    match link {
        1 => ethernet(frame),
        113 => by_type(frame, 14, 16, "Linux cooked header"),
        276 => by_type(frame, 0, 20, "Linux cooked header"),
        12 | 14 | 101 | 228 | 229 => Ok(Network::Ip(frame)),
        0 | 108 => loopback(frame),
        9 | 50 | 51 => serial(link, frame),
        204 => match frame {
            [direction, rest @ ..] => Ok(Network::Ppp(rest, Some(*direction != 0))),
            [] => Err(short("PPP", frame)),
        },
        105 | 119 | 127 | 163 | 192 => wireless::network(link, frame),
        109 => versioned(frame.get(12..).ok_or_else(|| short("enc header", frame))?),
        117 => firewall_log(frame),
        239 => netfilter_log(frame),
        _ => Ok(Network::Unread),
    }
}

fn short(what: &'static str, frame: &[u8]) -> Flaw {
    flaw("link", frame.len(), format!("the frame ends within its {what}"))
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    let pair: [u8; 2] = bytes.get(at..at + 2)?.try_into().ok()?;
    Some(u16::from_be_bytes(pair))
}

fn ethernet(frame: &[u8]) -> Result<Network<'_>, Flaw> {
    by_type(frame, 12, 14, "Ethernet header")
}

/// A header with an Ethernet type at an offset.
fn by_type<'a>(frame: &'a [u8], at: usize, header: usize, what: &'static str) -> Result<Network<'a>, Flaw> {
    match (word(frame, at), frame.get(header..)) {
        (Some(kind), Some(rest)) => typed(kind, rest),
        _ => Err(short(what, frame)),
    }
}

/// What stands behind an Ethernet type: tags, PPPoE, IP.
pub(super) fn typed(mut kind: u16, mut rest: &[u8]) -> Result<Network<'_>, Flaw> {
    for _ in 0..TAGS_MAX {
        match kind {
            IPV4 | IPV6 => return Ok(Network::Ip(rest)),
            // VLAN tags, also a provider's
            0x8100 | 0x88a8 | 0x9100 | 0x9200 => {
                kind = word(rest, 2).ok_or_else(|| short("VLAN tag", rest))?;
                rest = &rest[4..];
            }
            PPPOE_SESSION => return pppoe(rest),
            _ => return Ok(Network::Other),
        }
    }
    Ok(Network::Other)
}

/// IP that goes through a PPPoE access line; the line's own PPP is the provider's business.
fn pppoe(rest: &[u8]) -> Result<Network<'_>, Flaw> {
    let protocol = word(rest, 6).ok_or_else(|| short("PPPoE header", rest))?;
    Ok(match protocol {
        0x0021 | 0x0057 => Network::Ip(&rest[8..]),
        _ => Network::Other,
    })
}

fn versioned(frame: &[u8]) -> Result<Network<'_>, Flaw> {
    match frame.first().map(|first| first >> 4) {
        Some(4 | 6) => Ok(Network::Ip(frame)),
        Some(_) => Ok(Network::Other),
        None => Err(short("first byte", frame)),
    }
}

/// An address family in four bytes, in the writer's byte order or the network's.
fn loopback(frame: &[u8]) -> Result<Network<'_>, Flaw> {
    let rest = frame.get(4..).ok_or_else(|| short("loopback header", frame))?;
    match (frame[0], frame[3]) {
        (2, 0) | (0, 2) => Ok(Network::Ip(rest)),
        // IPv6 has another number on every system
        (24 | 28 | 30, 0) | (0, 24 | 28 | 30) => Ok(Network::Ip(rest)),
        _ => Ok(Network::Other),
    }
}

/// PPP as a link of its own, on a serial line perhaps with address and control, or over Ethernet.
fn serial(link: u16, frame: &[u8]) -> Result<Network<'_>, Flaw> {
    let frame = match link {
        51 => frame.get(6..).ok_or_else(|| short("PPPoE header", frame))?,
        _ => frame,
    };
    let body = frame.strip_prefix(&[0xff, 0x03]).unwrap_or(frame);
    match body {
        [0x00, 0x21, rest @ ..] | [0x21, rest @ ..] | [0x00, 0x57, rest @ ..] | [0x57, rest @ ..] => {
            Ok(Network::Ip(rest))
        }
        // PPP over serial has no direction unless the first byte is one: 0 received, 1 sent
        _ => Ok(Network::Ppp(frame, None)),
    }
}

/// OpenBSD's pflog: the header says its own length and the address family.
fn firewall_log(frame: &[u8]) -> Result<Network<'_>, Flaw> {
    let len = usize::from(*frame.first().ok_or_else(|| short("pflog header", frame))?);
    let rest = frame
        .get(len.next_multiple_of(4)..)
        .ok_or_else(|| short("pflog header", frame))?;
    versioned(rest)
}

/// Linux's nflog: attributes, one of which is the packet.
fn netfilter_log(frame: &[u8]) -> Result<Network<'_>, Flaw> {
    let mut rest = frame.get(4..).ok_or_else(|| short("nflog header", frame))?;
    while let Some(&[low, high, kind, kind_high]) = rest.get(..4) {
        // attributes are in the byte order of the machine; all that are left are little-endian
        let (len, kind) = (
            usize::from(u16::from_le_bytes([low, high])),
            u16::from_le_bytes([kind, kind_high]),
        );
        let Some(value) = rest.get(4..len) else {
            return Err(flaw(
                "link",
                frame.len() - rest.len(),
                "an nflog attribute is longer than the frame",
            ));
        };
        if kind & 0x7fff == 9 {
            return versioned(value);
        }
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or(&[]);
    }
    Ok(Network::Other)
}
