//! RADIUS (RFC 2865, RFC 2866, RFC 5176) with Microsoft's attributes (RFC 2548): requests and answers are paired, repeated
//! requests told apart, and it is noted whether packets are signed (RFC 3579 §3.2; without it, CVE-2024-3596).

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::net::IpAddr;

use tunlog_model::{Datagram, Field, Flaw, Stamp};

use super::messages::Id;
use super::tell::{Context, Draft, Teller, long, shown};

/// Ports of authentication and accounting, the old ones, and of dynamic authorisation.
pub(super) const PORTS: [u16; 5] = [1812, 1813, 1645, 1646, 3799];

/// Requests that wait for their answers; more, and the oldest is forgotten.
const WAITING_MAX: usize = 1024;

/// How long a request may wait until it counts as unanswered, microseconds: clients repeat it some times for 30 s.
const WAIT: i64 = 30_000_000;

/// A request without an answer.
struct Waiting {
    asker: (IpAddr, u16),
    server: (IpAddr, u16),
    id: u8,
    authenticator: [u8; 16],
    time: i64,
    /// How often it was sent.
    times: u64,
    user: Option<Vec<u8>>,
    is_accounting: bool,
}

/// The requests of a capture.
#[derive(Default)]
pub(super) struct Requests {
    waiting: VecDeque<Waiting>,
}

/// What the attributes say.
#[derive(Default)]
struct Attributes<'a> {
    user: Option<&'a [u8]>,
    has_password: bool,
    nas_address: Option<IpAddr>,
    nas: &'a [u8],
    nas_port: Option<u32>,
    assigned: Option<IpAddr>,
    reply: &'a [u8],
    calling: &'a [u8],
    called: &'a [u8],
    status: Option<u32>,
    session: &'a [u8],
    octets: [u64; 2],
    gigawords: [u64; 2],
    packets: [Option<u32>; 2],
    time_s: Option<u32>,
    terminate: Option<u32>,
    error_cause: Option<u32>,
    signed: bool,
    method: Option<&'static str>,
    ms_error: Option<u32>,
    mppe_bits: Option<i64>,
}

impl Requests {
    pub fn datagram(
        &mut self,
        teller: &mut Teller<'_>,
        (from, to): (IpAddr, IpAddr),
        datagram: &Datagram<'_>,
        missing: u32,
    ) {
        let ends = (
            (from, Some(datagram.source_port)),
            (to, Some(datagram.destination_port)),
        );
        let context = Context::between(ends.0, ends.1);
        if let Err(flaw) = self.read(teller, &context, (from, to), datagram, missing)
            && missing == 0
        {
            teller.malformed(Id::MalformedRadius, &context, &flaw);
        }
    }

    fn read(
        &mut self,
        teller: &mut Teller<'_>,
        context: &Context,
        (from, to): (IpAddr, IpAddr),
        datagram: &Datagram<'_>,
        missing: u32,
    ) -> Result<(), Flaw> {
        let bytes = datagram.bytes;
        let whole = bytes.len() + missing as usize;
        let Some(header) = bytes.first_chunk::<20>() else {
            return Err(Flaw::at("RADIUS", bytes.len(), "the packet ends within its header"));
        };
        let len = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if len < 20 || len > whole {
            return Err(Flaw::at(
                "RADIUS",
                2,
                format!("a length of {len} bytes in a datagram that has {whole}"),
            ));
        }
        let mut authenticator = [0; 16];
        authenticator.copy_from_slice(&header[4..]);
        let mut attributes = Attributes::default();
        let read = attributes.read(&bytes[20..len.min(bytes.len())]);
        let (code, id) = (header[0], header[1]);
        let now = micros(teller.stamp);
        self.expire(teller, now);
        if matches!(code, 1 | 4 | 12 | 40 | 43) {
            let key = ((from, datagram.source_port), (to, datagram.destination_port), id);
            self.request(teller, context, key, authenticator, code, now, &attributes);
        } else {
            let key = ((to, datagram.destination_port), (from, datagram.source_port), id);
            self.answer(teller, context, key, code, now, &attributes);
        }
        read
    }

