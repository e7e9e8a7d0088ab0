//! `grantor license report`: which license files a server has loaded, told to the publisher's portal, and which of them don't count
//! any more.

use std::process::ExitCode;

use grantor_api::cluster::Cluster;
use grantor_api::status::Status;
use grantor_client::Http;
use grantor_license::{Body, parse};
use grantor_portal::activation::{Loaded, Report};
use serde::{Deserialize, Serialize};

use crate::cli::LicenseReport;
use crate::commands::{at_portal, remote};
use crate::failure::{Exit, Failure};
use crate::output;

/// What the portal says of each file.
#[derive(Serialize, Deserialize)]
struct Answer {
    loaded: Vec<Judged>,
}

#[derive(Serialize, Deserialize)]
struct Judged {
    lrn: String,
    generation: u32,
    standing: String,
    file: Option<String>,
    successor: Option<String>,
    what_to_do: String,
}

/// Runs `grantor license report`.
pub(crate) fn run(args: &LicenseReport) -> Result<ExitCode, Failure> {
    let report = of(&remote::connect(&args.at)?)?;
    let at = (args.portal.as_str(), args.portal_cert.as_deref());
    let answer: Answer = at_portal::post(at, "/api/v1/reports", &report)?;
    if args.json {
        output::json(&answer)?;
    } else {
        answer.loaded.iter().for_each(|judged| output::data(&row(judged)));
    }
    let ended = answer.loaded.iter().any(|judged| !judged.what_to_do.is_empty());
    Ok(if ended { ExitCode::from(Exit::Refused as u8) } else { ExitCode::SUCCESS })
}

fn row(judged: &Judged) -> String {
    let file = judged.file.as_deref().unwrap_or("-");
    let by = judged.successor.as_ref().map(|next| format!(" by {next}")).unwrap_or_default();
    let generation = format!("generation {}", judged.generation);
    let text =
        format!("{:24} {generation:14} {file:10} {}{by}  {}", judged.lrn, judged.standing, judged.what_to_do);
    text.trim_end().to_owned()
}

/// What the server is called and has loaded. Of several files with the same serial number the latest counts there.
pub(crate) fn of(server: &Http) -> Result<Report, Failure> {
    let cluster: Cluster = server.get("/v1/admin/cluster")?;
    let status: Status = server.get("/v1/admin/status")?;
    let mut loaded: Vec<Loaded> = Vec::new();
    for file in &status.files {
        let path = format!("/v1/admin/files/{}/{}", quoted(&file.tenant), quoted(&file.name));
        for one in named(&server.get_text(&path)?) {
            match loaded.iter_mut().find(|known| known.serial == one.serial) {
                Some(known) if known.generation >= one.generation => {}
                Some(known) => *known = one,
                None => loaded.push(one),
            }
        }
    }
    let registration_key = cluster.cluster.to_uppercase();
    Ok(Report { registration_key, machine: Some(status.server.host), loaded })
}

/// The licenses of a file that a portal can know: those with a serial number.
fn named(text: &str) -> Vec<Loaded> {
    let document = parse("license", text.as_bytes()).document;
    let lines = document.statements().iter().filter_map(|statement| match &statement.body {
        Body::License(line) if !line.serial.is_empty() => {
            Some(Loaded { lrn: line.lrn.clone(), serial: line.serial.clone(), generation: line.generation })
        }
        _ => None,
    });
    lines.collect()
}

/// A part of an address.
fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let quoted = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(quoted).collect()
}
