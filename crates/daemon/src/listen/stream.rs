//! Syslog over connections: TCP (RFC 6587), TLS (RFC 5425) and Unix sockets for streams.
//!
//! All connections of a socket read into one large room; what is whole moves from there into the chunk that is handed over,
//! and only the beginning of a message whose end did not come yet is kept. A connection is not read while the queue is full:
//! the sender has to wait, and loses nothing.

use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tunlog_ingest::frames::BadFrame;
use tunlog_ingest::{Frames, Problem};

use super::gate::{CHUNK_BYTES, Gate, Tally, lock, sleep_until, stopped};
use super::seat::{Handshake, Seat};
use super::tls::Certificates;
use crate::intake::Closed;

/// Bytes of the room that connections read to.
const READ_BYTES: usize = 256 * 1024;

/// Bytes that one connection may hold while the queue is full.
const FULL_BYTES: usize = 64 * 1024;

/// How long messages are gathered while the keeping thread is behind.
const GATHER: Duration = Duration::from_millis(2);

/// How long no connection is accepted after the system refused one.
const PAUSE: Duration = Duration::from_secs(1);

/// How long the end of a connection may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// When the daemon ends: how long is waited for what may be on its way, and how long is read of one that never rests.
const LAST_IDLE: Duration = Duration::from_millis(50);
const LAST_READ: Duration = Duration::from_secs(1);

/// How long connections may hand over what they read when the daemon ends.
const LAST_WAIT: Duration = Duration::from_secs(10);

/// A socket for connections.
pub(super) enum Connections {
    Tcp(TcpListener),
    Tls(TcpListener, Arc<Certificates>),
    Unix(UnixListener),
}

