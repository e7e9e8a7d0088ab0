//! The `grantor` binary: the license server, the demo and every tool. Each subcommand has a module of its name under
//! [`commands`]; this file only chooses one and turns its end into an exit code.

mod cli;
mod commands;
mod demo;
mod failure;
mod output;

use std::process::ExitCode;

use clap::Parser;

/// A million seats come and go in pieces of a few sizes: this one packs them tightly, and gives back what is free.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match commands::run(cli.command) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}
