//! The scenarios that stand beside each rule of detection: what it must find, what it must leave alone.
//!
//! A scenario is a name (`# …`), what happens, and the rules that find something (`=> rule severity`), all of them. What
//! happens becomes the log of a pptpd gateway and takes the way that every log takes:
//!
//! ```text
//! login SOURCE NAME [TIMES every WAIT] [for LENGTH] [with FLAG]   refused SOURCE NAME [TIMES every WAIT]
//! unknown SOURCE NAME [TIMES every WAIT]   (the gateway has no such name)     probe SOURCE [TIMES every WAIT]
//! silent SOURCE NAME …   (RADIUS does not answer)      line [TIMES every WAIT] TAG: TEXT      wait LENGTH   back LENGTH (the clock is set back)
//! ```
//!
//! elsewhere refused|accepted SERVICE SOURCE NAME [TIMES every WAIT]   (sshd, dovecot, postfix; of sudo the source is `-`)
//!
//! `%` in a source or a name is the number of the repetition. FLAG: `clear` (no MPPE), `large` (2 GiB to the client).

use std::collections::BTreeSet;
use std::net::IpAddr;

use tunlog_analysis::correlate::{Correlator, Options};
use tunlog_analysis::detect::{ALL, Detector, Finding, Options as Thresholds, Place, Places};
use tunlog_testkit::{Log, Told};

macro_rules! scenarios {
    ($($rule:literal,)*) => {
        &[$(($rule, include_str!(concat!("../../src/detect/rules/", $rule, ".scenarios"))),)*]
    };
}

const SCENARIOS: &[(&str, &str)] = scenarios![
    "backend_outage",
    "brute_force",
    "cleartext_authentication",
    "clock_jump",
    "concurrent_sessions",
    "control_flood",
    "credential_stuffing",
    "distributed_brute_force",
    "distributed_spray",
    "encryption_downgrade",
    "first_seen_country",
    "impossible_travel",
    "injected_line",
    "log_gap",
    "password_spray",
    "protocol_abuse",
    "reconnect_storm",
    "same_credentials_elsewhere",
    "slow_brute_force",
    "stale_password",
    "success_after_failures",
    "unusual_traffic",
    "user_enumeration",
];

/// What happens becomes lines of a log.
struct Writer {
    now: u64,
    pid: u64,
    interface: u64,
    /// How often the clock was set back before the line was written, when it says that was, and the line.
    lines: Vec<(u64, u64, String)>,
    backs: u64,
}

/// Repetitions of one thing, and how long it lasts.
struct Course<'a> {
    times: u64,
    every: u64,
    length: u64,
    flag: &'a str,
}

fn seconds(text: &str) -> u64 {
    let (number, unit) = text.split_at(text.len() - 1);
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        unit => panic!("no unit of time: {unit}"),
    };
    factor * number.parse::<u64>().expect("a number of units")
}

fn course<'a>(words: &[&'a str]) -> Course<'a> {
    let after = |word: &str| {
        words
            .iter()
            .position(|found| *found == word)
            .and_then(|at| words.get(at + 1).copied())
    };
    Course {
        times: words.first().and_then(|word| word.parse().ok()).unwrap_or(1),
        every: after("every").map_or(60, seconds),
        length: after("for").map_or(60, seconds),
        flag: after("with").unwrap_or_default(),
    }
}

impl Writer {
    fn put(&mut self, time: u64, line: String) {
        self.lines.push((self.backs, time, line));
    }

    fn happen(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
        if let ["wait", length] = words[..] {
            self.now += seconds(length);
            return;
        }
        if let ["back", length] = words[..] {
            self.now -= seconds(length);
            self.backs += 1;
            return;
        }
        let (head, rest) = match words[0] {
            "probe" => (2, &words[2..]),
            "line" => (1, &words[1..]),
            "elsewhere" => (5, &words[5..]),
            _ => (3, &words[3..]),
        };
        let course = course(rest);
        for number in 1..=course.times {
            let text = |at: usize| words[at].replace('%', &number.to_string()).replace('_', " ");
            match words[0] {
                "line" => {
                    let skip = if course.times > 1 { head + 3 } else { head };
                    let text = words[skip..].join(" ");
                    self.put(self.now, text);
                }
                "probe" => self.probe(&text(1)),
                "elsewhere" => self.elsewhere(words[1] == "accepted", words[2], &text(3), &text(4)),
                kind => self.call(kind, &text(1), &text(2), &course),
            }
            self.now += course.every;
        }
    }

