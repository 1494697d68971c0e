//! MikroTik RouterOS: an active connection is removed.

use super::{Daemon, Session, ends, user_argument};
use crate::backend::routeros_terminal;
use crate::{Refusal, Step, words};

/// RouterOS's PPP.
pub struct Routeros;

impl Daemon for Routeros {
    fn name(&self) -> &'static str {
        "routeros"
    }

    fn dialects(&self) -> &'static [&'static str] {
        &["routeros"]
    }

    fn kick(&self, session: &Session) -> Result<Vec<Step>, Refusal> {
        let found = match (session.assigned_ip, session.client_ip) {
            (Some(address), _) => format!("address={address}"),
            (None, Some(address)) => {
                let user = words::routeros(user_argument(session)?);
                format!("name={user} caller-id=\"{address}\"")
            }
            (None, None) => format!("name={}", words::routeros(user_argument(session)?)),
        };
        let text = format!("/ppp active remove [find {found}]");
        Ok(vec![Step::paste(ends(session), routeros_terminal(), text)])
    }
}
