//! ICMP errors about tunnel packets (RFC 792, RFC 4443): who could not deliver what, and why.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tunlog_model::{Field, Flaw};

use super::messages::Id;
use super::sides::Sides;
use super::tell::{Context, Teller, Way, long, word};
use super::wants;

/// The packet that an error speaks of.
struct Inner {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    ports: Option<(u16, u16)>,
}

/// Reads an ICMP packet; nothing is told of one that is no error or speaks of somebody else's packets.
pub(super) fn packet(
    teller: &mut Teller<'_>,
    sides: &mut Sides,
    (from, to): (IpAddr, IpAddr),
    version: u8,
    bytes: &[u8],
    missing: u32,
) {
    let context = Context::between((from, None), (to, None));
    let [kind, code, ..] = bytes else {
        if missing == 0 {
            let flaw = Flaw::at("ICMP", bytes.len(), "the packet ends within its header");
            teller.malformed(Id::MalformedIcmp, &context, &flaw);
        }
        return;
    };
    let Some((message, text)) = meaning(version, *kind, *code) else {
        return;
    };
    let Some(inner) = bytes.get(8..).and_then(inner) else {
        if missing == 0 {
            let flaw = Flaw::at("ICMP", 8, "the packet that it speaks of is cut within its header");
            teller.malformed(Id::MalformedIcmp, &context, &flaw);
        }
        return;
    };
    let (source_port, destination_port) = inner.ports.unwrap_or_default();
    let wanted = match inner.protocol {
        6 => wants::tcp(source_port, destination_port),
        17 => wants::udp(source_port, destination_port),
        other => matches!(other, 47 | 50),
    };
    if !wanted {
        return;
    }
    tell(teller, sides, context, &inner, message, text, bytes);
}

/// Tells an error about a packet that matters.
fn tell(
    teller: &mut Teller<'_>,
    sides: &mut Sides,
    context: Context,
    inner: &Inner,
    message: Id,
    text: &'static str,
    bytes: &[u8],
) {
    let Some(((from, _), _)) = context.ends else { return };
    let (source_port, destination_port) = inner.ports.unwrap_or_default();
    let mut way = sides.way(inner.source, inner.destination);
    // whoever is asked on the port is the gateway
    let asked = [1723, 1701, 500, 4500, 1812, 1813, 1645, 1646].contains(&destination_port);
    if inner.ports.is_some() && asked && source_port != destination_port {
        way = Way::of(inner.source, inner.destination, true);
    }
    let context = Context {
        way: Some(way),
        client_port: inner
            .ports
            .map(|_| if way.from_client { source_port } else { destination_port }),
        ..context
    };
    let mtu = match (message, from.is_ipv4()) {
        (Id::IcmpTooBig, true) => Some(i64::from(word(bytes, 6))),
        (Id::IcmpTooBig, false) => Some(i64::from(long(bytes, 4))),
        _ => None,
    };
    let name = protocol_name(inner.protocol);
    let mut line = format!("ICMP {text}: {name} {} > {}", inner.source, inner.destination);
    if inner.ports.is_some() {
        line.push_str(&format!(" port {destination_port}"));
    }
    if let Some(mtu) = mtu {
        line.push_str(&format!(", mtu {mtu}"));
    }
    let Some(draft) = teller.event(message, &context, &line) else {
        return;
    };
    let mut draft = draft
        .word(Field::Protocol, name)
        .int(Field::Code, bytes[1].into())
        .ip(Field::Address, from)
        .word(Field::Reason, text);
    if let Some((source, destination)) = inner.ports {
        draft = draft
            .int(Field::SourcePort, source.into())
            .int(Field::DestinationPort, destination.into());
    }
    match mtu {
        Some(mtu) => draft.int(Field::Mtu, mtu).end(),
        None => draft.end(),
    }
}

fn protocol_name(protocol: u8) -> &'static str {
    match protocol {
        6 => "TCP",
        17 => "UDP",
        47 => "GRE",
        50 => "ESP",
        _ => "IP",
    }
}

/// The message of an error, and its words.
fn meaning(version: u8, kind: u8, code: u8) -> Option<(Id, &'static str)> {
    Some(match (version, kind, code) {
        (4, 3, 4) => (Id::IcmpTooBig, "fragmentation needed"),
        (4, 3, 2) => (Id::IcmpProtocol, "protocol unreachable"),
        (4, 3, 3) => (Id::IcmpPort, "port unreachable"),
        (4, 3, 9 | 10 | 13) => (Id::IcmpProhibited, "administratively prohibited"),
        (4, 3, _) => (Id::IcmpHost, "host unreachable"),
        (4, 11, _) => (Id::IcmpTime, "time exceeded"),
        (6, 2, _) => (Id::IcmpTooBig, "packet too big"),
        (6, 1, 4) => (Id::IcmpPort, "port unreachable"),
        (6, 1, 1 | 5 | 6) => (Id::IcmpProhibited, "administratively prohibited"),
        (6, 1, _) => (Id::IcmpHost, "address unreachable"),
        (6, 3, _) => (Id::IcmpTime, "time exceeded"),
        (6, 4, 1) => (Id::IcmpProtocol, "unknown next header"),
        _ => return None,
    })
}

/// The header of the packet that an error quotes, and its ports as far as they are there.
fn inner(bytes: &[u8]) -> Option<Inner> {
    let (source, destination, protocol, header) = match bytes.first()? >> 4 {
        4 => {
            let address = |at| IpAddr::V4(Ipv4Addr::from(long(bytes, at)));
            bytes.get(19)?;
            (address(12), address(16), bytes[9], usize::from(bytes[0] & 15) * 4)
        }
        6 => {
            let address = |at: usize| -> Option<IpAddr> {
                let octets: [u8; 16] = bytes.get(at..at + 16)?.try_into().ok()?;
                Some(IpAddr::V6(Ipv6Addr::from(octets)))
            };
            (address(8)?, address(24)?, bytes[6], 40)
        }
        _ => return None,
    };
    let has_ports = matches!(protocol, 6 | 17) && bytes.len() >= header + 4;
    Some(Inner {
        source,
        destination,
        protocol,
        ports: has_ports.then(|| (word(bytes, header), word(bytes, header + 2))),
    })
}
