//! Writes EVTX files: file header, chunks with their check sums and tables, records of binary XML with templates and
//! substitutions, as Windows writes them. From the public description of the format (libevtx, "Windows XML Event Log").

mod binxml;

use crate::windows::WindowsEvent;
use binxml::Chunk;

/// Bytes of a chunk.
pub const CHUNK_BYTES: usize = 65_536;
/// Bytes of the file header's block.
pub const HEADER_BYTES: usize = 4096;

/// The flag of a log that was not closed.
pub const DIRTY: u32 = 1;

/// An EVTX file of these events, in this order; records are numbered from 1.
pub fn write(events: &[WindowsEvent]) -> Vec<u8> {
    file(&chunks(events))
}

/// The chunks of these events. An event that does not fit into an empty chunk (about 30 000 characters) is left out.
pub fn chunks(events: &[WindowsEvent]) -> Vec<Vec<u8>> {
    let mut done = Vec::new();
    let mut open = Chunk::new(1);
    for event in events {
        if !open.add(event) {
            let next = open.next_number();
            done.push(std::mem::replace(&mut open, Chunk::new(next)).finish());
            open.add(event);
        }
    }
    done.push(open.finish());
    done
}

/// A file of chunks, the first of which is the oldest.
pub fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
    let last = chunks.last().and_then(|chunk| u64_at(chunk, 16)).unwrap_or(0);
    let mut bytes = header(
        0,
        chunks.len().saturating_sub(1) as u64,
        last + 1,
        chunks.len() as u16,
        0,
    );
    for chunk in chunks {
        bytes.extend_from_slice(chunk);
    }
    bytes
}

/// A file whose log went round: its chunks stand from `start` on, the rest in front, as in a log of limited size.
pub fn wrapped_file(chunks: &[Vec<u8>], start: usize) -> Vec<u8> {
    let count = chunks.len();
    let last = chunks.last().and_then(|chunk| u64_at(chunk, 16)).unwrap_or(0);
    let newest = (start + count - 1) % count.max(1);
    let mut bytes = header(start as u64, newest as u64, last + 1, count as u16, 0);
    for place in 0..count {
        bytes.extend_from_slice(&chunks[(place + count - start) % count]);
    }
    bytes
}

/// The file header's block.
pub fn header(first_chunk: u64, last_chunk: u64, next_record: u64, chunks: u16, flags: u32) -> Vec<u8> {
    let mut bytes = b"ElfFile\0".to_vec();
    for number in [first_chunk, last_chunk, next_record] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(128_u32.to_le_bytes());
    for number in [1_u16, 3, HEADER_BYTES as u16, chunks] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.resize(120, 0);
    let sum = crc32fast::hash(&bytes);
    bytes.extend(flags.to_le_bytes());
    bytes.extend(sum.to_le_bytes());
    bytes.resize(HEADER_BYTES, 0);
    bytes
}

/// Computes a chunk's check sums anew, after a test changed its bytes.
pub fn reseal(chunk: &mut [u8]) {
    let free = u32_at(chunk, 48).map_or(512, |free| (free as usize).clamp(512, chunk.len()));
    let records = crc32fast::hash(&chunk[512..free]);
    chunk[52..56].copy_from_slice(&records.to_le_bytes());
    let mut header = crc32fast::Hasher::new();
    header.update(&chunk[..120]);
    header.update(&chunk[128..512]);
    chunk[124..128].copy_from_slice(&header.finalize().to_le_bytes());
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
