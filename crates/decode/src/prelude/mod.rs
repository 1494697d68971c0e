//! What some writers put before every message. It is cut off, and its facts kept, before templates are tried.

mod connection;
mod instance;
mod link;
mod thread;

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
    /// mpd's link, bundle or control connection: `[L-1] `, `pptp0: `.
    Link,
    /// npppd's PPP instance or control connection: `ppp id=7 `, `l2tpd ctrl=3 call=17 `.
    Instance,
}

impl Prelude {
    /// Every prelude with its word in dialect files.
    pub const ALL: &[(Prelude, &str)] = &[
        (Prelude::None, "none"),
        (Prelude::Uptime, "uptime"),
        (Prelude::Thread, "thread"),
        (Prelude::Connection, "connection"),
        (Prelude::Link, "link"),
        (Prelude::Instance, "instance"),
    ];

    /// The body after the prelude; its facts are added to `fields`.
    pub fn cut<'a>(self, body: &'a [u8], fields: &mut Fields<'a>) -> &'a [u8] {
        match self {
            Prelude::None => body,
            Prelude::Uptime => uptime(body).unwrap_or(body),
            Prelude::Thread => thread::cut(body, fields),
            Prelude::Connection => connection::cut(body, fields),
            Prelude::Link => link::cut(body, fields),
            Prelude::Instance => instance::cut(body, fields),
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
            Prelude::Connection.cut(br#""l2tp"[1] 203.0.113.9: deleting"#, &mut fields),
            b"deleting"
        );
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
