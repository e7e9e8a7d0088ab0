//! `grantor demo`: everything at work in a fresh folder, with the same code and the same commands that a user has. Nothing
//! here is pretended: real keys, a real server process, real applications over TLS, a real `kill -9`.

mod apps;
mod portal;
mod server;
mod story;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use grantor_api::status::Status;

use crate::cli::Demo;
use crate::commands::{catalogue, issue, keys, stat};
use crate::failure::{At, Exit, Failure};
use crate::output;
use apps::Apps;
use portal::Portal;
use server::Server;

/// The order that the demo books.
const ORDER: &str = include_str!("../../../catalogues/examples/demo.toml");

/// Runs the demo.
pub(crate) fn run(args: &Demo) -> Result<ExitCode, Failure> {
    let start = Instant::now();
    let stop = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGINT, stop.clone())?;
    signal_hook::flag::register(signal_hook::consts::SIGTERM, stop.clone())?;
    let folder = folder(args)?;
    output::error(&format!("Everything is in `{}`.", folder.display()));
    let mut publishers = story::keys(&folder)?;
    story::files(&folder, &publishers)?;
    let house = Publisher::new(&folder, portal::PUBLISHER)?;
    let keys = house.folder.clone();
    publishers.push(house);
    let mut server = Server::start(&folder, &publishers)?;
    let (portal, lrn) = Portal::start(&folder, &keys)?;
    portal.activate(&server, &lrn)?;
    story::heading("Applications use it");
    let mut apps = Apps::start(&server, &publishers)?;
    let before = story::until_settled(&server)?;
    output::raw(&stat::picture(&before));
    story::heading("The server is killed with `kill -9` and started again");
    server.kill_and_restart()?;
    let after = server.status()?;
    story::compare(&before, &after)?;
    let crashed = apps.crash(&server)?;
    story::summary(apps.told(), crashed, &server.status()?, start.elapsed());
    if !args.once {
        apps.keep_busy(&server, &publishers);
        output::raw(&format!("\nThe portal's pages, for an administrator: {}\n", portal.invite()?));
        live(&server, &stop)?;
    }
    apps.stop();
    server.stop()?;
    story::what_next(&folder, args.once);
    Ok(ExitCode::SUCCESS)
}

fn folder(args: &Demo) -> Result<PathBuf, Failure> {
    let folder = match &args.folder {
        Some(folder) => folder.clone(),
        None => std::env::temp_dir().join(format!("grantor-demo-{}", std::process::id())),
    };
    if folder.exists() && std::fs::read_dir(&folder).at(&folder)?.next().is_some() {
        return Err(Failure::new(Exit::Usage, format!("`{}` is not empty", folder.display()))
            .hint("the demo wants a fresh folder"));
    }
    std::fs::create_dir_all(folder.join("licenses")).at(&folder)?;
    std::path::absolute(&folder).at(&folder)
}

/// Shows the state anew each second until Ctrl-C.
fn live(server: &Server, stop: &AtomicBool) -> Result<(), Failure> {
    story::heading("Live, until Ctrl-C");
    let (terminal, mut last) = (std::io::stdout().is_terminal(), String::new());
    while !stop.load(Ordering::SeqCst) {
        let picture = stat::picture(&server.status()?);
        if terminal && !last.is_empty() {
            output::raw(&format!("\x1b[{}A\x1b[J", last.lines().count()));
        }
        if terminal || picture != last {
            output::raw(&picture);
        }
        last = picture;
        let next = Instant::now() + Duration::from_secs(1);
        while Instant::now() < next && !stop.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    Ok(())
}

/// A publisher with its keys in a folder of the demo's.
pub(crate) struct Publisher {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) root_key: String,
}

impl Publisher {
    fn new(folder: &Path, name: &str) -> Result<Self, Failure> {
        let folder = folder.join("keys").join(name);
        let root_key = keys::create(&folder, name, &[])?;
        Ok(Self { name: name.to_owned(), folder, root_key })
    }
}

/// What both halves of the story need of the order.
fn expansions(
    folder: &Path,
) -> Result<(grantor_catalogue::Order, Vec<grantor_catalogue::Expansion>), Failure> {
    let order = catalogue::read_order(&folder.join("order.toml"))?;
    let expansions = catalogue::expand(&order, &[])?;
    Ok((order, expansions))
}

fn license(folder: &Path, publisher: &Publisher) -> Result<grantor_license::Document, Failure> {
    let (order, expansions) = expansions(folder)?;
    issue::document(&order, &expansions, &keys::open(&publisher.folder)?)
}

/// Thirty-two letters that nobody guesses.
fn random_text() -> Result<String, Failure> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| Failure::new(Exit::Io, error))?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Seats that are out, by feature.
fn in_use(status: &Status) -> Vec<(&str, u32)> {
    status.features.iter().map(|feature| (feature.feature.as_str(), feature.in_use)).collect()
}
