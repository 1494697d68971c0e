use std::net::IpAddr;

use super::*;

struct Everything;

impl PacketFilter for Everything {
    fn wants_tcp(&self, _: u16, _: u16) -> bool {
        true
    }
    fn wants_udp(&self, _: u16, _: u16) -> bool {
        true
    }
    fn wants_protocol(&self, _: u8) -> bool {
        true
    }
}

/// What a capture holds, one line a packet, fed in stretches of `step` bytes.
fn read_in(bytes: &[u8], step: usize) -> (Vec<String>, Vec<String>) {
    let mut capture = Capture::new("c");
    let mut lines = Vec::new();
    let mut before = 0;
    for part in bytes.chunks(step) {
        let mut each = |packet: &PacketRef<'_>| {
            let what = match &packet.content {
                Content::Tcp(segment) => format!(
                    "tcp {} {:?}{}{}",
                    segment.destination_port,
                    String::from_utf8_lossy(segment.bytes),
                    if segment.gap { " gap" } else { "" },
                    if segment.again { " again" } else { "" }
                ),
                Content::Udp(datagram) => format!("udp {} {}", datagram.destination_port, datagram.bytes.len()),
                Content::Ip(protocol, bytes) => format!("ip {protocol} {}", bytes.len()),
                Content::Ppp(bytes, sent) => format!("ppp {} {sent:?}", bytes.len()),
                Content::Flaw(flaw) => format!("flaw {} {} {}", flaw.protocol, flaw.offset, flaw.reason),
            };
            lines.push(format!("{} {:?} {what}", packet.number, packet.stamp));
        };
        before = capture.feed(part, before, &Everything, &mut each);
    }
    capture.end();
    let problems = capture.problems().iter().map(ToString::to_string).collect();
    (lines, problems)
}

fn read(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
    let whole = read_in(bytes, usize::MAX);
    for step in [1, 7, 100] {
        assert_eq!(read_in(bytes, step), whole, "fed {step} bytes at a time");
    }
    whole
}

fn header(order: Order, magic: u32, link: u32) -> Vec<u8> {
    let word = |number: u32| match order {
        Order::Little => number.to_le_bytes(),
        Order::Big => number.to_be_bytes(),
    };
    let version = match order {
        Order::Little => [2, 0, 4, 0],
        Order::Big => [0, 2, 0, 4],
    };
    [word(magic), version, word(0), word(0), word(65_535), word(link)].concat()
}

fn record(order: Order, seconds: u32, part: u32, bytes: &[u8]) -> Vec<u8> {
    let word = |number: u32| match order {
        Order::Little => number.to_le_bytes(),
        Order::Big => number.to_be_bytes(),
    };
    let len = bytes.len() as u32;
    [&word(seconds)[..], &word(part), &word(len), &word(len), bytes].concat()
}

use file::Order;

fn v4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, (20 + payload.len()) as u8, 0, 1, 0, 0, 64, protocol, 0, 0];
    packet.extend_from_slice(&[203, 0, 113, 1, 198, 51, 100, 1]);
    packet.extend_from_slice(payload);
    packet
}

fn ethernet(kind: &[u8], packet: &[u8]) -> Vec<u8> {
    [&[2; 12], kind, packet].concat()
}

fn tcp(sequence: u32, flags: u8, bytes: &[u8]) -> Vec<u8> {
    let mut segment = vec![0x9c, 0x40, 6, 0xbb];
    segment.extend_from_slice(&sequence.to_be_bytes());
    segment.extend_from_slice(&[0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0]);
    segment.extend_from_slice(bytes);
    v4(6, &segment)
}

fn little(link: u32, packets: &[Vec<u8>]) -> Vec<u8> {
    let mut file = header(Order::Little, 0xa1b2_c3d4, link);
    for packet in packets {
        file.extend(record(Order::Little, 7, 0, packet));
    }
    file
}

