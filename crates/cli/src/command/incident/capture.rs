//! Captures cut to the time and the hosts of an incident, as pcap; packets that log in are cut before the secret.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use tunlog_incident::case::{Case, Roles};
use tunlog_ingest::{Capture, Options, RawContent, RawPacket, Source, SourceSpec};
use tunlog_model::Stamp;

use super::directory::{Directory, Draft};
use crate::output::Failure;

/// Most bytes of one cut capture.
pub const BYTES_MAX: u64 = 1 << 30;
/// The snap length that the files name: libpcap's own limit.
const SNAP_LENGTH: u32 = 262_144;

/// Datagrams in pieces that are remembered at once.
const PIECES_MAX: usize = 65_536;

/// A datagram that comes in pieces.
type Piece = ((IpAddr, IpAddr), u32);

/// Which packets are kept, and how much of them.
pub struct Cut<'a> {
    /// The incident.
    pub case: &'a Case,
    /// The roles of its addresses.
    pub roles: Roles,
    /// Addresses besides the case's.
    pub hosts: &'a HashSet<IpAddr>,
    /// Leave logins whole.
    pub show_secrets: bool,
}

/// What became of a capture.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Files that were written, within the incident.
    pub files: Vec<String>,
    /// Packets that were kept.
    pub taken: u64,
    /// Packets of other hosts or times.
    pub left: u64,
    /// Packets that were cut before a secret.
    pub shortened: u64,
    /// Packets that found no room.
    pub no_room: u64,
    /// First and last packet that was kept, microseconds UTC.
    pub span: Option<(i64, i64)>,
    /// What went wrong.
    pub problems: Vec<String>,
}

/// A file of one link type.
struct File {
    draft: Draft,
    path: String,
    bytes: u64,
}

struct Writer<'a> {
    directory: &'a Directory,
    name: &'a str,
    files: BTreeMap<u16, File>,
    failure: Option<Failure>,
    told: Told,
}

impl Cut<'_> {
    fn keeps(&self, packet: &RawPacket<'_>) -> Option<i64> {
        let Stamp::Instant(time) = packet.stamp else {
            return None;
        };
        let RawContent::Ip {
            addresses: (from, to), ..
        } = packet.content
        else {
            return None;
        };
        let is = |ip: IpAddr| self.hosts.contains(&ip) || self.roles.of(ip).is_some();
        (self.case.covers(time) && (is(from) || is(to))).then_some(time)
    }

    /// How many of a packet's bytes are kept. `whole_of` holds the datagrams whose first piece had nothing to hide.
    fn length(&self, packet: &RawPacket<'_>, whole_of: &mut HashSet<Piece>) -> usize {
        let whole = packet.bytes.len();
        if self.show_secrets {
            return whole;
        }
        match packet.content {
            RawContent::Ip {
                addresses,
                protocol,
                payload,
                fragment,
            } => {
                let Some(at) = packet.offset_of(payload) else {
                    return whole;
                };
                let public = match fragment {
                    // what a later piece belongs to cannot be told from it alone
                    Some((id, false)) if !whole_of.contains(&(addresses, id)) => 0,
                    Some((_, false)) => payload.len(),
                    Some((_, true)) | None => tunlog_decode::public_bytes(protocol, payload),
                };
                if let Some((id, true)) = fragment {
                    if whole_of.len() >= PIECES_MAX {
                        whole_of.clear();
                    }
                    match public < payload.len() {
                        true => whole_of.remove(&(addresses, id)),
                        false => whole_of.insert((addresses, id)),
                    };
                }
                match public < payload.len() {
                    true => at + public,
                    false => whole,
                }
            }
            RawContent::Ppp(frame) => {
                let public = tunlog_decode::public_ppp_bytes(frame);
                match packet.offset_of(frame) {
                    Some(at) if public < frame.len() => at + public,
                    _ => whole,
                }
            }
            RawContent::Other => whole,
        }
    }
}

