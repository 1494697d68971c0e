//! Syslog by UDP (RFC 5426) and by Unix sockets for datagrams: each datagram is one message.
//!
//! Datagrams are read many at a time and gathered for each peer. What was gathered is handed over when nothing more is there,
//! unless the keeping thread is behind anyway: then a little more is gathered, which costs it less. If there is no room in
//! the queue and much waits here, nothing is read: the kernel's buffer fills, and the kernel counts what it drops.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, UdpSocket as StdUdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::cmsg_space;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, getsockopt, recvmmsg, setsockopt, sockopt,
};
use tokio::io::Interest;
use tokio::net::{UdpSocket, UnixDatagram};
use tokio::sync::watch;

use super::gate::{CHUNK_BYTES, Gate, Limits, sleep_until, stopped};
use super::gather::Gathered;

/// Datagrams of one system call.
const BATCH: usize = 64;

/// System calls before other tasks have their turn.
const TURNS: usize = 16;

/// When the daemon ends: how long is waited for what may be on its way, and how long is read if it never rests.
const LAST_IDLE: Duration = Duration::from_millis(50);
const LAST_READ: Duration = Duration::from_secs(1);

/// The largest datagram there can be, and one byte.
const DATAGRAM_BYTES: usize = 65_536;

/// Bytes that wait here for room in the queue.
const BACKLOG_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How long the rest of what was received may wait for room when the daemon ends.
const LAST_WAIT: Duration = Duration::from_secs(10);

/// A socket for datagrams.
pub(super) enum Datagrams {
    Udp(UdpSocket, Origin),
    Unix(UnixDatagram),
}

/// Whose a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// We made it.
    Own,
    /// It was there before us, and what the kernel counted of it, too.
    Inherited,
}

impl Datagrams {
    /// A UDP socket that is bound. Its buffer is made as large as the kernel lets us; how large it is, is answered.
    pub fn udp(socket: StdUdpSocket, origin: Origin, limits: &Limits) -> io::Result<(Datagrams, usize)> {
        socket.set_nonblocking(true)?;
        make_room(&socket, limits.receive_buffer_bytes)?;
        setsockopt(&socket, sockopt::RxqOvfl, &1)?;
        // the kernel doubles what it is asked for, for its own book-keeping
        let buffer = getsockopt(&socket, sockopt::RcvBuf)? / 2;
        Ok((Datagrams::Udp(UdpSocket::from_std(socket)?, origin), buffer))
    }

    async fn readable(&self) -> io::Result<()> {
        match self {
            Datagrams::Udp(socket, _) => socket.readable().await,
            Datagrams::Unix(socket) => socket.readable().await,
        }
    }
}

/// Makes the kernel's buffer as large as is wanted, or as large as it lets us.
fn make_room(socket: &StdUdpSocket, wanted: usize) -> io::Result<()> {
    // whoever opened it for us may have had more rights, and given it more than we could
    let before = getsockopt(socket, sockopt::RcvBuf)? / 2;
    // only who may administer the network passes the kernel's own limit
    if before >= wanted || setsockopt(socket, sockopt::RcvBufForce, &wanted).is_ok() {
        return Ok(());
    }
    let limit = std::fs::read_to_string("/proc/sys/net/core/rmem_max").ok();
    let limit = limit.and_then(|text| text.trim().parse().ok()).unwrap_or(wanted);
    if limit.min(wanted) > before {
        setsockopt(socket, sockopt::RcvBuf, &wanted)?;
    }
    Ok(())
}

/// Where datagrams are read to.
struct Inbox {
    /// Room for a batch; the kernel gives it memory when something lies there.
    slab: Vec<u8>,
    /// Datagrams to ask for next.
    batch: usize,
    gathered: Gathered,
}

