//! What stands between a socket and HTTP: the first bytes are looked at before anything is kept of them, and whoever does not take
//! up an answer is let go.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// Bytes of the longest method that anybody registered is 17 (RFC 9110 §16.1); what is longer is none.
const METHOD_MAX: usize = 32;

/// Reads until a method is whole. None: it is none (no HTTP, or something that only fills memory), or the client has left.
pub async fn first_bytes(stream: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(METHOD_MAX);
    while bytes.len() < METHOD_MAX {
        let mut part = [0; METHOD_MAX];
        let room = METHOD_MAX - bytes.len();
        let read = stream.read(&mut part[..room]).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&part[..read]);
        // empty lines before a request are to be passed over (RFC 9112 §2.2)
        let begin = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let method = &bytes[begin..];
        match method.iter().position(|byte| !is_token(*byte)) {
            Some(end) if end > 0 && method[end] == b' ' => return Some(bytes),
            Some(_) => return None,
            None => {}
        }
    }
    None
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// A stream of which some bytes were read already, and which fails when nothing can be written for long.
pub struct Guarded<S> {
    first: Vec<u8>,
    taken: usize,
    inner: S,
    patience: Duration,
    /// Runs while something waits to be written.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Guarded<S> {
    /// After these bytes; a writing may take as long as `patience`.
    pub fn new(first: Vec<u8>, inner: S, patience: Duration) -> Guarded<S> {
        Guarded {
            first,
            taken: 0,
            inner,
            patience,
            stalled: None,
        }
    }

    /// What a writing came to, unless it takes too long.
    fn judge<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        debug_assert!(stalled.deadline() <= Instant::now() + patience);
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.taken < self.first.len() {
            let count = buffer.remaining().min(self.first.len() - self.taken);
            buffer.put_slice(&self.first[self.taken..self.taken + count]);
            self.taken += count;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.judge(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        self.judge(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.judge(cx, closed)
    }
}
