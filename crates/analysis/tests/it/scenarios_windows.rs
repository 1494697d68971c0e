//! Stories of Windows: RRAS as the gateway, NPS as its RADIUS server, RasClient as the caller, the domain and the filtering
//! platform as witnesses.

use expect_test::{Expect, expect};
use tunlog_testkit::lines_of;

use crate::attempts_of_windows;

/// Connections of RRAS, by number.
fn filled(lines: &str) -> String {
    (1..10).fold(lines.to_string(), |text, number| {
        let guid = format!("{{0E1D5C5A-0001-0007-50C4-2BACB0BFDA{number:02}}}");
        text.replace(&format!("#{number}"), &guid)
    })
}

fn check(lines: &str, want: Expect) {
    want.assert_eq(&lines_of(&attempts_of_windows(&filled(lines))));
}

#[test]
fn a_session_from_login_to_its_bytes() {
    check(
        r#"
        10:00:00 gw 20250 RemoteAccess: 0={0} 1=#1 2="CORP\anna" 3="VPN2-127"
        10:00:01 gw 20274 RemoteAccess: 0={0} 1=#1 2="CORP\anna" 3="VPN2-127" 4=10.20.0.7
        10:12:32 gw 20272 RemoteAccess: 0={0} 1=#1 2="CORP\anna" 3="VPN2-127" 4=21.11.2026 5=10:00 6=21.11.2026 7=10:12 8=12 9=31 10=80000 11=7000 12="Benutzeranforderung" 13="WAN-Miniport (PPTP)" 14="normal"
        10:12:32 gw 20275 RemoteAccess: 0={0} 1=#1 2=10.20.0.7
    "#,
        expect![[r#"
            pptp established user="CORP\\anna" gets=10.20.0.7 on=VPN2-127 to=80000 received=7000 end=unknown
        "#]],
    );
}

#[test]
fn a_session_that_goes_on() {
    check(
        r#"
        10:00:00 gw 20250 RemoteAccess: 0={0} 1=#1 2="CORP\anna" 3="VPN2-127"
        10:00:01 gw 20274 RemoteAccess: 0={0} 1=#1 2="CORP\anna" 3="VPN2-127" 4=10.20.0.7
    "#,
        expect![[r#"
            ? open user="CORP\\anna" gets=10.20.0.7 on=VPN2-127
        "#]],
    );
}

#[test]
fn the_last_line_of_a_session_tells_it_all() {
    check(
        r#"
        10:12:31 gw 20272 RemoteAccess: 0={0} 1=#1 2=anna 3="VPN3-1" 4=x 5=x 6=x 7=x 8=2 9=30 10=800 11=70 12=x 13="WAN Miniport (L2TP)" 14=x
        10:13:00 gw 20272 RemoteAccess: 0={0} 1=#2 2=bert 3="VPN4-1" 4=x 5=x 6=x 7=x 8=2 9=30 10=800 11=70 12=x 13="WAN Miniport (SSTP)" 14=x
    "#,
        expect![[r#"
            l2tp established user="anna" on=VPN3-1 to=800 received=70 end=unknown
        "#]],
    );
}

#[test]
fn a_wrong_password_is_one_attempt_whatever_says_it() {
    check(
        r#"
        10:00:00 gw 20249 RemoteAccess: 0=#1 1=anna 2="VPN2-127"
        10:00:00 gw 20271 RemoteAccess: 0=#1 1=anna 2=203.0.113.7 3="…" 4=0x10 Binary=b3020000
        10:00:20 gw 20271 RemoteAccess: 0={NA} 1=anna 2=203.0.113.7 3="…" 4=0x10 Binary=b3020000
        10:00:20 gw 20249 RemoteAccess: 0=#2 1=anna 2="VPN2-126"
        10:00:40 gw 20271 RemoteAccess: 0={NA} 1=anna 2=203.0.113.7 3="…" 4=0x10 Binary=b3020000
    "#,
        expect![[r#"
            ? failed user="anna" from=203.0.113.7 at=auth cause=wrong-credentials
            ? failed user="anna" from=203.0.113.7 on=VPN2-126 at=auth cause=wrong-credentials
            ? failed user="anna" from=203.0.113.7 on=VPN2-127 at=auth cause=wrong-credentials
        "#]],
    );
}

#[test]
fn who_gets_in_after_a_refusal_is_another_attempt() {
    check(
        r#"
        10:00:00 gw 20271 RemoteAccess: 0={NA} 1=anna 2=203.0.113.66 3="…" 4=0x10 Binary=b3020000
        10:00:03 gw 20250 RemoteAccess: 0={0} 1=#1 2=anna 3="VPN2-127"
        10:00:03 gw 20274 RemoteAccess: 0={0} 1=#1 2=anna 3="VPN2-127" 4=10.20.0.7
        10:00:05 gw 20271 RemoteAccess: 0={NA} 1=anna 2=203.0.113.66 3="…" 4=0x10 Binary=b3020000
    "#,
        expect![[r#"
            ? failed user="anna" from=203.0.113.66 at=auth cause=wrong-credentials
            ? failed user="anna" from=203.0.113.66 at=auth cause=wrong-credentials
            ? open user="anna" gets=10.20.0.7 on=VPN2-127
        "#]],
    );
}

#[test]
fn a_guesser_between_login_and_address_is_not_who_logged_in() {
    check(
        r#"
        10:00:00 gw 20250 RemoteAccess: 0={0} 1=#1 2=anna 3="VPN2-127"
        10:00:00 gw 20271 RemoteAccess: 0={NA} 1=anna 2=203.0.113.66 3="…" 4=0x10 Binary=b3020000
        10:00:01 gw 20274 RemoteAccess: 0={0} 1=#1 2=anna 3="VPN2-127" 4=10.20.0.7
    "#,
        expect![[r#"
            ? failed user="anna" from=203.0.113.66 at=auth cause=wrong-credentials
            ? open user="anna" gets=10.20.0.7 on=VPN2-127
        "#]],
    );
}

#[test]
fn the_number_tells_the_cause_in_every_language() {
    check(
        r#"
        10:00:00 gw 20271 RemoteAccess: 0={NA} 1=a691 2=203.0.113.7 3="The remote connection was denied." 4=0x10 Binary=b3020000
        10:01:00 gw 20271 RemoteAccess: 0={NA} 1=b812 2=203.0.113.7 3="Die Verbindung wurde verhindert." 4=0x70 Binary=2c030000
        10:02:00 gw 20271 RemoteAccess: 0={NA} 1=c649 2=203.0.113.7 3="接続が拒否されました。" 4=0x41 Binary=89020000
        10:03:00 gw 20271 RemoteAccess: 0={NA} 1=d36 2=203.0.113.7 3="Le compte est verrouillé." 4=0x24
        10:04:00 gw 20271 RemoteAccess: 0={NA} 1=e930 2=203.0.113.7 3="…" 4=0x75 Binary=a2030000
        10:05:00 gw 20271 RemoteAccess: 0={NA} 1=f 2=203.0.113.7 3="…" 4=0x0
    "#,
        expect![[r#"
            ? failed user="a691" from=203.0.113.7 at=auth cause=wrong-credentials
            ? failed user="b812" from=203.0.113.7 at=auth cause=auth-method-refused
            ? failed user="c649" from=203.0.113.7 at=auth cause=account-restricted
            ? failed user="d36" from=203.0.113.7 at=auth cause=account-restricted
            ? failed user="e930" from=203.0.113.7 at=auth cause=auth-backend-unreachable
            ? failed user="f" from=203.0.113.7 at=auth cause=wrong-credentials
        "#]],
    );
}

#[test]
fn what_fails_after_the_login() {
    check(
        r#"
        10:00:00 gw 20250 RemoteAccess: 0={0} 1=#1 2=anna 3="VPN2-1"
        10:00:02 gw 20253 RemoteAccess: 0={0} 1=#1 2=anna 3="VPN2-1"
        10:01:00 gw 20255 RemoteAccess: 0=#2 1="VPN2-2" 2=bert 3="…" Binary=e5020000
        10:02:00 gw 20255 RemoteAccess: 0=#3 1="VPN2-3" 2="<Unauthenticated User>" 3="…" Binary=b3020000
        10:03:00 gw 20255 RemoteAccess: 0=#4 1="VPN2-4" 2="<Unauthenticated User>" 3="…"
        10:04:00 gw 20049 RemoteAccess: 0={NA} 1="VPN2-5"
        10:05:00 gw 20276 RemoteAccess: 0=#5
        10:06:00 gw 20050 RemoteAccess: 0=cleo 1="VPN2"
    "#,
        expect![[r#"
            ? failed at=auth cause=auth-method-refused
            ? failed on=VPN2-3 at=auth cause=wrong-credentials
            ? failed on=VPN2-5 at=auth cause=gre-blocked
            ? failed user="anna" on=VPN2-1 at=ipcp cause=ipcp-failed
            ? failed user="bert" on=VPN2-2 at=ccp cause=encryption-refused-by-server
            ? failed user="cleo" on=VPN2 at=ipcp cause=ipcp-failed
        "#]],
    );
}

#[test]
fn sessions_at_the_same_time_and_a_port_that_comes_again() {
    check(
        r#"
        10:00:00 gw 20250 RemoteAccess: 0={0} 1=#1 2=anna 3="VPN2-1"
        10:00:00 gw 20250 RemoteAccess: 0={0} 1=#2 2=bert 3="VPN2-2"
        10:00:01 gw 20274 RemoteAccess: 0={0} 1=#2 2=bert 3="VPN2-2" 4=10.20.0.8
        10:00:01 gw 20274 RemoteAccess: 0={0} 1=#1 2=anna 3="VPN2-1" 4=10.20.0.7
        10:00:05 gw 20250 RemoteAccess: 0={0} 1=#3 2=anna 3="VPN2-3"
        10:00:06 gw 20274 RemoteAccess: 0={0} 1=#3 2=anna 3="VPN2-3" 4=10.20.0.9
        10:05:00 gw 20250 RemoteAccess: 0={0} 1=#4 2=bert 3="VPN2-1"
        10:05:01 gw 20274 RemoteAccess: 0={0} 1=#4 2=bert 3="VPN2-1" 4=10.20.0.10
        10:09:01 gw 20272 RemoteAccess: 0={0} 1=#2 2=bert 3="VPN2-2" 4=x 5=x 6=x 7=x 8=9 9=1 10=2000 11=200 12=x 13="WAN Miniport (PPTP)" 14=x
        10:10:01 gw 20272 RemoteAccess: 0={0} 1=#1 2=anna 3="VPN2-1" 4=x 5=x 6=x 7=x 8=10 9=1 10=1000 11=100 12=x 13="WAN Miniport (PPTP)" 14=x
        10:10:05 gw 20275 RemoteAccess: 0={0} 1=#3 2=10.20.0.9
    "#,
        expect![[r#"
            ? established user="anna" gets=10.20.0.9 on=VPN2-3 end=unknown
            ? open user="bert" gets=10.20.0.10 on=VPN2-1
            pptp established user="anna" gets=10.20.0.7 on=VPN2-1 to=1000 received=100 end=unknown
            pptp established user="bert" gets=10.20.0.8 on=VPN2-2 to=2000 received=200 end=unknown
        "#]],
    );
}

#[test]
fn nps_tells_why_and_from_where() {
    check(
        r#"
        10:00:00 nps 6272 Microsoft-Windows-Security-Auditing: SubjectUserName="CORP\anna" CallingStationID=203.0.113.7 NASPortType=Virtual ClientIPAddress=198.51.100.10 AuthenticationType=MS-CHAPv2
        10:00:00 gw 20250 RemoteAccess: 0={0} 1=#1 2="CORP\anna" 3="VPN2-1"
        10:00:01 gw 20274 RemoteAccess: 0={0} 1=#1 2="CORP\anna" 3="VPN2-1" 4=10.20.0.7
        10:01:00 nps 6273 Microsoft-Windows-Security-Auditing: SubjectUserName="CORP\bert" CallingStationID=203.0.113.8 NASPortType=Virtual ReasonCode=36 Reason="Konto gesperrt"
        10:01:01 gw 20271 RemoteAccess: 0={NA} 1=Bert 2=203.0.113.8 3="…" 4=0x10 Binary=b3020000
        10:02:00 gw 20271 RemoteAccess: 0={NA} 1=cleo 2=203.0.113.9 3="…" 4=0x10 Binary=b3020000
        10:02:00 nps 6273 Microsoft-Windows-Security-Auditing: SubjectUserName=cleo CallingStationID=203.0.113.9 NASPortType=Virtual ReasonCode=8
        10:03:00 nps 6273 Microsoft-Windows-Security-Auditing: SubjectUserName=wifi CallingStationID=00-00-5E-00-53-01 NASPortType="Wireless - IEEE 802.11" ReasonCode=16
    "#,
        expect![[r#"
            ? failed user="Bert" from=203.0.113.8 claims=203.0.113.8 at=auth cause=account-restricted
            ? failed user="cleo" from=203.0.113.9 claims=203.0.113.9 at=auth cause=unknown-user
            ? open user="CORP\\anna" claims=203.0.113.7 gets=10.20.0.7 on=VPN2-1
        "#]],
    );
}

#[test]
fn nps_alone_tells_of_refusals() {
    check(
        r#"
        10:00:00 nps 6273 Microsoft-Windows-Security-Auditing: SubjectUserName=a CallingStationID=203.0.113.7 NASPortType=Virtual ReasonCode=16
        10:01:00 nps 6273 Microsoft-Windows-Security-Auditing: SubjectUserName=b CallingStationID=203.0.113.7 NASPortType=Virtual ReasonCode=66
        10:02:00 nps 6273 Microsoft-Windows-Security-Auditing: SubjectUserName=c CallingStationID=203.0.113.7 NASPortType=Virtual ReasonCode=65
        10:03:00 nps 6273 Microsoft-Windows-Security-Auditing: SubjectUserName=d CallingStationID=203.0.113.7 NASPortType=Virtual ReasonCode=21
        10:04:00 nps 6274 Microsoft-Windows-Security-Auditing: SubjectUserName=e CallingStationID=203.0.113.7 NASPortType=Virtual ReasonCode=4
        10:05:00 nps 6275 Microsoft-Windows-Security-Auditing: SubjectUserName=f CallingStationID=203.0.113.7 NASPortType=Virtual ReasonCode=80
        10:06:00 nps 6279 Microsoft-Windows-Security-Auditing: SubjectUserName=g
    "#,
        expect![[r#"
            ? failed user="a" claims=203.0.113.7 at=auth cause=wrong-credentials
            ? failed user="b" claims=203.0.113.7 at=auth cause=auth-method-refused
            ? failed user="c" claims=203.0.113.7 at=auth cause=account-restricted
            ? failed user="d" claims=203.0.113.7 at=auth cause=wrong-credentials
            ? failed user="e" claims=203.0.113.7 at=auth cause=auth-backend-unreachable
        "#]],
    );
}

#[test]
fn an_answer_for_another_client_is_not_joined() {
    check(
        r#"
        10:00:00 nps 6273 Microsoft-Windows-Security-Auditing: SubjectUserName=anna CallingStationID=203.0.113.66 NASPortType=Virtual ReasonCode=36
        10:00:00 gw 20271 RemoteAccess: 0={NA} 1=anna 2=203.0.113.7 3="…" 4=0x10 Binary=b3020000
    "#,
        expect![[r#"
            ? failed user="anna" claims=203.0.113.66 at=auth cause=account-restricted
            ? failed user="anna" from=203.0.113.7 at=auth cause=wrong-credentials
        "#]],
    );
}

#[test]
fn a_client_tells_its_stages() {
    check(
        r#"
        10:00:00 pc 20221 RasClient: 0=#1 1="PC\anna" 2=Office 3="…"
        10:00:00 pc 20222 RasClient: 0=#1 1="PC\anna" 2=Office 3=198.51.100.10 4="WAN Miniport (PPTP)"
        10:00:01 pc 20223 RasClient: 0=#1 1="PC\anna"
        10:00:01 pc 20224 RasClient: 0=#1 1="PC\anna"
        10:00:03 pc 20225 RasClient: 0=#1 1="PC\anna" 2=Office
        10:20:03 pc 20226 RasClient: 0=#1 1="PC\anna" 2=Office 3=829
        10:30:00 pc 20221 RasClient: 0=#2 1="PC\anna" 2=Office 3="…"
        10:30:00 pc 20222 RasClient: 0=#2 1="PC\anna" 2=Office 3=198.51.100.10 4="WAN Miniport (L2TP)"
        10:30:20 pc 20227 RasClient: 0=#2 1="PC\anna" 2=Office 3=789
        10:31:00 pc 20221 RasClient: 0=#3 1="PC\anna" 2=Office 3="…"
        10:31:00 pc 20222 RasClient: 0=#3 1="PC\anna" 2=Office 3=198.51.100.10 4="WAN Miniport (L2TP)"
        10:31:30 pc 20227 RasClient: 0=#3 1="PC\anna" 2=Office 3=792
        10:32:00 pc 20221 RasClient: 0=#4 1="PC\anna" 2=Office 3="…"
        10:32:30 pc 20227 RasClient: 0=#4 1="PC\anna" 2=Office 3=809
        10:33:00 pc 20221 RasClient: 0=#5 1="PC\anna" 2=Office 3="…"
        10:33:00 pc 20222 RasClient: 0=#5 1="PC\anna" 2=Office 3=198.51.100.10 4="WAN Miniport (PPTP)"
        10:33:01 pc 20223 RasClient: 0=#5 1="PC\anna"
        10:33:30 pc 20227 RasClient: 0=#5 1="PC\anna" 2=Office 3=806
        10:34:00 pc 20227 RasClient: 0=#6 1="PC\anna" 2=Office 3=691
        10:35:00 pc 20221 RasClient: 0=#7 1="PC\anna" 2=Office 3="…"
        10:35:30 pc 20227 RasClient: 0=#7 1="PC\anna" 2=Office 3=5
        10:36:00 gw2 20111 RemoteAccess: 0={0} 1=branch 2="VPN1-0" 3="…" Binary=29030000
    "#,
        expect![[r#"
            ? failed on=VPN1-0 at=control cause=control-unreachable
            ? failed user="PC\\anna" at=auth cause=wrong-credentials
            ? failed user="PC\\anna" at=control cause=control-unreachable
            ? failed user="PC\\anna" at=control cause=unknown
            l2tp-ipsec failed user="PC\\anna" at=ike cause=ike-no-response
            l2tp-ipsec failed user="PC\\anna" at=ike cause=ike-psk-mismatch
            pptp established user="PC\\anna" end=peer-gone
            pptp failed user="PC\\anna" at=gre cause=gre-blocked
        "#]],
    );
}

#[test]
fn a_caller_is_not_taken_for_the_server_on_the_same_machine() {
    check(
        r#"
        10:00:00 gw 20221 RasClient: 0=#1 1=SYSTEM 2=branch 3="…"
        10:00:00 gw 20271 RemoteAccess: 0={NA} 1=SYSTEM 2=203.0.113.66 3="…" 4=0x10 Binary=b3020000
        10:00:02 gw 20225 RasClient: 0=#1 1=SYSTEM 2=branch
    "#,
        expect![[r#"
            ? failed user="SYSTEM" from=203.0.113.66 at=auth cause=wrong-credentials
            ? open user="SYSTEM"
        "#]],
    );
}

#[test]
fn the_filtering_platform_explains_what_never_came() {
    check(
        r#"
        10:00:00 gw 5152 Microsoft-Windows-Security-Auditing: Direction=%%14592 SourceAddress=203.0.113.7 SourcePort=49200 DestAddress=198.51.100.10 DestPort=1723 Protocol=6
        10:00:03 gw 5152 Microsoft-Windows-Security-Auditing: Direction=%%14592 SourceAddress=203.0.113.7 SourcePort=49200 DestAddress=198.51.100.10 DestPort=1723 Protocol=6
        10:00:09 gw 5157 Microsoft-Windows-Security-Auditing: Direction=%%14592 SourceAddress=203.0.113.8 SourcePort=500 DestAddress=198.51.100.10 DestPort=500 Protocol=17
        10:00:10 gw 5152 Microsoft-Windows-Security-Auditing: Direction=%%14593 SourceAddress=198.51.100.10 SourcePort=49200 DestAddress=203.0.113.9 DestPort=443 Protocol=6
        10:00:11 gw 5156 Microsoft-Windows-Security-Auditing: Direction=%%14592 SourceAddress=203.0.113.9 SourcePort=49200 DestAddress=198.51.100.10 DestPort=1723 Protocol=6
    "#,
        expect![[r#"
            l2tp failed from=203.0.113.8 at=firewall cause=control-unreachable
            pptp failed from=203.0.113.7 at=firewall cause=control-unreachable
        "#]],
    );
}

#[test]
fn the_domain_tells_a_wrong_password_from_a_wrong_name() {
    check(
        r#"
        10:00:00 dc 4776 Microsoft-Windows-Security-Auditing: PackageName=MICROSOFT_AUTHENTICATION_PACKAGE_V1_0 TargetUserName=anna Workstation=GW Status=0xc000006a
        10:00:00 gw 20271 RemoteAccess: 0={NA} 1="CORP\anna" 2=203.0.113.7 3="…" 4=0x10 Binary=b3020000
        10:01:00 gw 4625 Microsoft-Windows-Security-Auditing: TargetUserName=bert TargetDomainName=CORP Status=0xc000006d SubStatus=0xc0000064 LogonType=3 IpAddress=192.0.2.9
        10:01:00 gw 20271 RemoteAccess: 0={NA} 1="CORP\bert" 2=203.0.113.7 3="…" 4=0x10 Binary=b3020000
        10:02:00 dc 4625 Microsoft-Windows-Security-Auditing: TargetUserName=share TargetDomainName=CORP Status=0xc000006d SubStatus=0xc000006a LogonType=3 IpAddress=192.0.2.9
        10:03:00 dc 4771 Microsoft-Windows-Security-Auditing: TargetUserName=cleo Status=0x18 IpAddress=192.0.2.9
        10:03:00 gw 20271 RemoteAccess: 0={NA} 1=cleo 2=203.0.113.7 3="…" 4=0x10 Binary=b3020000
        10:04:00 dc 4740 Microsoft-Windows-Security-Auditing: TargetUserName=cleo TargetDomainName=GW
    "#,
        expect![[r#"
            ? failed user="CORP\\anna" from=203.0.113.7 at=auth cause=wrong-password
            ? failed user="CORP\\bert" from=203.0.113.7 at=auth cause=unknown-user
            ? failed user="cleo" from=203.0.113.7 at=auth cause=wrong-credentials
        "#]],
    );
}
