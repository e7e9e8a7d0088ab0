//! One TLS connection to a server of ours with one request at a time, written by hand so that the load costs little.

use std::io::Write;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::drive::{Failure, tls};

/// A connection.
pub(crate) struct Https {
    stream: TlsStream<TcpStream>,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

impl Https {
    pub(crate) async fn open(port: u16) -> Result<Self, Failure> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let name = rustls::pki_types::ServerName::try_from("localhost")?;
        let stream = TlsConnector::from(tls()?).connect(name, stream).await?;
        Ok(Self { stream, request: Vec::with_capacity(512), buffer: Vec::with_capacity(2048) })
    }

    /// Sends a request and gives the answer's status and body.
    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        body: &str,
        token: Option<&str>,
    ) -> Result<(u16, &str), Failure> {
        self.request.clear();
        write!(self.request, "{method} {path} HTTP/1.1\r\nHost: localhost\r\n")?;
        if let Some(token) = token {
            write!(self.request, "Authorization: Bearer {token}\r\n")?;
        }
        write!(self.request, "Content-Length: {}\r\n\r\n{body}", body.len())?;
        self.stream.write_all(&self.request).await?;
        self.stream.flush().await?;
        self.buffer.clear();
        let (status, head, length) = loop {
            self.more().await?;
            if let Some(found) = head(&self.buffer) {
                break found;
            }
        };
        while self.buffer.len() < head + length {
            self.more().await?;
        }
        Ok((status, std::str::from_utf8(self.buffer.get(head..head + length).unwrap_or_default())?))
    }

    async fn more(&mut self) -> Result<(), Failure> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err("the server closed the connection".into()),
            _ => Ok(()),
        }
    }
}

/// Status, length of the head and length of the body, once the whole head is there.
fn head(bytes: &[u8]) -> Option<(u16, usize, usize)> {
    let end = memchr::memmem::find(bytes, b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(bytes.get(..end)?).ok()?;
    let status = head.get(9..12)?.parse().ok()?;
    // Our servers write names of headers in lower case.
    let length = memchr::memmem::find(head.as_bytes(), b"content-length: ").and_then(|at| {
        let digits = head.get(at + "content-length: ".len()..)?;
        digits.get(..digits.find('\r')?)?.parse().ok()
    });
    Some((status, end, length.unwrap_or(0)))
}

/// The number behind `"name":` in a JSON text.
pub(crate) fn number(text: &str, name: &str) -> Option<u64> {
    let at = text.find(&format!("\"{name}\":"))? + name.len() + 3;
    let digits = text.get(at..)?;
    digits.get(..digits.find(|c: char| !c.is_ascii_digit())?)?.parse().ok()
}
