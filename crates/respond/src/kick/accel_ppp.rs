//! accel-ppp: its own command line (accel-cmd(1), `terminate`).

use super::{Daemon, Session, ends};
use crate::{Reason, Refusal, Step, words};

/// accel-pppd.
pub struct AccelPpp;

impl Daemon for AccelPpp {
    fn name(&self) -> &'static str {
        "accel-ppp"
    }

    fn dialects(&self) -> &'static [&'static str] {
        &["accel-ppp"]
    }

    fn notes(&self) -> &'static [&'static str] {
        &["`soft` ends it with a terminate request; `hard` at once"]
    }

    fn kick(&self, session: &Session) -> Result<Vec<Step>, Refusal> {
        let plain = |word: &Option<String>| word.clone().filter(|word| words::is_plain(word));
        // accel-cmd joins its arguments, and the daemon splits them at blanks again: only plain words arrive as they are
        let (by, word) = if let Some(id) = plain(&session.session) {
            ("sid", id)
        } else if let Some(interface) = plain(&session.interface).filter(|name| words::is_interface(name)) {
            ("if", interface)
        } else if let Some(user) = plain(&session.user) {
            ("username", user)
        } else {
            let why = "the log tells neither its session nor its interface, and its user's name is no plain word";
            return Err(session.refuse(Reason::Name, why));
        };
        Ok(vec![Step::run(
            ends(session),
            ["accel-cmd", "terminate", by, &word, "soft"],
        )])
    }
}
