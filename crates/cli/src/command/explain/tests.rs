//! What is asked and what answers.

use tunlog_decode::Catalogue;
use tunlog_report::explain::{Explanation, actions};

use super::{find, in_full};

fn catalogue() -> Catalogue {
    Catalogue::builtin()
}

/// The ids that answer, those told in full first, then `|` and the others.
fn ids(asked: &str) -> String {
    let found = find(asked, &catalogue());
    let full = in_full(&found);
    let names = |found: &[(u8, Explanation)]| {
        found
            .iter()
            .map(|(_, one)| one.id.clone())
            .collect::<Vec<_>>()
            .join(" ")
    };
    match full == found.len() {
        true => names(&found),
        false => format!("{} | {}", names(&found[..full]), names(&found[full..]))
            .trim()
            .to_owned(),
    }
}

#[test]
fn words_and_ids() {
    assert_eq!(ids("gre-blocked"), "gre-blocked");
    assert_eq!(ids("GRE blocked"), "gre-blocked");
    assert_eq!(ids("pppd/peer-failed-chap"), "pppd/peer-failed-chap");
    assert_eq!(ids("peer-failed-chap"), "pppd/peer-failed-chap");
    assert_eq!(
        ids("Lost-Carrier"),
        "radius-terminate-cause/2 l2tp/cdn-1 pptp/disconnect-1"
    );
    assert_eq!(ids("lost carrier"), ids("Lost-Carrier"));
    assert!(
        ids("user-request").starts_with("end-reason/user-request "),
        "{}",
        ids("user-request")
    );
    assert_eq!(ids("outcome/open"), "outcome/open");
    assert_eq!(ids("NO_PROPOSAL_CHOSEN"), "ike-notify/14 ikev2-notify/14");
    assert_eq!(ids("AUTHENTICATION_FAILURE"), "ras/691 mschap/691");
    assert_eq!(ids("E=691"), ids("mschap/691"));
    assert_eq!(ids("IPV6CP"), "ppp-protocol/0x8057");
    assert_eq!(ids(""), "");
    assert_eq!(ids("no-such-thing"), "");
}

#[test]
fn numbers() {
    assert!(
        ids("691").starts_with("ras/691 mschap/691 | pppd/mschap-failed-691"),
        "{}",
        ids("691")
    );
    for same in ["0x2b3", "0x2B3", "error 691", "Error code: 691", "E 691", "#691"] {
        assert_eq!(ids(same), ids("691"), "{same}");
    }
    assert_eq!(ids("0x800702b3"), ids("691"));
    assert_eq!(ids("mschap/0x2b3"), "mschap/691");
    assert_eq!(ids("pppd exit 19"), "pppd-exit-status/19");
    assert_eq!(ids("pppd exit status 19"), "pppd-exit-status/19");
    assert_eq!(ids("exit 19"), "pppd-exit-status/19");
    assert_eq!(ids("Acct-Terminate-Cause = 2"), "radius-terminate-cause/2");
    assert_eq!(ids("terminate cause 2"), "radius-terminate-cause/2");
    assert_eq!(ids("signal 15"), "signal/15");
    assert_eq!(ids("pptp start-reply 2"), "pptp/start-reply-2");
    assert_eq!(ids("stopccn 4"), "l2tp/stopccn-4");
    assert_eq!(ids("ikev2 notify 24"), "ikev2-notify/24");
    assert_eq!(ids("0x80fd"), "ppp-protocol/0x80fd");
    assert_eq!(ids("12345"), "");
    // a small number means many things: they are listed, none in full
    assert!(ids("2").starts_with("| "), "{}", ids("2"));
}

#[test]
fn vendors_codes_and_names() {
    for same in ["02800009", "2800009", "clavister/02800009", "clavister/2800009"] {
        assert_eq!(ids(same), "clavister/02800009", "{same}");
    }
    let up = ids("l2tp_session_up");
    for id in ["02800011", "02800016", "02800046", "02800047"] {
        assert!(up.contains(&format!("clavister/{id}")), "{up}");
    }
}

#[test]
fn lines_of_logs() {
    for line in [
        "Peer anna failed CHAP authentication",
        "pppd[7]: Peer anna failed CHAP authentication",
        "Nov 20 09:00:01 vpn pppd[7]: Peer anna failed CHAP authentication",
        "<36>1 2026-11-20T09:00:01Z vpn pppd 7 - - Peer anna failed CHAP authentication",
    ] {
        let found = find(line, &catalogue());
        assert_eq!(found.len(), 1, "{line}");
        assert_eq!(found[0].1.id, "pppd/peer-failed-chap", "{line}");
        assert_eq!(
            found[0].1.fields.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            ["user"],
            "{line}"
        );
    }
    assert_eq!(ids("The error code returned on failure is 691."), "ras/691 mschap/691");
    assert_eq!(
        ids("E=691 R=1 C=0123456789ABCDEF0123456789ABCDEF V=3 M=Access denied"),
        "ras/691 mschap/691"
    );
    assert_eq!(ids("Nov 20 09:00:01 vpn sshd[7]: Failed password for anna"), "");
}

#[test]
fn secrets_of_a_pasted_line_stay_secret() {
    let line = "rcvd [PAP AuthReq id=0x1 user=\"anna\" password=\"hunter2\"]";
    let found = find(line, &catalogue());
    let shown = format!("{found:?}");
    assert!(!found.is_empty() && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn everything_that_can_be_named_is_explained_and_says_what_to_do() {
    use tunlog_decode::codes::FAMILIES;
    use tunlog_model::Cell;
    let catalogue = catalogue();
    let messages = catalogue
        .listed()
        .map(|listed| format!("{}/{}", listed.dialect(), listed.id()));
    let codes = FAMILIES
        .iter()
        .flat_map(|family| family.codes)
        .map(|code| code.id.to_owned());
    let mut wrong = Vec::new();
    for id in messages.chain(codes) {
        let found = super::search::find(&id, &catalogue);
        let Some(explanation) = found
            .iter()
            .map(|(_, hit)| super::words::explanation(hit, &catalogue))
            .find(|one| one.id == id)
        else {
            wrong.push(format!("{id}: not found"));
            continue;
        };
        let acts = match actions(&explanation) {
            Cell::List(acts) => acts,
            _ => Vec::new(),
        };
        let says = |cell: &Cell| matches!(cell, Cell::Word(text) if !text.trim().is_empty() && *text != "none");
        if explanation.meaning.trim().is_empty() || acts.is_empty() || !acts.iter().all(says) {
            wrong.push(format!("{id}: no meaning or no action"));
        }
        if explanation.blames.is_some() && explanation.blamed.is_none() {
            wrong.push(format!("{id}: speaks for an unknown cause"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
