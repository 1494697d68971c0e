//! Packets from fuzzed bytes: each is a byte of direction and length, and so many bytes.

use std::net::IpAddr;
use std::sync::OnceLock;

use tunlog_analysis::correlate::{Correlator, Options};
use tunlog_decode::{Catalogue, Keep, PacketDecoder};
use tunlog_model::{Content, Entry, Event, EventBatch, PacketRef, RecordTime, SourceId, Stamp};

/// The shipped catalogue.
pub fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(Catalogue::builtin)
}

/// Decodes the packets that `content` makes of each piece of `data`, and joins what they say.
#[allow(dead_code)] // the target for whole files reads its own
pub fn decode<'a>(data: &'a [u8], content: impl Fn(bool, &'a [u8]) -> Content<'a>) {
    let ends = (IpAddr::from([203, 0, 113, 1]), IpAddr::from([198, 51, 100, 1]));
    let mut decoder = PacketDecoder::new(catalogue(), Keep::Events);
    let mut batch = EventBatch::over(0);
    let (mut rest, mut number) = (data, 0);
    while let Some((head, after)) = rest.split_first() {
        let from_client = head & 1 == 0;
        let (bytes, next) = after.split_at(usize::from(head >> 1).min(after.len()));
        rest = next;
        number += 1;
        let packet = PacketRef {
            stamp: Stamp::Instant(number as i64 * 1_000_000),
            number,
            addresses: Some(if from_client { ends } else { (ends.1, ends.0) }),
            content: content(from_client, bytes),
            missing: u32::from(head >> 7),
        };
        decoder.packet(&packet, &mut batch);
    }
    decoder.finish(number, &mut batch);
    join(&batch);
}

/// Reads every field and joins the events into attempts.
pub fn join(batch: &EventBatch) {
    let mut correlator = Correlator::new(Options {
        evidence: true,
        ..Options::default()
    });
    for entry in &batch.entries {
        let Entry::Event(raw) = entry else { continue };
        let Stamp::Instant(micros) = raw.stamp else { continue };
        let time = RecordTime {
            micros,
            assumed: Default::default(),
        };
        let event = Event::new(batch, raw, time, SourceId(0));
        for (field, _) in event.fields() {
            let _ = event.text(*field);
        }
        correlator.observe(&event);
    }
    correlator.finish();
    let _ = correlator.closed().count();
}
