//! Ed25519 keys (RFC 8032) and their text forms, those of Go's `golang.org/x/mod/sumdb/note`, which signed notes share:
//! `NAME+HASH+BASE64` for who verifies, `PRIVATE+KEY+NAME+HASH+BASE64` for who signs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signer as _, Verifier as _};
use zeroize::Zeroizing;

use crate::hash::{hex, unhex};
use crate::{Digest, words};

/// The signature type of Ed25519 in signed notes.
const ED25519: u8 = 1;
/// What a signing key's text begins with.
const PRIVATE: &str = "PRIVATE+KEY+";
/// Most characters of a key's name.
const NAME_CHARS_MAX: usize = 128;

/// Why a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// It has not the parts of a key.
    Form,
    /// Its name is empty, too long, or holds a blank, a `+` or something invisible.
    Name,
    /// It is a key of another kind than Ed25519.
    Algorithm,
    /// Its hash is not that of its name and key: it was mistyped or put together.
    Hash,
}

impl KeyError {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            KeyError::Form => "is no key: a key reads NAME+HASH+BASE64",
            KeyError::Name => "has no name that a key can have: letters and digits, no blank, no +",
            KeyError::Algorithm => "is no Ed25519 key",
            KeyError::Hash => "has a hash that does not fit its name and key: it was mistyped or cut",
        }
    }
}

/// Whether a key may have this name.
pub fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_graphic() && c != '+';
    !name.is_empty() && name.len() <= NAME_CHARS_MAX && name.chars().all(fits)
}

/// The four bytes by which a signature names its key.
fn key_id(name: &str, public: &[u8; 32]) -> [u8; 4] {
    let text = [name.as_bytes(), b"\n", &[ED25519], public].concat();
    let [a, b, c, d, ..] = Digest::of(&text).0;
    [a, b, c, d]
}

/// A key's name, hash, and bytes with the kind of key in front.
type Parts<'t> = (&'t str, [u8; 4], Zeroizing<Vec<u8>>);

/// Reads `NAME+HASH+BASE64`.
fn parts(text: &str) -> Result<Parts<'_>, KeyError> {
    let (name, rest) = text.split_once('+').ok_or(KeyError::Form)?;
    let (id, key) = rest.split_once('+').ok_or(KeyError::Form)?;
    if !is_name(name) {
        return Err(KeyError::Name);
    }
    let id = unhex(id).and_then(|id| id.try_into().ok()).ok_or(KeyError::Form)?;
    let key = Zeroizing::new(BASE64.decode(key).map_err(|_| KeyError::Form)?);
    Ok((name, id, key))
}

/// The 32 bytes behind the byte that tells the kind of key.
fn bytes_of(key: &[u8]) -> Result<[u8; 32], KeyError> {
    match key.split_first() {
        Some((&ED25519, bytes)) => bytes.try_into().map_err(|_| KeyError::Form),
        Some(_) => Err(KeyError::Algorithm),
        None => Err(KeyError::Form),
    }
}

/// Who may sign. Its bytes are wiped when it goes.
pub struct SigningKey {
    name: String,
    key: ed25519_dalek::SigningKey,
}

impl std::fmt::Debug for SigningKey {
    /// The name alone.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "SigningKey({})", self.name)
    }
}

impl SigningKey {
    /// Of 32 random bytes.
    ///
    /// # Errors
    /// If a key cannot have this name.
    pub fn from_seed(name: &str, seed: &Zeroizing<[u8; 32]>) -> Result<SigningKey, KeyError> {
        is_name(name).then_some(()).ok_or(KeyError::Name)?;
        Ok(SigningKey {
            name: name.to_owned(),
            key: ed25519_dalek::SigningKey::from_bytes(seed),
        })
    }

    /// Reads `PRIVATE+KEY+NAME+HASH+BASE64`.
    ///
    /// # Errors
    /// If the text is no such key.
    pub fn parse(text: &str) -> Result<SigningKey, KeyError> {
        let text = text.trim().strip_prefix(PRIVATE).ok_or(KeyError::Form)?;
        let (name, id, key) = parts(text)?;
        let seed = Zeroizing::new(bytes_of(&key)?);
        let signing = SigningKey::from_seed(name, &seed)?;
        (key_id(name, signing.key.verifying_key().as_bytes()) == id)
            .then_some(signing)
            .ok_or(KeyError::Hash)
    }

    /// The text that `parse` reads: a secret.
    pub fn secret_text(&self) -> Zeroizing<String> {
        let key = Zeroizing::new([&[ED25519], self.key.as_bytes().as_slice()].concat());
        let encoded = Zeroizing::new(BASE64.encode(&key));
        let id = hex(&key_id(&self.name, self.key.verifying_key().as_bytes()));
        Zeroizing::new(format!("{PRIVATE}{}+{id}+{}", self.name, *encoded))
    }

