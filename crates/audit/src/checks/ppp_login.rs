//! How clients of pppd prove who they are.

use crate::{Check, Family, Kind, Method, Pppd, Report, Rule, Service, Setup, Severity};

/// The family.
pub const FAMILY: Family = Family {
    name: "ppp-login",
    title: "How clients of pppd prove who they are",
    rules: &[NOAUTH, WEAK, ANY, REFUSE_ONLY],
    run,
};

const NOAUTH: Rule = Rule {
    id: "ppp-noauth",
    severity: Severity::Critical,
    title: "Clients need no password",
    finds: "`noauth` as the last word on authentication among the options that a pppd for clients gets: its own file, /etc/ppp/options, files that these include.",
    why: "Whoever reaches the port gets an address in the network behind it.",
    wrong: "A file for calling somebody else (/etc/ppp/peers) is right with `noauth`, and is not reported.",
    action: "Remove `noauth`; write `auth` and `require-mschap-v2`.",
    reference: "pppd(8), noauth: https://ppp.samba.org/pppd.html",
};

const WEAK: Rule = Rule {
    id: "ppp-weak-auth",
    severity: Severity::High,
    title: "PAP, CHAP-MD5 or MS-CHAPv1 is accepted",
    finds: "`require-pap`, `require-chap` or `require-mschap` (or xl2tpd's `require pap`, `require chap`). Several `require-*` together mean: any of them will do.",
    why: "PAP sends the password itself. CHAP-MD5 and MS-CHAPv1 can be attacked from one recorded log-in, prove nothing of the gateway to the client, and CHAP-MD5 gives no keys for MPPE. A client, or whoever sits between, chooses the weakest that is accepted.",
    wrong: "Inside IPsec (L2TP) nobody on the way sees the exchange; it is still weaker than need be, so it is medium there.",
    action: "Leave `require-mschap-v2` alone among the `require-*`; better, authenticate by EAP-TLS.",
    reference: "pppd(8), require-pap, require-chap, require-mschap; RFC 2759 §1: https://www.rfc-editor.org/rfc/rfc2759",
};

const ANY: Rule = Rule {
    id: "ppp-auth-any",
    severity: Severity::High,
    title: "No authentication protocol is required",
    finds: "Options for clients without any `require-*`.",
    why: "With `auth` alone pppd takes PAP, CHAP-MD5 and MS-CHAPv1 too; without `auth` it asks for a password only where the machine has a default route.",
    wrong: "The options stand in a file that was not given along.",
    action: "Add `require-mschap-v2`.",
    reference: "pppd(8), auth and AUTHENTICATION: https://ppp.samba.org/pppd.html",
};

const REFUSE_ONLY: Rule = Rule {
    id: "ppp-refuse-only",
    severity: Severity::High,
    title: "refuse-* stands where require-* is meant",
    finds: "Options for clients with `refuse-pap`, `refuse-chap` or `refuse-mschap`, and no `require-*`.",
    why: "`refuse-*` says how pppd will not authenticate itself to the peer. It restricts no client: PAP and the others are still accepted from them. Many guides have it wrong.",
    wrong: "The `require-*` options stand in a file that was not given along.",
    action: "Add `require-mschap-v2`; the `refuse-*` lines may stay, they do something else.",
    reference: "pppd(8), refuse-pap (\"will not agree to authenticate itself to the peer using PAP\"): https://ppp.samba.org/pppd.html",
};

/// xl2tpd's settings become options of pppd.
const XL2TPD_ACTION: &str = "Remove `require pap` and `require chap`: xl2tpd passes them to pppd as require-pap and require-chap, which is CHAP-MD5. Keep `require authentication = yes`, and `require-mschap-v2` in the options file.";

fn run(setup: &Setup<'_>, report: &mut Report) {
    for pppd in &setup.pppd {
        if let Some((false, place)) = pppd.auth
            && pppd.service != Service::Client
        {
            report.add(
                Check::new(&NOAUTH, "noauth: a client gets in without proving who it is").at(place.file, place.line),
            );
        }
        weak(setup, pppd, report);
        if pppd.is_server() && pppd.requires.is_empty() && pppd.auth.is_none_or(|(wanted, _)| wanted) {
            report.add(nothing_required(pppd));
        }
    }
}

fn weak(setup: &Setup<'_>, pppd: &Pppd<'_>, report: &mut Report) {
    if pppd.service == Service::Client {
        return;
    }
    for (method, word) in [
        (Method::Pap, "PAP: the client sends its password in clear"),
        (Method::ChapMd5, "CHAP-MD5, beside or instead of MS-CHAPv2"),
        (Method::MsChap, "MS-CHAPv1"),
    ] {
        let Some(place) = pppd.requires.get(&method) else {
            continue;
        };
        let check = Check::new(&WEAK, format!("accepts {word}")).at(place.file, place.line);
        let by_xl2tpd = setup.of(Kind::Xl2tpd).any(|file| file.path == place.file);
        let check = if by_xl2tpd { check.action(XL2TPD_ACTION) } else { check };
        report.add(match pppd.service {
            Service::L2tp => check.severity(Severity::Medium),
            _ => check,
        });
    }
}

fn nothing_required(pppd: &Pppd<'_>) -> Check {
    let file = &pppd.main.path;
    match pppd.refuses.first() {
        Some(place) => Check::new(
            &REFUSE_ONLY,
            "refuse-* without require-*: clients may still use PAP, CHAP-MD5 and MS-CHAPv1",
        )
        .at(place.file, place.line),
        None => Check::new(&ANY, "no require-* option: clients may use PAP, CHAP-MD5 and MS-CHAPv1").file(file),
    }
}
