//! Seals: what proves later that bytes are those that were there, and who said so.
//!
//! [`note`] is the signed-note format of C2SP (c2sp.org/signed-note), which other tools and witnesses read; [`key`] holds keys
//! in its text forms; [`words`] makes a key something that can be read aloud; [`hash`] is SHA-256 as text; [`tree`] is
//! RFC 6962's tree of them. Nothing here reads a
//! file, a clock or a source of random numbers: seeds are handed in.

pub mod hash;
pub mod key;
pub mod note;
pub mod tree;
pub mod words;

pub use hash::{Digest, Hasher};
pub use key::{KeyError, SigningKey, VerifyingKey};
pub use note::{Note, NoteError};
pub use zeroize::Zeroizing;
