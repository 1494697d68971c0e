//! Which packets matter: those of tunnels, and of what tunnels need.

use tunlog_model::PacketFilter;

use super::{ike, l2tp, pptp, radius};

/// Whether a TCP connection matters.
pub(super) fn tcp(source: u16, destination: u16) -> bool {
    source == pptp::PORT || destination == pptp::PORT
}

/// Whether a UDP datagram matters.
pub(super) fn udp(source: u16, destination: u16) -> bool {
    let ours =
        |port: u16| port == l2tp::PORT || port == ike::PORT || port == ike::NAT_PORT || radius::PORTS.contains(&port);
    ours(source) || ours(destination)
}

/// What a capture is asked for.
#[derive(Clone, Copy, Debug)]
pub struct TunnelPackets;

impl PacketFilter for TunnelPackets {
    fn wants_tcp(&self, source_port: u16, destination_port: u16) -> bool {
        tcp(source_port, destination_port)
    }

    fn wants_udp(&self, source_port: u16, destination_port: u16) -> bool {
        udp(source_port, destination_port)
    }

    /// GRE, ESP and ICMP of both versions.
    fn wants_protocol(&self, protocol: u8) -> bool {
        matches!(protocol, 1 | 47 | 50 | 58)
    }
}
