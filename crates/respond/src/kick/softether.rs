//! SoftEther VPN Server: vpncmd's `SessionDisconnect`. It asks for the administrator's password, so it is text to type.

use super::{Daemon, Session, ends};
use crate::{Reason, Refusal, Step, words};

/// SoftEther's server.
pub struct Softether;

impl Daemon for Softether {
    fn name(&self) -> &'static str {
        "softether"
    }

    fn dialects(&self) -> &'static [&'static str] {
        &["softether"]
    }

    fn notes(&self) -> &'static [&'static str] {
        &["`Hub NAME` chooses the virtual hub first; the log names it"]
    }

    fn kick(&self, session: &Session) -> Result<Vec<Step>, Refusal> {
        // SID-ANNA-[L2TP]-3: the server writes the user's name into it
        let is_name = |name: &&String| {
            words::is_argument(name)
                && name.starts_with("SID-")
                && name.chars().all(|c| c.is_alphanumeric() || "-_.@[]".contains(c))
        };
        let name = session.session.as_ref().filter(is_name).ok_or_else(|| {
            let why = "the log does not tell its session's name; `SessionList` of vpncmd does";
            session.refuse(Reason::NoWay, why)
        })?;
        let text = format!("SessionDisconnect {name}");
        Ok(vec![Step::paste(
            ends(session),
            "vpncmd localhost /SERVER /HUB:name",
            text,
        )])
    }
}
