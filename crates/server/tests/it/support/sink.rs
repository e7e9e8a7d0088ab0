//! A mail server and a web server that keep what they get, on threads of their own.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    dead_code,
    unreachable_pub,
    reason = "each test uses its part of it"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What came, and how it is answered.
#[derive(Clone, Default)]
pub struct Kept {
    all: Arc<Mutex<Vec<String>>>,
    /// While this is held, what came is kept back and not acknowledged.
    gate: Arc<Mutex<()>>,
    refuses: Arc<Mutex<bool>>,
    waiting: Arc<AtomicUsize>,
}

/// A server on a free port.
pub struct Sink {
    pub kept: Kept,
    pub port: u16,
}

impl Sink {
    /// A mail server.
    pub fn mail(address: &str) -> Self {
        Self::open(address, |stream, kept| drop(smtp(stream, kept)))
    }

    /// A web server that answers 204.
    pub fn web() -> Self {
        Self::open("127.0.0.1", |stream, kept| drop(http(stream, kept)))
    }

    fn open(address: &str, talk: fn(TcpStream, &Kept)) -> Self {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let kept = Kept::default();
        let shared = kept.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = shared.clone();
                std::thread::spawn(move || talk(stream, &kept));
            }
        });
        Self { kept, port }
    }

    pub fn all(&self) -> Vec<String> {
        self.kept.all.lock().unwrap().clone()
    }

    /// Those with these words, once there are so many.
    pub fn wait(&self, words: &str, count: usize) -> Vec<String> {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let found: Vec<String> = self.all().into_iter().filter(|one| one.contains(words)).collect();
            if found.len() >= count {
                return found;
            }
            assert!(Instant::now() < end, "{count} with `{words}` did not come: {:#?}", self.all());
            std::thread::yield_now();
        }
    }

    /// What comes is not acknowledged until the guard is dropped.
    pub fn hold(&self) -> std::sync::MutexGuard<'_, ()> {
        self.kept.gate.lock().unwrap()
    }

    /// Whether something has come that is not acknowledged.
    pub fn is_waiting(&self) -> bool {
        self.kept.waiting.load(Ordering::SeqCst) > 0
    }

    /// From now on it says that it is busy, or no longer.
    pub fn refuse(&self, refuses: bool) {
        *self.kept.refuses.lock().unwrap() = refuses;
    }
}

fn smtp(stream: TcpStream, kept: &Kept) -> std::io::Result<()> {
    let (mut lines, mut stream) = (BufReader::new(stream.try_clone()?).lines(), stream);
    stream.write_all(b"220 sink\r\n")?;
    while let Some(line) = lines.next() {
        let answer = match line?.to_ascii_uppercase().as_str() {
            "DATA" if *kept.refuses.lock().unwrap() => "451 later\r\n",
            "DATA" => {
                stream.write_all(b"354 go\r\n")?;
                let mail: Vec<String> =
                    lines.by_ref().map_while(Result::ok).take_while(|line| line != ".").collect();
                kept.waiting.fetch_add(1, Ordering::SeqCst);
                drop(kept.gate.lock().unwrap());
                kept.waiting.fetch_sub(1, Ordering::SeqCst);
                // Whoever has gone away meanwhile did not hand it over.
                if is_gone(&stream)? {
                    return Ok(());
                }
                kept.all.lock().unwrap().push(mail.join("\n").replace("=\n", ""));
                "250 kept\r\n"
            }
            "QUIT" => "221 bye\r\n",
            _ => "250 ok\r\n",
        };
        stream.write_all(answer.as_bytes())?;
    }
    Ok(())
}

fn is_gone(stream: &TcpStream) -> std::io::Result<bool> {
    stream.set_nonblocking(true)?;
    let seen = stream.peek(&mut [0]);
    stream.set_nonblocking(false)?;
    Ok(!seen.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock))
}

fn http(stream: TcpStream, kept: &Kept) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        if let Some(bytes) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = bytes.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let is_kept = !*kept.refuses.lock().unwrap();
    if is_kept {
        kept.all.lock().unwrap().push(format!("{head}\n{}", String::from_utf8_lossy(&body)));
    }
    let answer = if is_kept { "204 No Content" } else { "503 Service Unavailable" };
    let mut stream = stream;
    stream
        .write_all(format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").as_bytes())
}
