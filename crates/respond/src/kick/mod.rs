//! Who ends a session. One file a daemon; `ALL` is the list that everything walks.

mod accel_ppp;
mod mpd;
mod npppd;
mod pppd;
pub mod radius;
mod routeros;
mod softether;
mod windows;

use std::net::IpAddr;

use crate::{Plan, Reason, Refusal, Step};

/// A session as the logs know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// Id of the attempt, hexadecimal.
    pub id: String,
    /// Dialect of the program that holds the session: `pppd`, `accel-ppp`, `routeros`, …
    pub daemon: String,
    /// The host it is on.
    pub gateway: Option<String>,
    /// Name, as the client gave it: any text.
    pub user: Option<String>,
    /// Address of the client.
    pub client_ip: Option<IpAddr>,
    /// Address inside the tunnel.
    pub assigned_ip: Option<IpAddr>,
    /// PPP interface.
    pub interface: Option<String>,
    /// Process that holds it.
    pub pid: Option<u32>,
    /// Acct-Session-Id, or the daemon's own name of it.
    pub session: Option<String>,
    /// First event, microseconds UTC.
    pub started: i64,
    /// When it came up, microseconds UTC.
    pub up: i64,
}

impl Session {
    /// For people and for the ledger: `session 1f…, anna, 198.51.100.7, ppp0 on vpn1`.
    pub fn label(&self) -> String {
        let mut parts = vec![format!("session {}", self.id)];
        parts.extend(self.user.clone());
        parts.extend(self.client_ip.map(|ip| ip.to_string()));
        parts.extend(self.interface.clone());
        let on = self.gateway.as_ref().map(|gateway| format!(" on {gateway}"));
        format!("{}{}", parts.join(", "), on.unwrap_or_default())
    }

    fn refuse(&self, reason: Reason, why: impl Into<String>) -> Refusal {
        Refusal {
            target: self.label(),
            reason,
            why: why.into(),
        }
    }
}

/// Who ends a session.
pub trait Daemon: Sync {
    /// Its word in plans.
    fn name(&self) -> &'static str;

    /// Dialects whose sessions it ends.
    fn dialects(&self) -> &'static [&'static str];

    /// What the administrator must know.
    fn notes(&self) -> &'static [&'static str] {
        &[]
    }

    /// Ends the session.
    ///
    /// # Errors
    /// If the logs do not tell what the daemon must be told, or a name cannot be handed on safely.
    fn kick(&self, session: &Session) -> Result<Vec<Step>, Refusal>;
}

/// Every daemon.
pub const ALL: &[&dyn Daemon] = &[
    &pppd::Pppd,
    &accel_ppp::AccelPpp,
    &mpd::Mpd,
    &npppd::Npppd,
    &routeros::Routeros,
    &softether::Softether,
    &windows::Windows,
];

/// What ends a session.
///
/// # Errors
/// If nobody knows how, or what must be handed on cannot be handed on safely.
pub fn plan(session: &Session) -> Result<Plan, Refusal> {
    let daemon = ALL
        .iter()
        .find(|daemon| daemon.dialects().contains(&session.daemon.as_str()))
        .ok_or_else(|| {
            let of = if session.daemon.is_empty() {
                "this gateway"
            } else {
                &session.daemon
            };
            let why = format!("how a session of {of} is ended is not known");
            session.refuse(Reason::NoWay, why)
        })?;
    Ok(Plan {
        by: daemon.name(),
        steps: daemon.kick(session)?,
        undo: Vec::new(),
        notes: daemon.notes().iter().map(|note| (*note).to_owned()).collect(),
    })
}

/// A sentence for the step.
fn ends(session: &Session) -> String {
    format!("ends {}", session.label())
}

/// The name, if a program may be given it.
fn user_argument(session: &Session) -> Result<&str, Refusal> {
    let user = session
        .user
        .as_deref()
        .ok_or_else(|| session.refuse(Reason::NoWay, "the log does not tell its user"))?;
    if crate::words::is_argument(user) {
        return Ok(user);
    }
    let why =
        "its user's name is empty, looks like an option or has invisible characters: it cannot be handed on safely";
    Err(session.refuse(Reason::Name, why))
}
