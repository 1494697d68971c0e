//! What receiving costs: messages by UDP or TCP from another process, up to where they are handed over to be kept.
//!
//!     receive_speed udp 1000000 50000     # so many messages, so many a second (0: as fast as it goes)
//!     receive_speed tcp 1000000 0         # counted frames; `lines` sends lines, `unix` to a Unix socket
//!
//! Prints the messages taken and lost, and the processor time of the receiving process alone.

use std::io::Write;
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use tunlog_daemon::listen::{Config, Inherited, Receivers};
use tunlog_daemon::{Intake, Next};
use tunlog_ingest::{Options, What};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| arguments.get(at).and_then(|text| text.parse().ok()).unwrap_or(0);
    match arguments.first().map(String::as_str) {
        Some("send") => send(&arguments[1], &arguments[2], number(3), number(4)),
        Some(kind) => receive(kind, number(1), number(2)),
        None => eprintln!("receive_speed udp|tcp|lines|unix MESSAGES [MESSAGES-A-SECOND]"),
    }
}

fn message(number: u64) -> String {
    format!(
        "<30>Nov 19 11:00:00 gw1 pppd[{}]: rcvd [LCP EchoReq id=0x{:x} magic=0x5fd1d3c1]",
        1000 + number % 500,
        number % 256
    )
}

fn send(kind: &str, to: &str, count: u64, rate: u64) {
    let mut udp = None;
    let mut unix = None;
    let mut stream = None;
    match kind {
        "udp" => {
            let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
            socket.connect(to).expect("an address");
            udp = Some(socket);
        }
        "unix" => {
            let socket = UnixDatagram::unbound().expect("a socket");
            socket.connect(to).expect("a path");
            unix = Some(socket);
        }
        _ => stream = Some(TcpStream::connect(to).expect("a connection")),
    }
    let begun = Instant::now();
    let mut buffer = Vec::new();
    for number in 0..count {
        let text = message(number);
        if let Some(socket) = &udp {
            while socket.send(text.as_bytes()).is_err() {}
        } else if let Some(socket) = &unix {
            socket.send(text.as_bytes()).expect("somebody listens");
        } else {
            match kind {
                "lines" => buffer.extend_from_slice(format!("{text}\n").as_bytes()),
                _ => buffer.extend_from_slice(format!("{} {text}", text.len()).as_bytes()),
            }
        }
        if let Some(stream) = &mut stream
            && (buffer.len() > 16_384 || number + 1 == count)
        {
            stream.write_all(&buffer).expect("somebody reads");
            buffer.clear();
        }
        if rate > 0 && number % 50 == 49 {
            let due = begun + Duration::from_secs_f64(number as f64 / rate as f64);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    eprintln!("sent {count} in {seconds:.2} s, {:.0} a second", count as f64 / seconds);
}

fn receive(kind: &str, count: u64, rate: u64) {
    let path = std::env::temp_dir().join(format!("receive-speed-{}", std::process::id()));
    let mut config = Config::default();
    match kind {
        "udp" => config.udp.push("127.0.0.1:0".to_owned()),
        "unix" => config.unix.push(path.clone()),
        _ => config.tcp.push("127.0.0.1:0".to_owned()),
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (intake, mut arrivals) = Intake::channel(16 << 20);
    let receivers = Receivers::start(config, &Options::default(), intake, Inherited::none(), runtime.handle());
    let receivers = receivers.expect("a configuration that can be");
    std::thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    let to = loop {
        std::thread::sleep(Duration::from_millis(20));
        match (&receivers.health()[0], kind) {
            (health, _) if health.problem.is_some() => panic!("{health:?}"),
            (_, "unix") if path.exists() => break path.display().to_string(),
            (health, _) if health.address.is_some() => {
                break health.address.map(|to| to.to_string()).unwrap_or_default();
            }
            _ => {}
        }
    };
    let before = processor_us();
    let program = std::env::current_exe().expect("this program");
    let (count_text, rate) = (count.to_string(), rate.to_string());
    let mut sender = Command::new(program)
        .args(["send", kind, &to, &count_text, &rate])
        .spawn()
        .expect("a sender");
    let (mut chunks, mut bytes, mut lost, mut taken) = (0_u64, 0_u64, 0_u64, 0_u64);
    let mut ended = None;
    // two seconds after the end of the sender nothing is on its way any more
    while taken + lost < count && ended.is_none_or(|ended: Instant| ended.elapsed() < Duration::from_secs(2)) {
        match arrivals.next(Some(Duration::from_millis(200))) {
            Next::Arrival(arrival) => match arrival.what {
                What::Chunk(chunk, _) => {
                    chunks += 1;
                    bytes += chunk.bytes.len() as u64;
                    taken = receivers.health()[0].messages;
                }
                What::Lost(more, _) => lost += more.unwrap_or(0),
                _ => {}
            },
            Next::Nothing if sender.try_wait().is_ok_and(|status| status.is_some()) => {
                ended.get_or_insert_with(Instant::now);
            }
            _ => {}
        }
        if taken + lost >= count {
            break;
        }
    }
    let spent = processor_us() - before;
    let health = &receivers.health()[0];
    println!(
        "{kind}: {} taken, {lost} told as lost, of {count}; {chunks} chunks, {bytes} bytes",
        health.messages
    );
    println!(
        "{:.2} µs of processor time a message; kernel's buffer {} bytes",
        spent / count as f64,
        health.receive_buffer_bytes
    );
    let _ = sender.wait();
    let _ = std::fs::remove_file(path);
}

/// Processor time of all threads of this process, microseconds.
fn processor_us() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    let nanos = tasks.filter_map(|task| {
        let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    nanos.sum::<u64>() as f64 / 1000.0
}
