//! The control protocols that negotiate options: LCP (RFC 1661), CCP (RFC 1962, RFC 3078), IPCP (RFC 1332), IPV6CP (RFC 5072).

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use tunlog_model::{Field, Flaw};

use super::messages::Id;
use super::ppp::{header, name};
use super::tell::{Context, Draft, Teller, long, shown, word};

/// Which of the protocols.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Lcp,
    Ccp,
    Ipcp,
    Ipv6cp,
}

impl Kind {
    fn of(protocol: u16) -> Kind {
        match protocol {
            0xc021 => Kind::Lcp,
            0x8021 => Kind::Ipcp,
            0x8057 => Kind::Ipv6cp,
            _ => Kind::Ccp,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Lcp => "LCP",
            Kind::Ccp => "CCP",
            Kind::Ipcp => "IPCP",
            Kind::Ipv6cp => "IPV6CP",
        }
    }

    fn malformed(self) -> Id {
        match self {
            Kind::Lcp => Id::MalformedLcp,
            Kind::Ccp => Id::MalformedCcp,
            Kind::Ipcp | Kind::Ipv6cp => Id::MalformedIpcp,
        }
    }

    /// The message of a code.
    fn message(self, code: u8) -> Id {
        use Id::*;
        match (self, code) {
            (Kind::Lcp, 1) => LcpRequest,
            (Kind::Lcp, 2) => LcpAck,
            (Kind::Lcp, 3) => LcpNak,
            (Kind::Lcp, 4) => LcpReject,
            (Kind::Lcp, 5) => LcpTerminate,
            (Kind::Lcp, 6) => LcpTerminated,
            (Kind::Lcp, 7) => LcpCodeReject,
            (Kind::Lcp, 8) => LcpProtocolReject,
            (Kind::Lcp, 9) => LcpEchoRequest,
            (Kind::Lcp, 10) => LcpEchoReply,
            (Kind::Lcp, _) => LcpOther,
            (Kind::Ccp, 1) => CcpRequest,
            (Kind::Ccp, 2) => CcpAck,
            (Kind::Ccp, 3) => CcpNak,
            (Kind::Ccp, 4) => CcpReject,
            (Kind::Ccp, 5 | 6) => CcpTerminate,
            (Kind::Ccp, 14 | 15) => CcpReset,
            (Kind::Ccp, _) => CcpOther,
            (Kind::Ipcp, 1) => IpcpRequest,
            (Kind::Ipcp, 2) => IpcpAck,
            (Kind::Ipcp, 3) => IpcpNak,
            (Kind::Ipcp, 4) => IpcpReject,
            (Kind::Ipcp, 5 | 6) => IpcpTerminate,
            (Kind::Ipcp, _) => IpcpOther,
            (Kind::Ipv6cp, _) => Ipv6cp,
        }
    }
}

fn code_name(code: u8) -> &'static str {
    match code {
        1 => "Conf-Request",
        2 => "Conf-Ack",
        3 => "Conf-Nack",
        4 => "Conf-Reject",
        5 => "Term-Request",
        6 => "Term-Ack",
        7 => "Code-Reject",
        8 => "Prot-Reject",
        9 => "Echo-Request",
        10 => "Echo-Reply",
        11 => "Discard-Request",
        12 => "Ident",
        13 => "Time-Remaining",
        14 => "Reset-Request",
        15 => "Reset-Ack",
        _ => "unknown code",
    }
}

/// What options say that is a fact.
#[derive(Default)]
struct Facts {
    auth_method: Option<&'static str>,
    mru: Option<u16>,
    magic: Option<u32>,
    mppe: Option<u32>,
    address: Option<Ipv4Addr>,
}

