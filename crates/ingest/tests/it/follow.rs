//! Every way of rotating a log, with a reader that looks on, that is down meanwhile, and that is killed.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tunlog_ingest::{Arrival, FollowConfig, Follower, Position, What};
use tunlog_model::{EveryApp, Payload, RecordRef};

use crate::{Folder, Seen, options};

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn line(n: u32) -> String {
    format!(
        "Nov 19 12:{:02}:{:02} vpn1 pppd[1]: Peer seq{n:06} failed CHAP authentication\n",
        n / 60 % 60,
        n % 60
    )
}

pub(crate) fn write(file: &mut File, from: u32, to: u32) {
    let text: String = (from..to).map(line).collect();
    file.write_all(text.as_bytes()).unwrap();
}

pub(crate) fn append(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}

fn cut(path: &Path) {
    OpenOptions::new().write(true).open(path).unwrap().set_len(0).unwrap();
}

/// Keeps what arrives as a store does: records and positions of an arrival together.
pub(crate) struct Keeper {
    pub(crate) config: FollowConfig,
    follower: Option<Follower>,
    positions: BTreeMap<String, Vec<u8>>,
    pub(crate) kept: Vec<u32>,
    pub(crate) told: Vec<String>,
    pub(crate) lost: Vec<Option<u64>>,
    /// Numbers stand in fields, not in text.
    pub(crate) fields: bool,
    /// After how many more arrivals the process dies, before it commits the next.
    pub(crate) dies_in: Option<usize>,
    wake: (File, std::io::PipeReader),
}

impl Keeper {
    pub(crate) fn new(globs: &[PathBuf]) -> Keeper {
        let (reader, writer) = std::io::pipe().unwrap();
        Keeper {
            config: FollowConfig {
                globs: globs.iter().map(|path| path.display().to_string()).collect(),
                rotate_wait: 0.5,
                ..FollowConfig::default()
            },
            follower: None,
            positions: BTreeMap::new(),
            kept: Vec::new(),
            told: Vec::new(),
            lost: Vec::new(),
            fields: false,
            dies_in: None,
            wake: (File::from(std::os::fd::OwnedFd::from(writer)), reader),
        }
    }

    pub(crate) fn stop(&mut self) {
        self.follower = None;
    }

    fn start(&mut self) -> Follower {
        let saved = self.positions.iter().map(|(key, value)| Position {
            key: key.clone(),
            value: Some(value.clone()),
        });
        Follower::new(&self.config, &options(), saved.collect()).unwrap()
    }

    /// One look; whether there is more.
    pub(crate) fn poll(&mut self) -> bool {
        let mut follower = match self.follower.take() {
            Some(follower) => follower,
            None => self.start(),
        };
        let mut arrivals = Vec::new();
        let more = follower.poll(&mut |arrival| arrivals.push(arrival));
        for arrival in arrivals {
            if let Some(left) = &mut self.dies_in {
                if *left == 0 {
                    self.dies_in = None;
                    return true; // the rest is lost with the process
                }
                *left -= 1;
            }
            self.keep(arrival);
        }
        self.follower = Some(follower);
        more
    }

