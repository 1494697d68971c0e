//! Logs in which no program is known: says whose lines they are, because an empty answer alone would look like peace.

use tunlog_ingest::{Options, Source, SourceKind, SourceSpec};
use tunlog_model::{EveryApp, text};

/// Logs that are looked at again.
const LOGS_MAX: usize = 3;
/// Programs that are named.
const PROGRAMS_MAX: usize = 6;

/// What to say of a run that met no line of a program that is known, and `records` lines that name none; `None` if there was no
/// line at all, or lines that name a program, and so were known.
pub fn told(specs: &[SourceSpec], options: &Options, records: u64) -> Option<String> {
    let mut names: Vec<String> = Vec::new();
    let mut lines = false;
    let files = specs.iter().filter(|spec| matches!(spec.kind, SourceKind::File(_)));
    for spec in files.take(LOGS_MAX) {
        lines |= programs(spec, options, &mut names);
    }
    if !lines || (records > 0 && !names.is_empty()) {
        return None;
    }
    let seen = match names.is_empty() {
        true => "their lines name no program".to_owned(),
        false => format!("they begin with lines of {}", names.join(", ")),
    };
    Some(format!(
        "no line of a program that is known; {seen} (`tunlog explain --list` names the dialects that are known)"
    ))
}

/// Adds the programs at the beginning of a log; whether it has lines.
fn programs(spec: &SourceSpec, options: &Options, names: &mut Vec<String>) -> bool {
    let Ok(mut source) = Source::open(spec, options) else {
        return false;
    };
    let Ok(Some(chunk)) = source.next_chunk(Vec::new()) else {
        return false;
    };
    source.framer().cut(&chunk, &EveryApp, &mut |record| {
        let name = text::lossy(record.app);
        if !name.is_empty() && names.len() < PROGRAMS_MAX && !names.iter().any(|known| *known == name) {
            names.push(text::visible(&name).into_owned());
        }
    });
    !chunk.bytes.is_empty()
}