    /// What verifies its signatures.
    pub fn verifying(&self) -> VerifyingKey {
        VerifyingKey {
            name: self.name.clone(),
            key: self.key.verifying_key(),
        }
    }

    /// The signature of a text.
    pub(crate) fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.key.sign(text).to_bytes()
    }
}

/// Who can tell whether somebody signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey {
    name: String,
    key: ed25519_dalek::VerifyingKey,
}

impl VerifyingKey {
    /// Reads `NAME+HASH+BASE64`.
    ///
    /// # Errors
    /// If the text is no such key.
    pub fn parse(text: &str) -> Result<VerifyingKey, KeyError> {
        let (name, id, key) = parts(text.trim())?;
        let bytes = bytes_of(&key)?;
        if key_id(name, &bytes) != id {
            return Err(KeyError::Hash);
        }
        let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::Form)?;
        // a key of small order fits signatures that nobody made
        (!key.is_weak()).then_some(()).ok_or(KeyError::Form)?;
        Ok(VerifyingKey {
            name: name.to_owned(),
            key,
        })
    }

    /// The text that `parse` reads.
    pub fn text(&self) -> String {
        let key = [&[ED25519], self.key.as_bytes().as_slice()].concat();
        format!("{}+{}+{}", self.name, hex(&self.id()), BASE64.encode(key))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The four bytes by which a signature names it.
    pub(crate) fn id(&self) -> [u8; 4] {
        key_id(&self.name, self.key.as_bytes())
    }

    /// SHA-256 of the key's 32 bytes, whole: what two people compare who trust no abbreviation.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(self.key.as_bytes())
    }

    /// The first 64 bits of the fingerprint as eight words, to be read aloud.
    pub fn spoken(&self) -> String {
        words::of(&self.fingerprint().0[..8]).join(" ")
    }

    /// Whether this is the key's signature of a text.
    pub(crate) fn verifies(&self, text: &[u8], signature: &[u8; 64]) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        self.key.verify(text, &signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> SigningKey {
        SigningKey::from_seed(name, &Zeroizing::new([7; 32])).expect("a name")
    }

    #[test]
    fn keys_come_back_from_their_texts() {
        let signing = key("vpn1.example");
        let again = SigningKey::parse(&format!("{}\n", *signing.secret_text())).expect("a key");
        assert_eq!(again.verifying(), signing.verifying());
        let public = signing.verifying().text();
        assert_eq!(VerifyingKey::parse(&public), Ok(signing.verifying()));
        assert!(!format!("{signing:?}").contains(&signing.secret_text()[20..]));
    }

    #[test]
    fn what_is_no_key_is_said() {
        let public = key("vpn1").verifying().text();
        let (head, last) = public.split_at(public.len() - 2);
        let other = if last.starts_with('A') { "B=" } else { "A=" };
        for (text, error) in [
            (String::new(), KeyError::Form),
            ("vpn1+00000000".to_owned(), KeyError::Form),
            (public.replace("vpn1+", "vpn 1+"), KeyError::Name),
            (public.replace("vpn1+", "vpn2+"), KeyError::Hash),
            (public.replacen("+", "+0", 1), KeyError::Form),
            (format!("vpn1+00000000+{}", BASE64.encode([2; 33])), KeyError::Algorithm),
            (format!("{head}{other}"), KeyError::Hash),
        ] {
            let found = VerifyingKey::parse(&text).expect_err(&text);
            // a base64 text that ends in bits nobody reads is no base64 either
            assert!(
                found == error || (error == KeyError::Hash && found == KeyError::Form),
                "{text}: {found:?}"
            );
        }
        assert!(SigningKey::parse(&public).is_err());
        assert!(SigningKey::from_seed("a+b", &Zeroizing::new([0; 32])).is_err());
    }

    #[test]
    fn a_weak_key_is_none() {
        // the neutral element: its signatures fit many texts
        let mut bytes = [0; 32];
        bytes[0] = 1;
        let text = format!(
            "a+{}+{}",
            hex(&key_id("a", &bytes)),
            BASE64.encode([&[1], &bytes[..]].concat())
        );
        assert_eq!(VerifyingKey::parse(&text), Err(KeyError::Form));
    }

    /// The example of the reference implementation (package documentation of golang.org/x/mod/sumdb/note).
    #[test]
    fn the_reference_implementations_key() {
        let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let key = VerifyingKey::parse(text).expect("a key");
        assert_eq!((key.name(), key.text().as_str()), ("PeterNeumann", text));
        let secret = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
        assert_eq!(SigningKey::parse(secret).expect("a key").verifying(), key);
    }
}
