//! The causes of failures (CONTRACT §4) in words, for `tunlog explain`.

use tunlog_report::explain::Explanation;

/// Id, meaning, what to do.
pub const CAUSES: &[(&str, &str, &str)] = &[
    (
        "gre-blocked",
        "The PPTP control call is up, but PPP frames do not get through in at least one direction: something on the way drops GRE, IP protocol 47.",
        "Allow IP protocol 47 on the gateway's firewall and on every router in between; behind NAT, load a PPTP helper. `tcpdump proto 47` on the outer interface shows which direction is missing.",
    ),
    (
        "conntrack-helper-missing",
        "PPP frames do not get through, and the evidence names the missing connection-tracking helper for PPTP and GRE.",
        "Load nf_conntrack_pptp (and nf_nat_pptp behind NAT) and attach the helper to TCP port 1723.",
    ),
    (
        "esp-blocked",
        "IPsec is established, yet no L2TP packet arrives through it: ESP, or UDP 4500 behind NAT, is dropped on the way.",
        "Allow IP protocol 50 and UDP port 4500 in both directions.",
    ),
    (
        "control-unreachable",
        "TCP 1723 or UDP 1701, 500 or 4500 never reaches the daemon.",
        "Check the firewall's rules and that the daemon listens on the outer address.",
    ),
    (
        "not-vpn-traffic",
        "What came to the control port is not the protocol: a scan, garbage, a wrong magic number.",
        "Nothing, unless it keeps coming from one address: then block that address.",
    ),
    (
        "abandoned",
        "The peer connected and left before it negotiated anything.",
        "Nothing for a scanner; for a real client look at its own log.",
    ),
    (
        "l2tp-unanswered",
        "L2TP control messages, or the PPP frames in its data channel, go without an answer.",
        "Check that UDP 1701 passes in both directions and that the client is still there.",
    ),
    (
        "packet-loss",
        "Packets are lost or reordered on the path.",
        "Test the path with another client; look at the counters of the interfaces on the way.",
    ),
    (
        "mtu-problem",
        "Packets above a size vanish on the way.",
        "Lower MTU and MRU in the PPP options (1400 is a good first try) and clamp the TCP MSS.",
    ),
    (
        "nat-collision",
        "A second client behind the same NAT disturbs the first.",
        "Give the NAT router a PPTP helper, or use IPsec with NAT traversal and a gateway that tells such clients apart.",
    ),
    (
        "routing-loop",
        "Tunnel packets are routed into the tunnel.",
        "Add a host route to the peer's outer address by the outer interface.",
    ),
    (
        "server-network-error",
        "The gateway cannot send: no route, no such device.",
        "Check the gateway's routes and interfaces.",
    ),
    (
        "ike-no-response",
        "The other side does not answer IKE.",
        "Check that UDP 500 and 4500 pass in both directions and that the IKE daemon runs.",
    ),
    (
        "ike-proposal-mismatch",
        "Both sides have no cryptographic proposal in common.",
        "Compare the algorithms offered and configured; old clients need SHA-1 and MODP-1024.",
    ),
    (
        "ike-psk-mismatch",
        "The pre-shared keys differ.",
        "Set the same key on both sides; look for blanks and for an identity that selects another key.",
    ),
    (
        "ike-mode-mismatch",
        "The modes differ: main or aggressive, transport or tunnel, or NAT traversal is refused.",
        "Set transport mode for L2TP, and allow NAT traversal on both sides.",
    ),
    (
        "ike-malformed",
        "An IKE packet could not be read.",
        "Check for a wrong pre-shared key first, then for a device that alters packets.",
    ),
    (
        "wrong-credentials",
        "Name or password was refused; the evidence does not say which.",
        "Check the name and set the password anew; see whether the name carries a domain.",
    ),
    (
        "wrong-password",
        "The password was refused.",
        "Set the password anew on the client; see whether it has expired.",
    ),
    (
        "unknown-user",
        "The gateway or its backend does not know this name.",
        "Check the spelling and the domain; create the user if it should exist.",
    ),
    (
        "account-restricted",
        "The account is disabled, expired, locked, out of hours or has no right to dial in.",
        "Lift the restriction in the directory if it should not be there.",
    ),
    (
        "no-secret",
        "The gateway holds no usable secret for this peer.",
        "Add the name to chap-secrets (or pap-secrets) with the right server name and address.",
    ),
    (
        "auth-method-refused",
        "Client and gateway have no authentication method in common.",
        "Allow MS-CHAP-V2 on both sides.",
    ),
    (
        "peer-authentication-demanded",
        "The local side demands that the server authenticate itself.",
        "Set `noauth` on the client.",
    ),
    (
        "auth-reply-mismatch",
        "The proof of the mutual authentication does not match.",
        "Check that both sides use the same password and name, the domain included.",
    ),
    (
        "clock-skew",
        "Clocks differ so much that authentication or correlation fails.",
        "Let every machine keep its time by NTP.",
    ),
    (
        "auth-backend-unreachable",
        "RADIUS, Active Directory or LDAP does not answer.",
        "Check the path to the backend and that it runs.",
    ),
    (
        "auth-backend-misconfigured",
        "RADIUS, Active Directory or LDAP is set up wrongly: secret, dictionary, server entry, plug-in.",
        "Compare the shared secret and the client entry on both sides.",
    ),
    (
        "encryption-refused-by-client",
        "The gateway requires MPPE, the client has it off.",
        "Switch encryption on in the client.",
    ),
    (
        "encryption-refused-by-server",
        "The client requires MPPE, the gateway has it off.",
        "Set `require-mppe-128` in the gateway's PPP options.",
    ),
    (
        "mppe-mode-mismatch",
        "Stateful and stateless mode or the key lengths do not match.",
        "Allow 128 bit, stateless, on both sides.",
    ),
    (
        "mppe-unsupported",
        "This machine cannot do MPPE.",
        "Load ppp_mppe, and use a pppd that was built with it.",
    ),
    (
        "mppe-key-mismatch",
        "Both agreed on MPPE but have different keys; nothing decrypts.",
        "Check that the backend returns the MPPE keys of this login.",
    ),
    (
        "encryption-timeout",
        "The negotiation of encryption was never answered.",
        "Check that the client allows MPPE and that packets are not lost.",
    ),
    (
        "no-address",
        "The pool is empty, or no address is configured for the peer.",
        "Enlarge the pool or give the user an address.",
    ),
    (
        "address-conflict",
        "Addresses disagree, are refused, or are in use already.",
        "Give each user an address of its own, outside the pool.",
    ),
    (
        "ipcp-failed",
        "The network layer was not agreed on for another reason.",
        "Look at the IPCP lines with `debug` on.",
    ),
    (
        "daemon-config-error",
        "A daemon refuses its configuration or lacks a right.",
        "The line names the option, file or plug-in: mend it and restart the daemon.",
    ),
    (
        "kernel-module-missing",
        "The kernel lacks PPP, PPTP or L2TP.",
        "Load the module, or install the package of modules of this kernel.",
    ),
    (
        "resource-limit",
        "Connections, addresses, file descriptors or processes are exhausted.",
        "Raise the limit, and see what used it up.",
    ),
    (
        "server-stopped",
        "The daemon was stopped or restarted in mid-attempt.",
        "Try again.",
    ),
    (
        "daemon-bug",
        "A known fault of this version of the daemon.",
        "Update the daemon.",
    ),
    (
        "client-aborted",
        "The client ended a negotiation that was going well.",
        "Look at the client's own log.",
    ),
    (
        "peer-gone",
        "The link died without goodbye.",
        "Look for a lost network on the client's side, and for a NAT router that forgets idle connections.",
    ),
    (
        "client-routing",
        "The tunnel is healthy, but the client does not route through it.",
        "Check the client's default gateway and routes.",
    ),
    (
        "healthy",
        "The log shows a working session.",
        "Look elsewhere: routes, names, the firewall behind the gateway.",
    ),
    (
        "unencrypted",
        "The session works without encryption.",
        "Require MPPE or IPsec if nobody on the way should read it.",
    ),
    (
        "unknown",
        "The evidence does not tell.",
        "Switch `debug` on for pppd and the tunnel daemon and try again; add the firewall's log.",
    ),
];

/// The explanation of a cause.
pub fn explain(id: &str) -> Option<Explanation> {
    let (id, meaning, action) = CAUSES.iter().find(|(known, ..)| *known == id)?;
    Some(Explanation {
        id: (*id).to_owned(),
        meaning: (*meaning).to_owned(),
        actions: vec![(*action).to_owned()],
        ..Explanation::default()
    })
}
