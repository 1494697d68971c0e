use expect_test::{Expect, expect};
use tunlog_analysis::statistics::clients::Clients;
use tunlog_model::Attempt;

use super::build::{at, failed, open, session, utc};
use crate::monitor;

fn check(attempts: &[Attempt], totals: bool, expected: Expect) {
    let mut clients = Clients::new();
    attempts.iter().for_each(|attempt| clients.add(attempt));
    let mut out = Vec::new();
    monitor::clients(clients.rows(at(180, 54)), &utc(), totals, &mut out).expect("a vector takes everything");
    expected.assert_eq(&String::from_utf8(out).expect("text"));
}

#[test]
fn closed_failed_and_open() {
    check(
        &[
            session("mark", at(0, 3)),
            failed(Some("joe"), at(60, 1)),
            failed(None, at(61, 1)),
            open("sally", at(120, 3)),
        ],
        true,
        expect![[r#"
            VPN Client Statistics

            Username              #  Fail      TX        RX         Remote IP          Local IP  Int     CTX     CRX  Duration/Last seen
              (no name)         0/0     1     0 B       0 B    (203.0.113.15)                 -    -       -       - 2026-11-20 10:01:04
              joe               0/0     1     0 B       0 B    (203.0.113.15)                 -    -       -       - 2026-11-20 10:00:04
              mark              0/1     0 1.4 MiB 244.1 KiB    (203.0.113.15)    (192.168.0.10)    -       -       - 2026-11-20 09:30:03
            * sally             1/0     0     0 B       0 B      203.0.113.15      192.168.0.10 ppp0       -       -             1:00:51
              (total)           1/1     2 1.4 MiB 244.1 KiB                                                -       -
        "#]],
    );
}

#[test]
fn columns_grow_and_never_collide() {
    let mut big = session("averyveryverylongusername", at(0, 3));
    big.bytes_to_client = Some(1_048_524);
    big.bytes_from_client = Some(1_048_575 * 1023);
    big.client_ip = "2001:db8:1111:2222:3333:4444:5555:6666".parse().ok();
    check(
        &[
            big,
            session("Пётр", at(3, 3)),
            session("田中", at(5, 0)),
            session("", at(6, 0)),
        ],
        false,
        expect![[r#"
        VPN Client Statistics

        Username                        #  Fail         TX         RX                                Remote IP          Local IP  Int     CTX     CRX  Duration/Last seen
          ""                          0/1     0    1.4 MiB  244.1 KiB                           (203.0.113.15)    (192.168.0.10)    -       -       - 2026-11-20 09:36:00
          averyveryverylongusername   0/1     0 1023.9 KiB 1023.0 MiB (2001:db8:1111:2222:3333:4444:5555:6666)    (192.168.0.10)    -       -       - 2026-11-20 09:30:03
          Пётр                        0/1     0    1.4 MiB  244.1 KiB                           (203.0.113.15)    (192.168.0.10)    -       -       - 2026-11-20 09:33:03
          田中                        0/1     0    1.4 MiB  244.1 KiB                           (203.0.113.15)    (192.168.0.10)    -       -       - 2026-11-20 09:35:00
    "#]],
    );
}

#[test]
fn each_open_session_has_its_line() {
    let mut second = open("anna", at(10, 0));
    second.client_ip = "198.51.100.9".parse().ok();
    second.assigned_ip = "192.168.0.11".parse().ok();
    second.interface = Some("ppp1".into());
    second.bytes_to_client = Some(2048);
    second.bytes_from_client = Some(100);
    check(
        &[open("anna", at(0, 0)), second],
        true,
        expect![[r#"
        VPN Client Statistics

        Username              #  Fail      TX      RX         Remote IP          Local IP  Int     CTX     CRX  Duration/Last seen
        * anna              2/0     0     0 B     0 B      198.51.100.9      192.168.0.11 ppp1 2.0 KiB   100 B             2:50:54
        *                                                  203.0.113.15      192.168.0.10 ppp0       -       -             3:00:54
          (total)           2/0     0     0 B     0 B                                          2.0 KiB   100 B
    "#]],
    );
}
