//! What some writers put before every message. It is cut off, and its facts kept, before templates are tried.

mod connection;
mod instance;
mod link;
mod network_manager;
mod operation;
mod pptp_linux;
mod session;
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
    /// accel-ppp's `interface:user: `, `interface: ` or `interface: session: `, and `l2tp tunnel 1-2 (peer:port): `.
    Session,
    /// pptp-linux's `anon log[function:file.c:line]: `.
    PptpLinux,
    /// NetworkManager's `<info>  [1700000000.1234] vpn[0x55d0,uuid,"name"]: `, its services' `nm-l2tp[77] <info>  ` and
    /// glib's `** Message: `.
    NetworkManager,
    /// RouterOS's topics: `l2tp,ppp,info `, `l2tp, ppp, debug | `.
    Topics,
    /// SoftEther's `[HUB "name"] ` in its server log.
    Hub,
    /// What stands before the number in a code of Cisco's ASA, `%ASA-6-` or `%ASA-vpn-6-`: the level is the administrator's.
    AsaCode,
    /// mpd's link, bundle or control connection: `[L-1] `, `pptp0: `.
    Link,
    /// npppd's PPP instance or control connection: `ppp id=7 `, `l2tpd ctrl=3 call=17 `.
    Instance,
    /// slapd's connection and operation: `conn=1022 op=1 `, `conn=1022 fd=21 `.
    Operation,
}

impl Prelude {
    /// Whether the writer alone decides what stands in it: no user's name, and nothing that a peer sent.
    pub(crate) fn is_the_writers(self) -> bool {
        use Prelude::*;
        matches!(self, None | Uptime | Thread | Connection | PptpLinux | Link | Instance)
    }

    /// Every prelude with its word in dialect files.
    pub const ALL: &[(Prelude, &str)] = &[
        (Prelude::None, "none"),
        (Prelude::Uptime, "uptime"),
        (Prelude::Thread, "thread"),
        (Prelude::Connection, "connection"),
        (Prelude::Session, "session"),
        (Prelude::PptpLinux, "pptp-linux"),
        (Prelude::NetworkManager, "networkmanager"),
        (Prelude::Topics, "topics"),
        (Prelude::Hub, "hub"),
        (Prelude::AsaCode, "asa-code"),
        (Prelude::Link, "link"),
        (Prelude::Instance, "instance"),
        (Prelude::Operation, "operation"),
    ];

    /// The body after the prelude; its facts are added to `fields`.
    pub fn cut<'a>(self, body: &'a [u8], fields: &mut Fields<'a>) -> &'a [u8] {
        match self {
            Prelude::None => body,
            Prelude::Uptime => uptime(body).unwrap_or(body),
            Prelude::Thread => thread::cut(body, fields),
            Prelude::Connection => connection::cut(body, fields),
            Prelude::Session => session::cut(body, fields),
            Prelude::PptpLinux => pptp_linux::cut(body),
            Prelude::NetworkManager => network_manager::cut(body, fields),
            Prelude::Topics => topics::cut(body),
            Prelude::Hub => hub(body).unwrap_or(body),
            Prelude::AsaCode => asa_code(body).unwrap_or(body),
            Prelude::Link => link::cut(body, fields),
            Prelude::Instance => instance::cut(body, fields),
            Prelude::Operation => operation::cut(body, fields),
        }
    }

    /// The body after the prelude alone, where that costs no more than the cut.
    pub fn peek(self, body: &[u8]) -> Option<&[u8]> {
        match self {
            Prelude::None => Some(body),
            Prelude::NetworkManager => Some(network_manager::peek(body)),
            Prelude::Operation => Some(operation::peek(body)),
            _ => None,
        }
    }
}

fn uptime(body: &[u8]) -> Option<&[u8]> {
    let inner = body.strip_prefix(b"[")?.trim_ascii_start();
    let end = decimals(inner).filter(|end| *end > 0)?;
    let rest = inner[end..].trim_ascii_start().strip_prefix(b"]")?;
    Some(rest.trim_ascii_start())
}

/// Where something stands that is neither digit nor point. Eight bytes at once: NetworkManager writes such a time in every line.
fn decimals(text: &[u8]) -> Option<usize> {
    let (words, rest) = text.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let others = others(u64::from_le_bytes(*word));
        if others != 0 {
            return Some(at * 8 + others.trailing_zeros() as usize / 8);
        }
    }
    let is_other = |byte: &u8| !(byte.is_ascii_digit() || *byte == b'.');
    rest.iter().position(is_other).map(|at| words.len() * 8 + at)
}

