//! Everybody comes back at once: thousands of sessions hold seats on three servers, the leader is killed, and each client
//! looks for another server as the SDK does. Counts how long it takes, and who was turned away wrongly.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::drive::Failure;
use crate::https::Https;
use crate::process::Servers;

/// Connections that are being opened at a time.
const AT_ONCE: usize = 200;
/// First wait before another server is asked; doubled each time up to [`LONGEST`], and never quite the same.
const FIRST: f64 = 0.1;
const LONGEST: f64 = 10.0;
/// A client that is not back by then is lost.
const PATIENCE: Duration = Duration::from_secs(120);

/// A session that holds one seat.
struct Client {
    connection: Option<Https>,
    port: u16,
    session: String,
}

/// How one client fared.
enum Back {
    After(Duration),
    /// It was told that it has no session, or something else that is not true.
    Refused(String),
    Never,
}

/// Runs it with so many clients.
pub(crate) async fn run(clients: usize) -> Result<(), Failure> {
    let mut servers = Servers::start(3, 1).await?;
    let ports = servers.ports();
    eprintln!("opening {clients} sessions, each with a seat …");
    let mut all = Vec::with_capacity(clients);
    for from in (0..clients).step_by(AT_ONCE) {
        let opening = (from..clients.min(from + AT_ONCE)).map(|number| open(number, ports.clone()));
        for opened in futures::future::join_all(opening).await {
            all.push(opened?);
        }
    }
    let before = held(&servers).await?;
    let leader = servers.leader().await?;
    let gone = ports.get(leader).copied().unwrap_or(0);
    eprintln!("killing the leader …");
    if let Some(server) = servers.all.get_mut(leader) {
        server.kill();
    }
    let start = Instant::now();
    let others: Vec<u16> = ports.into_iter().filter(|port| *port != gone).collect();
    let coming = all.into_iter().map(|client| tokio::spawn(come_back(client, gone, others.clone(), start)));
    let mut back = Vec::with_capacity(clients);
    for task in coming.collect::<Vec<_>>() {
        back.push(task.await?);
    }
    report(&back, before, held(&servers).await?);
    Ok(())
}

async fn open(number: usize, ports: Vec<u16>) -> Result<Client, Failure> {
    let port = ports.get(number % ports.len()).copied().unwrap_or(0);
    let mut connection = Https::open(port).await?;
    let body = json!({ "user": format!("user{number:08}"), "host": format!("host{number:08}"), "application": "storm" });
    let (status, answer) = connection.send("POST", "/v1/sessions", &body.to_string(), None).await?;
    if status != 201 {
        return Err(format!("session: {status} {answer}").into());
    }
    let opened: Value = serde_json::from_str(answer)?;
    let session = opened["session"].as_str().unwrap_or_default().to_owned();
    let path = format!("/v1/sessions/{session}/checkouts");
    let (status, answer) =
        connection.send("POST", &path, r#"{"feature":"f0","version":"8.0"}"#, None).await?;
    if status != 201 {
        return Err(format!("checkout: {status} {answer}").into());
    }
    Ok(Client { connection: Some(connection), port, session })
}

/// Until a server confirms the session. Who was connected to a server that lives asks it first.
async fn come_back(mut client: Client, gone: u16, others: Vec<u16>, start: Instant) -> Back {
    if client.port == gone {
        client.connection = None;
    }
    let (mut wait, mut turn) = (FIRST, usize::from(client.port));
    let path = format!("/v1/sessions/{}", client.session);
    while start.elapsed() < PATIENCE {
        match alive(&mut client, &path, &others, &mut turn).await {
            Ok((200, _)) => return Back::After(start.elapsed()),
            Ok((503 | 429, _)) => {}
            Ok((status, answer)) => return Back::Refused(format!("{status} {answer}")),
            Err(_) => client.connection = None,
        }
        tokio::time::sleep(Duration::from_secs_f64(wait * (0.5 + fastrand::f64()))).await;
        wait = (wait * 2.0).min(LONGEST);
    }
    Back::Never
}

async fn alive(
    client: &mut Client,
    path: &str,
    others: &[u16],
    turn: &mut usize,
) -> Result<(u16, String), Failure> {
    if client.connection.is_none() {
        *turn += 1;
        let port = others.get(*turn % others.len()).copied().unwrap_or(0);
        client.connection = Some(tokio::time::timeout(Duration::from_secs(10), Https::open(port)).await??);
    }
    let Some(connection) = client.connection.as_mut() else { return Err("not connected".into()) };
    let answer = tokio::time::timeout(Duration::from_secs(10), connection.send("PUT", path, "", None)).await;
    let (status, text) = answer??;
    Ok((status, text.to_owned()))
}

/// Sessions and seats that are out, by the word of the servers.
async fn held(servers: &Servers) -> Result<(u64, u64), Failure> {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        for server in servers.all.iter().filter(|server| server.id().is_some()) {
            let Ok(mut connection) = Https::open(server.port).await else { continue };
            let asked = connection.send("GET", "/v1/admin/status?holders=0", "", Some(&servers.admin)).await;
            if let Ok((200, text)) = asked {
                let status: Value = serde_json::from_str(text)?;
                let seats = status["features"][0]["in_use"].as_u64().unwrap_or(0);
                return Ok((status["sessions"].as_u64().unwrap_or(0), seats));
            }
        }
        if Instant::now() > end {
            return Err("no server tells its state".into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn report(back: &[Back], before: (u64, u64), after: (u64, u64)) {
    let mut times: Vec<Duration> = back
        .iter()
        .filter_map(|back| match back {
            Back::After(time) => Some(*time),
            _ => None,
        })
        .collect();
    times.sort_unstable();
    let refused: Vec<&String> = back
        .iter()
        .filter_map(|back| match back {
            Back::Refused(why) => Some(why),
            _ => None,
        })
        .collect();
    let at = |part: f64| {
        times.get(((times.len().max(1) - 1) as f64 * part) as usize).map_or(0.0, Duration::as_secs_f64)
    };
    println!(
        "{} clients after the leader's kill -9, TLS, three servers and the load on the same cores",
        back.len()
    );
    println!(
        "  first back {:.2} s, half {:.2} s, 99 % {:.2} s, last {:.2} s",
        at(0.0),
        at(0.5),
        at(0.99),
        at(1.0)
    );
    println!(
        "  back {}, wrongly refused {}, never back {}",
        times.len(),
        refused.len(),
        back.len() - times.len() - refused.len()
    );
    println!(
        "  sessions {} before, {} after; seats {} before, {} after",
        before.0, after.0, before.1, after.1
    );
    if let Some(why) = refused.first() {
        println!("  for example: {why}");
    }
}
