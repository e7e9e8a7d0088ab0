//! `grantor activate`: an order's number and this installation's key become a signed license file, online or by a request file.

use std::path::Path;
use std::process::ExitCode;

use grantor_portal::activation::Asked;
use serde::Deserialize;

use crate::cli::Activate;
use crate::commands::{at_portal, remote, reported};
use crate::failure::{At, Exit, Failure};
use crate::output;

/// What the portal says when all went well.
#[derive(Deserialize)]
struct Answer {
    file: String,
    license_file: String,
}

/// Runs `grantor activate`.
pub(crate) fn run(args: &Activate) -> Result<ExitCode, Failure> {
    let server = match &args.registration_key {
        Some(_) => None,
        None => Some(reported::of(&remote::connect(&args.at)?)?),
    };
    let said = server.as_ref().map(|server| server.registration_key.clone());
    let asked = Asked {
        lrn: args.lrn.clone(),
        registration_key: args.registration_key.clone().or(said).unwrap_or_default(),
        host_id: args.hostid.clone(),
        machine: args.machine.clone().or_else(|| server.as_ref()?.machine.clone()),
        loaded: server.map(|server| server.loaded),
    };
    match (&args.request, &args.portal) {
        (Some(file), _) => write_request(file, &asked)?,
        (None, portal) => online(args, portal.as_deref().unwrap_or_default(), &asked)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn write_request(file: &Path, asked: &Asked) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(asked).map_err(|error| Failure::new(Exit::Io, error))?;
    std::fs::write(file, format!("{text}\n")).at(file)?;
    output::error(&format!(
        "take {} to a machine that reaches the portal, and give it to the page Activate there; load the file that comes back",
        file.display()
    ));
    Ok(())
}

fn online(args: &Activate, portal: &str, asked: &Asked) -> Result<(), Failure> {
    let cert = args.portal_cert.as_deref();
    let answer: Answer = at_portal::post((portal, cert), "/api/v1/activations", asked)?;
    match &args.output {
        None => output::raw(&answer.license_file),
        Some(file) => replace(file, &answer.license_file)?,
    }
    output::error(&format!("{} is activated as {}", asked.lrn, answer.file));
    if args.output.is_some() {
        output::error("hint: `grantor reread` has the license server load it");
    }
    Ok(())
}

/// The new file takes the old one's place as a whole, or not at all.
fn replace(file: &Path, text: &str) -> Result<(), Failure> {
    let mut new = file.as_os_str().to_owned();
    new.push(".new");
    std::fs::write(&new, text).at(file)?;
    std::fs::rename(&new, file).at(file)?;
    Ok(())
}
