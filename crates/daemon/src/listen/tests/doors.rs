use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixStream};

use super::*;

#[test]
fn unix_sockets() {
    let folder = Folder::new();
    let (datagram, stream) = (folder.0.join("log"), folder.0.join("stream"));
    let mut bench = Bench::start(|config| {
        (config.unix, config.unix_stream) = (vec![datagram.clone()], vec![stream.clone()]);
        config.unix_mode = "0600".into();
    });
    while !datagram.exists() || !stream.exists() {
        thread::sleep(Duration::from_millis(1));
    }
    let socket = UnixDatagram::unbound().unwrap();
    while socket.connect(&datagram).is_err() {
        thread::sleep(Duration::from_millis(1));
    }
    // as syslog(3) writes it: no host
    socket.send(b"<30>Nov 19 11:00:00 pppd[7]: a\nb\0").unwrap();
    bench.until_has(&format!(
        "unix:{}: <30>Nov 19 11:00:00 pppd[7]: a#012b",
        datagram.display()
    ));
    let mut connection = UnixStream::connect(&stream).unwrap();
    connection.write_all(b"<30>one\n<30>two\n").unwrap();
    bench.until_has(&format!("unix-stream:{}: <30>two", stream.display()));
    drop(bench.finish());
    assert!(!datagram.exists() && !stream.exists());
}

#[test]
fn a_port_in_use_is_tried_again() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let mut bench = Bench::start(|config| config.tcp = vec![address.to_string()]);
    bench.until_has(&format!("problem: tcp:{address}: cannot be opened: "));
    assert!(bench.health("tcp:").problem.is_some());
    drop(taken);
    bench.until_has(&format!("problem: tcp:{address}: is open now"));
    let mut socket = TcpStream::connect(address).unwrap();
    socket.write_all(b"<30>at last\n").unwrap();
    bench.until_has("at last");
    assert_eq!(bench.health("tcp:").problem, None);
}

#[test]
fn another_configuration_leaves_what_stays_alone() {
    let folder = Folder::new();
    let path = folder.0.join("log");
    let mut bench = Bench::start(|config| (config.tcp, config.unix) = (vec!["127.0.0.1:0".into()], vec![path.clone()]));
    let to = bench.address("tcp:");
    let mut socket = TcpStream::connect(to).unwrap();
    socket.write_all(b"<30>before\n<30>ha").unwrap();
    bench.until_has("before");
    let config = Config {
        tcp: vec!["127.0.0.1:0".into()],
        udp: vec!["127.0.0.1:0".into()],
        allow: Some(vec!["127.0.0.9".into()]),
        ..Config::default()
    };
    bench.receivers.apply(config.clone()).unwrap();
    let udp = bench.address("udp:");
    assert_eq!(bench.address("tcp:"), to);
    // who is connected is judged anew as well
    bench.until_has("not allowed any longer: the connection was closed");
    bench.until_has("lost Some(1): the connection broke within a message");
    while bench.health("tcp:").connections > 0 {
        thread::sleep(Duration::from_millis(1));
    }
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    other.send_to(b"<30>x", udp).unwrap();
    bench.until_has("`allow` does not name this address");
    while path.exists() {
        thread::sleep(Duration::from_millis(1));
    }
    let bad = Config {
        udp: vec!["nowhere".into()],
        ..config.clone()
    };
    let allowed = Config { allow: None, ..config };
    bench.receivers.apply(allowed).unwrap();
    let mut socket = TcpStream::connect(to).unwrap();
    assert_eq!(bench.receivers.apply(bad).unwrap_err().path, "listen.udp");
    socket.write_all(b"<30>as before\n").unwrap();
    bench.until_has("as before");
}

/// Nothing is used by halves: what is open was made with the first values, and what is opened later is, too.
#[test]
fn what_is_fixed_stays_until_a_restart() {
    let mut bench = Bench::start(|config| {
        (config.udp, config.message_bytes_max) = (vec!["127.0.0.1:0".into()], 480);
    });
    let first = bench.address("udp:");
    let next = Config {
        udp: vec!["127.0.0.1:0".into()],
        tcp: vec!["127.0.0.1:0".into()],
        message_bytes_max: 5000,
        ..Config::default()
    };
    bench.receivers.apply(next).unwrap();
    let text = format!("<30>{} end", "x".repeat(1000));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(text.as_bytes(), first).unwrap();
    let mut stream = TcpStream::connect(bench.address("tcp:")).unwrap();
    stream.write_all(format!("{text}\n").as_bytes()).unwrap();
    bench.until(|log| messages(log, "udp:") == 1 && messages(log, "tcp:") == 1);
    assert_eq!(
        (bench.health("udp:").cut, bench.health("tcp:").cut),
        (1, 1),
        "{:?}",
        bench.log
    );
}

