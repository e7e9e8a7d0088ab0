//! `grantor stat`: the state of a license server, as a picture for people, as JSON, and in the shape that scripts for
//! FlexNet's `lmstat` read.

mod lmstat;

use std::process::ExitCode;

use grantor_api::status::{Feature, Status};

use crate::cli::Stat;
use crate::commands::remote;
use crate::failure::{Exit, Failure};
use crate::output;

/// Asks the server and shows what was asked for.
pub(crate) fn run(args: &Stat) -> Result<ExitCode, Failure> {
    let http = remote::connect(&args.at)?;
    let mut status: Status = http.get("/v1/admin/status")?;
    let wanted = args.feature.as_deref().or(args.info.as_deref().filter(|feature| !feature.is_empty()));
    if let Some(wanted) = wanted {
        only(&mut status, wanted)?;
    }
    let cluster = remote::cluster(&http)?;
    if args.json {
        let mut all = serde_json::to_value(&status).unwrap_or_default();
        all["cluster"] = serde_json::to_value(&cluster).unwrap_or_default();
        output::json(&all)?;
    } else if args.info.is_some() {
        output::raw(&lmstat::info(&status));
    } else if args.all || args.feature.is_some() {
        output::raw(&lmstat::all(&status, &cluster, &jiff::Zoned::now()));
    } else {
        output::raw(&picture(&status));
        if cluster.voters > 1 {
            output::raw(&format!("\n{}", super::cluster::picture(&cluster)));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn only(status: &mut Status, feature: &str) -> Result<(), Failure> {
    let names: Vec<String> = status.features.iter().map(|known| known.feature.clone()).collect();
    status.features.retain(|known| known.feature.eq_ignore_ascii_case(feature));
    if status.features.is_empty() {
        let near = grantor_license::nearest(feature, names.iter().map(String::as_str));
        let hint = near.map_or_else(
            || "`grantor stat` shows what is loaded".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        return Err(Failure::new(Exit::Refused, format!("no loaded line names `{feature}`")).hint(hint));
    }
    Ok(())
}

/// Columns of a bar of use.
const BAR: usize = 20;

/// A line a feature with a bar of its use, then what is wrong.
pub(crate) fn picture(status: &Status) -> String {
    let server = &status.server;
    let mut text = format!(
        "{}@{} · {} · {} sessions, {} grants\n\n",
        server.port, server.host, server.role, status.sessions, status.grants
    );
    if status.features.is_empty() {
        text.push_str("No license file is loaded.\n  hint: put one into a folder of `license_files` and run `grantor reread`\n");
    }
    let width = status.features.iter().map(|feature| feature.feature.chars().count()).max().unwrap_or(0);
    status.features.iter().for_each(|feature| text.push_str(&line(feature, width)));
    for license in status.files.iter().flat_map(|file| &file.licenses).filter(|license| license.state != "OK")
    {
        text.push_str(&format!("\n! license {} of {}: {}\n", license.lrn, license.customer, license.state));
    }
    for violation in &status.violations {
        let feature = violation.feature.as_deref().unwrap_or_default();
        text.push_str(&format!(
            "\n! {} {feature} since {} (violation {})",
            violation.kind, violation.since, violation.number
        ));
    }
    if !status.violations.is_empty() {
        text.push('\n');
    }
    text
}

fn line(feature: &Feature, width: usize) -> String {
    let waiting =
        if feature.queue.is_empty() { String::new() } else { format!("  {} waiting", feature.queue.len()) };
    let Some(capacity) = feature.capacity else {
        return format!(
            "{:width$}  {:BAR$}  {:>6} of uncounted{waiting}\n",
            feature.feature, "", feature.in_use
        );
    };
    let filled = if capacity == 0 {
        0
    } else {
        (u64::from(feature.in_use) * BAR as u64).div_ceil(capacity.into()) as usize
    };
    let bar = format!("{}{}", "█".repeat(filled.min(BAR)), "░".repeat(BAR.saturating_sub(filled)));
    format!("{:width$}  {bar}  {:>6} of {capacity}{waiting}\n", feature.feature, feature.in_use)
}
