//! The portal with the books of a large publisher: how long each tab takes over HTTPS, a license file with 50 lines, and an order of
//! 10,000 lines; on SQLite, and on PostgreSQL.
//!
//! Portal and browser are this one process, and share its cores. A page's time ends with its last byte.

mod fill;

use std::path::Path;
use std::time::{Duration, Instant};

use grantor_portal::files::{self, Chosen, Machine, Request, Selection};
use grantor_portal::people::{Actor, Details};
use grantor_portal::rights::Role;
use grantor_portal::serve::{Config, Portal};
use grantor_portal::signin::{self, Link};
use grantor_portal::store::Store;
use grantor_portal::{accounts, catalogues, certifications, sites};
use grantor_web::cookie::Secret;
use sea_orm::{ConnectionTrait, Database};
use tokio::sync::watch;

pub(crate) use fill::Size;

use crate::drive::Failure;
use crate::peers::daemon::connect;
use crate::peers::postgres;
use crate::process::free_port;

/// The catalogue's name.
const CATALOGUE: &str = "bench";
/// Parts in it, beside the server.
const PARTS: u64 = 60;
/// Noon of 24 November 2026, in milliseconds since 1970.
const NOW: i64 = 1_795_521_600_000;
/// Lines of the file that is generated.
const LINES: u64 = 50;
/// Lines of the order that is booked.
const ORDER: u64 = 10_000;

/// What to measure.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// How much is in the books.
    pub(crate) size: Size,
    /// Requests of each page.
    pub(crate) requests: usize,
    /// A PostgreSQL server, `postgres://user@host:port`; without, one is started.
    pub(crate) postgres: Option<String>,
}

/// Fills and measures both.
pub(crate) async fn run(options: &Options) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    println!("## SQLite");
    measure(&Store::sqlite(&folder.path().join("portal.db")).await?, options, folder.path()).await?;
    let own = tempfile::tempdir()?;
    let (_daemon, server) = match &options.postgres {
        Some(server) => (None, server.clone()),
        None => {
            let port = free_port()?;
            let daemon = postgres::serve(own.path(), port)?;
            connect(port).await?;
            (Some(daemon), format!("postgres://bench@127.0.0.1:{port}"))
        }
    };
    let name = format!("bench_portal_{}", std::process::id());
    let admin = Database::connect(format!("{server}/postgres")).await?;
    admin.execute_unprepared(&format!("create database {name}")).await?;
    println!("\n## PostgreSQL");
    let store = Store::postgres(&format!("{server}/{name}")).await?;
    let done = measure(&store, options, folder.path()).await;
    admin.execute_unprepared(&format!("drop database {name} with (force)")).await?;
    done
}

async fn measure(store: &Store, options: &Options, folder: &Path) -> Result<(), Failure> {
    let session = prepare(store, options.size).await?;
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        data_dir: folder.to_owned(),
        staff_shows_codes: false,
        ..Config::default()
    };
    let portal = Portal::open(&config, store.clone(), None).await?;
    let browser = Browser::new(portal.address()?.port(), session);
    let (stop, stopped) = watch::channel(false);
    let serving = tokio::spawn(portal.serve(stopped));
    let (accounts, requests) = (options.size.accounts, options.requests);
    let files = options.size.files;
    let measured = tokio::task::spawn_blocking(move || {
        tabs(&browser, accounts, files, requests)?;
        bulk_order(&browser)
    });
    measured.await??;
    generation(store, requests).await?;
    stop.send_replace(true);
    serving.await?;
    Ok(())
}

/// A server item, and parts of one technical license each.
fn catalogue() -> String {
    let mut text = "title = \"Bench\"\npublisher = \"bench\"\nedition = \"1\"\nsources = [\"bench\"]\n\n\
        [defaults]\nversion = \"1.0\"\nversion_rule = \"at-least\"\nmodel = \"floating\"\n\n\
        [[items]]\nname = \"S-1\"\nunit = \"license\"\nserver = true\nrequired = [\"server 1.0\"]\n\n\
        [[technical_licenses]]\nfeature = \"server\"\ndescription = \"The server\"\nrule = \"One for each\"\nquantity = \"per-unit\"\n"
        .to_owned();
    for part in 1..=PARTS {
        text.push_str(&format!(
            "\n[[items]]\nname = \"P-{part}\"\nunit = \"license\"\nrequired = [\"feature{part} 1.0\"]\n\n\
             [[technical_licenses]]\nfeature = \"feature{part}\"\ndescription = \"Part {part}\"\nrule = \"One for each\"\nquantity = \"per-unit\"\n"
        ));
    }
    text
}

