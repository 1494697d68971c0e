//! What a running daemon says of its store: asked over the socket that it opens in the store's folder, or over the address that was
//! named, with the token that lies in the folder. Whoever may read the token may ask.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

/// The daemon answers at once or not at all.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most bytes of an answer: some thousand sources.
const BYTES_MAX: u64 = 16 << 20;
/// The most bytes of a token's file.
const TOKEN_MAX: u64 = 4096;

/// The daemon's status, `/api/v1/status`. None: no daemon is there to ask.
///
/// # Errors
/// If there is one and it gives no answer.
pub fn status(store: &Path, http: Option<&str>) -> Result<Option<Value>, String> {
    let socket = store.join("http.sock");
    let token = store.join("http-token");
    let failed = |what: &str, error: &io::Error| format!("the daemon at {what}: {error}");
    let answer = match http {
        Some(address) if !address.starts_with("unix:") => {
            let place: SocketAddr = address.parse().map_err(|_| {
                format!("`{address}` is no address; write 127.0.0.1:9723 or unix:/run/tunlog/http.sock")
            })?;
            let stream = TcpStream::connect_timeout(&place, PATIENCE).map_err(|error| failed(address, &error))?;
            let waits = stream
                .set_read_timeout(Some(PATIENCE))
                .and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
            waits.map_err(|error| failed(address, &error))?;
            ask(stream, address, &token)
        }
        named => {
            let path = named
                .and_then(|named| named.strip_prefix("unix:"))
                .map_or(socket, Into::into);
            let place = path.display().to_string();
            let stream = match UnixStream::connect(&path) {
                Ok(stream) => stream,
                // a socket that nobody listens on was left over by one that was killed
                Err(error) if named.is_none() && is_absent(&error) => return Ok(None),
                Err(error) => return Err(failed(&place, &error)),
            };
            let waits = stream
                .set_read_timeout(Some(PATIENCE))
                .and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
            waits.map_err(|error| failed(&place, &error))?;
            ask(stream, "localhost", &token)
        }
    };
    answer.map(Some).map_err(|words| format!("the daemon: {words}"))
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

fn ask(mut stream: impl Read + Write, host: &str, token: &Path) -> Result<Value, String> {
    let token = read_token(token)?;
    let request = format!(
        "GET /api/v1/status HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
    );
    let said = |error: io::Error| error.to_string();
    stream.write_all(request.as_bytes()).map_err(said)?;
    let mut answer = Vec::new();
    stream.take(BYTES_MAX).read_to_end(&mut answer).map_err(said)?;
    parse(&answer)
}

fn read_token(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(TOKEN_MAX).read_to_string(&mut text));
    read.map_err(|error| format!("{}: cannot read the token: {error}", path.display()))?;
    let token = text.lines().next().unwrap_or_default().trim();
    match token.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(token.to_owned()),
        false => Err(format!("{}: is no token", path.display())),
    }
}

/// The JSON of an answer of HTTP/1.1 that ends with the connection.
fn parse(answer: &[u8]) -> Result<Value, String> {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let (head, body) = answer.split_at(end.ok_or("gave no answer of HTTP")?);
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default();
    let code = first.split(' ').nth(1).unwrap_or_default();
    if code != "200" {
        return Err(format!("answered {first}"));
    }
    let chunked = lines.any(|line| {
        let (name, value) = line.split_once(':').unwrap_or_default();
        name.eq_ignore_ascii_case("transfer-encoding") && value.trim().eq_ignore_ascii_case("chunked")
    });
    let body = &body[4..];
    let body = match chunked {
        true => joined(body).ok_or("was cut off")?,
        false => body.to_vec(),
    };
    serde_json::from_slice(&body).map_err(|error| format!("gave no JSON: {error}"))
}

/// A body in chunks (RFC 9112 §7.1), put together.
fn joined(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let end = body.windows(2).position(|bytes| bytes == b"\r\n")?;
        let digits = std::str::from_utf8(&body[..end]).ok()?.split(';').next()?.trim();
        let length = usize::from_str_radix(digits, 16).ok()?;
        body = &body[end + 2..];
        if length == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(body.get(..length)?);
        body = body.get(length.checked_add(2)?..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_whole_or_in_chunks() {
        let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n{\"a\": 1}";
        assert_eq!(parse(whole).expect("JSON")["a"], 1);
        let chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\n{\"a\":\r\n3\r\n 2}\r\n0\r\n\r\n";
        assert_eq!(parse(chunks).expect("JSON")["a"], 2);
        for bad in [
            &b"HTTP/1.1 401 Unauthorized\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\n\r\n{",
            b"HTTP/1.1 200 OK\r\n",
            b"SSH-2.0-OpenSSH\r\n\r\n",
            b"",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n{",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{}",
        ] {
            assert!(parse(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }
}
