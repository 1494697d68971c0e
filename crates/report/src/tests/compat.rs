//! The goldens of pptpd-monitor.md §5, measured with its last working version.

use expect_test::{Expect, expect};
use tunlog_analysis::statistics::compat::Compat;
use tunlog_model::{EventKind, Field};

use super::build::{Fact, at, message, pppd, utc};
use crate::monitor;

#[derive(Default)]
struct Log(Compat);

impl Log {
    fn chatter(&mut self, pid: u32, time: i64) -> &mut Log {
        self.see(pid, time, "chatter", EventKind::LcpMessage, &[])
    }

    fn address(&mut self, pid: u32, time: i64, ip: &str) -> &mut Log {
        self.see(
            pid,
            time,
            "remote-ip",
            EventKind::AddressAssigned,
            &[(Field::AssignedIp, Fact::Ip(ip))],
        )
    }

    fn up(&mut self, pid: u32, time: i64, interface: &str, user: &str, ip: &str) -> &mut Log {
        let facts = [
            (Field::Interface, Fact::Text(interface)),
            (Field::User, Fact::Text(user)),
            (Field::ClientIp, Fact::Ip(ip)),
        ];
        self.see(pid, time, "logwtmp-ip-up", EventKind::AddressAssigned, &facts)
    }

    fn sent(&mut self, pid: u32, time: i64, sent: i64, received: i64) -> &mut Log {
        let facts = [
            (Field::BytesToClient, Fact::Int(sent)),
            (Field::BytesFromClient, Fact::Int(received)),
        ];
        self.see(pid, time, "traffic", EventKind::TrafficCounted, &facts)
    }

    fn exit(&mut self, pid: u32, time: i64) -> &mut Log {
        self.see(pid, time, "exit", EventKind::ProcessExited, &[])
    }

    fn see(&mut self, pid: u32, time: i64, id: &'static str, kind: EventKind, facts: &[(Field, Fact<'_>)]) -> &mut Log {
        pppd(pid, time, message(id, kind), facts, &mut |event| self.0.observe(event));
        self
    }

    fn prints(&self, expected: Expect) {
        let mut out = Vec::new();
        monitor::compat(&self.0.rows(), &utc().zone, &|_| None, &mut out).expect("a vector takes everything");
        expected.assert_eq(&String::from_utf8(out).expect("text"));
    }
}

#[test]
fn golden_5_1_closed_failed_and_open() {
    let mut log = Log::default();
    log.address(1001, at(0, 3), "192.168.0.10")
        .up(1001, at(0, 3), "ppp0", "mark", "203.0.113.15");
    log.chatter(1001, at(30, 3))
        .sent(1001, at(30, 3), 1_500_000, 250_000)
        .exit(1001, at(30, 3));
    log.chatter(1101, at(60, 1))
        .chatter(1101, at(60, 4))
        .exit(1101, at(60, 4));
    log.chatter(1201, at(120, 1)).address(1201, at(120, 3), "192.168.0.11");
    log.up(1201, at(120, 3), "lo", "sally", "198.51.100.9");
    log.prints(expect![[r#"
        PPTPD Client Statistics

        Username              #      TX      RX         Remote IP          Local IP  Int     CTX     CRX  Duration/Last seen
          None              0/1    0.0b    0.0b            (None)            (None) None    0.0b    0.0b                None
          mark              0/1 244.1KB   1.4MB    (203.0.113.15)    (192.168.0.10) None    0.0b    0.0b 2026-11-20 09:00:03
        * sally             1/1    0.0b    0.0b      198.51.100.9      192.168.0.11   lo    0.0b    0.0b 2026-11-20 11:00:03
    "#]]);
}

#[test]
fn golden_5_2_collision_sorting_and_reuse_of_a_pid() {
    let mut log = Log::default();
    log.address(10, at(0, 3), "192.168.0.10")
        .up(10, at(0, 3), "ppp0", "bob", "203.0.113.1");
    log.address(11, at(10, 3), "192.168.0.11")
        .up(11, at(10, 3), "ppp1", "bob", "203.0.113.2");
    log.sent(11, at(20, 0), 1_048_576, 1_047_552).exit(11, at(20, 0));
    log.address(12, at(30, 3), "192.168.0.12")
        .up(12, at(30, 3), "ppp2", "Alice", "203.0.113.3");
    log.sent(12, at(40, 0), 1023, 1_048_575).exit(12, at(40, 0));
    log.address(10, at(50, 0), "192.168.0.13")
        .up(10, at(50, 1), "ppp0", "carol", "203.0.113.4");
    log.sent(10, at(51, 0), 1, 2);
    log.chatter(77, at(55, 0)).exit(77, at(55, 0));
    log.prints(expect![[r#"
        PPTPD Client Statistics

        Username              #      TX      RX         Remote IP          Local IP  Int     CTX     CRX  Duration/Last seen
          None              0/1    0.0b    0.0b            (None)            (None) None    0.0b    0.0b                None
          Alice             0/11024.0KB 1023.0b     (203.0.113.3)    (192.168.0.12) None    0.0b    0.0b 2026-11-20 09:30:03
          bob               0/11023.0KB   1.0MB     (203.0.113.2)    (192.168.0.11) None    0.0b    0.0b 2026-11-20 09:10:03
          carol             0/1    2.0b    1.0b     (203.0.113.4)    (192.168.0.13) None    0.0b    0.0b 2026-11-20 09:50:01
    "#]]);
}

#[test]
fn golden_5_3_a_long_name_moves_its_row() {
    let mut log = Log::default();
    log.address(1, at(0, 3), "192.168.0.10")
        .up(1, at(0, 3), "ppp0", "averyveryverylongusername", "203.0.113.15");
    log.sent(1, at(30, 3), 1_500_000, 250_000).exit(1, at(30, 3));
    log.prints(expect![[r#"
        PPTPD Client Statistics

        Username              #      TX      RX         Remote IP          Local IP  Int     CTX     CRX  Duration/Last seen
          averyveryverylongusername   0/1 244.1KB   1.4MB    (203.0.113.15)    (192.168.0.10) None    0.0b    0.0b 2026-11-20 09:00:03
    "#]]);
}

#[test]
fn golden_5_4_nothing_of_pppd_prints_the_heading_only() {
    Log::default().prints(expect![[r#"
        PPTPD Client Statistics

        Username              #      TX      RX         Remote IP          Local IP  Int     CTX     CRX  Duration/Last seen
    "#]]);
}

#[test]
fn golden_5_5_without_logwtmp_everybody_is_none() {
    let mut log = Log::default();
    log.address(1, at(0, 3), "192.168.0.10")
        .sent(1, at(1, 0), 1000, 200)
        .exit(1, at(1, 0));
    log.address(2, at(2, 3), "192.168.0.11")
        .sent(2, at(3, 0), 1000, 200)
        .exit(2, at(3, 0));
    log.prints(expect![[r#"
        PPTPD Client Statistics

        Username              #      TX      RX         Remote IP          Local IP  Int     CTX     CRX  Duration/Last seen
          None              0/2  400.0b   2.0KB            (None)    (192.168.0.11) None    0.0b    0.0b                None
    "#]]);
}

#[test]
fn a_reader_of_names_sees_no_escape_sequence() {
    let mut log = Log::default();
    log.up(1, at(0, 3), "ppp0", "a\x1b[31m", "203.0.113.15");
    let mut out = Vec::new();
    monitor::compat(&log.0.rows(), &utc().zone, &|_| Some((1, 2)), &mut out).expect("a vector takes everything");
    assert!(!out.contains(&0x1b));
}
