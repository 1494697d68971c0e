//! Packets to events: PPTP, GRE, PPP, L2TP, IKE, RADIUS and ICMP, as far as they are about tunnels.
//!
//! A packet decoder is fed with the packets of one capture, in order. What it remembers between packets is bounded, and is
//! only what a protocol needs to be read: the halves of messages, which side listens, what a direction counted. Joining
//! packets into attempts is the correlator's. Secrets (passwords, challenges, responses) are never copied.

mod auth;
mod exposed;
mod gre;
mod icmp;
mod ike;
mod l2tp;
mod messages;
mod ncp;
mod ppp;
mod pptp;
mod public;
mod radius;
mod sides;
mod tell;
mod wants;

use std::net::IpAddr;

use tunlog_model::{Content, EventBatch, Field, Flaw, PacketRef, Stamp};

use crate::{Catalogue, Keep};
pub use exposed::Exposed;
use messages::{Id, Messages};
use ppp::Frame;
pub use public::{public_bytes, public_ppp_bytes};
use tell::{Carrier, Context, Teller};
pub use wants::TunnelPackets;

/// Turns the packets of one capture into events.
pub struct PacketDecoder {
    messages: Messages,
    keep: Keep,
    sides: sides::Sides,
    connections: pptp::Connections,
    calls: gre::Calls,
    sessions: l2tp::Sessions,
    encrypted: ike::Encrypted,
    requests: radius::Requests,
    watch: exposed::Watch,
    /// The time of the last packet.
    last: Stamp,
    scratch: String,
}

impl PacketDecoder {
    /// A decoder for a capture of which nothing was read.
    pub fn new(catalogue: &Catalogue, keep: Keep) -> PacketDecoder {
        PacketDecoder {
            messages: Messages::of(catalogue),
            keep,
            sides: sides::Sides::default(),
            connections: pptp::Connections::default(),
            calls: gre::Calls::default(),
            sessions: l2tp::Sessions::default(),
            encrypted: ike::Encrypted::default(),
            requests: radius::Requests::default(),
            watch: exposed::Watch::default(),
            last: Stamp::Missing,
            scratch: String::new(),
        }
    }

    /// Decodes one packet into `batch`; never an error: what contradicts itself is an event too.
    pub fn packet(&mut self, packet: &PacketRef<'_>, batch: &mut EventBatch) {
        batch.records += 1;
        if self.keep == Keep::Unrecognised {
            return;
        }
        self.last = packet.stamp;
        let messages = &self.messages;
        let mut teller = Teller {
            batch,
            messages,
            stamp: packet.stamp,
            number: packet.number,
            watch: &mut self.watch,
            scratch: &mut self.scratch,
        };
        let missing = packet.missing;
        let (addresses, context) = match packet.addresses {
            Some((from, to)) => ((from, to), Context::between((from, None), (to, None))),
            None => {
                let nobody = IpAddr::from([0, 0, 0, 0]);
                ((nobody, nobody), Context::NOWHERE)
            }
        };
        match &packet.content {
            Content::Tcp(segment) => {
                let ended = self
                    .connections
                    .segment(&mut teller, &mut self.sides, addresses, segment);
                if let Some(ended) = ended {
                    for call in ended.calls {
                        self.calls.end(&mut teller, ended.way, call);
                    }
                }
            }
            Content::Udp(datagram) => {
                let has = |port: u16| datagram.source_port == port || datagram.destination_port == port;
                if has(l2tp::PORT) {
                    self.sessions
                        .datagram(&mut teller, &mut self.sides, addresses, datagram, missing);
                } else if has(ike::PORT) || has(ike::NAT_PORT) {
                    let (sides, encrypted) = (&mut self.sides, &mut self.encrypted);
                    ike::datagram(&mut teller, sides, encrypted, addresses, datagram, missing);
                } else {
                    self.requests.datagram(&mut teller, addresses, datagram, missing);
                }
            }
            Content::Ip(47, bytes) => {
                let known = (&mut self.calls, &mut self.sides, &self.connections);
                if let Err(flaw) = gre(known, &mut teller, addresses, bytes, missing)
                    && missing == 0
                {
                    let way = Some(self.sides.way(addresses.0, addresses.1));
                    teller.malformed(Id::MalformedGre, &Context { way, ..context }, &flaw);
                }
            }
            Content::Ip(50, bytes) => {
                let way = self.sides.way(addresses.0, addresses.1);
                let context = Context {
                    way: Some(way),
                    ..context
                };
                self.encrypted.packet(&mut teller, &context, way, bytes);
            }
            Content::Ip(protocol, bytes) => {
                let version = if *protocol == 58 { 6 } else { 4 };
                icmp::packet(&mut teller, &mut self.sides, addresses, version, bytes, missing);
            }
            Content::Ppp(bytes, _) => {
                ppp::frame(&mut teller, &context, bytes, missing);
            }
            Content::Flaw(flaw) => teller.malformed(malformed(flaw), &context, flaw),
        }
    }

