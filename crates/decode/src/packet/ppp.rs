//! PPP frames as tunnels carry them (RFC 1661 §2, RFC 1662 §3.1 without flags and checksum).

use tunlog_model::Flaw;

use super::auth;
use super::messages::Id;
use super::ncp;
use super::tell::{Context, Teller, word};

/// What a frame was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// A network packet of so many bytes, as far as that can be known of an encrypted one.
    Data(usize),
    /// It has been told.
    Control,
}

/// The protocol of a frame, and what it carries. Address and control may be left out, and so may the upper byte of the
/// protocol (RFC 1661 §6.5, §6.6): a receiver has to understand both, whatever was agreed.
pub(super) fn split(frame: &[u8]) -> Option<(u16, &[u8])> {
    let frame = frame.strip_prefix(&[0xff, 0x03]).unwrap_or(frame);
    match frame {
        [first, rest @ ..] if first & 1 == 1 => Some((u16::from(*first), rest)),
        [_, _, rest @ ..] => Some((word(frame, 0), rest)),
        _ => None,
    }
}

/// Reads a frame; `missing` bytes of it were not captured.
pub(super) fn frame(teller: &mut Teller<'_>, context: &Context, bytes: &[u8], missing: u32) -> Frame {
    let Some((protocol, body)) = split(bytes) else {
        if missing == 0 {
            let flaw = Flaw::at("PPP", bytes.len(), "the frame ends within its protocol");
            teller.malformed(Id::MalformedPpp, context, &flaw);
        }
        return Frame::Control;
    };
    let len = body.len() + missing as usize;
    match protocol {
        // IP, IPv6, multilink, compressed TCP
        0x0021 | 0x0057 | 0x003d | 0x002d | 0x002f => return Frame::Data(len),
        // compressed or encrypted (RFC 1962, RFC 3078): two bytes of MPPE and a protocol of one or two
        0x00fd | 0x00fb => return Frame::Data(len.saturating_sub(4)),
        _ => {}
    }
    if protocol < 0x4000 {
        return Frame::Data(len);
    }
    let control = match protocol {
        0xc021 | 0x80fd | 0x80fb | 0x8021 | 0x8057 => ncp::packet(teller, context, protocol, body, missing),
        0xc023 => auth::pap(teller, context, body, missing),
        0xc223 => auth::chap(teller, context, body, missing),
        0xc227 => auth::eap(teller, context, body, missing),
        other => {
            let line = format!("PPP protocol {other:#06x} ({}), {} bytes", name(other), body.len());
            if let Some(draft) = teller.event(Id::PppOther, context, &line) {
                let protocol = format!("{other:#06x}");
                draft.text(tunlog_model::Field::Protocol, protocol.as_bytes()).end();
            }
            Ok(())
        }
    };
    // what the capture cut off is nobody's fault
    if let Err((id, flaw)) = control
        && missing == 0
    {
        teller.malformed(id, context, &flaw);
    }
    Frame::Control
}

/// The name of a protocol (IANA, Point-to-Point Protocol numbers).
pub(super) fn name(protocol: u16) -> &'static str {
    match protocol {
        0x0021 => "IP",
        0x0057 => "IPv6",
        0x00fd => "compressed",
        0x8021 => "IPCP",
        0x8057 => "IPV6CP",
        0x80fd => "CCP",
        0x80fb => "CCP of a link",
        0x8053 | 0x8055 => "ECP",
        0x803f => "NBFCP",
        0x802b => "IPXCP",
        0x8281 => "MPLSCP",
        0xc021 => "LCP",
        0xc023 => "PAP",
        0xc025 => "LQR",
        0xc029 => "CBCP",
        0xc02b => "BACP",
        0xc02d => "BAP",
        0xc223 => "CHAP",
        0xc227 => "EAP",
        _ => "unknown",
    }
}

/// The header of a control packet: code, id, and what its length covers (RFC 1661 §5).
pub(super) fn header<'a>(protocol: &'static str, body: &'a [u8], missing: u32) -> Result<(u8, u8, &'a [u8]), Flaw> {
    let [code, id, ..] = body else {
        return Err(Flaw::at(protocol, body.len(), "the packet ends within its header"));
    };
    if body.len() < 4 {
        return Err(Flaw::at(protocol, body.len(), "the packet ends within its header"));
    }
    let len = usize::from(word(body, 2));
    if len < 4 || len > body.len() + missing as usize {
        let reason = format!(
            "a length of {len} bytes in a packet that has {}",
            body.len() + missing as usize
        );
        return Err(Flaw::at(protocol, 2, reason));
    }
    Ok((*code, *id, &body[4..len.min(body.len())]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_control_and_half_the_protocol_may_be_missing() {
        for frame in [&[0xff, 3, 0xc0, 0x21, 1][..], &[0xc0, 0x21, 1]] {
            assert_eq!(split(frame), Some((0xc021, &[1][..])));
        }
        for frame in [
            &[0xff, 3, 0, 0x21, 1][..],
            &[0, 0x21, 1],
            &[0x21, 1],
            &[0xff, 3, 0x21, 1],
        ] {
            assert_eq!(split(frame), Some((0x21, &[1][..])));
        }
        assert_eq!((split(&[]), split(&[0xc0]), split(&[0xff, 3])), (None, None, None));
    }
}
