//! A packet capture: read, put together and decoded in one go, because every packet may need those before it.

use tunlog_decode::{Catalogue, Keep, PacketDecoder, TunnelPackets};
use tunlog_ingest::{Capture, Problem, Source};
use tunlog_model::EventBatch;

/// A capture that is being read.
pub(crate) struct Packets {
    capture: Capture,
    decoder: PacketDecoder,
    /// The bytes of a chunk; kept for the next one.
    buffer: Vec<u8>,
    over: bool,
}

impl Packets {
    /// A capture of which nothing was read.
    pub fn new(capture: Capture, catalogue: &Catalogue, keep: Keep) -> Packets {
        Packets {
            capture,
            decoder: PacketDecoder::new(catalogue, keep),
            buffer: Vec::new(),
            over: false,
        }
    }

    /// The events of the next stretch, with what went wrong added to `problems`; None at the end.
    pub fn next(&mut self, source: &mut Source, problems: &mut Vec<Problem>) -> Option<EventBatch> {
        if self.over {
            return None;
        }
        let mut batch = EventBatch::over(0);
        let mut packets = 0;
        // stretches without an event of ours are passed over here: a batch for each would only be handed around
        while batch.entries.is_empty() && !self.over {
            match source.next_chunk(std::mem::take(&mut self.buffer)) {
                Ok(Some(chunk)) => {
                    self.feed(&chunk.bytes, packets, &mut batch);
                    packets = batch.lines;
                    self.buffer = chunk.bytes;
                    self.over = self.capture.is_over();
                }
                Ok(None) => {
                    self.capture.end();
                    self.over = true;
                }
                Err(problem) => problems.push(problem),
            }
        }
        if self.over {
            self.decoder.finish(batch.lines, &mut batch);
        }
        problems.extend(self.capture.problems());
        Some(batch)
    }

    /// Decodes a chunk into a batch that holds `before` packets already.
    fn feed(&mut self, bytes: &[u8], before: u64, batch: &mut EventBatch) {
        let decoder = &mut self.decoder;
        batch.lines = self.capture.feed(bytes, before, &TunnelPackets, &mut |packet| {
            decoder.packet(packet, batch)
        });
    }
}
