//! What other readers of the journal got wrong, with a `journalctl` that does as it is told.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::Folder;
use crate::follow::{Keeper, append};

/// Record `n` of one journal, as `journalctl -o json` writes it.
fn record(n: u32) -> String {
    let cursor = format!("s=5e9;i={n:x};b=b007;m={:x};t={:x};x={:x}", n * 1000, at(n), n * 31);
    format!(
        "{{\"__CURSOR\":\"{cursor}\",\"__REALTIME_TIMESTAMP\":\"{}\",\"_BOOT_ID\":\"b007\",\
         \"SYSLOG_IDENTIFIER\":\"pppd\",\"_PID\":\"1\",\"_HOSTNAME\":\"vpn1\",\"_TRANSPORT\":\"syslog\",\
         \"MESSAGE\":\"Peer seq{n:06} failed CHAP authentication\"}}\n",
        at(n)
    )
}

fn at(n: u32) -> u64 {
    1_795_262_000_000_000 + u64::from(n) * 1_000_000
}

fn records(range: impl IntoIterator<Item = u32>) -> String {
    range.into_iter().map(record).collect()
}

/// A `journalctl` whose first, second, … run that follows writes what `out.1`, `out.2`, … hold. A run with a file `exit.N` ends then, with
/// that status, and complains of what is in `err.N`; another one goes on with what is appended.
struct Fake {
    folder: Folder,
    keeper: Keeper,
}

impl Fake {
    fn new() -> Fake {
        let folder = Folder::new();
        let here = folder.0.display();
        let script = format!(
            "#!/bin/sh\ncd {here}\ncase \"$*\" in *--follow*) ;; *) exit 0;; esac\nn=$(($(wc -l <runs) + 1))\necho \"$*\" >>runs\n\
             [ -e out.$n ] || : >out.$n\n\
             if [ -e exit.$n ]; then cat out.$n; cat err.$n >&2; exit $(cat exit.$n); fi\n\
             exec tail -n +1 -f out.$n\n"
        );
        let program = folder.write("journalctl", script);
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        folder.write("runs", "");
        folder.write("journal/system.journal", "");
        let mut keeper = Keeper::new(&[]);
        keeper.config.journal = true;
        keeper.config.journal_program = program.display().to_string();
        keeper.config.journal_folders = vec![folder.0.join("journal")];
        Fake { folder, keeper }
    }

    fn run(&self, n: u32, out: String) {
        self.folder.write(&format!("out.{n}"), out);
    }

    fn ends(&self, n: u32, status: i32, words: &str) {
        self.folder.write(&format!("err.{n}"), words);
        self.folder.write(&format!("exit.{n}"), status.to_string());
    }

    /// What `journalctl` was called with, each time.
    fn calls(&self) -> Vec<String> {
        let runs = fs::read_to_string(self.folder.0.join("runs")).unwrap();
        runs.lines().map(str::to_string).collect()
    }

    /// Reads until all of 0 to `count` were kept, and no other.
    fn check(&mut self, count: u32) {
        self.keeper.until(count as usize);
        self.keeper.linger(Duration::from_millis(300));
        self.keeper.check(count);
    }
}

/// The first record after a rotation was lost (rsyslog 5477).
#[test]
fn the_first_record_after_a_rotation() {
    let mut fake = Fake::new();
    fake.run(1, records(0..5));
    fake.ends(1, 0, "");
    fake.run(2, records(4..8));
    fake.check(8);
    assert!(!fake.calls()[0].contains("cursor"));
    assert!(fake.calls()[1].contains("--cursor=s=5e9;i=4;"), "{:?}", fake.calls());
}

/// The last record came again after a reload (rsyslog 3662).
#[test]
fn the_last_record_again() {
    let mut fake = Fake::new();
    fake.run(1, records((0..5).chain(4..6)));
    fake.check(6);
    fake.keeper.stop();
    fake.run(2, records(5..7));
    fake.check(7);
}

/// Many records were read again (rsyslog 2436).
#[test]
fn many_records_again() {
    let mut fake = Fake::new();
    fake.run(1, records(0..50));
    fake.check(50);
    fake.keeper.stop();
    fake.run(2, records(0..60));
    fake.check(60);
}

/// An endless loop over a rotated journal (fluent-bit 1285).
#[test]
fn round_and_round() {
    let mut fake = Fake::new();
    fake.run(1, records(0..10) + &records((0..12_000).map(|n| n % 10)));
    fake.run(2, records(9..12));
    fake.check(12);
    assert!(
        fake.keeper.told.iter().any(|told| told.contains("again and again")),
        "{:?}",
        fake.keeper.told
    );
}

