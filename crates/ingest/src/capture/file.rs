//! What the two file formats have in common: records one after the other.

use tunlog_model::Stamp;

use super::pcap::Pcap;
use super::pcapng::Pcapng;

/// A packet as the file holds it.
pub(super) struct Frame<'a> {
    /// Link type, of the registry at tcpdump.org.
    pub link: u16,
    /// When it was captured.
    pub stamp: Stamp,
    /// Its length on the wire, bytes.
    pub original: u32,
    /// What was kept of it.
    pub bytes: &'a [u8],
}

/// What a record is.
pub(super) enum Record<'a> {
    /// A packet.
    Packet(Frame<'a>),
    /// Of no concern, or taken note of.
    Nothing,
    /// The writer counts packets that it lost.
    Lost(u64),
    /// Something about it cannot be right, and it was used all the same.
    Odd(String),
    /// It contradicts itself; the next record can be found all the same.
    Bad(String),
}

/// How the bytes at hand go on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// So many bytes are needed before more can be said.
    Needs(usize),
    /// The first so many bytes are a record.
    Whole(usize),
    /// The first so many bytes are of no concern, and too many to keep.
    Skip(u64),
    /// No further record can be found, and why.
    Stop(String),
}

/// Which format, with what its beginning told.
pub(super) enum Format {
    Unknown,
    Pcap(Pcap),
    Pcapng(Pcapng),
}

impl Format {
    /// How the bytes go on.
    pub fn step(&mut self, bytes: &[u8]) -> Step {
        if let Format::Unknown = self {
            if bytes.len() < 4 {
                return Step::Needs(4);
            }
            *self = match bytes {
                [0x0a, 0x0d, 0x0d, 0x0a, ..] => Format::Pcapng(Pcapng::default()),
                _ => Format::Pcap(Pcap::default()),
            };
        }
        match self {
            Format::Unknown => Step::Needs(4),
            Format::Pcap(pcap) => pcap.step(bytes),
            Format::Pcapng(pcapng) => pcapng.step(bytes),
        }
    }

    /// Reads a record that `step` found.
    pub fn record<'a>(&mut self, bytes: &'a [u8]) -> Record<'a> {
        match self {
            Format::Unknown => Record::Nothing,
            Format::Pcap(pcap) => pcap.record(bytes),
            Format::Pcapng(pcapng) => pcapng.record(bytes),
        }
    }
}

/// The byte order of a file's writer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    Little,
    Big,
}

impl Order {
    /// A 16-bit number at an offset; 0 where there is none.
    pub fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let Some(&[a, b]) = bytes.get(at..at + 2) else { return 0 };
        match self {
            Order::Little => u16::from_le_bytes([a, b]),
            Order::Big => u16::from_be_bytes([a, b]),
        }
    }

    /// A 32-bit number at an offset; 0 where there is none.
    pub fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let Some(&[a, b, c, d]) = bytes.get(at..at + 4) else {
            return 0;
        };
        match self {
            Order::Little => u32::from_le_bytes([a, b, c, d]),
            Order::Big => u32::from_be_bytes([a, b, c, d]),
        }
    }

    /// A 64-bit number at an offset; 0 where there is none.
    pub fn u64(self, bytes: &[u8], at: usize) -> u64 {
        let (first, second) = (u64::from(self.u32(bytes, at)), u64::from(self.u32(bytes, at + 4)));
        match self {
            Order::Little => second << 32 | first,
            Order::Big => first << 32 | second,
        }
    }
}
