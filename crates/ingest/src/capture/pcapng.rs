//! pcapng: blocks, sections and interfaces (draft-ietf-opsawg-pcapng).

use tunlog_model::Stamp;

use super::PACKET_BYTES_MAX;
use super::file::{Frame, Order, Record, Step};

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
/// The old packet block, which some tools still write.
const PACKET: u32 = 2;
const SIMPLE: u32 = 3;
const STATISTICS: u32 = 5;
const ENHANCED: u32 = 6;

/// Most bytes of a block that is looked into: a packet and its options.
const BLOCK_BYTES_MAX: usize = PACKET_BYTES_MAX + 65_536;

/// Most interfaces of a section; the next ones are treated as unknown.
const INTERFACES_MAX: usize = 4096;

/// An interface that was announced.
#[derive(Clone, Copy)]
struct Interface {
    link: u16,
    /// How many units a second its stamps count; None where it says something impossible.
    units: Option<u64>,
    /// Seconds to add to them.
    offset: i64,
    /// Bytes of a packet that it keeps, 0 for all.
    kept: u32,
    /// It contradicts itself: its packets are kept by its link type.
    lost: u64,
}

/// What the section's header and interfaces said.
#[derive(Default)]
pub(super) struct Pcapng {
    order: Order,
    interfaces: Vec<Interface>,
}

impl Pcapng {
    pub fn step(&mut self, bytes: &[u8]) -> Step {
        if bytes.len() < 12 {
            return Step::Needs(12);
        }
        if Order::Little.u32(bytes, 0) == SECTION {
            match Order::Little.u32(bytes, 8) {
                0x1a2b_3c4d => self.order = Order::Little,
                0x4d3c_2b1a => self.order = Order::Big,
                magic => {
                    return Step::Stop(format!(
                        "a section whose byte-order magic is {magic:#010x}, not 0x1a2b3c4d"
                    ));
                }
            }
        }
        let (kind, total) = (self.order.u32(bytes, 0), self.order.u32(bytes, 4) as usize);
        if total < 12 || !total.is_multiple_of(4) {
            return Step::Stop(format!(
                "a block of type {kind:#x} claims a length of {total} bytes, which no block can have"
            ));
        }
        if total > BLOCK_BYTES_MAX {
            return match kind {
                SECTION | INTERFACE | PACKET | SIMPLE | STATISTICS | ENHANCED => Step::Stop(format!(
                    "a block of type {kind:#x} claims {total} bytes, over the limit of {BLOCK_BYTES_MAX}"
                )),
                _ => Step::Skip(total as u64),
            };
        }
        match bytes.len() {
            len if len >= total => Step::Whole(total),
            _ => Step::Needs(total),
        }
    }

