use std::net::UdpSocket;

use super::*;

fn sender(to: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(to).unwrap();
    socket
}

#[test]
fn a_datagram_is_one_message_whatever_is_in_it() {
    let mut bench = Bench::start(|config| config.udp = vec!["127.0.0.1:0".into()]);
    let to = bench.address("udp:");
    let socket = sender(to);
    for text in [
        "<30>one",
        "<30>two\r\n\0",
        "<30>three\n<30>forged\n",
        "",
        "\n",
        "<30>last",
    ] {
        socket.send(text.as_bytes()).unwrap();
    }
    bench.until_has("last");
    let name = format!("udp:{to}/127.0.0.1");
    let expected = [
        format!("begin {name}"),
        format!("{name}: <30>one"),
        format!("{name}: <30>two"),
        format!("{name}: <30>three#012<30>forged"),
        format!("{name}: <30>last"),
    ];
    assert_eq!(bench.log, expected);
    let health = bench.health("udp:");
    assert_eq!((health.messages, health.peers, health.lost), (4, 1, 0));
    assert!(health.receive_buffer_bytes >= 100_000, "{health:?}");
}

#[test]
fn a_long_datagram_is_cut() {
    let mut bench = Bench::start(|config| (config.udp, config.message_bytes_max) = (vec!["127.0.0.1:0".into()], 480));
    let socket = sender(bench.address("udp:"));
    socket.send(format!("<30>{}", "x".repeat(60_000)).as_bytes()).unwrap();
    socket.send(b"<30>last").unwrap();
    bench.until_has("last");
    let longest = bench.log.iter().map(|line| line.matches('x').count()).max();
    assert_eq!((longest, bench.health("udp:").cut), (Some(476), 1));
}

#[test]
fn strangers_are_told_once_and_not_taken() {
    let mut bench = Bench::start(|config| {
        config.udp = vec!["127.0.0.1:0".into()];
        config.allow = Some(vec!["192.0.2.0/24".into(), "127.0.0.2".into()]);
    });
    let to = bench.address("udp:");
    let stranger = sender(to);
    for _ in 0..100 {
        stranger.send(b"<30>x").unwrap();
    }
    let friend = UdpSocket::bind("127.0.0.2:0").unwrap();
    friend.send_to(b"<30>last", to).unwrap();
    bench.until_has("last");
    assert_eq!(
        bench.log[0],
        format!("problem: udp:{to}/127.0.0.1: not taken: `allow` does not name this address")
    );
    assert_eq!(bench.log.len(), 3, "{:#?}", bench.log);
    assert_eq!(bench.health("udp:").refused, 100);
}

#[test]
fn peers_beyond_the_limit_share_a_name() {
    let mut bench = Bench::start(|config| (config.udp, config.peers_max) = (vec!["127.0.0.1:0".into()], 3));
    let to = bench.address("udp:");
    for number in 1..=20 {
        let socket = UdpSocket::bind(format!("127.0.1.{number}:0")).unwrap();
        socket.send_to(format!("<30>from {number}").as_bytes(), to).unwrap();
    }
    bench.until(|log| messages(log, "udp:") == 20);
    let own = (1..=3).filter(|number| messages(&bench.log, &format!("udp:{to}/127.0.1.{number}:")) == 1);
    assert_eq!(own.count(), 3, "{:#?}", bench.log);
    assert_eq!(messages(&bench.log, &format!("udp:{to}/other")), 17);
}

#[test]
fn what_comes_too_fast_is_counted() {
    let mut bench = Bench::start(|config| {
        config.udp = vec!["127.0.0.1:0".into()];
        (config.peer_rate, config.peer_burst) = (1, 5);
    });
    let to = bench.address("udp:");
    let socket = sender(to);
    for _ in 0..100 {
        socket.send(b"<30>x").unwrap();
    }
    let other = UdpSocket::bind("127.0.0.2:0").unwrap();
    other.send_to(b"<30>another peer", to).unwrap();
    bench.until(|log| messages(log, "udp:") as u64 + lost(log) == 101);
    bench.until_has("another peer");
    let taken = messages(&bench.log, &format!("udp:{to}/127.0.0.1:"));
    assert!((5..20).contains(&taken), "{taken}");
    bench.until_has("more than 1 a second (`peer-rate`)");
}

