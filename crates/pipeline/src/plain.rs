//! Every record of every log, whoever wrote it, with its time and nothing else understood: for whoever looks for an address in
//! the logs of services that tunlog does not know.

use std::ops::ControlFlow;

use tunlog_ingest::framing::foreign;
use tunlog_ingest::{Discovered, Options, Problem, Source, SourceSpec};
use tunlog_model::{EveryApp, RecordTime, SourceId, Stamp};

/// A record of any program.
#[derive(Clone, Copy, Debug)]
pub struct PlainRecord<'a> {
    /// Which source.
    pub source: SourceId,
    /// 1-based line or record number.
    pub line: u64,
    /// When; that of the record before where it has no stamp of its own.
    pub time: RecordTime,
    /// Host, empty if the record does not say.
    pub host: &'a [u8],
    /// Program, empty if the record does not say.
    pub program: &'a [u8],
    /// The whole record.
    pub raw: &'a [u8],
}

/// Hands every record to `each`, one source after the other, each in the order of its file. Captures hold no records and are
/// passed over. Answers what went wrong.
pub fn plain(
    found: &Discovered,
    options: &Options,
    each: &mut dyn FnMut(&PlainRecord<'_>) -> ControlFlow<()>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (number, spec) in found.specs.iter().enumerate() {
        if one(SourceId(number as u32), spec, options, each, &mut problems).is_break() {
            break;
        }
    }
    problems
}

fn one(
    id: SourceId,
    spec: &SourceSpec,
    options: &Options,
    each: &mut dyn FnMut(&PlainRecord<'_>) -> ControlFlow<()>,
    problems: &mut Vec<Problem>,
) -> ControlFlow<()> {
    let mut source = match Source::open(spec, options) {
        Ok(source) => source,
        Err(problem) => {
            problems.push(problem);
            return ControlFlow::Continue(());
        }
    };
    if source.capture().is_some() {
        return ControlFlow::Continue(());
    }
    let mut clock = source.clock();
    let framer = source.framer();
    let mut lines_before = 0;
    let mut buffer = Vec::new();
    loop {
        let chunk = match source.next_chunk(std::mem::take(&mut buffer)) {
            Ok(Some(chunk)) => chunk,
            Ok(None) => break,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        let mut flow = ControlFlow::Continue(());
        let cut = framer.cut(&chunk, &EveryApp, &mut |record| {
            if flow.is_break() {
                return;
            }
            let stamp = match record.stamp {
                Stamp::Missing => foreign::stamp(record.raw),
                stamp => stamp,
            };
            flow = each(&PlainRecord {
                source: id,
                line: lines_before + record.line,
                time: clock.resolve(stamp),
                host: record.host,
                program: record.app,
                raw: record.raw,
            });
        });
        flow?;
        lines_before += cut.lines;
        buffer = chunk.bytes;
    }
    problems.extend(source.problems());
    ControlFlow::Continue(())
}
