//! What a witness has seen beside what the store has.

use std::path::Path;

use super::{Seen, seen};
use crate::verify::{Chain, Report};

/// Compares what a witness has seen with what the store has.
pub(crate) fn compare(path: &Path, chain: &Chain<'_>, report: &mut Report) {
    let name = path.display().to_string();
    let seen = match seen(path) {
        Ok(seen) => seen,
        Err(error) => return report.unjudged.push(format!("witness {name}: {}", error.cause)),
    };
    let (mut newest, mut unsigned) = (0, 0_u64);
    for seen in &seen {
        let (number, hash) = match seen {
            Seen::Note(number, hash) => (*number, *hash),
            // a server hears of many logs, and anybody can send it lines
            Seen::Told(told) if chain.newest().is_none_or(|newest| newest.origin != told.origin) => continue,
            Seen::Told(told) => match chain.key_of(told.epoch) {
                Some(key) if !told.is_signed_by(key) => {
                    unsigned += 1;
                    continue;
                }
                _ => (told.number, told.note),
            },
        };
        match chain.hashes.get(&number) {
            Some(known) if *known == hash => newest = newest.max(number),
            Some(_) => report.changed.push(format!(
                "witness {name} saw another checkpoint {number}: there were two stories"
            )),
            None if chain.is_cut => {} // it may be behind the one that cannot be read
            None => report.missing.push(format!(
                "witness {name} saw checkpoint {number}, which the store does not have any more"
            )),
        }
    }
    if unsigned > 0 {
        report.notes.push(format!(
            "witness {name}: {unsigned} lines about this log are not signed by it and do not count"
        ));
    }
    if newest == 0 {
        return; // one that has seen nothing is no witness
    }
    let last = chain.hashes.len() as u64;
    let behind = match last.saturating_sub(newest) {
        0 => String::new(),
        1 => format!("; checkpoint {last} not yet seen"),
        more => format!("; the last {more} not yet seen"),
    };
    report
        .witnesses
        .push(format!("{name}: same note at checkpoint {newest}{behind}"));
}