/// Takes datagrams until it is to stop, or until nobody takes them any more.
///
/// # Errors
/// If the socket fails.
pub(super) async fn run(gate: &Gate, socket: &Datagrams, stop: &mut watch::Receiver<bool>) -> io::Result<()> {
    let mut inbox = Inbox {
        slab: vec![0; BATCH * DATAGRAM_BYTES],
        batch: 2,
        gathered: Gathered::new(matches!(socket, Datagrams::Udp(_, Origin::Inherited))),
    };
    let failed = loop {
        let until = inbox.gathered.until();
        let may_read = inbox.gathered.bytes < BACKLOG_BYTES_MAX;
        let mut ready = Ok(());
        tokio::select! {
            () = stopped(stop) => break Ok(()),
            readable = socket.readable(), if may_read => ready = readable,
            room = gate.intake.room(CHUNK_BYTES), if inbox.gathered.blocked => if room.is_err() { return Ok(()) },
            () = sleep_until(until), if until.is_some() => {}
        }
        let drained = match ready.and_then(|()| {
            if may_read {
                inbox.drain(gate, socket, TURNS)
            } else {
                Ok(true)
            }
        }) {
            Ok(drained) => drained,
            Err(error) => break Err(error),
        };
        if inbox.gathered.hand_over(gate, drained).is_err() {
            return Ok(());
        }
        if !drained {
            tokio::task::yield_now().await;
        }
    };
    let until = Instant::now() + LAST_READ;
    // what is there shows only when the runtime has asked the system for it
    while failed.is_ok() && Instant::now() < until {
        match tokio::time::timeout(LAST_IDLE, socket.readable()).await {
            Ok(Ok(())) => inbox.drain(gate, socket, TURNS)?,
            _ => break,
        };
    }
    let _ = tokio::time::timeout(LAST_WAIT, inbox.gathered.finish(gate)).await;
    failed
}

impl Inbox {
    /// Reads what is there, in at most so many turns; answers whether that is all.
    fn drain(&mut self, gate: &Gate, socket: &Datagrams, turns: usize) -> io::Result<bool> {
        let limits = gate.limits();
        let now = Instant::now();
        self.gathered.forget_last();
        for _ in 0..turns {
            let batch = self.batch;
            let read = match socket {
                Datagrams::Udp(socket, _) => {
                    let mut drops = (None, None);
                    let gathered = &mut self.gathered;
                    let read = receive(socket, &mut self.slab, batch, &mut drops, &mut |from, bytes| {
                        gathered.take(gate, &limits, from, bytes, now);
                    });
                    if read.is_ok() {
                        gathered.count_drops(drops.0, drops.1);
                    }
                    read
                }
                Datagrams::Unix(socket) => receive_unix(socket, &mut self.slab, batch, &mut |bytes| {
                    self.gathered.keep(gate, &limits, gate.own.clone(), bytes, now);
                }),
            };
            match read {
                Ok(read) => {
                    self.batch = (2 * read).clamp(2, BATCH);
                    if read < batch {
                        return Ok(true);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if self.gathered.bytes >= BACKLOG_BYTES_MAX {
                return Ok(false);
            }
        }
        Ok(false)
    }
}

/// Reads at most `batch` datagrams with one system call; answers how many there were. What the kernel dropped before one
/// of them comes with it, counted over the life of the socket: `drops` is what came with the first, and with the last.
fn receive(
    socket: &UdpSocket,
    slab: &mut [u8],
    batch: usize,
    drops: &mut (Option<u32>, Option<u32>),
    each: &mut dyn FnMut(IpAddr, &[u8]),
) -> io::Result<usize> {
    socket.try_io(Interest::READABLE, || {
        // made anew for each call: the kernel writes into them how much room it left
        let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(batch, Some(cmsg_space!(u32)));
        let mut rooms: Vec<[IoSliceMut<'_>; 1]> = slab
            .chunks_mut(DATAGRAM_BYTES)
            .take(batch)
            .map(|room| [IoSliceMut::new(room)])
            .collect();
        let received = recvmmsg(
            socket.as_raw_fd(),
            &mut headers,
            rooms.iter_mut(),
            MsgFlags::MSG_DONTWAIT,
            None,
        )?;
        let mut count = 0;
        for message in received {
            count += 1;
            for control in message.cmsgs()? {
                if let ControlMessageOwned::RxqOvfl(dropped) = control {
                    if count == 1 {
                        drops.0 = Some(dropped);
                    }
                    drops.1 = Some(dropped);
                }
            }
            let bytes = message.iovs().next().unwrap_or_default();
            if let Some(from) = message.address.as_ref().and_then(address) {
                each(from, bytes);
            }
        }
        Ok(count)
    })
}

fn address(storage: &SockaddrStorage) -> Option<IpAddr> {
    let four = storage.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
    four.or_else(|| storage.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
}

/// The same of a Unix socket, whose writers wait instead of losing anything, and have no address.
fn receive_unix(
    socket: &UnixDatagram,
    slab: &mut [u8],
    batch: usize,
    each: &mut dyn FnMut(&[u8]),
) -> io::Result<usize> {
    // a datagram may be as large as the sender's buffer; what is beyond the room is left out
    for count in 0..batch {
        match socket.try_recv(slab) {
            Ok(len) => each(&slab[..len]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && count > 0 => return Ok(count),
            Err(error) => return Err(error),
        }
    }
    Ok(batch)
}