#[test]
fn both_byte_orders_and_nanoseconds_give_the_same_time() {
    for (order, magic, part) in [
        (Order::Little, 0xa1b2_c3d4, 5),
        (Order::Big, 0xa1b2_c3d4, 5),
        (Order::Little, 0xa1b2_3c4d, 5999),
        (Order::Big, 0xa1b2_3c4d, 5999),
    ] {
        let file = [header(order, magic, 101), record(order, 3, part, &v4(47, b"abc"))].concat();
        assert_eq!(read(&file), (vec!["1 Instant(3000005) ip 47 3".into()], vec![]));
    }
}

#[test]
fn every_link_type_leads_to_the_packet() {
    let packet = v4(47, b"abc");
    let wrapped = |front: &[u8]| [front, &packet[..]].concat();
    let snap = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
    let frames: Vec<(u32, Vec<u8>)> = vec![
        (1, ethernet(&[8, 0], &packet)),
        (1, ethernet(&[0x81, 0, 0, 5, 8, 0], &packet)),
        (1, ethernet(&[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 8, 0], &packet)),
        (1, ethernet(&[0x88, 0x64, 0x11, 0, 0, 1, 0, 25, 0, 0x21], &packet)),
        (113, wrapped(&[&[0u8; 14][..], &[8, 0]].concat())),
        (276, wrapped(&[&[8u8, 0][..], &[0; 18]].concat())),
        (101, packet.clone()),
        (228, packet.clone()),
        (0, wrapped(&[2, 0, 0, 0])),
        (108, wrapped(&[0, 0, 0, 2])),
        (9, wrapped(&[0xff, 3, 0, 0x21])),
        (109, wrapped(&[0; 12])),
        (105, wrapped(&[&[8u8, 1][..], &[0; 22], &snap].concat())),
        (105, wrapped(&[&[0x88u8, 1][..], &[0; 24], &snap].concat())),
        (
            127,
            wrapped(&[&[0u8, 0, 8, 0, 0, 0, 0, 0, 8, 1][..], &[0; 22], &snap].concat()),
        ),
        (239, wrapped(&[0, 0, 0, 0, 27, 0, 9, 0])),
    ];
    for (link, frame) in frames {
        let (lines, problems) = read(&little(link, &[frame]));
        assert_eq!(
            (lines.join("\n").as_str(), problems.len()),
            ("1 Instant(7000000) ip 47 3", 0),
            "link {link}"
        );
    }
}

#[test]
fn what_is_no_ip_gives_nothing_and_an_unknown_link_is_told_once() {
    assert_eq!(read(&little(1, &[ethernet(&[8, 6], b"who has")])), (vec![], vec![]));
    // an encrypted frame of a wireless network
    let protected = [&[8u8, 0x41][..], &[0; 22], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0]].concat();
    assert_eq!(read(&little(105, &[protected])), (vec![], vec![]));
    let (lines, problems) = read(&little(147, &[vec![0; 60], vec![0; 60]]));
    assert!(lines.is_empty());
    assert_eq!(
        problems,
        ["c:packet 1: link type 147 is not read: its packets are only counted"]
    );
}

#[test]
fn a_stream_is_told_in_order_once() {
    let packets = [
        tcp(99, 2, b""),
        tcp(105, 24, b"fghij"),
        tcp(100, 24, b"abcde"),
        tcp(100, 24, b"abcde"),
        tcp(108, 24, b"ijkl"),
        tcp(112, 17, b""),
    ];
    let (lines, problems) = read(&little(101, &packets));
    let told: Vec<&str> = lines
        .iter()
        .filter_map(|line| line.split_once("tcp "))
        .map(|(_, what)| what)
        .collect();
    assert_eq!(
        told,
        [
            "1723 \"\"",
            "1723 \"\"",
            "1723 \"abcde\"",
            "1723 \"fghij\"",
            "1723 \"\" again",
            "1723 \"kl\"",
            "1723 \"\""
        ]
    );
    assert!(problems.is_empty());
}

