//! Signed notes (c2sp.org/signed-note): a text, an empty line, and a line for each signature,
//! `— NAME base64(key id, signature)`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::{SigningKey, VerifyingKey};

/// What a signature's line begins with: an em dash and a blank.
const DASH: &str = "\u{2014} ";
/// Most bytes of a note.
pub const BYTES_MAX: usize = 64 << 20;
/// Most signatures of a note.
const SIGNATURES_MAX: usize = 100;

/// Why bytes are no signed note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteError {
    /// No text, no empty line, no signatures, or something else where a signature belongs.
    Form,
    /// More bytes or signatures than a note may have.
    Size,
}

/// A note that was taken apart; nothing of it has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note<'a> {
    text: &'a str,
    signatures: Vec<Line<'a>>,
}

/// One line of signature.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line<'a> {
    name: &'a str,
    id: [u8; 4],
    signature: Vec<u8>,
}

/// What a key says of a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Signed by this key, and it fits.
    Good,
    /// A signature that names this key does not fit.
    Bad,
    /// No signature names this key.
    Absent,
}

/// A text, which ends with a newline and holds no other control character, signed. `None` if it is not of that kind.
pub fn sign(text: &str, key: &SigningKey) -> Option<String> {
    is_text(text).then_some(())?;
    let public = key.verifying();
    let signature = key.sign(text.as_bytes());
    let encoded = BASE64.encode([&public.id(), signature.as_slice()].concat());
    Some(format!("{text}\n{DASH}{} {encoded}\n", public.name()))
}

fn is_text(text: &str) -> bool {
    text.ends_with('\n') && text.chars().all(|c| c == '\n' || c >= ' ')
}

impl<'a> Note<'a> {
    /// Takes a note apart.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(bytes: &'a [u8]) -> Result<Note<'a>, NoteError> {
        if bytes.len() > BYTES_MAX {
            return Err(NoteError::Size);
        }
        let whole = std::str::from_utf8(bytes).map_err(|_| NoteError::Form)?;
        // the last empty line: a text may hold others
        let at = whole.rfind("\n\n").ok_or(NoteError::Form)?;
        let (text, rest) = (&whole[..=at], &whole[at + 2..]);
        let rest = rest.strip_suffix('\n').ok_or(NoteError::Form)?;
        is_text(text).then_some(()).ok_or(NoteError::Form)?;
        let mut signatures = Vec::new();
        for line in rest.split('\n') {
            if signatures.len() == SIGNATURES_MAX {
                return Err(NoteError::Size);
            }
            signatures.push(Line::parse(line).ok_or(NoteError::Form)?);
        }
        Ok(Note { text, signatures })
    }

    /// What was signed, with its last newline.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Who is said to have signed.
    pub fn signers(&self) -> impl Iterator<Item = &'a str> {
        self.signatures.iter().map(|line| line.name)
    }

    /// What a key says of it.
    pub fn verify(&self, key: &VerifyingKey) -> Verdict {
        let mut lines = self
            .signatures
            .iter()
            .filter(|line| line.name == key.name() && line.id == key.id())
            .peekable();
        if lines.peek().is_none() {
            return Verdict::Absent;
        }
        let fits = |line: &Line<'_>| {
            <&[u8; 64]>::try_from(line.signature.as_slice())
                .is_ok_and(|signature| key.verifies(self.text.as_bytes(), signature))
        };
        match lines.all(fits) {
            true => Verdict::Good,
            false => Verdict::Bad,
        }
    }
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Option<Line<'a>> {
        let (name, encoded) = line.strip_prefix(DASH)?.split_once(' ')?;
        crate::key::is_name(name).then_some(())?;
        let bytes = BASE64.decode(encoded).ok()?;
        let (id, signature) = bytes.split_first_chunk::<4>()?;
        (!signature.is_empty()).then(|| Line {
            name,
            id: *id,
            signature: signature.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zeroize::Zeroizing;

    use super::*;

    fn key(name: &str, seed: u8) -> SigningKey {
        SigningKey::from_seed(name, &Zeroizing::new([seed; 32])).expect("a name")
    }

    const TEXT: &str = "vpn1 incident\n3\n\nfile a\n";

    #[test]
    fn what_was_signed_verifies_and_nothing_else() {
        let mine = key("vpn1", 1);
        let signed = sign(TEXT, &mine).expect("a text");
        let note = Note::parse(signed.as_bytes()).expect("a note");
        assert_eq!(note.text(), TEXT);
        assert_eq!(note.signers().collect::<Vec<_>>(), ["vpn1"]);
        assert_eq!(note.verify(&mine.verifying()), Verdict::Good);
        // the same name, another key
        assert_eq!(note.verify(&key("vpn1", 2).verifying()), Verdict::Absent);
        let changed = signed.replace("file a", "file b");
        let changed = Note::parse(changed.as_bytes()).expect("a note");
        assert_eq!(changed.verify(&mine.verifying()), Verdict::Bad);
    }

    /// The example of the reference implementation (package documentation of golang.org/x/mod/sumdb/note).
    #[test]
    fn the_reference_implementations_note() {
        let text =
            "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
        let signature = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
        let public =
            VerifyingKey::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").expect("a key");
        let signing =
            SigningKey::parse("PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")
                .expect("a key");
        let whole = format!("{text}\n{signature}");
        assert_eq!(
            Note::parse(whole.as_bytes()).expect("a note").verify(&public),
            Verdict::Good
        );
        assert_eq!(sign(text, &signing), Some(whole));
    }

    #[test]
    fn what_is_no_note_is_none() {
        let signed = sign(TEXT, &key("vpn1", 1)).expect("a text");
        for bytes in [
            "",
            "\n\n",
            "text\n",
            "text\n\n",
            "text\n\nno dash\n",
            "text\n\n\u{2014} name\n",
            "text\n\n\u{2014} name AAAA\n",
            signed.trim_end(),
            &format!("{signed}more\n"),
            &signed.replace("file", "fi\rle"),
        ] {
            assert!(Note::parse(bytes.as_bytes()).is_err(), "{bytes:?}");
        }
        assert_eq!(sign("no newline", &key("a", 1)), None);
        assert_eq!(sign("esc \u{1b}\n", &key("a", 1)), None);
    }

    proptest! {
        /// No byte of a note can be changed without somebody seeing it.
        #[test]
        fn every_byte_counts(at in 0_usize..200, bit in 0_u32..8) {
            let mine = key("vpn1", 1);
            let mut bytes = sign(TEXT, &mine).expect("a text").into_bytes();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            let good = Note::parse(&bytes).is_ok_and(|note| note.verify(&mine.verifying()) == Verdict::Good);
            prop_assert!(!good);
        }

        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Note::parse(&bytes);
        }
    }
}
