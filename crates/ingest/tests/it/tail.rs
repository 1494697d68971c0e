use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

use tunlog_ingest::{SourceKind, SourceSpec, Tail};
use tunlog_model::{EveryApp, RecordRef};

use crate::{Folder, Seen, options};

fn line(n: u32) -> String {
    format!(
        "Nov 19 12:{:02}:{:02} vpn1 pppd[1]: Peer seq{n:06} failed CHAP authentication\n",
        n / 60 % 60,
        n % 60
    )
}

fn write(file: &mut File, from: u32, to: u32) {
    let text: String = (from..to).map(line).collect();
    file.write_all(text.as_bytes()).unwrap();
}

fn append(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}

struct Watch {
    tail: Tail,
    seen: Vec<u32>,
}

impl Watch {
    fn new(path: &Path) -> Watch {
        let spec = SourceSpec::new("vpn.log", 0, SourceKind::File(path.to_path_buf()));
        Watch {
            tail: Tail::new(&[spec], &options()),
            seen: Vec::new(),
        }
    }

    fn poll(&mut self) {
        for part in self.tail.poll().unwrap() {
            let seen = &mut self.seen;
            part.framer.cut(&part.chunk, &EveryApp, &mut |record: &RecordRef<'_>| {
                let body = Seen::of(record).body;
                let at = body.find("seq").unwrap() + 3;
                seen.push(body[at..at + 6].parse().unwrap());
            });
        }
    }

    fn finish(mut self, count: u32, in_order: bool) {
        self.poll();
        if !in_order {
            self.seen.sort_unstable();
        }
        let expected: Vec<u32> = (0..count).collect();
        assert_eq!(self.seen.len(), expected.len());
        assert_eq!(self.seen, expected);
    }
}

#[test]
fn rename_and_create_with_late_lines() {
    let folder = Folder::new();
    let path = folder.0.join("vpn.log");
    let mut old = append(&path);
    write(&mut old, 0, 500);
    let mut watch = Watch::new(&path);
    watch.poll();
    fs::rename(&path, folder.0.join("vpn.log.1")).unwrap();
    let mut new = append(&path);
    write(&mut old, 500, 600);
    write(&mut new, 600, 700);
    watch.poll();
    write(&mut old, 700, 710);
    write(&mut new, 710, 800);
    watch.finish(800, false);
}

#[test]
fn copied_and_cut_off() {
    for longer in [false, true] {
        let folder = Folder::new();
        let path = folder.0.join("vpn.log");
        let mut file = append(&path);
        write(&mut file, 0, 300);
        let mut watch = Watch::new(&path);
        watch.poll();
        write(&mut file, 300, 350); // only the copy has these
        fs::copy(&path, folder.0.join("vpn.log.1")).unwrap();
        OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
        write(&mut file, 350, if longer { 1000 } else { 400 });
        watch.poll();
        watch.finish(if longer { 1000 } else { 400 }, true);
    }
}

#[test]
fn cut_off_under_a_writer_that_keeps_its_place() {
    let folder = Folder::new();
    let path = folder.0.join("vpn.log");
    let mut file = File::create(&path).unwrap();
    write(&mut file, 0, 300);
    let mut watch = Watch::new(&path);
    watch.poll();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
    write(&mut file, 300, 400);
    watch.finish(400, true);
}

#[test]
fn half_lines_wait() {
    let folder = Folder::new();
    let path = folder.0.join("vpn.log");
    let mut file = append(&path);
    let (first, second) = (line(0), line(1));
    file.write_all(first.as_bytes()).unwrap();
    file.write_all(&second.as_bytes()[..30]).unwrap();
    let mut watch = Watch::new(&path);
    watch.poll();
    assert_eq!(watch.seen, [0]);
    watch.poll();
    file.write_all(&second.as_bytes()[30..]).unwrap();
    watch.finish(2, true);
}

#[test]
fn faster_rotations_than_looks() {
    let folder = Folder::new();
    let path = folder.0.join("vpn.log");
    write(&mut append(&path), 0, 100);
    let mut watch = Watch::new(&path);
    watch.poll();
    for k in 1..10 {
        fs::rename(&path, folder.0.join(format!("vpn.log.{k:02}"))).unwrap();
        write(&mut append(&path), k * 100, k * 100 + 100);
    }
    watch.finish(1000, true);
}

#[test]
fn made_again_and_written_anew() {
    let folder = Folder::new();
    let path = folder.0.join("vpn.log");
    write(&mut append(&path), 0, 300);
    let mut watch = Watch::new(&path);
    watch.poll();
    fs::remove_file(&path).unwrap();
    watch.poll();
    let mut file = append(&path);
    write(&mut file, 300, 310);
    watch.poll();
    write(&mut file, 310, 400);
    watch.poll();
    // Other content of the same size in the same file.
    std::thread::sleep(std::time::Duration::from_millis(20));
    let mut again = OpenOptions::new().write(true).open(&path).unwrap();
    write(&mut again, 400, 500);
    watch.finish(500, true);
}

#[cfg(unix)]
#[test]
fn a_link_that_is_turned() {
    let folder = Folder::new();
    let (first, second, path) = (folder.0.join("one"), folder.0.join("two"), folder.0.join("vpn.log"));
    write(&mut append(&first), 0, 50);
    std::os::unix::fs::symlink(&first, &path).unwrap();
    let mut watch = Watch::new(&path);
    watch.poll();
    write(&mut append(&second), 50, 100);
    std::os::unix::fs::symlink(&second, folder.0.join("new")).unwrap();
    fs::rename(folder.0.join("new"), &path).unwrap();
    watch.finish(100, true);
}