/// Takes connections until it is to stop, and ends those that there are.
///
/// # Errors
/// If the socket fails.
pub(super) async fn run(gate: &Arc<Gate>, socket: &Connections, stop: &mut watch::Receiver<bool>) -> io::Result<()> {
    let mut open = JoinSet::new();
    let failed = loop {
        let accepted = tokio::select! {
            () = stopped(stop) => break Ok(()),
            Some(_) = open.join_next() => continue,
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok(stream) => admit(gate, stream, &mut open, stop),
            Err(error) if passes(&error) => {
                let cause = format!("a connection could not be taken: {error}");
                gate.tell(Problem::warning(gate.name.as_str(), cause));
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => break Err(error),
        }
    };
    let end = async { while open.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(LAST_WAIT, end).await;
    failed
}

/// Whether the next connection may succeed although this one did not: it was gone already, or something is used up.
fn passes(error: &io::Error) -> bool {
    use nix::errno::Errno;
    let used_up = [
        Errno::EMFILE,
        Errno::ENFILE,
        Errno::ENOBUFS,
        Errno::ENOMEM,
        Errno::EPERM,
        Errno::EPROTO,
    ];
    error.kind() == io::ErrorKind::ConnectionAborted
        || error.kind() == io::ErrorKind::Interrupted
        || error
            .raw_os_error()
            .is_some_and(|code| used_up.contains(&Errno::from_raw(code)))
}

/// Who came.
enum Accepted {
    Tcp(TcpStream, IpAddr),
    Tls(TcpStream, IpAddr, Arc<Certificates>),
    Unix(UnixStream),
}

impl Connections {
    async fn accept(&self) -> io::Result<Accepted> {
        Ok(match self {
            Connections::Unix(listener) => Accepted::Unix(listener.accept().await?.0),
            Connections::Tcp(listener) => {
                let (stream, from) = listener.accept().await?;
                Accepted::Tcp(stream, from.ip())
            }
            Connections::Tls(listener, certificates) => {
                let (stream, from) = listener.accept().await?;
                Accepted::Tls(stream, from.ip(), Arc::clone(certificates))
            }
        })
    }
}

/// Gives a connection its place, if there is one.
fn admit(gate: &Arc<Gate>, accepted: Accepted, open: &mut JoinSet<()>, stop: &watch::Receiver<bool>) {
    match accepted {
        Accepted::Unix(stream) => {
            if let Some(seat) = Seat::of_own(gate) {
                open.spawn(serve(seat, stream, stop.clone()));
            }
        }
        Accepted::Tcp(stream, from) => {
            keep_alive(&stream);
            if let Some(seat) = Seat::of_address(gate, from) {
                open.spawn(serve(seat, stream, stop.clone()));
            }
        }
        Accepted::Tls(stream, from, certificates) => {
            keep_alive(&stream);
            if let Some(handshake) = Handshake::begin(gate, from, certificates) {
                open.spawn(serve_tls(handshake, stream, stop.clone()));
            }
        }
    }
}

/// A peer that lost its power would keep its place for ever.
fn keep_alive(stream: &TcpStream) {
    let _ = nix::sys::socket::setsockopt(stream, nix::sys::socket::sockopt::KeepAlive, &true);
}

async fn serve_tls(handshake: Handshake, stream: TcpStream, mut stop: watch::Receiver<bool>) {
    let time = handshake.gate.limits().handshake;
    let acceptor = TlsAcceptor::from(handshake.certificates.current());
    let accepted = tokio::select! {
        () = stopped(&mut stop) => return,
        accepted = tokio::time::timeout(time, acceptor.accept(stream)) => accepted,
    };
    match accepted {
        Ok(Ok(mut stream)) => {
            let shown = stream.get_ref().1.peer_certificates().unwrap_or_default().to_vec();
            match handshake.seat(shown) {
                Some(seat) => serve(seat, stream, stop).await,
                None => drop(tokio::time::timeout(GOODBYE, stream.shutdown()).await),
            }
        }
        Ok(Err(error)) => handshake.failed(format!("TLS handshake failed: {error}")),
        Err(_) => {
            let seconds = time.as_secs();
            handshake.failed(format!(
                "TLS handshake not done within {seconds} s: the connection was closed"
            ));
        }
    }
}

async fn serve(seat: Seat, stream: impl AsyncRead + AsyncWrite + Unpin, stop: watch::Receiver<bool>) {
    let limit = seat.gate.limits().message_bytes_max;
    let mut connection = Connection {
        stream,
        frames: Frames::new(limit),
        chunk: Vec::new(),
        messages: 0,
        waits_since: Some(Instant::now()),
    };
    // nobody takes messages any more: nothing is to be done about it here
    let _ = connection.serve(&seat, stop).await;
    // TLS says that it ends (RFC 5425 §4.4); a peer that does not listen to it has its time, too
    let _ = tokio::time::timeout(GOODBYE, connection.stream.shutdown()).await;
}

/// One connection.
struct Connection<S> {
    stream: S,
    frames: Frames,
    /// Whole messages that were not handed over.
    chunk: Vec<u8>,
    messages: u64,
    /// Since when it owes us the end of a message, or its first one.
    waits_since: Option<Instant>,
}

/// What reading came to.
enum Filled {
    /// Nothing more is there now.
    Idle,
    /// There is enough to be handed over.
    Enough,
    /// The peer closed the connection.
    End,
    /// The connection broke.
    Broken(io::Error),
    Bad(BadFrame),
}

impl<S: AsyncRead + Unpin> Connection<S> {
    async fn serve(&mut self, seat: &Seat, mut stop: watch::Receiver<bool>) -> Result<(), Closed> {
        let gate = &seat.gate;
        let (mut whole, mut unread) = (false, Instant::now());
        // what it owes from an earlier connection
        self.slow_down(seat, &mut stop).await;
        loop {
            tokio::select! {
                () = seat.put_out() => return self.put_out(seat).await,
                room = gate.intake.room(FULL_BYTES) => room?,
            }
            // while we do not read the peer owes us nothing
            self.waits_since = self.waits_since.map(|since| since + unread.elapsed());
            let stalled = sleep_until(self.stalls_at(gate, whole));
            let mut filled = tokio::select! {
                () = stopped(&mut stop) => return self.last(seat).await,
                () = seat.put_out() => return self.put_out(seat).await,
                filled = self.fill(gate) => filled,
                () = stalled => {
                    self.hand_over(seat).await?;
                    return self.ended_by_us(seat).await;
                }
            };
            unread = Instant::now();
            if matches!(filled, Filled::Idle) && self.chunk.len() < FULL_BYTES && gate.intake.depth().arrivals > 0 {
                tokio::time::sleep(GATHER).await;
                filled = self.more(gate).await;
            }
            whole = self.messages > 0;
            self.hand_over(seat).await?;
            // before anything else: a peer that closes and comes again has the same rate
            self.slow_down(seat, &mut stop).await;
            match filled {
                Filled::Idle | Filled::Enough => {}
                Filled::End => return self.end(seat, true).await,
                Filled::Broken(error) => {
                    // a peer that is gone without a word is no news, unless something was cut off
                    let in_order = error.kind() == io::ErrorKind::UnexpectedEof && !self.frames.is_within();
                    return self.end(seat, in_order).await;
                }
                Filled::Bad(bad) => {
                    let cause = format!("no syslog message: {}; the connection was closed", bad.cause);
                    seat.ended(Some(format!("byte {}", bad.offset)), cause);
                    return Ok(());
                }
            }
        }
    }

    /// When the connection has owed us a message for too long. A byte now and then is no message: it does not help.
    fn stalls_at(&mut self, gate: &Gate, whole: bool) -> Option<Instant> {
        let waits = self.frames.is_within() || !self.frames.has_begun();
        self.waits_since = match self.waits_since {
            Some(since) if waits && !whole => Some(since),
            _ => waits.then(Instant::now),
        };
        self.waits_since.map(|since| since + gate.limits().stalled)
    }

    /// Reads until nothing more is there, at least once, and at most until there is enough.
    async fn fill(&mut self, gate: &Gate) -> Filled {
        poll_fn(|context| self.poll_fill(context, gate)).await
    }

    /// Reads what is there, if anything.
    async fn more(&mut self, gate: &Gate) -> Filled {
        poll_fn(|context| match self.poll_fill(context, gate) {
            Poll::Pending => Poll::Ready(Filled::Idle),
            ready => ready,
        })
        .await
    }

    fn poll_fill(&mut self, context: &mut Context<'_>, gate: &Gate) -> Poll<Filled> {
        let depth = gate.intake.depth();
        let enough = match depth.bytes >= depth.limit {
            true => FULL_BYTES,
            false => CHUNK_BYTES,
        };
        let mut room = lock(&gate.scratch);
        room.resize(READ_BYTES, 0);
        let mut read = false;
        while self.chunk.len() < enough {
            let mut buffer = ReadBuf::new(&mut room[..enough]);
            match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
                Poll::Pending if read || !self.chunk.is_empty() => return Poll::Ready(Filled::Idle),
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return Poll::Ready(Filled::Broken(error)),
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => return Poll::Ready(Filled::End),
                Poll::Ready(Ok(())) => read = true,
            }
            match self.frames.feed(buffer.filled(), &mut self.chunk) {
                Ok(messages) => self.messages += messages,
                Err(bad) => return Poll::Ready(Filled::Bad(bad)),
            }
        }
        Poll::Ready(Filled::Enough)
    }

    async fn hand_over(&mut self, seat: &Seat) -> Result<(), Closed> {
        let cut = self.frames.take_cut();
        if cut > 0 {
            Tally::add(&seat.gate.tally.cut, cut);
            let limit = seat.gate.limits().message_bytes_max;
            let cause =
                format!("{cut} messages were longer than {limit} bytes (`message-bytes-max`): the rest was left out");
            seat.gate.tell(Problem::warning(&*seat.peer.feed.name, cause));
        }
        if self.chunk.is_empty() {
            return Ok(());
        }
        seat.gate.hand_over(&seat.peer, std::mem::take(&mut self.chunk)).await
    }

    /// Waits until the peer's rate allows what it has sent.
    async fn slow_down(&mut self, seat: &Seat, stop: &mut watch::Receiver<bool>) {
        let messages = std::mem::take(&mut self.messages);
        Tally::add(&seat.gate.tally.messages, messages);
        let limits = seat.gate.limits();
        let wait = lock(&seat.peer.bucket).spend(messages, limits.rate, limits.burst, Instant::now());
        if !wait.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stopped(stop) => {}
                () = seat.put_out() => {}
            }
        }
    }

    /// The connection is over.
    async fn end(&mut self, seat: &Seat, in_order: bool) -> Result<(), Closed> {
        let before = self.chunk.len();
        let unfinished = self.frames.end(in_order, &mut self.chunk);
        self.messages += u64::from(self.chunk.len() > before);
        Tally::add(&seat.gate.tally.messages, std::mem::take(&mut self.messages));
        self.hand_over(seat).await?;
        let Some(unfinished) = unfinished else { return Ok(()) };
        let read = unfinished.read;
        let cause = match unfinished.announced {
            Some(all) => format!("the connection ended within a message: {read} of {all} bytes came"),
            None => format!("the connection broke within a message: {read} bytes of it came"),
        };
        seat.gate.lost(&seat.peer, 1, cause).await
    }

    /// The configuration that holds now does not allow it. What came before is taken.
    async fn put_out(&mut self, seat: &Seat) -> Result<(), Closed> {
        seat.ended(None, "not allowed any longer: the connection was closed".to_owned());
        self.end(seat, false).await
    }

    async fn ended_by_us(&mut self, seat: &Seat) -> Result<(), Closed> {
        let seconds = seat.gate.limits().stalled.as_secs();
        let cause = match self.frames.has_begun() {
            true => format!("a message did not end within {seconds} s: the connection was closed"),
            false => format!("no message came within {seconds} s: the connection was closed"),
        };
        seat.ended(None, cause);
        self.end(seat, true).await
    }

    /// The daemon ends: what was received already is taken.
    async fn last(&mut self, seat: &Seat) -> Result<(), Closed> {
        let until = Instant::now() + LAST_READ;
        loop {
            // what is there shows only when the runtime has asked the system for it
            let filled = match tokio::time::timeout(LAST_IDLE, self.fill(&seat.gate)).await {
                Ok(filled) => filled,
                Err(_) => Filled::Enough,
            };
            let idle = self.chunk.is_empty() || Instant::now() > until;
            self.hand_over(seat).await?;
            match filled {
                Filled::Bad(_) => return Ok(()),
                Filled::End => return self.end(seat, true).await,
                Filled::Broken(_) => return self.end(seat, false).await,
                // a line that is not whole is still being written
                Filled::Idle | Filled::Enough if idle => return self.end(seat, false).await,
                Filled::Idle | Filled::Enough => {}
            }
        }
    }
}