    fn probe(&mut self, source: &str) {
        self.pid += 2;
        let (now, pid) = (self.now, self.pid);
        self.put(
            now,
            format!("pptpd[{pid}]: CTRL: Client {source} control connection started"),
        );
        self.put(now, format!("pptpd[{pid}]: CTRL: Reaping child PPP[0]"));
        self.put(
            now,
            format!("pptpd[{pid}]: CTRL: Client {source} control connection finished"),
        );
    }

    fn elsewhere(&mut self, accepted: bool, service: &str, source: &str, name: &str) {
        self.pid += 2;
        let pid = self.pid;
        let line = match (service, accepted) {
            ("sshd", true) => {
                format!("sshd-session[{pid}]: Accepted password for {name} from {source} port 40000 ssh2")
            }
            ("sshd", false) => {
                format!("sshd-session[{pid}]: Failed password for invalid user {name} from {source} port 40000 ssh2")
            }
            ("dovecot", true) => format!(
                "dovecot: imap-login: Login: user=<{name}>, method=PLAIN, rip={source}, lip=192.0.2.1, mpid=7, TLS"
            ),
            ("dovecot", false) => format!(
                "dovecot: imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<{name}>, method=PLAIN, rip={source}, lip=192.0.2.1, TLS"
            ),
            ("postfix", true) => format!(
                "postfix/smtpd[{pid}]: 4F2A1B: client=unknown[{source}], sasl_method=PLAIN, sasl_username={name}"
            ),
            ("postfix", false) => format!(
                "postfix/smtpd[{pid}]: warning: unknown[{source}]: SASL PLAIN authentication failed: UGFzc3dvcmQ6, sasl_username={name}"
            ),
            ("sudo", false) => format!(
                "sudo[{pid}]: {name} : 1 incorrect password attempt ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls"
            ),
            (service, _) => panic!("no such service: {service}"),
        };
        self.put(self.now, line);
    }

    fn call(&mut self, kind: &str, source: &str, name: &str, course: &Course<'_>) {
        self.pid += 2;
        self.interface += 1;
        let (now, pid, ppp, interface) = (self.now, self.pid, self.pid + 1, self.interface);
        self.put(
            now,
            format!("pptpd[{pid}]: CTRL: Client {source} control connection started"),
        );
        self.put(
            now,
            format!("pptpd[{pid}]: CTRL: Starting call (launching pppd, opening GRE)"),
        );
        self.put(now, format!("pppd[{ppp}]: pppd 2.5.2 started by root, uid 0"));
        self.put(
            now,
            format!("pppd[{ppp}]: Connect: ppp{interface} <--> /dev/pts/{interface}"),
        );
        let end = match kind {
            "login" => self.session(source, name, ppp, course),
            kind => {
                match kind {
                    "unknown" => self.put(
                        now,
                        format!("pppd[{ppp}]: No CHAP secret found for authenticating {name}"),
                    ),
                    "silent" => self.put(
                        now,
                        format!("pppd[{ppp}]: rc_send_server: no reply from RADIUS server radius:1812, {name}"),
                    ),
                    _ => {}
                }
                self.put(now + 1, format!("pppd[{ppp}]: Peer {name} failed CHAP authentication"));
                now + 1
            }
        };
        self.put(end, format!("pppd[{ppp}]: Connection terminated."));
        self.put(end, format!("pppd[{ppp}]: Exit."));
        self.put(end, format!("pptpd[{pid}]: CTRL: Reaping child PPP[{ppp}]"));
        self.put(
            end,
            format!("pptpd[{pid}]: CTRL: Client {source} control connection finished"),
        );
    }

