use tunlog_model::{Datagram, Entry, Event, RecordTime, Segment, SourceId, Value};

use super::*;

const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 11));
const SERVER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 10));

/// A packet of a test: who sends it, and what it holds.
enum Sent {
    /// Bytes of the control connection.
    Control(bool, Vec<u8>),
    /// A UDP datagram to a port of the gateway.
    Udp(bool, u16, Vec<u8>),
    /// Another protocol.
    Ip(bool, u8, Vec<u8>),
    Flaw(Flaw),
}

fn feed(decoder: &mut PacketDecoder, sent: &Sent, number: u64, batch: &mut EventBatch) {
    let ends = |from_client: bool| {
        if from_client {
            (CLIENT, SERVER)
        } else {
            (SERVER, CLIENT)
        }
    };
    let ports = |from_client: bool, port: u16| if from_client { (40_000, port) } else { (port, 40_000) };
    let (addresses, content) = match sent {
        Sent::Control(from_client, bytes) => {
            let (source_port, destination_port) = ports(*from_client, 1723);
            let segment = Segment {
                source_port,
                destination_port,
                syn: false,
                ack: true,
                fin: false,
                rst: false,
                bytes,
                gap: false,
                again: false,
            };
            (ends(*from_client), Content::Tcp(segment))
        }
        Sent::Udp(from_client, port, bytes) => {
            let (source_port, destination_port) = ports(*from_client, *port);
            let datagram = Datagram {
                source_port,
                destination_port,
                bytes,
            };
            (ends(*from_client), Content::Udp(datagram))
        }
        Sent::Ip(from_client, protocol, bytes) => (ends(*from_client), Content::Ip(*protocol, bytes)),
        Sent::Flaw(flaw) => (ends(true), Content::Flaw(flaw.clone())),
    };
    let packet = PacketRef {
        stamp: Stamp::Instant(number as i64 * 1_000_000),
        number,
        addresses: Some(addresses),
        content,
        missing: 0,
    };
    decoder.packet(&packet, batch);
}

/// The events of packets in their order: id, line, and fields that are not about the way.
fn told(sent: &[Sent]) -> Vec<(String, String, String)> {
    let catalogue = Catalogue::builtin();
    let mut decoder = PacketDecoder::new(&catalogue, Keep::Events);
    let mut batch = EventBatch::over(0);
    for (number, sent) in sent.iter().enumerate() {
        feed(&mut decoder, sent, number as u64 + 1, &mut batch);
    }
    decoder.finish(sent.len() as u64, &mut batch);
    let time = RecordTime {
        micros: 0,
        assumed: Default::default(),
    };
    let events = batch.entries.iter().filter_map(|entry| match entry {
        Entry::Event(raw) => Some(Event::new(&batch, raw, time, SourceId(0))),
        _ => None,
    });
    events
        .map(|event| {
            let way = [Field::ClientIp, Field::ServerIp, Field::ClientPort, Field::Direction];
            let fields = event.fields().iter().filter(|(field, _)| !way.contains(field));
            let fields: Vec<String> = fields
                .map(|(field, value)| match value {
                    Value::Text(_) | Value::Bytes(_) => {
                        let bytes = event.value_bytes(value).unwrap_or_default();
                        format!("{}={:?}", field.word(), String::from_utf8_lossy(bytes))
                    }
                    Value::Word(word) => format!("{}={word}", field.word()),
                    Value::Int(number) => format!("{}={number}", field.word()),
                    Value::Ip(address) => format!("{}={address}", field.word()),
                    Value::Seconds(seconds) => format!("{}={seconds}", field.word()),
                    Value::Bool(flag) => format!("{}={flag}", field.word()),
                })
                .collect();
            let line = String::from_utf8_lossy(event.raw()).into_owned();
            (event.message().id.to_string(), line, fields.join(" "))
        })
        .collect()
}

