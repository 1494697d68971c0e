//! Lines with versions, and the advisories that they give.

use tunlog_audit::Report;
use tunlog_audit::logs::{Beside, Logs};
use tunlog_audit::versions::{Advisories, packages};
use tunlog_testkit::{Log, NOW, Told, redact, session};

/// One case of the table.
#[derive(Default)]
struct Case {
    line: usize,
    log: String,
    dpkg: String,
    radius: bool,
    expected: Option<Vec<String>>,
}

impl Case {
    /// Takes a line of the table in.
    fn take(&mut self, text: &str) {
        if let Some(ids) = text.strip_prefix("=>") {
            let mut ids: Vec<String> = ids.split_whitespace().map(str::to_owned).collect();
            ids.sort();
            self.expected = Some(ids);
        } else if let Some(package) = text.strip_prefix("dpkg ") {
            let (name, version) = package.split_once(' ').unwrap_or_else(|| panic!("line {}", self.line));
            self.dpkg.push_str(&format!("{name}\t{version}\n"));
        } else if text == "radius" {
            self.radius = true;
        } else {
            let (program, body) = text
                .split_once(": ")
                .unwrap_or_else(|| panic!("line {}: {text}", self.line));
            let (name, pid) = match program.split_once('[') {
                Some((name, pid)) => (name, format!("[{pid}")),
                None => (program, "[930]".to_owned()),
            };
            let (name, host) = name.split_once('@').unwrap_or((name, "vpn1"));
            let minute = self.log.lines().count();
            self.log
                .push_str(&format!("Nov 20 10:{minute:02}:00 {host} {name}{pid}: {body}\n"));
        }
    }

    fn report(&self) -> Report {
        let beside = Beside {
            advisories: Advisories::built_in(),
            packages: (!self.dpkg.is_empty()).then(|| ("dpkg.txt".to_owned(), packages(&self.dpkg))),
            ..Beside::default()
        };
        let mut logs = Logs::new(beside, redact);
        Log::default().tell(&self.log, &mut |told| {
            if let Told::Event(event) = told {
                logs.event(&event, true);
            }
        });
        if self.radius {
            let mut attempt = session("anna");
            attempt.backend = Some("radius");
            attempt.protocol = None;
            logs.attempt(&attempt);
        }
        let mut report = Report::default();
        logs.finish(NOW, &|_| "vpn.log".to_owned(), &mut report);
        report
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut case = Case::default();
    for (text, line) in include_str!("versions.table").lines().zip(1..) {
        match text {
            "" => {
                if case.expected.is_some() {
                    cases.push(std::mem::take(&mut case));
                }
            }
            text if text.starts_with('#') => {}
            text => {
                case.line = line;
                case.take(text);
            }
        }
    }
    cases.extend(case.expected.is_some().then_some(case));
    cases
}

#[test]
fn each_line_gives_its_advisories() {
    let cases = cases();
    assert!(cases.len() >= 60, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let report = case.report();
        let vulnerable = report.checks.iter().filter(|check| check.id == "known-vulnerability");
        let mut found: Vec<String> = vulnerable.filter_map(|check| check.subject.clone()).collect();
        found.sort();
        let expected = case.expected.as_deref().unwrap_or_default();
        if found != expected {
            wrong.push(format!(
                "line {}: expected {expected:?}\n          found {found:?}",
                case.line
            ));
        }
        assert!(!found.iter().any(|id| id == "CVE-2022-4603"), "pppdump is never blamed");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_check_says_what_to_ask_and_where_it_was_heard() {
    let mut case = Case::default();
    for line in [
        "pppd@vpn1: pppd 2.4.7 started by root, uid 0",
        "pppd@vpn2: pppd 2.4.7 started by root, uid 0",
    ] {
        case.take(line);
    }
    let report = case.report();
    let check = report
        .checks
        .iter()
        .find(|check| check.subject.as_deref() == Some("CVE-2020-8597"));
    let check = check.unwrap_or_else(|| panic!("{report:?}"));
    assert_eq!(check.place().as_deref(), Some("vpn.log:2"));
    assert_eq!(
        check.summary,
        "pppd 2.4.7 on vpn1, vpn2: CVE-2020-8597, a packet of EAP overflows a buffer before anybody has logged in (remote code as root); affected unless patched by the distribution."
    );
    assert!(check.action.contains("`dpkg-query -W ppp`"), "{}", check.action);
    assert!(check.action.ends_with("update to 2.4.9 or later."), "{}", check.action);
    case.take("dpkg ppp 2.4.7-2+4.1");
    let report = case.report();
    let check = report
        .checks
        .iter()
        .find(|check| check.subject.as_deref() == Some("CVE-2020-8597"));
    let action = check.map(|check| check.action.to_string()).unwrap_or_default();
    assert!(
        action.contains("Package ppp 2.4.7-2+4.1 is installed; `apt changelog ppp`"),
        "{action}"
    );
}

#[test]
fn an_old_list_says_how_old_it_is() {
    let mut case = Case::default();
    case.take("pppd: pppd 2.5.3 started by root, uid 0");
    let report = case.report();
    assert!(
        report.remarks[0].contains("list of advisories of 2026-11-21"),
        "{:?}",
        report.remarks
    );
    let mut logs = Logs::new(
        Beside {
            advisories: Advisories::built_in(),
            packages: Some(("x".to_owned(), Vec::new())),
            ..Beside::default()
        },
        redact,
    );
    let mut report = Report::default();
    logs.finish(NOW + 200 * 86_400_000_000, &|_| String::new(), &mut report);
    assert!(report.remarks[0].contains("200 days old"), "{:?}", report.remarks);
}

#[test]
fn what_never_logs_a_version_is_to_be_looked_up() {
    let mut case = Case::default();
    case.take("pptpd: MGR: Manager process started");
    let told = |report: Report| -> Vec<String> {
        report
            .checks
            .iter()
            .filter(|check| check.id == "version-not-logged")
            .filter_map(|check| check.subject.clone())
            .collect()
    };
    assert_eq!(told(case.report()), ["CVE-2003-0213"]);
    case.take("dpkg pptpd 1.4.0-12");
    assert!(told(case.report()).is_empty(), "the package list tells it");
}

#[test]
fn for_people_all_of_one_version_is_one_check() {
    let mut case = Case::default();
    case.take("pppd: pppd 2.4.7 started by root, uid 0");
    case.take("accel-ppp: accel-ppp version 1.13.0");
    let mut report = case.report();
    report.sort();
    let folded = tunlog_audit::versions::folded(&report.checks);
    let told: Vec<&str> = folded.iter().map(|check| check.summary.as_str()).collect();
    assert_eq!(
        told,
        [
            "pppd 2.4.7 on vpn1: 4 advisories: 1 critical (CVE-2020-8597), 1 low (CVE-2024-58250), 2 info (CVE-2018-11574, pppd-2.5.3); affected unless patched by the distribution.",
            "accel-ppp 1.13.0 on vpn1: an overlong Calling or Called Number of L2TP overflows a buffer (mended in 1.14.0; no CVE number is known); affected unless patched by the distribution.",
        ]
    );
    assert!(
        folded[0].action.contains("Mended in all of them is 2.5.3."),
        "{}",
        folded[0].action
    );
}
