//! What directories and domains say of log-ins, beside the gateway's lines and alone.

use expect_test::{Expect, expect};
use tunlog_model::Attempt;
use tunlog_testkit::lines_of;

use crate::attempts_of;
use crate::scenarios::headed;

fn check(log: &str, want: Expect) {
    want.assert_eq(&lines_of(&attempts_of(&headed(log))));
}

fn attempts(log: &str) -> Vec<Attempt> {
    attempts_of(&headed(log))
}

/// A log-in by PAP that the gateway refuses at second `at`; `pid` and the byte of the address are one number.
fn refused(number: u32, user: &str, at: u32) -> String {
    format!(
        "
        2026-10-24T09:00:{at:02}Z gw pptpd[{pid}]: CTRL: Client 203.0.113.{number} control connection started
        2026-10-24T09:00:{at:02}Z gw pptpd[{pid}]: CTRL: Starting call (launching pppd, opening GRE)
        2026-10-24T09:00:{at:02}Z gw pppd[{link}]: Using interface ppp{number}
        2026-10-24T09:00:{at:02}Z gw pppd[{link}]: Connect: ppp{number} <--> /dev/pts/{number}
        2026-10-24T09:00:{at:02}Z gw pppd[{link}]: PAP peer authentication failed for {user}
        2026-10-24T09:00:{at:02}Z gw pppd[{link}]: Exit.
        2026-10-24T09:00:{at:02}Z gw pptpd[{pid}]: CTRL: Reaping child PPP[{link}]
        2026-10-24T09:00:{at:02}Z gw pptpd[{pid}]: CTRL: Client 203.0.113.{number} control connection finished",
        pid = number * 10,
        link = number * 10 + 1,
    )
}

/// A bind on a connection of its own, decided at second `at`.
fn bind(connection: u32, dn: &str, at: u32, result: &str) -> String {
    format!(
        "
        2026-10-24T09:00:{at:02}Z ldap slapd[5]: conn={connection} fd=21 ACCEPT from IP=192.0.2.11:45011 (IP=0.0.0.0:389)
        2026-10-24T09:00:{at:02}Z ldap slapd[5]: conn={connection} op=1 BIND dn=\"{dn}\" method=128
        2026-10-24T09:00:{at:02}Z ldap slapd[5]: conn={connection} op=1 RESULT tag=97 {result}
        2026-10-24T09:00:{at:02}Z ldap slapd[5]: conn={connection} op=2 UNBIND"
    )
}

const REFUSED: &str = "err=49 text=";
const LOCKED: &str =
    "err=49 text=80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data 775, v4563";

fn dn(user: &str) -> String {
    format!("uid={user},ou=people,dc=example,dc=org")
}

/// A word of winbindd about a log-in through ntlm_auth.
fn winbind(domain: &str, user: &str, at: u32, status: &str) -> String {
    format!(
        "
        2026-10-24T09:00:{at:02}Z gw winbindd[9]: Auth: [winbind,NTLM_AUTH, ntlm_auth, 4711] user [{domain}]\\[{user}] at [Sat, 24 Oct 2026 09:00:00.123456 UTC] with [MSCHAPv2] status [{status}] workstation [GW] remote host [unix:] mapped to [(null)]\\[(null)]. local host [unix:]"
    )
}

