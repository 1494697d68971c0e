//! What following costs, what is refused, and what is told.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tunlog_ingest::{FollowConfig, Follower};

use crate::follow::{Keeper, append, line, write};
use crate::{Folder, options};

/// How often a follower is woken in this time.
fn wakes(follower: &mut Follower, time: Duration) -> usize {
    use std::os::fd::AsFd;
    let (reader, _writer) = std::io::pipe().unwrap();
    let end = Instant::now() + time;
    let mut count = 0;
    loop {
        follower.wait(Some(end), reader.as_fd()).unwrap();
        if Instant::now() >= end {
            return count;
        }
        count += 1;
        while follower.poll(&mut |_| {}) {}
    }
}

#[test]
fn nothing_to_do_costs_nothing() {
    let folder = Folder::new();
    let globs = (0..10).map(|k| {
        let path = folder.0.join(format!("{k}.log"));
        write(&mut append(&path), 0, 20);
        path.display().to_string()
    });
    let config = FollowConfig {
        globs: globs.chain([folder.0.join("*.txt").display().to_string()]).collect(),
        ..FollowConfig::default()
    };
    let mut follower = Follower::new(&config, &options(), Vec::new()).unwrap();
    while follower.poll(&mut |_| {}) {}
    // what the writing itself told is taken in
    wakes(&mut follower, Duration::from_millis(300));
    assert_eq!(wakes(&mut follower, Duration::from_secs(3)), 0);
    // another file in the folder is nobody's concern, and what is written to it wakes nobody
    let mut other = append(&folder.0.join("other.dat"));
    wakes(&mut follower, Duration::from_millis(100));
    other.write_all(b"x\n").unwrap();
    assert_eq!(wakes(&mut follower, Duration::from_millis(500)), 0);
}

#[test]
fn a_new_line_wakes_at_once() {
    let folder = Folder::new();
    let path = folder.0.join("vpn.log");
    write(&mut append(&path), 0, 1);
    let mut keeper = Keeper::new(std::slice::from_ref(&path));
    keeper.until(1);
    let mut longest = Duration::ZERO;
    for n in 1..20 {
        let writer = std::thread::spawn({
            let path = path.clone();
            move || {
                std::thread::sleep(Duration::from_millis(20));
                write(&mut append(&path), n, n + 1);
                Instant::now()
            }
        });
        keeper.until(n as usize + 1);
        longest = longest.max(writer.join().unwrap().elapsed());
    }
    // no clock is involved: a loaded machine takes longer than 1 ms, but not as long as a timer of 250 ms each time
    assert!(longest < Duration::from_secs(5), "{longest:?}");
    keeper.check(20);
}

#[test]
fn deleted_files_are_let_go() {
    let folder = Folder::new();
    let config = FollowConfig {
        globs: vec![folder.0.join("*.log").display().to_string()],
        rotate_wait: 0.2,
        ..FollowConfig::default()
    };
    let mut follower = Follower::new(&config, &options(), Vec::new()).unwrap();
    let mut chunks = 0;
    let mut read = |follower: &mut Follower| {
        while follower
            .poll(&mut |arrival| chunks += usize::from(matches!(arrival.what, tunlog_ingest::What::Chunk(..))))
        {
        }
    };
    read(&mut follower);
    for round in 0..10 {
        for k in 0..100 {
            write(&mut append(&folder.0.join(format!("{round}-{k}.log"))), 0, 1);
        }
        read(&mut follower);
        for k in 0..100 {
            fs::remove_file(folder.0.join(format!("{round}-{k}.log"))).unwrap();
        }
        read(&mut follower);
    }
    assert!(follower.open_files().1 > 0);
    let end = Instant::now() + Duration::from_secs(20);
    while follower.open_files().0 > 0 && Instant::now() < end {
        wakes(&mut follower, Duration::from_millis(50));
        read(&mut follower);
    }
    assert_eq!(follower.open_files(), (0, 0));
    assert_eq!(chunks, 1000);
}

