//! `grantor server`: runs a license server, or checks what it would start with.

use std::path::Path;
use std::process::ExitCode;

use grantor_server::config::LogFormat;
use grantor_server::{Config, logging};

use crate::cli::{Server, ServerAction};
use crate::failure::{Exit, Failure};
use crate::output;

/// Runs `grantor server …`.
pub(crate) fn run(args: &Server) -> Result<ExitCode, Failure> {
    match &args.action {
        Some(ServerAction::Check { config }) => check(config.as_deref()),
        None => serve(&read(args.config.as_deref())?),
    }
}

pub(crate) fn read(path: Option<&Path>) -> Result<Config, Failure> {
    let Some(path) = path else { return Ok(Config::default()) };
    Config::read(path).map_err(|problems| Failure::new(Exit::Usage, problems))
}

fn check(path: Option<&Path>) -> Result<ExitCode, Failure> {
    let config = read(path)?;
    let report = grantor_server::run::check(&config).map_err(|error| Failure::new(Exit::Usage, error))?;
    report.problems.iter().for_each(|problem| output::error(problem));
    output::data(&format!(
        "configuration is good; {} license files, {} lines grant",
        report.files, report.lines
    ));
    Ok(if report.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(Exit::Refused as u8) })
}

fn serve(config: &Config) -> Result<ExitCode, Failure> {
    logging::start(&config.log);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let server =
            grantor_server::run::start(config).await.map_err(|error| Failure::new(Exit::Io, error))?;
        greet(config, &server);
        server.until_stopped().await?;
        Ok(ExitCode::SUCCESS)
    })
}

/// What whoever started the server for the first time must know.
fn greet(config: &Config, server: &grantor_server::run::Running) {
    if config.log.format == LogFormat::Json {
        let token = server.setup_file().display();
        tracing::info!(registration_key = server.registration_key(), setup_token_file = %token, needs_setup = server.setup_token.is_some(), "ready");
        return;
    }
    output::error(&format!("listening on {}", server.address));
    let (host, port) = (gethostname::gethostname(), server.address.port());
    output::error(&format!("console at https://{}:{port}/", host.to_string_lossy()));
    output::error(&format!("certificate SHA-256 {}", server.fingerprint));
    output::error(&format!("registration key {}", server.registration_key()));
    if let Some(token) = &server.setup_token {
        output::error(&format!("set-up token, of use once within 15 minutes: {token}"));
        output::error(&format!(
            "hint: `grantor setup -c {port}@localhost --name YOU --token {}` makes the first administrator; so does the console",
            server.setup_file().display()
        ));
    }
}
