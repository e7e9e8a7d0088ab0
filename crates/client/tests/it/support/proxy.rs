//! A TCP proxy before a license server that can lose an answer on its way back, die, and fall silent.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

#[derive(Default)]
struct Shared {
    cut: AtomicBool,
    dies: AtomicBool,
    stopped: AtomicBool,
    mute: AtomicBool,
    connections: AtomicU32,
    cuts: AtomicU32,
    open: Mutex<Vec<TcpStream>>,
}

impl Shared {
    /// No connection is left, and the listener sees that it is to go.
    fn die(&self, port: u16) {
        self.stopped.store(true, Ordering::SeqCst);
        for stream in self.open.lock().unwrap().drain(..) {
            let _gone = stream.shutdown(Shutdown::Both);
        }
        let _wakes_the_listener = TcpStream::connect(("127.0.0.1", port));
    }
}

/// The proxy; its threads end with their connections.
pub struct Proxy {
    pub port: u16,
    to: SocketAddr,
    shared: Arc<Shared>,
    listening: Mutex<Option<JoinHandle<()>>>,
}

impl Proxy {
    pub fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let proxy = Self { port, to: server, shared: Arc::default(), listening: Mutex::default() };
        proxy.listen(listener);
        proxy
    }

    fn listen(&self, listener: TcpListener) {
        let (to, port, shared) = (self.to, self.port, self.shared.clone());
        let thread = std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if shared.stopped.load(Ordering::SeqCst) {
                    return;
                }
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let Ok(server) = TcpStream::connect(to) else { continue };
                pump(client, server, port, &shared);
            }
        });
        *self.listening.lock().unwrap() = Some(thread);
    }

    /// Refuses connections and breaks those that are open.
    pub fn stop(&self) {
        self.shared.die(self.port);
        self.wait();
    }

    fn wait(&self) {
        if let Some(thread) = self.listening.lock().unwrap().take() {
            thread.join().unwrap();
        }
    }

    /// Takes connections again, at the same port.
    pub fn start(&self) {
        self.wait();
        self.shared.stopped.store(false, Ordering::SeqCst);
        self.listen(TcpListener::bind(("127.0.0.1", self.port)).unwrap());
    }

    /// Takes connections and requests from now on and never says a word.
    pub fn fall_silent(&self) {
        self.shared.mute.store(true, Ordering::SeqCst);
    }

    pub fn server(&self) -> grantor_client::Server {
        grantor_client::Server { host: "127.0.0.1".to_owned(), port: self.port }
    }

    /// The next answer gets lost, and its connection with it.
    pub fn lose_next_answer(&self) {
        self.shared.cut.store(true, Ordering::SeqCst);
    }

    /// The next request gets through, and all dies before it is answered.
    pub fn die_at_next_answer(&self) {
        self.shared.dies.store(true, Ordering::SeqCst);
        self.lose_next_answer();
    }

    /// How many connections were made, and how many of them lost.
    pub fn counts(&self) -> (u32, u32) {
        (self.shared.connections.load(Ordering::SeqCst), self.shared.cuts.load(Ordering::SeqCst))
    }
}

fn pump(client: TcpStream, server: TcpStream, port: u16, shared: &Arc<Shared>) {
    let mut open = shared.open.lock().unwrap();
    open.extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
    let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let (there, back) = (shared.clone(), shared.clone());
    std::thread::spawn(move || copy(from_client, to_server, &there, || false));
    std::thread::spawn(move || {
        copy(server, client, &back, || {
            let cut = back.cut.swap(false, Ordering::SeqCst);
            back.cuts.fetch_add(cut.into(), Ordering::SeqCst);
            if cut && back.dies.swap(false, Ordering::SeqCst) {
                back.die(port);
            }
            cut
        });
    });
}

fn copy(mut from: TcpStream, mut to: TcpStream, shared: &Shared, cut: impl Fn() -> bool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(amount @ 1..) = from.read(&mut buffer) {
        if shared.mute.load(Ordering::SeqCst) {
            continue;
        }
        if cut() || to.write_all(&buffer[..amount]).is_err() {
            break;
        }
    }
    // The other side may be gone already.
    let _gone = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