/// The record after a cursor that is gone was passed over (systemd 30288, mended by 30336).
#[test]
fn a_record_passed_over_behind_the_cursor() {
    let mut fake = Fake::new();
    fake.run(1, records(0..5));
    fake.check(5);
    fake.keeper.stop();
    fake.run(2, records(6..8)); // 5 was passed over
    fake.run(3, records(2..8)); // by time it is found
    fake.check(8);
    assert!(fake.calls()[2].contains("--since=@1795261999"), "{:?}", fake.calls());
    assert!(
        !fake.keeper.told.iter().any(|told| told.contains("lost")),
        "{:?}",
        fake.keeper.told
    );
}

/// `Bad message` while the journal was vacuumed (systemd 43649).
#[test]
fn a_bad_message_while_vacuuming() {
    let mut fake = Fake::new();
    fake.run(1, records(0..5));
    fake.ends(1, 1, "Failed to iterate through journal: Bad message\n");
    fake.run(2, records(4..7));
    fake.check(7);
    assert!(
        fake.keeper.told.iter().any(|told| told.contains("Bad message")),
        "{:?}",
        fake.keeper.told
    );
    assert!(
        fake.keeper.told.iter().any(|told| told.contains("come again")),
        "{:?}",
        fake.keeper.told
    );
}

/// `--follow --cursor-file` does not update the file (systemd 26746): the cursor is that of the records themselves.
#[test]
fn the_cursor_is_kept_with_the_records() {
    let mut fake = Fake::new();
    fake.run(1, records(0..3));
    fake.check(3);
    use std::io::Write;
    append(&fake.folder.0.join("out.1"))
        .write_all(records(3..5).as_bytes())
        .unwrap();
    fake.check(5);
    fake.keeper.stop();
    fake.run(2, records(4..6));
    fake.check(6);
    assert!(fake.calls()[1].contains("--cursor=s=5e9;i=4;"), "{:?}", fake.calls());
    assert!(!fake.calls().concat().contains("cursor-file"));
}

/// A rotation was not noticed (wazuh 26778): who stays silent after one is asked anew.
#[test]
fn silent_after_a_rotation() {
    let mut fake = Fake::new();
    fake.run(1, records(0..5));
    fake.check(5);
    fake.run(2, records(4..7));
    let journal = fake.folder.0.join("journal");
    fs::rename(journal.join("system.journal"), journal.join("system@5e9.journal")).unwrap();
    fake.check(7);
    assert_eq!(fake.calls().len(), 2);
}

#[test]
fn what_was_vacuumed_is_told() {
    let mut fake = Fake::new();
    fake.run(1, records(0..5));
    fake.check(5);
    fake.keeper.stop();
    fake.run(2, records(20..22));
    fake.run(3, records(20..22));
    fake.keeper.until(7);
    assert_eq!(fake.keeper.kept[5..], [20, 21]);
    assert_eq!(fake.keeper.lost, [Some(15)]);
}

#[test]
fn a_cursor_that_is_refused() {
    let mut fake = Fake::new();
    fake.run(1, records(0..5));
    fake.check(5);
    fake.keeper.stop();
    fake.run(2, String::new());
    fake.ends(2, 1, "Failed to seek to cursor: Invalid argument\n");
    fake.run(3, records(0..7));
    fake.check(7);
    assert!(fake.calls()[2].contains("--since=@"), "{:?}", fake.calls());
}

#[test]
fn only_what_comes_from_now_on() {
    let mut fake = Fake::new();
    fake.keeper.config.from_start = false;
    fake.run(1, String::new());
    let end = Instant::now() + Duration::from_secs(20);
    while fake.calls().is_empty() && Instant::now() < end {
        fake.keeper.linger(Duration::from_millis(20));
    }
    fake.keeper.stop();
    fake.run(2, records(0..2));
    fake.check(2);
    let since = |call: &String| {
        call.split(' ')
            .find(|word| word.starts_with("--since=@"))
            .map(str::to_string)
    };
    let calls = fake.calls();
    assert!(since(&calls[0]).is_some());
    assert_eq!(
        since(&calls[0]),
        since(&calls[1]),
        "what came while nobody looked is not lost"
    );
}

#[test]
fn no_journal_program() {
    let mut keeper = Keeper::new(&[PathBuf::from("/nonexistent/vpn.log")]);
    keeper.config.journal = true;
    keeper.config.journal_program = "/nonexistent/journalctl".to_string();
    keeper.linger(Duration::from_millis(1200));
    let told = keeper.told.iter().filter(|told| told.contains("cannot be started"));
    assert_eq!(told.count(), 1, "{:?}", keeper.told);
}
