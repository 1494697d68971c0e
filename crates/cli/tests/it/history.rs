//! `ac` and `lastlog`: what was used when and by whom, of logs and of stores alike.

use std::path::Path;

use crate::harness::{Folder, Ran};

/// Sessions of three users: one over midnight of UTC, one over the end of a month, one that is up.
const LOG: &str = "
    2026-10-30T22:00:00Z vpn1 pppd[101]: pppd 2.4.9 started by root, uid 0
    2026-10-30T22:00:01Z vpn1 pppd[101]: Using interface ppp0
    2026-10-30T22:00:01Z vpn1 pppd[101]: Connect: ppp0 <--> /dev/pts/1
    2026-10-30T22:00:02Z vpn1 pppd[101]: peer from calling number 203.0.113.5 authorized
    2026-10-30T22:00:02Z vpn1 pppd[101]: rcvd [CHAP Response id=0x1 <0>, name = \"anna\"]
    2026-10-30T22:00:03Z vpn1 pppd[101]: remote IP address 10.0.0.5
    2026-10-31T01:00:03Z vpn1 pppd[101]: LCP terminated by peer
    2026-10-31T01:00:03Z vpn1 pppd[101]: Connect time 180.0 minutes.
    2026-10-31T01:00:03Z vpn1 pppd[101]: Sent 3221225472 bytes, received 1048576 bytes.
    2026-10-31T01:00:03Z vpn1 pppd[101]: Exit.
    2026-10-31T23:30:00Z vpn1 pppd[102]: pppd 2.4.9 started by root, uid 0
    2026-10-31T23:30:01Z vpn1 pppd[102]: Using interface ppp0
    2026-10-31T23:30:01Z vpn1 pppd[102]: Connect: ppp0 <--> /dev/pts/1
    2026-10-31T23:30:02Z vpn1 pppd[102]: rcvd [CHAP Response id=0x1 <0>, name = \"berta\"]
    2026-10-31T23:30:03Z vpn1 pppd[102]: remote IP address 10.0.0.6
    2026-11-01T00:30:03Z vpn1 pppd[102]: LCP terminated by peer
    2026-11-01T00:30:03Z vpn1 pppd[102]: Connect time 60.0 minutes.
    2026-11-01T00:30:03Z vpn1 pppd[102]: Sent 1000 bytes, received 2000 bytes.
    2026-11-01T00:30:03Z vpn1 pppd[102]: Exit.
    2026-11-01T10:00:00Z vpn1 pppd[103]: pppd 2.4.9 started by root, uid 0
    2026-11-01T10:00:01Z vpn1 pppd[103]: Using interface ppp0
    2026-11-01T10:00:01Z vpn1 pppd[103]: Connect: ppp0 <--> /dev/pts/1
    2026-11-01T10:00:02Z vpn1 pppd[103]: rcvd [CHAP Response id=0x1 <0>, name = \"anna\"]
    2026-11-01T10:00:03Z vpn1 pppd[103]: remote IP address 10.0.0.7
    2026-11-01T11:00:00Z vpn1 pppd[104]: pppd 2.4.9 started by root, uid 0
    2026-11-01T11:00:03Z vpn1 pppd[104]: Using interface ppp1
    2026-11-01T11:00:03Z vpn1 pppd[104]: Peer eve failed CHAP authentication
    2026-11-01T11:00:03Z vpn1 pppd[104]: Exit.
";

fn over(args: &[&str]) -> Ran {
    Folder::over(LOG, args)
}

/// `period user sessions seconds bytes` of each row.
fn rows(args: &[&str]) -> Vec<String> {
    let told = over(&[&["ac", "-q", "-o", "csv"], args].concat()).good();
    let mut lines = told.lines();
    let heads: Vec<&str> = lines.next().expect("headings").split(',').collect();
    let at = |key: &str| heads.iter().position(|head| *head == key).expect("a column");
    let wanted = ["period", "user", "sessions", "duration_s", "bytes"].map(at);
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            wanted.map(|at| cells[at]).join(" ").trim().to_owned()
        })
        .collect()
}

#[test]
fn connect_time_is_split_and_bytes_count_where_they_were_told() {
    assert_eq!(rows(&[]), ["3 18000 3222277048"]);
    assert_eq!(
        rows(&["-d"]),
        [
            "2026-10-30  1 7197",
            "2026-10-31  2 5400 3222274048",
            "2026-11-01  2 5403 3000",
        ]
    );
    assert_eq!(
        rows(&["-m", "-p"]),
        [
            "2026-10 anna 1 10800 3222274048",
            "2026-10 berta 1 1797",
            "2026-11 anna 1 3600",
            "2026-11 berta 1 1803 3000",
        ]
    );
    // on another wall clock the second session has no midnight in it
    assert_eq!(
        rows(&["-d", "-p", "--user", "berta", "--tz", "Europe/Berlin"]),
        ["2026-11-01 berta 1 3600 3000"]
    );
    assert_eq!(rows(&["--period", "week"]).len(), 1);
    // and only what lies within the times counts
    assert_eq!(
        rows(&["-S", "2026-10-31T23:00:00Z", "-U", "2026-11-01T00:00:00Z"]),
        ["1 1797"]
    );
}

#[test]
fn a_table_ends_with_what_it_comes_to() {
    let table = over(&["ac", "-q", "-p"]).good();
    assert!(table.contains("anna") && !table.contains("Quota"), "{table}");
    assert!(
        table.ends_with("\ntotal 5:00:00 in 3 sessions, TX 3.0 GiB, RX 1.0 MiB\n"),
        "{table}"
    );
}

#[test]
fn who_is_over_a_quota_is_named_and_nobody_is_1() {
    let over_it = over(&["ac", "-q", "--quota", "1G", "--period", "month", "-o", "jsonl"]).good();
    assert!(
        over_it.contains("\"user\":\"anna\"") && over_it.lines().count() == 1,
        "{over_it}"
    );
    assert!(
        over_it.contains("\"quota\":1073741824,\"over\":2148532224"),
        "{over_it}"
    );
    let nobody = over(&["ac", "-q", "--quota", "100G"]);
    assert_eq!((nobody.code, nobody.out.as_str()), (Some(1), ""));
    let time = over(&["ac", "-q", "--time-quota", "2h", "-d", "-o", "jsonl"]);
    assert_eq!(time.code, Some(1), "{}", time.out);
    let time = over(&["ac", "-q", "--time-quota", "2h", "-o", "jsonl"]).good();
    assert!(time.contains("\"quota\":7200,\"over\":7200"), "{time}");
    for wrong in [&["--quota", "much"][..], &["--time-quota", "x"], &["-d", "-m"]] {
        assert_eq!(over(&[&["ac"], wrong].concat()).code, Some(2), "{wrong:?}");
    }
}

#[test]
fn last_logins_are_those_of_users_who_were_let_in() {
    let told = over(&["lastlog", "-q", "-o", "csv"]).good();
    let lines: Vec<&str> = told.lines().skip(1).collect();
    assert_eq!(lines.len(), 2, "{told}");
    assert!(
        lines[0].starts_with("anna,ppp0,") && lines[0].contains("2026-11-01T10:00:03Z"),
        "{told}"
    );
    assert!(
        lines[0].contains("still logged in") && lines[0].ends_with(",2"),
        "{told}"
    );
    assert!(
        lines[1].starts_with("berta,ppp0,") && lines[1].contains("2026-10-31T23:30:03Z"),
        "{told}"
    );
    assert_eq!(over(&["lastlog", "-q", "--user", "eve"]).code, Some(1));
    let old = over(&["lastlog", "-q", "-t", "1", "-o", "jsonl"]).good();
    assert_eq!(old, "", "all of it is long ago, or yet to come");
}

/// The same answers from a store, byte for byte, whatever was asked.
#[test]
fn a_store_answers_as_its_logs_do() {
    let folder = Folder::new();
    folder.log("syslog", LOG);
    let gateway = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/gateway");
    let gateway = gateway.to_str().expect("a path");
    folder
        .run(&["import", "-q", "--store", "store", "syslog", gateway])
        .good();
    for asked in [
        &["ac"][..],
        &["ac", "-d", "-p"],
        &["ac", "-m", "-o", "jsonl"],
        &["ac", "-p", "-o", "csv", "--tz", "Asia/Kathmandu"],
        &[
            "ac",
            "-d",
            "-S",
            "2026-10-31T12:00:00Z",
            "-U",
            "2026-11-01T00:10:00Z",
            "-o",
            "json",
        ],
        &["ac", "--quota", "1K", "--period", "day", "-o", "jsonl"],
        &["ac", "--time-quota", "1h"],
        &["lastlog"],
        &[
            "clients",
            "--totals",
            "-S",
            "2026-10-31T00:00:00Z",
            "-U",
            "2026-10-31T23:59:59Z",
        ],
        &["last", "-S", "2026-10-31T23:45:00Z", "-o", "jsonl"],
        &["lastb", "-U", "2026-11-01T12:00:00Z"],
        &["lastlog", "-o", "jsonl", "-S", "2026-11-01T00:00:00Z"],
    ] {
        let raw = folder.run(&[asked, &["-q", "syslog", gateway]].concat());
        let kept = folder.run(&[asked, &["-q", "store"]].concat());
        assert_eq!((kept.code, kept.out), (raw.code, raw.out), "{asked:?}");
    }
}

#[test]
fn where_nothing_can_be_judged_verify_says_3() {
    let folder = Folder::new();
    folder.log("syslog", LOG);
    for path in ["nowhere", "syslog", "."] {
        let ran = folder.run(&["store", "verify", path]);
        assert_eq!(ran.code, Some(3), "{path}: {}", ran.err);
    }
}

/// What a log server took in is compared with what the store has.
#[test]
fn a_log_server_is_a_witness() {
    let folder = Folder::new();
    folder.log("syslog", LOG);
    folder.run(&["import", "-q", "--store", "store", "syslog"]).good();
    let server = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    server
        .set_read_timeout(Some(std::time::Duration::from_secs(20)))
        .expect("a time-out");
    let place = format!("udp://{}", server.local_addr().expect("an address"));
    folder
        .run(&["store", "checkpoint", "store", "--witness", &place])
        .good();
    let mut received = Vec::new();
    for _ in 0..3 {
        let mut message = [0; 2048];
        let len = server.recv(&mut message).expect("a message");
        received.extend_from_slice(&message[..len]);
        received.push(b'\n');
    }
    folder.bytes("received.log", &received);
    let verify = ["store", "verify", "-q", "store", "--require-witness"];
    let alone = folder.run(&verify);
    assert_eq!(alone.code, Some(3), "{}", alone.out);
    assert!(alone.out.contains(&place), "{}", alone.out);
    let both = folder
        .run(&[&verify[..], &["--witness", "received.log"]].concat())
        .good();
    assert!(both.contains("same note at checkpoint 3"), "{both}");
    let wrong = folder.run(&["store", "checkpoint", "store", "--witness", "tcp://"]);
    assert_eq!(wrong.code, Some(2), "{}", wrong.err);
}

#[test]
fn the_history_is_kept_as_long_as_is_said() {
    let folder = Folder::new();
    folder.log("syslog", LOG);
    folder.run(&["import", "-q", "--store", "store", "syslog"]).good();
    // nobody wrote a history here: there is nothing to remove, and none is made
    let nothing = folder.run(&[
        "store",
        "retain",
        "store",
        "--attempts-before",
        "-1d",
        "--findings-before",
        "-1d",
    ]);
    assert_eq!((nothing.code, nothing.out.as_str()), (Some(1), ""), "{}", nothing.err);
    assert!(!folder.path().join("store/history.db").exists());
    assert_eq!(
        folder
            .run(&["store", "retain", "store", "--attempts-before", "often"])
            .code,
        Some(2)
    );
    assert_eq!(
        folder.run(&["store", "retain", "store"]).code,
        Some(2),
        "a rule is needed"
    );
}
