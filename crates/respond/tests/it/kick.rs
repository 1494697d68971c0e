//! Every daemon's commands, and names that no command may hold.

use expect_test::{Expect, expect};
use tunlog_respond::kick::{self, Session};

fn session(daemon: &str) -> Session {
    Session {
        id: "00000000000000ab".to_owned(),
        daemon: daemon.to_owned(),
        gateway: Some("vpn1".to_owned()),
        user: Some("anna".to_owned()),
        client_ip: "198.51.100.7".parse().ok(),
        assigned_ip: "10.9.0.2".parse().ok(),
        interface: Some("ppp0".to_owned()),
        pid: Some(4711),
        session: None,
        started: 0,
        up: 2_000_000,
    }
}

fn check(sessions: &[Session], expected: Expect) {
    let shown: Vec<String> = sessions
        .iter()
        .map(|session| match kick::plan(session) {
            Ok(plan) => plan.render(),
            Err(refusal) => format!("{refusal}\n"),
        })
        .collect();
    expected.assert_eq(&shown.concat());
}

#[test]
fn each_daemon_is_told_in_its_own_words() {
    let with = |daemon: &str, id: &str| Session {
        session: Some(id.to_owned()),
        ..session(daemon)
    };
    check(
        &[
            session("pppd"),
            with("accel-ppp", "6b4f1d2a00000001"),
            session("accel-ppp"),
            session("mpd5"),
            with("npppd", "3"),
            session("npppd"),
            session("routeros"),
            with("softether", "SID-ANNA-[L2TP]-3"),
            session("rras"),
            session("clavister"),
        ],
        expect![[r#"
            # ends session 00000000000000ab, anna, 198.51.100.7, ppp0 on vpn1
            # only while it still is pppd: look with  ps -o pid=,lstart=,args= -p 4711
            kill -TERM 4711
            # note: the client may dial again at once: block its address, or take the account away, too
            # ends session 00000000000000ab, anna, 198.51.100.7, ppp0 on vpn1
            accel-cmd terminate sid 6b4f1d2a00000001 soft
            # note: `soft` ends it with a terminate request; `hard` at once
            # ends session 00000000000000ab, anna, 198.51.100.7, ppp0 on vpn1
            accel-cmd terminate if ppp0 soft
            # note: `soft` ends it with a terminate request; `hard` at once
            # ends session 00000000000000ab, anna, 198.51.100.7, ppp0 on vpn1 (in mpd's console (telnet localhost 5005))
            iface ppp0
            close
            # ends session 00000000000000ab, anna, 198.51.100.7, ppp0 on vpn1
            npppctl clear ppp-id 3
            # ends session 00000000000000ab, anna, 198.51.100.7, ppp0 on vpn1
            npppctl clear address 10.9.0.2
            # ends session 00000000000000ab, anna, 198.51.100.7, ppp0 on vpn1 (in a RouterOS terminal)
            /ppp active remove [find address=10.9.0.2]
            # ends session 00000000000000ab, anna, 198.51.100.7, ppp0 on vpn1 (in vpncmd localhost /SERVER /HUB:name)
            SessionDisconnect SID-ANNA-[L2TP]-3
            # note: `Hub NAME` chooses the virtual hub first; the log names it
            # ends session 00000000000000ab, anna, 198.51.100.7, ppp0 on vpn1 (in PowerShell as an administrator of the server)
            Disconnect-VpnUser -HostIPAddress 10.9.0.2
            # note: -UserName ends all sessions of that user; -HostIPAddress, the address inside the tunnel, ends one
            session 00000000000000ab, anna, 198.51.100.7, ppp0 on vpn1: refused: how a session of clavister is ended is not known
        "#]],
    );
}

#[test]
fn what_the_log_does_not_tell_is_asked_for() {
    let bare = |daemon: &str| Session {
        user: Some("anna".to_owned()),
        daemon: daemon.to_owned(),
        id: "ab".to_owned(),
        ..Session::default()
    };
    check(
        &[
            "pppd",
            "accel-ppp",
            "mpd5",
            "npppd",
            "routeros",
            "softether",
            "rras",
            "",
        ]
        .map(bare),
        expect![[r#"
            session ab, anna: refused: the log does not tell the number of its pppd; `cat /run/INTERFACE.pid` does
            # ends session ab, anna
            accel-cmd terminate username anna soft
            # note: `soft` ends it with a terminate request; `hard` at once
            session ab, anna: refused: the log does not tell its interface
            # ends session ab, anna
            npppctl clear username anna
            # ends session ab, anna (in a RouterOS terminal)
            /ppp active remove [find name="anna"]
            session ab, anna: refused: the log does not tell its session's name; `SessionList` of vpncmd does
            # ends session ab, anna (in PowerShell as an administrator of the server)
            Disconnect-VpnUser -UserName 'anna'
            # note: -UserName ends all sessions of that user; -HostIPAddress, the address inside the tunnel, ends one
            session ab, anna: refused: how a session of this gateway is ended is not known
        "#]],
    );
    for pid in [0, 1] {
        let session = Session {
            pid: Some(pid),
            ..session("pppd")
        };
        assert!(kick::plan(&session).is_err(), "{pid}");
    }
}

/// Names that a client chose, where nothing but the name tells the session.
#[test]
fn a_name_is_never_more_than_a_name() {
    let names = [
        "$(touch canary)",
        "`id`",
        "; reboot",
        "-rf",
        "--help",
        "a\nuser add",
        "o'neil",
        "a\u{2019}; Stop-Computer; \u{2018}",
        "a\"]; /system reset-configuration",
        "",
        "CORP\\anna",
    ];
    for daemon in ["accel-ppp", "npppd", "routeros", "rras"] {
        let sessions = names.map(|name| Session {
            user: Some(name.to_owned()),
            daemon: daemon.to_owned(),
            id: "ab".to_owned(),
            ..Session::default()
        });
        let shown: Vec<String> = sessions
            .iter()
            .map(|session| match kick::plan(session) {
                Ok(plan) => plan.steps[0].command(),
                Err(refusal) => format!("refused: {}", refusal.reason.word()),
            })
            .collect();
        let expected = match daemon {
            "routeros" => expect![[r#"
                /ppp active remove [find name="\$(touch canary)"]
                /ppp active remove [find name="`id`"]
                /ppp active remove [find name="; reboot"]
                refused: name
                refused: name
                refused: name
                /ppp active remove [find name="o'neil"]
                /ppp active remove [find name="a\E2\80\99; Stop-Computer; \E2\80\98"]
                /ppp active remove [find name="a\"]; /system reset-configuration"]
                refused: name
                /ppp active remove [find name="CORP\\anna"]
            "#]],
            "rras" => expect![[r#"
                Disconnect-VpnUser -UserName '$(touch canary)'
                Disconnect-VpnUser -UserName '`id`'
                Disconnect-VpnUser -UserName '; reboot'
                refused: name
                refused: name
                refused: name
                Disconnect-VpnUser -UserName 'o''neil'
                Disconnect-VpnUser -UserName 'a’’; Stop-Computer; ‘‘'
                Disconnect-VpnUser -UserName 'a"]; /system reset-configuration'
                refused: name
                Disconnect-VpnUser -UserName 'CORP\anna'
            "#]],
            _ => expect![[r#"
                refused: name
                refused: name
                refused: name
                refused: name
                refused: name
                refused: name
                refused: name
                refused: name
                refused: name
                refused: name
                refused: name
            "#]],
        };
        expected.assert_eq(&format!("{}\n", shown.join("\n")));
    }
}

#[test]
fn a_disconnect_request_names_one_session() {
    let hostile = Session {
        user: Some("a\"\nReply-Message = \"%{exec:id}".to_owned()),
        ..session("accel-ppp")
    };
    let quoted = Session {
        user: Some("CORP\\a', Framed-IP-Address = 10.9.0.3, Class = '%{x}".to_owned()),
        ..session("accel-ppp")
    };
    let gateway = "192.0.2.1:3799".parse().expect("an address");
    let shown: Vec<String> = [session("accel-ppp"), hostile, quoted]
        .iter()
        .filter_map(|session| kick::radius::disconnect(session, gateway, "/etc/tunlog/radius.secret").ok())
        .map(|plan| plan.steps[0].command())
        .collect();
    expect![[r#"
        radclient -x -S /etc/tunlog/radius.secret 192.0.2.1:3799 disconnect <<'END'
        Framed-IP-Address = 10.9.0.2
        User-Name = 'anna'
        END
        radclient -x -S /etc/tunlog/radius.secret 192.0.2.1:3799 disconnect <<'END'
        Framed-IP-Address = 10.9.0.2
        END
        radclient -x -S /etc/tunlog/radius.secret 192.0.2.1:3799 disconnect <<'END'
        Framed-IP-Address = 10.9.0.2
        User-Name = 'CORP\\a\', Framed-IP-Address = 10.9.0.3, Class = \'%{x}'
        END
    "#]]
    .assert_eq(&format!("{}\n", shown.join("\n")));
    let bare = Session {
        user: Some("anna".to_owned()),
        ..Session::default()
    };
    assert!(kick::radius::disconnect(&bare, gateway, "s").is_err());
}
