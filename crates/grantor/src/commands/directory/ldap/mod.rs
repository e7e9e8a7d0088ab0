//! `grantor import ldap`: users and groups of a directory service, compared with what there is; a plan, and once it is
//! confirmed its changes. Whoever does not fit into the licenses is named and left out, the others are done.

mod compare;
mod fit;
mod read;

use std::process::ExitCode;

use serde_json::json;

use super::bulk::{confirmed, show_plan};
use super::{fetch, show};
use crate::cli::Ldap;
use crate::commands::remote;
use crate::failure::{Exit, Failure};
use crate::output;
use fit::{Fitted, fit};

/// `grantor import ldap`.
pub(in super::super) fn import(args: &Ldap) -> Result<ExitCode, Failure> {
    let http = remote::connect(&args.way.at)?;
    let found = read::read(args)?;
    let now = fetch::current(&http, &args.way.tenant)?;
    let planned = compare::plan(now, found, &compare::Ways::of(args));
    planned.left_aside.iter().for_each(|problem| output::error(&format!("left aside: {problem}")));
    if !args.way.json {
        show_plan(&planned.steps);
    }
    let is_nothing = planned.steps.is_empty();
    if !is_nothing && !args.way.dry_run && !args.yes && !confirmed()? {
        output::error("nothing was changed");
        return Ok(ExitCode::from(Exit::Refused as u8));
    }
    let steps = planned.steps.len();
    let plan: Vec<_> =
        planned.steps.iter().map(|step| json!({ "sign": step.sign, "text": step.text })).collect();
    let fitted = fit(&http, &args.way.tenant, planned.steps, args.way.dry_run)?;
    if args.way.json {
        output::json(&json!({
            "dry_run": args.way.dry_run,
            "plan": plan,
            "left_aside": planned.left_aside,
            "beyond": fitted.beyond.iter().map(|(step, why)| json!({ "text": step.text, "why": why })).collect::<Vec<_>>(),
            "done": fitted.done,
        }))?;
    } else {
        tell(&fitted, steps)?;
    }
    let is_whole = fitted.beyond.is_empty() && fitted.is_whole && planned.left_aside.is_empty();
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(Exit::Refused as u8) })
}

fn tell(fitted: &Fitted, steps: usize) -> Result<(), Failure> {
    if steps == 0 {
        output::error("nothing is to be done");
    }
    for (step, why) in &fitted.beyond {
        output::data(&format!("  ! {}: does not fit: {why}", step.text));
    }
    fitted.done.iter().try_for_each(|changed| show::changed(changed, false))?;
    if !fitted.beyond.is_empty() {
        output::error(&format!(
            "{} not fit into the licenses that are left; order more, or take some from others, and run it again",
            match fitted.beyond.len() {
                1 => "1 change does".to_owned(),
                more => format!("{more} changes do"),
            }
        ));
    }
    if !fitted.is_whole {
        output::error(
            "more was not tried: there are too many changes, or too many that do not fit, to try all at once",
        );
    }
    Ok(())
}
