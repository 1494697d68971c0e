//! A packet capture: read, put together and decoded in one go, because every packet may need those before it.

use tunlog_decode::{Catalogue, Exposed, Keep, PacketDecoder, TunnelPackets};
use tunlog_ingest::{Capture, Problem, Source};
use tunlog_model::EventBatch;

/// A capture that is being read.
pub(crate) struct Packets {
    name: String,
    capture: Capture,
    decoder: PacketDecoder,
    /// The bytes of a chunk; kept for the next one.
    buffer: Vec<u8>,
    over: bool,
}

impl Packets {
    /// A capture of which nothing was read.
    pub fn new(name: &str, capture: Capture, catalogue: &Catalogue, keep: Keep) -> Packets {
        Packets {
            name: name.to_owned(),
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
            problems.extend(exposure(self.decoder.exposed()).map(|cause| Problem::note(&self.name, cause)));
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

/// A capture that comes piece by piece, cut anywhere.
pub(crate) struct LivePackets {
    capture: Capture,
    decoder: PacketDecoder,
}

impl LivePackets {
    /// A capture of which nothing came yet.
    pub fn new(name: &str, catalogue: &Catalogue, keep: Keep) -> LivePackets {
        LivePackets {
            capture: Capture::new(name),
            decoder: PacketDecoder::new(catalogue, keep),
        }
    }

    /// The events of the next piece, numbered from its first packet on, and what is to be told.
    pub fn push(&mut self, bytes: &[u8]) -> (EventBatch, Vec<Problem>) {
        let mut batch = EventBatch::over(0);
        let decoder = &mut self.decoder;
        batch.lines = self.capture.feed(bytes, 0, &TunnelPackets, &mut |packet| {
            decoder.packet(packet, &mut batch)
        });
        (batch, self.capture.problems())
    }

    /// What the capture's end makes of it.
    pub fn end(&mut self) -> (EventBatch, Vec<Problem>) {
        let mut batch = EventBatch::over(0);
        self.capture.end();
        self.decoder.finish(0, &mut batch);
        (batch, self.capture.problems())
    }
}

/// What a capture gives away, in words: who has the file has the logins. None if it gives nothing away.
fn exposure(exposed: Exposed) -> Option<String> {
    let passwords = match exposed.passwords {
        0 => None,
        1 => Some("a password in the clear (PAP)".to_owned()),
        count => Some(format!("{count} passwords in the clear (PAP)")),
    };
    let exchanges = match exposed.exchanges {
        0 => None,
        1 => Some(
            "a login with challenge and response (CHAP, MS-CHAP), from which its password can be searched for offline"
                .to_owned(),
        ),
        count => Some(format!(
            "{count} logins with challenge and response (CHAP, MS-CHAP), from which their passwords can be searched for offline"
        )),
    };
    let what: Vec<String> = [passwords, exchanges].into_iter().flatten().collect();
    (!what.is_empty()).then(|| {
        format!(
            "holds exposed credentials: {}; keep the capture secret and have these passwords changed",
            what.join(", and ")
        )
    })
}
