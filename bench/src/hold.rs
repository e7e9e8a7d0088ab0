//! Many seats held at once: memory for each, how long anybody waits while a snapshot is taken, and how long a restart takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::drive::Failure;
use crate::https::{Https, number};
use crate::process::Servers;
use crate::usage;

/// Connections that fill the server.
const CONNECTIONS: usize = 64;

/// Fills one server with so many seats, each of a session of its own, and prints what it takes.
pub(crate) async fn run(seats: u64) -> Result<(), Failure> {
    let mut servers = Servers::start(1, 1).await?;
    let port = servers.ports().first().copied().unwrap_or(0);
    let empty = usage::bytes(&servers.ids());
    let filled = Arc::new(AtomicBool::new(false));
    let watching = tokio::spawn(watch(port, filled.clone()));
    let next = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let filling: Vec<_> = (0..CONNECTIONS).map(|_| tokio::spawn(fill(port, next.clone(), seats))).collect();
    for task in filling {
        task.await??;
    }
    filled.store(true, Ordering::SeqCst);
    let full = usage::bytes(&servers.ids());
    let waits = watching.await??;
    println!(
        "{seats} seats, each of a session of its own with names of 12 bytes, after {:.0} s",
        start.elapsed().as_secs_f64()
    );
    let each = |bytes: u64| bytes.saturating_sub(empty) / seats.max(1);
    println!("  memory empty {} MB, full {} MB: {} bytes for each seat", empty >> 20, full >> 20, each(full));
    let peak = usage::peak(&servers.ids());
    println!(
        "  at its peak, while a snapshot was written, {} MB: {} bytes for each seat",
        peak >> 20,
        each(peak)
    );
    print_waits("while it filled, snapshots included", waits);
    restart(&mut servers, port, each).await
}

fn print_waits(when: &str, mut waits: Vec<u64>) {
    waits.sort_unstable();
    let at = |share: f64| {
        let place = (waits.len() as f64 * share) as usize;
        waits.get(place.min(waits.len().saturating_sub(1))).map_or(0.0, |micros| *micros as f64 / 1e3)
    };
    println!(
        "  {} requests of one client {when}: p50 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms, longest {:.1} ms",
        waits.len(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
}

async fn restart(servers: &mut Servers, port: u16, each: impl Fn(u64) -> u64) -> Result<(), Failure> {
    let Some(server) = servers.all.first_mut() else { return Ok(()) };
    server.kill();
    let start = Instant::now();
    server.start()?;
    let granted = loop {
        if let Ok(mut client) = Https::open(port).await
            && session(&mut client, u64::MAX).await.is_ok()
        {
            break start.elapsed();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    println!("  killed and started again: first session and grant after {:.2} s", granted.as_secs_f64());
    for after in [0, 15] {
        tokio::time::sleep(Duration::from_secs(after)).await;
        let held = usage::bytes(&servers.ids());
        println!("  memory {after} s later {} MB: {} bytes for each seat", held >> 20, each(held));
    }
    println!("  at its peak {} MB", usage::peak(&servers.ids()) >> 20);
    Ok(())
}

async fn fill(port: u16, next: Arc<AtomicU64>, seats: u64) -> Result<(), Failure> {
    let mut client = Https::open(port).await?;
    loop {
        let number = next.fetch_add(1, Ordering::SeqCst);
        if number >= seats {
            return Ok(());
        }
        session(&mut client, number).await?;
    }
}

/// Opens a session and takes a seat for it.
async fn session(client: &mut Https, turn: u64) -> Result<(), Failure> {
    let turn = turn % 100_000_000;
    let body = json!({ "user": format!("user{turn:08}"), "host": format!("host{turn:08}"), "application": "bench", "heartbeat_seconds": 86400 });
    let (status, answer) = client.send("POST", "/v1/sessions", &body.to_string(), None).await?;
    if status != 201 {
        return Err(format!("session: {status} {answer}").into());
    }
    let opened: Value = serde_json::from_str(answer)?;
    let path = format!("/v1/sessions/{}/checkouts", opened["session"].as_str().unwrap_or_default());
    let (status, answer) = client.send("POST", &path, r#"{"feature":"f0","version":"8.0"}"#, None).await?;
    if status == 201 { Ok(()) } else { Err(format!("checkout: {status} {answer}").into()) }
}

/// One client that goes on all the time; gives each of its waits in microseconds.
async fn watch(port: u16, filled: Arc<AtomicBool>) -> Result<Vec<u64>, Failure> {
    let mut waits = Vec::new();
    let mut client = Https::open(port).await?;
    let body = json!({ "user": "watcher", "host": "watcher", "application": "bench" }).to_string();
    let (_, answer) = client.send("POST", "/v1/sessions", &body, None).await?;
    let opened: Value = serde_json::from_str(answer)?;
    let path = format!("/v1/sessions/{}/checkouts", opened["session"].as_str().unwrap_or_default());
    while !filled.load(Ordering::SeqCst) {
        let start = Instant::now();
        let (_, answer) = client.send("POST", &path, r#"{"feature":"f0","version":"8.0"}"#, None).await?;
        waits.push(micros(start));
        let grant = number(answer, "grant").ok_or("the watching client was granted nothing")?;
        let start = Instant::now();
        client.send("DELETE", &format!("{path}/{grant}"), "", None).await?;
        waits.push(micros(start));
    }
    Ok(waits)
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}
