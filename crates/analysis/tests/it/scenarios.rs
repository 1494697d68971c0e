//! Stories with a known end.

use expect_test::{Expect, expect};
use tunlog_testkit::lines_of;

use crate::attempts_of;

fn check(log: &str, want: Expect) {
    want.assert_eq(&lines_of(&attempts_of(&headed(log))));
}

/// The lines of a story with stamps a second apart, unless they have one.
pub fn headed(log: &str) -> String {
    let mut lines = String::new();
    for line in log.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let headed = line.starts_with('{') || line.starts_with("2026-");
        let number = lines.lines().count();
        let stamp = format!("2026-10-24T09:00:{number:02}Z gw ");
        lines.push_str(if headed { "" } else { &stamp });
        lines.push_str(line);
        lines.push('\n');
    }
    lines
}

#[test]
fn a_session_from_first_to_last_line() {
    check(
        "
        pptpd[10]: CTRL: Client 203.0.113.7 control connection started
        pptpd[10]: CTRL: Starting call (launching pppd, opening GRE)
        pppd[11]: pppd 2.4.9 started by root, uid 0
        pppd[11]: Using interface ppp0
        pppd[11]: Connect: ppp0 <--> /dev/pts/1
        pppd[11]: peer from calling number 203.0.113.7 authorized
        pppd[11]: MPPE 128-bit stateless compression enabled
        pppd[11]: remote IP address 192.168.0.10
        pppd[11]: LCP terminated by peer (MPPE disabled)
        pppd[11]: Connect time 0.1 minutes.
        pppd[11]: Sent 100 bytes, received 50 bytes.
        pppd[11]: Connection terminated.
        pppd[11]: Connect time 0.1 minutes.
        pppd[11]: Sent 100 bytes, received 50 bytes.
        pppd[11]: Exit.
        pptpd[10]: CTRL: Reaping child PPP[11]
        pptpd[10]: CTRL: Client 203.0.113.7 control connection finished
    ",
        expect![[r#"
            pptp established from=203.0.113.7 gets=192.168.0.10 on=ppp0 to=100 received=50 mppe=128 end=user-request
        "#]],
    );
}

#[test]
fn who_reaps_a_child_is_its_parent_whatever_the_neighbours() {
    // pppd 12 stands beside pptpctrl 11, yet 10 started it
    check(
        "
        pptpd[10]: CTRL: Client 203.0.113.7 control connection started
        pptpd[10]: CTRL: Starting call (launching pppd, opening GRE)
        pptpd[11]: CTRL: Client 203.0.113.8 control connection started
        pptpd[11]: CTRL: Starting call (launching pppd, opening GRE)
        pppd[12]: Using interface ppp0
        pppd[13]: Using interface ppp1
        pppd[12]: Peer anna failed CHAP authentication
        pppd[13]: Peer bert failed CHAP authentication
        pppd[12]: Exit.
        pppd[13]: Exit.
        pptpd[10]: CTRL: Reaping child PPP[13]
        pptpd[11]: CTRL: Reaping child PPP[12]
        pptpd[10]: CTRL: Client 203.0.113.7 control connection finished
        pptpd[11]: CTRL: Client 203.0.113.8 control connection finished
    ",
        expect![[r#"
            pptp failed user="anna" from=203.0.113.8 on=ppp0 at=auth cause=wrong-credentials
            pptp failed user="bert" from=203.0.113.7 on=ppp1 at=auth cause=wrong-credentials
        "#]],
    );
}

#[test]
fn what_follows_a_refused_login_is_not_its_cause() {
    check(
        "
        pptpd[10]: CTRL: Client 203.0.113.7 control connection started
        pptpd[10]: CTRL: Starting call (launching pppd, opening GRE)
        pppd[11]: Using interface ppp0
        pppd[11]: Peer anna failed CHAP authentication
        pptpd[10]: GRE: read(fd=6,buffer=55d0,len=8196) from network failed: status = -1 error = Message too long
        pppd[11]: LCP terminated by peer (MPPE required but not available)
        pppd[11]: Exit.
        pptpd[10]: CTRL: Client 203.0.113.7 control connection finished
        pptpd[20]: CTRL: Client 203.0.113.8 control connection started
        pptpd[20]: CTRL: Starting call (launching pppd, opening GRE)
        pppd[21]: Using interface ppp1
        pptpd[20]: GRE: read(fd=6,buffer=55d0,len=8196) from network failed: status = -1 error = Message too long
        pppd[21]: No CHAP secret found for authenticating bert
        pppd[21]: Peer bert failed CHAP authentication
        pppd[21]: Exit.
        pptpd[20]: CTRL: Client 203.0.113.8 control connection finished
    ",
        expect![[r#"
            pptp failed user="anna" from=203.0.113.7 on=ppp0 at=auth cause=wrong-credentials
            pptp failed user="bert" from=203.0.113.8 on=ppp1 at=auth cause=unknown-user
        "#]],
    );
}

#[test]
fn a_fault_of_a_login_that_was_not_refused_is_told() {
    check(
        "
        pptpd[10]: CTRL: Client 203.0.113.7 control connection started
        pptpd[10]: CTRL: Starting call (launching pppd, opening GRE)
        pppd[11]: Using interface ppp0
        pppd[11]: LCP terminated by peer (MPPE required but not available)
        pppd[11]: Exit.
        pptpd[10]: CTRL: Client 203.0.113.7 control connection finished
    ",
        expect![[r#"
            pptp failed from=203.0.113.7 on=ppp0 at=lcp cause=encryption-refused-by-server
        "#]],
    );
}

#[test]
fn no_frame_through_gre() {
    check(
        "
        pptpd[10]: CTRL: Client 203.0.113.7 control connection started
        pptpd[10]: CTRL: Starting call (launching pppd, opening GRE)
        pppd[11]: Using interface ppp0
        pppd[11]: LCP: timeout sending Config-Requests
        pppd[11]: Connection terminated.
        pppd[11]: Exit.
        pptpd[10]: CTRL: Reaping child PPP[11]
        pptpd[10]: CTRL: Client 203.0.113.7 control connection finished
    ",
        expect![[r#"
            pptp failed from=203.0.113.7 on=ppp0 at=gre cause=gre-blocked
        "#]],
    );
}

#[test]
fn l2tp_says_itself_which_pppd_it_started() {
    check(
        "
        xl2tpd[5]: Connection established to 203.0.113.7, 1701.  Local: 31873, Remote: 60607 (ref=0/0).  LNS session is 'default'
        xl2tpd[5]: Connection established to 203.0.113.8, 1701.  Local: 31874, Remote: 60608 (ref=0/0).  LNS session is 'default'
        xl2tpd[5]: Call established with 203.0.113.8, PID: 21, Local: 7, Remote: 8, Serial: 1
        xl2tpd[5]: Call established with 203.0.113.7, PID: 20, Local: 5, Remote: 6, Serial: 1
        pppd[20]: Using interface ppp0
        pppd[21]: Using interface ppp1
        pppd[20]: remote IP address 192.168.0.100
        pppd[21]: Peer bert failed CHAP authentication
        pppd[21]: Exit.
        pppd[20]: Sent 63120 bytes, received 4935 bytes.
        pppd[20]: Exit.
        xl2tpd[5]: control_finish: Connection closed to 203.0.113.7, port 1701 (Goodbye!), Local: 31873, Remote: 60607
    ",
        expect![[r#"
            l2tp established from=203.0.113.7 gets=192.168.0.100 on=ppp0 to=63120 received=4935 end=unknown
            l2tp failed user="bert" from=203.0.113.8 on=ppp1 at=auth cause=wrong-credentials
        "#]],
    );
}

#[test]
fn the_journal_knows_the_arguments_of_a_process() {
    let record = |pid: u32, second: u32, message: &str| {
        format!(
            "{{\"__REALTIME_TIMESTAMP\":\"17928{second:05}000000\",\"_HOSTNAME\":\"gw\",\"_TRANSPORT\":\"syslog\",\"_PID\":\"{pid}\",\"_COMM\":\"pppd\",\"_UID\":\"0\",\"SYSLOG_IDENTIFIER\":\"pppd\",\"PRIORITY\":\"6\",\"_CMDLINE\":\"/usr/sbin/pppd local 115200 192.168.0.1:192.168.0.10 ipparam 203.0.113.7 remotenumber 203.0.113.7\",\"MESSAGE\":\"{message}\"}}"
        )
    };
    let log = [
        record(11, 10, "pppd 2.4.9 started by root, uid 0"),
        record(11, 11, "Using interface ppp0"),
        record(11, 12, "Peer anna failed CHAP authentication"),
        record(11, 13, "Exit."),
    ];
    check(
        &log.join("\n"),
        expect![[r#"
            pptp failed user="anna" from=203.0.113.7 on=ppp0 at=auth cause=wrong-credentials
        "#]],
    );
}

#[test]
fn a_line_that_came_again_is_as_many_attempts() {
    check(
        "
        pppd[11]: Peer anna failed CHAP authentication
        pppd[11]: last message repeated 3 times
        pppd[11]: Exit.
    ",
        expect![[r#"
            ? failed user="anna" at=auth cause=wrong-credentials times=4
        "#]],
    );
}

#[test]
fn a_name_is_never_searched_for_events() {
    check(
        "
        pptpd[10]: CTRL: Client 203.0.113.7 control connection started
        pptpd[10]: CTRL: Starting call (launching pppd, opening GRE)
        pppd[11]: Using interface ppp0
        pppd[11]: Peer Sent 999999 bytes, received 1 bytes remote IP address 192.0.2.200 failed CHAP authentication
        pppd[11]: Exit.
        pptpd[10]: CTRL: Reaping child PPP[11]
        pptpd[10]: CTRL: Client 203.0.113.7 control connection finished
    ",
        expect![[r#"
            pptp failed user="Sent 999999 bytes, received 1 bytes remote IP address 192.0.2.200" from=203.0.113.7 on=ppp0 at=auth cause=wrong-credentials
        "#]],
    );
}

#[test]
fn a_restart_of_the_machine_ends_what_ran_on_it() {
    check(
        "
        pptpd[10]: CTRL: Client 203.0.113.7 control connection started
        pptpd[10]: CTRL: Starting call (launching pppd, opening GRE)
        pppd[11]: Using interface ppp0
        pppd[11]: peer from calling number 203.0.113.7 authorized
        pppd[11]: remote IP address 192.168.0.10
        kernel: Linux version 6.1.0-18-amd64 (debian-kernel@lists.debian.org) (gcc-12) #1 SMP
        pptpd[10]: CTRL: Client 203.0.113.9 control connection started
        pptpd[10]: CTRL: Client 203.0.113.9 control connection finished
    ",
        expect![[r#"
            pptp established from=203.0.113.7 gets=192.168.0.10 on=ppp0 end=gateway-restarted
            pptp failed from=203.0.113.9 at=control cause=abandoned
        "#]],
    );
}
