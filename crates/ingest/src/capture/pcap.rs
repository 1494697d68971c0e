//! The classic format: a header of 24 bytes, then records (draft-ietf-opsawg-pcap).

use tunlog_model::Stamp;

use super::PACKET_BYTES_MAX;
use super::file::{Frame, Order, Record, Step};

/// Length of the file's header.
const HEADER_BYTES: usize = 24;

/// What the file's header said.
#[derive(Default)]
pub(super) struct Pcap {
    begun: bool,
    order: Order,
    /// Stamps count nanoseconds.
    nanos: bool,
    /// Records have a header of 24 bytes instead of 16 (Kuznetzov's libpcap).
    long: bool,
    link: u16,
}

impl Pcap {
    pub fn step(&self, bytes: &[u8]) -> Step {
        if !self.begun {
            return match bytes.len() {
                HEADER_BYTES.. => Step::Whole(HEADER_BYTES),
                _ => Step::Needs(HEADER_BYTES),
            };
        }
        let header = self.record_header();
        if bytes.len() < header {
            return Step::Needs(header);
        }
        let kept = self.order.u32(bytes, 8) as usize;
        if kept > PACKET_BYTES_MAX {
            return Step::Stop(format!(
                "a record claims {kept} bytes, over the limit of {PACKET_BYTES_MAX} that a packet can have"
            ));
        }
        match bytes.len() - header {
            at_hand if at_hand >= kept => Step::Whole(header + kept),
            _ => Step::Needs(header + kept),
        }
    }

    pub fn record<'a>(&mut self, bytes: &'a [u8]) -> Record<'a> {
        if !self.begun {
            self.begin(bytes);
            return Record::Nothing;
        }
        let order = self.order;
        let (seconds, part) = (i64::from(order.u32(bytes, 0)), i64::from(order.u32(bytes, 4)));
        let micros = if self.nanos { part / 1000 } else { part };
        Record::Packet(Frame {
            link: self.link,
            stamp: Stamp::Instant(seconds * 1_000_000 + micros),
            original: order.u32(bytes, 12),
            bytes: &bytes[self.record_header()..],
        })
    }

    fn record_header(&self) -> usize {
        if self.long { 24 } else { 16 }
    }

    fn begin(&mut self, bytes: &[u8]) {
        let magic = Order::Little.u32(bytes, 0);
        let (order, magic) = match magic {
            0xa1b2_c3d4 | 0xa1b2_3c4d | 0xa1b2_cd34 => (Order::Little, magic),
            _ => (Order::Big, magic.swap_bytes()),
        };
        *self = Pcap {
            begun: true,
            order,
            nanos: magic == 0xa1b2_3c4d,
            long: magic == 0xa1b2_cd34,
            // the upper bits tell of checksums behind the frame
            link: (order.u32(bytes, 20) & 0xffff) as u16,
        };
    }
}
