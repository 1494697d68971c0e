use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use super::*;

fn tcp(change: impl FnOnce(&mut Config)) -> (Bench, SocketAddr) {
    let bench = Bench::start(|config| {
        config.tcp = vec!["127.0.0.1:0".into()];
        change(config);
    });
    let to = bench.address("tcp:");
    (bench, to)
}

fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

/// Waits until the other side has closed the connection.
fn closed(mut stream: TcpStream) {
    let mut rest = Vec::new();
    // what was sent and not read there is a reset here
    let _ = stream.read_to_end(&mut rest);
    assert_eq!(rest, b"");
}

#[test]
fn counted_and_on_lines_whole_and_in_pieces() {
    let (mut bench, to) = tcp(|_| ());
    let streams = [
        "7 <30>one7 <30>two12 <30>a\nb#012c\n<30>mixed\n",
        "<30>one\n<30>two\r\n\n<30>a#012b#012c\n<30>mixed\n",
    ];
    for stream in streams {
        for piece in [1, 5, 1000] {
            bench.log.clear();
            bench.log.push(format!("begin tcp:{to}/127.0.0.1"));
            let mut socket = connect(to);
            socket.set_nodelay(true).unwrap();
            for piece in stream.as_bytes().chunks(piece) {
                socket.write_all(piece).unwrap();
                thread::sleep(Duration::from_micros(100));
            }
            bench.until_has("mixed");
            let name = format!("tcp:{to}/127.0.0.1");
            let expected = ["<30>one", "<30>two", "<30>a#012b#012c", "<30>mixed"].map(|line| format!("{name}: {line}"));
            let lines: Vec<&String> = bench.log.iter().filter(|line| !line.starts_with("begin")).collect();
            assert_eq!(
                lines,
                expected.iter().collect::<Vec<_>>(),
                "{stream:?} in pieces of {piece}"
            );
        }
    }
}

#[test]
fn a_connection_that_cannot_be_read_on_is_closed_with_a_reason() {
    let (mut bench, to) = tcp(|_| ());
    let mut socket = connect(to);
    socket.write_all(b"7 <30>one99999999 <30>two\n<30>forged\n").unwrap();
    bench.until_has("problem");
    closed(socket);
    let name = format!("tcp:{to}/127.0.0.1");
    let problem =
        format!("problem: {name}:byte 9: no syslog message: a count of more than 7 digits; the connection was closed");
    let expected = [format!("begin {name}"), format!("{name}: <30>one"), problem];
    assert_eq!(bench.log, expected);
    assert_eq!(bench.finish(), expected);
}

/// Someone else's frames, if they are here.
#[test]
fn hostile_frames() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/corpus/hostile/27-syslog-frames.bin"
    );
    let Ok(frames) = std::fs::read(path) else { return };
    let (mut bench, to) = tcp(|_| ());
    let mut socket = connect(to);
    // the connection may be closed before everything is sent
    let _ = socket.write_all(&frames);
    bench.until_has("problem");
    closed(socket);
    assert_eq!(messages(&bench.log, "tcp:"), 1);
    assert!(bench.log[1].ends_with("vpn1 pppd[1]: ok"), "{:#?}", bench.log);
    assert_eq!(bench.log.len(), 3);
}

#[test]
fn what_ends_within_a_message_is_told() {
    let (mut bench, to) = tcp(|_| ());
    let mut counted = connect(to);
    counted.write_all(b"7 <30>one60 <30>half").unwrap();
    drop(counted);
    bench.until_has("lost Some(1): the connection ended within a message: 8 of 60 bytes came");
    let mut line = connect(to);
    line.write_all(b"<30>a line without an end").unwrap();
    drop(line);
    bench.until_has("<30>a line without an end");
    assert_eq!(lost(&bench.log), 1);
}

