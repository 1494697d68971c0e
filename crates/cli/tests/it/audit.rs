//! `audit`: what is gathered, printed, chosen and explained.

use expect_test::expect;

use crate::harness::{Folder, Ran};

/// A gateway's `/etc` in which some things are wrong.
fn gateway() -> Folder {
    let folder = Folder::new();
    for path in [
        "etc/ppp",
        "etc/ipsec.d",
        "etc/freeradius/mods-available",
        "etc/freeradius/mods-enabled",
    ] {
        std::fs::create_dir_all(folder.path().join(path)).expect("a folder");
    }
    let files = [
        (
            "etc/pptpd.conf",
            "option /etc/ppp/vpn-options\nlogwtmp\nlisten 192.0.2.1\nlocalip 192.168.0.1\n",
        ),
        (
            "etc/ppp/vpn-options",
            "require-mschap-v2\nnobsdcomp novj novjccomp nologfd\nlcp-echo-interval 30\nlcp-echo-failure 4\n",
        ),
        (
            "etc/ppp/chap-secrets",
            "anna pptpd Kuckuck-41-Torte 192.168.0.20\nbert pptpd hush 192.168.0.21\ncarl pptpd hush2 192.168.0.22\n",
        ),
        ("etc/ppp/chap-secrets.dpkg-old", "dora pptpd a 192.168.0.23\n"),
        ("etc/ipsec.secrets", "include /etc/ipsec.d/*.secrets\n"),
        (
            "etc/ipsec.d/l2tp.secrets",
            "192.0.2.1 198.51.100.7 : PSK \"9f2c-1b7e-44aa-8c31-77d0\"\n",
        ),
        ("etc/freeradius/mods-available/mschap", "mschap {\n\tuse_mppe = no\n}\n"),
        ("etc/hosts", "127.0.0.1 localhost\n"),
    ];
    for (name, text) in files {
        folder.bytes(name, text.as_bytes());
        private(&folder, name);
    }
    folder
}

#[cfg(unix)]
fn private(folder: &Folder, name: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(folder.path().join(name), mode).expect("our own file");
}

#[cfg(not(unix))]
fn private(_: &Folder, _: &str) {}

fn audit(args: &[&str]) -> Ran {
    gateway().run(&[&["audit"], args].concat())
}

