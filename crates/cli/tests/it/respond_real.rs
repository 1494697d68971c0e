//! The firewalls of this machine, in a network namespace of their own. Skipped where they are not, or where we are not root.

use std::process::Command;

use crate::harness::{Folder, Ran};

/// Runs a script in a fresh namespace, `$T` being the binary; nothing if that cannot be done here.
fn in_namespace(needs: &[&str], script: &str) -> Option<String> {
    let has = |program: &&str| {
        ["/usr/sbin", "/sbin", "/usr/bin"]
            .iter()
            .any(|folder| std::path::Path::new(folder).join(program).is_file())
    };
    let ready = Command::new("unshare")
        .args(["-n", "true"])
        .status()
        .is_ok_and(|status| status.success());
    if !ready || !needs.iter().all(has) {
        eprintln!("skipped: no right to a namespace, or no {}", needs.join(", "));
        return None;
    }
    let folder = Folder::new();
    let mut command = Command::new("unshare");
    command
        .args(["-n", "sh", "-e", "-c", script])
        .current_dir(folder.path())
        .env_clear();
    command
        .env("T", env!("CARGO_BIN_EXE_tunlog"))
        .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
        .env("XDG_STATE_HOME", folder.path())
        .env("TZ", "UTC");
    Some(Ran::of(command.output().expect("unshare runs")).good())
}

const STORY: &str = "
    ip link set lo up
    $T block 198.51.100.7 198.51.101.0/24 2001:db8::9 --no-log -q --apply --backend $B > first
    $T block 198.51.100.7 --for 1h --no-log -q --apply > again
    $T blocked --live -o csv
    $T unblock 198.51.101.0/24 -q --apply > out
    $T unblock 198.51.101.0/24 -q --apply --backend $B > out
    $T unblock --all -q --apply > out
    $T blocked --live -q -o csv
";

/// What `blocked --live -o csv` tells, without the times.
fn told(out: &str) -> Vec<String> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let left: u64 = cells.get(7).and_then(|left| left.parse().ok()).unwrap_or(0);
        let left = left.div_ceil(60);
        Some(format!(
            "{} {} live={} {left} min",
            cells.get(1)?,
            cells.get(2)?,
            cells.get(6)?
        ))
    };
    out.lines()
        .filter(|line| !line.starts_with("action"))
        .filter_map(row)
        .collect()
}

fn holds_what_it_is_given(backend: &str, needs: &[&str], table: &str) {
    let Some(out) = in_namespace(needs, &format!("B={backend}\n{STORY}\n{table}")) else {
        return;
    };
    let (blocked, table) = out.split_once("table:").unwrap_or((&out, ""));
    let mut blocked = told(blocked);
    blocked.sort();
    assert_eq!(
        blocked,
        [
            "198.51.100.7 active live=true 60 min",
            "198.51.101.0/24 active live=true 10 min",
            "2001:db8::9 active live=true 10 min",
        ]
    );
    for word in ["1723", "4500", "esp", "gre"] {
        assert!(table.contains(word), "{word}: {table}");
    }
    // set up twice, there once
    assert_eq!(
        table.matches("1723").count(),
        if backend == "nftables" { 4 } else { 1 },
        "{table}"
    );
}

#[test]
fn nftables_holds_what_it_is_given() {
    holds_what_it_is_given("nftables", &["nft", "ip"], "echo table:; nft list table inet tunlog");
}

#[test]
fn ipset_holds_what_it_is_given() {
    holds_what_it_is_given(
        "iptables",
        &["ipset", "iptables", "ip6tables", "ip"],
        "echo table:; iptables -S; ip6tables -S INPUT",
    );
}

/// A packet of a blocked address is dropped, another one's is not.
#[test]
fn a_blocked_address_reaches_nothing() {
    let script = "
        unshare -n sleep 20 & peer=$!
        sleep 0.3
        ip link add ve0 type veth peer name ve1 netns $peer
        ip addr add 198.51.100.1/24 dev ve0 && ip link set ve0 up && ip link set lo up
        nsenter -t $peer -n ip addr add 198.51.100.7/24 dev ve1
        nsenter -t $peer -n ip addr add 198.51.100.8/24 dev ve1
        nsenter -t $peer -n ip link set ve1 up
        sleep 0.3
        reaches() { nsenter -t $peer -n python3 -c \"
import socket, sys
s = socket.socket(); s.settimeout(1); s.bind(('$1', 0))
try: s.connect(('198.51.100.1', $2)); print('$1 $2 reached')
except ConnectionRefusedError: print('$1 $2 refused')
except OSError: print('$1 $2 dropped')
\"; }
        reaches 198.51.100.7 1723
        $T block 198.51.100.7 --no-log -q --apply --backend nftables > /dev/null
        reaches 198.51.100.7 1723
        reaches 198.51.100.7 22
        reaches 198.51.100.8 1723
        $T unblock 198.51.100.7 -q --apply > /dev/null
        reaches 198.51.100.7 1723
        kill $peer
    ";
    if let Some(out) = in_namespace(&["nft", "ip", "nsenter", "python3"], script) {
        assert_eq!(
            out.lines().collect::<Vec<_>>(),
            [
                "198.51.100.7 1723 refused",
                "198.51.100.7 1723 dropped",
                "198.51.100.7 22 refused",
                "198.51.100.8 1723 refused",
                "198.51.100.7 1723 refused",
            ]
        );
    }
}

/// What the kernel says of this machine is believed: its addresses and its routers are never blocked.
#[test]
fn own_addresses_and_routers_are_left_alone() {
    let script = "
        ip link set lo up && ip link add ve0 type veth peer name ve1 && ip link set ve0 up && ip link set ve1 up
        ip addr add 203.0.113.5/24 dev ve0 && ip -6 addr add 2001:db8:7::5/64 dev ve0 nodad
        ip route add default via 203.0.113.1 && ip -6 route add default via 2001:db8:7::1
        for a in 203.0.113.5 203.0.113.1 203.0.113.0/24 2001:db8:7::5 2001:db8:7::1 203.0.113.9; do
            $T block $a --force --private --no-log -q --apply --backend nftables -o csv | tail -n 1 | cut -d, -f3,4
        done
    ";
    if let Some(out) = in_namespace(&["nft", "ip"], script) {
        let refused = |target: &str| format!("{target},refused");
        let mut expected: Vec<String> = [
            "203.0.113.5",
            "203.0.113.1",
            "203.0.113.0/24",
            "2001:db8:7::5",
            "2001:db8:7::1",
        ]
        .map(refused)
        .to_vec();
        expected.push("203.0.113.9,done".to_owned());
        assert_eq!(out.lines().collect::<Vec<_>>(), expected);
    }
}
