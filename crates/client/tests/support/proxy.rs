//! A TCP proxy before a license server that can lose an answer on its way back.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

#[derive(Default)]
struct Shared {
    cut: AtomicBool,
    connections: AtomicU32,
    cuts: AtomicU32,
}

/// The proxy; its threads end with their connections.
pub struct Proxy {
    pub port: u16,
    shared: Arc<Shared>,
}

impl Proxy {
    pub fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let proxy = Self { port, shared: shared.clone() };
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let Ok(server) = TcpStream::connect(server) else { continue };
                pump(client, server, &shared);
            }
        });
        proxy
    }

    pub fn server(&self) -> grantor_client::Server {
        grantor_client::Server { host: "127.0.0.1".to_owned(), port: self.port }
    }

    /// The next answer gets lost, and its connection with it.
    pub fn lose_next_answer(&self) {
        self.shared.cut.store(true, Ordering::SeqCst);
    }

    /// How many connections were made, and how many of them lost.
    pub fn counts(&self) -> (u32, u32) {
        (self.shared.connections.load(Ordering::SeqCst), self.shared.cuts.load(Ordering::SeqCst))
    }
}

fn pump(client: TcpStream, server: TcpStream, shared: &Arc<Shared>) {
    let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::spawn(move || copy(from_client, to_server, || false));
    let shared = shared.clone();
    std::thread::spawn(move || {
        copy(server, client, || {
            let cut = shared.cut.swap(false, Ordering::SeqCst);
            shared.cuts.fetch_add(cut.into(), Ordering::SeqCst);
            cut
        });
    });
}

fn copy(mut from: TcpStream, mut to: TcpStream, cut: impl Fn() -> bool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(amount @ 1..) = from.read(&mut buffer) {
        if cut() || to.write_all(&buffer[..amount]).is_err() {
            break;
        }
    }
    // The other side may be gone already.
    let _gone = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
