use tunlog_model::{Assumed, Evidence, Layer, Protocol, SourceId};

use super::ladder::{Step, ladder};
use super::*;

const SECOND: i64 = 1_000_000;

fn attempt(user: &str, outcome: Outcome, at: i64) -> Attempt {
    let up = matches!(outcome, Outcome::Established | Outcome::Open);
    let failed = outcome == Outcome::Failed;
    Attempt {
        id: at as u64,
        protocol: Some(Protocol::Pptp),
        gateway: None,
        client_ip: "203.0.113.7".parse().ok(),
        client_port: None,
        claimed_ip: None,
        user: Some(user.into()),
        started: at * SECOND,
        up: up.then_some(at * SECOND),
        ended: (outcome == Outcome::Established).then_some((at + 60) * SECOND),
        duration_s: (outcome == Outcome::Established).then_some(60.0),
        outcome,
        reached: if up { Layer::Ipcp } else { Layer::Lcp },
        failed_at: failed.then_some(Layer::Auth),
        cause: failed.then_some("wrong-credentials"),
        confidence: None,
        assigned_ip: None,
        server_ip: None,
        interface: None,
        auth_method: up.then_some("ms-chap-v2"),
        mppe_bits: up.then_some(128),
        bytes_to_client: up.then_some(10),
        bytes_from_client: up.then_some(3),
        end_reason: None,
        backend: None,
        exposed: None,
        last_seen: (at + 60) * SECOND,
        times: 1,
        assumed: Assumed::default(),
        evidence: Vec::new(),
        trail: Default::default(),
        heard: Default::default(),
    }
}

fn figures(limits: Limits, attempts: impl IntoIterator<Item = Attempt>) -> Figures {
    let mut report = Report::new(limits);
    attempts.into_iter().for_each(|attempt| report.add(attempt));
    report.figures(10_000 * SECOND)
}

fn steps(attempt: &Attempt) -> String {
    let mark = |step| match step {
        Step::Passed => "+",
        Step::Failed => "!",
        Step::Untold => "?",
        Step::NotReached => "-",
    };
    let rungs: Vec<String> = ladder(attempt)
        .iter()
        .map(|rung| format!("{}{}", mark(rung.step), rung.name))
        .collect();
    rungs.join(" ")
}

#[test]
fn sums() {
    let mut repeated = attempt("joe", Outcome::Failed, 40);
    repeated.times = 3;
    let figures = figures(
        Limits::default(),
        [
            attempt("anna", Outcome::Established, 0),
            attempt("bob", Outcome::Established, 30),
            attempt("anna", Outcome::Established, 60),
            attempt("anna", Outcome::Open, 200),
            attempt("joe", Outcome::Unfinished, 20),
            repeated,
        ],
    );
    assert_eq!(
        figures.totals,
        Totals {
            attempts: 8,
            sessions: 4,
            open: 1,
            failed: 3,
            unfinished: 1,
            encrypted: 4,
            users: 2,
            bytes_to_client: 40,
            bytes_from_client: 12,
            up_s: 180.0,
            most_at_once: Some(2),
        }
    );
    assert_eq!(figures.failed_left_out(), 0);
    let names: Vec<&Who> = figures.clients.iter().map(|row| &row.who).collect();
    let named = ["anna", "bob", "joe"].map(|name| Who::Named(name.into()));
    assert_eq!(names, named.iter().collect::<Vec<_>>());
    assert_eq!(traffic(&figures.clients[0]), (30, 9));
}

#[test]
fn nothing_gives_nothing() {
    let figures = figures(Limits::default(), []);
    assert_eq!(
        figures.totals,
        Totals {
            most_at_once: Some(0),
            ..Totals::default()
        }
    );
    assert!(figures.causes.is_empty() && figures.clients.is_empty() && figures.timeline.range().is_none());
}

#[test]
fn the_rare_cause_is_shown_beside_the_frequent_one() {
    let limits = Limits {
        failed_max: 10,
        clients_max: 3,
    };
    let guesses = (0..1000).map(|at| attempt(&format!("user{}", at % 5), Outcome::Failed, at));
    let mut blocked = attempt("anna", Outcome::Failed, 1);
    blocked.cause = Some("gre-blocked");
    let figures = figures(limits, std::iter::once(blocked).chain(guesses));
    let [guesses, blocked] = figures.causes.as_slice() else {
        panic!("two causes, not {}", figures.causes.len())
    };
    assert_eq!(
        (guesses.cause, guesses.count, guesses.users),
        ("wrong-credentials", 1000, 5)
    );
    let shown: Vec<i64> = guesses.shown.iter().map(|attempt| attempt.started / SECOND).collect();
    assert_eq!(shown, [999, 998, 997, 996, 995, 994, 993, 992, 991]);
    assert_eq!((blocked.count, blocked.shown.len()), (1, 1));
    assert_eq!((guesses.first, guesses.last), (0, 999 * SECOND));
    assert_eq!(figures.failed_left_out(), 991);
    assert_eq!(
        figures.clients_left_out,
        LeftOut {
            users: 3,
            failures: 401,
            ..LeftOut::default()
        }
    );
}

