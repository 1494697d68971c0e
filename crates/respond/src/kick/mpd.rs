//! mpd5 of FreeBSD: its console (mpd manual, console commands `iface`, `link`, `close`).

use super::{Daemon, Session, ends};
use crate::{Reason, Refusal, Step, words};

/// The multi-link PPP daemon.
pub struct Mpd;

impl Daemon for Mpd {
    fn name(&self) -> &'static str {
        "mpd5"
    }

    fn dialects(&self) -> &'static [&'static str] {
        &["mpd5"]
    }

    fn kick(&self, session: &Session) -> Result<Vec<Step>, Refusal> {
        let interface = session.interface.as_deref().filter(|name| words::is_interface(name));
        let interface =
            interface.ok_or_else(|| session.refuse(Reason::NoWay, "the log does not tell its interface"))?;
        let text = format!("iface {interface}\nclose");
        Ok(vec![Step::paste(
            ends(session),
            "mpd's console (telnet localhost 5005)",
            text,
        )])
    }
}
