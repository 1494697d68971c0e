//! How a message body is read. Most dialects are templates; the kernel's packet-filter lines are keys and values, those of
//! firewall appliances too (with a code that says which message it is), RADIUS detail blocks are named
//! values, and Windows events are such with an id.

pub mod fields;
pub mod key_value;
pub mod netfilter;
mod pairs;
pub mod windows_event;

use tunlog_model::{Field, RecordRef};

use crate::template::{Caught, Fields, method_word, parse_int, parse_ip};
use crate::trie::{Look, Trie};

/// A compiled dialect body reader. `find` gives the number of the message and adds its fields.
#[derive(Debug)]
pub enum Shape {
    /// Templates.
    Template(Trie),
    /// `prefix IN=eth0 OUT= … SRC=… PROTO=…`.
    Netfilter(netfilter::Rules),
    /// `CATEGORY: id=… key=value …`, or the message's text.
    KeyValue(Box<key_value::Rules>),
    /// Packets, which are no bodies: `packet` reads them.
    Packet,
    /// Windows events, by their ids.
    WindowsEvent(windows_event::Rules),
    /// Named values.
    Fields(Box<fields::Rules>),
}

/// What must hold for a message of a shape without templates: (key, accepted values separated by `|`).
#[derive(Debug)]
pub struct Condition(pub &'static [(&'static str, &'static str)]);

impl Shape {
    /// The message that fits, with its fields added. With `facts_only`, fields of messages that no attempt wants may be
    /// left out.
    #[inline(never)]
    pub fn find<'a>(&self, body: &'a [u8], record: &RecordRef<'a>, look: Look, caught: &mut Fields<'a>) -> Option<u32> {
        match self {
            Shape::Template(trie) => trie.find(body, look, caught),
            Shape::Netfilter(rules) => netfilter::find(rules, body, look.facts_only, caught),
            Shape::KeyValue(rules) => rules.find(body, look, caught),
            Shape::Packet => None,
            Shape::WindowsEvent(rules) => rules.find(record, look.facts_only, caught),
            Shape::Fields(rules) => rules.find(record, caught),
        }
    }
}

/// A field's value from text, by the type that the field has.
pub fn typed(field: Field, text: &[u8]) -> Option<Caught<'_>> {
    use Field::*;
    Some(match field {
        ClientIp | ClaimedIp | AssignedIp | ServerIp | LocalIp | Address | NasIp => Caught::Ip(parse_ip(text)?),
        ClientPort | ServerPort | SourcePort | DestinationPort | Length | BytesToClient | BytesFromClient
        | PacketsToClient | PacketsFromClient | MppeBits | Pid | Count | Limit | Status | Mtu | Mru => {
            Caught::Int(parse_int(text)?)
        }
        NasPort | Code => parse_int(text).map_or(Caught::Text(text), Caught::Int),
        DurationS => Caught::Seconds(std::str::from_utf8(text).ok()?.parse().ok()?),
        MppeStateful => Caught::Bool(text == b"true"),
        AuthMethod => Caught::Word(method_word(text)?),
        _ => Caught::Text(text),
    })
}
