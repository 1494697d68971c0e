//! Whatever is done to a log, and whenever the reader stops or dies: each line comes once.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;

use crate::Folder;
use crate::follow::{Keeper, append, beside, line, pack, write};

#[derive(Clone, Debug)]
enum Act {
    Append(u32),
    /// Half a line, to be finished by the next one.
    Half,
    /// `vpn.log.1` becomes `vpn.log.2`, and so on; the writer goes on in the old file for some lines.
    Rename(u32),
    CopyAndCut,
    /// The newest rotation is packed.
    Pack,
    /// What was read is deleted, and made again.
    Recreate,
    /// What was read is overwritten in place, without being cut first.
    Overwrite,
    Look,
    Stop,
    /// Dies so many arrivals from now.
    Die(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (1u32..150).prop_map(Act::Append),
        1 => Just(Act::Half),
        3 => (0u32..5).prop_map(Act::Rename),
        3 => Just(Act::CopyAndCut),
        1 => Just(Act::Pack),
        1 => Just(Act::Recreate),
        1 => Just(Act::Overwrite),
        4 => Just(Act::Look),
        2 => Just(Act::Stop),
        3 => (0usize..4).prop_map(Act::Die),
    ]
}

struct World {
    _folder: Folder,
    path: PathBuf,
    writer: File,
    keeper: Keeper,
    written: u32,
    half: bool,
}

impl World {
    fn new() -> World {
        let folder = Folder::new();
        let path = folder.0.join("vpn.log");
        let mut keeper = Keeper::new(std::slice::from_ref(&path));
        keeper.poll();
        World {
            writer: append(&path),
            path,
            _folder: folder,
            keeper,
            written: 0,
            half: false,
        }
    }

    fn append(&mut self, count: u32) {
        let mut from = self.written;
        if std::mem::take(&mut self.half) {
            self.writer.write_all(&line(from).as_bytes()[40..]).unwrap();
            from += 1;
        }
        write(&mut self.writer, from, from + count);
        self.written = from + count;
    }

    /// The numbers of the rotations move up by one.
    fn shift(&self) {
        for number in (1..40).rev() {
            for suffix in ["", ".gz"] {
                let old = beside(&self.path, &format!(".{number}{suffix}"));
                if old.exists() {
                    fs::rename(old, beside(&self.path, &format!(".{}{suffix}", number + 1))).unwrap();
                }
            }
        }
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Append(count) => self.append(count),
            Act::Half if !self.half => {
                self.half = true;
                self.writer.write_all(&line(self.written).as_bytes()[..40]).unwrap();
            }
            Act::Half => {}
            Act::Rename(late) => {
                self.shift();
                fs::rename(&self.path, beside(&self.path, ".1")).unwrap();
                let new = append(&self.path);
                self.append(late); // and finishes a half line
                self.writer = new;
            }
            Act::CopyAndCut => {
                self.append(0);
                self.shift();
                fs::copy(&self.path, beside(&self.path, ".1")).unwrap();
                self.writer.set_len(0).unwrap();
            }
            Act::Pack => {
                let plain = beside(&self.path, ".1");
                if plain.exists() {
                    pack(&plain, &beside(&self.path, ".1.gz"));
                    fs::remove_file(plain).unwrap();
                }
            }
            Act::Recreate => {
                self.catch_up();
                fs::remove_file(&self.path).unwrap();
                self.writer = append(&self.path);
            }
            Act::Overwrite => {
                self.catch_up();
                let count = u32::try_from(fs::metadata(&self.path).unwrap().len() / line(0).len() as u64).unwrap();
                let mut over = OpenOptions::new().write(true).open(&self.path).unwrap();
                write(&mut over, self.written, self.written + count);
                self.written += count;
            }
            Act::Look => {
                self.keeper.poll();
            }
            Act::Stop => self.keeper.stop(),
            Act::Die(left) => self.keeper.dies_in = Some(left),
        }
    }

    fn catch_up(&mut self) {
        self.append(0);
        self.keeper.dies_in = None;
        self.keeper.until(self.written as usize);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_line_comes_once(acts in proptest::collection::vec(act(), 1..25)) {
        let mut world = World::new();
        for act in &acts {
            world.act(act);
        }
        world.catch_up();
        world.keeper.stop();
        world.keeper.linger(Duration::from_millis(250));
        world.keeper.check(world.written);
        // a file that was deleted or overwritten while nobody looked may have held more; a copy shows all that there was
        if !acts.iter().any(|act| matches!(act, Act::Recreate | Act::Overwrite)) {
            world.keeper.check_nothing_lost();
        }
    }
}