#[test]
fn the_directory_tells_why_and_who_decided() {
    let log = bind(7, &dn("anna"), 1, LOCKED) + &refused(7, "anna", 1);
    let found = attempts(&log);
    assert_eq!(found[0].backend, Some("openldap"));
    check(
        &log,
        expect![[r#"
            pptp failed user="anna" from=203.0.113.7 on=ppp7 at=auth cause=account-restricted
        "#]],
    );
}

#[test]
fn a_result_counts_for_the_bind_of_its_connection_and_operation() {
    // the binds of two users lie between each other; the result of another operation, and of another process, is nobody's
    let log = "
        2026-10-24T09:00:01Z ldap slapd[5]: conn=1 op=1 BIND dn=\"uid=anna,dc=example\" method=128
        2026-10-24T09:00:01Z ldap slapd[5]: conn=2 op=1 BIND dn=\"uid=bert,dc=example\" method=128
        2026-10-24T09:00:01Z ldap slapd[6]: conn=1 op=1 RESULT tag=97 err=32 text=
        2026-10-24T09:00:01Z ldap slapd[5]: conn=1 op=2 RESULT tag=97 err=32 text=
        2026-10-24T09:00:01Z ldap slapd[5]: conn=2 op=1 RESULT tag=97 err=48 text=
        2026-10-24T09:00:01Z ldap slapd[5]: conn=1 op=1 RESULT tag=97 err=49 text=80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data 701, v4563
    "
    .to_owned()
        + &refused(7, "anna", 1)
        + &refused(8, "bert", 1);
    check(
        &log,
        expect![[r#"
            pptp failed user="anna" from=203.0.113.7 on=ppp7 at=auth cause=account-restricted
            pptp failed user="bert" from=203.0.113.8 on=ppp8 at=auth cause=no-secret
        "#]],
    );
}

#[test]
fn a_witness_alone_makes_no_attempt() {
    let log = bind(7, &dn("anna"), 1, REFUSED)
        + &bind(8, &dn("bert"), 2, "err=0 text=")
        + &winbind("CORP", "carla", 3, "NT_STATUS_WRONG_PASSWORD")
        + &winbind("CORP", "dora", 4, "NT_STATUS_OK");
    check(&log, expect![""]);
}

#[test]
fn what_another_service_asked_is_not_the_gateways_reason() {
    // a challenge was proved: no simple bind can have decided it
    let chap = refused(7, "anna", 1).replace(
        "PAP peer authentication failed for anna",
        "Peer anna failed CHAP authentication",
    );
    let asked = "\n2026-10-24T09:00:01Z gw pppd[71]: rcvd [CHAP Response id=0x1 <00>, name = \"anna\"]";
    let chap = chap.replacen(
        "\n        2026-10-24T09:00:01Z gw pppd[71]: Peer",
        &format!("{asked}\n        2026-10-24T09:00:01Z gw pppd[71]: Peer"),
        1,
    );
    let found = attempts(&(bind(7, &dn("anna"), 1, LOCKED) + &chap));
    let told: Vec<_> = found.iter().map(|attempt| (attempt.cause, attempt.backend)).collect();
    assert_eq!(told, [(Some("wrong-credentials"), None)], "{:?}", found[0].auth_method);
    // a share, the directory itself and a console through PAM are no VPN
    for service in [
        "SMB2,(null)",
        "LDAP,simple bind",
        "winbind,PAM_AUTH, PAM_WINBIND[sshd], 12",
        "SamLogon,network",
    ] {
        let word = winbind("CORP", "anna", 1, "NT_STATUS_ACCOUNT_LOCKED_OUT")
            .replace("winbind,NTLM_AUTH, ntlm_auth, 4711", service)
            .replace("MSCHAPv2", "NTLMv2");
        let found = attempts(&(word + &refused(7, "anna", 1)));
        assert_eq!(
            (found[0].cause, found[0].backend),
            (Some("wrong-credentials"), None),
            "{service}"
        );
    }
}

#[test]
fn the_last_word_before_the_decision_counts() {
    // a mail program was refused, then the gateway's bind was accepted, and the gateway refused all the same
    let log = bind(7, &dn("anna"), 1, LOCKED) + &bind(8, &dn("anna"), 3, "err=0 text=") + &refused(7, "anna", 3);
    let found = attempts(&log);
    assert_eq!((found[0].cause, found[0].backend), (Some("wrong-credentials"), None));
    // and a refusal that is long past has nothing to do with this one
    let found = attempts(&(bind(7, &dn("anna"), 1, LOCKED) + &refused(7, "anna", 20)));
    assert_eq!((found[0].cause, found[0].backend), (Some("wrong-credentials"), None));
}

#[test]
fn two_attempts_of_one_user_have_each_their_own_reason() {
    let log = bind(7, &dn("anna"), 1, REFUSED)
        + &refused(7, "anna", 1)
        + &bind(8, &dn("anna"), 4, LOCKED)
        + &refused(8, "anna", 4);
    check(
        &log,
        expect![[r#"
            pptp failed user="anna" from=203.0.113.7 on=ppp7 at=auth cause=wrong-credentials
            pptp failed user="anna" from=203.0.113.8 on=ppp8 at=auth cause=account-restricted
        "#]],
    );
}

#[test]
fn namesakes_of_two_domains_are_not_taken_for_each_other() {
    let log = winbind("LAB", "anna", 1, "NT_STATUS_ACCOUNT_LOCKED_OUT")
        + &winbind("CORP", "anna", 1, "NT_STATUS_WRONG_PASSWORD")
        + &refused(7, "CORP\\anna", 1)
        + &refused(8, "LAB\\anna", 1);
    check(
        &log,
        expect![[r#"
            pptp failed user="CORP\\anna" from=203.0.113.7 on=ppp7 at=auth cause=wrong-password
            pptp failed user="LAB\\anna" from=203.0.113.8 on=ppp8 at=auth cause=account-restricted
        "#]],
    );
    // the directory says no domain: while both fail, it may mean either, and the second is left alone
    let log = refused(7, "CORP\\anna", 1) + &bind(7, &dn("anna"), 2, LOCKED) + &refused(8, "LAB\\anna", 2);
    let found = attempts(&log);
    let causes: Vec<_> = found.iter().map(|attempt| attempt.cause).collect();
    assert_eq!(causes, [Some("wrong-credentials"), Some("wrong-credentials")]);
}

#[test]
fn a_name_cannot_speak_for_the_directory() {
    let forged = winbind(
        "CORP",
        "x] at [y] with [MSCHAPv2] status [NT_STATUS_ACCOUNT_LOCKED_OUT] workstation [z",
        1,
        "NT_STATUS_NO_SUCH_USER",
    );
    let found = attempts(&(forged + &refused(7, "anna", 1)));
    assert_eq!((found[0].cause, found[0].backend), (Some("wrong-credentials"), None));
    let forged = bind(7, r"uid=x\2Cuid\3Danna,ou=people,dc=example,dc=org", 1, LOCKED);
    let found = attempts(&(forged + &refused(7, "anna", 1)));
    assert_eq!((found[0].cause, found[0].backend), (Some("wrong-credentials"), None));
}

#[test]
fn three_lines_of_one_refusal_are_one_word() {
    let log = "
        2026-10-24T09:00:01Z gw winbindd[9]: User anna is not in the required group (S-1-5-21-1-2-3-1200), so crap authentication is rejected
        2026-10-24T09:00:01Z gw winbindd[9]: NTLM CRAP authentication for user [CORP]\\[anna] returned NT_STATUS_LOGON_FAILURE (PAM: 7)
    "
    .to_owned()
        + &winbind("CORP", "anna", 1, "NT_STATUS_LOGON_FAILURE")
        + &refused(7, "anna", 1);
    let found = attempts(&log);
    assert_eq!(
        (found[0].cause, found[0].backend),
        (Some("account-restricted"), Some("winbind"))
    );
}

#[test]
fn a_radius_servers_answer_is_explained_too() {
    let login = "
        2026-10-24T09:00:02Z radius freeradius[3]: (4) Login incorrect (ldap: Bind credentials incorrect: Invalid credentials): [anna] (from client gw port 0 cli 203.0.113.7)";
    check(
        &(bind(7, &dn("anna"), 1, LOCKED) + login),
        expect![[r#"
            ? failed user="anna" claims=203.0.113.7 at=auth cause=account-restricted
        "#]],
    );
    // the sub-code in the server's own line, by the number of the request
    let said = "
        2026-10-24T09:00:01Z radius freeradius[3]: (4) ldap: ERROR: Server said: 80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data 533, v4563.
        2026-10-24T09:00:01Z radius freeradius[3]: (5) ldap: ERROR: Server said: 80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data 525, v4563.";
    check(
        &(said.to_owned() + login),
        expect![[r#"
            ? failed user="anna" claims=203.0.113.7 at=auth cause=account-restricted
        "#]],
    );
}

#[test]
fn lines_of_one_second_have_no_order() {
    // the directory's log comes after the gateway's: its lines of the same second are told behind
    let before = bind(6, &dn("zoe"), 0, "err=0 text=");
    let found = attempts(&(before.clone() + &refused(7, "anna", 1) + &bind(7, &dn("anna"), 1, LOCKED)));
    assert_eq!((found.len(), found[0].cause), (1, Some("account-restricted")));
    // three seconds later is another log-in
    let found = attempts(&(before + &refused(7, "anna", 1) + &bind(7, &dn("anna"), 4, LOCKED)));
    assert_eq!((found.len(), found[0].cause), (1, Some("wrong-credentials")));
}

#[test]
fn a_flood_of_binds_costs_no_attempt_and_forgets() {
    let mut log = String::new();
    for number in 0..10_000 {
        log += &format!(
            "2026-10-24T09:00:01Z ldap slapd[5]: conn={number} op=1 BIND dn=\"uid=u{number},dc=example\" method=128\n"
        );
    }
    log += "2026-10-24T09:00:01Z ldap slapd[5]: conn=9999 op=1 RESULT tag=97 err=32 text=\n";
    log += "2026-10-24T09:00:01Z ldap slapd[5]: conn=0 op=1 RESULT tag=97 err=32 text=\n";
    log += &refused(7, "u9999", 1);
    log += &refused(8, "u0", 1);
    let found = attempts_of(
        &log.lines()
            .map(|line| line.trim().to_owned() + "\n")
            .collect::<String>(),
    );
    let causes: Vec<_> = found.iter().map(|attempt| attempt.cause).collect();
    assert_eq!(causes, [Some("unknown-user"), Some("wrong-credentials")]);
}