    #[allow(clippy::too_many_arguments)] // a request's parts
    fn request(
        &mut self,
        teller: &mut Teller<'_>,
        context: &Context,
        (asker, server, id): ((IpAddr, u16), (IpAddr, u16), u8),
        authenticator: [u8; 16],
        code: u8,
        now: i64,
        attributes: &Attributes<'_>,
    ) {
        let known = self
            .waiting
            .iter_mut()
            .find(|waiting| waiting.id == id && waiting.asker == asker && waiting.server == server);
        if let Some(waiting) = known {
            if waiting.authenticator == authenticator {
                waiting.times += 1;
                let line = format!("RADIUS request id {id} again, {} times by now", waiting.times);
                if let Some(draft) = teller.event(Id::RadiusAgain, context, &line) {
                    let draft = draft
                        .int(Field::Count, waiting.times as i64)
                        .int(Field::PacketId, id.into());
                    let draft = draft
                        .ip(Field::NasIp, asker.0)
                        .text(Field::Server, server.0.to_string().as_bytes());
                    match &waiting.user {
                        Some(user) => draft.text(Field::User, user).end(),
                        None => draft.end(),
                    }
                }
                return;
            }
            // the id comes round: the earlier request was given up
            if let Some(at) = self
                .waiting
                .iter()
                .position(|waiting| waiting.id == id && waiting.asker == asker)
            {
                let gone = self.waiting.remove(at);
                gone.into_iter().for_each(|gone| unanswered(teller, &gone));
            }
        }
        if self.waiting.len() == WAITING_MAX {
            self.waiting.pop_front();
        }
        self.waiting.push_back(Waiting {
            asker,
            server,
            id,
            authenticator,
            time: now,
            times: 1,
            user: attributes.user.map(<[u8]>::to_vec),
            is_accounting: code == 4,
        });
        let (message, name) = request_of(code, attributes.status);
        let line = attributes.line(format!("RADIUS {name} id {id}"), code == 1);
        if let Some(draft) = teller.event(message, context, &line) {
            attributes.tell(draft, asker.0, server.0, id, code == 1).end();
        }
    }

    fn answer(
        &mut self,
        teller: &mut Teller<'_>,
        context: &Context,
        (asker, server, id): ((IpAddr, u16), (IpAddr, u16), u8),
        code: u8,
        now: i64,
        attributes: &Attributes<'_>,
    ) {
        let at = self
            .waiting
            .iter()
            .position(|waiting| waiting.id == id && waiting.asker == asker && waiting.server == server);
        let request = at.and_then(|at| self.waiting.remove(at));
        let (message, name) = answer_of(code);
        let mut line = attributes.line(format!("RADIUS {name} id {id}"), matches!(code, 2 | 3 | 11));
        let latency = request.as_ref().map(|request| (now - request.time).max(0) as f64 / 1e6);
        if let Some(seconds) = latency {
            let _ = write!(line, ", after {seconds:.3} s");
        }
        let Some(draft) = teller.event(message, context, &line) else {
            return;
        };
        let mut draft = attributes.tell(draft, asker.0, server.0, id, matches!(code, 2 | 3 | 11));
        if let (Some(user), None) = (
            request.as_ref().and_then(|request| request.user.as_deref()),
            attributes.user,
        ) {
            draft = draft.text(Field::User, user);
        }
        match latency {
            Some(seconds) => draft.seconds(Field::DurationS, seconds).end(),
            None => draft.end(),
        }
    }

    /// Tells the requests that waited too long.
    fn expire(&mut self, teller: &mut Teller<'_>, now: i64) {
        while let Some(oldest) = self.waiting.front()
            && now.saturating_sub(oldest.time) > WAIT
        {
            let gone = self.waiting.pop_front();
            gone.into_iter().for_each(|gone| unanswered(teller, &gone));
        }
    }

    /// The capture ends: what waits is unanswered, unless it was asked only now.
    pub fn finish(&mut self, teller: &mut Teller<'_>) {
        let now = micros(teller.stamp);
        for waiting in std::mem::take(&mut self.waiting) {
            if now.saturating_sub(waiting.time) > 3_000_000 || waiting.times > 1 {
                unanswered(teller, &waiting);
            }
        }
    }
}

fn micros(stamp: Stamp) -> i64 {
    match stamp {
        Stamp::Instant(micros) => micros,
        _ => 0,
    }
}

fn unanswered(teller: &mut Teller<'_>, waiting: &Waiting) {
    let context = Context::between(
        (waiting.asker.0, Some(waiting.asker.1)),
        (waiting.server.0, Some(waiting.server.1)),
    );
    let what = if waiting.is_accounting { "accounting" } else { "access" };
    let line = format!(
        "RADIUS {what} request id {} was never answered, sent {} times",
        waiting.id, waiting.times
    );
    if let Some(draft) = teller.event(Id::RadiusUnanswered, &context, &line) {
        let draft = draft
            .ip(Field::NasIp, waiting.asker.0)
            .text(Field::Server, waiting.server.0.to_string().as_bytes())
            .int(Field::Count, waiting.times as i64)
            .word(Field::Type, what);
        match &waiting.user {
            Some(user) => draft.text(Field::User, user).end(),
            None => draft.end(),
        }
    }
}

