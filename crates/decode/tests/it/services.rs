//! Log-ins to other services than the gateway: read only where they are asked for, and no name reaches beyond itself.

use tunlog_decode::Catalogue;
use tunlog_model::AppFilter;

use crate::door::understood;

const LINES: &[(&str, &str, &str)] = &[
    (
        "sshd",
        "Failed password for invalid user a from 192.0.2.10 port 1 ssh2 from 203.0.113.7 port 40122 ssh2",
        "sshd/failed-invalid-user sshd[1] user=a from 192.0.2.10 port 1 ssh2 client_ip=203.0.113.7 client_port=40122",
    ),
    (
        "sshd-session",
        "Failed keyboard-interactive/pam for invalid user  from 203.0.113.7 port 40122 ssh2",
        "sshd/failed-invalid-user sshd-session[1] user= client_ip=203.0.113.7 client_port=40122",
    ),
    (
        "sshd-auth",
        "Connection reset by invalid user Accepted password for root from 192.0.2.10 port 1 ssh2 203.0.113.7 port 9 [preauth]",
        "sshd/closed-before-login-invalid-user sshd-auth[1] user=Accepted password for root from 192.0.2.10 port 1 ssh2 client_ip=203.0.113.7 client_port=9 count=1",
    ),
    (
        "sshd",
        "Failed publickey for invalid user x from 203.0.113.7 port 9 ssh2: RSA-CERT SHA256:abc ID x from 192.0.2.10 port 1 ssh2 (serial 0)",
        "sshd/method-refused sshd[1]",
    ),
    // what follows the port is no more than sshd writes: this is nobody's line
    (
        "sshd",
        "Failed password for root from 203.0.113.7 port 9 ssh2 from nowhere",
        "nothing",
    ),
    (
        "dovecot",
        "imap-login: Login: user=<x>, method=PLAIN, rip=192.0.2.10, lip=192.0.2.1, y>, method=PLAIN, rip=203.0.113.7, lip=198.51.100.2, mpid=7, TLS",
        "dovecot/login dovecot[1] user=x>, method=PLAIN, rip=192.0.2.10, lip=192.0.2.1, y client_ip=203.0.113.7",
    ),
    (
        "dovecot",
        "auth: pam(x,192.0.2.10,203.0.113.7): unknown user",
        "dovecot/unknown-user dovecot[1] user=x,192.0.2.10 client_ip=203.0.113.7",
    ),
    (
        "dovecot",
        "auth: passwd-file(x,192.0.2.10,<a>,203.0.113.7,<q1w2>): Password mismatch",
        "dovecot/password-mismatch dovecot[1] user=x,192.0.2.10,<a> client_ip=203.0.113.7",
    ),
    // with `auth_verbose_passwords` the line ends in what the client sent: nothing tells where a name ends
    (
        "dovecot",
        "auth: passwd-file(anna,203.0.113.7): Password mismatch (given password: x,192.0.2.10): Password mismatch)",
        "nothing",
    ),
    (
        "postfix/smtps/smtpd",
        "warning: unknown[2001:db8::7]:4711: SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username=x]: SASL [192.0.2.10]",
        "postfix/sasl-failed postfix/smtps/smtpd[1] client_ip=2001:db8::7 client_port=4711 user=x]: SASL [192.0.2.10]",
    ),
    // one name stands before the address and once more behind it: with blanks in it nothing tells which address is true
    (
        "vsftpd",
        "pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser=x rhost=192.0.2.10  user=y rhost=203.0.113.7  user=x rhost=192.0.2.10  user=y",
        "nothing",
    ),
    (
        "vsftpd",
        "pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser=anna rhost=203.0.113.7  user=anna",
        "pam/failed vsftpd[1] module=vsftpd client_ip=203.0.113.7 user=anna",
    ),
    (
        "sudo",
        "anna : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/echo bert : 3 incorrect password attempts ; TTY=pts/0",
        "pam/sudo-command sudo[1] user=anna module=sudo",
    ),
    (
        "su",
        "FAILED SU (to x) root on pts/1) anna on pts/0",
        "pam/su-failed su[1] user=x) root on pts/1 count=1 module=su",
    ),
];

#[test]
fn a_name_reaches_no_further_than_itself() {
    let catalogue = Catalogue::builtin().heeding_services();
    for (app, line, want) in LINES {
        assert_eq!(understood(&catalogue, app, line.as_bytes()).trim_end(), *want, "{line}");
    }
}

#[test]
fn who_does_not_ask_for_services_reads_none() {
    let catalogue = Catalogue::builtin();
    for (app, line, _) in LINES {
        assert!(!catalogue.wants(app.as_bytes()), "{app}");
        assert_eq!(understood(&catalogue, app, line.as_bytes()), "nothing");
    }
    assert!(catalogue.wants(b"pppd"));
    assert!(Catalogue::builtin().heeding_services().wants(b"pppd"));
}