    fn session(&mut self, source: &str, name: &str, ppp: u64, course: &Course<'_>) -> u64 {
        let now = self.now;
        let bytes: u64 = if course.flag == "large" { 2 << 30 } else { 2 << 20 };
        match course.flag {
            "pap" => self.put(
                now,
                format!("pppd[{ppp}]: PAP peer authentication succeeded for {name}"),
            ),
            _ => self.put(now, format!("pppd[{ppp}]: Peer {name} authenticated with CHAP")),
        }
        self.put(
            now,
            format!("pppd[{ppp}]: peer from calling number {source} authorized"),
        );
        if course.flag != "clear" {
            self.put(now, format!("pppd[{ppp}]: MPPE 128-bit stateless compression enabled"));
        }
        self.put(now + 1, format!("pppd[{ppp}]: local  IP address 10.99.0.1"));
        self.put(
            now + 1,
            format!("pppd[{ppp}]: remote IP address 10.99.1.{}", 1 + ppp % 250),
        );
        let end = now + course.length;
        self.put(end, format!("pppd[{ppp}]: LCP terminated by peer (User request)"));
        self.put(
            end,
            format!("pppd[{ppp}]: Connect time {:.1} minutes.", course.length as f64 / 60.0),
        );
        self.put(end, format!("pppd[{ppp}]: Sent {bytes} bytes, received 1000 bytes."));
        end
    }

    /// The lines in the order of time, from 1 September on.
    fn log(mut self) -> String {
        self.lines.sort_by_key(|(backs, time, _)| (*backs, *time));
        let mut log = String::new();
        for (_, time, line) in self.lines {
            let (day, hour, minute, second) = (time / 86_400, time / 3_600 % 24, time / 60 % 60, time % 60);
            assert!(day < 30, "a scenario is a month at most");
            log += &format!("Sep {:2} {hour:02}:{minute:02}:{second:02} gw {line}\n", day + 1);
        }
        log
    }
}

/// Where the addresses of the scenarios about places are.
#[derive(Debug)]
struct Globe;

impl Places for Globe {
    fn place(&self, address: IpAddr) -> Option<Place> {
        let (net, country, at, asn) = match address {
            IpAddr::V4(v4) => match v4.octets() {
                [203, 0, 113, last] if last >= 200 => ("telephone", "DE", (-33.9, 151.2), 64_500),
                [203, 0, 113, _] => ("Berlin", "DE", (52.5, 13.4), 64_500),
                [192, 0, 2, _] => ("Munich", "DE", (48.1, 11.6), 64_501),
                [198, 51, 100, _] => ("Sydney", "AU", (-33.9, 151.2), 64_502),
                [198, 18, ..] => ("proxy", "AU", (-33.9, 151.2), 64_503),
                _ => return None,
            },
            IpAddr::V6(_) => return None,
        };
        Some(Place {
            country: Some(country.into()),
            at: Some(at),
            accuracy_km: 50.0,
            asn: Some(asn),
            anonymous: net == "proxy",
        })
    }
}

/// Rules whose scenarios are told with a table of places.
const PLACED: &[&str] = &["first_seen_country", "impossible_travel"];

fn findings_of(log: &str) -> Vec<Finding> {
    findings_at(log, false, true)
}

/// `prompt`: attempts are told at the line that decides them, not only when they close.
fn findings_at(log: &str, placed: bool, prompt: bool) -> Vec<Finding> {
    thread_local!(static LOG: Log = Log::default().heeding_services());
    let mut correlator = Correlator::new(Options {
        evidence: true,
        openings: true,
        prompts: prompt,
        ..Options::default()
    });
    let mut thresholds = Thresholds::default();
    if !prompt {
        thresholds.expect_closed_only();
    }
    let mut detector = Detector::new(&thresholds);
    if placed {
        detector.know_places(Box::new(Globe));
    }
    LOG.with(|reader| {
        reader.tell(log, &mut |told| {
            match told {
                Told::Event(event) => {
                    detector.event(&event);
                    correlator.observe(&event);
                }
                Told::Repeated(times) => {
                    detector.repeated(times);
                    correlator.repeated(times);
                }
            }
            correlator
                .prompts()
                .for_each(|(prompt, attempt)| detector.prompt(prompt, attempt));
            correlator.opened().for_each(|attempt| detector.opened(attempt));
            correlator.closed().for_each(|attempt| detector.attempt(attempt));
        });
    });
    correlator.finish();
    correlator.closed().for_each(|attempt| detector.attempt(attempt));
    detector.finish();
    std::iter::from_fn(|| detector.ready()).collect()
}