    fn keep(&mut self, arrival: Arrival) {
        match arrival.what {
            What::Chunk(chunk, framer) => {
                assert!(chunk.bytes.len() <= 512 * 1024);
                let cut = framer.cut(&chunk, &EveryApp, &mut |record: &RecordRef<'_>| {
                    let body = Seen::of(record).body;
                    assert_eq!(self.fields, matches!(record.payload, Payload::Fields(_)), "{body}");
                    if let Some(at) = body.find("seq") {
                        self.kept.push(body[at + 3..at + 9].parse().unwrap());
                    }
                });
                self.told.extend(cut.notes.into_iter().map(|note| note.cause));
            }
            What::Problem(problem) => self.told.push(problem.to_string()),
            What::Lost(count, cause) => {
                self.lost.push(count);
                self.told.push(format!("lost: {cause}"));
            }
            What::Begin(_) | What::Capture(_) | What::Position | What::End => {}
        }
        for position in arrival.positions {
            match position.value {
                Some(value) => self.positions.insert(position.key, value),
                None => self.positions.remove(&position.key),
            };
        }
    }

    pub(crate) fn keep_position(&mut self, key: &str, value: &[u8]) {
        self.positions.insert(key.to_string(), value.to_vec());
    }

    pub(crate) fn wait(&mut self, until: Instant) {
        if let Some(follower) = &mut self.follower {
            follower.wait(Some(until), self.wake.1.as_fd()).unwrap();
        }
    }

    /// Reads until `count` records are kept.
    pub(crate) fn until(&mut self, count: usize) {
        let end = Instant::now() + PATIENCE;
        loop {
            let more = self.poll();
            if self.kept.len() >= count {
                return;
            }
            if Instant::now() >= end {
                let mut missing: Vec<u32> = (0..count as u32).filter(|n| !self.kept.contains(n)).collect();
                missing.truncate(5);
                panic!(
                    "{} of {count} records; missing {missing:?}; told {:?}",
                    self.kept.len(),
                    self.told
                );
            }
            if !more {
                self.wait(end.min(Instant::now() + Duration::from_secs(5)));
            }
        }
    }

    /// Reads on for a while, for what comes twice.
    pub(crate) fn linger(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            if !self.poll() {
                self.wait(end);
            }
        }
    }

    /// All of 0 to `count`, each once.
    pub(crate) fn check(&mut self, count: u32) {
        self.kept.sort_unstable();
        let twice: Vec<_> = self
            .kept
            .windows(2)
            .filter(|pair| pair[0] == pair[1])
            .map(|pair| pair[0])
            .collect();
        assert!(
            twice.is_empty(),
            "{} twice, from {:?}; told {:?}",
            twice.len(),
            twice.first(),
            self.told
        );
        assert_eq!(self.kept, (0..count).collect::<Vec<u32>>(), "told {:?}", self.told);
    }

    /// Nobody was told of a loss either.
    pub(crate) fn check_nothing_lost(&self) {
        assert!(self.lost.is_empty(), "nothing was lost: {:?}", self.told);
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Live,
    Down,
    Killed,
}

/// A step: what the writer does, and how many records are there to be read after it.
type Step<'s> = (Box<dyn FnMut() + 's>, u32);

const N: u32 = 1000;
const H: u32 = 500;

fn run(mode: Mode, keeper: &mut Keeper, steps: Vec<Step<'_>>) {
    // a first start before anything is there, as a daemon does
    keeper.poll();
    let mut last = 0;
    for (number, (mut step, count)) in steps.into_iter().enumerate() {
        if mode == Mode::Down && number > 0 {
            keeper.stop();
        }
        if mode == Mode::Killed {
            keeper.dies_in = Some((number * 7 + last as usize) % 4);
        }
        step();
        last = count;
        if mode != Mode::Down || number == 0 {
            keeper.until(count as usize);
        }
    }
    keeper.until(last as usize);
    if mode == Mode::Killed {
        keeper.stop();
    }
    keeper.linger(Duration::from_millis(1500));
    keeper.check(last);
}

fn each_mode(scenario: impl Fn(Mode) + Sync) {
    std::thread::scope(|scope| {
        for mode in [Mode::Live, Mode::Down, Mode::Killed] {
            let scenario = &scenario;
            scope.spawn(move || scenario(mode));
        }
    });
}

/// The folder, the log in it, and who follows it.
fn place() -> (Folder, PathBuf, Keeper) {
    let folder = Folder::new();
    let path = folder.0.join("vpn.log");
    let keeper = Keeper::new(std::slice::from_ref(&path));
    (folder, path, keeper)
}

pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

#[test]
fn renamed_and_created_with_late_lines() {
    each_mode(|mode| {
        let (_folder, path, mut keeper) = place();
        let steps: Vec<Step<'_>> = vec![
            (Box::new(|| write(&mut append(&path), 0, H)), H),
            (
                Box::new(|| {
                    let mut old = append(&path);
                    fs::rename(&path, beside(&path, ".1")).unwrap();
                    let mut new = append(&path);
                    write(&mut old, H, H + 100);
                    write(&mut new, H + 100, N);
                }),
                N,
            ),
        ];
        run(mode, &mut keeper, steps);
    });
}

