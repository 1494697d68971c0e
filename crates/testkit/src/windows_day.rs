//! A day of a Windows gateway with all its events, as servers of four languages write it: refusals, failures after the
//! log-in, sessions and calls of a client. What differs is what Windows translates, and nothing of it may matter.

use std::fmt::Write as _;

use tunlog_decode::windows_event_of;

use crate::windows::WindowsEvent;
use crate::{NOW, event_line};

/// What a machine's language changes.
#[derive(Clone, Copy, Debug)]
pub struct Language {
    /// A reason, in words.
    pub text: &'static str,
    /// The name of a tunnel device, without its protocol.
    pub device: &'static str,
    /// Who has not told a name.
    pub nobody: &'static str,
    /// A day as the machine writes it.
    pub date: &'static str,
}

/// English.
pub const ENGLISH: Language = Language {
    text: "The remote connection was denied because the name and password were not recognized.",
    device: "WAN Miniport",
    nobody: "<Unauthenticated User>",
    date: "11/21/2026",
};
/// German, Japanese, French.
pub const OTHERS: &[Language] = &[
    Language {
        text: "Die Verbindung wurde verweigert, weil Name und Kennwort nicht erkannt wurden.",
        device: "WAN-Miniport",
        nobody: "<Nicht authentifizierter Benutzer>",
        date: "21.11.2026",
    },
    Language {
        text: "ユーザー名とパスワードが認識されないため、接続は拒否されました。",
        device: "WAN ミニポート",
        nobody: "<未認証のユーザー>",
        date: "2026/11/21",
    },
    Language {
        text: "La connexion a été refusée car le nom et le mot de passe ne sont pas reconnus.",
        device: "Miniport réseau étendu WAN",
        nobody: "<Utilisateur non authentifié>",
        date: "21/11/2026",
    },
];

/// RAS errors as RRAS and RasClient meet them.
const CODES: &[u32] = &[
    619, 628, 629, 645, 649, 678, 691, 718, 720, 721, 734, 741, 742, 781, 788, 789, 790, 792, 793, 800, 806, 807, 809,
    812, 868, 930,
];
/// Reasons of NPS.
const REASONS: &[u32] = &[1, 8, 16, 17, 21, 22, 33, 34, 36, 48, 49, 65, 66, 69, 112, 117, 265];

/// The day, minute by minute.
#[derive(Default)]
struct Day {
    lines: String,
    minute: u32,
    connections: u32,
}

impl Day {
    fn guid(&mut self) -> String {
        self.connections += 1;
        format!("{{0E1D5C5A-0003-0007-50C4-2BACB0{:06X}}}", self.connections)
    }

    fn next(&mut self) {
        self.minute += 3;
    }

    fn say(&mut self, second: u32, host: &str, event: &str) {
        let (hour, minute) = (self.minute / 60, self.minute % 60);
        let _ = writeln!(self.lines, "{hour:02}:{minute:02}:{second:02} {host} {event}");
    }
}