/// The highest bit of each byte that is neither digit nor point.
fn others(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    let low = word & !HIGH;
    // a sum has the highest bit of a byte from the value on that the other number lacks to 0x80
    let from = |value: u8| low + ONES * u64::from(0x80 - value);
    let digit = from(b'0') & !from(b'9' + 1);
    let point = from(b'.') & !from(b'.' + 1);
    HIGH & (word | !(digit | point))
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
    fn a_time_ends_where_no_digit_and_no_point_stands() {
        for len in 0..20 {
            for other in 0..=u8::MAX {
                let mut text = vec![b'7'; len];
                text.push(other);
                text.extend_from_slice(b".9");
                let end = (!other.is_ascii_digit() && other != b'.').then_some(len);
                assert_eq!(decimals(&text), end, "{len} digits and {other:#x}");
            }
        }
    }

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

    #[test]
    fn the_place_in_pptp_linux_is_cut_off_unless_it_tells_which_socket_failed() {
        let cut = |body: &'static str| Prelude::PptpLinux.cut(body.as_bytes(), &mut Vec::new());
        let text = b"Client connection established.";
        for body in [
            "anon log[ctrlp_disp:pptp_ctrl.c:773]: Client connection established.",
            "nm-pptp-service-16558 log[ctrlp_disp: pptp_ctrl.c:773]: Client connection established.",
            "my office warn[ctrlp_disp:pptp_ctrl.c:773]:  Client connection established.",
            // before there was a name to give; and a forum that took `:p` for a smile
            "log[pptp_dispatch_ctrl_packet:pptp_ctrl.c:580]: Client connection established.",
            "anon fatal[ctrlp_disptp_ctrl.c:773]: Client connection established.",
            "Client connection established.",
        ] {
            assert_eq!(cut(body), text, "{body}");
        }
        assert_eq!(
            cut("anon warn[open_inetsock:pptp_callmgr.c:329]: connect: Connection refused"),
            b"open_inetsock:pptp_callmgr.c:329]: connect: Connection refused"
        );
        for body in [
            "Catalog[a.c]: x",
            "sent [LCP ConfReq id=0x1]",
            "log[nowhere]: x",
            "log[",
        ] {
            assert_eq!(cut(body), body.as_bytes(), "no prelude");
        }
    }

    #[test]
    fn network_managers_levels_stamps_and_names_are_cut_off() {
        let cut = |body: &'static str| {
            let mut fields = Vec::new();
            let rest = Prelude::NetworkManager.cut(body.as_bytes(), &mut fields);
            assert_eq!(Prelude::NetworkManager.peek(body.as_bytes()), Some(rest));
            let name = fields.pop().map(|(_, name)| match name {
                Caught::Text(name) => name,
                _ => b"?",
            });
            (rest, name)
        };
        let text: &[u8] = b"VPN plugin: failed: connect-failed (1)";
        for (body, name) in [
            ("<warn> VPN plugin: failed: connect-failed (1)", None),
            ("<warn>  [1487451171.7968] VPN plugin: failed: connect-failed (1)", None),
            (
                r#"<warn>  [1487451171.7968] vpn-connection[0x1f38110,7005c9e8,"work",0]: VPN plugin: failed: connect-failed (1)"#,
                Some("work"),
            ),
            (
                r#"<warn>  [1487451171.7968] vpn[0x1f38110,7005c9e8,"my "work"",if:5,dev:2:(ppp0)]: VPN plugin: failed: connect-failed (1)"#,
                Some("my \"work\""),
            ),
            ("vpn[0x1f38110--]: VPN plugin: failed: connect-failed (1)", None),
            ("nm-l2tp[6382] <warn>  VPN plugin: failed: connect-failed (1)", None),
            (
                "nm-pptp[1] <warn>  [helper-5] VPN plugin: failed: connect-failed (1)",
                None,
            ),
            ("** Message: VPN plugin: failed: connect-failed (1)", None),
            ("** Message: 13:18:53.230: VPN plugin: failed: connect-failed (1)", None),
            (
                "** (nm-l2tp-service:6382): WARNING **: 13:18:53.230: VPN plugin: failed: connect-failed (1)",
                None,
            ),
        ] {
            assert_eq!(cut(body), (text, name.map(str::as_bytes)), "{body}");
        }
        for body in ["<info", "nm-l2tp[", "vpn[", "** ", "** (", "", "vpn-connection[0x1: x"] {
            assert_eq!(cut(body).0, body.as_bytes());
        }
    }

    #[test]
    fn names_of_links_and_instances_are_kept() {
        let cut = |prelude: Prelude, body: &'static str| {
            let mut fields = Vec::new();
            let rest = prelude.cut(body.as_bytes(), &mut fields);
            (String::from_utf8_lossy(rest), fields)
        };
        let named = |name: &'static str| (Field::Connection, Caught::Text(name.as_bytes()));
        let link = |body| cut(Prelude::Link, body);
        assert_eq!(
            link("[L-1] LCP: Up event"),
            ("LCP: Up event".into(), vec![named("L-1")])
        );
        assert_eq!(link("[B-1] (L-1) Up"), ("Up".into(), vec![named("B-1")]));
        assert_eq!(link("pptp0: got hdr"), ("got hdr".into(), vec![named("pptp0")]));
        assert_eq!(
            link("pptp0-12: clearing call"),
            ("clearing call".into(), vec![named("pptp0")])
        );
        for body in [
            "[] x",
            "[two words] x",
            "[L-1]x",
            "pptp: x",
            "pptp0-: x",
            "pptp0 x",
            "[",
        ] {
            assert_eq!(link(body), (body.into(), vec![]));
        }
        let instance = |body| cut(Prelude::Instance, body);
        assert_eq!(
            instance("ppp id=7 layer=lcp up"),
            ("layer=lcp up".into(), vec![named("7")])
        );
        assert_eq!(instance("l2tpd ctrl=3 x"), ("x".into(), vec![named("l2tpd ctrl=3")]));
        assert_eq!(
            instance("pptpd ctrl=3 call=17 x"),
            (
                "x".into(),
                vec![named("pptpd ctrl=3"), (Field::CallId, Caught::Int(17))]
            )
        );
        for body in ["ppp id= x", "ppp id=7", "l2tpd id=3 x", "l2tpd ctrl=3"] {
            assert_eq!(instance(body), (body.into(), vec![]));
        }
    }
}
