use expect_test::expect;
use tunlog_analysis::statistics::history::Login;
use tunlog_model::EndReason;

use super::build::{at, failed, open, session, utc};
use crate::history::{self, Dates};

#[test]
fn who_names_those_who_are_up() {
    let mut out = Vec::new();
    let logins = [
        Login::of(&open("anna", at(0, 3))),
        Login::of(&open("a name with blanks", at(7, 0))),
    ];
    history::who(&logins, true, &utc(), &|_| String::new(), &mut out).expect("a vector takes everything");
    expect![[r#"
        NAME                LINE      TIME              COMMENT
        anna                ppp0      2026-11-20 09:00  (203.0.113.15)
        a name with blanks  ppp0      2026-11-20 09:07  (203.0.113.15)
    "#]]
    .assert_eq(&String::from_utf8_lossy(&out));
}

#[test]
fn last_tells_how_each_session_ended() {
    let ended = |reason, started| {
        let mut attempt = session("mark", started);
        attempt.end_reason = Some(reason);
        Login::of(&attempt)
    };
    let mut long = session("anna", at(-3000, 0));
    long.ended = Some(at(0, 0));
    let logins = [
        Login::of(&open("sally", at(120, 3))),
        ended(EndReason::UserRequest, at(90, 0)),
        ended(EndReason::Killed, at(60, 0)),
        ended(EndReason::GatewayRestarted, at(30, 0)),
        ended(EndReason::ServerStopped, at(0, 0)),
        Login::of(&long),
    ];
    let mut out = Vec::new();
    history::last(&logins, Dates::Short, &utc(), &|_| String::new(), &mut out).expect("a vector takes everything");
    history::begins(at(-3000, 0), &utc(), &mut out).expect("a vector takes everything");
    expect![[r#"
        sally     ppp0      203.0.113.15      Fri Nov 20 11:00    still logged in
        mark      ppp0      203.0.113.15      Fri Nov 20 10:30  - 11:00             (00:30)
        mark      ppp0      203.0.113.15      Fri Nov 20 10:00    gone - no logout
        mark      ppp0      203.0.113.15      Fri Nov 20 09:30  - crash             (00:30)
        mark      ppp0      203.0.113.15      Fri Nov 20 09:00  - down              (00:30)
        anna      ppp0      203.0.113.15      Wed Nov 18 07:00  - 09:00             (2+02:00)

        log begins Wed Nov 18 07:00:00 2026
    "#]]
    .assert_eq(&String::from_utf8_lossy(&out));
}

#[test]
fn lastb_tells_why() {
    let mut often = failed(None, at(2, 0));
    often.times = 3;
    let mut out = Vec::new();
    let logins = [Login::of(&often), Login::of(&failed(Some("root"), at(1, 0)))];
    history::lastb(&logins, Dates::Short, &utc(), &|_| String::new(), &mut out).expect("a vector takes everything");
    expect![[r#"
        -         203.0.113.15      Fri Nov 20 09:02  wrong-credentials (3 times)
        root      203.0.113.15      Fri Nov 20 09:01  wrong-credentials
    "#]]
    .assert_eq(&String::from_utf8_lossy(&out));
}
