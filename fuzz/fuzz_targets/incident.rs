//! The files of an incident, which come back from strangers: any bytes are answered, and what is read has one spelling.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tunlog_incident::act::Acts;
use tunlog_incident::case::Case;
use tunlog_incident::facts::Facts;
use tunlog_incident::found::Found;
use tunlog_incident::manifest::Manifest;
use tunlog_incident::playbook::Playbook;
use tunlog_incident::{lessons, mask, mention, remediation, share};
use tunlog_seal::{Note, SigningKey, VerifyingKey};

fuzz_target!(|data: &[u8]| {
    if let Ok(acts) = Acts::parse(data) {
        assert_eq!(acts.text().as_bytes(), data);
    }
    let _ = Note::parse(data).map(|note| Manifest::parse(note.text()));
    mention::addresses(data, &mut |_| ());
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(manifest) = Manifest::parse(text) {
        assert_eq!(manifest.text(), text);
    }
    if let Ok(case) = Case::parse(text) {
        let again = Case::parse(&case.text()).expect("our own text is read");
        assert_eq!((again.accounts, again.addresses), (case.accounts, case.addresses));
    }
    let items = remediation::parse(text);
    assert_eq!(remediation::parse(&remediation::lines(&items)), items);
    let _ = (Found::parse(text), lessons::parse(text), Playbook::builtin().take(text));
    let _ = (Facts::parse(text, text), share::by_address(text), mask::line(text));
    let _ = (SigningKey::parse(text).is_ok(), VerifyingKey::parse(text).is_ok());
    for name in ["chap-secrets", "ipsec.secrets", "clients.conf"] {
        let _ = mask::configuration(name, text);
    }
});
