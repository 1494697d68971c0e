//! What is done to an incident behind its back is found.

use crate::incident::{Lab, zipped};

fn verify(lab: &Lab, path: &str) -> (Option<i32>, String) {
    let ran = lab.run(&["verify", path]);
    (ran.code, format!("{}{}", ran.out, ran.err))
}

/// Copies the case, so that each change stands alone.
fn copy(lab: &Lab, to: &str) {
    for (name, bytes) in lab.files("case") {
        let path = lab.path(to).join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
    }
}

#[test]
fn every_file_that_is_changed_added_or_taken_out_is_named() {
    let lab = Lab::new();
    lab.whole();
    assert_eq!(verify(&lab, "case").0, Some(0));
    for (at, (name, bytes)) in lab.files("case").into_iter().enumerate() {
        let dir = format!("copy{at}");
        copy(&lab, &dir);
        let path = lab.path(&dir).join(&name);
        let mut flipped = bytes.clone();
        let middle = flipped.len() / 2;
        match flipped.get_mut(middle) {
            Some(byte) => *byte ^= 1,
            None => flipped.push(b'x'),
        }
        std::fs::write(&path, flipped).expect("a file");
        let (code, told) = verify(&lab, &dir);
        assert_eq!(code, Some(1), "{name} changed: {told}");
        assert!(told.contains(&name), "{name}: {told}");
        std::fs::remove_file(&path).expect("a file");
        let (code, told) = verify(&lab, &dir);
        assert_eq!(code, Some(2), "{name} taken out: {told}");
        assert!(told.contains(&name), "{name}: {told}");
        // without the manifest nothing is known to be as it was signed
        let judged = told.contains("what is there is as it was signed");
        assert_eq!(judged, name != "MANIFEST", "{name}: {told}");
        std::fs::write(&path, bytes).expect("a file");
        assert_eq!(verify(&lab, &dir).0, Some(0), "{name} put back");
        std::fs::remove_dir_all(lab.path(&dir)).expect("a folder");
    }
    lab.folder.bytes("case/evidence/sources/more.log", b"");
    let (code, told) = verify(&lab, "case");
    assert!(
        code == Some(1) && told.contains("evidence/sources/more.log added"),
        "{told}"
    );
    std::fs::remove_file(lab.path("case/evidence/sources/more.log")).expect("a file");
    std::os::unix::fs::symlink("/etc/passwd", lab.path("case/evidence/link")).expect("a link");
    let (code, told) = verify(&lab, "case");
    assert!(code == Some(1) && told.contains("evidence/link is a link"), "{told}");
}

#[test]
fn what_is_too_large_is_not_read() {
    let lab = Lab::new();
    lab.stuffing();
    let case = std::fs::OpenOptions::new()
        .write(true)
        .open(lab.path("case/incident.toml"));
    case.and_then(|file| file.set_len(17 << 20))
        .expect("a file with a hole");
    let ran = lab.run(&["report", "case"]);
    assert!(
        ran.code == Some(2) && ran.err.contains("incident.toml: cannot read: it is larger than 16 MiB"),
        "{:?}: {}",
        ran.code,
        ran.err
    );
}

