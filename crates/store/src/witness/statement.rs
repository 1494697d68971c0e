//! What a log server is told of a checkpoint: one line, which holds less than 500 bytes and no byte that a syslog daemon would
//! escape. It names the checkpoint's number and the hash of its note, and is signed by the key of the day on which it is sent:
//! whoever can write into the server's file, or send to it, can add lines, but none that count.

use tunlog_seal::note::{self, Note, Verdict};
use tunlog_seal::{Digest, SigningKey, VerifyingKey};

/// What a line is known by.
const MARK: &str = "tunlog-checkpoint ";

/// Letters of a signature: 68 bytes (which key, and 64 of Ed25519) in base64.
const SIGNATURE_LEN: usize = 92;

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Whose log it is.
    pub origin: String,
    /// The checkpoint's number.
    pub number: u64,
    /// Hash of its note.
    pub note: Digest,
    /// Which key signs the statement, from 0: that of the day on which it was sent.
    pub epoch: u64,
    signature: String,
}

/// What is signed. Its fourth line is none of a checkpoint, so that neither can be taken for the other.
fn text(origin: &str, number: u64, note: &Digest, epoch: u64) -> String {
    format!("{origin}\nwitnessed\n{number}\n{note}\nepoch {epoch}\n")
}

impl Statement {
    /// The line; None if the origin cannot stand in it.
    pub fn line(origin: &str, number: u64, note: Digest, epoch: u64, key: &SigningKey) -> Option<String> {
        if origin.contains([' ', '\n']) || key.verifying().name() != origin {
            return None;
        }
        let signed = note::sign(&text(origin, number, &note, epoch), key)?;
        let signature = signed.trim_end().rsplit(' ').next()?;
        Some(format!(
            "{MARK}origin={origin} number={number} note={note} epoch={epoch} signature={signature}"
        ))
    }

    /// What a line of a log server's file says, wherever in it the server puts the message; None if it is no such line.
    pub fn parse(line: &[u8]) -> Option<Statement> {
        let line = std::str::from_utf8(line).ok()?;
        let rest = &line[line.find(MARK)? + MARK.len()..];
        let mut words = rest.split(' ');
        let mut value = |key: &str| words.next()?.strip_prefix(key)?.strip_prefix('=').map(str::to_owned);
        let statement = Statement {
            origin: value("origin")?,
            number: value("number")?.parse().ok()?,
            note: value("note")?.parse().ok()?,
            epoch: value("epoch")?.parse().ok()?,
            // what the server puts behind the message (a quotation mark, a brace) is none of it
            signature: value("signature")?
                .trim_end_matches(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '/' | '='))
                .to_owned(),
        };
        // of a line that was cut off nothing can be said
        (statement.signature.len() == SIGNATURE_LEN).then_some(statement)
    }

    /// Whether a line claims to be one.
    pub fn is_marked(line: &[u8]) -> bool {
        line.windows(MARK.len()).any(|part| part == MARK.as_bytes())
    }

    /// Whether a key signed it.
    pub fn is_signed_by(&self, key: &VerifyingKey) -> bool {
        let text = text(&self.origin, self.number, &self.note, self.epoch);
        let whole = format!("{text}\n\u{2014} {} {}\n", key.name(), self.signature);
        Note::parse(whole.as_bytes()).is_ok_and(|note| note.verify(key) == Verdict::Good)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> SigningKey {
        let seed = zeroize::Zeroizing::new([seed; 32]);
        SigningKey::from_seed("vpn1.example/tunlog", &seed).expect("a key")
    }

    #[test]
    fn a_line_is_read_wherever_a_server_puts_it() {
        let line = Statement::line("vpn1.example/tunlog", 312, Digest::of(b"note"), 41, &key(1)).expect("a line");
        assert!(line.len() < 480 && line.is_ascii(), "{line}");
        for received in [
            line.clone(),
            format!("Nov 20 12:00:04 vpn1 tunlog[7]: {line}"),
            format!("<134>1 2026-11-20T12:00:04Z vpn1 tunlog 7 checkpoint - {line}"),
            format!("{{\"host\":\"vpn1\",\"msg\":\"{line}\"}}"),
        ] {
            assert!(Statement::is_marked(received.as_bytes()));
            let statement = Statement::parse(received.as_bytes()).expect("a statement");
            assert_eq!(
                (statement.number, statement.note),
                (312, Digest::of(b"note")),
                "{received}"
            );
            assert!(statement.is_signed_by(&key(1).verifying()) && !statement.is_signed_by(&key(2).verifying()));
        }
        for (was, is) in [
            ("number=312", "number=313"),
            ("epoch=41", "epoch=40"),
            ("origin=vpn1", "origin=vpn2"),
        ] {
            let forged = Statement::parse(line.replace(was, is).as_bytes()).expect("a statement");
            assert!(!forged.is_signed_by(&key(1).verifying()), "{is}");
        }
        for cut in 0..line.len() {
            assert_eq!(Statement::parse(&line.as_bytes()[..cut]), None, "{cut}");
        }
    }
}
