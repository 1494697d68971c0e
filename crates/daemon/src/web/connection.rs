//! Connections: how many at a time, how long each may take, and what is said to whoever speaks no HTTP.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tower::ServiceExt as _;

use super::client::Client;
use super::guard::Place;
use super::stream::{Guarded, first_bytes};
use super::tls::Certificate;
use crate::crowd::{Crowd, Most};

/// Lines of a request's head.
const HEADERS_MAX: usize = 64;
/// Bytes of a request's head, and of what is held of an answer that is being sent.
const BUFFER_MAX: usize = 16 << 10;
/// How long open answers are waited for at the end.
const FAREWELL: Duration = Duration::from_secs(2);
/// Requests of a connection.
const REQUESTS_MAX: u32 = 1000;
/// How long the last answer of a connection that is too old may take: to be worked on, and to be sent.
const LAST_ANSWER: Duration = Duration::from_secs(60);
/// How long nothing is accepted after a failure such as "too many open files".
const PAUSE: Duration = Duration::from_millis(200);

/// What is said where no request could be read.
const BAD_REQUEST: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
/// What is said where nobody has time.
const TOO_MANY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 5\r\nconnection: close\r\n\r\n";

/// Where connections come in.
pub enum Listener {
    /// TCP, in the clear or with TLS.
    Tcp(TcpListener, Option<Arc<Certificate>>),
    /// A Unix socket.
    Unix(UnixListener),
}

/// What all connections share.
#[derive(Clone)]
pub struct Door {
    /// What answers.
    pub router: Router,
    /// Who is connected.
    pub crowd: Arc<Crowd<Client>>,
    /// How many may be.
    pub most: Most,
    /// For a request's head, a handshake, a writing.
    pub patience: Duration,
    /// For a connection; then it may end its answer.
    pub age_max: Duration,
    /// True: it is over.
    pub shutdown: watch::Receiver<bool>,
}

impl Listener {
    /// Takes connections until it is over.
    pub async fn run(self, mut door: Door) {
        let mut shutdown = door.shutdown.clone();
        loop {
            let accepted = tokio::select! {
                _ = shutdown.wait_for(|over| *over) => return,
                accepted = self.accept(&mut door) => accepted,
            };
            if accepted.is_err() {
                sleep(PAUSE).await;
            }
        }
    }

    async fn accept(&self, door: &mut Door) -> io::Result<()> {
        match self {
            Listener::Tcp(listener, certificate) => {
                let (stream, from) = listener.accept().await?;
                let client = Client::of_address(from.ip());
                let place = Place {
                    local: stream.local_addr().ok().map(|address: SocketAddr| address.ip()),
                };
                let _ = stream.set_nodelay(true);
                let acceptor = certificate.as_ref().map(|certificate| certificate.acceptor());
                let patience = door.patience;
                match acceptor {
                    None => door.take((client, place), true, async { Some(stream) }),
                    Some(acceptor) => door.take((client, place), false, async move {
                        timeout(patience, acceptor.accept(stream)).await.ok()?.ok()
                    }),
                }
            }
            Listener::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                let client = Client::of_socket(&stream);
                door.take((client, Place { local: None }), true, async { Some(stream) });
            }
        }
        Ok(())
    }
}

impl Door {
    /// Serves a connection on a task of its own, if there is room for one more of this client. If not, that is said where it costs
    /// nothing: a handshake for a refusal would.
    fn take<S>(
        &self,
        (client, place): (Client, Place),
        is_plain: bool,
        begin: impl Future<Output = Option<S>> + Send + 'static,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let door = self.clone();
        let seat = self.crowd.take(client, self.most).ok();
        if seat.is_none() && !is_plain {
            return;
        }
        tokio::spawn(async move {
            let Some(seat) = seat else {
                if let Some(mut stream) = begin.await {
                    let _ = timeout(FAREWELL, stream.write_all(TOO_MANY)).await;
                }
                return;
            };
            if let Some(stream) = begin.await {
                door.serve(place, stream).await;
            }
            drop(seat);
        });
    }

    async fn serve<S>(mut self, place: Place, mut stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let first = tokio::select! {
            first = timeout(self.patience, first_bytes(&mut stream)) => first,
            _ = self.shutdown.wait_for(|over| *over) => return,
        };
        let first = match first {
            Ok(Some(first)) => first,
            Ok(None) => {
                let _ = timeout(self.patience, farewell(&mut stream)).await;
                return;
            }
            Err(_) => return,
        };
        let router = self.router.clone();
        let asked = Arc::new(AtomicU32::new(0));
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let router = router.clone();
            let is_last = asked.fetch_add(1, Ordering::Relaxed) + 1 >= REQUESTS_MAX;
            async move {
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(place);
                let mut response = router.oneshot(request).await.map_err(|error: Infallible| error)?;
                if is_last {
                    response
                        .headers_mut()
                        .insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(response)
            }
        });
        let stream = Guarded::new(first, stream, self.patience);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.patience)
            .max_headers(HEADERS_MAX)
            .max_buf_size(BUFFER_MAX)
            .half_close(false)
            .serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let over = self.shutdown.wait_for(|over| *over);
        // the header's time begins anew with each request: only its age ends a connection that never rests
        let farewell = tokio::select! {
            _ = connection.as_mut() => return,
            _ = over => FAREWELL,
            () = sleep(self.age_max) => LAST_ANSWER,
        };
        connection.as_mut().graceful_shutdown();
        let _ = timeout(farewell, connection).await;
    }
}

/// Says that it was no request, and reads a little of what still comes: closing with unread bytes would take the answer back.
async fn farewell(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    use tokio::io::AsyncReadExt as _;
    let _ = stream.write_all(BAD_REQUEST).await;
    let _ = stream.shutdown().await;
    let mut rest = stream.take(2 << 20);
    let mut bytes = [0; 4096];
    while rest.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
}