#[test]
fn acts_that_were_taken_out_and_states_that_were_put_back_are_found() {
    let lab = Lab::new();
    lab.stuffing();
    let early: Vec<(String, Vec<u8>)> = lab.files("case");
    lab.run(&["analyse", "case"]).good();
    lab.run(&["remediate", "case"]).good();
    let acts = lab.read("case/acts.jsonl");
    let short: String = acts.lines().take(2).map(|line| format!("{line}\n")).collect();
    lab.folder.bytes("case/acts.jsonl", short.as_bytes());
    let (code, told) = verify(&lab, "case");
    assert!(code == Some(1) && told.contains("holds 2 of the 3 acts"), "{told}");
    let ran = lab.run(&["report", "case"]);
    assert!(
        ran.code == Some(2) && ran.err.contains("cannot be gone on with"),
        "{}",
        ran.err
    );
    lab.folder.bytes("case/acts.jsonl", acts.as_bytes());
    let (_, manifest) = early.iter().find(|(name, _)| name == "MANIFEST").expect("a manifest");
    let late = std::fs::read(lab.path("case/MANIFEST")).expect("a manifest");
    lab.folder.bytes("case/MANIFEST", manifest);
    let (code, told) = verify(&lab, "case");
    assert!(
        code == Some(1) && told.contains("the manifest is an earlier one"),
        "{told}"
    );
    // all of it put back, on the machine that signed what came later
    std::fs::remove_dir_all(lab.path("case")).expect("a folder");
    std::fs::create_dir_all(lab.path("case")).expect("a folder");
    for (name, bytes) in &early {
        lab.folder.bytes(&format!("case/{name}"), bytes);
    }
    let (code, told) = verify(&lab, "case");
    assert!(code == Some(1) && told.contains("this machine has signed 3"), "{told}");
    // elsewhere only the hash of the manifest tells
    std::fs::copy(lab.path("state/tunlog/incident.key"), lab.path("key")).expect("a copy");
    let elsewhere = |more: &[&str]| lab.run_in("elsewhere", &[&["verify", "case", "--key-file", "key"], more].concat());
    assert_eq!(elsewhere(&[]).code, Some(0));
    let hash = |bytes: &[u8]| {
        lab.folder.bytes("hashed", bytes);
        let out = std::process::Command::new("sha256sum")
            .arg(lab.path("hashed"))
            .output()
            .expect("sha256sum");
        String::from_utf8_lossy(&out.stdout)
            .split(' ')
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(elsewhere(&["--manifest", &hash(manifest)]).code, Some(0));
    assert_eq!(elsewhere(&["--manifest", &hash(&late)]).code, Some(1));
    assert_eq!(elsewhere(&["--manifest", "x"]).code, Some(2));
}

#[test]
fn the_key_must_come_by_another_way() {
    let lab = Lab::new();
    lab.stuffing();
    let public = lab.read("case/key.pub");
    let stranger = |args: &[&str]| lab.run_in("elsewhere", args);
    let ran = stranger(&["verify", "case"]);
    assert!(
        ran.code == Some(3) && ran.out.contains("proves only itself"),
        "{}",
        ran.out
    );
    stranger(&["verify", "case", "--key", public.trim()]).good();
    lab.folder.bytes("anna.pub", public.as_bytes());
    stranger(&["verify", "case", "--key", "anna.pub"]).good();
    // somebody signs it anew with a key of his own: he cannot be told from anybody, unless the key is known
    stranger(&["remediate", "case", "--quiet"]).good();
    assert_eq!(stranger(&["verify", "case"]).code, Some(0), "his own machine knows him");
    assert_eq!(stranger(&["verify", "case", "--key", "anna.pub"]).code, Some(3));
    assert!(lab.read("case/acts.jsonl").contains("\"act\":\"taken-over\""));
    assert_eq!(lab.read("case/key.pub").lines().count(), 2);
    let ran = stranger(&["verify", "case", "--key", "vpn+00000000+AAAA"]);
    assert!(ran.code == Some(2) && ran.err.contains("--key"), "{}", ran.err);
}

#[test]
fn a_zip_archive_is_verified_as_it_is() {
    let lab = Lab::new();
    lab.stuffing();
    for prefix in ["", "case/", "a/b/"] {
        lab.folder.bytes("case.zip", &zipped(&lab, "case", prefix));
        assert_eq!(verify(&lab, "case.zip").0, Some(0), "{prefix}");
    }
    let mut changed = zipped(&lab, "case", "case/");
    lab.folder.bytes("case/incident.toml", b"x");
    let other = zipped(&lab, "case", "case/");
    lab.folder.bytes("case.zip", &other);
    let (code, told) = verify(&lab, "case.zip");
    assert!(code == Some(1) && told.contains("incident.toml changed"), "{told}");
    changed.truncate(changed.len() / 2);
    lab.folder.bytes("case.zip", &changed);
    assert_eq!(verify(&lab, "case.zip").0, Some(2));
    assert_eq!(verify(&lab, "stuffing.log.gz").0, Some(2));
}

#[test]
fn what_people_edit_is_recorded_and_what_nobody_should_is_told_loudly() {
    let lab = Lab::new();
    lab.stuffing();
    lab.run(&["collect", "case", "--config", "etc"]).good();
    let toml = lab.read("case/incident.toml").replace("title = \"", "title = \"our ");
    lab.folder.bytes("case/incident.toml", toml.as_bytes());
    lab.folder.bytes("case/photo of the screen.txt", b"x");
    lab.run(&["remediate", "case"]).good();
    let acts = lab.read("case/acts.jsonl");
    let edited = acts
        .lines()
        .find(|act| act.contains("\"act\":\"edited\""))
        .expect("an act");
    assert!(
        edited.contains("incident.toml changed sha256") && edited.contains("photo of the screen.txt added"),
        "{edited}"
    );
    lab.run(&["verify", "case"]).good();
    lab.folder
        .bytes("case/evidence/sources/3-files.log", b"nothing happened\n");
    let ran = lab.run(&["remediate", "case", "--quiet"]);
    assert!(
        ran.err.contains("WARNING") && ran.err.contains("3-files.log changed"),
        "{}",
        ran.err
    );
    assert!(lab.read("case/acts.jsonl").contains("\"act\":\"found-changed\""));
    // a mistake of people costs a message
    lab.folder.bytes(
        "case/incident.toml",
        toml.replace("severity = \"", "severity = \"very ").as_bytes(),
    );
    let ran = lab.run(&["analyse", "case"]);
    assert!(
        ran.code == Some(2) && ran.err.contains("incident.toml: `severity`"),
        "{}",
        ran.err
    );
}