#[test]
fn who_says_nothing_loses_the_place() {
    let (mut bench, to) = tcp(|config| config.stalled_s = 1);
    let silent = connect(to);
    let mut half = connect(to);
    half.write_all(b"<30>whole\n60 <30>half").unwrap();
    let mut idle = connect(to);
    idle.write_all(b"<30>idle\n").unwrap();
    bench.until_has("no message came within 1 s");
    bench.until_has("a message did not end within 1 s");
    bench.until_has("lost Some(1)");
    closed(silent);
    closed(half);
    // between messages a connection may rest
    thread::sleep(Duration::from_millis(1500));
    idle.write_all(b"<30>idle no more\n").unwrap();
    bench.until_has("idle no more");
}

#[test]
fn a_byte_now_and_then_keeps_no_place() {
    let (mut bench, to) = tcp(|config| config.stalled_s = 1);
    let mut drip = connect(to);
    drip.write_all(b"<30>whole\n").unwrap();
    bench.until_has("<30>whole");
    let dripping = thread::spawn(move || {
        let begun = Instant::now();
        while begun.elapsed() < LONG && drip.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(100));
        }
        begun.elapsed()
    });
    bench.until_has("a message did not end within 1 s: the connection was closed");
    assert!(dripping.join().unwrap() < LONG);
    // what came of the line is kept
    bench.until_has(": xxx");
}

#[test]
fn who_had_to_wait_for_us_keeps_the_place() {
    let mut bench = Bench::with(1 << 16, Inherited::none(), |config| {
        (config.tcp, config.stalled_s) = (vec!["127.0.0.1:0".into()], 1);
    })
    .unwrap();
    let to = bench.address("tcp:");
    let sending = thread::spawn(move || {
        let line = format!("<30>{}\n", "x".repeat(195));
        let mut socket = connect(to);
        socket.write_all(line.repeat(50_000).as_bytes()).unwrap();
    });
    while bench.arrivals.depth().arrivals == 0 {
        thread::sleep(Duration::from_millis(1));
    }
    // the queue is full for longer than a message may take
    thread::sleep(Duration::from_millis(2500));
    bench.until(|log| messages(log, "tcp:") == 50_000);
    sending.join().unwrap();
    assert!(
        !bench.log.iter().any(|line| line.starts_with("problem")),
        "{:#?}",
        bench.log.last()
    );
}

#[test]
fn connections_have_a_limit() {
    let (mut bench, to) = tcp(|config| config.peer_connections_max = 2);
    let mut first = connect(to);
    first.write_all(b"<30>first\n").unwrap();
    let second = connect(to);
    bench.until_has("first");
    while bench.health("tcp:").connections < 2 {
        thread::sleep(Duration::from_millis(1));
    }
    closed(connect(to));
    bench.until_has("a connection was refused: 2 are open (`peer-connections-max`)");
    drop(second);
    while bench.health("tcp:").connections > 1 {
        thread::sleep(Duration::from_millis(1));
    }
    let mut third = connect(to);
    third.write_all(b"<30>third\n").unwrap();
    bench.until_has("third");
    assert_eq!(bench.health("tcp:").refused, 1);
}

/// In a process of its own: what other tests need of memory is not its concern.
#[test]
fn ten_thousand_connections_leave_nothing() {
    const ALONE: &str = "TUNLOG_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args([
            "--exact",
            "listen::tests::connections::ten_thousand_connections_leave_nothing",
        ]);
        let output = command.env(ALONE, "1").output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && told.contains("1 passed"), "{told}");
        return;
    }
    let (mut bench, to) = tcp(|_| ());
    let round = |bench: &mut Bench, count: u64| {
        let client = |number: u64| {
            // a machine that is busy gives one client its turn rarely
            thread::spawn(move || {
                for number in (number..count).step_by(16) {
                    let mut socket = connect(to);
                    if number % 10 == 0 {
                        // it may have been refused
                        let _ = socket.write_all(b"<30>one of many, cut off within a mess");
                    }
                }
            })
        };
        for client in (0..16).map(client).collect::<Vec<_>>() {
            client.join().unwrap();
        }
        // those that the kernel holds are taken yet
        let mut quiet = std::time::Instant::now();
        while quiet.elapsed() < Duration::from_millis(500) {
            if bench.health("tcp:").connections > 0 || bench.arrivals.depth().arrivals > 0 {
                quiet = std::time::Instant::now();
            }
            bench.until(|_| true);
            if let Next::Arrival(arrival) = bench.arrivals.next(Some(Duration::from_millis(5))) {
                drop(arrival);
            }
        }
    };
    round(&mut bench, 2000);
    let before = resident();
    round(&mut bench, 8000);
    let grown = resident().saturating_sub(before);
    let health = bench.health("tcp:");
    assert_eq!((health.connections, health.peers), (0, 1));
    assert!(health.connected + health.refused >= 9900, "{health:?}");
    assert!(grown < 8 << 20, "{grown} bytes more");
}