#[test]
fn copied_and_cut_off() {
    for quarter in [2, 4] {
        each_mode(|mode| {
            let (_folder, path, mut keeper) = place();
            let first = N / quarter;
            let steps: Vec<Step<'_>> = vec![
                (Box::new(|| write(&mut append(&path), 0, first)), first),
                (
                    Box::new(|| {
                        let mut file = append(&path);
                        write(&mut file, first, first + 20);
                        fs::copy(&path, beside(&path, ".1")).unwrap();
                        cut(&path);
                        write(&mut file, first + 20, N);
                    }),
                    N,
                ),
            ];
            run(mode, &mut keeper, steps);
        });
    }
}

#[test]
fn cut_off_under_a_writer_that_keeps_its_place() {
    each_mode(|mode| {
        let (_folder, path, mut keeper) = place();
        let mut file = File::create(&path).unwrap();
        let mut again = file.try_clone().unwrap();
        let steps: Vec<Step<'_>> = vec![
            (Box::new(|| write(&mut file, 0, H)), H),
            (
                Box::new(|| {
                    fs::copy(&path, beside(&path, ".1")).unwrap();
                    cut(&path);
                    write(&mut again, H, N);
                }),
                N,
            ),
        ];
        run(mode, &mut keeper, steps);
        let hole = line(0).len() * H as usize;
        let told = format!("a hole of {hole} NUL bytes was skipped");
        assert_eq!(
            keeper.told.iter().filter(|other| **other == told).count(),
            1,
            "{:?}",
            keeper.told
        );
    });
}

#[test]
fn deleted_and_made_again() {
    each_mode(|mode| {
        let (_folder, path, mut keeper) = place();
        let steps: Vec<Step<'_>> = vec![
            (Box::new(|| write(&mut append(&path), 0, H)), H),
            (
                Box::new(|| {
                    fs::remove_file(&path).unwrap();
                    write(&mut append(&path), H, H + 10);
                }),
                H + 10,
            ),
            (Box::new(|| write(&mut append(&path), H + 10, N)), N),
        ];
        run(mode, &mut keeper, steps);
    });
}

#[test]
fn half_a_line() {
    each_mode(|mode| {
        let (_folder, path, mut keeper) = place();
        let text = line(H);
        let steps: Vec<Step<'_>> = vec![
            (
                Box::new(|| {
                    let mut file = append(&path);
                    write(&mut file, 0, H);
                    file.write_all(&text.as_bytes()[..30]).unwrap();
                }),
                H,
            ),
            (
                Box::new(|| {
                    let mut file = append(&path);
                    fs::rename(&path, beside(&path, ".1")).unwrap();
                    file.write_all(&text.as_bytes()[30..]).unwrap();
                    write(&mut file, H + 1, N);
                }),
                N,
            ),
        ];
        run(mode, &mut keeper, steps);
    });
}

#[test]
fn a_link_that_is_turned() {
    each_mode(|mode| {
        let (folder, path, mut keeper) = place();
        let (one, two) = (folder.0.join("vpn-1.data"), folder.0.join("vpn-2.data"));
        let steps: Vec<Step<'_>> = vec![
            (
                Box::new(|| {
                    write(&mut append(&one), 0, H);
                    std::os::unix::fs::symlink(&one, &path).unwrap();
                }),
                H,
            ),
            (
                Box::new(|| {
                    write(&mut append(&one), H, H + 10);
                    write(&mut append(&two), H + 10, N);
                    std::os::unix::fs::symlink(&two, beside(&path, ".new")).unwrap();
                    fs::rename(beside(&path, ".new"), &path).unwrap();
                }),
                N,
            ),
        ];
        run(mode, &mut keeper, steps);
    });
}

#[test]
fn the_same_first_bytes() {
    each_mode(|mode| {
        let (folder, _, mut keeper) = place();
        keeper.config.globs = vec![folder.0.join("vpn-*.log").display().to_string()];
        let banner = "# banner\n".repeat(120);
        let make = |number: u32, from: u32, to: u32| {
            let mut file = append(&folder.0.join(format!("vpn-{number}.log")));
            file.write_all(banner.as_bytes()).unwrap();
            write(&mut file, from, to);
        };
        let steps: Vec<Step<'_>> = vec![(Box::new(|| make(0, 0, H)), H), (Box::new(|| make(1, H, N)), N)];
        run(mode, &mut keeper, steps);
    });
}

