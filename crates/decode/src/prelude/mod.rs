//! What some writers put before every message. It is cut off, and its facts kept, before templates are tried.

mod connection;
mod thread;
mod topics;

use crate::template::Fields;
pub use thread::group_end;

/// What stands before a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prelude {
    /// Nothing.
    None,
    /// The kernel's `[12345.678901] `.
    Uptime,
    /// charon's thread number: `09[IKE] `; with `ike_name` the connection too: `09[IKE] <work|1> `, with `log_level` the
    /// level: `09[IKE1] `.
    Thread,
    /// pluto's `"name"[instance] peer #state: ` or `packet from peer:port: `, after whack's three digits.
    Connection,
    /// RouterOS's topics: `l2tp,ppp,info `, `l2tp, ppp, debug | `.
    Topics,
    /// SoftEther's `[HUB "name"] ` in its server log.
    Hub,
    /// What stands before the number in a code of Cisco's ASA, `%ASA-6-` or `%ASA-vpn-6-`: the level is the administrator's.
    AsaCode,
}

impl Prelude {
    /// Every prelude with its word in dialect files.
    pub const ALL: &[(Prelude, &str)] = &[
        (Prelude::None, "none"),
        (Prelude::Uptime, "uptime"),
        (Prelude::Thread, "thread"),
        (Prelude::Connection, "connection"),
        (Prelude::Topics, "topics"),
        (Prelude::Hub, "hub"),
        (Prelude::AsaCode, "asa-code"),
    ];

    /// The body after the prelude; its facts are added to `fields`.
    pub fn cut<'a>(self, body: &'a [u8], fields: &mut Fields<'a>) -> &'a [u8] {
        match self {
            Prelude::None => body,
            Prelude::Uptime => uptime(body).unwrap_or(body),
            Prelude::Thread => thread::cut(body, fields),
            Prelude::Connection => connection::cut(body, fields),
            Prelude::Topics => topics::cut(body),
            Prelude::Hub => hub(body).unwrap_or(body),
            Prelude::AsaCode => asa_code(body).unwrap_or(body),
        }
    }
}

fn uptime(body: &[u8]) -> Option<&[u8]> {
    let inner = body.strip_prefix(b"[")?;
    let end = memchr::memchr(b']', inner)?;
    let number = inner[..end].trim_ascii();
    let is_uptime = !number.is_empty() && number.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    is_uptime.then(|| inner[end + 1..].trim_ascii_start())
}

/// A hub's name is the administrator's and holds no quotation mark.
fn hub(body: &[u8]) -> Option<&[u8]> {
    let inner = body.strip_prefix(b"[HUB \"")?;
    let end = memchr::memchr(b'"', inner)?;
    inner[end + 1..].strip_prefix(b"] ")
}

/// From the number on; the same messages come from PIX, the firewall module and FTD.
fn asa_code(body: &[u8]) -> Option<&[u8]> {
    let inner = body.strip_prefix(b"%")?;
    let families: [&[u8]; 4] = [b"ASA-", b"PIX-", b"FTD-", b"FWSM-"];
    let rest = families.iter().find_map(|family| inner.strip_prefix(*family))?;
    let end = memchr::memmem::find(&rest[..rest.len().min(32)], b": ")?;
    let number = memchr::memrchr(b'-', &rest[..end])? + 1;
    (end - number == 6 && rest[number..end].iter().all(u8::is_ascii_digit)).then(|| &rest[number..])
}

#[cfg(test)]
mod tests {
    use tunlog_model::Field;

    use super::*;
    use crate::template::Caught;

    #[test]
    fn preludes_are_cut() {
        let mut fields = Vec::new();
        assert_eq!(Prelude::Uptime.cut(b"[   28.32] xt_CT", &mut fields), b"xt_CT");
        assert_eq!(Prelude::Uptime.cut(b"[UFW BLOCK] IN=", &mut fields), b"[UFW BLOCK] IN=");
        assert_eq!(Prelude::Thread.cut(b"09[IKE] x", &mut fields), b"[IKE] x");
        assert_eq!(Prelude::Thread.cut(b"09[IKE1] x", &mut fields), b"x");
        assert_eq!(Prelude::Thread.cut(b"09[IKE] <3> x", &mut fields), b"x");
        assert_eq!(Prelude::Thread.cut(b"09[CFG] <a> b", &mut fields), b"[CFG] <a> b");
        assert!(fields.is_empty());
        assert_eq!(Prelude::Thread.cut(b"[IKE] <work|3> x", &mut fields), b"x");
        assert_eq!(fields.pop(), Some((Field::Connection, Caught::Text(b"work"))));
        assert_eq!(
            Prelude::Connection.cut(br#"003 "XXX"[2] 203.0.113.9 #1: STATE_MAIN_I1: initiate"#, &mut fields),
            b"STATE_MAIN_I1: initiate"
        );
        assert_eq!(fields.len(), 3);
        assert_eq!(
            Prelude::Connection.cut(b"packet from 203.0.113.9:500: received", &mut fields),
            b"received"
        );
        assert_eq!(
            Prelude::Topics.cut(b"l2tp,ppp,info <l2tp-a>: x", &mut fields),
            b"<l2tp-a>: x"
        );
        assert_eq!(
            Prelude::Topics.cut(b"l2tp, debug, packet |     <magic", &mut fields),
            b"    <magic"
        );
        assert_eq!(
            Prelude::Topics.cut(b"firewall,info: input: in", &mut fields),
            b"input: in"
        );
        assert_eq!(
            Prelude::Topics.cut(b"anna,bob logged in", &mut fields),
            b"anna,bob logged in"
        );
        assert_eq!(Prelude::AsaCode.cut(b"%ASA-vpn-5-713119: x", &mut fields), b"713119: x");
        assert_eq!(
            Prelude::AsaCode.cut(b"%VPDN-6-CLOSE: x", &mut fields),
            b"%VPDN-6-CLOSE: x"
        );
        assert_eq!(Prelude::Hub.cut(br#"[HUB "VPN"] The"#, &mut fields), b"The");
        assert_eq!(
            Prelude::Connection.cut(br#""l2tp"[1] 203.0.113.9: deleting"#, &mut fields),
            b"deleting"
        );
    }
}
