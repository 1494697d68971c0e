//! A journald of its own and the machine's `journalctl`: what they really write, through rotations, vacuums and boots.
//!
//! journald gets a mount namespace in which its folders are those of the test. Where that is not allowed, or there is no
//! journald, nothing is tested, and that is said.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Folder;
use crate::follow::Keeper;

const JOURNALD: &str = "/usr/lib/systemd/systemd-journald";

/// Puts the test's folders where journald looks for them. `$1`: the folder; a file `boot` in it is the id of the boot.
const IN_NAMESPACE: &str = "cd \"$1\" && mount --bind run /run && mount --bind journal /var/log/journal \
    && mount --bind journald.conf /etc/systemd/journald.conf \
    && mount --bind boot /proc/sys/kernel/random/boot_id && exec \"$2\"";

const CONFIG: &str = "[Journal]\nStorage=persistent\nSyncIntervalSec=1s\nRateLimitIntervalSec=0\nReadKMsg=no\nAudit=no\n\
    ForwardToSyslog=no\nForwardToWall=no\n";

struct Journald {
    folder: Folder,
    process: Option<Child>,
    keeper: Keeper,
    written: u32,
}

impl Drop for Journald {
    fn drop(&mut self) {
        self.end();
    }
}

impl Journald {
    /// None, if there can be none here.
    fn new() -> Option<Journald> {
        let mounts = Path::new("/var/log/journal");
        let allowed = Command::new("unshare")
            .args(["-m", "true"])
            .stderr(Stdio::null())
            .status();
        let there = Path::new(JOURNALD).exists() && Path::new("/etc/systemd/journald.conf").exists();
        if !there || !allowed.is_ok_and(|status| status.success()) || !mounts.parent().is_some_and(Path::is_dir) {
            eprintln!("skipped: no journald can be run here");
            return None;
        }
        let _ = fs::create_dir(mounts); // where it is mounted; an empty folder changes nothing for anybody
        let folder = Folder::new();
        fs::create_dir_all(folder.0.join("run/systemd/journal")).unwrap();
        fs::create_dir(folder.0.join("journal")).unwrap();
        // else it writes into memory until it is told that the disk is there
        folder.write("run/systemd/journal/flushed", "");
        folder.write("journald.conf", CONFIG);
        let program = folder.write(
            "journalctl",
            format!(
                "#!/bin/sh\necho $$ >>{0}/pids\nexec journalctl -D {0}/journal \"$@\"\n",
                folder.0.display()
            ),
        );
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let mut keeper = Keeper::new(&[]);
        keeper.config.journal = true;
        keeper.config.journal_program = program.display().to_string();
        keeper.config.journal_folders = vec![folder.0.join("journal")];
        let mut journald = Journald {
            folder,
            process: None,
            keeper,
            written: 0,
        };
        journald.boot(1).then_some(journald)
    }

