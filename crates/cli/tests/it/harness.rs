//! Runs the binary in a folder of its own.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder that is gone when the test is.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("tunlog-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary folder");
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file; lines may be indented as the test is.
    pub fn log(&self, name: &str, lines: &str) -> PathBuf {
        self.bytes(name, flat(lines).as_bytes())
    }

    pub fn bytes(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).expect("a file");
        path
    }

    pub fn append(&self, name: &str, lines: &str) {
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.0.join(name))
            .expect("a file");
        file.write_all(flat(lines).as_bytes()).expect("room on the disk");
    }

    /// The binary, in this folder, with an environment of ours.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tunlog"));
        command.args(args).current_dir(&self.0).env_clear();
        command
            .envs([("TZ", "UTC"), ("XDG_CONFIG_HOME", "/nonexistent")])
            .env("XDG_STATE_HOME", self.0.join(".state"))
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().expect("the binary runs"))
    }

    /// Runs with a log named `syslog` and the year 2026.
    pub fn over(lines: &str, args: &[&str]) -> Ran {
        let folder = Folder::new();
        folder.log("syslog", lines);
        folder.run(&[args, &["--year", "2026", "syslog"]].concat())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Lines without their indentation and without the first and last empty line.
pub fn flat(lines: &str) -> String {
    let lines: Vec<&str> = lines.lines().map(str::trim_start).collect();
    let lines = lines.join("\n");
    let lines = lines.trim_matches('\n');
    if lines.is_empty() {
        String::new()
    } else {
        format!("{lines}\n")
    }
}

/// What a run came to.
#[derive(Debug)]
pub struct Ran {
    pub out: String,
    pub err: String,
    pub code: Option<i32>,
}

impl Ran {
    pub fn of(output: Output) -> Ran {
        Ran {
            out: String::from_utf8(output.stdout).expect("output is UTF-8"),
            err: String::from_utf8(output.stderr).expect("messages are UTF-8"),
            code: output.status.code(),
        }
    }

    /// The output of a run that succeeded.
    pub fn good(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self.out
    }

    /// The line of the output that holds a text.
    pub fn line(&self, with: &str) -> String {
        let found = self.out.lines().find(|line| line.contains(with));
        found
            .unwrap_or_else(|| panic!("no line with {with} in\n{}{}", self.out, self.err))
            .to_owned()
    }
}
