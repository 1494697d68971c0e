//! Records from the newest back, whether they are sealed or not.

use super::{Folder, NOW, add, three};
use crate::backwards::Period;
use crate::options::Options;
use crate::reader::Reader;
use crate::store::Store;

/// The numbers from one on back, at most so many.
fn numbers(reader: &mut Reader, before: u64, period: Period, most: usize) -> Vec<u64> {
    let mut found = Vec::new();
    let read = reader.backwards(before, period, &mut |record| {
        assert_eq!(
            record.raw,
            format!("Nov 20 vpn pppd[7]: number {}", record.seq).as_bytes()
        );
        found.push(record.seq);
        found.len() < most
    });
    read.expect("records");
    found
}

#[test]
fn every_record_comes_once_the_newest_first() {
    let folder = Folder::new();
    let path = folder.join("store");
    three(&path, Options::default());
    let mut store = Store::open(&path, Options::default()).expect("the store");
    for part in 3..5 {
        add(&mut store, part * 100..part * 100 + 100);
        store.commit(NOW).expect("a commit");
    }
    drop(store);
    let mut reader = Reader::open(&path).expect("a reader");
    let all: Vec<u64> = (0..500).rev().collect();
    let any = Period::default();
    assert_eq!(numbers(&mut reader, u64::MAX, any, usize::MAX), all);
    let mut paged = Vec::new();
    let mut before = u64::MAX;
    loop {
        let page = numbers(&mut reader, before, any, 37);
        let Some(last) = page.last() else { break };
        before = *last;
        paged.extend(page);
    }
    assert_eq!(paged, all);
    assert_eq!(numbers(&mut reader, 0, any, 1), <[u64; 0]>::default());
    // of a period: what a look at all finds
    let mut times = Vec::new();
    let read = reader.backwards(u64::MAX, any, &mut |record| {
        times.push((record.seq, record.time));
        true
    });
    read.expect("records");
    let middle = times[250].1.expect("a time");
    for period in [
        Period {
            since: Some(middle),
            until: None,
        },
        Period {
            since: None,
            until: Some(middle),
        },
        Period {
            since: Some(middle),
            until: Some(middle),
        },
    ] {
        let expected: Vec<u64> = times
            .iter()
            .filter(|(_, time)| period.holds(*time))
            .map(|(seq, _)| *seq)
            .collect();
        assert!(!expected.is_empty() && expected.len() < 500, "{period:?}");
        assert_eq!(numbers(&mut reader, u64::MAX, period, usize::MAX), expected);
    }
}