#[test]
fn long_lines_of_evidence_are_cut_between_characters() {
    let mut failed = attempt("anna", Outcome::Failed, 1);
    failed.evidence = vec![Evidence {
        source: SourceId(0),
        line: 1,
        text: "xü".repeat(5000).into(),
    }];
    let figures = figures(Limits::default(), [failed]);
    let text = &figures.causes[0].shown[0].evidence[0].text;
    assert!(text.len() < 2_010 && text.ends_with("x…"), "{}", text.len());
}

#[test]
fn protection_tells_the_weakest_first_and_names_who() {
    let mut attempts: Vec<Attempt> = (0..8)
        .map(|number| attempt(&format!("user{number}"), Outcome::Established, number))
        .collect();
    attempts[7].mppe_bits = None;
    attempts[7].auth_method = Some("pap");
    let figures = figures(Limits::default(), attempts);
    let [open, mppe] = figures.protection.as_slice() else {
        panic!("two ways, not {}", figures.protection.len())
    };
    assert_eq!((open.encryption, open.auth_method), (Encryption::NoneSeen, Some("pap")));
    assert_eq!((&*open.users[0], open.users_beyond), ("user7", false));
    assert_eq!((mppe.sessions, mppe.users.len(), mppe.users_beyond), (7, 5, true));
}

#[test]
fn ladders() {
    let failed = attempt("anna", Outcome::Failed, 1);
    assert_eq!(
        steps(&failed),
        "+TCP 1723 +GRE +LCP !Authentication -Encryption -IPCP -Traffic"
    );
    let at = |reached, failed_at, cause| Attempt {
        reached,
        failed_at: Some(failed_at),
        cause: Some(cause),
        ..failed.clone()
    };
    assert_eq!(
        steps(&at(Layer::Control, Layer::Gre, "gre-blocked")),
        "+TCP 1723 !GRE -LCP -Authentication -Encryption -IPCP -Traffic"
    );
    assert_eq!(
        steps(&at(Layer::System, Layer::System, "daemon-config-error")),
        "!Gateway -TCP 1723 -GRE -LCP -Authentication -Encryption -IPCP -Traffic"
    );
    assert_eq!(
        steps(&at(Layer::Auth, Layer::Ipcp, "no-address")),
        "+TCP 1723 +GRE +LCP +Authentication ?Encryption !IPCP -Traffic"
    );
    // without debug nothing is heard of LCP, and "not in the log" is not "did not happen"
    assert_eq!(
        steps(&at(Layer::Control, Layer::Auth, "wrong-credentials")),
        "+TCP 1723 ?GRE ?LCP !Authentication -Encryption -IPCP -Traffic"
    );
    assert_eq!(
        steps(&at(Layer::Control, Layer::Firewall, "gre-blocked")),
        "+TCP 1723 !GRE -LCP -Authentication -Encryption -IPCP -Traffic"
    );
    // pppd counts the bytes of a negotiation too
    assert_eq!(
        steps(&at(Layer::Data, Layer::Ccp, "encryption-refused-by-client")),
        "+TCP 1723 +GRE +LCP +Authentication !Encryption -IPCP -Traffic"
    );
    let up = attempt("anna", Outcome::Established, 1);
    assert_eq!(
        steps(&up),
        "+TCP 1723 +GRE +LCP +Authentication +Encryption +IPCP +Traffic"
    );
}

#[test]
fn ladders_of_ipsec() {
    let l2tp = |reached, failed_at, cause| Attempt {
        protocol: Some(Protocol::L2tpIpsec),
        reached,
        failed_at: Some(failed_at),
        cause: Some(cause),
        ..attempt("anna", Outcome::Failed, 1)
    };
    assert_eq!(
        steps(&l2tp(Layer::System, Layer::Ike, "ike-psk-mismatch")),
        "!IKE -ESP -UDP 1701 -LCP -Authentication -Encryption -IPCP -Traffic"
    );
    assert_eq!(
        steps(&l2tp(Layer::Ike, Layer::Ike, "esp-blocked")),
        "+IKE !ESP -UDP 1701 -LCP -Authentication -Encryption -IPCP -Traffic"
    );
    assert_eq!(
        steps(&l2tp(Layer::Lcp, Layer::Radius, "auth-backend-unreachable")),
        "+IKE +ESP +UDP 1701 +LCP !Authentication -Encryption -IPCP -Traffic"
    );
}
