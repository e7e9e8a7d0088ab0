//! Floods against three servers: slow and half-open connections, large bodies, HTTP/2 on either door. What comes in is
//! bounded in size and time, and honest clients are served meanwhile. More of it with `GRANTOR_LONG` set.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use crate::support::raw::{self, Raw};
use crate::support::trio::Trio;
use crate::support::{line, peer};
use serde_json::Value;

/// The beginning of each HTTP/2 connection, with an empty SETTINGS frame.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fn amount(quick: usize, long: usize) -> usize {
    if std::env::var_os("GRANTOR_LONG").is_some() { long } else { quick }
}

fn formed() -> Trio {
    let mut trio = Trio::prepared(vec![line("cad", "8.0", 10_000)]);
    for config in trio.configs.values_mut() {
        (config.limits.header_seconds, config.limits.body_seconds) = (2, 2);
    }
    trio.start_all();
    trio.set_up();
    trio
}

fn connect(trio: &Trio, number: usize) -> Raw {
    raw::connect(([127, 0, 0, 1], trio.configs[&number].port).into())
}

/// Reads to the end; a connection that is reset or ends without a goodbye has ended all the same.
fn until_closed(connection: &mut Raw) -> Vec<u8> {
    let mut text = Vec::new();
    if let Err(error) = connection.read_to_end(&mut text) {
        assert!(!matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "still open: {text:?}");
    }
    text
}

fn honest(trio: &Trio, session: &str) -> Duration {
    let from = Instant::now();
    for number in 1..=3 {
        assert_eq!(trio.checkout(number, session, "cad").0, 201);
    }
    from.elapsed() / 3
}

fn memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// L04: heads, bodies and readers that are slow, at all three servers.
#[test]
fn slow_heads_slow_bodies_and_slow_readers_are_closed_in_time_and_honest_clients_are_served_in_a_second() {
    let trio = formed();
    let session = trio.session(1, "honest");
    let each = amount(20, 200);
    let mut held = Vec::new();
    for number in 1..=3 {
        for kind in 0..3 * each {
            let mut connection = connect(&trio, number);
            let text: &[u8] = match kind % 3 {
                0 => b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ",
                1 => b"POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
                // Asks again and again, and never reads an answer.
                _ => &b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100),
            };
            connection.write_all(text).and_then(|()| connection.flush()).unwrap();
            held.push(connection);
        }
    }
    let opened = Instant::now();
    let took = honest(&trio, &session);
    assert!(took < Duration::from_secs(1), "{took:?}");
    held.iter_mut().for_each(|connection| drop(until_closed(connection)));
    assert!(opened.elapsed() < Duration::from_secs(15), "{:?}", opened.elapsed());
}

/// L06: a gibibyte in chunks at each server, and JSON ten thousand levels deep.
#[test]
fn endless_bodies_at_three_servers_are_refused_and_cost_no_memory() {
    let trio = formed();
    let session = trio.session(1, "honest");
    let before = memory_kib();
    for round in 0..amount(3, 100) {
        let mut connection = connect(&trio, round % 3 + 1);
        let head = "POST /v1/sessions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
        connection.write_all(head.as_bytes()).unwrap();
        let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
        let mut sent = 0u64;
        while sent < 1 << 30
            && connection.write_all(chunk.as_bytes()).and_then(|()| connection.flush()).is_ok()
        {
            sent += 0x10000;
        }
        assert!(sent < 1 << 28, "the server took {sent} bytes");
    }
    for number in 1..=3 {
        let (status, body) = trio.ask(number, "POST", "/v1/sessions", Value::String("[".repeat(10_000)));
        assert_eq!(status, 400, "{body}");
    }
    assert!(memory_kib() < before + 64 * 1024, "memory grew from {before} to {} KiB", memory_kib());
    assert!(honest(&trio, &session) < Duration::from_secs(1));
}

/// L08: requests that two parsers could read differently are answered once at most, and what they smuggle never.
#[test]
fn requests_with_two_lengths_or_broken_lines_smuggle_nothing_in_at_any_server() {
    let trio = formed();
    for number in 1..=3 {
        for head in [
            "Content-Length: 4\r\nContent-Length: 5\r\n",
            "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked, identity\r\n",
            "Content-Length: +4\r\n",
            "X: a\rGET /healthz HTTP/1.1\r\n",
            "Content-Length : 4\r\n",
        ] {
            let mut connection = connect(&trio, number);
            let smuggled = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
            let text = format!("POST /v1/sessions HTTP/1.1\r\nHost: x\r\n{head}\r\n0\r\n\r\n{smuggled}");
            connection.write_all(text.as_bytes()).and_then(|()| connection.flush()).unwrap();
            let answer = String::from_utf8_lossy(&until_closed(&mut connection)).into_owned();
            assert!(
                answer.matches("HTTP/1.1 ").count() <= 1 && !answer.ends_with("ok\n"),
                "{head:?}: {answer}"
            );
        }
    }
}

/// L08: the public door speaks HTTP/1.1 and nothing else.
#[test]
fn http_2_is_not_offered_to_the_public_and_its_preface_is_refused() {
    let trio = formed();
    for number in 1..=3 {
        let address = ([127, 0, 0, 1], trio.configs[&number].port).into();
        for offered in [&["h2", "http/1.1"][..], &["h2"], &[]] {
            let mut connection = raw::connect_as(address, raw::offering(offered));
            // A server may refuse a client that speaks h2 only in the handshake already.
            let _sent = connection.write_all(PREFACE).and_then(|()| connection.flush());
            assert_ne!(connection.conn.alpn_protocol(), Some(&b"h2"[..]), "{offered:?}");
            let answer = until_closed(&mut connection);
            assert!(
                answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"),
                "{:?}",
                String::from_utf8_lossy(&answer)
            );
        }
    }
}

