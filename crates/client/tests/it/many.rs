//! Ten thousand sessions of one process: kept alive by a handful of threads.

#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{PUBLISHER, Site, line, root, wait_until};
use grantor_client::api::HexId;
use grantor_client::api::session::{OpenSession, Session};
use grantor_client::{Client, Server, ServerTrust};

const MANY: usize = 10_000;
const TIMEOUT: u32 = 6;
/// Threads that open sessions in the beginning.
const OPENERS: usize = 8;

fn status(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// The application: opens its sessions, tells what it costs, and says of each line that it reads how many stand.
#[test]
#[ignore = "the child process of the test below"]
fn application() {
    let Ok(server) = std::env::var("GRANTOR_TEST_SERVER") else { return };
    let server: Server = server.parse().unwrap();
    let trust = ServerTrust::parse(&std::env::var("GRANTOR_TEST_FINGERPRINT").unwrap()).unwrap();
    let open = || {
        let builder = Client::builder("many").servers(server.clone().into()).trust(trust.clone());
        let builder = builder.publisher(PUBLISHER, &root().public());
        builder.heartbeat(Duration::from_secs(TIMEOUT.into())).connect().unwrap()
    };
    let before = status("VmRSS:");
    let clients: Vec<Client> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..OPENERS)
            .map(|_| scope.spawn(|| (0..MANY / OPENERS).map(|_| open()).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    println!("\nready {} {}", status("Threads:"), status("VmRSS:") - before);
    for _ in std::io::stdin().lines() {
        println!("open {}", clients.iter().filter(|client| client.is_open()).count());
    }
    // Ten thousand farewells would take their time.
    std::process::exit(0);
}

#[test]
fn ten_thousand_sessions_of_one_process_live_on_a_handful_of_threads() {
    let site = Site::with(vec![line("drawing", "8.1", 1)]);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "many::application", "--ignored", "--nocapture"])
        .env("GRANTOR_TEST_SERVER", site.server().to_string())
        .env("GRANTOR_TEST_FINGERPRINT", site.fingerprint())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut asks, answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let mut answers = answers.lines().map(Result::unwrap);
    let ready = answers.find(|line| line.starts_with("ready")).expect("the sessions are open");
    let costs: Vec<u64> = ready.split_whitespace().skip(1).map(|word| word.parse().unwrap()).collect();
    println!("{MANY} sessions: {} threads, {} KiB", costs[0], costs[1]);
    assert!(costs[0] < 20, "{} threads", costs[0]);
    // Somebody who is silent lasts for one time-out: three of them, one after another, make three.
    for mute in 1..=3 {
        let id = HexId(mute);
        let open =
            OpenSession { session: Some(id), heartbeat_seconds: Some(TIMEOUT), ..OpenSession::default() };
        let _: Session = site.admin().post("/v1/sessions", &open).unwrap();
        wait_until(|| site.admin().get::<Session>(&format!("/v1/sessions/{id}")).is_err());
    }
    asks.write_all(b"?\n").unwrap();
    assert_eq!(answers.find(|line| line.starts_with("open")), Some(format!("open {MANY}")));
    assert_eq!(site.status().sessions, MANY as u64);
    drop(asks);
    child.wait().unwrap();
}
