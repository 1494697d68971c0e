//! The headers of IP (RFC 791, RFC 8200), TCP (RFC 9293) and UDP (RFC 768).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tunlog_model::{Datagram, Flaw};

use super::flaw;
use super::fragments::Fragment;

/// How many extension headers are walked.
const EXTENSIONS_MAX: usize = 16;

/// An IP packet, or a fragment of one.
pub(super) struct Packet<'a> {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub protocol: u8,
    pub payload: &'a [u8],
    /// Bytes of the payload that the capture did not keep.
    pub missing: u32,
    pub fragment: Option<Fragment>,
}

/// A packet that cannot be read.
pub(super) struct Refused {
    pub addresses: Option<(IpAddr, IpAddr)>,
    /// What is wrong; None if it was only cut by the capture.
    pub flaw: Option<Flaw>,
}

/// Reads a packet of which the capture lacks the last `missing` bytes.
pub(super) fn read(bytes: &[u8], missing: u32) -> Result<Packet<'_>, Refused> {
    match bytes.first().map(|first| first >> 4) {
        Some(4) => v4(bytes, missing),
        Some(6) => v6(bytes, missing),
        Some(version) => Err(refused(None, flaw("IP", 0, format!("version {version}")), missing)),
        None => Err(refused(
            None,
            flaw("IP", 0, "nothing behind the link's header"),
            missing,
        )),
    }
}

fn refused(addresses: Option<(IpAddr, IpAddr)>, flaw: Flaw, missing: u32) -> Refused {
    Refused {
        addresses,
        flaw: (missing == 0).then_some(flaw),
    }
}

fn word(bytes: &[u8], at: usize) -> u16 {
    match bytes.get(at..at + 2) {
        Some(&[high, low]) => u16::from_be_bytes([high, low]),
        _ => 0,
    }
}

fn v4(bytes: &[u8], missing: u32) -> Result<Packet<'_>, Refused> {
    let Some(header) = bytes.first_chunk::<20>() else {
        return Err(refused(
            None,
            flaw("IP", bytes.len(), "the packet ends within its header"),
            missing,
        ));
    };
    let address = |at: usize| {
        IpAddr::V4(Ipv4Addr::new(
            header[at],
            header[at + 1],
            header[at + 2],
            header[at + 3],
        ))
    };
    let (source, destination) = (address(12), address(16));
    let bad = |at: usize, reason: String| refused(Some((source, destination)), flaw("IP", at, reason), missing);
    let header_len = usize::from(header[0] & 15) * 4;
    if header_len < 20 {
        return Err(bad(0, format!("a header of {header_len} bytes")));
    }
    let total = match usize::from(word(header, 2)) {
        // large packets that the network card cuts later have no length
        0 => bytes.len() + missing as usize,
        total => total,
    };
    if total < header_len {
        return Err(bad(
            2,
            format!("a length of {total} bytes, less than its header of {header_len}"),
        ));
    }
    if total > bytes.len() + missing as usize {
        return Err(bad(
            2,
            format!(
                "a length of {total} bytes in a frame that has {}",
                bytes.len() + missing as usize
            ),
        ));
    }
    let end = total.min(bytes.len());
    let Some(payload) = bytes.get(header_len..end) else {
        return Err(refused(
            Some((source, destination)),
            flaw("IP", 0, "the packet ends within its options"),
            missing.max(1),
        ));
    };
    let place = word(header, 6);
    let fragment = (place & 0x3fff != 0).then(|| Fragment {
        id: u32::from(word(header, 4)),
        offset: usize::from(place & 0x1fff) * 8,
        more: place & 0x2000 != 0,
    });
    let (protocol, payload) = match (header[9], &fragment) {
        (51, None) => {
            behind_ah(payload).ok_or_else(|| bad(header_len, "an authentication header that is too short".into()))?
        }
        (protocol, _) => (protocol, payload),
    };
    Ok(Packet {
        source,
        destination,
        protocol,
        payload,
        missing: (total - end) as u32,
        fragment,
    })
}

/// The protocol and payload behind an authentication header (RFC 4302), which hides nothing.
fn behind_ah(payload: &[u8]) -> Option<(u8, &[u8])> {
    let len = (usize::from(*payload.get(1)?) + 2) * 4;
    Some((payload[0], payload.get(len..)?))
}

