//! npppd of OpenBSD: npppctl(8), `clear`.

use super::{Daemon, Session, ends};
use crate::{Reason, Refusal, Step, words};

/// The new PPP daemon.
pub struct Npppd;

impl Daemon for Npppd {
    fn name(&self) -> &'static str {
        "npppd"
    }

    fn dialects(&self) -> &'static [&'static str] {
        &["npppd"]
    }

    fn kick(&self, session: &Session) -> Result<Vec<Step>, Refusal> {
        let is_number = |id: &String| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit());
        let (by, word) = if let Some(id) = session.session.clone().filter(is_number) {
            ("ppp-id", id)
        } else if let Some(address) = session.assigned_ip {
            ("address", address.to_string())
        } else if let Some(user) = session.user.clone().filter(|user| words::is_plain(user)) {
            ("username", user)
        } else {
            let why = "the log tells neither its id nor its address, and its user's name is no plain word";
            return Err(session.refuse(Reason::Name, why));
        };
        Ok(vec![Step::run(ends(session), ["npppctl", "clear", by, &word])])
    }
}
