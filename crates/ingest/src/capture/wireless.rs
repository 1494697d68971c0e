//! Frames of IEEE 802.11, where they carry IP in the clear.

use tunlog_model::Flaw;

use super::flaw;
use super::link::{Network, typed};

/// The packet in a frame of one of the wireless link types.
pub(super) fn network(link: u16, frame: &[u8]) -> Result<Network<'_>, Flaw> {
    let header = match link {
        105 => Some(0),
        // Prism's header has one length, AVS says its own
        119 => Some(144),
        163 => frame
            .get(4..8)
            .map(|len| u32::from_be_bytes([len[0], len[1], len[2], len[3]]) as usize),
        // radiotap, PPI
        _ => frame
            .get(2..4)
            .map(|len| usize::from(u16::from_le_bytes([len[0], len[1]]))),
    };
    match header.and_then(|header| frame.get(header..)) {
        Some(inner) => data(inner),
        None => Err(flaw("802.11", 2, "the capture header is longer than the frame")),
    }
}

/// A data frame's content behind its LLC header; protected frames are somebody's secret.
fn data(frame: &[u8]) -> Result<Network<'_>, Flaw> {
    let Some(&[control, flags]) = frame.get(..2) else {
        return Err(flaw("802.11", 0, "the frame ends within its control field"));
    };
    let (kind, subtype) = (control >> 2 & 3, control >> 4);
    let has_data = kind == 2 && subtype & 4 == 0;
    if !has_data || flags & 0x40 != 0 {
        return Ok(Network::Other);
    }
    let mut header = 24;
    if flags & 3 == 3 {
        header += 6; // between access points: a fourth address
    }
    if subtype & 8 != 0 {
        header += 2;
        if flags & 0x80 != 0 {
            header += 4;
        }
    }
    match frame.get(header..) {
        Some([0xaa, 0xaa, 0x03, 0, 0, 0, high, low, rest @ ..]) => typed(u16::from_be_bytes([*high, *low]), rest),
        Some(_) => Ok(Network::Other),
        None => Err(flaw("802.11", frame.len(), "the frame ends within its header")),
    }
}
