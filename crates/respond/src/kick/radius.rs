//! RADIUS: a gateway that listens for it (RFC 5176; accel-ppp's `dae-server`, many routers, not pppd) is asked to end a session.

use std::net::SocketAddr;

use super::{Session, ends};
use crate::{Plan, Reason, Refusal, Step, words};

/// The port of dynamic authorization (RFC 5176 §2.1).
pub const PORT: u16 = 3799;

/// A Disconnect-Request by FreeRADIUS's radclient. The secret stands in a file, so no process list shows it.
///
/// # Errors
/// If nothing names the session, or a name cannot be handed on safely.
pub fn disconnect(session: &Session, gateway: SocketAddr, secret_file: &str) -> Result<Plan, Refusal> {
    let fits = |text: &String| words::is_argument(text) && text.len() <= 253;
    let mut attributes = String::new();
    if let Some(id) = session.session.as_ref().filter(|id| words::is_plain(id) && fits(id)) {
        attributes += &format!("Acct-Session-Id = {}\n", words::radius(id));
    }
    match session.assigned_ip {
        Some(std::net::IpAddr::V4(address)) => attributes += &format!("Framed-IP-Address = {address}\n"),
        Some(std::net::IpAddr::V6(_)) | None => {}
    }
    // with a name alone every session of the user would end
    if attributes.is_empty() {
        let why = "the log tells neither its accounting id nor its address";
        return Err(session.refuse(Reason::NoWay, why));
    }
    if let Some(user) = session.user.as_ref().filter(|user| fits(user)) {
        attributes += &format!("User-Name = {}\n", words::radius(user));
    }
    let gateway = gateway.to_string();
    Ok(Plan {
        by: "radclient",
        steps: vec![Step::feed(
            ends(session),
            ["radclient", "-x", "-S", secret_file, &gateway, "disconnect"],
            attributes,
        )],
        undo: Vec::new(),
        notes: vec!["the gateway must listen for it (RFC 5176), and this host must be one of its clients".to_owned()],
    })
}