/// The name, the log, what is expected, and the words that must be said.
fn scenario(text: &str) -> (&str, String, BTreeSet<String>) {
    let (name, rest) = text.split_once('\n').expect("a name");
    let mut writer = Writer {
        now: 8 * 3_600,
        pid: 100,
        interface: 0,
        lines: Vec::new(),
        backs: 0,
    };
    let mut expected = BTreeSet::new();
    for line in rest.lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix("=> ") {
            Some(finding) => drop(expected.insert(finding.to_owned())),
            None => writer.happen(line),
        }
    }
    (name, writer.log(), expected)
}

#[test]
fn every_scenario_has_its_findings() {
    let mut wrong = String::new();
    for (rule, text) in SCENARIOS {
        for text in text.split("# ").skip(1) {
            let (name, log, expected) = scenario(text);
            let found = findings_at(&log, PLACED.contains(rule), true);
            let told: BTreeSet<String> = found
                .iter()
                .map(|one| format!("{} {}", one.rule, one.severity.word()))
                .collect();
            if told != expected {
                wrong += &format!("{rule}: {name}: found {told:?}, expected {expected:?}\n");
            }
            for finding in &found {
                if finding.summary.is_empty() || finding.first > finding.alarm_time {
                    wrong += &format!("{rule}: {name}: {finding:?}\n");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// What is the same of a finding however it was told.
type Same = (&'static str, Vec<String>, BTreeSet<Box<str>>);

fn same_of(finding: &Finding) -> Same {
    let mut sources: Vec<String> = finding.sources.iter().map(ToString::to_string).collect();
    sources.sort();
    (finding.rule, sources, finding.users.iter().cloned().collect())
}

#[test]
fn what_is_told_at_the_deciding_line_is_what_is_found_when_attempts_close() {
    let mut wrong = String::new();
    for (rule, text) in SCENARIOS {
        for text in text.split("# ").skip(1) {
            let (name, log, _) = scenario(text);
            let placed = PLACED.contains(rule);
            let (mut early, mut late) = (findings_at(&log, placed, true), findings_at(&log, placed, false));
            early.sort_by_key(same_of);
            late.sort_by_key(same_of);
            let names = |found: &[Finding]| found.iter().map(same_of).collect::<Vec<Same>>();
            if names(&early) != names(&late) {
                wrong += &format!("{rule}: {name}: {:?}\nnot {:?}\n", names(&early), names(&late));
                continue;
            }
            for (one, other) in early.iter().zip(&late) {
                if (one.alarm_time - other.alarm_time).abs() > 1_000_000 {
                    let later = (one.alarm_time - other.alarm_time) as f64 / 1e6;
                    wrong += &format!("{rule}: {name}: {} {later} s later\n", one.rule);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_rule_has_its_words_and_scenarios_of_both_kinds() {
    let listed: BTreeSet<String> = SCENARIOS.iter().map(|(name, _)| name.replace('_', "-")).collect();
    let rules: BTreeSet<String> = ALL.iter().map(|rule| rule.name.to_owned()).collect();
    assert_eq!(listed, rules);
    for rule in ALL {
        let words = [rule.finds, rule.matters, rule.wrong];
        assert!(words.iter().all(|text| text.len() > 30), "{}: too few words", rule.name);
        assert!(!rule.actions.is_empty(), "{}: nothing to do", rule.name);
        assert!(
            rule.thresholds.iter().all(|threshold| threshold.why.len() > 20),
            "{}",
            rule.name
        );
        assert!(rule.techniques.iter().all(|id| id.starts_with('T')), "{}", rule.name);
        let text = SCENARIOS
            .iter()
            .find(|(name, _)| name.replace('_', "-") == rule.name)
            .map_or("", |(_, text)| text);
        let own = format!("=> {} ", rule.name);
        let (with, without): (Vec<&str>, Vec<&str>) =
            text.split("# ").skip(1).partition(|scenario| scenario.contains(&own));
        assert!(
            !with.is_empty() && !without.is_empty(),
            "{}: one kind of scenario is missing",
            rule.name
        );
    }
}

#[test]
fn reading_in_any_portions_gives_the_same_findings() {
    // the log twice as long, cut nowhere in particular: time alone decides, not when the detector was asked
    let (_, log, _) = scenario(
        "x\nlogin 203.0.113.9 anna 3 every 1h\nrefused 198.51.100.7 bert 30 every 20s\nwait 5m\nlogin 203.0.113.9 anna 2 every 1h\n",
    );
    let at_once: Vec<(&str, i64)> = findings_of(&log).iter().map(|one| (one.rule, one.alarm_time)).collect();
    assert!(!at_once.is_empty());
    let mut thresholds = Thresholds::default();
    thresholds.expect_closed_only();
    let mut detector = Detector::new(&thresholds);
    let mut found: Vec<(&str, i64)> = Vec::new();
    let mut attempts = super::attempts_of(&log);
    attempts.sort_by_key(|attempt| (attempt.last_seen, attempt.id));
    for attempt in attempts {
        detector.pass(attempt.last_seen);
        detector.attempt(attempt);
        found.extend(std::iter::from_fn(|| detector.ready()).map(|one| (one.rule, one.alarm_time)));
    }
    detector.finish();
    found.extend(std::iter::from_fn(|| detector.ready()).map(|one| (one.rule, one.alarm_time)));
    assert_eq!(found, at_once);
}

/// Log-ins of Windows' Security log beside four refusals at the gateway, one a minute.
fn windows_findings(events: &str) -> Vec<Finding> {
    let mut detector = Detector::new(&Thresholds::default());
    Log::default().heeding_services().tell_windows(events, &mut |told| {
        if let Told::Event(event) = told {
            detector.event(&event);
        }
    });
    let (_, log, _) = scenario("x\nwait 10h\nrefused 198.51.100.7 anna 4 every 60s\n");
    for mut attempt in super::attempts_of(&log) {
        // on the day of the events
        let shift = tunlog_testkit::NOW - 1_788_220_800_000_000;
        (attempt.started, attempt.last_seen) = (attempt.started + shift, attempt.last_seen + shift);
        attempt.ended = attempt.ended.map(|ended| ended + shift);
        detector.attempt(attempt);
    }
    detector.finish();
    std::iter::from_fn(|| detector.ready()).collect()
}

#[test]
fn log_ins_to_windows_are_another_door_and_what_a_vpn_asked_for_is_none() {
    let event = |time: &str, user: &str, rest: &str| {
        format!(
            "{time} DC1 4625 Microsoft-Windows-Security-Auditing: TargetUserName={user} TargetDomainName=CORP Status=0xc000006d SubStatus=0xc000006a {rest}\n"
        )
    };
    let desktop = "LogonType=10 LogonProcessName=\"User32 \" IpAddress=198.51.100.7 IpPort=49200";
    let share = "LogonType=3 LogonProcessName=\"NtLmSsp \" IpAddress=::ffff:198.51.100.7 IpPort=49200";
    let asked = "LogonType=3 LogonProcessName=IAS IpAddress=198.51.100.7 IpPort=0";
    let nobody = "LogonType=3 LogonProcessName=\"NtLmSsp \" IpAddress=- IpPort=-";
    let rules = |rest: &str| {
        let events: String = ["bert", "carl", "dora"]
            .iter()
            .map(|user| event("17:50:00", user, rest))
            .collect();
        let found = windows_findings(&events);
        found.iter().map(|one| (one.rule, one.users.len())).collect::<Vec<_>>()
    };
    assert_eq!(rules(desktop), [("same-credentials-elsewhere", 4)]);
    assert_eq!(rules(share), [("same-credentials-elsewhere", 4)]);
    assert_eq!(rules(asked), []);
    assert_eq!(rules(nobody), []);
}
