//! One TLS connection to a server of ours with one request at a time, written by hand so that the load costs little.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::drive::{Failure, tls};

/// A connection.
pub(crate) struct Https {
    stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
}

impl Https {
    pub(crate) async fn open(port: u16) -> Result<Self, Failure> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let name = rustls::pki_types::ServerName::try_from("localhost")?;
        let stream = TlsConnector::from(tls()?).connect(name, stream).await?;
        Ok(Self { stream, buffer: Vec::with_capacity(1024) })
    }

    /// Sends a request and gives the answer's status and body.
    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        body: &str,
        token: Option<&str>,
    ) -> Result<(u16, &str), Failure> {
        let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{token}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        self.stream.write_all(request.as_bytes()).await?;
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
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(bytes.get(..end)?).ok()?;
    let status = text.get(9..12)?.parse().ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    Some((status, end, length.unwrap_or(0)))
}

/// The number behind `"name":` in a JSON text.
pub(crate) fn number(text: &str, name: &str) -> Option<u64> {
    let at = text.find(&format!("\"{name}\":"))? + name.len() + 3;
    let digits = text.get(at..)?;
    digits.get(..digits.find(|c: char| !c.is_ascii_digit())?)?.parse().ok()
}
