//! Lines of the kernel's packet logger (iptables LOG, nftables log, UFW): `[prefix] IN=eth0 OUT= MAC=… SRC=… DST=… LEN=…
//! PROTO=…`. Source: Linux, net/netfilter/nf_log_syslog.c.

use tunlog_model::Field;

use super::{Condition, typed};
use crate::template::{Caught, Fields};

/// Keys that become fields for a packet that came in (`SRC` is the client's side).
const KEYS: &[(&[u8], Field)] = &[
    (b"IN", Field::InInterface),
    (b"OUT", Field::OutInterface),
    (b"LEN", Field::Length),
    (b"PROTO", Field::Protocol),
    (b"SPT", Field::SourcePort),
    (b"DPT", Field::DestinationPort),
];

/// Values of a line by key; the first of a key counts (an ICMP error quotes a second packet in brackets).
struct Line<'a> {
    prefix: &'a [u8],
    pairs: &'a [u8],
}

impl<'a> Line<'a> {
    fn new(body: &'a [u8]) -> Option<Line<'a>> {
        let at = memchr::memmem::find_iter(body, b"IN=").find(|at| {
            (*at == 0 || matches!(body[at - 1], b' ' | b':' | b']' | b'-' | b')')) && memchr::memmem::find(&body[*at..], b"OUT=").is_some()
        })?;
        Some(Line { prefix: body[..at].trim_ascii(), pairs: &body[at..] })
    }

    fn value(&self, key: &[u8]) -> Option<&'a [u8]> {
        let quoted = memchr::memchr(b'[', self.pairs).unwrap_or(self.pairs.len());
        self.pairs[..quoted].split(|byte| *byte == b' ').find_map(|pair| pair.strip_prefix(key)?.strip_prefix(b"="))
    }
}

/// The message whose conditions hold: any key of the line, `port` (source or destination), `prefix` (contains one of the
/// words, the prefix is the administrator's text) and `mac` (`decoded`: written by nftables' `log flags ether`).
pub fn find<'a>(conditions: &[Condition], body: &'a [u8], fields: &mut Fields<'a>) -> Option<u32> {
    let line = Line::new(body)?;
    line.value(b"SRC")?;
    let number = conditions.iter().position(|condition| holds(condition, &line))?;
    take(&line, fields);
    Some(number as u32)
}

fn holds(condition: &Condition, line: &Line<'_>) -> bool {
    condition.0.iter().all(|(key, accepted)| {
        let any = |is: &dyn Fn(&[u8]) -> bool| accepted.split('|').any(|accepted| is(accepted.as_bytes()));
        match *key {
            "prefix" => {
                let prefix = line.prefix.to_ascii_uppercase();
                any(&|word| memchr::memmem::find(&prefix, word).is_some())
            }
            "port" => any(&|port| line.value(b"SPT") == Some(port) || line.value(b"DPT") == Some(port)),
            "mac" => line.value(b"MACSRC").is_some(),
            key => line.value(key.as_bytes()).is_some_and(|value| any(&|word| word == value)),
        }
    })
}

fn take<'a>(line: &Line<'a>, fields: &mut Fields<'a>) {
    // a packet without IN= was sent by this machine: then the far end is DST
    let outgoing = line.value(b"IN").is_none_or(<[u8]>::is_empty);
    let (source, destination) = if outgoing { (Field::ServerIp, Field::ClientIp) } else { (Field::ClientIp, Field::ServerIp) };
    for (key, field) in [(&b"SRC"[..], source), (b"DST", destination)] {
        if let Some(address) = line.value(key).and_then(|text| typed(field, text)) {
            fields.push((field, address));
        }
    }
    for (key, field) in KEYS {
        if let Some(value) = line.value(key).filter(|value| !value.is_empty()).and_then(|value| typed(*field, value)) {
            fields.push((*field, value));
        }
    }
    if !line.prefix.is_empty() {
        fields.push((Field::Prefix, Caught::Text(line.prefix)));
    }
}
