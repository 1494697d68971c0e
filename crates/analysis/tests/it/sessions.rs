//! Made-up PPTP sessions, as pptpd 1.4.0 and pppd 2.4.9 write them.

use proptest::prelude::*;

/// What becomes of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Ends,
    StaysUp,
    WrongPassword,
    NoGre,
    NoEncryption,
}

/// A session to be written.
#[derive(Clone, Debug)]
pub struct Session {
    pub number: u8,
    pub control: u32,
    pub link: u32,
    pub fate: Fate,
    pub sent: u32,
    pub received: u32,
    /// pppd's `debug` option: only then a successful user is named.
    pub debug: bool,
}

impl Session {
    pub fn user(&self) -> String {
        format!("user{}", self.number)
    }

    pub fn client(&self) -> String {
        format!("203.0.113.{}", 10 + self.number)
    }

    pub fn assigned(&self) -> String {
        format!("192.168.0.{}", 10 + self.number)
    }

    /// Its lines, without stamp and host.
    pub fn lines(&self) -> Vec<String> {
        let (control, client) = (self.control, self.client());
        let ctrl = |text: String| format!("pptpd[{control}]: CTRL: {text}");
        let mut lines = vec![
            ctrl(format!("Client {client} control connection started")),
            ctrl("Starting call (launching pppd, opening GRE)".into()),
            self.ppp("pppd 2.4.9 started by root, uid 0"),
            self.ppp(format!("Using interface ppp{}", self.number)),
            self.ppp(format!("Connect: ppp{} <--> /dev/pts/{}", self.number, self.number)),
        ];
        self.negotiate(&mut lines);
        if self.fate != Fate::StaysUp {
            lines.push(ctrl(format!("Reaping child PPP[{}]", self.link)));
            lines.push(self.ppp("Exit."));
            lines.push(ctrl(format!("Client {client} control connection finished")));
        }
        lines
    }

    fn ppp(&self, text: impl std::fmt::Display) -> String {
        format!("pppd[{}]: {text}", self.link)
    }

    fn negotiate(&self, lines: &mut Vec<String>) {
        match self.fate {
            Fate::NoGre => {
                lines.push(self.ppp("LCP: timeout sending Config-Requests"));
                lines.push(self.ppp("Connection terminated."));
            }
            Fate::WrongPassword => {
                lines.push(self.ppp(format!("Peer {} failed CHAP authentication", self.user())));
                lines.push(self.ppp("Connection terminated."));
            }
            Fate::NoEncryption => {
                self.log_in(lines);
                lines.push(self.ppp("MPPE required but peer negotiation failed"));
                lines.push(self.ppp("Connection terminated."));
            }
            Fate::Ends | Fate::StaysUp => self.come_up(lines),
        }
    }

    fn log_in(&self, lines: &mut Vec<String>) {
        if self.debug {
            lines.push(self.ppp(format!(
                "rcvd [CHAP Response id=0x{:x} <00112233445566778899aabbccddeeff0000000000000000aabbccddeeff00112233445566778899aabbccddeeff001122>, name = \"{}\"]",
                self.number,
                self.user()
            )));
        }
        lines.push(self.ppp(format!("peer from calling number {} authorized", self.client())));
    }

    fn come_up(&self, lines: &mut Vec<String>) {
        self.log_in(lines);
        lines.push(self.ppp("MPPE 128-bit stateless compression enabled"));
        lines.push(self.ppp("local  IP address 192.168.0.1"));
        lines.push(self.ppp(format!("remote IP address {}", self.assigned())));
        if self.fate == Fate::Ends {
            lines.push(self.ppp("LCP terminated by peer (MPPE disabled)"));
            // pppd counts twice: when the network goes and when the link goes
            for _ in 0..2 {
                lines.push(self.ppp("Connect time 0.1 minutes."));
                lines.push(self.ppp(format!("Sent {} bytes, received {} bytes.", self.sent, self.received)));
            }
            lines.push(self.ppp("Connection terminated."));
        }
    }
}

/// Lines with stamps `step` microseconds apart.
pub fn stamped(lines: &[String], step: u64) -> String {
    let mut log = String::new();
    for (number, line) in lines.iter().enumerate() {
        let micros = number as u64 * step;
        let (second, micros) = (micros / 1_000_000, micros % 1_000_000);
        log.push_str(&format!(
            "2026-10-24T09:{:02}:{:02}.{micros:06}Z gw {line}\n",
            second / 60,
            second % 60
        ));
    }
    log
}

/// The sessions one after the other, each line at its own second.
pub fn in_sequence(sessions: &[Session]) -> Vec<String> {
    sessions.iter().flat_map(Session::lines).collect()
}

/// The sessions' lines interleaved: `picks` says whose line comes next.
pub fn interleaved(sessions: &[Session], picks: &[usize]) -> Vec<String> {
    let mut left: Vec<_> = sessions
        .iter()
        .map(|session| session.lines().into_iter().peekable())
        .collect();
    let mut out = Vec::new();
    let mut picks = picks.iter().cycle();
    loop {
        left.retain_mut(|lines| lines.peek().is_some());
        if left.is_empty() {
            return out;
        }
        let pick = picks.next().copied().unwrap_or(0) % left.len();
        out.extend(left[pick].next());
    }
}

/// Two to six sessions with process ids of their own; `near` gives pppd the id after its pptpctrl, as a quiet machine does.
pub fn some_sessions(near: bool) -> impl Strategy<Value = Vec<Session>> {
    let fate = prop_oneof![
        3 => Just(Fate::Ends),
        1 => Just(Fate::StaysUp),
        2 => Just(Fate::WrongPassword),
        1 => Just(Fate::NoGre),
        1 => Just(Fate::NoEncryption),
    ];
    let session = (fate, 1u32..2_000_000_000, 1u32..2_000_000_000, any::<bool>());
    let pids = Just((0..12u32).collect::<Vec<_>>()).prop_shuffle();
    (prop::collection::vec(session, 2..=6), pids).prop_map(move |(sessions, pids)| {
        let made = sessions
            .into_iter()
            .enumerate()
            .map(|(number, (fate, sent, received, debug))| {
                let (control, link) = match near {
                    true => (1000 + 10 * number as u32, 1001 + 10 * number as u32),
                    false => (1000 + pids[2 * number], 1000 + pids[2 * number + 1]),
                };
                Session {
                    number: number as u8,
                    control,
                    link,
                    fate,
                    sent,
                    received,
                    debug,
                }
            });
        made.collect()
    })
}