#[test]
fn sockets_that_were_given_to_us() {
    let (udp, tcp) = (
        UdpSocket::bind("127.0.0.1:0").unwrap(),
        TcpListener::bind("127.0.0.1:0").unwrap(),
    );
    let (udp_address, tcp_address) = (udp.local_addr().unwrap(), tcp.local_addr().unwrap());
    // what came before we were there waits in them
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.send_to(b"<30>early", udp_address).unwrap();
    let mut early = TcpStream::connect(tcp_address).unwrap();
    early.write_all(b"<30>early too\n").unwrap();
    let inherited = Inherited {
        udp: vec![udp],
        tcp: vec![tcp],
        ..Inherited::none()
    };
    assert_eq!(
        inherited.names(),
        [format!("udp:{udp_address}"), format!("tcp:{tcp_address}")]
    );
    let mut bench = Bench::with(1 << 20, inherited, |config| {
        (config.udp, config.tcp) = (vec![udp_address.to_string()], vec![tcp_address.to_string()]);
    })
    .unwrap();
    bench.until_has(&format!("udp:{udp_address}/127.0.0.1: <30>early"));
    bench.until_has("<30>early too");
}

#[test]
fn what_was_received_is_handed_over_at_the_end() {
    let bench = Bench::start(|config| {
        (config.udp, config.tcp) = (vec!["127.0.0.1:0".into()], vec!["127.0.0.1:0".into()]);
    });
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let udp = bench.address("udp:");
    let mut stream = TcpStream::connect(bench.address("tcp:")).unwrap();
    for number in 0..1000 {
        socket.send_to(format!("<30>{number}").as_bytes(), udp).unwrap();
        stream.write_all(format!("<30>{number}\n").as_bytes()).unwrap();
    }
    stream.write_all(b"<30>a line that is still being wri").unwrap();
    while bench.health("tcp:").connected == 0 {
        thread::sleep(Duration::from_millis(1));
    }
    let log = bench.finish();
    assert_eq!((messages(&log, "udp:"), messages(&log, "tcp:")), (1000, 1000));
    assert_eq!(lost(&log), 1, "{:?}", log.last());
}

/// A program of its own, because the environment is one for the whole process; somebody else has to open the socket there.
#[test]
fn sockets_of_the_environment() {
    if std::env::var_os("LISTEN_FDS").is_some() {
        let inherited = Inherited::take();
        let names = inherited.names();
        assert!(names.len() == 2 && names[0].starts_with("udp:127.0.0.1:"), "{names:?}");
        assert!(names[1].starts_with("tcp:127.0.0.1:"), "{names:?}");
        assert_eq!(std::env::var_os("LISTEN_FDS"), None);
        println!("they were taken");
        return;
    }
    let script = "import os, socket, sys
udp, tcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket()
for number, door in enumerate((udp, tcp)):
    door.bind(('127.0.0.1', 0))
tcp.listen(5)
# they may stand at 3 and 4 themselves
udp, tcp = os.dup2(udp.fileno(), 20), os.dup2(tcp.fileno(), 21)
os.dup2(20, 3), os.dup2(21, 4)
os.environ.update(LISTEN_FDS='2', LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[1], sys.argv[1:])";
    let test = "listen::tests::doors::sockets_of_the_environment";
    let mut command = std::process::Command::new("python3");
    command
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"]);
    let Ok(output) = command.output() else {
        return println!("skipped: there is no python3");
    };
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("they were taken"), "{told}");
}

/// util-linux's own sender, where it is installed.
#[test]
fn what_logger_sends() {
    let folder = Folder::new();
    let path = folder.0.join("log");
    let mut bench = Bench::start(|config| {
        (config.udp, config.tcp) = (vec!["127.0.0.1:0".into()], vec!["127.0.0.1:0".into()]);
        config.unix = vec![path.clone()];
    });
    let (udp, tcp) = (
        bench.address("udp:").port().to_string(),
        bench.address("tcp:").port().to_string(),
    );
    let path = path.display().to_string();
    let ways: [&[&str]; 6] = [
        &["-n", "127.0.0.1", "-d", "-P", &udp, "--rfc3164"],
        &["-n", "127.0.0.1", "-d", "-P", &udp, "--rfc5424"],
        &["-n", "127.0.0.1", "-T", "-P", &tcp, "--rfc3164"],
        &["-n", "127.0.0.1", "-T", "-P", &tcp, "--rfc5424"],
        &["-n", "127.0.0.1", "-T", "-P", &tcp, "--octet-count", "--rfc5424"],
        &["-u", &path],
    ];
    for (number, way) in ways.iter().enumerate() {
        let text = format!("way {number}");
        let sent = std::process::Command::new("logger")
            .args(*way)
            .args(["-t", "pppd", "-p", "daemon.info", &text])
            .status();
        match sent {
            Ok(status) => assert!(status.success(), "{way:?}"),
            Err(_) => return println!("skipped: there is no logger"),
        }
        bench.until(|log| {
            log.iter()
                .any(|line| line.contains(": <30>") && line.contains("pppd") && line.ends_with(&text))
        });
    }
}