#[test]
fn faster_rotations_than_looks() {
    each_mode(|mode| {
        let (_folder, path, mut keeper) = place();
        let steps: Vec<Step<'_>> = vec![
            (Box::new(|| {}), 0),
            (
                Box::new(|| {
                    for k in 0..20 {
                        write(&mut append(&path), k * N / 20, (k + 1) * N / 20);
                        if k < 19 {
                            fs::rename(&path, beside(&path, &format!(".{k:02}"))).unwrap();
                        }
                    }
                }),
                N,
            ),
        ];
        run(mode, &mut keeper, steps);
    });
}

#[test]
fn written_anew_in_the_same_size() {
    each_mode(|mode| {
        let (_folder, path, mut keeper) = place();
        let steps: Vec<Step<'_>> = vec![
            (Box::new(|| write(&mut append(&path), 0, H)), H),
            (
                Box::new(|| {
                    let mut file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
                    // in two parts: in between new and old stand side by side
                    write(&mut file, H, H + 100);
                    write(&mut file, H + 100, N);
                }),
                N,
            ),
        ];
        run(mode, &mut keeper, steps);
    });
}

pub(crate) fn pack(from: &Path, to: &Path) {
    let mut packer = flate2::write::GzEncoder::new(File::create(to).unwrap(), flate2::Compression::fast());
    packer.write_all(&fs::read(from).unwrap()).unwrap();
    packer.finish().unwrap();
}

#[test]
fn packed_after_it_was_read_and_before() {
    for late in [0, 70] {
        each_mode(|mode| {
            let (_folder, path, mut keeper) = place();
            let steps: Vec<Step<'_>> = vec![
                (Box::new(|| write(&mut append(&path), 0, H)), H),
                (
                    Box::new(|| {
                        write(&mut append(&path), H, H + late);
                        fs::rename(&path, beside(&path, ".1")).unwrap();
                        write(&mut append(&path), H + late, N);
                    }),
                    N,
                ),
                (
                    Box::new(|| {
                        pack(&beside(&path, ".1"), &beside(&path, ".2.gz"));
                        fs::remove_file(beside(&path, ".1")).unwrap();
                    }),
                    N,
                ),
            ];
            run(mode, &mut keeper, steps);
        });
    }
}

#[test]
fn packed_and_rotated_away_while_nobody_looked() {
    let (_folder, path, mut keeper) = place();
    keeper.poll();
    write(&mut append(&path), 0, 100);
    keeper.until(100);
    keeper.stop();
    for k in 1..5 {
        write(&mut append(&path), k * 100, k * 100 + 100);
        pack(&path, &beside(&path, &format!("-2026111{k}.gz")));
        fs::remove_file(&path).unwrap();
    }
    write(&mut append(&path), 500, 600);
    keeper.until(600);
    let order = keeper.kept.clone();
    assert!(order.is_sorted(), "oldest first");
    keeper.stop();
    keeper.linger(Duration::from_millis(1500));
    keeper.check(600);
}

/// A pattern that names the rotations, too, makes no new log of a copy, not even while it is being written.
#[test]
fn a_copy_that_is_named_and_grows() {
    let (_folder, path, mut keeper) = place();
    keeper.config.globs = vec![format!("{}*", path.display())];
    keeper.poll();
    let mut file = append(&path);
    write(&mut file, 0, H);
    keeper.until(H as usize);
    let mut copy = append(&beside(&path, ".1"));
    keeper.linger(Duration::from_millis(50));
    for part in 0..5 {
        write(&mut copy, part * H / 5, (part + 1) * H / 5);
        keeper.linger(Duration::from_millis(30));
    }
    cut(&path);
    write(&mut file, H, N);
    keeper.until(N as usize);
    keeper.linger(Duration::from_millis(200));
    keeper.check(N);
}
