//! The same stories in the words of real gateways: each dialect's facts lead to the attempts that they should.

use expect_test::{Expect, expect};
use tunlog_testkit::lines_of;

use crate::attempts_of;

fn check(log: &str, want: Expect) {
    let lines: Vec<&str> = log
        .lines()
        .map(str::trim_start)
        .filter(|line| !line.is_empty())
        .collect();
    want.assert_eq(&lines_of(&attempts_of(&(lines.join("\n") + "\n"))));
}

#[test]
fn mpd_names_link_bundle_and_control_connection_apart() {
    check(
        r#"
            Dec  1 12:00:00 gw mpd[900]: PPTP: Incoming control connection from 203.0.113.7 50412 to 198.51.100.10 1723
            Dec  1 12:00:00 gw mpd[900]: pptp0: attached to connection with 203.0.113.7 50412
            Dec  1 12:00:00 gw mpd[900]: [L-1] Accepting PPTP connection
            Dec  1 12:00:00 gw mpd[900]: [L-1] Link: OPEN event
            Dec  1 12:00:00 gw mpd[900]: [L-1] LCP: Open event
            Dec  1 12:00:00 gw mpd[900]: [L-1] LCP: state change Initial --> Starting
            Dec  1 12:00:00 gw mpd[900]: [L-1] LCP: LayerStart
            Dec  1 12:00:00 gw mpd[900]: [L-1] PPTP: attaching to peer's outgoing call
            Dec  1 12:00:00 gw mpd[900]: [L-1] Link: UP event
            Dec  1 12:00:00 gw mpd[900]: [L-1] LCP: Up event
            Dec  1 12:00:00 gw mpd[900]: [L-1] LCP: SendConfigReq #1
            Dec  1 12:00:00 gw mpd[900]: [L-1] LCP: rec'd Configure Request #0 (Req-Sent)
            Dec  1 12:00:00 gw mpd[900]: [L-1] LCP: state change Ack-Sent --> Opened
            Dec  1 12:00:00 gw mpd[900]: [L-1] LCP: auth: peer wants nothing, I want CHAP
            Dec  1 12:00:00 gw mpd[900]: [L-1] CHAP: sending CHALLENGE #1 len: 21
            Dec  1 12:00:00 gw mpd[900]: [L-1] LCP: LayerUp
            Dec  1 12:00:01 gw mpd[900]: [L-1] CHAP: rec'd RESPONSE #1 len: 58
            Dec  1 12:00:01 gw mpd[900]: [L-1]   Name: "anna"
            Dec  1 12:00:01 gw mpd[900]: [L-1] AUTH: Trying INTERNAL
            Dec  1 12:00:01 gw mpd[900]: [L-1] AUTH: INTERNAL returned: undefined
            Dec  1 12:00:01 gw mpd[900]: [L-1] CHAP: Auth return status: undefined
            Dec  1 12:00:01 gw mpd[900]: [L-1] CHAP: Response is valid
            Dec  1 12:00:01 gw mpd[900]: [L-1] CHAP: sending SUCCESS #1 len: 46
            Dec  1 12:00:01 gw mpd[900]: [L-1] LCP: authorization successful
            Dec  1 12:00:01 gw mpd[900]: [L-1] Link: Matched action 'bundle "B" ""'
            Dec  1 12:00:01 gw mpd[900]: [L-1] Creating new bundle using template "B".
            Dec  1 12:00:01 gw mpd[900]: [B-1] Bundle: Interface ng0 created
            Dec  1 12:00:01 gw mpd[900]: [L-1] Link: Join bundle "B-1"
            Dec  1 12:00:01 gw mpd[900]: [B-1] Bundle: Status update: up 1 link, total bandwidth 64000 bps
            Dec  1 12:00:01 gw mpd[900]: [B-1] IPCP: Open event
            Dec  1 12:00:01 gw mpd[900]: [B-1] CCP: Compress using: mppc (MPPE(128 bits), stateless)
            Dec  1 12:00:01 gw mpd[900]: [B-1] IPCP: rec'd Configure Request #5 (Req-Sent)
            Dec  1 12:00:02 gw mpd[900]: [B-1] IPCP: LayerUp
            Dec  1 12:00:02 gw mpd[900]: [B-1]   192.168.1.1 -> 192.168.1.50
            Dec  1 12:00:02 gw mpd[900]: [B-1] IFACE: Up event
            Dec  1 12:00:30 gw mpd[900]: PPTP: Incoming control connection from 203.0.113.9 50777 to 198.51.100.10 1723
            Dec  1 12:00:30 gw mpd[900]: pptp1: attached to connection with 203.0.113.9 50777
            Dec  1 12:00:30 gw mpd[900]: [L-2] Accepting PPTP connection
            Dec  1 12:00:30 gw mpd[900]: [L-2] LCP: LayerUp
            Dec  1 12:00:31 gw mpd[900]: [L-2]   Name: "bert"
            Dec  1 12:00:31 gw mpd[900]: [L-2] AUTH: User "bert" not found in secret file
            Dec  1 12:00:31 gw mpd[900]: [L-2] LCP: authorization failed
            Dec  1 12:00:31 gw mpd[900]: [L-2] LCP: SendTerminateReq #3
            Dec  1 12:00:31 gw mpd[900]: [L-2] Link: DOWN event
            Dec  1 12:00:31 gw mpd[900]: pptp1: killing connection with 203.0.113.9 50777
            Dec  1 12:05:00 gw mpd[900]: [L-1] LCP: rec'd Terminate Request #5 (Opened)
            Dec  1 12:05:00 gw mpd[900]: [L-1] LCP: state change Opened --> Stopping
            Dec  1 12:05:00 gw mpd[900]: [L-1] ACCT: Accounting data for user 'anna': 299 seconds, 1000 octets in, 2000 octets out
            Dec  1 12:05:00 gw mpd[900]: [L-1] Link: Leave bundle "B-1"
            Dec  1 12:05:00 gw mpd[900]: [B-1] IFACE: Down event
            Dec  1 12:05:00 gw mpd[900]: [L-1] Link: DOWN event
            Dec  1 12:05:00 gw mpd[900]: pptp0: killing connection with 203.0.113.7 50412
"#,
        expect![[r#"
            pptp established user="anna" from=203.0.113.7 gets=192.168.1.50 to=2000 received=1000 mppe=128 end=user-request
            pptp failed user="bert" from=203.0.113.9 at=auth cause=unknown-user
        "#]],
    );
}

#[test]
fn accel_ppp_speaks_of_interfaces() {
    check(
        r#"
            Feb 28 14:58:57 vyos accel-pptp[4629]: pptp: new connection from 203.0.113.7
            Feb 28 14:58:57 vyos accel-pptp[4629]: :: recv [PPTP Start-Ctrl-Conn-Request <Version 1> <Framing 1> <Bearer 1> <Max-Chan 0>]
            Feb 28 14:58:57 vyos accel-pptp[4629]: :: recv [LCP ConfReq id=1 <mru 1400> <magic 0142785a>]
            Feb 28 14:59:00 vyos accel-pptp[4629]: :: recv [MSCHAP-v2 Response id=1 <90c21af1091f745e8bf22388b058>, <e695ae5aae274c88a3fa1ee3dc9057aece4d53c87b9fea>, F=0, name="test"]
            Feb 28 14:59:00 vyos accel-pptp[4629]: ppp0:test: connect: ppp0 <--> pptp(203.0.113.7)
            Feb 28 14:59:00 vyos accel-pptp[4629]: ppp0:test: ppp connected
            Feb 28 14:59:00 vyos accel-pptp[4629]: ppp0:test: test: authentication succeeded
            Feb 28 14:59:00 vyos accel-pptp[4629]: ppp0:test: recv [LCP ProtoRej id=7 <80fd>]
            Feb 28 14:59:00 vyos accel-pptp[4629]: ppp0:test: recv [IPCP ConfReq id=9 <addr 10.0.0.2>]
            Feb 28 14:59:00 vyos accel-pptp[4629]: ppp0:test: send [IPCP ConfAck id=9]
            Feb 28 14:59:00 vyos accel-pptp[4629]: ppp0:test: ipcp_layer_started
            Feb 28 14:59:00 vyos accel-pptp[4629]: ppp0:test: rename interface to 'pptp0'
            Feb 28 14:59:00 vyos accel-pptp[4629]: pptp0:test: pptp: ppp started
            Feb 28 15:02:00 vyos accel-pptp[4629]: pptp0:test: recv [LCP TermReq id=4]
            Feb 28 15:02:00 vyos accel-pptp[4629]: pptp0:test: lcp_layer_finished
            Feb 28 15:02:00 vyos accel-pptp[4629]: pptp0:test: terminate
            Feb 28 15:02:00 vyos accel-pptp[4629]: pptp0:test: disconnected
            Feb 28 15:03:00 vyos accel-pptp[4629]: pptp: new connection from 203.0.113.8
            Feb 28 15:03:02 vyos accel-pptp[4629]: :bert: bert: authentication failed
            Feb 28 15:03:02 vyos accel-pptp[4629]: :: disconnected
"#,
        expect![[r#"
            pptp established user="test" from=203.0.113.7 on=pptp0 end=user-request
            pptp failed user="bert" from=203.0.113.8 at=auth cause=wrong-credentials
        "#]],
    );
}

#[test]
fn a_router_that_could_not_authenticate_itself_was_the_client() {
    // the address is the server's then: nobody came from it
    check(
        r#"
            Nov  3 10:00:02 gw pptp,ppp,info <203.0.113.7>: terminating... - failed to authenticate ourselves to peer
            Nov  3 10:00:02 gw pptp,ppp,info <203.0.113.7>: disconnected
"#,
        expect![[r#"
            ? failed at=auth cause=wrong-credentials
        "#]],
    );
}

#[test]
fn routeros_speaks_of_addresses_then_of_accounts() {
    check(
        r#"
            Nov  3 10:00:00 gw l2tp,info first L2TP UDP packet received from 203.0.113.5
            Nov  3 10:00:00 gw pptp,info TCP connection established from 203.0.113.7
            Nov  3 10:00:01 gw pptp,ppp,debug <203.0.113.7>: LCP opened
            Nov  3 10:00:01 gw pptp,ppp,info <203.0.113.7>: waiting for call...
            Nov  3 10:00:02 gw pptp,ppp,info,account anna logged in, 192.168.88.10 from 203.0.113.7
            Nov  3 10:00:02 gw pptp,ppp,info <pptp-anna>: authenticated
            Nov  3 10:00:02 gw pptp,ppp,info <pptp-anna>: encoding - MPPE128 stateless
            Nov  3 10:00:02 gw pptp,ppp,info <pptp-anna>: connected
            Nov  3 10:00:10 gw pptp,info TCP connection established from 203.0.113.9
            Nov  3 10:00:12 gw pptp,ppp,error <203.0.113.9>: user anna authentication failed
            Nov  3 10:00:12 gw pptp,ppp,info <203.0.113.9>: terminating... - user anna authentication failed
            Nov  3 10:00:12 gw pptp,ppp,info <203.0.113.9>: disconnected
            Nov  3 10:01:12 gw pptp,info TCP connection established from 203.0.113.9
            Nov  3 10:01:14 gw pptp,ppp,info <203.0.113.9>: authenticated
            Nov  3 10:01:14 gw pptp,ppp,info,account bert logged in, 192.168.88.11 from 203.0.113.9
            Nov  3 10:01:14 gw pptp,ppp,info <pptp-bert>: connected
            Nov  3 11:00:02 gw pptp,ppp,info <pptp-anna>: terminating... - peer is not responding
            Nov  3 11:00:02 gw pptp,ppp,info,account anna logged out, 3600 1234 5678 12 13
            Nov  3 11:00:02 gw pptp,ppp,info <pptp-anna>: disconnected
            Nov  3 11:10:00 gw ipsec,info respond new phase 1 (Identity Protection): 198.51.100.10[500]<=>203.0.113.20[500]
            Nov  3 11:10:00 gw ipsec,info ISAKMP-SA established 198.51.100.10[4500]-203.0.113.20[4500] spi:cc6366dae0274db6:4ef419c203705487
            Nov  3 11:10:01 gw l2tp,info first L2TP UDP packet received from 203.0.113.20
            Nov  3 11:10:02 gw l2tp,ppp,info,account cleo logged in, 192.168.88.12 from 203.0.113.20
            Nov  3 11:10:02 gw l2tp,ppp,info <l2tp-cleo>: authenticated
            Nov  3 11:10:02 gw l2tp,ppp,info <l2tp-cleo>: connected
            Nov  3 11:20:02 gw l2tp,ppp,info <l2tp-cleo>: terminating... - hungup
            Nov  3 11:20:02 gw l2tp,ppp,info,account cleo logged out, 600 1 2 3 4
            Nov  3 11:20:02 gw l2tp,ppp,info <l2tp-cleo>: disconnected
            Nov  3 11:30:00 gw ipsec,info respond new phase 1 (Identity Protection): 198.51.100.10[500]<=>203.0.113.21[500]
            Nov  3 11:30:30 gw ipsec,error phase1 negotiation failed due to time up 198.51.100.10[500]<=>203.0.113.21[500] cc6366dae0274db6:4ef419c203705487
"#,
        expect![[r#"
            l2tp failed from=203.0.113.5 at=control cause=abandoned
            l2tp-ipsec established user="cleo" from=203.0.113.20 gets=192.168.88.12 on=l2tp-cleo to=2 received=1 end=peer-gone
            l2tp-ipsec failed from=203.0.113.21 at=ike cause=ike-no-response
            pptp established user="anna" from=203.0.113.7 gets=192.168.88.10 on=pptp-anna to=5678 received=1234 mppe=128 end=peer-gone
            pptp failed user="anna" from=203.0.113.9 at=auth cause=wrong-credentials
            pptp open user="bert" from=203.0.113.9 gets=192.168.88.11 on=pptp-bert
        "#]],
    );
}

#[test]
fn softether_speaks_of_connections_sessions_and_ports() {
    check(
        r#"
            2026-10-17 18:01:45.648 IPsec Client 35 (203.0.113.7:62713 -> 198.51.100.10:500): A new IPsec client is created.
            2026-10-17 18:01:45.700 IPsec IKE Session (IKE SA) 12 (Client: 35) (203.0.113.7:62713 -> 198.51.100.10:500): This IKE SA is established between the server and the client.
            2026-10-17 18:01:45.759 IPsec Client 35 (203.0.113.7:62718 -> 198.51.100.10:4500): The port number information of this client is updated.
            2026-10-17 18:01:45.859 IPsec ESP Session (IPsec SA) 21 (Client: 35) (203.0.113.7:62718 -> 198.51.100.10:4500): This IPsec SA is established between the server and the client.
            2026-10-17 18:01:46.000 L2TP PPP Session [203.0.113.7:1701]: A new PPP session (Upper protocol: L2TP) is started. IP Address of PPP Client: 203.0.113.7 (Hostname: "client.example.net"), Port Number of PPP Client: 1701, IP Address of PPP Server: 198.51.100.10, Port Number of PPP Server: 1701, Client Software Name: "L2TP VPN Client - Microsoft", IPv4 TCP MSS (Max Segment Size): 1314 bytes
            2026-10-17 18:01:46.100 For the client (IP address: 203.0.113.7, host name: "client.example.net", port number: 1701), connection "CID-72" has been created.
            2026-10-17 18:01:46.200 The connection "CID-72" (IP address: 203.0.113.7, Host name: client.example.net, Port number: 1701, Client name: "L2TP VPN Client", Version: 4.41, Build: 9787) is attempting to connect to the Virtual Hub. The auth type provided is "External server authentication" and the user name is "anna".
            2026-10-17 18:01:46.300 Connection "CID-72": Successfully authenticated as user "anna".
            2026-10-17 18:01:46.400 Connection "CID-72": The new session "SID-ANNA-[L2TP]-5" has been created. (IP address: 203.0.113.7, Port number: 1701, Physical underlying protocol: "Standard TCP/IP (IPv4)")
            2026-10-17 18:02:46.000 For the client (IP address: 203.0.113.66, host name: "scan.example.net", port number: 41000), connection "CID-73" has been created.
            2026-10-17 18:02:47.000 Connection "CID-73" has been terminated.
            2026-10-17 18:11:46.000 L2TP PPP Session [203.0.113.7:1701]: The PPP session is disconnected by the VPN Client's disconnecting request.
            2026-10-17 18:11:46.100 Session "SID-ANNA-[L2TP]-5": The session has been terminated. The statistical information is as follows: Total outgoing data size: 1234567 bytes, Total incoming data size: 234567 bytes.
            2026-10-17 18:11:46.200 Connection "CID-72" terminated by the cause "The VPN session has been deleted." (code 11).
            2026-10-17 18:11:46.300 Connection "CID-72" has been terminated.
            2026-10-17 18:11:47.701 IPsec Client 35 (203.0.113.7:62718 -> 198.51.100.10:4500): This IPsec Client is deleted.
"#,
        expect![[r#"
            l2tp-ipsec established user="anna" from=203.0.113.7 on=SID-ANNA-[L2TP]-5 to=1234567 received=234567 end=user-request
        "#]],
    );
}

#[test]
fn cos_core_speaks_of_numbers() {
    check(
        r#"
            <133>[2026-03-02 08:00:10] EFW: L2TP: prio=2 id=02800015 rev=1 event=l2tp_session_request tunnelid=1
            <133>[2026-03-02 08:00:12] EFW: L2TP: prio=2 id=02800016 rev=1 event=l2tp_session_up tunnelid=1 sessionid=11 user=anna auth=MS-CHAPv2 mppe="128 bit" assigned_ip=192.0.2.5
            <133>[2026-03-02 08:01:00] EFW: L2TP: prio=2 id=02800015 rev=1 event=l2tp_session_request tunnelid=2
            <132>[2026-03-02 08:01:03] EFW: L2TP: prio=3 id=02800009 rev=1 event=session_closed iface=l2tp_office sessionid=12 remotegw=203.0.113.8
            <133>[2026-03-02 08:01:03] EFW: L2TP: prio=2 id=02800007 rev=1 event=l2tp_session_closed iface=l2tp_office sessionid=12 tunnelid=2
            <133>[2026-03-02 08:01:04] EFW: L2TP: prio=2 id=02800008 rev=1 event=l2tp_tunnel_closed iface=l2tp_office tunnelid=2
            <133>[2026-03-02 08:02:00] EFW: L2TP: prio=2 id=02800015 rev=1 event=l2tp_session_request tunnelid=3
            <133>[2026-03-02 08:02:02] EFW: L2TP: prio=2 id=02800016 rev=1 event=l2tp_session_up tunnelid=3 sessionid=13 user="eve tunnelid=1 sessionid=11 assigned_ip=198.51.100.66" auth=MS-CHAPv2 mppe="128 bit" assigned_ip=192.0.2.6
            <133>[2026-03-02 08:04:00] EFW: L2TP: prio=2 id=02800015 rev=1 event=l2tp_session_request tunnelid=1
            <133>[2026-03-02 08:04:02] EFW: L2TP: prio=2 id=02800016 rev=1 event=l2tp_session_up tunnelid=1 sessionid=16 user=carl auth=PAP mppe=none assigned_ip=192.0.2.7
            <133>[2026-03-02 08:30:00] EFW: L2TP: prio=2 id=02800007 rev=1 event=l2tp_session_closed iface=l2tp_office sessionid=16 tunnelid=1
            <133>[2026-03-02 09:00:13] EFW: L2TP: prio=2 id=02800008 rev=1 event=l2tp_tunnel_closed iface=l2tp_office tunnelid=1
"#,
        expect![[r#"
            l2tp established user="anna" gets=192.0.2.5 on=l2tp_office mppe=128 end=tunnel-closed
            l2tp established user="carl" gets=192.0.2.7 on=l2tp_office end=unknown
            l2tp failed from=203.0.113.8 on=l2tp_office at=ccp cause=encryption-refused-by-client
            l2tp open user="eve tunnelid=1 sessionid=11 assigned_ip=198.51.100.66" gets=192.0.2.6 mppe=128
        "#]],
    );
}