fn pptp(kind: u16, len: usize, fields: &[(usize, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0; len];
    bytes[..2].copy_from_slice(&(len as u16).to_be_bytes());
    bytes[2..10].copy_from_slice(&[0, 1, 0x1a, 0x2b, 0x3c, 0x4d, 0, kind as u8]);
    for (at, value) in fields {
        bytes[*at..at + value.len()].copy_from_slice(value);
    }
    bytes
}

fn gre(call: u16, frame: &[u8]) -> Vec<u8> {
    // without a sequence number: nothing counts as seen before
    let mut bytes = vec![0x20, 0x01, 0x88, 0x0b];
    bytes.extend_from_slice(&(frame.len() as u16).to_be_bytes());
    bytes.extend_from_slice(&call.to_be_bytes());
    bytes.extend_from_slice(frame);
    bytes
}

fn ppp(protocol: u16, code: u8, id: u8, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![0xff, 3];
    frame.extend_from_slice(&protocol.to_be_bytes());
    frame.extend_from_slice(&[code, id]);
    frame.extend_from_slice(&(data.len() as u16 + 4).to_be_bytes());
    frame.extend_from_slice(data);
    frame
}

fn in_gre(from_client: bool, protocol: u16, code: u8, data: &[u8]) -> Sent {
    Sent::Ip(from_client, 47, gre(7, &ppp(protocol, code, 1, data)))
}

fn l2tp(kind: u16, avps: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = vec![0x80, 8, 0, 0, 0, 0];
    body.extend_from_slice(&kind.to_be_bytes());
    for (number, value) in avps {
        body.extend_from_slice(&(0x8000 | (value.len() as u16 + 6)).to_be_bytes());
        body.extend_from_slice(&[0, 0]);
        body.extend_from_slice(&number.to_be_bytes());
        body.extend_from_slice(value);
    }
    let mut bytes = vec![0xc8, 2];
    bytes.extend_from_slice(&(body.len() as u16 + 12).to_be_bytes());
    bytes.extend_from_slice(&[0, 5, 0, 0, 0, 1, 0, 2]);
    bytes.extend_from_slice(&body);
    bytes
}

fn ike(version: u8, exchange: u8, flags: u8, first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![1; 8];
    bytes.extend_from_slice(&[2; 8]);
    bytes.extend_from_slice(&[first, version << 4, exchange, flags, 0, 0, 0, 3]);
    bytes.extend_from_slice(&(payload.len() as u32 + 28).to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// A notify payload of IKEv1 or v2.
fn notify(version: u8, code: u16) -> Vec<u8> {
    let front: &[u8] = if version == 1 { &[0, 0, 0, 1, 1, 0] } else { &[0, 0] };
    let mut payload = vec![0, 0, 0, front.len() as u8 + 6];
    payload.extend_from_slice(front);
    payload.extend_from_slice(&code.to_be_bytes());
    payload
}

fn radius(code: u8, id: u8, attributes: &[(u8, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (kind, value) in attributes {
        body.extend_from_slice(&[*kind, value.len() as u8 + 2]);
        body.extend_from_slice(value);
    }
    let mut bytes = vec![code, id];
    bytes.extend_from_slice(&(body.len() as u16 + 20).to_be_bytes());
    bytes.extend_from_slice(&[9; 16]);
    bytes.extend_from_slice(&body);
    bytes
}

/// An ICMP error about a packet of the client.
fn icmp(kind: u8, code: u8, protocol: u8, rest: [u8; 4], ports: &[u8]) -> Sent {
    let mut bytes = vec![kind, code, 0, 0];
    bytes.extend_from_slice(&rest);
    bytes.extend_from_slice(&[
        0x45, 0, 0, 60, 0, 0, 0, 0, 64, protocol, 0, 0, 203, 0, 113, 11, 198, 51, 100, 10,
    ]);
    bytes.extend_from_slice(ports);
    Sent::Ip(false, 1, bytes)
}

/// Packets of the messages that no capture at hand holds; their lines are the examples of the dialect file.
fn cases() -> Vec<(&'static str, Sent)> {
    let flaw = |protocol, offset, reason| Sent::Flaw(Flaw::at(protocol, offset, reason));
    let ike_v1 =
        |exchange, flags, first, payload: &[u8]| Sent::Udp(false, 500, ike(1, exchange, flags, first, payload));
    let ike_v2 = |exchange, flags, first, payload: &[u8]| Sent::Udp(true, 500, ike(2, exchange, flags, first, payload));
    let udp_500 = [0x9c, 0x40, 1, 0xf4, 0, 30, 0, 0];
    vec![
        (
            "malformed-link",
            flaw("link", 9, "the frame ends within its Ethernet header"),
        ),
        (
            "malformed-tcp",
            flaw("TCP", 12, "a header of 8 bytes in a segment of 20"),
        ),
        (
            "malformed-udp",
            flaw("UDP", 4, "a length of 4 bytes in a packet that has 8"),
        ),
        ("malformed-ppp", Sent::Ip(true, 47, gre(7, &[0xff, 3, 0xc0]))),
        ("malformed-ccp", in_gre(true, 0x80fd, 1, &[18, 9, 1, 0])),
        ("malformed-ipcp", in_gre(true, 0x8021, 1, &[3, 1])),
        ("malformed-ike", Sent::Udp(true, 500, vec![1; 20])),
        ("malformed-icmp", Sent::Ip(false, 1, vec![3])),
        (
            "pptp-start-refused",
            Sent::Control(false, pptp(2, 156, &[(12, &[1, 0, 4, 0]), (28, b"gw")])),
        ),
        (
            "pptp-call-refused",
            Sent::Control(false, pptp(8, 32, &[(14, &[0, 9, 4, 0])])),
        ),
        (
            "pptp-incoming-call-request",
            Sent::Control(false, pptp(9, 220, &[(12, &[0, 5])])),
        ),
        (
            "pptp-incoming-call-reply",
            Sent::Control(true, pptp(10, 24, &[(12, &[0, 6, 0, 5, 1])])),
        ),
        (
            "pptp-incoming-call-connected",
            Sent::Control(false, pptp(11, 28, &[(12, &[0, 6])])),
        ),
        (
            "pptp-wan-error",
            Sent::Control(false, pptp(14, 40, &[(12, &[0, 6]), (19, &[2])])),
        ),
        (
            "chap-failure-restricted",
            in_gre(
                false,
                0xc223,
                4,
                b"E=649 R=0 C=00112233445566778899AABBCCDDEEFF V=3 M=No dial-in",
            ),
        ),
        ("chap-change-password", in_gre(true, 0xc223, 7, &[0; 582])),
        ("eap-failure", in_gre(false, 0xc227, 4, b"")),
        ("ccp-other", in_gre(true, 0x80fd, 7, b"x")),
        ("ipcp-other", in_gre(true, 0x8021, 7, b"x")),
        (
            "l2tp-outgoing-call-request",
            Sent::Udp(false, 1701, l2tp(7, &[(14, &[0, 9])])),
        ),
        (
            "l2tp-outgoing-call-reply",
            Sent::Udp(true, 1701, l2tp(8, &[(14, &[0, 8])])),
        ),
        ("l2tp-outgoing-call-connected", Sent::Udp(true, 1701, l2tp(9, &[]))),
        ("l2tp-wan-error", Sent::Udp(true, 1701, l2tp(15, &[]))),
        ("l2tp-set-link-info", Sent::Udp(false, 1701, l2tp(16, &[]))),
        ("l2tp-unknown", Sent::Udp(true, 1701, l2tp(99, &[]))),
        ("ikev1-aggressive-mode", ike_v1(4, 0, 0, b"")),
        ("ikev1-notify", ike_v1(5, 0, 11, &notify(1, 18))),
        ("ikev1-wrong-secret", ike_v1(5, 0, 11, &notify(1, 16))),
        ("ikev1-other", ike_v1(6, 1, 8, b"")),
        ("ikev2-init", ike_v2(34, 8, 0, b"")),
        ("ikev2-auth", ike_v2(35, 8, 46, b"")),
        ("ikev2-create-child", ike_v2(36, 0x20, 46, b"")),
        ("ikev2-informational", ike_v2(37, 8, 46, b"")),
        ("ikev2-notify", ike_v2(34, 0x20, 41, &notify(2, 17))),
        ("ikev2-no-proposal", ike_v2(34, 0x20, 41, &notify(2, 14))),
        ("ike-other", ike_v2(99, 0, 0, b"")),
        (
            "radius-accounting-interim",
            Sent::Udp(
                true,
                1813,
                radius(4, 1, &[(1, b"anna"), (40, &[0, 0, 0, 3]), (42, &[0, 0, 1, 0])]),
            ),
        ),
        (
            "radius-accounting-other",
            Sent::Udp(true, 1813, radius(4, 2, &[(40, &[0, 0, 0, 7])])),
        ),
        ("radius-dynamic", Sent::Udp(true, 3799, radius(40, 3, &[(1, b"anna")]))),
        ("radius-other", Sent::Udp(true, 1812, radius(12, 4, &[]))),
        ("icmp-too-big", icmp(3, 4, 47, [0, 0, 5, 0x78], &[0x30, 1, 0x88, 0x0b])),
        (
            "icmp-protocol-unreachable",
            icmp(3, 2, 47, [0; 4], &[0x30, 1, 0x88, 0x0b]),
        ),
        ("icmp-prohibited", icmp(3, 13, 17, [0; 4], &udp_500)),
        ("icmp-host-unreachable", icmp(3, 1, 17, [0; 4], &udp_500)),
        ("icmp-time-exceeded", icmp(11, 0, 47, [0; 4], &[0x30, 1, 0x88, 0x0b])),
    ]
}

/// The first example line of a message in the dialect file.
fn example(id: &str) -> String {
    let (_, text) = crate::DIALECT_FILES
        .iter()
        .find(|(name, _)| *name == "pcap.toml")
        .expect("the dialect file is shipped");
    let file: crate::definition::DialectFile = toml::from_str(text).expect("it is TOML");
    let entry = file
        .message
        .iter()
        .find(|entry| entry.id == id)
        .expect("every message has an entry");
    entry.example[0].line.clone()
}

#[test]
fn every_message_that_captures_lack_is_read_and_shown_as_its_example() {
    let mut wrong = Vec::new();
    for (id, sent) in cases() {
        let events = told(&[sent]);
        match events.iter().find(|(told, ..)| told == id) {
            Some((_, line, _)) if *line == example(id) => {}
            Some((_, line, _)) => wrong.push(format!("{id}\t{line}")),
            None => wrong.push(format!("{id}: told as {events:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn ids(sent: &[Sent]) -> Vec<String> {
    told(sent).into_iter().map(|(id, ..)| id).collect()
}

#[test]
fn several_messages_in_a_segment_and_one_message_in_several() {
    let request = pptp(1, 156, &[(12, &[1, 0]), (28, b"pc")]);
    let call = pptp(7, 168, &[(12, &[0, 9])]);
    let both = [request.clone(), call.clone()].concat();
    assert_eq!(
        ids(&[Sent::Control(true, both.clone())]),
        ["pptp-start-request", "pptp-call-request"]
    );
    let parts: Vec<Sent> = both.chunks(50).map(|part| Sent::Control(true, part.to_vec())).collect();
    assert_eq!(ids(&parts), ["pptp-start-request", "pptp-call-request"]);
}

#[test]
fn what_is_no_pptp_is_told_once_and_not_read_on() {
    let http = Sent::Control(true, b"GET / HTTP/1.1\r\nHost: gw\r\n\r\n".to_vec());
    let more = Sent::Control(true, pptp(1, 156, &[]));
    assert_eq!(ids(&[http, more]), ["not-pptp"]);
    let rubbish = Sent::Control(true, [pptp(5, 16, &[]), vec![0xff; 40]].concat());
    assert_eq!(ids(&[rubbish]), ["pptp-echo-request", "malformed-pptp"]);
}

#[test]
fn options_are_facts_and_the_sound_ones_stay_when_one_is_broken() {
    let lcp = in_gre(
        false,
        0xc021,
        1,
        &[1, 4, 5, 0x78, 3, 5, 0xc2, 0x23, 0x81, 5, 6, 1, 2, 3, 4, 7, 2, 8, 2],
    );
    let events = told(&[lcp]);
    assert_eq!(
        events[1].1,
        "IP 198.51.100.10 > 203.0.113.11: LCP Conf-Request id 1, mru 1400, auth ms-chap-v2, magic 0x01020304, pfc, acfc"
    );
    let broken = told(&[in_gre(false, 0xc021, 1, &[1, 4, 5, 0x78, 3, 9, 0xc2])]);
    assert_eq!(
        broken[1].1,
        "IP 198.51.100.10 > 203.0.113.11: LCP Conf-Request id 1, mru 1400"
    );
    assert_eq!(
        broken[2].2,
        "call_id=7 protocol=LCP offset=8 reason=\"option 3 has a length of 9 bytes where 3 are left\""
    );
}

#[test]
fn mppe_is_told_by_its_bits() {
    let ccp = |bits: [u8; 4]| in_gre(false, 0x80fd, 1, &[&[18, 6][..], &bits].concat());
    let facts = |bits| told(&[ccp(bits)])[1].2.clone();
    assert!(facts([1, 0, 0, 0x40]).ends_with("proposal=mppe 128 mppe_bits=128 mppe_stateful=false"));
    assert!(facts([0, 0, 0, 0x20]).ends_with("proposal=mppe 40 mppe_bits=40 mppe_stateful=true"));
    assert!(facts([1, 0, 0, 0x60]).ends_with("proposal=mppe 128 40"));
}

#[test]
fn no_secret_is_ever_copied() {
    let mut response = vec![49];
    response.extend_from_slice(&[0x5a; 49]);
    response.extend_from_slice(b"anna");
    let success = b"S=5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A M=welcome";
    let failure = b"E=691 R=1 C=5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A V=3 M=no";
    let secret = [0x5a; 16];
    let sent = vec![
        in_gre(true, 0xc023, 1, b"\x04anna\x08ZZZZZZZZ"),
        in_gre(false, 0xc223, 1, &[&[16][..], &secret, b"gw"].concat()),
        in_gre(true, 0xc223, 2, &response),
        in_gre(false, 0xc223, 3, success),
        in_gre(false, 0xc223, 4, failure),
        Sent::Udp(
            true,
            1812,
            radius(1, 1, &[(1, b"anna"), (2, &secret), (3, &[0x5a; 17]), (80, &secret)]),
        ),
        Sent::Udp(true, 1701, l2tp(1, &[(7, b"pc"), (11, &secret), (13, &secret)])),
    ];
    let all = told(&sent)
        .into_iter()
        .map(|(id, line, fields)| format!("{id} {line} {fields}\n"))
        .collect::<String>();
    assert!(
        !all.contains("ZZ") && !all.contains("5A5A") && !all.contains("5a5a"),
        "{all}"
    );
    for fact in ["user=\"anna\"", "\"welcome\"", "E=691", "of 16 bytes"] {
        assert!(all.contains(fact), "{fact} in {all}");
    }
}

#[test]
fn the_method_of_a_response_is_told_by_its_layout() {
    let method = |response: &[u8]| {
        let data = [&[response.len() as u8][..], response, b"anna"].concat();
        told(&[in_gre(true, 0xc223, 2, &data)])[1].2.clone()
    };
    let mut v2 = [7; 49];
    v2[16..24].fill(0);
    v2[48] = 0;
    let mut v1 = v2;
    v1[48] = 1;
    assert!(method(&v2).contains("auth_method=ms-chap-v2"));
    assert!(method(&v1).contains("auth_method=ms-chap "));
    assert!(method(&[7; 16]).contains("auth_method=chap-md5"));
}

#[test]
fn radius_pairs_repetition_and_silence() {
    let request = || Sent::Udp(true, 1812, radius(1, 7, &[(1, b"anna"), (80, &[0; 16])]));
    let reject = Sent::Udp(false, 1812, radius(3, 7, &[(18, b"no")]));
    let events = told(&[request(), request(), reject]);
    let ids: Vec<&str> = events.iter().map(|(id, ..)| id.as_str()).collect();
    assert_eq!(
        ids,
        ["radius-access-request", "radius-repeated", "radius-access-reject"]
    );
    assert!(events[0].2.contains("option=signed"), "{}", events[0].2);
    assert!(
        events[2].2.contains("option=unsigned user=\"anna\" duration_s=2"),
        "{}",
        events[2].2
    );
    let events = told(&[request(), request()]);
    assert_eq!(events.last().map(|(id, ..)| id.as_str()), Some("radius-unanswered"));
}

#[test]
fn hidden_avps_are_named_and_lying_lengths_are_told() {
    let mut hidden = l2tp(10, &[(15, &[0, 0, 0, 9]), (22, b"secretly")]);
    let at = hidden.len() - 14;
    hidden[at] |= 0x40;
    assert!(
        told(&[Sent::Udp(true, 1701, hidden)])[0]
            .1
            .ends_with("L2TP ICRQ ns 1 nr 2, serial 9, calling number hidden")
    );
    let mut short = l2tp(10, &[(15, &[0, 0, 0, 9])]);
    let at = short.len() - 9;
    short[at] = 2;
    assert_eq!(
        ids(&[Sent::Udp(true, 1701, short)]),
        ["l2tp-call-request", "malformed-l2tp"]
    );
}

#[test]
fn a_direction_is_counted_and_its_data_is_no_event() {
    let data = |from_client| Sent::Ip(from_client, 47, gre(7, &[0, 0x21, 1, 2, 3]));
    let events = told(&[data(true), data(false)]);
    let ids: Vec<&str> = events.iter().map(|(id, ..)| id.as_str()).collect();
    assert_eq!(ids, ["gre-started", "gre-started", "gre-counted", "gre-counted"]);
    assert!(events[2].2.contains("bytes_from_client=3"), "{}", events[2].2);
}

/// A call with GRE of the given packets, to and from the client, up to the end of the control connection.
fn call(from_client: u32, to_client: u32, acknowledges: bool) -> Vec<(String, String, String)> {
    let mut sent = vec![
        Sent::Control(true, pptp(7, 168, &[(12, &[0, 9])])),
        Sent::Control(false, pptp(8, 32, &[(12, &[0, 7, 0, 9, 1])])),
    ];
    let ask = ppp(0xc021, 1, 1, &[]);
    sent.extend((0..to_client).map(|_| Sent::Ip(false, 47, gre(9, &ask))));
    sent.extend((0..from_client).map(|_| {
        let mut packet = gre(7, &ask);
        if acknowledges {
            packet[1] |= 0x80;
            packet.splice(8..8, [0, 0, 0, 5]);
        }
        Sent::Ip(true, 47, packet)
    }));
    sent.push(Sent::Control(false, pptp(13, 148, &[(12, &[0, 7, 1])])));
    told(&sent)
}

#[test]
fn the_direction_that_is_missing_is_told() {
    let last = |from, to, acknowledges| {
        call(from, to, acknowledges)
            .last()
            .cloned()
            .map(|(id, line, _)| (id, line))
    };
    for (from, to, acknowledges, id) in [
        (0, 3, false, "gre-never-from-client"),
        (3, 0, false, "gre-never-to-client"),
        (3, 3, false, "gre-not-received"),
    ] {
        assert_eq!(last(from, to, acknowledges), Some((id.to_string(), example(id))));
    }
    // it works, or too little was sent to say
    for (from, to, acknowledges) in [(3, 3, true), (0, 2, false), (2, 1, false), (0, 0, false)] {
        let all = call(from, to, acknowledges);
        assert!(
            !all.iter()
                .any(|(id, ..)| id.starts_with("gre-ne") || id == "gre-not-received"),
            "{all:?}"
        );
    }
}

#[test]
fn a_call_id_that_nobody_agreed_is_told() {
    let agreed = [
        Sent::Control(true, pptp(7, 168, &[(12, &[0, 9])])),
        Sent::Control(false, pptp(8, 32, &[(12, &[0, 7, 0, 9, 1])])),
    ];
    let [request, reply] = agreed;
    let ask = ppp(0xc021, 1, 1, &[]);
    let sent = [
        request,
        reply,
        Sent::Ip(true, 47, gre(8, &ask)),
        Sent::Ip(false, 47, gre(9, &ask)),
    ];
    let strange: Vec<String> = told(&sent)
        .into_iter()
        .filter(|(id, ..)| id == "gre-call-unknown")
        .map(|(_, line, _)| line)
        .collect();
    assert_eq!(strange, [example("gre-call-unknown")]);
    // without a control connection in the capture nothing can be said
    assert!(!ids(&[Sent::Ip(true, 47, gre(8, &ask))]).contains(&"gre-call-unknown".to_string()));
}

#[test]
fn packets_of_chance_never_panic() {
    let mut state = 7u64;
    let mut byte = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u8
    };
    let mut sent = Vec::new();
    for round in 0..4000u32 {
        let len = usize::from(byte()) % 80;
        let mut bytes: Vec<u8> = (0..len).map(|_| byte()).collect();
        let from_client = byte() & 1 == 0;
        sent.push(match round % 8 {
            0 => Sent::Control(from_client, bytes),
            1 => {
                bytes.splice(..0, [0xc8, 2, 0, len as u8 + 4]);
                Sent::Udp(from_client, 1701, bytes)
            }
            2 => Sent::Udp(from_client, 500, bytes),
            3 => Sent::Udp(from_client, 1812, radius(byte() % 6, byte() % 4, &[(26, &bytes)])),
            4 => Sent::Ip(from_client, 1, bytes),
            5 => Sent::Ip(from_client, 50, bytes),
            kind => {
                let protocol = [0xc021, 0xc023, 0xc223, 0xc227, 0x80fd, 0x8021, 0x8057][usize::from(byte()) % 7];
                let frame = ppp(protocol, byte() % 16, byte(), &bytes);
                Sent::Ip(from_client, 47, gre(u16::from(kind == 6), &frame))
            }
        });
    }
    assert!(!told(&sent).is_empty());
}
