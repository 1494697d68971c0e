//! Codes that events carry: in the binary part (32 bits, little endian), hexadecimal or decimal in a value.

use rustc_hash::FxHashMap;
use tunlog_model::{Confidence, EndReason, Layer, Message, Role};

use super::number;
use crate::codes::{Code, family};
use crate::template::Caught;

/// The binary part of an event.
const BINARY: &str = "Binary";

/// A code, and which message it makes of the one that carries it.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    pub code: &'static Code,
    /// None if the code tells nothing of why something failed or ended.
    pub variant: Option<u32>,
}

/// A family of codes by number.
#[derive(Debug)]
pub struct Numbers {
    known: FxHashMap<u32, Known>,
}

impl Numbers {
    /// The codes of a family; `variant` numbers the messages that they make.
    pub fn of(name: &str, mut variant: impl FnMut(&'static Code) -> u32) -> Option<Numbers> {
        let codes = family(name)?.codes.iter();
        let known = codes.filter_map(|code| {
            let number = number(code.code.as_bytes())?;
            let tells = [code.blames, code.suspects, code.end_reason]
                .iter()
                .any(|word| !word.is_empty());
            let variant = tells.then(|| variant(code));
            Some((number, Known { code, variant }))
        });
        Some(Numbers { known: known.collect() })
    }

    /// The code of a number.
    pub fn get(&self, value: u32) -> Option<Known> {
        self.known.get(&value).copied()
    }
}

/// The code in a value; nought is none.
pub fn value(key: &str, text: &[u8]) -> Option<u32> {
    let value = match key {
        BINARY => little_endian(text),
        _ => number(text.trim_ascii()),
    };
    value.filter(|value| *value != 0)
}

/// `b3020000`: the first four bytes of a binary part.
fn little_endian(text: &[u8]) -> Option<u32> {
    let mut bytes = [0; 4];
    let mut digits = text.chunks_exact(2);
    for byte in &mut bytes {
        let pair = digits.next().filter(|pair| pair.iter().all(u8::is_ascii_hexdigit))?;
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(u32::from_le_bytes(bytes))
}

/// How a code is shown: as its family writes it.
pub fn shown(value: u32, known: Option<&'static Code>) -> Caught<'static> {
    match known.map(|code| code.code).filter(|word| word.starts_with("0x")) {
        Some(word) => Caught::Word(word),
        None if known.is_none() && value > 0xffff => Caught::Bytes(format!("0x{value:08X}").into_bytes().into()),
        None => Caught::Int(i64::from(value)),
    }
}

/// A message that carries a code: what it says of a failure is what the code says.
pub fn as_told_by(message: &Message, code: &'static Code) -> Message {
    let told = [(code.blames, Confidence::Certain), (code.suspects, Confidence::Likely)];
    let verdict = told.into_iter().find(|(cause, _)| !cause.is_empty());
    let mut message = message.clone();
    if let Some((cause, confidence)) = verdict {
        (message.blames, message.confidence) = (Some(seen_from(message.calling, cause)), confidence);
        message.concerns_attempts |= message.role != Role::None;
        (message.meaning, message.cause) = (code.meaning, code.cause);
        message.action = match code.actions {
            [] => "none",
            [only] => only,
            several => Box::leak(several.join(" ").into_boxed_str()),
        };
    }
    message.fails_at = Layer::from_word(code.layer).unwrap_or(message.fails_at);
    message.end_reason = EndReason::from_word(code.end_reason).or(message.end_reason);
    message
}

/// Codes speak of this end and the other, and the catalogue of codes tells their causes as a client sees them.
fn seen_from(calling: bool, cause: &'static str) -> &'static str {
    match cause {
        "encryption-refused-by-client" if !calling => "encryption-refused-by-server",
        "encryption-refused-by-server" if !calling => "encryption-refused-by-client",
        _ => cause,
    }
}