fn binary(code: u32) -> String {
    code.to_le_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn refusals(day: &mut Day, language: &Language) {
    for code in CODES {
        day.next();
        let (guid, text, binary) = (day.guid(), language.text, binary(*code));
        day.say(
            0,
            "gw",
            &format!(r#"20249 RemoteAccess: 0={guid} 1=user{code} 2="VPN2-1""#),
        );
        day.say(
            0,
            "gw",
            &format!(r#"20271 RemoteAccess: 0={guid} 1=user{code} 2=203.0.113.7 3="{text}" 4=0x10 Binary={binary}"#),
        );
    }
    for reason in REASONS {
        day.next();
        let (text, audit) = (language.text, "Microsoft-Windows-Security-Auditing");
        day.say(
            0,
            "nps",
            &format!(
                r#"6273 {audit}: SubjectUserName="CORP\nps{reason}" CallingStationID=203.0.113.8 NASPortType=Virtual ReasonCode={reason} Reason="{text}""#
            ),
        );
        day.say(
            1,
            "gw",
            &format!(r#"20271 RemoteAccess: 0={{NA}} 1=nps{reason} 2=203.0.113.8 3="{text}" 4=0x10"#),
        );
    }
    day.next();
    let audit = "Microsoft-Windows-Security-Auditing";
    day.say(
        0,
        "dc",
        &format!("4776 {audit}: TargetUserName=locked Workstation=GW Status=0xc0000234"),
    );
    day.say(
        0,
        "gw",
        &format!(
            r#"20271 RemoteAccess: 0={{NA}} 1=locked 2=203.0.113.9 3="{}" 4=0x10 Binary=b3020000"#,
            language.text
        ),
    );
    day.say(
        1,
        "dc",
        &format!("4740 {audit}: TargetUserName=locked TargetDomainName=GW"),
    );
}

fn failures(day: &mut Day, language: &Language) {
    for code in CODES {
        day.next();
        let (guid, binary) = (day.guid(), binary(*code));
        let (user, text) = (if code % 2 == 0 { "paul" } else { language.nobody }, language.text);
        day.say(
            0,
            "gw",
            &format!(r#"20255 RemoteAccess: 0={guid} 1="VPN3-1" 2="{user}" 3="{text}" Binary={binary}"#),
        );
    }
    day.next();
    let guid = day.guid();
    day.say(
        0,
        "gw",
        &format!(r#"20250 RemoteAccess: 0={{0}} 1={guid} 2=mia 3="VPN3-2""#),
    );
    day.say(
        3,
        "gw",
        &format!(r#"20253 RemoteAccess: 0={{0}} 1={guid} 2=mia 3="VPN3-2""#),
    );
    for event in ["20049", "20109"] {
        day.next();
        day.say(0, "gw", &format!(r#"{event} RemoteAccess: 0={{NA}} 1="VPN3-3""#));
    }
    day.next();
    let guid = day.guid();
    day.say(0, "gw", &format!("20276 RemoteAccess: 0={guid}"));
    day.next();
    day.say(0, "gw", r#"20050 RemoteAccess: 0={NA} 1=old 2="VPN1""#);
    day.next();
    day.say(
        0,
        "gw",
        &format!(
            r#"20111 RemoteAccess: 0={{0}} 1=branch 2="VPN1-0" 3="{}" Binary=29030000"#,
            language.text
        ),
    );
}

fn sessions(day: &mut Day, language: &Language) {
    for (number, tunnel) in ["PPTP", "L2TP", "PPTP", "L2TP", "SSTP", "PPTP"].iter().enumerate() {
        day.next();
        let (guid, date, device) = (day.guid(), language.date, language.device);
        let whose = format!(r#"1={guid} 2="CORP\user{number}" 3="VPN4-{number}""#);
        day.say(0, "gw", &format!("20250 RemoteAccess: 0={{0}} {whose}"));
        day.say(
            1,
            "gw",
            &format!("20274 RemoteAccess: 0={{0}} {whose} 4=10.20.0.{number}"),
        );
        day.next();
        day.say(
            30,
            "gw",
            &format!(
                r#"20272 RemoteAccess: 0={{0}} {whose} 4={date} 5=x 6={date} 7=x 8=3 9=29 10=8000 11=700 12="{}" 13="{device} ({tunnel})" 14=x"#,
                language.text
            ),
        );
        day.say(
            30,
            "gw",
            &format!("20275 RemoteAccess: 0={{0}} 1={guid} 2=10.20.0.{number}"),
        );
    }
}

fn calls(day: &mut Day, language: &Language) {
    for code in CODES {
        day.next();
        let (guid, device) = (day.guid(), language.device);
        let whose = format!(r#"0={guid} 1="PC\anna" 2=Office"#);
        let tunnel = if (780..800).contains(code) { "L2TP" } else { "PPTP" };
        day.say(0, "pc", &format!(r#"20221 RasClient: {whose} 3="{}""#, language.text));
        day.say(
            0,
            "pc",
            &format!(r#"20222 RasClient: {whose} 3=198.51.100.10 4="{device} ({tunnel})""#),
        );
        if [619, 691, 720, 721, 806].contains(code) {
            day.say(1, "pc", &format!(r#"20223 RasClient: 0={guid} 1="PC\anna""#));
            day.say(1, "pc", &format!(r#"20224 RasClient: 0={guid} 1="PC\anna""#));
        }
        day.say(20, "pc", &format!("20227 RasClient: {whose} 3={code}"));
    }
    for reason in [631, 828, 829] {
        day.next();
        let guid = day.guid();
        let whose = format!(r#"0={guid} 1="PC\anna" 2=Office"#);
        day.say(0, "pc", &format!(r#"20221 RasClient: {whose} 3="{}""#, language.text));
        day.say(2, "pc", &format!("20225 RasClient: {whose}"));
        day.say(40, "pc", &format!("20226 RasClient: {whose} 3={reason}"));
    }
}

/// The day's events, one a line, as `Log::tell_windows` reads them.
pub fn day(language: &Language) -> String {
    let mut day = Day::default();
    refusals(&mut day, language);
    failures(&mut day, language);
    sessions(&mut day, language);
    calls(&mut day, language);
    day.lines
}

/// The same as events that can be written in any form.
///
/// # Panics
/// If a line of the day is no event.
pub fn events(language: &Language) -> Vec<WindowsEvent> {
    let text = day(language);
    let read = |line: &str| event(line).unwrap_or_else(|| panic!("no event: {line}"));
    let events = text.lines().map(read).zip(1..);
    events
        .map(|(event, number)| WindowsEvent {
            record_id: number,
            ..event
        })
        .collect()
}

fn event(line: &str) -> Option<WindowsEvent> {
    let (seconds, host, rest) = event_line(line)?;
    let (provider, values) = windows_event_of(rest)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let values: Vec<(String, String)> = values.iter().map(|(key, value)| (text(key), text(value))).collect();
    let (_, id) = values.first()?;
    let id = id.parse().ok()?;
    let is_binary = |(key, _): &&(String, String)| key == "Binary";
    let binary = values.iter().find(is_binary).map(|(_, digits)| bytes_of(digits));
    let data: Vec<(&str, &str)> = values[1..]
        .iter()
        .filter(|pair| !is_binary(pair))
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    let event = match provider {
        "Microsoft-Windows-Security-Auditing" => WindowsEvent::audit(id, false, &data),
        _ => {
            let values: Vec<&str> = data.iter().map(|(_, value)| *value).collect();
            WindowsEvent::classic(provider, id, &values)
        }
    };
    Some(WindowsEvent {
        computer: host.to_string(),
        time: NOW + seconds * 1_000_000,
        binary: binary.flatten(),
        ..event
    })
}

/// `b3020000`.
fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}
