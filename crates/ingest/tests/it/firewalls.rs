//! Firewall appliances that send half a syslog header, and the receivers that put theirs in front.

use tunlog_model::{Civil, Stamp};

use crate::cut;

fn at(year: Option<i16>, second: u32) -> Stamp {
    Stamp::Civil(Civil {
        year,
        month: 3,
        day: 2,
        second: 8 * 3600 + second,
        micros: 0,
    })
}

fn check(rows: &[(&str, Stamp, &str, &str)]) {
    for (line, stamp, host, body) in rows {
        let seen = cut(line);
        assert_eq!(seen.len(), 1, "{line}: {seen:?}");
        let got = (
            seen[0].stamp,
            seen[0].host.as_str(),
            seen[0].app.as_str(),
            seen[0].body.as_str(),
        );
        assert_eq!(got, (*stamp, *host, "EFW", *body), "{line}");
    }
}

#[test]
fn clavister() {
    const INSTANT: Stamp = Stamp::Instant(1_772_438_400_000_000); // 2026-03-02T08:00:00Z
    let body = "L2TP: prio=2 id=1";
    check(&[
        (
            "<134>[2026-03-02 08:00:01] EFW: L2TP: prio=2 id=1",
            at(Some(2026), 1),
            "",
            body,
        ),
        (
            "[2026-03-02 08:00:01] EFW: L2TP: prio=2 id=1",
            at(Some(2026), 1),
            "",
            body,
        ),
        (
            "<134[2026-03-02 08:00:01] EFW: L2TP: prio=2 id=1",
            at(Some(2026), 1),
            "",
            body,
        ),
        ("EFW: L2TP: prio=2 id=1", Stamp::Missing, "", body),
        (
            "<134>Mar  2 08:00:01 fw EFW: L2TP: prio=2 id=1",
            at(None, 1),
            "fw",
            body,
        ),
        // the firewall knows the year, the relay does not; the other way round for the zone
        (
            "Mar  2 08:00:01 fw [2026-03-02 08:00:02] EFW: L2TP: prio=2 id=1",
            at(Some(2026), 2),
            "fw",
            body,
        ),
        (
            "Mar  2 08:00:01 [2026-03-02 08:00:02] EFW: L2TP: prio=2 id=1",
            at(Some(2026), 2),
            "",
            body,
        ),
        (
            "2026-03-02T08:00:00Z fw [2026-03-02 09:00:02] EFW: L2TP: prio=2 id=1",
            INSTANT,
            "fw",
            body,
        ),
        (
            "<134>1 2026-03-02T08:00:00Z fw EFW - - - L2TP: prio=2 id=1",
            INSTANT,
            "fw",
            body,
        ),
        (
            "<134>1 2026-03-02T08:00:00Z fw - - - - [2026-03-02 09:00:02] EFW: L2TP: prio=2 id=1",
            INSTANT,
            "fw",
            body,
        ),
        (
            "<134>1 2026-03-02T08:00:00Z fw - - - -  09:00:02] EFW: L2TP: prio=2 id=1",
            INSTANT,
            "fw",
            body,
        ),
        (
            "<1>1 2026-03-02T08:00:00Z 15c8cb06 L2TP : id=1 event=x [a [b ]]",
            INSTANT,
            "15c8cb06",
            "L2TP : id=1 event=x [a [b ]]",
        ),
        (
            "2026-03-02 08:00:01\tLocal0.Info\t192.0.2.1\t[2026-03-02 07:00:00] EFW: L2TP: prio=2 id=1",
            at(Some(2026), 1),
            "192.0.2.1",
            body,
        ),
        (
            "Mar 2 2026 08:00:01 fw EFW: DROP: prio=1 rule=a",
            at(Some(2026), 1),
            "fw",
            "DROP: prio=1 rule=a",
        ),
    ]);
}

#[test]
fn a_windows_receiver_writes_tabs() {
    let seen = cut("2026-03-02 08:00:01\tDaemon.Warning\tgw\tpppd[11]: Modem hangup");
    let got = (
        seen[0].host.as_str(),
        seen[0].app.as_str(),
        seen[0].pid,
        seen[0].body.as_str(),
    );
    assert_eq!(got, ("gw", "pppd", 11, "Modem hangup"));
    assert_eq!(seen[0].severity.as_deref(), Some("Warning"));
    let seen = cut("2026-03-02 08:00:01\tno level\tgw\tpppd[11]: Modem hangup");
    assert_ne!(seen[0].app, "pppd");
}

#[test]
fn brackets_of_others_stay_theirs() {
    let seen = cut("[2026-03-02 08:00:01]:  info: ppp0: connect: ppp0 <--> pptp(203.0.113.7)");
    assert_eq!(seen[0].app, "accel-pppd");
    let seen = cut("Mar  2 08:00:01 fw app: [2026-03-02 08:00:01] EFW: L2TP: id=1");
    assert_eq!(seen[0].app, "app");
}