fn request_of(code: u8, status: Option<u32>) -> (Id, &'static str) {
    match (code, status) {
        (1, _) => (Id::RadiusRequest, "Access-Request"),
        (4, Some(1)) => (Id::RadiusStart, "Accounting-Request start"),
        (4, Some(2)) => (Id::RadiusStop, "Accounting-Request stop"),
        (4, Some(3)) => (Id::RadiusInterim, "Accounting-Request interim"),
        (4, _) => (Id::RadiusAccounting, "Accounting-Request"),
        (40, _) => (Id::RadiusDynamic, "Disconnect-Request"),
        (43, _) => (Id::RadiusDynamic, "CoA-Request"),
        _ => (Id::RadiusOther, "Status-Server"),
    }
}

fn answer_of(code: u8) -> (Id, &'static str) {
    match code {
        2 => (Id::RadiusAccept, "Access-Accept"),
        3 => (Id::RadiusReject, "Access-Reject"),
        5 => (Id::RadiusAccounted, "Accounting-Response"),
        11 => (Id::RadiusChallenge, "Access-Challenge"),
        41 => (Id::RadiusDynamic, "Disconnect-ACK"),
        42 => (Id::RadiusDynamic, "Disconnect-NAK"),
        44 => (Id::RadiusDynamic, "CoA-ACK"),
        45 => (Id::RadiusDynamic, "CoA-NAK"),
        _ => (Id::RadiusOther, "packet of an unknown code"),
    }
}

impl<'a> Attributes<'a> {
    fn read(&mut self, bytes: &'a [u8]) -> Result<(), Flaw> {
        let mut at = 0;
        while at < bytes.len() {
            let (kind, len) = (bytes[at], usize::from(bytes.get(at + 1).copied().unwrap_or(0)));
            let Some(value) = bytes.get(at + 2..at + len).filter(|_| len >= 2) else {
                let reason = format!(
                    "attribute {kind} has a length of {len} bytes where {} are left",
                    bytes.len() - at
                );
                return Err(Flaw::at("RADIUS", 20 + at, reason));
            };
            match kind {
                26 => self.vendor(value, 20 + at)?,
                _ => self.attribute(kind, value),
            }
            at += len;
        }
        Ok(())
    }

    fn attribute(&mut self, kind: u8, value: &'a [u8]) {
        let number = (value.len() == 4).then(|| long(value, 0));
        let address = || match value.len() {
            4 => Some(IpAddr::from([value[0], value[1], value[2], value[3]])),
            _ => None,
        };
        match kind {
            1 => self.user = Some(value),
            2 => {
                self.has_password = true;
                self.method = Some("pap");
            }
            3 => self.method = Some("chap-md5"),
            4 => self.nas_address = address(),
            5 => self.nas_port = number,
            8 => {
                self.assigned = address().filter(|address| {
                    *address != IpAddr::from([255, 255, 255, 254]) && *address != IpAddr::from([255; 4])
                })
            }
            18 => self.reply = value,
            30 => self.called = value,
            31 => self.calling = value,
            32 => self.nas = value,
            40 => self.status = number,
            42 | 43 => self.octets[usize::from(kind == 43)] = number.unwrap_or(0).into(),
            44 => self.session = value,
            46 => self.time_s = number,
            47 | 48 => self.packets[usize::from(kind == 48)] = number,
            49 => self.terminate = number,
            52 | 53 => self.gigawords[usize::from(kind == 53)] = number.unwrap_or(0).into(),
            79 => self.method = Some("eap"),
            80 => self.signed = value.len() == 16,
            101 => self.error_cause = number,
            _ => {}
        }
    }

    /// A vendor's attributes (RFC 2865 §5.26); those of Microsoft say how the user proved himself.
    fn vendor(&mut self, value: &'a [u8], at: usize) -> Result<(), Flaw> {
        if value.len() < 4 {
            return Err(Flaw::at("RADIUS", at, "a vendor's attribute without a vendor"));
        }
        if long(value, 0) != 311 {
            return Ok(());
        }
        let mut rest = &value[4..];
        while let [kind, len, ..] = *rest {
            let Some(inner) = rest.get(2..usize::from(len)).filter(|_| len >= 2) else {
                let reason = format!(
                    "Microsoft's attribute {kind} has a length of {len} bytes where {} are left",
                    rest.len()
                );
                return Err(Flaw::at("RADIUS", at, reason));
            };
            match kind {
                1 => self.method = Some("ms-chap"),
                25 => self.method = Some("ms-chap-v2"),
                // an id, then E=691 R=1 …
                2 => self.ms_error = ms_error(inner),
                8 if inner.len() == 4 => self.mppe_bits = mppe_bits(long(inner, 0)),
                _ => {}
            }
            rest = &rest[usize::from(len)..];
        }
        Ok(())
    }

