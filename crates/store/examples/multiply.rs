//! Makes a large store of a small one: its records again and again, each time later, through the store's own interface, as a
//! daemon would have kept them. For `bench/restart.py`.
//!
//!     cargo run --release -p tunlog-store --example multiply -- FROM TO TIMES

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use tunlog_store::{Counts, Loaded, NewSource, Options, Reader, Store, StoreError};

/// Between two rounds, microseconds.
const APART: i64 = 1_000_000;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [from, to, times] = &args[..] else {
        eprintln!("multiply FROM TO TIMES");
        std::process::exit(2);
    };
    let ended = match times.parse() {
        Ok(times) => multiply(&PathBuf::from(from), &PathBuf::from(to), times),
        Err(error) => {
            eprintln!("{times}: {error}");
            std::process::exit(2);
        }
    };
    match ended {
        Ok(records) => println!("{records}"),
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    }
}

fn multiply(from: &std::path::Path, to: &std::path::Path, times: u64) -> Result<u64, StoreError> {
    let mut reader = Reader::open(from)?;
    let mut parts: Vec<(u64, Arc<Loaded>)> = Vec::new();
    let sources = reader.sources()?;
    for source in &sources {
        for part in reader.parts(source.id)? {
            parts.push((source.id, reader.load(part)?));
        }
    }
    let all = |source: &u64| sources.iter().find(|known| known.id == *source);
    let first = sources.iter().filter_map(|source| source.counts.first).min();
    let last = sources.iter().filter_map(|source| source.counts.last).max();
    let (first, last) = (first.unwrap_or_default(), last.unwrap_or_default());
    let span = last - first + APART;
    // the last round ends where the first store does
    let began = first - span * (times as i64 - 1);
    Store::create(to, "bench/tunlog", began)?;
    let mut store = Store::open(to, Options::default())?;
    let mut known: HashMap<u64, (u64, u64)> = HashMap::new();
    for source in &sources {
        let new = store.add_source_of_set(NewSource {
            name: source.name.clone(),
            set: source.name.clone(),
            run: 1,
            ..NewSource::default()
        })?;
        known.insert(source.id, new);
    }
    for round in 0..times {
        let later = began - first + span * round as i64;
        for (source, part) in &parts {
            let (to_source, to_set) = known.get(source).copied().unwrap_or_default();
            let lines = all(source).map_or(0, |source| source.lines);
            let mut counts = Counts::default();
            for mut record in part.records(*source, 0) {
                record.time = record.time.map(|time| time + later);
                record.id ^= round.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                (record.source, record.set) = (to_source, to_set);
                record.line += round * lines;
                store.add(&mut record);
                (counts.read, counts.stored) = (counts.read + 1, counts.stored + 1);
                let now = record.time.unwrap_or(began);
                if store.is_due(now) {
                    store.close(now, false)?;
                }
            }
            store.count(to_source, &counts);
            store.position(to_source, (round + 1) * lines);
        }
    }
    store.close(last, false)?;
    Ok(store.next_seq())
}