/// The server and parts that make so many lines.
fn selection(lines: u64) -> Selection {
    let chosen = |part: String| Chosen { part, quantity: 1, pooled: 0 };
    let parts = (1..lines).map(|part| chosen(format!("P-{part}")));
    Selection {
        catalogue: CATALOGUE.to_owned(),
        license_type: files::STANDARD.to_owned(),
        machine: Machine { host_id: "0050569a1b2c".to_owned(), name: "machine".to_owned() },
        switchover: None,
        system_type: String::new(),
        mail_connector: String::new(),
        registration_key: None,
        items: std::iter::once(chosen("S-1".to_owned())).chain(parts).collect(),
    }
}

/// Fills the books, and gives the cookie of an administrator who is certified.
async fn prepare(store: &Store, size: Size) -> Result<String, Failure> {
    catalogues::load(store, CATALOGUE, &catalogue(), ("ann", NOW)).await?;
    let details =
        Details { name: "Ada".to_owned(), roles: [Role::Administrator].into(), account: None, active: true };
    let link = Secret::new("grl_")?;
    let link = Link { portal: "https://localhost", secret: link.text(), hash: &link.hash() };
    let ada = signin::invite(store, "ada@bench.example", &details, &link, ("bench", NOW)).await?;
    certifications::enter(store, &ada, CATALOGUE, "2999-12-31", ("bench", NOW)).await?;
    let chosen = selection(3);
    let text = "LICENSE LRN-1 CUSTOMER=\"Account 1\" SITE=\"Site 1\" TYPE=standard PRODUCT=Bench STATE=active ISSUED=24-nov-2026\n\
        INCREMENT server bench 1.0 permanent 1 LRN=LRN-1\nINCREMENT feature1 bench 1.0 permanent 1 LRN=LRN-1\n\
        INCREMENT feature2 bench 1.0 permanent 1 LRN=LRN-1\n";
    fill::fill(store, size, text, &serde_json::to_string(&chosen)?).await?;
    let secret = Secret::new("grs_")?;
    signin::passed(store, ada.id, &secret.hash(), jiff::Timestamp::now().as_millisecond()).await?;
    Ok(secret.text().to_owned())
}

/// One connection, signed in.
pub(crate) struct Browser {
    agent: ureq::Agent,
    address: String,
    cookie: String,
}

impl Browser {
    pub(crate) fn new(port: u16, session: String) -> Self {
        // The portal was started by this program a moment ago: any certificate is its own.
        let tls = ureq::tls::TlsConfig::builder().disable_verification(true).build();
        let config = ureq::Agent::config_builder()
            .tls_config(tls)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false);
        let cookie = format!("__Host-grantor={session}");
        Self { agent: config.build().into(), address: format!("https://localhost:{port}"), cookie }
    }

    pub(crate) fn get(&self, path: &str) -> Result<Duration, Failure> {
        let begin = Instant::now();
        let mut answer =
            self.agent.get(format!("{}{path}", self.address)).header("cookie", &self.cookie).call()?;
        let body = answer.body_mut().read_to_vec()?;
        let took = begin.elapsed();
        if answer.status() != 200 {
            return Err(format!("{path}: {} {}", answer.status(), String::from_utf8_lossy(&body)).into());
        }
        Ok(took)
    }

    fn text(&self, path: &str) -> Result<String, Failure> {
        let address = format!("{}{path}", self.address);
        let mut answer = self.agent.get(address).header("cookie", &self.cookie).call()?;
        Ok(answer.body_mut().read_to_string()?)
    }

    pub(crate) fn post(
        &self,
        path: &str,
        kind: &str,
        body: &str,
    ) -> Result<(u16, String, Duration), Failure> {
        let begin = Instant::now();
        let asked = self
            .agent
            .post(format!("{}{path}", self.address))
            .header("cookie", &self.cookie)
            .header("sec-fetch-site", "same-origin")
            .header("content-type", kind);
        let mut answer = asked.send(body)?;
        answer.body_mut().with_config().limit(64 << 20).read_to_vec()?;
        let location = answer.headers().get("location").and_then(|value| value.to_str().ok());
        Ok((answer.status().as_u16(), location.unwrap_or_default().to_owned(), begin.elapsed()))
    }
}

/// The median, the 99th percentile and the longest, in milliseconds.
pub(crate) fn told(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |part: usize| {
        let place = (times.len() * part).div_ceil(100).saturating_sub(1);
        times.get(place).copied().unwrap_or_default().as_secs_f64() * 1000.0
    };
    format!("{:>9.2} {:>9.2} {:>9.2}", at(50), at(99), at(100))
}

