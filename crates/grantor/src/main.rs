//! The `grantor` binary: the license server, the demo and every tool. Each subcommand has a module of its name under
//! [`commands`]; this file only chooses one and turns its end into an exit code.

mod cli;
mod commands;
mod demo;
mod failure;
mod output;

use std::process::ExitCode;

use clap::Parser;

/// Many threads take and give back small pieces all the time; the system's allocator makes them wait for each other.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match commands::run(cli.command) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}
