//! pppd, under pptpd, xl2tpd or a RADIUS server's gateway: SIGTERM closes the link in good order (pppd(8), SIGNALS).

use super::{Daemon, Session, ends};
use crate::{ProcessCheck, Reason, Refusal, Step};

/// The PPP daemon.
pub struct Pppd;

/// How far the start of the process may lie from the first and the last line of the session's beginning, microseconds: stamps
/// of logs are whole seconds.
const TOLERANCE: i64 = 5_000_000;

impl Daemon for Pppd {
    fn name(&self) -> &'static str {
        "pppd"
    }

    fn dialects(&self) -> &'static [&'static str] {
        &["pppd", "pptpd", "xl2tpd"]
    }

    fn notes(&self) -> &'static [&'static str] {
        &["the client may dial again at once: block its address, or take the account away, too"]
    }

    fn kick(&self, session: &Session) -> Result<Vec<Step>, Refusal> {
        // 0 and 1 are no pppd; 0 would be our own process group
        let pid = session.pid.filter(|pid| *pid > 1).ok_or_else(|| {
            let why = "the log does not tell the number of its pppd; `cat /run/INTERFACE.pid` does";
            session.refuse(Reason::NoWay, why)
        })?;
        let check = ProcessCheck {
            pid,
            name: "pppd",
            started_from: session.started.saturating_sub(TOLERANCE),
            started_to: session.up.saturating_add(TOLERANCE),
        };
        let step = Step::run(ends(session), ["kill", "-TERM", &pid.to_string()]);
        Ok(vec![step.only_if(check)])
    }
}
