//! What the catalogue knows of one message.

use crate::{Confidence, EndReason, EventKind, Layer, Severity};

/// What a dialect's writer is to a connection: the side of an attempt that its events belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// None: its events are shown, not joined.
    None,
    /// The PPP daemon: one process, one link.
    Ppp,
    /// The PPTP daemon: one process, one control connection.
    Pptp,
    /// The L2TP daemon: one process, many tunnels.
    L2tp,
    /// The IKE daemon.
    Ike,
    /// A RADIUS server.
    Radius,
    /// A packet filter.
    Firewall,
    /// The operating system.
    System,
    /// One program that is the whole gateway: tunnels, PPP and accounts (accel-ppp, a router, a firewall appliance).
    Server,
    /// A client's own tunnel program: it calls a gateway (pptp-linux).
    Caller,
    /// A directory or domain that checks log-ins for others (LDAP, Active Directory): a witness of an attempt, never one itself.
    Backend,
    /// A packet capture: both sides of every connection that it shows.
    Packet,
    /// A service that lets the same people in at another door (SSH, mail): never an attempt, and read only where it is asked for.
    Service,
}

impl Role {
    /// Every role with its word in dialect files.
    pub const ALL: &[(Role, &str)] = &[
        (Role::None, "none"),
        (Role::Ppp, "ppp"),
        (Role::Pptp, "pptp"),
        (Role::L2tp, "l2tp"),
        (Role::Ike, "ike"),
        (Role::Radius, "radius"),
        (Role::Firewall, "firewall"),
        (Role::System, "system"),
        (Role::Server, "server"),
        (Role::Caller, "caller"),
        (Role::Backend, "backend"),
        (Role::Packet, "packet"),
        (Role::Service, "service"),
    ];

    /// The role that a word names.
    pub fn from_word(word: &str) -> Option<Role> {
        crate::value_of(Self::ALL, word)
    }
}

/// One entry of the catalogue. Its identity is (dialect, id), never its text.
#[derive(Clone, Debug)]
pub struct Message {
    /// The contract's dialect name.
    pub dialect: &'static str,
    /// What its writer is to a connection.
    pub role: Role,
    /// Slug or vendor code, unique within the dialect.
    pub id: &'static str,
    /// Syslog severity as the writer logs it.
    pub severity: Severity,
    /// The layer it belongs to.
    pub layer: Layer,
    /// What kind of thing it tells.
    pub kind: EventKind,
    /// The contract's cause that this message speaks for, if it does.
    pub blames: Option<&'static str>,
    /// How sure that cause is: certain, unless the message, or the code that it carries, only makes one likely.
    pub confidence: Confidence,
    /// Where an attempt failed of which it speaks: its layer, unless the code that it carries belongs to another one.
    pub fails_at: Layer,
    /// The contract's end reason that this message proves, if it does.
    pub end_reason: Option<EndReason>,
    /// Only the calling side writes this: its writer is no gateway for this connection.
    pub calling: bool,
    /// The line holds a secret (password, challenge and response): redact its text.
    pub secret: bool,
    /// Whether an attempt may be made of it or explained by it; the rest is only counted when attempts are asked for.
    pub concerns_attempts: bool,
    /// An audit needs it though no attempt does: the version of a daemon, a secret, what a daemon says of its own weakness.
    pub concerns_audit: bool,
    /// The templates, the main one first; empty for shapes without templates.
    pub templates: &'static [&'static str],
    /// The packet that its line tells of, if it is the line of a packet.
    pub packet: Option<Packet>,
    /// What it means.
    pub meaning: &'static str,
    /// Likely cause, or "none".
    pub cause: &'static str,
    /// Its action is for a gateway of its own kind: what is advised in general is for Unix daemons and their files.
    pub own_advice: bool,
    /// Recommended action, or "none".
    pub action: &'static str,
    /// Where the fact comes from (daemon source file, RFC, lab).
    pub source: &'static str,
    /// Versions of the daemon that write it, if known.
    pub versions: &'static str,
    /// What the writer's own reference says of it; all empty where there is none.
    pub vendor: Vendor,
}

impl Message {
    /// Whether somebody who counts asks for it; the rest is detail, kept only for those who want to see every line.
    pub fn is_fact(&self) -> bool {
        self.concerns_attempts || self.concerns_audit
    }
}

/// A PPP control packet as daemons' debugging lines name it: `rcvd [LCP ConfReq id=…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// We sent it; else it was received.
    pub sent: bool,
    /// `LCP`, `CHAP`, `CCP`.
    pub protocol: &'static str,
    /// `ConfReq`, `TermReq`.
    pub code: &'static str,
}

impl Packet {
    /// Of a message with these templates, if it is the line of a packet.
    pub fn of(templates: &[&'static str]) -> Option<Packet> {
        let (way, rest) = templates.first()?.split_once(" [")?;
        let sent = match way {
            "sent" | "send" => true,
            "rcvd" | "recv" => false,
            _ => return None,
        };
        let mut words = rest.split([' ', ']']);
        Some(Packet {
            sent,
            protocol: words.next()?,
            code: words.next().unwrap_or_default(),
        })
    }
}

/// What a vendor's message reference says of a message, in its own words. Empty or 0: it says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vendor {
    /// The number that identifies it, as printed (`02800009`).
    pub code: &'static str,
    /// Its name; several messages may share one.
    pub name: &'static str,
    /// Its text, with the vendor's names of the parameters.
    pub template: &'static str,
    /// What the firewall does ("None", "drop").
    pub firewall_action: &'static str,
    /// Revision of the message in that reference.
    pub revision: u32,
    /// Its parameters, in the order in which they are written.
    pub parameters: &'static [&'static str],
    /// The id of a message whose text is the same, so that only the code tells them apart.
    pub same_text_as: &'static str,
}

impl Vendor {
    /// Whether somebody who asks for `asked` may mean it: its name, or its code with or without leading zeros, which
    /// some receivers drop.
    pub fn answers_to(&self, asked: &str) -> bool {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let same_code =
            digits(asked) && digits(self.code) && asked.trim_start_matches('0') == self.code.trim_start_matches('0');
        same_code || (!self.name.is_empty() && self.name.eq_ignore_ascii_case(asked))
    }
}

#[cfg(test)]
mod tests {
    use super::Vendor;

    #[test]
    fn a_message_answers_to_its_name_and_to_its_code_without_zeros() {
        let vendor = Vendor {
            code: "02800009",
            name: "session_closed",
            ..Vendor::default()
        };
        assert!(
            ["02800009", "2800009", "002800009", "session_closed", "Session_Closed"]
                .iter()
                .all(|asked| vendor.answers_to(asked))
        );
        assert!(
            !["2800008", "28000090", "", "0", "session"]
                .iter()
                .any(|asked| vendor.answers_to(asked))
        );
        assert!(!Vendor::default().answers_to(""));
        assert!(!Vendor::default().answers_to("0"));
    }
}
