//! No secret of a line survives `redact`.

use tunlog_decode::{Catalogue, redact};

/// (record, what it looks like redacted)
const RECORDS: &[(&str, &str)] = &[
    (
        "Mar  3 10:20:30 gw pppd[7]: sent [CHAP Challenge id=0x4a <0123456789abcdef0123456789abcdef>, name = \"gw\"]",
        "Mar  3 10:20:30 gw pppd[7]: sent [CHAP Challenge id=0x4a <…>, name = \"gw\"]",
    ),
    (
        "Mar  3 10:20:30 gw pppd[7]: rcvd [CHAP Response id=0x4a <00112233>, name = \"an\\\"na\\347\"]",
        "Mar  3 10:20:30 gw pppd[7]: rcvd [CHAP Response id=0x4a <…>, name = \"an\\\"na\\347\"]",
    ),
    (
        "Mar  3 10:20:30 gw pppd[7]: rcvd [PAP AuthReq id=0x1 user=\"anna\" password=\"s3\\\"cr\\\\et\"]",
        "Mar  3 10:20:30 gw pppd[7]: rcvd [PAP AuthReq id=0x1 user=\"anna\" password=\"…\"]",
    ),
    (
        "Mar  3 10:20:30 gw pppd[7]: rcvd [PAP AuthReq id=0x1 user=\"anna\" password=<hidden>]",
        "Mar  3 10:20:30 gw pppd[7]: rcvd [PAP AuthReq id=0x1 user=\"anna\" password=<hidden>]",
    ),
    (
        "Mar  3 10:20:30 gw pppd[7]: sent [CHAP Failure id=0xa5 \"E=691 R=1 C=0011 V=0 M=Access denied\"]",
        "Mar  3 10:20:30 gw pppd[7]: sent [CHAP Failure id=0xa5 \"E=691 R=… C=… V=… M=Access denied\"]",
    ),
    (
        "Mar  3 10:20:30 gw pppd[7]: warning: quoted word runs to end of file (secret of anna...)",
        "Mar  3 10:20:30 gw pppd[7]: warning: quoted word runs to end of file (…...)",
    ),
    (
        "Mar  3 10:20:30 gw pppd[7]: EAP-TLS: Cannot load key with URI: 'pkcs11:token=gw?pin-value=1234'",
        "Mar  3 10:20:30 gw pppd[7]: EAP-TLS: Cannot load key with URI: 'pkcs11:token=gw?pin-value=…'",
    ),
    (
        "Mon Mar  3 10:20:30 2025 : Auth: (9) Login incorrect (pap: no): [anna/s3cret] (from client gw port 7 cli 203.0.113.5)",
        "Mon Mar  3 10:20:30 2025 : Auth: (9) Login incorrect (pap: no): [anna/…] (from client gw port 7 cli 203.0.113.5)",
    ),
    (
        "Mar  3 10:20:30 gw radiusd[3]: (9) Login OK: [anna/s3] (from client x port 0)/y] (from client gw port 7)",
        "Mar  3 10:20:30 gw radiusd[3]: (9) Login OK: [anna/…] (from client gw port 7)",
    ),
    (
        "Mar  3 10:20:30 gw radiusd[3]: Login OK: [/s3cret] (from client gw port 7)",
        "Mar  3 10:20:30 gw radiusd[3]: Login OK: [/…] (from client gw port 7)",
    ),
    (
        "Auth: (9) Login OK: [anna/<via Auth-Type = mschap>] (from client gw port 7 cli 203.0.113.5)",
        "Auth: (9) Login OK: [anna/<via Auth-Type = mschap>] (from client gw port 7 cli 203.0.113.5)",
    ),
    (
        "Auth: (9) Login OK: [anna] (from client gw port 7 cli 203.0.113.5)",
        "Auth: (9) Login OK: [anna] (from client gw port 7 cli 203.0.113.5)",
    ),
];

/// The record's body, as the framing would cut it.
fn body(record: &str) -> &str {
    let at = record
        .find(" : ")
        .map(|at| at + 3)
        .or_else(|| record.find("]: ").filter(|at| *at < 40).map(|at| at + 3));
    &record[at.unwrap_or(0)..]
}

fn redacted(catalogue: &Catalogue, record: &str, body: &str) -> String {
    let message = catalogue
        .explain_line(body.as_bytes())
        .unwrap_or_else(|| panic!("not understood: {body}"));
    String::from_utf8_lossy(&redact(message, record.as_bytes())).into_owned()
}

#[test]
fn secrets_are_cut_out() {
    let catalogue = Catalogue::builtin();
    for (record, want) in RECORDS {
        assert_eq!(redacted(&catalogue, record, body(record)), *want);
    }
}

#[test]
fn a_record_that_is_not_the_line_itself_shows_nothing_of_its_body() {
    let catalogue = Catalogue::builtin();
    let body = "rcvd [CHAP Response id=0x4a <00112233>, name = \"anna\"]";
    let json = r#"{"_PID":"7","MESSAGE":"rcvd [CHAP Response id=0x4a <00112233>, name = \"anna\"]","_UID":"0"}"#;
    assert_eq!(redacted(&catalogue, json, body), r#"{"_PID":"7","MESSAGE":"(redacted)"#);
    assert_eq!(
        redacted(&catalogue, r#"{"MESSAGE":[114,99,118,100]}"#, body),
        "(redacted)"
    );
    let cut = "Mar  3 10:20:30 gw pppd[7]: rcvd [CHAP Response id=0x4a <00112233";
    assert_eq!(
        redacted(&catalogue, cut, body),
        "Mar  3 10:20:30 gw pppd[7]: (redacted)"
    );
    let export = format!("_PID=7\nMESSAGE={body}\n_UID=0\n");
    assert_eq!(
        redacted(&catalogue, &export, body),
        "_PID=7\nMESSAGE=rcvd [CHAP Response id=0x4a <…>, name = \"anna\"]\n_UID=0\n"
    );
    let twice = format!("MESSAGE={body}\nSYSLOG_RAW=<31>pppd[7]: {body}\n");
    assert!(!redacted(&catalogue, &twice, body).contains("00112233"));
}

#[test]
fn lines_without_secrets_come_back_as_they_are() {
    let catalogue = Catalogue::builtin();
    let body = "Peer anna/s3cret failed CHAP authentication";
    let message = catalogue.explain_line(body.as_bytes()).expect("pppd says so");
    assert!(matches!(
        redact(message, body.as_bytes()),
        std::borrow::Cow::Borrowed(_)
    ));
}
