//! Writes a made-up month (`testkit::life`) as the logs of a gateway, with its truth, for tools that read lines.
//!
//!     cargo run -p tunlog-testkit --example month_logs -- SEED FOLDER
//!
//! `syslog` is pptpd's and pppd's, `radius.log` FreeRADIUS's, which names address and user on one line; `truth.json` says what
//! happened.

use std::fmt::Write as _;
use std::io::{Error, Write as _};
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};
use tunlog_model::Attempt;
use tunlog_testkit::life::{Life, month};

const SECOND: i64 = 1_000_000;
const PEOPLE: usize = 300;
const DAYS: i64 = 30;

fn main() -> Result<(), Error> {
    let mut typed = std::env::args().skip(1);
    let (Some(seed), Some(folder)) = (typed.next().and_then(|seed| seed.parse().ok()), typed.next()) else {
        return Err(Error::other("SEED FOLDER"));
    };
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let mut life = month(seed, PEOPLE, DAYS);
    life.attempts.sort_by_key(|attempt| (attempt.started, attempt.id));
    write(&folder.join("syslog"), syslog(&life))?;
    write(&folder.join("radius.log"), radius(&life))?;
    std::fs::write(folder.join("truth.json"), truth(&life).to_string())
}

/// Lines in the order of time; those of one moment as they were made.
fn write(path: &Path, mut lines: Vec<(i64, String)>) -> Result<(), Error> {
    lines.sort_by_key(|(time, _)| *time);
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    for (_, line) in lines {
        writeln!(file, "{line}")?;
    }
    file.flush()
}

fn stamp(time: i64, form: &str) -> String {
    Timestamp::from_microsecond(time)
        .map(|time| time.strftime(form).to_string())
        .unwrap_or_default()
}

/// One attempt's lines.
struct Session<'a> {
    attempt: &'a Attempt,
    number: usize,
    lines: Vec<(i64, String)>,
}

impl Session<'_> {
    fn line(&mut self, time: i64, program: &str, text: &str) {
        let pid = 1000 + 2 * self.number + usize::from(program == "pppd");
        let stamp = stamp(time, "%Y-%m-%dT%H:%M:%SZ");
        self.lines.push((time, format!("{stamp} gw {program}[{pid}]: {text}")));
    }

    fn write(&mut self) {
        let attempt = self.attempt;
        let (begun, over) = (attempt.started, attempt.last_seen);
        let ip = attempt.client_ip.map(|ip| ip.to_string()).unwrap_or_default();
        let user = attempt.user.as_deref().unwrap_or_default();
        let port = self.number % 4000;
        self.line(begun, "pptpd", &format!("CTRL: Client {ip} control connection started"));
        if attempt.cause == Some("abandoned") {
            return self.line(over, "pptpd", &format!("CTRL: Client {ip} control connection finished"));
        }
        self.line(begun, "pptpd", "CTRL: Starting call (launching pppd, opening GRE)");
        self.line(begun, "pppd", &format!("Using interface ppp{port}"));
        self.line(begun, "pppd", &format!("Connect: ppp{port} <--> /dev/pts/{port}"));
        match attempt.cause {
            None => self.session(user, &ip, port),
            Some("gre-blocked") => self.line(over, "pppd", "LCP: timeout sending Config-Requests"),
            Some(cause) => {
                match cause {
                    "auth-backend-unreachable" => {
                        self.line(
                            over,
                            "pppd",
                            "rc_send_server: no reply from RADIUS server 198.51.100.9:1812",
                        );
                    }
                    "unknown-user" => {
                        self.line(over, "pppd", &format!("No CHAP secret found for authenticating {user}"));
                    }
                    _ => {}
                }
                self.line(over, "pppd", &format!("Peer {user} failed CHAP authentication"));
            }
        }
        self.line(over, "pppd", "Connection terminated.");
        self.line(over, "pppd", "Exit.");
        self.line(over, "pptpd", &format!("CTRL: Client {ip} control connection finished"));
    }

    fn session(&mut self, user: &str, ip: &str, port: usize) {
        let (up, over) = (self.attempt.started + SECOND, self.attempt.last_seen);
        self.line(up, "pppd", &format!("peer from calling number {ip} authorized"));
        self.line(up, "pppd", "MPPE 128-bit stateless compression enabled");
        self.line(up, "pppd", "local  IP address 10.9.0.1");
        self.line(
            up,
            "pppd",
            &format!("remote IP address 10.9.{}.{}", port / 250, port % 250 + 2),
        );
        self.line(up, "pppd", &format!("pptpd-logwtmp.so ip-up ppp{port} {user} {ip}"));
        self.line(over, "pppd", &format!("pptpd-logwtmp.so ip-down ppp{port}"));
        self.line(over, "pppd", "LCP terminated by peer (User request)");
        let minutes = (over - up) as f64 / 6e7;
        self.line(over, "pppd", &format!("Connect time {minutes:.1} minutes."));
        self.line(over, "pppd", "Sent 1048576 bytes, received 262144 bytes.");
    }
}

