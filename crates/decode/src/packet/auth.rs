//! Authentication: PAP (RFC 1334), CHAP (RFC 1994), MS-CHAP (RFC 2433), MS-CHAPv2 (RFC 2759), EAP (RFC 3748). Passwords,
//! challenges and responses are looked at for their lengths and never kept.

use std::fmt::Write as _;

use tunlog_model::{Field, Flaw};

use super::messages::Id;
use super::ppp::header;
use super::tell::{Context, Teller, shown};

type Read = Result<(), (Id, Flaw)>;

fn wrong(flaw: Flaw) -> (Id, Flaw) {
    (Id::MalformedAuth, flaw)
}

/// A field, and what follows it.
type Parts<'a> = (&'a [u8], &'a [u8]);

/// A field with its length in front of it; what follows.
fn counted<'a>(protocol: &'static str, data: &'a [u8], at: usize) -> Result<Parts<'a>, (Id, Flaw)> {
    let len = data.first().map(|len| usize::from(*len));
    match len.and_then(|len| Some((data.get(1..=len)?, &data[1 + len..]))) {
        Some(parts) => Ok(parts),
        None => {
            let reason = match len {
                Some(len) => format!("a field of {len} bytes where {} are left", data.len() - 1),
                None => "the packet ends where a field should begin".to_string(),
            };
            Err(wrong(Flaw::at(protocol, at, reason)))
        }
    }
}

pub(super) fn pap(teller: &mut Teller<'_>, context: &Context, body: &[u8], missing: u32) -> Read {
    let (code, id, data) = header("PAP", body, missing).map_err(wrong)?;
    let (name, message, text) = match code {
        1 => {
            let (user, rest) = counted("PAP", data, 4)?;
            let (password, _) = counted("PAP", rest, 5 + user.len())?;
            teller.watch.password(context, id, password.len());
            (Id::PapRequest, user, "Auth-Req")
        }
        2 => (Id::PapAck, data.get(1..).unwrap_or(b""), "Auth-Ack"),
        3 => (Id::PapNak, data.get(1..).unwrap_or(b""), "Auth-Nack"),
        other => {
            return Err(wrong(Flaw::at("PAP", 0, format!("no packet has code {other}"))));
        }
    };
    let what = if code == 1 { "user" } else { "message" };
    let mut line = format!("PAP {text} id {id}");
    if !message.is_empty() || code == 1 {
        let _ = write!(line, " {what} \"{}\"", shown(message));
    }
    if let Some(draft) = teller.event(name, context, &line) {
        let draft = draft.int(Field::PacketId, id.into()).word(Field::AuthMethod, "pap");
        match code {
            1 => draft.text(Field::User, message).end(),
            _ => draft.some_text(Field::Reason, message).end(),
        }
    }
    Ok(())
}

pub(super) fn chap(teller: &mut Teller<'_>, context: &Context, body: &[u8], missing: u32) -> Read {
    let (code, id, data) = header("CHAP", body, missing).map_err(wrong)?;
    match code {
        1 => {
            let (challenge, name) = counted("CHAP", data, 4)?;
            teller.watch.challenge(context, id);
            let line = format!(
                "CHAP Challenge id {id} of {} bytes, name \"{}\"",
                challenge.len(),
                shown(name)
            );
            if let Some(draft) = teller.event(Id::ChapChallenge, context, &line) {
                draft.int(Field::PacketId, id.into()).some_text(Field::Name, name).end();
            }
        }
        2 => {
            let (response, user) = counted("CHAP", data, 4)?;
            let method = response_method(response);
            teller.watch.response(context, id);
            let line = format!("CHAP Response id {id}, {method}, user \"{}\"", shown(user));
            if let Some(draft) = teller.event(Id::ChapResponse, context, &line) {
                draft
                    .int(Field::PacketId, id.into())
                    .word(Field::AuthMethod, method)
                    .text(Field::User, user)
                    .end();
            }
        }
        3 => success(teller, context, id, data),
        4 => failure(teller, context, id, data),
        // RFC 2433 §7, RFC 2759 §7
        5..=7 => {
            let line = format!("CHAP Change-Password id {id}");
            if let Some(draft) = teller.event(Id::ChapChange, context, &line) {
                draft.int(Field::PacketId, id.into()).end();
            }
        }
        other => return Err(wrong(Flaw::at("CHAP", 0, format!("no packet has code {other}")))),
    }
    Ok(())
}

