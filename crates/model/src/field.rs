//! The facts an event can carry. The list is closed: a dialect may only name these.

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// A fact that an event carries. The words are the contract's keys.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Field { $($(#[$doc])* $name,)* }

        impl Field {
            /// Every field with its key.
            pub const ALL: &[(Field, &str)] = &[$((Field::$name, $word),)*];
        }
    };
}

fields! {
    /// Name exactly as the client gave it.
    User = "user",
    /// Address of the client as a socket or the kernel reported it.
    ClientIp = "client_ip",
    /// UDP or TCP port of the client.
    ClientPort = "client_port",
    /// Address that the peer merely claims (Calling-Station-Id, L2TP Calling Number).
    ClaimedIp = "claimed_ip",
    /// Address given to the client inside the tunnel.
    AssignedIp = "assigned_ip",
    /// The gateway's outer address.
    ServerIp = "server_ip",
    /// The gateway's port.
    ServerPort = "server_port",
    /// PPP interface, `ppp0`.
    Interface = "interface",
    /// Process id that the line names (a child), not the writer's own.
    Pid = "pid",
    /// PPTP call id (RFC 2637) of the gateway.
    CallId = "call_id",
    /// PPTP call id of the peer.
    PeerCallId = "peer_call_id",
    /// L2TP tunnel id (RFC 2661) of the gateway.
    TunnelId = "tunnel_id",
    /// L2TP tunnel id of the peer.
    PeerTunnelId = "peer_tunnel_id",
    /// L2TP session (call) id of the gateway.
    SessionId = "session_id",
    /// Acct-Session-Id (RFC 2866 §5.5).
    AccountingId = "accounting_id",
    /// pap, chap-md5, ms-chap, ms-chap-v2, eap.
    AuthMethod = "auth_method",
    /// MPPE key length: 40, 56, 128.
    MppeBits = "mppe_bits",
    /// Whether MPPE keys change per packet (false) or not (true).
    MppeStateful = "mppe_stateful",
    /// Bytes the gateway sent to the client (pppd's "Sent").
    BytesToClient = "bytes_to_client",
    /// Bytes the gateway received from the client.
    BytesFromClient = "bytes_from_client",
    /// Packets to the client.
    PacketsToClient = "packets_to_client",
    /// Packets from the client.
    PacketsFromClient = "packets_from_client",
    /// Seconds.
    DurationS = "duration_s",
    /// A code: error number, result code, message type.
    Code = "code",
    /// Text of a reason.
    Reason = "reason",
    /// Name of a configuration option.
    Option = "option",
    /// Value of an option or parameter.
    Value = "value",
    /// Path of a file.
    Path = "path",
    /// Line number inside a configuration file.
    LineNumber = "line_number",
    /// Version of a program or protocol.
    Version = "version",
    /// A plug-in.
    Plugin = "plugin",
    /// A script.
    Script = "script",
    /// A signal, number or name.
    Signal = "signal",
    /// Exit status.
    Status = "status",
    /// How many.
    Count = "count",
    /// A limit.
    Limit = "limit",
    /// Protocol name or number.
    Protocol = "protocol",
    /// Identifier of a PPP control packet.
    PacketId = "packet_id",
    /// Maximum transmission unit, bytes.
    Mtu = "mtu",
    /// Maximum receive unit, bytes.
    Mru = "mru",
    /// LCP magic number.
    Magic = "magic",
    /// An address whose role the line does not tell.
    Address = "address",
    /// The gateway's address inside the tunnel.
    LocalIp = "local_ip",
    /// A device, `/dev/pts/1`.
    Device = "device",
    /// IKE identity of the peer.
    PeerId = "peer_id",
    /// Name of an IPsec connection.
    Connection = "connection",
    /// State of a state machine.
    State = "state",
    /// Cryptographic proposal.
    Proposal = "proposal",
    /// IPsec security parameter index.
    Spi = "spi",
    /// Interface a packet came in by.
    InInterface = "in_interface",
    /// Interface a packet goes out by.
    OutInterface = "out_interface",
    /// Source port of a packet.
    SourcePort = "source_port",
    /// Destination port of a packet.
    DestinationPort = "destination_port",
    /// What was done: accept, drop, block.
    Action = "action",
    /// Prefix of a packet filter's log line.
    Prefix = "prefix",
    /// Length in bytes.
    Length = "length",
    /// Name of the network access server.
    Nas = "nas",
    /// Address of the network access server.
    NasIp = "nas_ip",
    /// Port of the network access server.
    NasPort = "nas_port",
    /// A server (RADIUS, name server).
    Server = "server",
    /// Acct-Terminate-Cause (RFC 2866 §5.10).
    TerminateCause = "terminate_cause",
    /// Called-Station-Id.
    CalledStation = "called_station",
    /// A module.
    Module = "module",
    /// Text of an errno.
    Error = "error",
    /// A host.
    Host = "host",
    /// A name that is no user's (L2TP host name, vendor).
    Name = "name",
    /// A type.
    Type = "type",
    /// L2TP call serial number.
    Serial = "serial",
    /// Speed, bits a second.
    Speed = "speed",
    /// Which way a packet went: `from-client`, `to-client`.
    Direction = "direction",
    /// Where in a packet something stands, bytes from its first.
    Offset = "offset",
    /// Packets that did not arrive, by the gaps in their sequence numbers.
    Lost = "lost",
    /// Packets that arrived behind later ones.
    Reordered = "reordered",
}

impl Field {
    /// The contract's key.
    pub fn word(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// The field that a key names.
    pub fn from_word(word: &str) -> Option<Field> {
        crate::value_of(Self::ALL, word)
    }
}