    pub fn record<'a>(&mut self, bytes: &'a [u8]) -> Record<'a> {
        let order = self.order;
        let total = bytes.len();
        let trailer = order.u32(bytes, total - 4) as usize;
        if trailer != total {
            return Record::Bad(format!("a block says {total} bytes in front and {trailer} at its end"));
        }
        let body = &bytes[8..total - 4];
        match order.u32(bytes, 0) {
            SECTION => {
                self.interfaces.clear();
                Record::Nothing
            }
            INTERFACE => self.interface(body),
            ENHANCED => self.enhanced(body),
            PACKET => self.old_packet(body),
            SIMPLE => self.simple(body),
            STATISTICS => self.statistics(body),
            _ => Record::Nothing,
        }
    }

    fn interface<'a>(&mut self, body: &[u8]) -> Record<'a> {
        let order = self.order;
        if body.len() < 8 {
            return Record::Bad("an interface block of less than 8 bytes".into());
        }
        let mut interface = Interface {
            link: order.u16(body, 0),
            units: Some(1_000_000),
            offset: 0,
            kept: order.u32(body, 4),
            lost: 0,
        };
        let mut problem = None;
        let sound = self.options(&body[8..], |code, value| match (code, value) {
            (9, [resolution, ..]) => {
                interface.units = units(*resolution);
                if interface.units.is_none() {
                    problem = Some(format!("an interface counts time in units of 10^-{resolution} s"));
                }
            }
            (14, value) if value.len() >= 8 => interface.offset = order.u64(value, 0) as i64,
            _ => {}
        });
        if self.interfaces.len() < INTERFACES_MAX {
            // even one with bad options has a number, or the numbers of the next ones would be wrong
            self.interfaces.push(interface);
        }
        match (sound, problem) {
            (false, _) => Record::Odd(
                "an interface block has an option that is longer than the block; its packets are read".into(),
            ),
            (true, Some(problem)) => Record::Odd(format!("{problem}; its packets have no time")),
            (true, None) => Record::Nothing,
        }
    }

    /// Calls `each` with the options; false if one leads out of the block.
    fn options(&self, mut bytes: &[u8], mut each: impl FnMut(u16, &[u8])) -> bool {
        while bytes.len() >= 4 {
            let (code, len) = (self.order.u16(bytes, 0), usize::from(self.order.u16(bytes, 2)));
            if code == 0 {
                return true;
            }
            let Some(value) = bytes.get(4..4 + len) else {
                return false;
            };
            each(code, value);
            bytes = bytes.get(4 + len.next_multiple_of(4)..).unwrap_or(&[]);
        }
        true
    }

    fn stamp(&self, interface: &Interface, high: u32, low: u32) -> Stamp {
        let count = u64::from(high) << 32 | u64::from(low);
        let Some(units) = interface.units else {
            return Stamp::Missing;
        };
        let (seconds, part) = (count / units, count % units);
        let micros = (u128::from(part) * 1_000_000 / u128::from(units)) as i64;
        let seconds = i64::try_from(seconds)
            .unwrap_or(i64::MAX)
            .saturating_add(interface.offset);
        Stamp::Instant(seconds.saturating_mul(1_000_000).saturating_add(micros))
    }

    fn enhanced<'a>(&self, body: &'a [u8]) -> Record<'a> {
        let order = self.order;
        if body.len() < 20 {
            return Record::Bad("a packet block of less than 20 bytes".into());
        }
        let number = order.u32(body, 0);
        let (kept, original) = (order.u32(body, 12), order.u32(body, 16));
        let stamp = (order.u32(body, 4), order.u32(body, 8));
        self.packet(number, stamp, kept, original, &body[20..])
    }

    fn old_packet<'a>(&self, body: &'a [u8]) -> Record<'a> {
        let order = self.order;
        if body.len() < 20 {
            return Record::Bad("a packet block of less than 20 bytes".into());
        }
        let number = u32::from(order.u16(body, 0));
        let (kept, original) = (order.u32(body, 12), order.u32(body, 16));
        let stamp = (order.u32(body, 4), order.u32(body, 8));
        self.packet(number, stamp, kept, original, &body[20..])
    }

    fn packet<'a>(&self, number: u32, stamp: (u32, u32), kept: u32, original: u32, rest: &'a [u8]) -> Record<'a> {
        let Some(interface) = self.interfaces.get(number as usize) else {
            return Record::Bad(format!("a packet of interface {number}, which was never announced"));
        };
        let Some(bytes) = rest.get(..kept as usize) else {
            return Record::Bad(format!(
                "a packet claims {kept} bytes in a block that has {} left for it",
                rest.len()
            ));
        };
        Record::Packet(Frame {
            link: interface.link,
            stamp: self.stamp(interface, stamp.0, stamp.1),
            original,
            bytes,
        })
    }

    /// A packet without a time, always of the first interface.
    fn simple<'a>(&self, body: &'a [u8]) -> Record<'a> {
        let Some(interface) = self.interfaces.first() else {
            return Record::Bad("a packet of interface 0, which was never announced".into());
        };
        let original = self.order.u32(body, 0);
        let rest = body.get(4..).unwrap_or(&[]);
        let snap = if interface.kept == 0 { u32::MAX } else { interface.kept };
        let kept = (original.min(snap) as usize).min(rest.len());
        Record::Packet(Frame {
            link: interface.link,
            stamp: Stamp::Missing,
            original,
            bytes: &rest[..kept],
        })
    }

    fn statistics<'a>(&mut self, body: &[u8]) -> Record<'a> {
        let number = self.order.u32(body, 0);
        if self.interfaces.get(number as usize).is_none() || body.len() < 12 {
            return Record::Bad(format!("statistics of interface {number}, which was never announced"));
        }
        let (order, mut lost) = (self.order, 0);
        let sound = self.options(&body[12..], |code, value| {
            if matches!(code, 5 | 7) && value.len() >= 8 {
                lost = lost.max(order.u64(value, 0)); // dropped by the interface, by the system
            }
        });
        if !sound {
            return Record::Bad("statistics with an option that is longer than the block".into());
        }
        // the counts go on from block to block
        let known = self
            .interfaces
            .get_mut(number as usize)
            .map_or(0, |interface| std::mem::replace(&mut interface.lost, lost));
        match lost.saturating_sub(known) {
            0 => Record::Nothing,
            more => Record::Lost(more),
        }
    }
}

/// Units a second of the option `if_tsresol`: a power of ten, or of two with the highest bit.
fn units(resolution: u8) -> Option<u64> {
    match resolution {
        0..=18 => Some(10u64.pow(u32::from(resolution))),
        0x80..=0xbf => Some(1u64 << (resolution & 0x7f)),
        _ => None,
    }
}
