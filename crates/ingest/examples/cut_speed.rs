//! Cuts files and says how long that took: `cargo run --release -p tunlog-ingest --example cut_speed -- FILE… [--all|--show]`.

use std::path::PathBuf;
use std::time::Instant;

use tunlog_ingest::{Options, Source, discover};
use tunlog_model::{AppFilter, EveryApp, Payload, RecordRef};

struct Vpn;

impl AppFilter for Vpn {
    fn wants(&self, app: &[u8]) -> bool {
        matches!(
            app,
            b"pppd" | b"pptpd" | b"xl2tpd" | b"charon" | b"kernel" | b"radiusd" | b""
        )
    }
}

fn main() {
    let show = std::env::args().any(|arg| arg == "--show");
    let all = show || std::env::args().any(|arg| arg == "--all");
    let filter: &dyn AppFilter = if all { &EveryApp } else { &Vpn };
    let paths: Vec<PathBuf> = std::env::args_os()
        .skip(1)
        .filter(|arg| *arg != "--all" && *arg != "--show")
        .map(PathBuf::from)
        .collect();
    let begun = Instant::now();
    let found = discover(&paths, false);
    for problem in &found.problems {
        eprintln!("{:?} {problem}", problem.kind);
    }
    eprintln!("discover {:?}", begun.elapsed());
    let options = Options::default();
    for spec in &found.specs {
        let begun = Instant::now();
        let mut source = match Source::open(spec, &options) {
            Ok(source) => source,
            Err(problem) => {
                eprintln!("{:?} {problem}", problem.kind);
                continue;
            }
        };
        let opened = begun.elapsed();
        let (framer, mut clock) = (source.framer(), source.clock());
        let (mut records, mut lines, mut bytes, mut sum) = (0_u64, 0_u64, 0_usize, 0_i64);
        let mut cutting = std::time::Duration::ZERO;
        let mut buffer = Vec::new();
        loop {
            let chunk = match source.next_chunk(std::mem::take(&mut buffer)) {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(problem) => {
                    eprintln!("{:?} {problem}", problem.kind);
                    continue;
                }
            };
            let start = Instant::now();
            let mut each = |record: &RecordRef<'_>| {
                records += 1;
                let time = clock.resolve(record.stamp);
                sum = sum.wrapping_add(time.micros);
                if show {
                    print(record, time, lines);
                }
            };
            let cut = if all {
                framer.cut(&chunk, filter, &mut each)
            } else {
                framer.cut(&chunk, &Vpn, &mut each)
            };
            cutting += start.elapsed();
            for note in &cut.notes {
                eprintln!("Note {}", note.problem(&spec.name, lines));
            }
            lines += cut.lines;
            bytes += chunk.bytes.len();
            buffer = chunk.bytes;
        }
        for problem in source.problems() {
            eprintln!("{:?} {problem}", problem.kind);
        }
        eprintln!(
            "{} set {}: {bytes} bytes, {lines} lines, {records} records, open {opened:?}, cut+clock {cutting:?}, all {:?} ({sum})",
            spec.name,
            spec.set,
            begun.elapsed()
        );
    }
}

fn print(record: &RecordRef<'_>, time: tunlog_model::RecordTime, before: u64) {
    let stamp = jiff::Timestamp::from_microsecond(time.micros)
        .map(|t| t.to_string())
        .unwrap_or_default();
    let words: Vec<_> = time.assumed.words().collect();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).escape_debug().to_string();
    let body = match record.payload {
        Payload::Text(body) => text(body),
        Payload::Fields(fields) => format!("{} fields", fields.len()),
        other => format!("{other:?}"),
    };
    println!(
        "{} {stamp} {words:?} host={} app={} pid={} sev={:?} trusted={} | {body}",
        before + record.line,
        text(record.host),
        text(record.app),
        record.pid,
        record.severity,
        record.trusted
    );
}
