//! What comes from the network is bounded in size and time, and honest clients are served meanwhile.

use std::io::{Read, Write};

use crate::support::raw::{self, Raw};
use crate::support::{Site, line};
use serde_json::json;

fn answer(mut connection: Raw) -> String {
    let mut text = Vec::new();
    // A server that closes without a TLS goodbye has closed all the same.
    let _end = connection.read_to_end(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

fn memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_body_of_one_gibibyte_is_refused_and_costs_no_memory() {
    let site = Site::with(vec![line("cad", "8.0", 1)]);
    let before = memory_kib();
    for head in ["Content-Length: 1073741824", "Transfer-Encoding: chunked"] {
        let mut connection = raw::connect(site.address());
        write!(connection, "POST /v1/sessions HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n").unwrap();
        let chunk = if head.starts_with("Transfer") {
            format!("10000\r\n{}\r\n", " ".repeat(0x10000))
        } else {
            " ".repeat(0x10000)
        };
        let mut sent = 0u64;
        while sent < 1 << 30
            && connection.write_all(chunk.as_bytes()).and_then(|()| connection.flush()).is_ok()
        {
            sent += 0x10000;
        }
        assert!(sent < 1 << 28, "the server took {sent} bytes");
        let text = answer(connection);
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 413"), "{text}");
    }
    assert!(memory_kib() < before + 64 * 1024, "memory grew from {before} to {} KiB", memory_kib());
    site.session("honest");
}

#[test]
fn a_large_body_that_is_announced_is_answered_413() {
    let site = Site::with(vec![]);
    let (status, body) = site.request("POST", "/v1/sessions", None, " ".repeat(70_000).as_bytes());
    assert_eq!(status, 413, "{body}");
    assert!(body.contains("too-large"), "{body}");
}

#[test]
fn who_sends_everything_before_reading_is_told_why_it_is_refused() {
    let site = Site::with(vec![]);
    let session = site.session("alice");
    let body = " ".repeat(3 << 20);
    let paths = [
        ("/v1/sessions".to_owned(), "413"),
        (format!("/v1/sessions/{session}/checkouts"), "413"),
        ("/v1/admin/status".to_owned(), "405"),
        ("/nowhere".to_owned(), "404"),
    ];
    for (path, status) in paths.iter().cycle().take(20) {
        let mut connection = raw::connect(site.address());
        write!(
            connection,
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .unwrap();
        connection.write_all(body.as_bytes()).and_then(|()| connection.flush()).unwrap();
        let text = answer(connection);
        assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {text}");
    }
}

#[test]
fn heads_that_do_not_end_are_closed_in_time_while_honest_clients_are_served() {
    let site = Site::configured(vec![line("cad", "8.0", 1)], |config| config.limits.header_seconds = 2);
    let slow: Vec<Raw> = (0..50)
        .map(|_| {
            let mut connection = raw::connect(site.address());
            connection.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ").unwrap();
            connection.flush().unwrap();
            connection
        })
        .collect();
    site.session("honest");
    for connection in slow {
        let text = answer(connection);
        assert!(
            text.is_empty() || text.starts_with("HTTP/1.1 408") || text.starts_with("HTTP/1.1 400"),
            "{text}"
        );
    }
}

#[test]
fn connections_that_say_nothing_are_closed_in_time() {
    let site = Site::configured(vec![], |config| config.limits.header_seconds = 2);
    let mut idle = raw::connect(site.address());
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    idle.flush().unwrap();
    assert!(answer(idle).starts_with("HTTP/1.1 200"), "an idle connection is answered, and then closed");
    let mut silent = std::net::TcpStream::connect(site.address()).unwrap();
    silent.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    assert_eq!(silent.read(&mut [0; 1]).unwrap(), 0, "a connection without a handshake is closed");
}

#[test]
fn a_body_that_does_not_arrive_is_given_up_in_time() {
    let site = Site::configured(vec![], |config| config.limits.body_seconds = 1);
    let mut connection = raw::connect(site.address());
    connection
        .write_all(
            b"POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nConnection: close\r\n\r\n{",
        )
        .unwrap();
    connection.flush().unwrap();
    let text = answer(connection);
    assert!(text.starts_with("HTTP/1.1 400") && text.contains("did not arrive within 1 seconds"), "{text}");
}

#[test]
fn what_is_not_http_or_not_json_is_refused_in_words() {
    let site = Site::with(vec![]);
    let deep = "[".repeat(10_000);
    for body in [
        "{",
        "[]",
        "{\"user\": 5}",
        "{\"user\": \"a\", \"user\": \"b\"}",
        "\u{0}",
        deep.as_str(),
        "{\"usr\": \"a\"}",
        "{\"user\": \"a\\nb\"}",
    ] {
        let (status, text) = site.request("POST", "/v1/sessions", None, body.as_bytes());
        assert_eq!(status, 400, "{body}: {text}");
        assert!(text.contains("\"code\":\"bad-request\""), "{body}: {text}");
    }
    for head in [
        "NONSENSE\r\n\r\n".to_owned(),
        format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(40_000)),
    ] {
        let mut connection = raw::connect(site.address());
        // The server may close before it has read all of it.
        let _sent = connection.write_all(head.as_bytes()).and_then(|()| connection.flush());
        let text = answer(connection);
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 4"), "{text}");
    }
    let (status, text) = site.request("GET", "/v1/sessions/not-an-id", None, b"");
    assert_eq!(status, 400, "{text}");
    assert_eq!(site.request("GET", "/nowhere", None, b"").0, 404);
    assert_eq!(site.request("PATCH", "/healthz", None, b"").0, 405);
    assert_eq!(site.post("/v1/sessions", json!({ "user": "a", "heartbeat_seconds": 1 })).0, 400);
}

#[test]
fn plain_text_gets_no_answer() {
    let site = Site::with(vec![]);
    let mut connection = std::net::TcpStream::connect(site.address()).unwrap();
    connection.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    connection.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut text = Vec::new();
    let _end = connection.read_to_end(&mut text);
    assert!(!String::from_utf8_lossy(&text).contains("HTTP/1.1 200"));
}

#[test]
fn a_web_page_of_another_origin_is_refused_and_answers_are_dressed_for_browsers() {
    let site = Site::with(vec![line("cad", "8.0", 1)]);
    let ask = |headers: &str| {
        let mut connection = raw::connect(site.address());
        let body = r#"{"user": "page"}"#;
        let head =
            format!("POST /v1/sessions HTTP/1.1\r\nHost: lic\r\n{headers}Content-Length: {}", body.len());
        write!(connection, "{head}\r\nConnection: close\r\n\r\n{body}").unwrap();
        connection.flush().unwrap();
        answer(connection)
    };
    assert!(ask("").starts_with("HTTP/1.1 201"));
    for headers in ["Origin: https://evil.example\r\n", "Sec-Fetch-Site: cross-site\r\n", "Origin: null\r\n"]
    {
        let text = ask(headers);
        assert!(text.starts_with("HTTP/1.1 403"), "{text}");
        for dress in [
            "x-content-type-options: nosniff",
            "content-security-policy: default-src 'none'",
            "strict-transport-security",
        ] {
            assert!(text.contains(dress), "no {dress} in {text}");
        }
    }
    assert_eq!(site.status()["sessions"], 1);
}

#[test]
fn a_listener_that_dies_is_noticed_at_once_and_its_session_ends_after_the_grace() {
    let site = Site::configured(vec![line("cad", "8.0", 1)], |config| config.limits.reconnect_seconds = 1);
    let session = site.session("crashed");
    assert_eq!(site.checkout(&session, json!({ "feature": "cad", "version": "8.0" })).0, 201);
    let mut connection = raw::connect(site.address());
    write!(connection, "GET /v1/sessions/{session}/events HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut head = [0; 12];
    connection.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    // As a killed process leaves it: no TLS goodbye.
    drop(connection);
    site.wait_until(|site| site.feature("cad")["in_use"] == 0);
}
