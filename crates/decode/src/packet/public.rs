//! How much of a packet may be shown to others: the bytes before the first that a login's secret stands in, or can be searched
//! for offline from. Whoever hands captures on cuts packets there.

use super::ppp;

/// UDP ports of RADIUS (RFC 2865, RFC 2866, RFC 5176, and those before).
const RADIUS: [u16; 6] = [1645, 1646, 1812, 1813, 1814, 3799];
/// UDP ports of IKE.
const IKE: [u16; 2] = [500, 4500];
/// AVPs of L2TP that hold challenges and responses, or whole logins of a proxy (RFC 2661 §4.4): Challenge, Challenge Response,
/// the proxied LCP requests, the proxied authentication.
const SECRET_AVPS: [u16; 10] = [11, 13, 26, 27, 28, 29, 30, 31, 32, 33];

/// Of the payload of an IP packet.
pub fn public_bytes(protocol: u8, payload: &[u8]) -> usize {
    match protocol {
        17 => udp(payload),
        47 => tail(payload, gre_payload(payload), ppp_bytes),
        _ => payload.len(),
    }
}

/// Of a PPP frame.
pub fn public_ppp_bytes(frame: &[u8]) -> usize {
    ppp_bytes(frame)
}

/// Of something that begins at an offset; all where it has no such part.
fn tail(whole: &[u8], offset: Option<usize>, public: fn(&[u8]) -> usize) -> usize {
    match offset.and_then(|offset| Some((offset, whole.get(offset..)?))) {
        Some((offset, inner)) => offset + public(inner),
        None => whole.len(),
    }
}

/// A PPP frame: of PAP, CHAP and EAP the protocol, code, identifier and length.
fn ppp_bytes(frame: &[u8]) -> usize {
    match ppp::split(frame) {
        Some((0xc023 | 0xc223 | 0xc227, body)) => (frame.len() - body.len() + 4).min(frame.len()),
        _ => frame.len(),
    }
}

/// Where the frame of PPTP's GRE begins (RFC 2637 §4.1); lengths are not believed, since a capture may lack the end.
fn gre_payload(payload: &[u8]) -> Option<usize> {
    let [flags, more, 0x88, 0x0b, ..] = payload else {
        return None;
    };
    Some(8 + 4 * usize::from(flags & 0x10 != 0) + 4 * usize::from(more & 0x80 != 0))
}

fn udp(payload: &[u8]) -> usize {
    let Some(([a, b, c, d, ..], body)) = payload.split_first_chunk::<8>() else {
        return payload.len();
    };
    let ports = [u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])];
    let is = |known: &[u16]| ports.iter().any(|port| known.contains(port));
    let public = if is(&RADIUS) {
        // the header alone: attributes hold names and passwords in any order
        body.len().min(20)
    } else if is(&IKE) {
        ike(body)
    } else if is(&[super::l2tp::PORT]) {
        l2tp(body)
    } else {
        body.len()
    };
    8 + public
}

/// Aggressive mode sends a hash from which the pre-shared key can be searched for (RFC 2409 §5.4); its header alone.
fn ike(body: &[u8]) -> usize {
    // behind NAT four zeros stand in front (RFC 3948 §2.2)
    let is_aggressive = |at: usize| body.get(at + 18) == Some(&4);
    let at = if body.starts_with(&[0; 4]) && is_aggressive(4) {
        4
    } else {
        0
    };
    match is_aggressive(at) {
        true => body.len().min(at + 28),
        false => body.len(),
    }
}

fn l2tp(body: &[u8]) -> usize {
    let Some([flags, version, ..]) = body.first_chunk::<2>() else {
        return body.len();
    };
    if version & 15 != 2 {
        return body.len();
    }
    let has = |bit: u8| usize::from(flags & bit != 0);
    let fixed = 2 + 2 * has(0x40) + 4 + 4 * has(0x08);
    let offset = match has(0x02) {
        0 => 0,
        _ => match body.get(fixed..fixed + 2) {
            Some(&[high, low]) => 2 + usize::from(u16::from_be_bytes([high, low])),
            _ => return body.len(),
        },
    };
    match flags & 0x80 {
        0 => tail(body, Some(fixed + offset), ppp_bytes),
        _ => tail(body, Some(fixed + offset), avps),
    }
}

