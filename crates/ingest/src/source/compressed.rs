//! Compressed streams, recognised by content: gzip, zstd, xz and bzip2, any number of members one after the other.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;
use liblzma::bufread::XzDecoder;

/// Bytes that [`Decompressed`] reads from below at a time.
const BLOCK: usize = 256 * 1024;

/// Most memory an xz stream may demand; `xz -9` needs 65 MiB.
const XZ_MEMORY_MAX: u64 = 256 * 1024 * 1024;

/// A way of compressing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// gzip
    Gzip,
    /// Zstandard
    Zstd,
    /// xz
    Xz,
    /// bzip2
    Bzip2,
}

impl Codec {
    /// The codec whose stream begins with these bytes.
    pub fn of(head: &[u8]) -> Option<Codec> {
        match head {
            [0x1f, 0x8b, ..] => Some(Codec::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Codec::Zstd),
            // A skippable frame in front of the data, as pzstd writes it.
            [first, 0x2a, 0x4d, 0x18, ..] if first & 0xf0 == 0x50 => Some(Codec::Zstd),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Codec::Xz),
            [b'B', b'Z', b'h', b'1'..=b'9', b'1' | 0x17, ..] => Some(Codec::Bzip2),
            _ => None,
        }
    }
}

/// A buffered reader that lets one look some bytes ahead, whatever block they fall into.
pub struct Peek {
    inner: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Peek {
    /// Looks ahead into `inner`.
    pub fn new(inner: Box<dyn Read + Send>) -> Peek {
        Peek {
            inner,
            buffer: vec![0; BLOCK],
            start: 0,
            end: 0,
        }
    }

    /// The next bytes, `wanted` of them unless the end comes first. Takes nothing.
    pub fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        while self.end - self.start < wanted {
            if self.buffer.len() - self.start < wanted {
                self.buffer.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            }
            if self.read_more()? == 0 {
                break;
            }
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn read_more(&mut self) -> io::Result<usize> {
        let read = read_some(&mut self.inner, &mut self.buffer[self.end..])?;
        self.end += read;
        Ok(read)
    }
}

impl Read for Peek {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.start == self.end && out.len() >= BLOCK {
            return read_some(&mut self.inner, out);
        }
        let given = self.fill_buf()?.read(out)?;
        self.consume(given);
        Ok(given)
    }
}

impl BufRead for Peek {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            self.read_more()?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, amount: usize) {
        self.start = (self.start + amount).min(self.end);
    }
}

/// `read` that does not give up because a signal came.
pub(crate) fn read_some(reader: &mut impl Read, out: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(out) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

enum Member {
    Between(Peek),
    Gzip(GzDecoder<Peek>),
    Zstd(zstd::stream::read::Decoder<'static, Peek>),
    Xz(XzDecoder<Peek>),
    Bzip2(bzip2::bufread::BzDecoder<Peek>),
    Done,
}

/// The plain bytes of a compressed stream.
pub struct Decompressed {
    member: Member,
    begun: bool,
    warnings: Vec<String>,
}

impl Decompressed {
    /// Decompresses `input`, which begins with a codec's magic.
    pub fn new(input: Peek) -> Decompressed {
        Decompressed {
            member: Member::Between(input),
            begun: false,
            warnings: Vec::new(),
        }
    }

    /// What was not as it should be, since the last call.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// Begins the next member, if there is one; whatever else follows is told and left alone.
    fn next_member(&mut self, mut input: Peek) -> io::Result<Member> {
        if self.begun {
            skip_zeros(&mut input)?;
        }
        let head = input.peek(6)?;
        let (codec, nothing) = (Codec::of(head), head.is_empty());
        let Some(codec) = codec else {
            if !nothing {
                self.warnings
                    .push("trailing data after the compressed stream was not read".to_string());
            }
            return Ok(Member::Done);
        };
        self.begun = true;
        Ok(match codec {
            Codec::Gzip => Member::Gzip(GzDecoder::new(input)),
            Codec::Zstd => Member::Zstd(zstd::stream::read::Decoder::with_buffer(input)?.single_frame()),
            Codec::Xz => {
                let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY_MAX, 0).map_err(io::Error::other)?;
                Member::Xz(XzDecoder::new_stream(input, stream))
            }
            Codec::Bzip2 => Member::Bzip2(bzip2::bufread::BzDecoder::new(input)),
        })
    }

    /// A member has ended: back to the bytes between members.
    fn end_member(&mut self) {
        self.member = match std::mem::replace(&mut self.member, Member::Done) {
            Member::Gzip(decoder) => Member::Between(decoder.into_inner()),
            Member::Zstd(decoder) => Member::Between(decoder.finish()),
            Member::Xz(decoder) => Member::Between(decoder.into_inner()),
            Member::Bzip2(decoder) => Member::Between(decoder.into_inner()),
            other => other,
        };
    }
}

impl Read for Decompressed {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            let read = match &mut self.member {
                Member::Done => return Ok(0),
                Member::Between(_) => {
                    let Member::Between(input) = std::mem::replace(&mut self.member, Member::Done) else {
                        continue;
                    };
                    self.member = self.next_member(input)?;
                    continue;
                }
                Member::Gzip(decoder) => decoder.read(out),
                Member::Zstd(decoder) => decoder.read(out),
                Member::Xz(decoder) => decoder.read(out),
                Member::Bzip2(decoder) => decoder.read(out),
            };
            match read {
                Ok(0) => self.end_member(),
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // All bytes were delivered before the sum is compared, so nothing is lost.
                Err(error) if error.to_string().contains("matching checksum") => {
                    self.warnings
                        .push("the checksum (crc) of the gzip stream is wrong: its content may be damaged".into());
                    self.end_member();
                }
                Err(error) => {
                    self.member = Member::Done;
                    return Err(in_plain_words(&error));
                }
            }
        }
    }
}

/// Padding between members, as tapes and xz have it.
fn skip_zeros(input: &mut Peek) -> io::Result<()> {
    loop {
        let block = input.fill_buf()?;
        let zeros = block.iter().take_while(|byte| **byte == 0).count();
        let more = zeros == block.len() && zeros > 0;
        input.consume(zeros);
        if !more {
            return Ok(());
        }
    }
}

fn in_plain_words(error: &io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "cut short: the compressed stream ends too early; what was readable was used",
        ),
        kind => io::Error::new(
            kind,
            format!("the compressed data is damaged ({error}); what was readable before was used"),
        ),
    }
}
