//! `grantor activate`: an order's number and this installation's key become a signed license file, online or by a request file.

use std::path::Path;
use std::process::ExitCode;

use grantor_api::cluster::Cluster;
use grantor_client::{Http, Server, ServerTrust};
use grantor_portal::activation::Asked;
use serde::Deserialize;

use crate::cli::Activate;
use crate::commands::remote;
use crate::failure::{At, Exit, Failure};
use crate::output;

/// What the portal says when all went well.
#[derive(Deserialize)]
struct Answer {
    file: String,
    license_file: String,
}

/// And when not.
#[derive(Deserialize)]
struct Problem {
    title: String,
    detail: String,
    hint: String,
}

/// Runs `grantor activate`.
pub(crate) fn run(args: &Activate) -> Result<ExitCode, Failure> {
    let registration_key = match &args.registration_key {
        Some(key) => key.clone(),
        None => remote::connect(&args.at)?.get::<Cluster>("/v1/admin/cluster")?.cluster.to_uppercase(),
    };
    let asked = Asked {
        lrn: args.lrn.clone(),
        registration_key,
        host_id: args.hostid.clone(),
        machine: args.machine.clone(),
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
    let answer = ask(args, portal, asked)?;
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

fn ask(args: &Activate, portal: &str, asked: &Asked) -> Result<Answer, Failure> {
    let portal = portal.trim_start_matches("https://").trim_end_matches('/');
    let (host, port) = portal.rsplit_once(':').unwrap_or((portal, "443"));
    let port = port.parse().map_err(|_| Failure::new(Exit::Usage, format!("`{port}` is no port")))?;
    let server = Server { host: host.trim_matches(['[', ']']).to_owned(), port };
    let trust = args.portal_cert.as_deref().map(ServerTrust::parse).transpose()?.unwrap_or_default();
    let (status, text) = Http::new(server, &trust)?.post_elsewhere("/api/v1/activations", asked)?;
    let strange = || {
        Failure::new(Exit::NoServer, format!("{portal} answered {status}, and not as a portal does"))
            .hint("is the address right? `--portal HOST:PORT`")
    };
    if status == 200 {
        return serde_json::from_str(&text).map_err(|_| strange());
    }
    let problem: Problem = serde_json::from_str(&text).map_err(|_| strange())?;
    let says = if problem.detail.is_empty() { problem.title } else { problem.detail };
    let exit = if status == 503 { Exit::NoServer } else { Exit::Refused };
    Err(Failure::new(exit, says).hint(&problem.hint))
}

/// The new file takes the old one's place as a whole, or not at all.
fn replace(file: &Path, text: &str) -> Result<(), Failure> {
    let mut new = file.as_os_str().to_owned();
    new.push(".new");
    std::fs::write(&new, text).at(file)?;
    std::fs::rename(&new, file).at(file)?;
    Ok(())
}