/// Bytes of memory that this process has.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[test]
fn a_peer_with_a_rate_is_read_slowly_and_loses_nothing() {
    let (mut bench, to) = tcp(|config| (config.peer_rate, config.peer_burst) = (1000, 10));
    let mut socket = connect(to);
    let burst: String = (0..600).map(|number| format!("<30>{number}\n")).collect();
    let begun = Instant::now();
    socket.write_all(burst.as_bytes()).unwrap();
    bench.until(|log| messages(log, "tcp:") == 600);
    // what came at once is there; what comes next has to wait until the peer's time has come
    socket.write_all(b"<30>next\n").unwrap();
    socket.shutdown(Shutdown::Write).unwrap();
    bench.until_has("<30>next");
    closed(socket);
    assert!(begun.elapsed() >= Duration::from_millis(500), "{:?}", begun.elapsed());
    assert_eq!(lost(&bench.log), 0);
}

#[test]
fn a_full_queue_makes_the_sender_wait() {
    let mut bench = Bench::with(1 << 16, Inherited::none(), |config| {
        config.tcp = vec!["127.0.0.1:0".into()]
    })
    .unwrap();
    let to = bench.address("tcp:");
    let count = 200_000;
    let sending = thread::spawn(move || {
        let mut socket = connect(to);
        let mut buffer = Vec::new();
        for number in 0..count {
            buffer.extend_from_slice(format!("<30>message {number} {}\n", "x".repeat(80)).as_bytes());
            if buffer.len() > 60_000 {
                socket.write_all(&buffer).unwrap();
                buffer.clear();
            }
        }
        socket.write_all(&buffer).unwrap();
    });
    while bench.arrivals.depth().arrivals == 0 {
        thread::sleep(Duration::from_millis(1));
    }
    thread::sleep(Duration::from_millis(200));
    assert!(bench.arrivals.depth().bytes <= 2 << 20, "{:?}", bench.arrivals.depth());
    bench.until(|log| messages(log, "tcp:") == count);
    sending.join().unwrap();
    let wanted = |number: usize| format!("message {number} ");
    let lines = bench.log.iter().filter(|line| line.contains(": <30>"));
    assert!(lines.enumerate().all(|(number, line)| line.contains(&wanted(number))));
}

#[test]
fn a_long_message_is_cut_and_told() {
    let (mut bench, to) = tcp(|config| config.message_bytes_max = 500);
    let mut socket = connect(to);
    let long = format!("<30>{}", "y".repeat(100_000));
    socket
        .write_all(format!("{} {long}{long}\n<30>last\n", long.len()).as_bytes())
        .unwrap();
    bench.until_has("<30>last");
    let lengths: Vec<usize> = bench.log.iter().map(|line| line.matches('y').count()).collect();
    assert_eq!(lengths.iter().filter(|len| **len == 496).count(), 2, "{lengths:?}");
    bench.until_has("longer than 500 bytes (`message-bytes-max`): the rest was left out");
    assert_eq!(bench.health("tcp:").cut, 2);
}