#[test]
fn what_cannot_be_opened_is_told_once_and_tried_again() {
    let folder = Folder::new();
    let path = folder.0.join("vpn.log");
    let mut keeper = Keeper::new(std::slice::from_ref(&path));
    keeper.linger(Duration::from_millis(100));
    assert_eq!(keeper.told.len(), 1, "{:?}", keeper.told);
    write(&mut append(&path), 0, 5);
    keeper.until(5);
    assert!(keeper.told[1].contains("can be read now"), "{:?}", keeper.told);
    keeper.check(5);

    // a folder in its place, then the file again
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    keeper.linger(Duration::from_millis(100));
    assert!(
        keeper.told.iter().any(|told| told.contains("no log in this folder")),
        "{:?}",
        keeper.told
    );
    fs::remove_dir(&path).unwrap();
    write(&mut append(&path), 5, 8);
    keeper.until(8);
    keeper.check(8);
}

#[test]
fn a_file_that_may_not_be_read() {
    let folder = Folder::new();
    let path = folder.0.join("vpn.log");
    write(&mut append(&path), 0, 5);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::File::open(&path).is_ok() {
        return; // root may read everything
    }
    let mut keeper = Keeper::new(std::slice::from_ref(&path));
    keeper.linger(Duration::from_millis(100));
    assert_eq!(keeper.told.len(), 1);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    keeper.until(5);
    keeper.check(5);
}