/// One HTTP/2 frame.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// `POST https /` in HPACK's static table.
const HEAD: &[u8] = &[0x83, 0x87, 0x84];
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;

/// The frames of a flood, for the nth turn.
fn flood(kind: &str, turn: u32) -> Vec<u8> {
    let stream = turn * 2 + 1;
    match kind {
        "rapid reset" => [frame(HEADERS, 5, stream, HEAD), frame(RESET, 0, stream, &[0, 0, 0, 8])].concat(),
        "continuation" if turn == 0 => frame(HEADERS, 0, 1, HEAD),
        "continuation" => frame(CONTINUATION, 0, 1, &[0; 1000]),
        "settings" => frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100]),
        "ping" => frame(PING, 0, 0, &[0; 8]),
        "empty data" if turn == 0 => frame(HEADERS, 4, 1, HEAD),
        "empty data" => frame(DATA, 0, 1, &[]),
        // No room for any answer, and a question on each stream.
        "zero window" if turn == 0 => frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]),
        _ => frame(HEADERS, 5, stream, HEAD),
    }
}

/// L08: a stranger on the peers' protocol: whatever flood it sends without reading, it is closed before its time of 25 s
/// is over, costs little, and keeps nobody out.
#[test]
fn http_2_floods_on_the_peers_door_are_closed_in_time_and_cost_little() {
    let trio = formed();
    let session = trio.session(1, "honest");
    let (before, from) = (memory_kib(), Instant::now());
    let kinds = ["rapid reset", "continuation", "settings", "ping", "empty data", "zero window"];
    std::thread::scope(|scope| {
        for (kind, number) in kinds.into_iter().zip([1, 2, 3].into_iter().cycle()) {
            let port = trio.configs[&number].port;
            scope.spawn(move || {
                let mut connection = peer::connect(port);
                connection.sock.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
                connection.sock.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
                let mut sent = connection.write_all(PREFACE);
                for turn in 0..200_000 {
                    if sent.is_err() {
                        break;
                    }
                    sent = connection.write_all(&flood(kind, turn));
                }
                if sent.is_ok() {
                    until_closed(&mut connection);
                }
                assert!(from.elapsed() < Duration::from_secs(35), "{kind}: {:?}", from.elapsed());
                println!("{kind}: closed after {:?}", from.elapsed());
            });
        }
        std::thread::sleep(Duration::from_millis(500));
        let took = honest(&trio, &session);
        assert!(took < Duration::from_secs(1), "{took:?}");
    });
    assert!(memory_kib() < before + 64 * 1024, "memory grew from {before} to {} KiB", memory_kib());
    assert!(honest(&trio, &session) < Duration::from_secs(1));
}

/// Sixteen strangers at a time on the peers' protocol; the next is closed at once, members are not kept out, and after 25 s
/// the first are sent away.
#[test]
fn sixteen_strangers_fit_on_the_peers_door_for_25_seconds_and_members_come_and_go_meanwhile() {
    let mut trio = formed();
    let leader = trio.wait(|trio| trio.leader(1));
    let port = trio.configs[&leader].port;
    let from = Instant::now();
    let open = || {
        let mut connection = peer::connect(port);
        connection.sock.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
        connection.write_all(PREFACE).and_then(|()| connection.flush()).unwrap();
        connection
    };
    // Served: the other end begins with its own settings. Signs of life are asked for, and answered while it is read.
    let mut strangers: Vec<Raw> = (0..16).map(|_| open()).collect();
    for stranger in &mut strangers {
        let mut head = [0; 9];
        stranger.read_exact(&mut head).unwrap();
        assert_eq!(head[3], SETTINGS);
        stranger.read_exact(&mut vec![0; usize::from(head[2])]).unwrap();
    }
    let mut late = open();
    assert!(until_closed(&mut late).is_empty(), "a seventeenth stranger was served");
    // One of them shows signs of life all the time.
    let mut lively = strangers.remove(0);
    let lively = std::thread::spawn(move || {
        answer_pings(&mut lively);
        from.elapsed()
    });
    // A member comes back while the strangers are there.
    let other = leader % 3 + 1;
    trio.stop(other);
    trio.start_together(&[other]);
    trio.wait(|trio| (trio.ask(other, "GET", "/readyz", Value::Null).0 == 200).then_some(()));
    // The lively one is sent away all the same.
    let stayed = lively.join().unwrap();
    assert!((24..30).contains(&stayed.as_secs()), "{stayed:?}");
    strangers.iter_mut().for_each(|stranger| drop(until_closed(stranger)));
    assert!(from.elapsed() < Duration::from_secs(30), "{:?}", from.elapsed());
    assert_eq!(peer::ask(port, "/peer/raft").0, 403, "the next stranger is heard");
}

/// Answers what asks for a sign of life, until the connection ends.
fn answer_pings(connection: &mut Raw) {
    let mut head = [0; 9];
    while connection.read_exact(&mut head).is_ok() {
        let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
        let ended = connection.read_exact(&mut payload).is_err();
        if ended {
            return;
        }
        if head[3] == PING && head[4] == 0 {
            // Sent away at this moment, it reads so next.
            let _sent = connection.write_all(&frame(PING, 1, 0, &payload)).and_then(|()| connection.flush());
        }
    }
}