/// Reads a packet of one of the protocols.
pub(super) fn packet(
    teller: &mut Teller<'_>,
    context: &Context,
    protocol: u16,
    body: &[u8],
    missing: u32,
) -> Result<(), (Id, Flaw)> {
    let kind = Kind::of(protocol);
    let wrong = |flaw| (kind.malformed(), flaw);
    let (code, id, data) = header(kind.name(), body, missing).map_err(wrong)?;
    let mut line = format!("{} {} id {id}", kind.name(), code_name(code));
    if code > 15 {
        let _ = write!(line, " {code}");
    }
    let mut facts = Facts::default();
    let mut broken = None;
    let (mut reason, mut rejected) = (&b""[..], None);
    match code {
        1..=4 => broken = options(kind, data, &mut line, &mut facts).err(),
        5 | 6 => {
            reason = said(data);
            if !reason.is_empty() {
                let _ = write!(line, " \"{}\"", shown(reason));
            }
        }
        8 if kind == Kind::Lcp => {
            rejected = Some(word(data, 0));
            let _ = write!(line, " {:#06x} ({})", word(data, 0), name(word(data, 0)));
        }
        9..=11 if kind == Kind::Lcp => facts.magic = (data.len() >= 4).then(|| long(data, 0)),
        12 if kind == Kind::Lcp => {
            reason = data.get(4..).unwrap_or(b"");
            let _ = write!(line, " \"{}\"", shown(reason));
        }
        _ => {}
    }
    if let Some(draft) = teller.event(kind.message(code), context, &line) {
        let mut draft = facts
            .tell(draft.int(Field::PacketId, id.into()), kind)
            .some_text(Field::Reason, reason);
        if let Some(protocol) = rejected {
            draft = draft.text(Field::Protocol, name(protocol).as_bytes());
        }
        if kind == Kind::Ipv6cp || !(1..=4).contains(&code) {
            draft = draft.int(Field::Code, code.into());
        }
        draft.end();
    }
    // the options in front of the bad one were told
    broken.map_or(Ok(()), |flaw| Err(wrong(flaw)))
}

/// The text of a Terminate-Request. MPPE's Microsoft extension puts a magic number and an error in front of it.
fn said(data: &[u8]) -> &[u8] {
    let text = data
        .iter()
        .filter(|byte| byte.is_ascii_graphic() || **byte == b' ')
        .count();
    if text * 4 >= data.len() * 3 { data } else { b"" }
}

impl Facts {
    fn tell<'b>(&self, mut draft: Draft<'b>, kind: Kind) -> Draft<'b> {
        if let Some(method) = self.auth_method {
            draft = draft.word(Field::AuthMethod, method);
        }
        if let Some(mru) = self.mru {
            draft = draft.int(Field::Mru, mru.into());
        }
        if let Some(magic) = self.magic {
            draft = draft.text(Field::Magic, format!("{magic:#010x}").as_bytes());
        }
        if let Some(bits) = self.mppe {
            draft = draft.word(Field::Proposal, mppe_words(bits));
            if let Some(length) = mppe_bits(bits) {
                draft = draft
                    .int(Field::MppeBits, length)
                    .flag(Field::MppeStateful, bits & MPPE_STATELESS == 0);
            }
        }
        if let (Some(address), Kind::Ipcp) = (self.address, kind) {
            draft = draft.ip(Field::Address, IpAddr::V4(address));
        }
        draft
    }
}

/// Reads options, adding each to the line (RFC 1661 §5.1: type, length with these two bytes, data).
fn options(kind: Kind, data: &[u8], line: &mut String, facts: &mut Facts) -> Result<(), Flaw> {
    let mut at = 0;
    while at < data.len() {
        let (option, len) = (data[at], usize::from(data.get(at + 1).copied().unwrap_or(0)));
        let Some(value) = data.get(at + 2..at + len).filter(|_| len >= 2) else {
            let reason = format!(
                "option {option} has a length of {len} bytes where {} are left",
                data.len() - at
            );
            return Err(Flaw::at(kind.name(), at + 4, reason));
        };
        match kind {
            Kind::Lcp => lcp_option(option, value, line, facts),
            Kind::Ccp => ccp_option(option, value, line, facts),
            Kind::Ipcp => ipcp_option(option, value, line, facts),
            Kind::Ipv6cp => {
                let _ = write!(line, ", option {option}");
            }
        }
        at += len;
    }
    Ok(())
}