#[test]
fn the_table_says_where_and_what_to_do() {
    let ran = audit(&["etc"]);
    expect![[r#"
        Severity  Check              Where
        high      secrets-short      etc/ppp/chap-secrets:2
          found       `bert` has a secret of fewer than 8 characters; the same holds for `carl` (line 3)
          to do       Generate one of 16 or more characters.
        high      mppe-not-required  etc/ppp/vpn-options
          found       no require-mppe-128: a session comes up without encryption if the client does not ask
                      for it
          to do       Add `require-mppe-128`.
        high      pptp-offered       etc/pptpd.conf:1
          found       PPTP is offered: its log-ins can be cracked and its encryption read
          to do       Plan the move to IKEv2, WireGuard or L2TP inside IPsec; `tunlog clients` shows who
                      uses PPTP now.
        low       no-second-factor   etc/ppp/vpn-options
          found       a password is all that a log-in takes
          to do       Let RADIUS ask for a one-time password, or give users certificates (EAP-TLS).
    "#]]
    .assert_eq(&ran.out);
    assert!(ran.err.contains("5 checks: 4 high, 1 low"), "{}", ran.err);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
}

#[test]
fn a_check_has_the_keys_of_the_contract() {
    let ran = audit(&["etc", "-o", "jsonl", "--check", "mppe-not-required"]);
    expect![[r#"
        {"type":"check","check":"mppe-not-required","severity":"high","file":"etc/ppp/vpn-options","summary":"no require-mppe-128: a session comes up without encryption if the client does not ask for it","why":"If the client does not ask for MPPE, no encryption is used at all, and nobody notices.","action":"Add `require-mppe-128`.","reference":"RFC 3078 (\"By default (i.e., if the negotiation of MPPE is not attempted), no encryption is used\"): https://www.rfc-editor.org/rfc/rfc3078"}
    "#]]
    .assert_eq(&ran.out);
}

#[test]
fn exit_status_and_choice() {
    assert_eq!(audit(&["etc", "--fail-on", "high"]).code, Some(1));
    assert_eq!(audit(&["etc", "--fail-on", "critical"]).code, Some(0));
    assert_eq!(
        audit(&["etc", "--check", "ppp-noauth"]).code,
        Some(1),
        "nothing found of what was named"
    );
    assert_eq!(audit(&["etc/ppp/vpn-options", "--severity", "critical"]).code, Some(0));
    let ran = audit(&["etc", "--check", "ppp-noath"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("there is no check `ppp-noath`"), "{}", ran.err);
    assert!(audit(&["etc", "--fail-on", "bad"]).err.contains("`bad` is none"));
}

#[test]
fn one_file_of_any_name() {
    let folder = Folder::new();
    folder.bytes("what.txt", b"name pptpd\nauth\nrequire-pap\n");
    let ran = folder.run(&["audit", "what.txt", "-o", "csv"]);
    assert!(ran.out.contains("ppp-weak-auth,high,what.txt,3,"), "{}", ran.out);
    let unknown = gateway().run(&["audit", "etc/hosts"]);
    assert_eq!(unknown.code, Some(2), "{}", unknown.err);
    assert!(
        unknown.err.contains("etc/hosts: neither configuration"),
        "{}",
        unknown.err
    );
    assert_eq!(gateway().run(&["audit", "nothing-there"]).code, Some(2));
}

/// A file that is named brings those that it names, of its own `/etc` and not of this machine's.
#[test]
fn what_a_file_names_is_read() {
    let ran = audit(&["etc/pptpd.conf", "etc/ipsec.secrets", "-q", "-o", "logfmt"]);
    assert!(
        ran.out.contains("check=mppe-not-required severity=high file="),
        "{}",
        ran.out
    );
    let ran = audit(&["etc/ipsec.secrets"]);
    assert!(ran.err.contains("read 2 files: ipsec.secrets"), "{}", ran.err);
}

/// No secret is in any form of output.
#[test]
fn secrets_stay_where_they_are() {
    for form in ["table", "json", "jsonl", "csv", "logfmt", "sarif", "html"] {
        let ran = audit(&["etc", "-x", "-o", form]);
        assert!(ran.out.contains("secrets-short"), "{form}: {}", ran.out);
        for secret in ["Kuckuck", "hush", "9f2c"] {
            assert!(
                !ran.out.contains(secret) && !ran.err.contains(secret),
                "{form}: {secret}"
            );
        }
    }
}

/// A name in a file of secrets may be anything.
#[test]
fn names_do_no_harm() {
    let folder = Folder::new();
    folder.bytes(
        "chap-secrets",
        "\"\\x1b[31m<script>alert(1)</script>\" pptpd abc 10.0.0.1\n=cmd pptpd abcd 10.0.0.2\n".as_bytes(),
    );
    let table = folder.run(&["audit", "chap-secrets"]);
    assert!(!table.out.contains('\u{1b}'), "{}", table.out);
    let page = folder.run(&["audit", "chap-secrets", "-o", "html"]);
    assert!(!page.out.contains("<script>"), "{}", page.out);
    let json = folder.run(&["audit", "chap-secrets", "-o", "json"]);
    assert!(json.out.contains(r#""subject":"\u001b[31m<script>"#), "{}", json.out);
}

#[test]
fn the_suffix_says_the_form() {
    let folder = gateway();
    assert_eq!(folder.run(&["audit", "etc", "--to", "a.sarif", "-q"]).code, Some(0));
    let sarif = std::fs::read_to_string(folder.path().join("a.sarif")).expect("it was written");
    assert!(
        sarif.starts_with(r#"{"$schema":"https://docs.oasis-open.org/sarif/"#),
        "{sarif}"
    );
    assert!(
        sarif.contains(r#""ruleId":"mppe-not-required","ruleIndex":"#),
        "{sarif}"
    );
    folder.run(&["audit", "etc", "--to", "a.html", "-q"]);
    let page = std::fs::read_to_string(folder.path().join("a.html")).expect("it was written");
    assert!(
        page.contains("<h1>VPN audit</h1>") && page.contains("mppe-not-required"),
        "{page}"
    );
}

#[test]
fn every_check_can_be_explained() {
    let list = Folder::new().run(&["explain", "--list", "audit"]);
    assert!(list.out.contains("mppe-not-required"), "{}", list.out);
    let one = Folder::new().run(&["explain", "mppe-not-required"]);
    for part in [
        "Encryption is not required",
        "wrong when",
        "known from",
        "Add `require-mppe-128`.",
    ] {
        assert!(one.out.contains(part), "{part}\n{}", one.out);
    }
}