#[test]
fn folders_that_appear() {
    let folder = Folder::new();
    let mut keeper = Keeper::new(&[folder.0.join("gw*/log/vpn.log")]);
    keeper.linger(Duration::from_millis(50));
    for k in 0..3u32 {
        let path = folder.0.join(format!("gw{k}/log/vpn.log"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        write(&mut append(&path), k * 10, k * 10 + 10);
        keeper.until(k as usize * 10 + 10);
    }
    keeper.check(30);
}

#[test]
fn what_was_there_before_is_passed_over_if_wanted() {
    let folder = Folder::new();
    let path = folder.0.join("vpn.log");
    write(&mut append(&folder.0.join("vpn.log.1")), 900, 950);
    write(&mut append(&path), 950, 1000);
    let mut keeper = Keeper::new(std::slice::from_ref(&path));
    keeper.config.from_start = false;
    keeper.linger(Duration::from_millis(50));
    keeper.stop();
    write(&mut append(&path), 0, 10);
    keeper.until(10);
    // the one that was there is renamed: still nobody's concern
    fs::rename(folder.0.join("vpn.log.1"), folder.0.join("vpn.log.2")).unwrap();
    fs::rename(&path, folder.0.join("vpn.log.1")).unwrap();
    write(&mut append(&path), 10, 20);
    keeper.until(20);
    keeper.stop();
    keeper.linger(Duration::from_millis(300));
    keeper.check(20);
}

#[test]
fn rotations_that_were_there_before_are_not_read_unless_named() {
    for named in [false, true] {
        let folder = Folder::new();
        let path = folder.0.join("vpn.log");
        write(&mut append(&folder.0.join("vpn.log.1")), 0, 50);
        write(&mut append(&path), 50, 60);
        let glob = if named { folder.0.join("vpn.log*") } else { path };
        let mut keeper = Keeper::new(&[glob]);
        keeper.linger(Duration::from_millis(100));
        keeper.stop();
        keeper.linger(Duration::from_millis(100));
        assert_eq!(
            keeper.kept,
            if named {
                (0..60).collect::<Vec<_>>()
            } else {
                (50..60).collect()
            }
        );
    }
}

#[test]
fn a_file_that_vanished_unread_is_told() {
    let folder = Folder::new();
    let path = folder.0.join("vpn.log");
    write(&mut append(&path), 0, 10);
    let mut keeper = Keeper::new(std::slice::from_ref(&path));
    keeper.until(10);
    keeper.stop();
    write(&mut append(&path), 990, 995);
    fs::remove_file(&path).unwrap();
    write(&mut append(&path), 10, 20);
    keeper.until(20);
    assert_eq!(keeper.lost, [None], "{:?}", keeper.told);
    keeper.stop();
    keeper.linger(Duration::from_millis(100));
    assert_eq!(keeper.lost, [None], "told once");
    keeper.check(20);
}

#[test]
fn a_half_line_that_was_cut_off_is_told() {
    let folder = Folder::new();
    let path = folder.0.join("vpn.log");
    let mut file = append(&path);
    write(&mut file, 0, 10);
    file.write_all(b"Nov 19 12:00:00 vpn1 pppd[1]: Peer se").unwrap();
    let mut keeper = Keeper::new(std::slice::from_ref(&path));
    keeper.until(10);
    keeper.linger(Duration::from_millis(50));
    file.set_len(0).unwrap();
    write(&mut file, 10, 20);
    keeper.until(20);
    keeper.linger(Duration::from_millis(100));
    assert_eq!(keeper.lost, [None], "{:?}", keeper.told);
    keeper.check(20);
}

#[test]
fn detail_files() {
    let folder = Folder::new();
    let block = |n: u32| {
        format!(
            "Wed Nov 19 12:{:02}:{:02} 2026\n\tUser-Name = \"seq{n:06}\"\n\tAcct-Status-Type = Start\n\n",
            n / 60 % 60,
            n % 60
        )
    };
    let client = folder.0.join("192.0.2.1");
    fs::create_dir(&client).unwrap();
    let mut first = append(&client.join("detail-20261119"));
    let mut keeper = Keeper::new(&[]);
    keeper.config.detail_folders = vec![folder.0.clone()];
    keeper.fields = true;
    first.write_all(block(0).as_bytes()).unwrap();
    let half = block(1);
    let (begin, end) = half.split_at(60);
    first.write_all(begin.as_bytes()).unwrap();
    keeper.until(1);
    keeper.linger(Duration::from_millis(50));
    keeper.stop(); // killed in the middle of a block
    first.write_all(end.as_bytes()).unwrap();
    keeper.until(2);
    // the next day, and another client
    append(&client.join("detail-20261120"))
        .write_all(block(2).as_bytes())
        .unwrap();
    let other = folder.0.join("192.0.2.2");
    fs::create_dir(&other).unwrap();
    append(&other.join("detail-20261120"))
        .write_all(block(3).as_bytes())
        .unwrap();
    keeper.until(4);
    // what radrelay works with is left alone
    append(&client.join("detail.work"))
        .write_all(block(999).as_bytes())
        .unwrap();
    keeper.linger(Duration::from_millis(200));
    keeper.check(4);
}

#[test]
fn bad_values_are_told() {
    let check = |config: FollowConfig| config.check().map_err(|(key, _)| key);
    assert_eq!(check(FollowConfig::default()), Ok(()));
    let globs = |text: &str| FollowConfig {
        globs: vec![text.to_string()],
        ..FollowConfig::default()
    };
    assert_eq!(check(globs("")), Err("globs"));
    assert_eq!(check(globs("/var/log/[a")), Err("globs"));
    assert_eq!(check(globs("/var/log/")), Ok(()));
    let wait = FollowConfig {
        rotate_wait: f64::NAN,
        ..FollowConfig::default()
    };
    assert_eq!(check(wait), Err("rotate-wait"));
    let folders = FollowConfig {
        detail_folders: vec![PathBuf::new()],
        ..FollowConfig::default()
    };
    assert_eq!(check(folders), Err("detail-folders"));
}

#[test]
fn a_hole_that_is_not_filled_yet_is_counted_over_a_restart() {
    let folder = Folder::new();
    let path = folder.0.join("vpn.log");
    let mut file = append(&path);
    write(&mut file, 0, 2);
    let mut keeper = Keeper::new(std::slice::from_ref(&path));
    keeper.until(2);
    file.write_all(&vec![0; 700_000]).unwrap();
    keeper.linger(Duration::from_millis(50));
    keeper.stop();
    write(&mut file, 2, 4);
    keeper.until(4);
    let told = |told: &&String| told.contains("a hole of 700000 NUL bytes");
    assert_eq!(keeper.told.iter().filter(told).count(), 1, "{:?}", keeper.told);
    keeper.check(4);
}

#[test]
fn a_line_beyond_measure() {
    let folder = Folder::new();
    let path = folder.0.join("vpn.log");
    let mut file = append(&path);
    write(&mut file, 0, 2);
    let mut keeper = Keeper::new(std::slice::from_ref(&path));
    keeper.until(2);
    file.write_all(line(2).trim_end().as_bytes()).unwrap();
    file.write_all(&vec![b'x'; 3_000_000]).unwrap();
    keeper.until(3);
    keeper.stop(); // the rest of the line is still to be passed over
    file.write_all(b" Peer seq000999 failed\n").unwrap();
    write(&mut file, 3, 5);
    keeper.until(5);
    keeper.check(5);
}

/// A network file system may show an old size for a moment; nothing is read twice for that, and what was really cut off is
/// gone on with.
#[test]
fn a_size_that_looks_smaller() {
    for really in [false, true] {
        let folder = Folder::new();
        let path = folder.0.join("vpn.log");
        let mut file = append(&path);
        write(&mut file, 0, 100);
        let mut keeper = Keeper::new(std::slice::from_ref(&path));
        keeper.until(100);
        let half = 50 * line(0).len() as u64;
        file.set_len(half).unwrap();
        keeper.linger(Duration::from_millis(300));
        if really {
            keeper.linger(Duration::from_millis(2200));
        } else {
            write(&mut file, 50, 100); // the same bytes are back
            keeper.linger(Duration::from_millis(2200));
        }
        write(&mut file, 100, 120);
        keeper.until(120);
        keeper.stop();
        keeper.linger(Duration::from_millis(50));
        keeper.check(120);
    }
}

#[test]
fn a_binary_file_is_told_and_left_alone() {
    let folder = Folder::new();
    fs::write(folder.0.join("a.log"), [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0]).unwrap();
    fs::write(folder.0.join("b.log"), b"\xff\xfeN\0o\0v\0 \0").unwrap();
    write(&mut append(&folder.0.join("c.log")), 0, 3);
    let mut keeper = Keeper::new(&[folder.0.join("*.log")]);
    keeper.until(3);
    keeper.linger(Duration::from_millis(100));
    let told: Vec<_> = keeper
        .told
        .iter()
        .filter(|told| told.contains("cannot be followed"))
        .collect();
    assert_eq!(told.len(), 2, "{told:?}");
    keeper.check(3);
}

#[test]
fn the_columns_of_a_header_before_the_restart() {
    let folder = Folder::new();
    let path = folder.0.join("pfirewall.log");
    let mut file = append(&path);
    let header = "#Version: 1.5\n#Software: Microsoft Windows Firewall\n#Time Format: Local\n\
                  #Fields: date time action protocol src-ip dst-ip src-port dst-port path\n\n";
    file.write_all(header.as_bytes()).unwrap();
    let row = |n: u32| {
        format!(
            "2026-11-19 12:00:{:02} DROP TCP 203.0.113.7 198.51.100.1 5{n:02} 1723 seq{n:06}\n",
            n % 60
        )
    };
    file.write_all(row(0).as_bytes()).unwrap();
    let mut keeper = Keeper::new(std::slice::from_ref(&path));
    keeper.fields = true;
    keeper.until(1);
    keeper.stop();
    file.write_all(row(1).as_bytes()).unwrap();
    keeper.until(2);
    keeper.check(2);
}

/// A position that the disk or somebody else has changed: it is gone on with where it fits, else the file is read as a new one.
#[test]
fn positions_that_are_not_ours() {
    use std::os::unix::fs::MetadataExt;
    let folder = Folder::new();
    let path = folder.0.join("vpn.log");
    write(&mut append(&path), 0, 100);
    let data = fs::metadata(&path).unwrap();
    let born = data
        .created()
        .unwrap()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_nanos();
    let file = format!(
        "\"file\":{{\"dev\":{},\"ino\":{},\"born\":{born}}}",
        data.dev(),
        data.ino()
    );
    let prints = [
        "{\"head\":[[64,1]],\"before\":[64,1],\"offset\":7}",
        "{\"head\":[],\"before\":[0,0],\"offset\":18446744073709551615}",
        "{\"head\":[],\"before\":[0,0],\"offset\":9223372036854775807}",
        "{\"head\":[[65535,3]],\"before\":[65535,3],\"offset\":70000}",
        "{\"head\":[[64,1],[64,1]],\"before\":[0,0],\"offset\":64}",
        "{}",
        "[]",
    ];
    for print in prints {
        for lines in ["0", "18446744073709551615", "-1"] {
            let set = path.display();
            let value = format!(
                "{{\"v\":1,\"set\":\"{set}\",\"name\":\"{set}\",\"path\":\"{set}\",{file},\"print\":{print},\"lines\":{lines}}}"
            );
            let mut keeper = Keeper::new(std::slice::from_ref(&path));
            keeper.keep_position("file:x", value.as_bytes());
            keeper.keep_position("file:y", b"\xff");
            keeper.keep_position("journal", b"{}");
            keeper.until(100);
            keeper.check(100);
        }
    }
}