    /// Starts it in a boot of its own.
    fn boot(&mut self, number: u32) -> bool {
        self.end();
        self.folder
            .write("boot", format!("0000000{number}-0000-4000-8000-000000000000\n"));
        let mut command = Command::new("unshare");
        command
            .args(["-m", "sh", "-c", IN_NAMESPACE, "sh"])
            .arg(&self.folder.0)
            .arg(JOURNALD);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let end = Instant::now() + Duration::from_secs(20);
        while UnixDatagram::unbound().unwrap().connect(self.socket()).is_err() {
            if process.try_wait().unwrap().is_some() || Instant::now() > end {
                let _ = process.kill();
                let _ = process.wait();
                eprintln!("skipped: journald does not start here");
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.process = Some(process);
        true
    }

    fn end(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
            let _ = fs::remove_file(self.socket());
        }
    }

    fn socket(&self) -> PathBuf {
        self.folder.0.join("run/systemd/journal/socket")
    }

    /// A record in journald's own protocol (systemd, JOURNAL_NATIVE_PROTOCOL).
    fn send(&self, fields: &[(&str, &[u8])]) {
        let mut bytes = Vec::new();
        for (name, value) in fields {
            bytes.extend_from_slice(name.as_bytes());
            bytes.push(b'\n');
            bytes.extend_from_slice(&(value.len() as u64).to_le_bytes());
            bytes.extend_from_slice(value);
            bytes.push(b'\n');
        }
        let socket = UnixDatagram::unbound().unwrap();
        socket.connect(self.socket()).unwrap();
        socket.send(&bytes).unwrap();
    }

    fn write(&mut self, count: u32) {
        for number in self.written..self.written + count {
            let message = format!("Peer seq{number:06} failed CHAP authentication");
            self.send(&[("SYSLOG_IDENTIFIER", b"pppd"), ("MESSAGE", message.as_bytes())]);
        }
        self.written += count;
        self.settle();
    }

    /// Waits until the last record can be read: journald takes in datagrams when it has time.
    fn settle(&self) {
        let wanted = format!("seq{:06}", self.written - 1);
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let out = Command::new("journalctl")
                .arg("-D")
                .arg(self.folder.0.join("journal"))
                .args(["-o", "cat", "-q", "-n", "5"])
                .output()
                .unwrap();
            if String::from_utf8_lossy(&out.stdout).contains(&wanted) {
                return;
            }
            assert!(Instant::now() < end, "journald did not take it in");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        let inside = fs::read_dir(self.folder.0.join("journal")).unwrap();
        let folders = inside.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
        folders
            .flat_map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()))
            .collect()
    }

    fn archived(&self) -> Vec<PathBuf> {
        let is_old = |path: &PathBuf| path.to_string_lossy().contains('@');
        self.files().into_iter().filter(is_old).collect()
    }

    /// What is written from now on goes into another file.
    fn rotate(&self) {
        let before = self.archived().len();
        let process = self.process.as_ref().unwrap().id().to_string();
        assert!(
            Command::new("kill")
                .args(["-USR2", &process])
                .status()
                .unwrap()
                .success()
        );
        let end = Instant::now() + Duration::from_secs(20);
        while self.archived().len() == before {
            assert!(Instant::now() < end, "journald did not rotate");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Reads until all were kept, each once.
    fn check(&mut self) {
        self.keeper.until(self.written as usize);
        self.keeper.linger(Duration::from_millis(300));
        self.keeper.check(self.written);
        self.keeper.check_nothing_lost();
    }
}

#[test]
fn rotations_and_restarts() {
    let Some(mut journald) = Journald::new() else { return };
    journald.write(40);
    journald.check();
    // live
    journald.rotate();
    journald.write(40);
    journald.check();
    // while nobody looks
    journald.keeper.stop();
    journald.write(20);
    journald.rotate();
    journald.write(20);
    journald.rotate();
    journald.write(20);
    journald.check();
    // a process that dies before it keeps what came
    journald.keeper.dies_in = Some(1);
    journald.write(30);
    journald.check();
}

/// `journalctl` is killed, and comes back.
#[test]
fn a_reader_that_is_killed() {
    let Some(mut journald) = Journald::new() else { return };
    journald.write(10);
    journald.check();
    for _ in 0..3 {
        let pids = fs::read_to_string(journald.folder.0.join("pids")).unwrap();
        let last = pids.lines().last().unwrap();
        assert!(Command::new("kill").args(["-9", last]).status().unwrap().success());
        journald.write(10);
        journald.check();
    }
    let told = journald.keeper.told.join("\n");
    assert!(told.contains("signal: 9") && told.contains("come again"), "{told}");
}

/// The file with the place that was read to is gone: what was in it and not read is counted, and what follows is read.
#[test]
fn the_place_was_vacuumed() {
    let Some(mut journald) = Journald::new() else { return };
    journald.write(10);
    journald.check();
    journald.keeper.stop();
    journald.write(5);
    journald.rotate();
    for file in journald.archived() {
        fs::remove_file(file).unwrap();
    }
    journald.write(10);
    journald.keeper.until(20);
    journald.keeper.linger(Duration::from_millis(300));
    let wanted: Vec<u32> = (0..10).chain(15..25).collect();
    assert_eq!(journald.keeper.kept, wanted, "{:?}", journald.keeper.told);
    // the five, and what journald said of itself
    assert!(
        matches!(journald.keeper.lost[..], [Some(5..=20)]),
        "{:?} {:?}",
        journald.keeper.lost,
        journald.keeper.told
    );
    // all of it was read before it was vacuumed: nothing is lost, and nothing is said
    journald.keeper.lost.clear();
    journald.keeper.stop();
    journald.rotate();
    for file in journald.archived() {
        fs::remove_file(file).unwrap();
    }
    journald.write(5);
    journald.keeper.until(25);
    journald.keeper.linger(Duration::from_millis(300));
    assert_eq!(journald.keeper.kept.len(), 25, "{:?}", journald.keeper.told);
}

/// The numbers go on, the clock of the boot begins anew.
#[test]
fn another_boot() {
    let Some(mut journald) = Journald::new() else { return };
    journald.write(20);
    journald.check();
    assert!(journald.boot(2));
    journald.write(20);
    journald.check();
    journald.keeper.stop();
    journald.write(5);
    assert!(journald.boot(3));
    journald.write(5);
    journald.check();
}

/// Fields that `journalctl` writes as null unless it is asked for all, as numbers, and as lists.
#[test]
fn strange_fields() {
    let Some(mut journald) = Journald::new() else { return };
    let name = ("SYSLOG_IDENTIFIER", &b"pppd"[..]);
    let big = format!("Peer seq000000 failed {}", "x".repeat(60_000));
    journald.send(&[name, ("MESSAGE", big.as_bytes())]);
    journald.send(&[
        name,
        ("MESSAGE", b"Peer seq000001 \x01\xff\x1b[31m failed\nsecond line"),
    ]);
    journald.send(&[
        name,
        ("SYSLOG_IDENTIFIER", b"other"),
        ("MESSAGE", b"Peer seq000002 failed"),
        ("ANY", &[0, 255, 10]),
    ]);
    journald.send(&[
        name,
        ("MESSAGE", b"Peer seq000003 failed"),
        ("MESSAGE", b"a second message"),
    ]);
    journald.send(&[name]); // without a message
    journald.written = 4;
    journald.write(3);
    journald.check();
}