fn lcp_option(option: u8, value: &[u8], line: &mut String, facts: &mut Facts) {
    let _ = match (option, value.len()) {
        (1, 2) => {
            facts.mru = Some(word(value, 0));
            write!(line, ", mru {}", word(value, 0))
        }
        (2, 4) => write!(line, ", accm {:#010x}", long(value, 0)),
        (3, 2..) => {
            facts.auth_method = method(value);
            match facts.auth_method {
                Some(method) => write!(line, ", auth {method}"),
                None => write!(line, ", auth {:#06x}", word(value, 0)),
            }
        }
        (5, 4) => {
            facts.magic = Some(long(value, 0));
            write!(line, ", magic {:#010x}", long(value, 0))
        }
        (7, _) => write!(line, ", pfc"),
        (8, _) => write!(line, ", acfc"),
        (13, _) => write!(line, ", callback"),
        (17, 2) => write!(line, ", mrru {}", word(value, 0)),
        (19, _) => write!(line, ", endpoint"),
        (other, _) => write!(line, ", option {other}"),
    };
}

/// The authentication protocol of LCP's option 3 (RFC 1661 §6.2, RFC 1994 §3, RFC 2433, RFC 2759).
fn method(value: &[u8]) -> Option<&'static str> {
    match (word(value, 0), value.get(2)) {
        (0xc023, _) => Some("pap"),
        (0xc223, Some(5)) => Some("chap-md5"),
        (0xc223, Some(0x80)) => Some("ms-chap"),
        (0xc223, Some(0x81)) => Some("ms-chap-v2"),
        (0xc227, _) => Some("eap"),
        _ => None,
    }
}

const MPPE_STATELESS: u32 = 0x0100_0000;
const MPPE_128: u32 = 0x40;
const MPPE_40: u32 = 0x20;
const MPPE_56: u32 = 0x80;

/// The key length, if exactly one is named (RFC 3078 §2.1).
fn mppe_bits(bits: u32) -> Option<i64> {
    match bits & (MPPE_128 | MPPE_40 | MPPE_56) {
        MPPE_128 => Some(128),
        MPPE_56 => Some(56),
        MPPE_40 => Some(40),
        _ => None,
    }
}

/// What a set of bits offers, in words.
fn mppe_words(bits: u32) -> &'static str {
    match (bits & MPPE_128 != 0, bits & MPPE_56 != 0, bits & MPPE_40 != 0) {
        (true, true, true) => "mppe 128 56 40",
        (true, true, false) => "mppe 128 56",
        (true, false, true) => "mppe 128 40",
        (true, false, false) => "mppe 128",
        (false, true, true) => "mppe 56 40",
        (false, true, false) => "mppe 56",
        (false, false, true) => "mppe 40",
        (false, false, false) => "mppe none",
    }
}

fn ccp_option(option: u8, value: &[u8], line: &mut String, facts: &mut Facts) {
    let _ = match (option, value.len()) {
        (18, 4) => {
            let bits = long(value, 0);
            facts.mppe = Some(bits);
            let mode = if bits & MPPE_STATELESS != 0 {
                "stateless"
            } else {
                "stateful"
            };
            let compressed = if bits & 1 != 0 { " mppc" } else { "" };
            write!(line, ", {} {mode}{compressed}", mppe_words(bits))
        }
        (1 | 2, _) => write!(line, ", predictor"),
        (17, _) => write!(line, ", lzs"),
        (21, _) => write!(line, ", bsd-compress"),
        (24 | 26, _) => write!(line, ", deflate"),
        (other, _) => write!(line, ", option {other}"),
    };
}

fn ipcp_option(option: u8, value: &[u8], line: &mut String, facts: &mut Facts) {
    let address = || Ipv4Addr::from(long(value, 0));
    let _ = match (option, value.len()) {
        (3, 4) => {
            facts.address = Some(address());
            write!(line, ", addr {}", address())
        }
        (2, _) => write!(line, ", vj"),
        (129 | 131, 4) => write!(line, ", dns {}", address()),
        (130 | 132, 4) => write!(line, ", wins {}", address()),
        (other, _) => write!(line, ", option {other}"),
    };
}
