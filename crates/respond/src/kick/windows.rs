//! RRAS of Windows: the RemoteAccess module of PowerShell (Disconnect-VpnUser).

use super::{Daemon, Session, ends, user_argument};
use crate::backend::powershell;
use crate::{Refusal, Step, words};

/// Routing and Remote Access.
pub struct Windows;

impl Daemon for Windows {
    fn name(&self) -> &'static str {
        "rras"
    }

    fn dialects(&self) -> &'static [&'static str] {
        &["rras", "nps"]
    }

    fn notes(&self) -> &'static [&'static str] {
        &["-UserName ends all sessions of that user; -HostIPAddress, the address inside the tunnel, ends one"]
    }

    fn kick(&self, session: &Session) -> Result<Vec<Step>, Refusal> {
        let text = match session.assigned_ip {
            // the address inside the tunnel names one session, a name all of a user's
            Some(address) => format!("Disconnect-VpnUser -HostIPAddress {address}"),
            None => format!(
                "Disconnect-VpnUser -UserName {}",
                words::powershell(user_argument(session)?)
            ),
        };
        Ok(vec![Step::paste(ends(session), powershell(), text)])
    }
}