#[test]
fn a_hole_is_given_up_when_much_waits_behind_it() {
    let mut packets = vec![tcp(99, 2, b"")];
    for number in 0..WAITING {
        packets.push(tcp(200 + number * 2, 24, b"xy"));
    }
    let (lines, _) = read(&little(101, &packets));
    assert!(lines.iter().any(|line| line.ends_with(" gap")), "{lines:#?}");
}

/// More than a direction lets wait.
const WAITING: u32 = 20;

#[test]
fn lengths_that_cannot_be_right_are_flaws() {
    let mut short = v4(17, &[0, 1, 6, 0xa5, 0, 60, 0, 0]);
    let mut tiny = v4(6, b"");
    tiny[3] = 10;
    let (lines, _) = read(&little(101, &[short.clone(), tiny, v4(6, b"abc"), vec![0x55; 40]]));
    assert_eq!(
        lines,
        [
            "1 Instant(7000000) flaw UDP 4 a length of 60 bytes in a packet that has 8",
            "2 Instant(7000000) flaw IP 2 a length of 10 bytes, less than its header of 20",
            "3 Instant(7000000) flaw TCP 3 the segment ends within its header",
            "4 Instant(7000000) flaw IP 0 version 5",
        ]
    );
    // the same, where the capture kept only the beginning of packets: nobody is to blame
    short[3] = 80;
    let mut file = header(Order::Little, 0xa1b2_c3d4, 101);
    let mut cut = record(Order::Little, 7, 0, &short);
    cut[12] = 80;
    file.extend(cut);
    assert_eq!(read(&file).0, ["1 Instant(7000000) udp 1701 0"]);
}

#[test]
fn fragments_are_one_datagram() {
    let datagram = [&[0, 1, 6, 0xa5, 0, 24, 0, 0][..], &[7; 16]].concat();
    let mut first = v4(17, &datagram[..16]);
    first[6] = 0x20;
    let mut second = v4(17, &datagram[16..]);
    second[7] = 2;
    let (lines, problems) = read(&little(101, &[second, first.clone()]));
    assert_eq!(
        (lines.join("").as_str(), problems.len()),
        ("2 Instant(7000000) udp 1701 16", 0)
    );
    let (lines, problems) = read(&little(101, &[first]));
    assert!(lines.is_empty());
    assert_eq!(
        problems,
        ["c: 1 datagrams came in fragments of which some are not in the capture: not read"]
    );
}

#[test]
fn version_6_with_extension_headers() {
    let mut packet = vec![0x60, 0, 0, 0, 0, 19, 0, 64];
    let from: IpAddr = "2001:db8::1".parse().expect("an address");
    let IpAddr::V6(from) = from else { unreachable!() };
    packet.extend(from.octets());
    packet.extend(from.octets());
    packet.extend([60, 0, 1, 4, 0, 0, 0, 0]);
    packet.extend([47, 0, 1, 4, 0, 0, 0, 0]);
    packet.extend(b"abc");
    assert_eq!(read(&little(229, &[packet.clone()])).0, ["1 Instant(7000000) ip 47 3"]);
    packet[41] = 200;
    assert!(read(&little(229, &[packet])).0[0].contains("extension header"));
}

#[test]
fn a_cut_file_gives_what_is_whole() {
    let mut file = little(101, &[v4(47, b"abc"), v4(47, b"abc")]);
    file.truncate(file.len() - 5);
    let (lines, problems) = read(&file);
    assert_eq!(lines.len(), 1);
    assert_eq!(
        problems,
        ["c:byte 63: cut short: the record after packet 1 is truncated; what was whole before it was used"]
    );
}

#[test]
fn bytes_of_chance_never_panic() {
    let mut state = 1u64;
    for magic in [[0xd4, 0xc3, 0xb2, 0xa1], [0x0a, 0x0d, 0x0d, 0x0a]] {
        for _ in 0..2000 {
            let mut file: Vec<u8> = magic.to_vec();
            for _ in 0..200 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let byte = (state >> 33) as u8;
                file.push(if state >> 60 < 9 { 0 } else { byte });
            }
            read_in(&file, 64);
        }
    }
}
