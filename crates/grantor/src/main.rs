//! The `grantor` binary: the license server, the demo and every tool. Each subcommand has a module of its name under
//! [`commands`]; this file only chooses one and turns its end into an exit code.

mod cli;
mod commands;
mod demo;
mod failure;
mod output;

use std::process::ExitCode;

use clap::Parser;

/// Many threads take and give back small pieces all the time, for which the system's allocator makes them wait for each
/// other; a million seats lie in pieces of a few sizes. This one packs them tightly, and gives back what is free.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match commands::run(cli.command) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}