/// The method of a response, by its layout: MS-CHAP has 49 bytes and says in the last one which hash counts; of MS-CHAPv2's 49
/// the last is 0, and so are eight in the middle.
fn response_method(response: &[u8]) -> &'static str {
    match response.len() {
        49 if response[48] == 0 && response[16..24].iter().all(|byte| *byte == 0) => "ms-chap-v2",
        49 => "ms-chap",
        _ => "chap-md5",
    }
}

fn success(teller: &mut Teller<'_>, context: &Context, id: u8, data: &[u8]) {
    let is_v2 = data.starts_with(b"S=");
    // S= is the gateway's proof that it knows the password: as good for guessing as the client's response
    let text = match is_v2 {
        true => after(data, b"M=").unwrap_or(b""),
        false => data,
    };
    let mut line = format!("CHAP Success id {id}");
    if !text.is_empty() {
        let _ = write!(line, " \"{}\"", shown(text));
    }
    if let Some(draft) = teller.event(Id::ChapSuccess, context, &line) {
        let draft = draft.int(Field::PacketId, id.into()).some_text(Field::Reason, text);
        match is_v2 {
            true => draft.word(Field::AuthMethod, "ms-chap-v2").end(),
            false => draft.end(),
        }
    }
}

/// `E=691 R=1 C=… V=3 M=text` (RFC 2759 §6): the error decides what the user can do; the new challenge is left out.
fn failure(teller: &mut Teller<'_>, context: &Context, id: u8, data: &[u8]) {
    let error = data.strip_prefix(b"E=").map(number);
    let retry = after(data, b" R=").map(|rest| number(rest) == 1);
    let text = match error {
        Some(_) => after(data, b" M=").unwrap_or(b""),
        None => data,
    };
    let mut line = format!("CHAP Failure id {id}");
    if let Some(error) = error {
        let _ = write!(line, " E={error}");
    }
    if let Some(retry) = retry {
        let _ = write!(line, " R={}", u8::from(retry));
    }
    if !text.is_empty() {
        let _ = write!(line, " \"{}\"", shown(text));
    }
    let message = match error {
        // hours, disabled, expired, no dial-in right (RFC 2433 §9)
        Some(646..=649) => Id::ChapRestricted,
        _ => Id::ChapFailure,
    };
    if let Some(draft) = teller.event(message, context, &line) {
        let draft = draft.int(Field::PacketId, id.into()).some_text(Field::Reason, text);
        match error {
            Some(error) => draft.int(Field::Code, error.into()).end(),
            None => draft.end(),
        }
    }
}

fn after<'a>(data: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    memchr::memmem::find(data, mark).map(|at| &data[at + mark.len()..])
}

fn number(text: &[u8]) -> u32 {
    let digits = text.iter().take(9).take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
}

pub(super) fn eap(teller: &mut Teller<'_>, context: &Context, body: &[u8], missing: u32) -> Read {
    let (code, id, data) = header("EAP", body, missing).map_err(wrong)?;
    let kind = data.first().copied();
    let (message, name) = match code {
        1 => (Id::EapRequest, "Request"),
        2 => (Id::EapResponse, "Response"),
        3 => (Id::EapSuccess, "Success"),
        4 => (Id::EapFailure, "Failure"),
        other => return Err(wrong(Flaw::at("EAP", 0, format!("no packet has code {other}")))),
    };
    if code < 3 && kind.is_none() {
        return Err(wrong(Flaw::at("EAP", 4, "no type")));
    }
    let mut line = format!("EAP {name} id {id}");
    let kind_name = kind.filter(|_| code < 3).map(eap_type);
    if let Some(name) = kind_name {
        let _ = write!(line, " {name}");
    }
    let user = (code == 2 && kind == Some(1)).then(|| &data[1..]);
    if let Some(user) = user {
        let _ = write!(line, " \"{}\"", shown(user));
    }
    if let Some(draft) = teller.event(message, context, &line) {
        let mut draft = draft.int(Field::PacketId, id.into()).word(Field::AuthMethod, "eap");
        if let Some(name) = kind_name {
            draft = draft.word(Field::Type, name);
        }
        match user {
            Some(user) => draft.text(Field::User, user).end(),
            None => draft.end(),
        }
    }
    Ok(())
}

fn eap_type(kind: u8) -> &'static str {
    match kind {
        1 => "identity",
        2 => "notification",
        3 => "nak",
        4 => "md5",
        5 => "otp",
        6 => "token-card",
        13 => "tls",
        21 => "ttls",
        25 => "peap",
        26 => "ms-chap-v2",
        29 => "ms-auth-tlv",
        43 => "fast",
        _ => "other",
    }
}