    /// How many logins the packets so far give away to whoever has the capture.
    pub fn exposed(&self) -> Exposed {
        self.watch.exposed
    }

    /// The capture ends: what was counted is told, as of the last packet.
    pub fn finish(&mut self, number: u64, batch: &mut EventBatch) {
        if self.keep == Keep::Unrecognised {
            return;
        }
        let mut teller = Teller {
            batch,
            messages: &self.messages,
            stamp: self.last,
            number,
            watch: &mut self.watch,
            scratch: &mut self.scratch,
        };
        let sides = &mut self.sides;
        let mut way = |from, to| sides.way(from, to);
        self.calls.finish(&mut teller, &mut way);
        self.sessions.finish(&mut teller, &mut way);
        self.encrypted.finish(&mut teller);
        self.requests.finish(&mut teller);
    }
}

/// The message of a flaw below the protocols that are read here.
fn malformed(flaw: &Flaw) -> Id {
    match flaw.protocol {
        "IP" | "IPv6" => Id::MalformedIp,
        "TCP" => Id::MalformedTcp,
        "UDP" => Id::MalformedUdp,
        _ => Id::MalformedLink,
    }
}

/// A GRE packet: counted, its call's first one told, and its PPP frame read.
fn gre(
    (calls, sides, connections): (&mut gre::Calls, &mut sides::Sides, &pptp::Connections),
    teller: &mut Teller<'_>,
    (from, to): (IpAddr, IpAddr),
    bytes: &[u8],
    missing: u32,
) -> Result<(), Flaw> {
    let Some(packet) = gre::read(bytes, missing)? else {
        return Ok(());
    };
    let Some(is_first) = calls.count((from, to), &packet) else {
        return Ok(());
    };
    // most packets carry data: who is the gateway is not asked for them
    if !is_first
        && let Some((protocol, body)) = ppp::split(packet.frame)
        && protocol < 0x4000
    {
        let len = body.len() + packet.missing as usize;
        let len = if matches!(protocol, 0x00fd | 0x00fb) {
            len.saturating_sub(4)
        } else {
            len
        };
        calls.carried((from, to), packet.call, len);
        return Ok(());
    }
    let way = sides.way(from, to);
    let context = Context {
        way: Some(way),
        carrier: Carrier::Gre(packet.call),
        ..Context::between((from, None), (to, None))
    };
    if is_first {
        calls.make_room(teller, &mut |from, to| sides.way(from, to));
        let sequence = packet.sequence.map_or("none".to_string(), |number| number.to_string());
        let line = format!("GREv1 call {} begins, seq {sequence}", packet.call);
        if let Some(draft) = teller.event(Id::GreStarted, &context, &line) {
            draft.int(Field::Length, packet.frame.len() as i64).end();
        }
        if connections.agreed(way, packet.call) == Some(false) {
            let line = format!("GREv1 call {} was never agreed on the control connection", packet.call);
            teller.plain(Id::GreStrange, &context, &line);
        }
    }
    if packet.frame.is_empty() {
        return Ok(());
    }
    if let Frame::Data(len) = ppp::frame(teller, &context, packet.frame, packet.missing) {
        calls.carried((from, to), packet.call, len);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