fn syslog(life: &Life) -> Vec<(i64, String)> {
    let mut lines = Vec::new();
    for (number, attempt) in life.attempts.iter().enumerate() {
        let mut session = Session {
            attempt,
            number,
            lines: Vec::new(),
        };
        session.write();
        lines.append(&mut session.lines);
    }
    lines
}

/// What FreeRADIUS writes of the same logins, with Active Directory behind it.
fn radius(life: &Life) -> Vec<(i64, String)> {
    let mut lines = Vec::new();
    for (number, attempt) in life.attempts.iter().enumerate() {
        let said = match attempt.cause {
            None => "Login OK",
            Some("wrong-credentials") => "Login incorrect (mschap: MS-CHAP2-Response is incorrect)",
            Some("unknown-user") => "Login incorrect (mschap: FAILED: No NT-Password.  Cannot perform authentication)",
            Some("auth-backend-unreachable") => {
                "Login incorrect (mschap: External script says: No logon servers (0xc000005e))"
            }
            Some(_) => continue,
        };
        let (Some(user), Some(ip)) = (&attempt.user, attempt.client_ip) else {
            continue;
        };
        let time = attempt.up.unwrap_or(attempt.last_seen);
        let mut line = stamp(time, "%a %b %e %H:%M:%S %Y");
        let _ = write!(
            line,
            " : Auth: ({number}) {said}: [{user}] (from client gw port {} cli {ip})",
            number % 4000
        );
        lines.push((time, line));
    }
    lines
}

/// In the words of the exam's truth, so that its scorer reads it too.
fn truth(life: &Life) -> Value {
    let text = |time: i64| stamp(time, "%Y-%m-%dT%H:%M:%SZ");
    let campaigns: Vec<Value> = life
        .campaigns
        .iter()
        .enumerate()
        .map(|(number, campaign)| {
            let (first, last) = (campaign.times.first(), campaign.times.last());
            json!({
                "id": format!("{}-{number}", campaign.class),
                "class": campaign.class,
                "start": text(first.copied().unwrap_or_default()),
                "end": text(last.copied().unwrap_or_default()),
                "sources": campaign.sources,
                "users": [],
                "attempts": campaign.times.len(),
                "attempt_times": campaign.times.iter().map(|time| time / SECOND).collect::<Vec<_>>(),
            })
        })
        .collect();
    let incidents: Vec<Value> = life
        .incidents
        .iter()
        .map(|one| json!({"kind": one.kind, "start": text(one.span.0), "end": text(one.span.1), "users": one.users, "sources": []}))
        .collect();
    let innocent = life
        .innocent
        .iter()
        .map(|(ip, first)| (ip.to_string(), json!(first / SECOND)));
    json!({
        "format": 1, "year": 2026, "zone": "UTC", "days": DAYS, "users": PEOPLE,
        "forged": [], "campaigns": campaigns, "incidents": incidents,
        "background": life.background, "innocent": innocent.collect::<serde_json::Map<_, _>>(),
    })
}
