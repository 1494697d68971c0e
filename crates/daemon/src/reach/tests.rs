//! A store shows its checkpoints to our own receiver, by TLS.

use std::path::Path;
use std::time::Duration;

use tunlog_store::{Options, Store};

use super::*;
use crate::listen::tests::tls::Authority;
use crate::listen::tests::{Bench, Folder};

const PATIENCE: Duration = Duration::from_secs(20);
const NOW: i64 = 1_795_168_800_000_000;

/// What the witness at an address, reached so, has to say against it.
fn shown(folder: &Path, place: &str, trust: &Trust) -> Vec<String> {
    let mut store = Store::open(folder, Options::default()).expect("the store");
    store.reach_by(by_tls(trust.clone()));
    store.add_witness(Path::new(place)).expect("a witness");
    store.close(NOW, true).expect("a checkpoint");
    let failed = store.show_witnesses_within(PATIENCE).expect("an answer");
    failed.iter().map(ToString::to_string).collect()
}

#[test]
fn checkpoints_are_shown_by_tls() {
    let folder = Folder::new();
    let (ours, other) = (Authority::new("ours"), Authority::new("another"));
    let (certificate, key) = ours.sign(&folder.0, "collector");
    let (ca, strange) = (ours.write(&folder.0, "ca"), other.write(&folder.0, "strange"));
    let own = ours.sign(&folder.0, "gateway");
    let mut bench = Bench::start(|config| {
        config.tls = vec!["127.0.0.1:0".into()];
        (config.tls_certificate, config.tls_key) = (Some(certificate), Some(key));
        config.tls_client_ca = Some(ca.clone());
    });
    let place = format!("tls://localhost:{}", bench.address("tls:").port());
    let store = folder.0.join("store");
    Store::create(&store, "vpn1.example/tunlog", NOW).expect("a store");
    let trust = Trust {
        ca: Some(ca),
        own: Some(own.clone()),
    };
    assert_eq!(shown(&store, &place, &trust), <[String; 0]>::default());
    bench.until_has("tunlog-checkpoint origin=vpn1.example/tunlog number=2 ");
    let told = |bench: &Bench, number: u32| {
        let text = format!("tunlog-checkpoint origin=vpn1.example/tunlog number={number} ");
        bench.log.iter().filter(|line| line.contains(&text)).count()
    };
    // whom we do not trust is told nothing, and whoever does not trust us takes nothing: both are told later
    let of_another = Trust {
        ca: Some(strange),
        own: Some(own),
    };
    for trust in [
        of_another,
        Trust {
            own: None,
            ..trust.clone()
        },
    ] {
        let failed = shown(&store, &place, &trust);
        assert!(failed.len() == 1 && failed[0].starts_with(&place), "{failed:?}");
    }
    assert_eq!(shown(&store, &place, &trust), <[String; 0]>::default());
    bench.until_has("origin=vpn1.example/tunlog number=5 ");
    for number in 2..=5 {
        assert_eq!(told(&bench, number), 1, "{number}: {:#?}", bench.log);
    }
}

#[test]
fn what_cannot_be_used_is_named() {
    let folder = Folder::new();
    let ours = Authority::new("ours");
    let (certificate, key) = ours.sign(&folder.0, "gateway");
    let refused = |ca: &Path, own: (&Path, &Path)| {
        let trust = Trust {
            ca: Some(ca.to_owned()),
            own: Some((own.0.to_owned(), own.1.to_owned())),
        };
        config(&trust).map(drop)
    };
    let ca = ours.write(&folder.0, "ca");
    assert_eq!(refused(&ca, (&certificate, &key)), Ok(()));
    let named = |result: Result<(), String>, path: &Path| {
        let words = result.expect_err("refused");
        assert!(words.starts_with(&path.display().to_string()), "{words}");
    };
    named(
        refused(&folder.0.join("none"), (&certificate, &key)),
        &folder.0.join("none"),
    );
    named(refused(&key, (&certificate, &key)), &key);
    named(refused(&ca, (&certificate, &ca)), &ca);
}
