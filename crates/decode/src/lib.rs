//! Records to events. Pure: no file, clock or terminal.
//!
//! What tunlog knows of messages stands in `dialects/*.toml`; the code here reads bodies by it and knows no daemon by
//! name, except for what a dialect file cannot say (preludes, escapings).

mod catalogue;
mod check;
pub mod codes;
mod decoder;
mod definition;
mod dialect;
mod facts;
mod kept;
mod listed;
mod options;
mod packet;
mod prelude;
mod problem;
mod programs;
mod redact;
mod reread;
mod shape;
mod table;
pub mod template;
mod torn;
mod trie;
mod unescape;
mod user;

pub use catalogue::Catalogue;
pub use check::check;
pub use decoder::{Decoder, Keep};
pub use dialect::Dialect;
pub use facts::Facts;
pub use kept::KeptMessages;
pub use listed::Listed;
pub use packet::{Exposed, PacketDecoder, TunnelPackets, public_bytes, public_ppp_bytes};
pub use redact::redact;
pub use reread::reread;
pub use shape::windows_event::{Pairs as EventValues, pairs_of as windows_event_of};
pub use table::FILES as DIALECT_FILES;
