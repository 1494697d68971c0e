//! Follows files for some seconds and appends their lines and positions to a file, a mark behind each arrival:
//! `follow SECONDS KEPT GLOB…`. Started again with the same file it goes on behind the last mark, whatever ended it. For
//! `rotation_writer.py --check KEPT`.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use tunlog_ingest::{FollowConfig, Follower, Options, Position, What};

/// Stands behind everything of an arrival.
const MARK: &[u8] = b"#kept\n";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let seconds = args.next().ok_or("follow SECONDS KEPT GLOB…")?.parse()?;
    let path = args.next().ok_or("follow SECONDS KEPT GLOB…")?;
    let config = FollowConfig {
        globs: args.collect(),
        ..FollowConfig::default()
    };
    let mut kept = OpenOptions::new().create(true).append(true).open(&path)?;
    let mut before = std::fs::read(&path)?;
    // a process may be killed in the middle of a write
    let whole = before.windows(MARK.len()).rposition(|bytes| bytes == MARK);
    before.truncate(whole.map_or(0, |at| at + MARK.len()));
    kept.set_len(before.len() as u64)?;
    let mut follower = Follower::new(&config, &Options::default(), positions(&before))?;
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let (never, _open) = std::io::pipe()?;
    while Instant::now() < end {
        let more = follower.poll(&mut |arrival| {
            let mut bytes = Vec::new();
            match arrival.what {
                What::Chunk(chunk, _) => bytes = chunk.bytes,
                What::Problem(problem) => eprintln!("{:?} {problem}", problem.kind),
                What::Lost(count, cause) => eprintln!("lost {count:?}: {cause}"),
                _ => {}
            }
            for position in arrival.positions {
                let value = position.value.unwrap_or_default();
                bytes.extend_from_slice(format!("@{}\t{}\n", position.key, String::from_utf8_lossy(&value)).as_bytes());
            }
            bytes.extend_from_slice(MARK);
            if let Err(error) = kept.write_all(&bytes) {
                eprintln!("{path}: {error}");
            }
        });
        if !more {
            follower.wait(Some(end), never.as_fd())?;
        }
    }
    Ok(())
}

/// The last position of each key.
fn positions(kept: &[u8]) -> Vec<Position> {
    let mut last = BTreeMap::new();
    for line in kept.split(|byte| *byte == b'\n') {
        let Some((key, value)) = line
            .strip_prefix(b"@")
            .and_then(|line| std::str::from_utf8(line).ok()?.split_once('\t'))
        else {
            continue;
        };
        last.insert(key.to_string(), (!value.is_empty()).then(|| value.as_bytes().to_vec()));
    }
    last.into_iter().map(|(key, value)| Position { key, value }).collect()
}