/// Every datagram arrives, or the kernel says that it dropped it.
fn flood(mut bench: Bench, count: u64, each: u64, pause: Duration) -> (u64, u64) {
    let to = bench.address("udp:");
    let sending = thread::spawn(move || {
        let socket = sender(to);
        let line = "<30>Nov 19 11:00:00 gw1 pppd[4711]: message number ";
        for number in 0..count {
            // a sender that the loopback has no room for waits
            while socket.send(format!("{line}{number}").as_bytes()).is_err() {}
            if number % each == each - 1 {
                thread::sleep(pause);
            }
        }
    });
    // whoever keeps the records is slower than the network
    bench.until(|_| sending.is_finished());
    sending.join().unwrap();
    // a drop is told with the next datagram that is not dropped
    let socket = sender(to);
    let mut last = 0;
    while !bench.log.iter().any(|line| line.contains("<30>the last")) {
        let _ = socket.send(b"<30>the last");
        last += 1;
        let until = Instant::now() + Duration::from_millis(500);
        while Instant::now() < until {
            if let Next::Arrival(arrival) = bench.arrivals.next(Some(Duration::from_millis(20))) {
                bench.take(&arrival);
            }
        }
    }
    bench.until(|log| messages(log, "udp:") as u64 + lost(log) >= count + last);
    let (messages, lost) = (messages(&bench.log, "udp:") as u64, lost(&bench.log));
    assert_eq!(messages + lost, count + last);
    assert_eq!(bench.health("udp:").lost, lost);
    (messages, lost)
}

#[test]
fn a_flood_is_taken_or_counted() {
    let bench = Bench::start(|config| config.udp = vec!["127.0.0.1:0".into()]);
    // 50,000 a second, if the machine has the time
    let (messages, lost) = flood(bench, 200_000, 500, Duration::from_millis(10));
    println!("{messages} taken, {lost} lost");
    assert!(messages > 100_000, "{messages} taken, {lost} lost");
}

#[test]
fn what_the_kernel_drops_is_counted() {
    let bench = Bench::with(1 << 16, Inherited::none(), |config| {
        (config.udp, config.receive_buffer_bytes) = (vec!["127.0.0.1:0".into()], 4096);
    });
    let bench = bench.unwrap();
    let (messages, lost) = flood(bench, 20_000, 20_000, Duration::ZERO);
    assert!(lost > 0 && messages > 0, "{messages} taken, {lost} lost");
}

/// A socket that outlives us, as systemd's do, has counted drops that were told by the daemon before.
#[test]
fn drops_of_an_earlier_daemon_are_not_told_again() {
    use nix::sys::socket::{setsockopt, sockopt};
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = socket.local_addr().unwrap();
    setsockopt(&socket, sockopt::RxqOvfl, &1).unwrap();
    setsockopt(&socket, sockopt::RcvBuf, &4096).unwrap();
    let flood = sender(to);
    for number in 0..1000 {
        let _ = flood.send(format!("<30>before us {number}").as_bytes());
    }
    // the daemon before takes what is there
    socket.set_nonblocking(true).unwrap();
    while socket.recv(&mut [0; 100]).is_ok() {}
    let inherited = Inherited {
        udp: vec![socket],
        ..Inherited::none()
    };
    let mut bench = Bench::with(1 << 20, inherited, |config| config.udp = vec![to.to_string()]).unwrap();
    bench.address("udp:");
    sender(to).send(b"<30>the first").unwrap();
    bench.until_has("the first");
    sender(to).send(b"<30>the second").unwrap();
    bench.until_has("the second");
    assert_eq!((lost(&bench.log), bench.health("udp:").lost), (0, 0), "{:?}", bench.log);
}

#[test]
fn a_full_queue_is_waited_for() {
    // nobody takes anything for a while: what came is there afterwards
    let mut bench = Bench::with(4096, Inherited::none(), |config| {
        config.udp = vec!["127.0.0.1:0".into()]
    })
    .unwrap();
    let socket = sender(bench.address("udp:"));
    for number in 0..500 {
        socket
            .send(format!("<30>{number} {}", "x".repeat(100)).as_bytes())
            .unwrap();
    }
    while bench.arrivals.depth().full == 0 {
        thread::sleep(Duration::from_millis(1));
    }
    bench.until(|log| messages(log, "udp:") == 500);
    assert_eq!(lost(&bench.log), 0);
}
