//! `grantor man`: the man pages, made from the same source as `--help`.

use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory;

use crate::cli::Cli;
use crate::failure::{At, Failure};
use crate::output;

/// Writes a page for the program and one for each subcommand.
pub(crate) fn write(folder: &Path) -> Result<ExitCode, Failure> {
    std::fs::create_dir_all(folder).at(folder)?;
    clap_mangen::generate_to(Cli::command(), folder).at(folder)?;
    output::error(&format!("man pages written to `{}`", folder.display()));
    Ok(ExitCode::SUCCESS)
}