    /// The line: what it is, who, and whether it is signed where that matters.
    fn line(&self, mut line: String, should_be_signed: bool) -> String {
        if let Some(user) = self.user {
            let _ = write!(line, ", user \"{}\"", shown(user));
        }
        if let Some(method) = self.method {
            let _ = write!(line, ", {method}");
        }
        if !self.calling.is_empty() {
            let _ = write!(line, ", calling \"{}\"", shown(self.calling));
        }
        if let Some(error) = self.ms_error {
            let _ = write!(line, ", E={error}");
        }
        if !self.reply.is_empty() {
            let _ = write!(line, ", \"{}\"", shown(self.reply));
        }
        if let Some(address) = self.assigned {
            let _ = write!(line, ", address {address}");
        }
        if let Some(cause) = self.terminate {
            let _ = write!(line, ", cause {cause}");
        }
        if should_be_signed && !self.signed {
            line.push_str(", no Message-Authenticator");
        }
        line
    }

    fn tell<'b>(&self, draft: Draft<'b>, nas: IpAddr, server: IpAddr, id: u8, should_be_signed: bool) -> Draft<'b> {
        let mut draft = draft
            .int(Field::PacketId, id.into())
            .ip(Field::NasIp, nas)
            .text(Field::Server, server.to_string().as_bytes())
            .some_text(Field::Nas, self.nas)
            .some_text(Field::Reason, self.reply)
            .some_text(Field::AccountingId, self.session)
            .some_text(Field::CalledStation, self.called);
        if let Some(user) = self.user {
            draft = draft.text(Field::User, user);
        }
        if let Some(method) = self.method {
            draft = draft.word(Field::AuthMethod, method);
        }
        if let Some(address) = self.assigned {
            draft = draft.ip(Field::AssignedIp, address);
        }
        // the station of a client of PPTP or L2TP is its address; anything else is none
        let claimed = std::str::from_utf8(self.calling)
            .ok()
            .and_then(|text| text.parse().ok());
        if let Some(address) = claimed {
            draft = draft.ip(Field::ClaimedIp, address);
        }
        if let Some(port) = self.nas_port {
            draft = draft.int(Field::NasPort, port.into());
        }
        if let Some(error) = self.ms_error.or(self.error_cause) {
            draft = draft.int(Field::Code, error.into());
        }
        if let Some(bits) = self.mppe_bits {
            draft = draft.int(Field::MppeBits, bits);
        }
        if should_be_signed {
            draft = draft.word(Field::Option, if self.signed { "signed" } else { "unsigned" });
        }
        self.tell_counts(draft)
    }

    /// What accounting counts: octets "in" are those that the NAS received.
    fn tell_counts<'b>(&self, mut draft: Draft<'b>) -> Draft<'b> {
        if matches!(self.status, Some(2 | 3)) {
            let bytes = |side: usize| (self.octets[side] + (self.gigawords[side] << 32)) as i64;
            draft = draft
                .int(Field::BytesFromClient, bytes(0))
                .int(Field::BytesToClient, bytes(1));
        }
        for (field, packets) in [
            (Field::PacketsFromClient, self.packets[0]),
            (Field::PacketsToClient, self.packets[1]),
        ] {
            if let Some(packets) = packets {
                draft = draft.int(field, packets.into());
            }
        }
        if let Some(seconds) = self.time_s {
            draft = draft.seconds(Field::DurationS, seconds.into());
        }
        match self.terminate {
            Some(cause) => draft.text(Field::TerminateCause, cause.to_string().as_bytes()),
            None => draft,
        }
    }
}

fn ms_error(text: &[u8]) -> Option<u32> {
    let at = memchr::memmem::find(text, b"E=")?;
    let digits = text[at + 2..].iter().take(9).take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
}

/// MS-MPPE-Encryption-Types (RFC 2548 §2.4.4): 2 is 40 bits, 4 is 128.
fn mppe_bits(types: u32) -> Option<i64> {
    match types {
        2 => Some(40),
        4 => Some(128),
        8 => Some(56),
        _ => None,
    }
}
