//! One module a subcommand. Each reads its arguments, calls the crate that does the work, and shows what came of it.

mod activate;
mod at_portal;
mod borrow;
pub(crate) mod catalogue;
mod checkout;
mod cluster;
mod directory;
mod hostid;
pub(crate) mod issue;
pub(crate) mod keys;
mod license;
mod man;
mod person;
mod portal;
mod remote;
mod reported;
mod secret;
mod server;
mod setup;
mod signer;
pub(crate) mod stat;

use std::process::ExitCode;

use clap::CommandFactory;

use crate::cli::{Cli, Command};
use crate::failure::Failure;
use crate::{demo, output};

/// Runs one subcommand.
pub(crate) fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Demo(args) => demo::run(&args),
        Command::Server(args) => server::run(&args),
        Command::Cluster(action) => cluster::run(&action),
        Command::Keys(args) => keys::run(&args),
        Command::Catalogue(args) => catalogue::run(&args),
        Command::Issue(args) => issue::run(&args),
        Command::Portal(args) => portal::run(&args),
        Command::Signer(args) => signer::run(&args),
        Command::Audit(args) => signer::audit(&args),
        Command::Activate(args) => activate::run(&args),
        Command::License(args) => license::run(&args),
        Command::Hostid(args) => Ok(hostid::run(&args)),
        Command::Setup(args) => setup::setup(&args),
        Command::Login(args) => setup::login(&args),
        Command::Stat(args) => stat::run(&args),
        Command::Checkout(args) => checkout::run(&args),
        Command::Borrow(args) => borrow::run(&args),
        Command::Reread(at) => remote::reread(&at),
        Command::Remove(args) => remote::remove(&args),
        Command::Down(args) => remote::down(&args),
        Command::User(action) => directory::user(action),
        Command::Station(action) => directory::station(action),
        Command::Group(action) => directory::group(action),
        Command::Role(action) => directory::role(action),
        Command::Allocate(action) => directory::allocate(action),
        Command::Import(args) => directory::import(&args),
        Command::Export(args) => directory::export(&args.way),
        Command::Apply(args) => directory::apply(&args),
        Command::Person(action) => person::run(action),
        Command::Version => Ok(version()),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "grantor", &mut text);
            output::raw(&String::from_utf8_lossy(&text));
            Ok(ExitCode::SUCCESS)
        }
        Command::Man { folder } => man::write(&folder),
    }
}

fn version() -> ExitCode {
    output::data(&format!("grantor {}", env!("CARGO_PKG_VERSION")));
    ExitCode::SUCCESS
}
