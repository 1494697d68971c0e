//! `tunlog report`: which form is written where, and that no log makes an unsound one.

use std::path::Path;

use crate::harness::Folder;

const LOG: &str = "
    Nov 20 09:00:00 vpn1 pptpd[100]: CTRL: Client 203.0.113.15 control connection started
    Nov 20 09:00:00 vpn1 pptpd[100]: CTRL: Starting call (launching pppd, opening GRE)
    Nov 20 09:00:01 vpn1 pppd[101]: Connect: ppp0 <--> /dev/pts/1
    Nov 20 09:00:02 vpn1 pppd[101]: Peer joe failed CHAP authentication
    Nov 20 09:00:02 vpn1 pppd[101]: Connection terminated.
    Nov 20 09:00:02 vpn1 pptpd[100]: CTRL: Reaping child PPP[101]
    Nov 20 09:00:02 vpn1 pppd[101]: Exit.
    Nov 20 09:00:02 vpn1 pptpd[100]: CTRL: Client 203.0.113.15 control connection finished
    Nov 20 09:00:03 vpn1 pppd[101]: something that nobody has ever seen before
";

#[test]
fn the_suffix_or_the_word_decides_the_form() {
    let folder = Folder::new();
    folder.log("syslog", LOG);
    let cases: [(&[&str], &str, &str); 7] = [
        (&["--to", "a.html"], "a.html", "<!DOCTYPE html>"),
        (&["--to", "a.HTM"], "a.HTM", "<!DOCTYPE html>"),
        (&["--to", "a.json"], "a.json", "{\"type\":\"report"),
        (&["--to", "a.md"], "a.md", "# VPN report\n"),
        (&["--to", "a.txt", "-o", "md"], "a.txt", "# VPN report\n"),
        (&["--to", "b.html", "--json"], "b.html", "{\"type\":\"report"),
        (&["--to", "c", "-o", "html"], "c", "<!DOCTYPE html>"),
    ];
    for (args, name, expected) in cases {
        let ran = folder.run(&[&["report", "--year", "2026", "syslog"], args].concat());
        assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""), "{args:?} {}", ran.err);
        let written = std::fs::read_to_string(folder.path().join(name)).expect("a report");
        assert!(written.starts_with(expected), "{args:?} {written}");
    }
}

#[test]
fn without_a_file_it_is_a_page_on_standard_output() {
    let page = Folder::over(LOG, &["report"]).good();
    assert!(
        page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"),
        "{page}"
    );
    for expected in [
        "wrong-credentials",
        "joe</bdi> from 203.0.113.15",
        "Peer joe failed CHAP authentication",
        "Evidence: 8 lines",
        "something that nobody has ever seen before",
        "2026-11-20 09:00:00 to 2026-11-20 09:00:02, UTC",
    ] {
        assert!(page.contains(expected), "{expected} in\n{page}");
    }
}

#[test]
fn forms_that_are_none_are_refused_and_nothing_is_written() {
    let folder = Folder::new();
    folder.log("syslog", LOG);
    for (args, expected) in [
        (["--to", "a.csv"], "a.csv: the suffix names no form of a report"),
        (["--to", "report"], "report: the suffix names no form of a report"),
        (["-o", "csv"], "a report is html, json or md"),
        (["-o", "table"], "a report is html, json or md"),
    ] {
        let ran = folder.run(&[["report", "syslog"], args].concat());
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{args:?}");
        assert!(ran.err.contains(expected), "{}", ran.err);
    }
    for command in ["attempts", "decode", "clients", "explain"] {
        let ran = folder.run(&[command, "-o", "html", "syslog"]);
        assert_eq!(ran.code, Some(2), "{command}");
        assert!(
            ran.err.contains("only `tunlog report` writes html and md"),
            "{}",
            ran.err
        );
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
}

#[test]
fn choosing_nobody_writes_an_empty_report_and_says_so() {
    let none = Folder::over(LOG, &["report", "--user", "nobody", "-o", "json"]);
    assert_eq!(none.code, Some(1), "{}", none.err);
    assert!(none.out.contains("\"chosen\":{\"user\":\"nobody\"}"), "{}", none.out);
    assert!(none.out.contains("\"attempts\":0"), "{}", none.out);
    let joe = Folder::over(LOG, &["report", "--user", "joe", "-o", "json"]).good();
    assert!(joe.contains("\"failed\":1"), "{joe}");
}

#[test]
fn the_limit_bounds_what_is_told_in_full() {
    let json = Folder::over(LOG, &["report", "-n", "0", "-o", "json"]).good();
    assert!(
        json.contains("\"failed_attempts\":[],\"failed_attempts_left_out\":1"),
        "{json}"
    );
    assert!(
        json.contains("\"clients\":[],\"clients_left_out\":{\"users\":1,"),
        "{json}"
    );
}

#[test]
fn secrets_stay_out_unless_asked_for() {
    let log = "
        Nov 20 09:00:00 vpn1 pppd[101]: rcvd [PAP AuthReq id=0x1 user=\"joe\" password=\"geheim\"]
        Nov 20 09:00:00 vpn1 pppd[101]: PAP peer authentication failed for joe
        Nov 20 09:00:01 vpn1 pppd[101]: Exit.
    ";
    for form in ["html", "json", "md"] {
        assert!(
            !Folder::over(log, &["report", "-o", form]).good().contains("geheim"),
            "{form}"
        );
        let shown = Folder::over(log, &["report", "-o", form, "--show-secrets"]).good();
        assert!(shown.contains("geheim"), "{form}: {shown}");
    }
}

#[test]
fn no_hostile_log_gets_out_of_its_place() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/hostile");
    let Ok(entries) = std::fs::read_dir(&corpus) else {
        eprintln!("skipped: no folder {}", corpus.display());
        return;
    };
    let folder = Folder::new();
    let mut count = 0;
    for entry in entries {
        let path = entry.expect("an entry").path();
        let name = path.display().to_string();
        if ![".log", ".json", ".bin"].iter().any(|end| name.ends_with(end)) || name.ends_with("expect.json") {
            continue;
        }
        count += 1;
        let page = folder.run(&["report", "--year", "2026", &name]);
        assert!(matches!(page.code, Some(0 | 2)), "{name}: {:?} {}", page.code, page.err);
        let count = |part: &str| page.out.matches(part).count();
        assert_eq!((count("<script"), count("<style"), count("<img")), (1, 1, 0), "{name}");
        let harmful = |c: char| c != '\n' && tunlog_model::text::is_harmful(c);
        assert!(!page.out.contains(harmful), "{name}");
        let ticket = folder.run(&["report", "--year", "2026", "-o", "md", &name]);
        assert!(!ticket.out.contains(harmful), "{name}");
        let json = folder.run(&["report", "--year", "2026", "-o", "json", &name]);
        assert_eq!(json.out.lines().count(), 1, "{name}");
    }
    assert!(count > 10, "{count} logs");
}