fn v6(bytes: &[u8], missing: u32) -> Result<Packet<'_>, Refused> {
    let Some(header) = bytes.first_chunk::<40>() else {
        return Err(refused(
            None,
            flaw("IPv6", bytes.len(), "the packet ends within its header"),
            missing,
        ));
    };
    let address = |at: usize| {
        let mut octets = [0; 16];
        octets.copy_from_slice(&header[at..at + 16]);
        IpAddr::V6(Ipv6Addr::from(octets))
    };
    let (source, destination) = (address(8), address(24));
    let bad = |at: usize, reason: String| refused(Some((source, destination)), flaw("IPv6", at, reason), missing);
    let len = match usize::from(word(header, 4)) {
        0 => bytes.len() + missing as usize - 40,
        len => len,
    };
    if 40 + len > bytes.len() + missing as usize {
        return Err(bad(
            4,
            format!(
                "a length of {len} bytes in a frame that has {} for it",
                bytes.len() + missing as usize - 40
            ),
        ));
    }
    let end = (40 + len).min(bytes.len());
    let (mut protocol, mut at, mut fragment) = (header[6], 40, None);
    for _ in 0..EXTENSIONS_MAX {
        let step = match (protocol, bytes.get(at..end)) {
            (0 | 43 | 60, Some([_, len, ..])) => (usize::from(*len) + 1) * 8,
            (51, Some([_, len, ..])) => (usize::from(*len) + 2) * 4,
            (44, Some(&[_, _, high, low, a, b, c, d, ..])) => {
                let place = u16::from_be_bytes([high, low]);
                fragment = (place & 0xfff9 != 0).then(|| Fragment {
                    id: u32::from_be_bytes([a, b, c, d]),
                    offset: usize::from(place & 0xfff8),
                    more: place & 1 != 0,
                });
                8
            }
            (0 | 43 | 44 | 51 | 60, _) => return Err(bad(at, "the packet ends within an extension header".into())),
            _ => break,
        };
        protocol = bytes[at];
        at += step;
        if fragment.as_ref().is_some_and(|fragment: &Fragment| fragment.offset > 0) {
            break; // what follows is the middle of something
        }
    }
    let Some(payload) = bytes.get(at..end.max(at)) else {
        return Err(bad(
            at.min(bytes.len()),
            "an extension header that is longer than the packet".into(),
        ));
    };
    Ok(Packet {
        source,
        destination,
        protocol,
        payload,
        missing: (40 + len - end) as u32,
        fragment,
    })
}

/// A TCP header.
pub(super) struct Tcp {
    pub source_port: u16,
    pub destination_port: u16,
    pub sequence: u32,
    pub flags: u8,
    /// Its length with options, bytes.
    pub len: usize,
}

pub(super) fn tcp(bytes: &[u8]) -> Result<Tcp, Flaw> {
    let Some(header) = bytes.first_chunk::<20>() else {
        return Err(flaw("TCP", bytes.len(), "the segment ends within its header"));
    };
    let len = usize::from(header[12] >> 4) * 4;
    if len < 20 || len > bytes.len() {
        return Err(flaw(
            "TCP",
            12,
            format!("a header of {len} bytes in a segment of {}", bytes.len()),
        ));
    }
    Ok(Tcp {
        source_port: word(header, 0),
        destination_port: word(header, 2),
        sequence: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
        flags: header[13],
        len,
    })
}

pub(super) fn udp(bytes: &[u8], missing: u32) -> Result<Datagram<'_>, Flaw> {
    let Some(header) = bytes.first_chunk::<8>() else {
        return Err(flaw("UDP", bytes.len(), "the datagram ends within its header"));
    };
    let len = match usize::from(word(header, 4)) {
        0 => bytes.len() + missing as usize,
        len => len,
    };
    if len < 8 || len > bytes.len() + missing as usize {
        return Err(flaw(
            "UDP",
            4,
            format!(
                "a length of {len} bytes in a packet that has {}",
                bytes.len() + missing as usize
            ),
        ));
    }
    Ok(Datagram {
        source_port: word(header, 0),
        destination_port: word(header, 2),
        bytes: &bytes[8..len.min(bytes.len())],
    })
}