/// Up to the first AVP with a secret, or that is hidden, or that cannot be read.
fn avps(whole: &[u8]) -> usize {
    let mut at = 0;
    while let Some(&[flags, length, vendor_high, vendor_low, kind_high, kind_low]) = whole.get(at..at + 6) {
        let length = usize::from(u16::from_be_bytes([flags & 3, length]));
        let kind = u16::from_be_bytes([kind_high, kind_low]);
        let is_ietf = (vendor_high, vendor_low) == (0, 0);
        let is_hidden = flags & 0x40 != 0;
        if length < 6 || is_hidden || (is_ietf && SECRET_AVPS.contains(&kind)) {
            return (at + 6).min(whole.len());
        }
        at += length;
    }
    at.min(whole.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram(port: u16, body: &[u8]) -> Vec<u8> {
        let mut out = vec![0x80, 0x00];
        out.extend(port.to_be_bytes());
        out.extend([0; 4]);
        out.extend(body);
        out
    }

    const SECRET: &[u8] = b"hunter2hunter2";

    fn shown(protocol: u8, payload: &[u8]) -> Vec<u8> {
        payload[..public_bytes(protocol, payload)].to_vec()
    }

    #[test]
    fn logins_are_cut_and_the_rest_is_not() {
        let pap = [&[0xff, 0x03, 0xc0, 0x23, 1, 7, 0, 20], SECRET].concat();
        let chap = [&[0xc2, 0x23, 2, 7, 0, 20], SECRET].concat();
        let lcp = [&[0xff, 0x03, 0xc0, 0x21, 1, 7, 0, 20], SECRET].concat();
        assert_eq!(public_ppp_bytes(&pap), 8);
        assert_eq!(public_ppp_bytes(&chap), 6);
        assert_eq!(public_ppp_bytes(&lcp), lcp.len());
        // enhanced GRE with a sequence number
        let length = pap.len() as u8;
        let gre = [&[0x30, 0x01, 0x88, 0x0b, 0, length, 0, 9, 0, 0, 0, 1], pap.as_slice()].concat();
        assert_eq!(shown(47, &gre).len(), 12 + 8);
        // L2TP data: with length, and bare
        let data = datagram(1701, &[&[0x40, 2, 0, 28, 0, 1, 0, 1], pap.as_slice()].concat());
        assert_eq!(shown(17, &data).len(), 8 + 8 + 8);
        let data = datagram(1701, &[&[0x00, 2, 0, 1, 0, 1], chap.as_slice()].concat());
        assert_eq!(shown(17, &data).len(), 8 + 6 + 6);
        let radius = datagram(1812, &[&[1, 1, 0, 34], [0; 16].as_slice(), SECRET].concat());
        assert_eq!(shown(17, &radius).len(), 8 + 20);
        let mut aggressive = vec![0; 28];
        aggressive[18] = 4;
        let ike = datagram(500, &[&aggressive, SECRET].concat());
        assert_eq!(shown(17, &ike).len(), 8 + 28);
        aggressive[18] = 2;
        let main = datagram(500, &[&aggressive, SECRET].concat());
        assert_eq!(shown(17, &main), main);
        let web = datagram(53, SECRET);
        assert_eq!(shown(17, &web), web);
        assert_eq!(shown(6, SECRET), SECRET);
    }

    #[test]
    fn challenges_of_tunnels_are_cut() {
        let header = [0xc8, 2, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0];
        let kind = [0x80, 8, 0, 0, 0, 0, 0, 1];
        let challenge = [&[0x80, 6 + SECRET.len() as u8, 0, 0, 0, 11], SECRET].concat();
        let whole = datagram(1701, &[&header, kind.as_slice(), &challenge].concat());
        assert_eq!(shown(17, &whole).len(), 8 + 12 + 8 + 6);
        let hidden = [&[0xc0, 6 + SECRET.len() as u8, 0, 0, 0, 7], SECRET].concat();
        let whole = datagram(1701, &[&header, kind.as_slice(), &hidden].concat());
        assert_eq!(shown(17, &whole).len(), 8 + 12 + 8 + 6);
        let plain = datagram(1701, &[&header, kind.as_slice()].concat());
        assert_eq!(shown(17, &plain), plain);
    }

    #[test]
    fn any_bytes_are_answered() {
        for seed in 0..2000_u32 {
            let bytes: Vec<u8> = (0..seed % 60)
                .map(|at| (seed.wrapping_mul(2_654_435_761).rotate_left(at) >> 8) as u8)
                .collect();
            for protocol in [6, 17, 47] {
                for port in [1701_u16, 1812, 500, 4500] {
                    let payload = if protocol == 17 {
                        datagram(port, &bytes)
                    } else {
                        bytes.clone()
                    };
                    assert!(public_bytes(protocol, &payload) <= payload.len());
                }
            }
            assert!(public_ppp_bytes(&bytes) <= bytes.len());
        }
    }
}
