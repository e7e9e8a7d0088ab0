//! The console at the size of a large site: 100,000 users, 20,000 stations, 500 groups; how long each page takes over HTTPS, a search,
//! a change, and a restart. Server and browser are two processes that share the cores. A page's time ends with its last byte.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::drive::Failure;
use crate::https::Https;
use crate::issue;
use crate::portal::{Browser, told};
use crate::process::Servers;

/// Changes sent at a time.
const BATCH: usize = 5_000;

/// How much there is, and how often each page is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    pub(crate) users: usize,
    pub(crate) stations: usize,
    pub(crate) groups: usize,
    pub(crate) requests: usize,
}

/// Pages, by what they show. `{u}` and `{s}` are a user and a station by chance.
const PAGES: [(&str, &str); 16] = [
    ("Overview", "/"),
    ("Licenses", "/licenses"),
    ("Features", "/features"),
    ("License allocation", "/allocation"),
    ("  one feature", "/allocation/a0"),
    ("Users", "/users"),
    ("  search, found", "/users?text={u}"),
    ("  search, nothing", "/users?text=nobody"),
    ("A user", "/users/{u}"),
    ("Stations", "/stations"),
    ("  search, found", "/stations?text={s}"),
    ("A station", "/stations/{s}"),
    ("Groups and workgroups", "/groups"),
    ("A group of 1,000", "/groups/group000000"),
    ("In use", "/in-use"),
    ("  by person", "/in-use/by/person"),
];

/// Fills a server and measures.
pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let servers = Servers::start(1, 1).await?;
    let port = servers.ports().first().copied().unwrap_or_default();
    let admin = servers.admin.clone();
    let mut connection = Https::open(port).await?;
    let license = issue::directory()?.to_bytes();
    put(&mut connection, "/v1/admin/files/default/console.lic", &String::from_utf8(license)?, &admin).await?;
    let begin = Instant::now();
    fill(&mut connection, &admin, options).await?;
    println!(
        "{} users, {} stations, {} groups: filled by the API in {:.1} s",
        options.users,
        options.stations,
        options.groups,
        begin.elapsed().as_secs_f64()
    );
    let browser = Browser::new(port, admin);
    let measured = tokio::task::spawn_blocking(move || {
        pages(&browser, options)?;
        restart(servers, &browser)
    });
    measured.await?
}

/// `kill -9`, and the time until the same person's page of users is there again: the visit, too, is on disk.
fn restart(mut servers: Servers, browser: &Browser) -> Result<(), Failure> {
    let Some(server) = servers.all.first_mut() else { return Ok(()) };
    server.kill();
    let begin = Instant::now();
    server.start()?;
    while browser.get("/users").is_err() {
        std::thread::sleep(Duration::from_millis(5));
        if begin.elapsed() > Duration::from_secs(60) {
            return Err("the server shows no users a minute after its start".into());
        }
    }
    println!("Killed and started again: the page of users after {:.2} s", begin.elapsed().as_secs_f64());
    Ok(())
}

async fn put(connection: &mut Https, path: &str, body: &str, admin: &str) -> Result<(), Failure> {
    let (status, body) = connection.send("PUT", path, body, Some(admin)).await?;
    if status == 200 { Ok(()) } else { Err(format!("{path}: {status} {body}").into()) }
}

async fn change(connection: &mut Https, admin: &str, changes: &[Value]) -> Result<(), Failure> {
    let body = json!({ "changes": changes }).to_string();
    let (status, body) = connection.send("POST", "/v1/tenants/default/changes", &body, Some(admin)).await?;
    if status == 200 { Ok(()) } else { Err(format!("{status} {body}").into()) }
}

fn name(kind: &str, number: usize) -> String {
    format!("{kind}{number:06}")
}

async fn fill(connection: &mut Https, admin: &str, options: Options) -> Result<(), Failure> {
    let users = (0..options.users).map(|n| json!({ "change": "add-user", "name": name("user", n) }));
    let station = |n: usize| {
        let (station, machine) = (name("station", n), name("pc", n));
        json!({ "change": "add-station", "name": station, "machine": machine, "kind": "workstation" })
    };
    let groups = (0..options.groups).map(|n| json!({ "change": "add-group", "name": name("group", n) }));
    let members = (0..options.groups).map(|n| {
        let users: Vec<String> = (0..1000).map(|m| name("user", (n * 1000 + m) % options.users)).collect();
        json!({ "change": "add-members", "group": name("group", n), "users": users })
    });
    let licenses = (0..options.users).step_by(100).map(|n| {
        let to: Vec<Value> = (n..(n + 10).min(options.users)).map(|n| json!({ "user": name("user", n) })).collect();
        json!({ "change": "license", "feature": format!("a{}", n / 100 % 20), "method": "assignable", "to": to })
    });
    let all: Vec<Value> = users.chain((0..options.stations).map(station)).chain(groups).collect();
    for part in all.chunks(BATCH) {
        change(connection, admin, part).await?;
    }
    for one in members.chain(licenses) {
        change(connection, admin, &[one]).await?;
    }
    Ok(())
}

fn pages(browser: &Browser, options: Options) -> Result<(), Failure> {
    println!(
        "{:<44} {:>9} {:>9} {:>9}   ms, {} requests each",
        "", "median", "p99", "longest", options.requests
    );
    for (label, path) in PAGES {
        let mut times: Vec<Duration> = Vec::new();
        for _ in 0..options.requests {
            let user = name("user", fastrand::usize(0..options.users));
            let station = name("station", fastrand::usize(0..options.stations));
            times.push(browser.get(&path.replace("{u}", &user).replace("{s}", &station))?);
        }
        println!("{label:<44} {}", told(times));
    }
    let mut times = Vec::new();
    for number in 0..options.requests {
        let path = format!("/users/{}", name("user", fastrand::usize(0..options.users)));
        let body = if number % 2 == 0 { "do=number&granted=1" } else { "do=number" };
        let (status, _, took) = browser.post(&path, "application/x-www-form-urlencoded", body)?;
        if status != 303 {
            return Err(format!("{path}: {status}").into());
        }
        times.push(took);
    }
    println!("{:<44} {}", "A user's right changed, and on disk", told(times));
    Ok(())
}
