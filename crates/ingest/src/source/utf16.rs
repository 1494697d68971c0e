//! Text in UTF-16, as Windows' tools save it, becomes UTF-8 on its way in.

use encoding_rs::{CoderResult, Decoder, UTF_16BE, UTF_16LE};

use super::Input;

/// Bytes that are read and written at once.
const BLOCK_BYTES: usize = 64 * 1024;

/// Which order of bytes, and how many bytes stand before the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    big: bool,
    mark: usize,
}

/// Whether an input begins like text in UTF-16: with a byte order mark, or with a letter of ASCII that markup and JSON begin with.
pub(crate) fn order(head: &[u8]) -> Option<Order> {
    match head {
        [0xff, 0xfe, 0, 0, ..] => None, // UTF-32
        [0xff, 0xfe, ..] => Some(Order { big: false, mark: 2 }),
        [0xfe, 0xff, ..] => Some(Order { big: true, mark: 2 }),
        [b'<' | b'[' | b'{', 0, second, 0, ..] if *second != 0 => Some(Order { big: false, mark: 0 }),
        [0, b'<' | b'[' | b'{', 0, second, ..] if *second != 0 => Some(Order { big: true, mark: 0 }),
        _ => None,
    }
}

impl Order {
    fn decoder(self) -> Decoder {
        let encoding = if self.big { UTF_16BE } else { UTF_16LE };
        encoding.new_decoder_without_bom_handling()
    }

    /// The beginning of an input as UTF-8, to be looked at.
    pub fn text(self, head: &[u8]) -> Vec<u8> {
        let mut text = vec![0; head.len() * 2 + 8];
        let (_, _, written, _) = self.decoder().decode_to_utf8(&head[self.mark..], &mut text, false);
        text.truncate(written);
        text
    }
}

/// A reader of UTF-8 over one of UTF-16.
pub(crate) struct Utf16 {
    input: Box<Input>,
    decoder: Decoder,
    /// Bytes that were read and not decoded.
    raw: Vec<u8>,
    /// Text that was decoded and not handed out: from `at` on.
    text: Vec<u8>,
    at: usize,
    ended: bool,
    damaged: bool,
}

impl Utf16 {
    /// Reads on behind `head`, which was read already.
    pub fn new(input: Input, head: &[u8], order: Order) -> Utf16 {
        Utf16 {
            input: Box::new(input),
            decoder: order.decoder(),
            raw: head[order.mark.min(head.len())..].to_vec(),
            text: Vec::new(),
            at: 0,
            ended: false,
            damaged: false,
        }
    }

    /// As `Read::read`.
    pub fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        while self.at == self.text.len() {
            if self.ended {
                return Ok(0);
            }
            self.decode()?;
        }
        let count = out.len().min(self.text.len() - self.at);
        out[..count].copy_from_slice(&self.text[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }

    fn decode(&mut self) -> std::io::Result<()> {
        let mut last = false;
        if self.raw.is_empty() {
            self.raw.resize(BLOCK_BYTES, 0);
            let read = self.input.read(&mut self.raw);
            self.raw.truncate(*read.as_ref().unwrap_or(&0));
            last = read? == 0;
        }
        self.text.resize(BLOCK_BYTES, 0);
        self.at = 0;
        let (result, used, written, damaged) = self.decoder.decode_to_utf8(&self.raw, &mut self.text, last);
        self.raw.drain(..used);
        self.text.truncate(written);
        self.damaged |= damaged;
        self.ended = last && result == CoderResult::InputEmpty;
        Ok(())
    }

    /// What was not as it should be, since the last call.
    pub fn take_warnings(&mut self) -> Vec<String> {
        let mut warnings = self.input.take_warnings();
        if std::mem::take(&mut self.damaged) {
            warnings.push("the text in UTF-16 has damaged characters: they were replaced".to_string());
        }
        warnings
    }
}