/// Pages of an account, below its own address.
const TABS: [(&str, &str); 9] = [
    ("Account Summary", ""),
    ("Software Details", "/software"),
    ("Activation File Activity", "/files"),
    ("  by machine, latest first", "/files?machine=machine1&sort=generated&falling=1"),
    ("Upgrade Software", "/upgrade"),
    ("New Activation File", "/new"),
    ("Install Sites", "/sites"),
    ("Orders", "/orders"),
    ("Requests", "/requests"),
];
/// Pages of the publisher's house.
const HOUSE: [(&str, &str); 6] = [
    ("All accounts", "/accounts"),
    ("  with a text", "/accounts?text=Account+99"),
    ("All orders", "/orders"),
    ("  with a text", "/orders?text=SO-99"),
    ("People", "/people"),
    ("Log", "/log"),
];

fn tabs(browser: &Browser, accounts: u64, files: u64, requests: usize) -> Result<(), Failure> {
    println!("{:<44} {:>9} {:>9} {:>9}   ms, {requests} requests each", "", "median", "p99", "longest");
    for (whose, any) in [("any account", true), ("the largest", false)] {
        for (label, tab) in TABS {
            let mut times = Vec::new();
            for _ in 0..requests {
                let account = if any { fastrand::u64(1..=accounts) } else { 1 };
                let query = format!("?site={}&product={CATALOGUE}&type=standard", (account - 1) * 3 + 1);
                let query = if tab == "/new" { query.as_str() } else { "" };
                times.push(browser.get(&format!("/accounts/A{account}{tab}{query}"))?);
            }
            println!("{:<44} {}", format!("{label}, {whose}"), told(times));
        }
    }
    let mut times = Vec::new();
    for _ in 0..requests {
        // Every hundredth file is the first account's.
        let number = fastrand::u64(1..=(files / 100).max(1)) * 100;
        times.push(browser.get(&format!("/accounts/A1/files/AF-{number:06}"))?);
    }
    println!("{:<44} {}", "A license file's page", told(times));
    for (label, path) in HOUSE {
        let times = (0..requests).map(|_| browser.get(path)).collect::<Result<_, _>>()?;
        println!("{label:<44} {}", told(times));
    }
    Ok(())
}

/// By the page Import orders: checked, then booked.
fn bulk_order(browser: &Browser) -> Result<(), Failure> {
    let mut csv = "order,account,site,catalogue,part,quantity\n".to_owned();
    for line in 0..ORDER {
        csv.push_str(&format!("BULK-1,A2,Site 4,{CATALOGUE},P-{},{}\n", 1 + line % PARTS, 1 + line % 9));
    }
    let part = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"orders.csv\"\r\n\r\n";
    let upload = format!("{part}{csv}\r\n--x--\r\n");
    let (status, _, checked) = browser.post("/orders/import", "multipart/form-data; boundary=x", &upload)?;
    let pairs = [("once", "bench"), ("text", &csv)];
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let begin = Instant::now();
    let (begun, page, _) = browser.post("/orders/import/book", "application/x-www-form-urlencoded", &form)?;
    if (status, begun) != (200, 303) {
        return Err(format!("the order of {ORDER} lines was not booked: {status}, {begun}").into());
    }
    // It is booked in the background; the page says when it is done.
    while !browser.text(&page)?.contains("1 booked") {
        if begin.elapsed() > Duration::from_secs(120) {
            return Err(format!("the order of {ORDER} lines is not booked after two minutes").into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let took = begin.elapsed();
    let (checked, took) = (checked.as_secs_f64(), took.as_secs_f64());
    println!("an order of {ORDER} lines: checked in {checked:.2} s, booked in {took:.2} s");
    Ok(())
}

/// A file with its log entry and the flush, and the same work without them: a preview is rolled back.
async fn generation(store: &Store, requests: usize) -> Result<(), Failure> {
    let account = accounts::find(store.read(), "A3").await?;
    let site = sites::list(store, &account, None).await?.into_iter().next().ok_or("A3 has no site")?;
    let chosen = selection(LINES);
    let request = Request {
        account: &account,
        site: &site,
        selection: &chosen,
        replaces: None,
        by: Actor::House("bench"),
        at: NOW,
        today: jiff::civil::date(2026, 11, 24),
    };
    let (mut without, mut whole) = (Vec::new(), Vec::new());
    for number in 0..requests {
        let begin = Instant::now();
        files::preview(store, &request).await?;
        without.push(begin.elapsed());
        let begin = Instant::now();
        files::generate(store, &request, &format!("generation/{number}")).await?;
        whole.push(begin.elapsed());
    }
    println!("{:<44} {}", format!("a file of {LINES} lines, apart from the log"), told(without));
    println!("{:<44} {}", "the same, logged and on disk", told(whole));
    Ok(())
}
