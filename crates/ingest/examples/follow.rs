//! Follows files for some seconds and prints their lines: `follow SECONDS FILE…`, for `rotation_writer.py --check`.

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tunlog_ingest::{Options, SourceKind, SourceSpec, Tail};

fn main() {
    let mut args = std::env::args_os().skip(1);
    let seconds = args.next().and_then(|word| word.to_str()?.parse().ok()).unwrap_or(5);
    let specs: Vec<SourceSpec> = args
        .map(PathBuf::from)
        .enumerate()
        .map(|(set, path)| SourceSpec::new(path.display().to_string(), set, SourceKind::File(path)))
        .collect();
    let mut tail = Tail::new(&specs, &Options::default());
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut out = std::io::stdout().lock();
    while Instant::now() < end {
        match tail.poll() {
            Ok(parts) => {
                for part in parts {
                    if out.write_all(&part.chunk.bytes).is_err() {
                        return;
                    }
                }
            }
            Err(problem) => eprintln!("{problem}"),
        }
        for problem in tail.problems() {
            eprintln!("{:?} {problem}", problem.kind);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
