//! Too many connections, and connections of those who mean no good.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::means;
use crate::node::Under;
use crate::trio::{PORT, Trio, within};

fn served(trio: &Trio, session: &str, seconds: u64) -> Duration {
    let from = Instant::now();
    for host in 1..=3 {
        within(seconds, "an honest client is served", || match trio.checkout(host, session) {
            (201, _) => Ok(()),
            other => Err(format!("{host}: {other:?}")),
        });
    }
    from.elapsed()
}

fn connect(trio: &Trio, host: usize) -> TcpStream {
    TcpStream::connect((trio.net.address(host).as_str(), PORT)).unwrap()
}

/// R19, L05: 600 connections at servers that may have 300 descriptors: they live, and honest clients are served within 5 s
/// of the end.
#[test]
fn servers_out_of_descriptors_live_and_serve_honest_clients_afterwards() {
    if !means::are_here(&["prlimit"]) {
        return;
    }
    let mut trio = Trio::prepared(1000, "");
    trio.nodes.iter_mut().for_each(|node| node.start_under(&Under::words(&["prlimit", "--nofile=300:300"])));
    trio.set_up();
    let session = trio.session(3600);
    for host in 1..=3 {
        let from = Instant::now();
        let flood: Vec<TcpStream> = (0..600).map(|_| connect(&trio, host)).collect();
        println!("600 connections after {:?}", from.elapsed());
        std::thread::sleep(Duration::from_secs(1));
        let ended: Vec<usize> = (1..=3).filter(|host| trio.node(*host).ended().is_some()).collect();
        assert!(ended.is_empty(), "{ended:?} ended: {}", trio.logs());
        drop(flood);
        let took = served(&trio, &session, 5);
        println!("served {took:?} after the flood at {host}");
    }
    trio.agree();
    means::report(
        "R19",
        "600 connections at 300 descriptors, at each server",
        3,
        "alive; honest clients served within 5 s",
    );
}

/// L04, L06: half-open connections and heads and bodies that don't end, at all three servers: honest clients are served
/// within a second meanwhile, also where requests are passed on.
#[test]
fn connections_that_never_finish_do_not_hold_up_honest_clients_at_any_server() {
    if !means::are_here(&[]) {
        return;
    }
    let mut trio = Trio::prepared(1000, "header_seconds = 2\nbody_seconds = 2");
    trio.start_all();
    let session = trio.session(3600);
    let mut held = Vec::new();
    for host in 1..=3 {
        for number in 0..200 {
            let mut stream = connect(&trio, host);
            if number % 2 == 0 {
                // The beginning of a TLS record that never ends.
                stream.write_all(&[22, 3, 1, 2, 0, 1]).unwrap();
            }
            held.push(stream);
        }
    }
    let took = served(&trio, &session, 3);
    assert!(took < Duration::from_secs(3), "{took:?} for three requests");
    for mut stream in held {
        stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
        let closed = stream.read(&mut [0; 64]);
        assert!(
            closed.is_ok() || closed.is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionReset),
            "still open"
        );
    }
    means::report(
        "L04",
        "600 half-open connections over three servers",
        600,
        &format!("each closed within 15 s; three honest requests took {took:.2?}"),
    );
}