impl Writer<'_> {
    fn put(&mut self, packet: &RawPacket<'_>, time: i64, length: usize) -> Result<(), Failure> {
        if !self.files.contains_key(&packet.link) {
            let path = match self.files.is_empty() {
                true => format!("evidence/captures/{}", suffixed(self.name, ".pcap")),
                false => format!("evidence/captures/{}.link{}.pcap", self.name, packet.link),
            };
            let mut draft = self.directory.draft(&path)?;
            draft.put(&header(packet.link))?;
            self.files.insert(packet.link, File { draft, path, bytes: 24 });
        }
        let Some(file) = self.files.get_mut(&packet.link) else {
            return Ok(());
        };
        let record = record(packet, time, length);
        if file.bytes + record.len() as u64 > BYTES_MAX {
            self.told.no_room += 1;
            return Ok(());
        }
        file.bytes += record.len() as u64;
        file.draft.put(&record)?;
        self.told.taken += 1;
        self.told.shortened += u64::from(length < packet.bytes.len());
        let (first, last) = self.told.span.unwrap_or((time, time));
        self.told.span = Some((first.min(time), last.max(time)));
        Ok(())
    }
}

/// A name that ends so.
pub fn suffixed(name: &str, suffix: &str) -> String {
    match name.ends_with(suffix) {
        true => name.to_owned(),
        false => format!("{name}{suffix}"),
    }
}

/// The header of a file (draft-ietf-opsawg-pcap): microseconds, little-endian.
fn header(link: u16) -> Vec<u8> {
    let mut out = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
    out.extend(2_u16.to_le_bytes());
    out.extend(4_u16.to_le_bytes());
    out.extend([0; 8]);
    out.extend(SNAP_LENGTH.to_le_bytes());
    out.extend(u32::from(link).to_le_bytes());
    out
}

fn record(packet: &RawPacket<'_>, time: i64, length: usize) -> Vec<u8> {
    let kept = packet.bytes.get(..length).unwrap_or(packet.bytes);
    let seconds = u32::try_from(time.div_euclid(1_000_000)).unwrap_or(0);
    let micros = u32::try_from(time.rem_euclid(1_000_000)).unwrap_or(0);
    let original = packet.original.max(packet.bytes.len() as u32);
    let mut out = Vec::with_capacity(16 + kept.len());
    for word in [seconds, micros, kept.len() as u32, original] {
        out.extend(word.to_le_bytes());
    }
    out.extend_from_slice(kept);
    out
}

/// Whether a source is a capture.
pub fn is_capture(spec: &SourceSpec, options: &Options) -> bool {
    Source::open(spec, options).is_ok_and(|source| source.capture().is_some())
}

/// Cuts a capture into files of the incident.
///
/// # Errors
/// If they cannot be written; what is wrong with the capture is told.
pub fn cut(
    spec: &SourceSpec,
    options: &Options,
    cut: &Cut<'_>,
    name: &str,
    directory: &Directory,
) -> Result<Told, Failure> {
    let mut writer = Writer {
        directory,
        name,
        files: BTreeMap::new(),
        failure: None,
        told: Told::default(),
    };
    let mut source = match Source::open(spec, options) {
        Ok(source) => source,
        Err(problem) => {
            writer.told.problems.push(problem.to_string());
            return Ok(writer.told);
        }
    };
    let mut capture = Capture::new(&spec.name);
    let mut whole_of = HashSet::new();
    let mut buffer = Vec::new();
    while writer.failure.is_none() && !capture.is_over() {
        let chunk = match source.next_chunk(std::mem::take(&mut buffer)) {
            Ok(Some(chunk)) => chunk,
            Ok(None) => break,
            Err(problem) => {
                writer.told.problems.push(problem.to_string());
                continue;
            }
        };
        capture.feed_raw(&chunk.bytes, &mut |packet| match cut.keeps(packet) {
            Some(time) if writer.failure.is_none() => {
                let length = cut.length(packet, &mut whole_of);
                writer.failure = writer.put(packet, time, length).err();
            }
            _ => writer.told.left += 1,
        });
        buffer = chunk.bytes;
    }
    capture.end();
    writer
        .told
        .problems
        .extend(capture.problems().iter().map(ToString::to_string));
    if let Some(failure) = writer.failure {
        return Err(failure);
    }
    for file in writer.files.into_values() {
        file.draft.finish()?;
        writer.told.files.push(file.path);
    }
    Ok(writer.told)
}
