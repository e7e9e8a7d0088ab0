//! `grantor import`, `export` and `apply`: many changes at once, worked out from what there is. Repeating them is
//! harmless: what is done already is not done again.

use std::collections::BTreeSet;
use std::io::{BufRead, IsTerminal};
use std::path::Path;
use std::process::ExitCode;

use grantor_api::directory::{Change, Changed, Disconnect, Disconnecting};
use grantor_api::limits;
use grantor_client::Http;
use grantor_server::directory_table::{
    Part, Problem, Step, Wanted, WantedSite, otherwise_default, plan, read, write,
};
use serde_json::json;

use super::fetch::{current, encoded, features};
use super::{send, show};
use crate::cli::{Apply, Import, ImportFrom, Way};
use crate::commands::remote;
use crate::failure::{At, Exit, Failure};
use crate::output;

/// Most bytes of a batch's changes; some room is left for the rest of the body.
const BATCH_BYTES: usize = limits::CHANGES_BODY - 1024;
/// Lines of a plan that people are shown.
const SHOWN: usize = 1000;

/// `grantor import`.
pub(crate) fn import(args: &Import) -> Result<ExitCode, Failure> {
    match (&args.from, &args.file) {
        (Some(ImportFrom::Ldap(args)), _) => super::ldap::import(args),
        (None, Some(file)) => import_table(args, file),
        (None, None) => Err(Failure::new(Exit::Usage, "no table is named")),
    }
}

fn import_table(args: &Import, file: &Path) -> Result<ExitCode, Failure> {
    let text = std::fs::read_to_string(file).at(file)?;
    let way = &args.way;
    let http = remote::connect(&way.at)?;
    let now = current(&http, &way.tenant)?;
    let features = features(&http, &way.tenant)?;
    let wanted = match read(&text, &now, &features) {
        Ok(wanted) => wanted,
        Err(problems) => return Err(bad_lines(file, &problems)),
    };
    let steps = plan(&now, &wanted);
    if !way.json {
        show_plan(&steps);
    }
    let changed = carry_out(&http, &way.tenant, &steps, way.dry_run)?;
    finish(&[(way.tenant.clone(), steps, changed)], &[], way.dry_run, way.json)
}

fn bad_lines(file: &Path, problems: &[Problem]) -> Failure {
    problems.iter().for_each(|problem| output::error(&format!("{}:{problem}", file.display())));
    let lines: BTreeSet<u64> = problems.iter().map(|problem| problem.line).collect();
    let bad = show::count(lines.len(), "bad line");
    Failure::new(Exit::Usage, format!("`{}` has {bad}; nothing was changed", file.display()))
        .hint("put them right and run it again")
}

/// `grantor export`.
pub(crate) fn export(way: &Way) -> Result<ExitCode, Failure> {
    let now = current(&remote::connect(&way.at)?, &way.tenant)?;
    if way.json {
        let (users, stations): (Vec<_>, Vec<_>) =
            (now.users.values().collect(), now.stations.values().collect());
        let (groups, roles): (Vec<_>, Vec<_>) = (now.groups.values().collect(), now.roles.values().collect());
        output::json(&json!({ "users": users, "stations": stations, "groups": groups, "roles": roles }))?;
    } else {
        let table = write(&now, Part::All).map_err(|error| Failure::new(Exit::Io, error))?;
        output::raw(&table);
    }
    Ok(ExitCode::SUCCESS)
}

/// A license type's interval that is to be another: before, after.
type Interval = (String, u32, u32);

/// `grantor apply`.
pub(crate) fn apply(args: &Apply) -> Result<ExitCode, Failure> {
    let text = std::fs::read_to_string(&args.file).at(&args.file)?;
    let wanted: WantedSite = toml::from_str(&text).map_err(|error| {
        Failure::new(Exit::Usage, format!("`{}`: {error}", args.file.display()))
            .hint("the chapter \"Who may use what\" of the guide has an example")
    })?;
    let http = remote::connect(&args.at)?;
    let plans = plans(&http, &wanted)?;
    let intervals = intervals(&http, &wanted)?;
    if !args.json {
        show_plans(&plans, &intervals);
    }
    let is_nothing = plans.iter().all(|(_, steps)| steps.is_empty()) && intervals.is_empty();
    if !is_nothing && !args.dry_run && !args.yes && !confirmed()? {
        output::error("nothing was changed");
        return Ok(ExitCode::from(Exit::Refused as u8));
    }
    let mut done = Vec::new();
    for (tenant, steps) in plans {
        let changed = carry_out(&http, &tenant, &steps, args.dry_run)?;
        done.push((tenant, steps, changed));
    }
    for (license_type, _, minutes) in intervals.iter().filter(|_| !args.dry_run) {
        let path = format!("/v1/admin/disconnects/{}", encoded(license_type));
        http.put::<_, ()>(&path, &Disconnect { minutes: Some(*minutes) })?;
    }
    finish(&done, &intervals, args.dry_run, args.json)
}

fn plans(http: &Http, wanted: &WantedSite) -> Result<Vec<(String, Vec<Step>)>, Failure> {
    let of = |tenant: &Wanted| {
        let now = current(http, &tenant.name)?;
        if let Some(user) = otherwise_default(&now, tenant).first() {
            let says = format!("user {user}: who is a default user is said when the user is made");
            return Err(Failure::new(Exit::Refused, says)
                .hint("leave `default_user` out, or remove the user first: `grantor user remove`"));
        }
        Ok((tenant.name.clone(), plan(&now, tenant)))
    };
    wanted.tenants.iter().map(of).collect()
}

fn intervals(http: &Http, wanted: &WantedSite) -> Result<Vec<Interval>, Failure> {
    if wanted.disconnects.is_empty() {
        return Ok(Vec::new());
    }
    let now: Vec<Disconnecting> = http.get("/v1/admin/disconnects")?;
    let minutes =
        |of: &str| now.iter().find(|one| one.license_type == of.to_lowercase()).map_or(0, |one| one.minutes);
    let all = wanted.disconnects.iter().map(|(of, wanted)| (of.clone(), minutes(of), *wanted));
    Ok(all.filter(|(_, now, wanted)| now != wanted).collect())
}

fn show_plans(plans: &[(String, Vec<Step>)], intervals: &[Interval]) {
    for (tenant, steps) in plans.iter().filter(|(_, steps)| !steps.is_empty()) {
        output::data(&format!("tenant {tenant}"));
        show_plan(steps);
    }
    let every = |minutes: u32| match minutes {
        0 => "never".to_owned(),
        1 => "every minute".to_owned(),
        minutes => format!("every {minutes} minutes"),
    };
    for (license_type, now, wanted) in intervals {
        let (now, wanted) = (every(*now), every(*wanted));
        output::data(&format!("  ~ license type {license_type}: disconnects {wanted}, was {now}"));
    }
}

pub(super) fn show_plan(steps: &[Step]) {
    let new: BTreeSet<&str> = steps.iter().filter_map(|step| brought_in(&step.change)).collect();
    let shown: Vec<&Step> =
        steps.iter().filter(|step| told_of(&step.change).is_none_or(|name| !new.contains(name))).collect();
    shown.iter().take(SHOWN).for_each(|step| output::data(&format!("  {} {}", step.sign, step.text)));
    if shown.len() > SHOWN {
        output::data(&format!("  and {} more; `--json` shows all", shown.len() - SHOWN));
    }
}

fn brought_in(change: &Change) -> Option<&str> {
    match change {
        Change::AddUser { name, .. } | Change::AddGroup { name, .. } => Some(name),
        _ => None,
    }
}

/// Whom a change only tells something of: of somebody new, people are not shown a line of its own for it.
fn told_of(change: &Change) -> Option<&str> {
    match change {
        Change::SetExternalId { user: name, .. }
        | Change::SetGroupExternalId { group: name, .. }
        | Change::SetPersonNames { user: name, .. } => Some(name),
        _ => None,
    }
}

pub(super) fn confirmed() -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(Exit::Usage, "there is nobody to ask")
            .hint("`--yes` doesn't ask, `--dry-run` only shows the plan"));
    }
    output::error("Do this? (y/n)");
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim().eq_ignore_ascii_case("y"))
}

pub(super) fn weight(change: &Change) -> usize {
    match change {
        Change::AddMembers { users, .. } | Change::RemoveMembers { users, .. } => users.len().max(1),
        _ => 1,
    }
}

/// Batches that the server takes, in order.
pub(super) fn batches(steps: &[Step]) -> Vec<&[Step]> {
    cut(steps, limits::CHANGES, BATCH_BYTES)
}

/// How many of the steps the server tries in one go: all but of the largest plans.
pub(super) fn tried_at_once(steps: &[Step]) -> usize {
    cut(steps, limits::TRIED, limits::TRIED_BODY - 1024).first().map_or(0, |steps| steps.len())
}

fn cut(steps: &[Step], most: usize, most_bytes: usize) -> Vec<&[Step]> {
    let (mut batches, mut start, mut names, mut bytes) = (Vec::new(), 0, 0, 0);
    for (place, step) in steps.iter().enumerate() {
        let (more, size) =
            (weight(&step.change), serde_json::to_string(&step.change).map_or(0, |text| text.len() + 1));
        if place > start && (names + more > most || bytes + size > most_bytes) {
            batches.push(&steps[start..place]);
            (start, names, bytes) = (place, 0, 0);
        }
        (names, bytes) = (names + more, bytes + size);
    }
    if start < steps.len() {
        batches.push(&steps[start..]);
    }
    batches
}

fn changes(steps: &[Step]) -> Vec<Change> {
    steps.iter().map(|step| step.change.clone()).collect()
}

/// Does the steps: in one write, or in several when there are more than one may have.
fn carry_out(http: &Http, tenant: &str, steps: &[Step], dry_run: bool) -> Result<Vec<Changed>, Failure> {
    if dry_run {
        return try_out(http, tenant, steps);
    }
    let mut done: Vec<Changed> = Vec::new();
    for batch in batches(steps) {
        match send(http, tenant, changes(batch), false) {
            Ok(changed) => done.push(changed),
            Err(error) => {
                tell_step(&error, batch);
                return Err(refused(error, done.iter().map(|one| one.changes).sum()));
            }
        }
    }
    Ok(done)
}

/// Has the server say what would come of the steps, of all writes together.
fn try_out(http: &Http, tenant: &str, steps: &[Step]) -> Result<Vec<Changed>, Failure> {
    let (tried, left) = steps.split_at(tried_at_once(steps));
    if tried.is_empty() {
        return Ok(Vec::new());
    }
    let changed = send(http, tenant, changes(tried), true).map_err(|error| {
        let place = tell_step(&error, tried).unwrap_or(0);
        let ends = batches(tried).into_iter().scan(0, |end, batch| {
            *end += batch.len();
            Some(*end)
        });
        let before = ends.take_while(|end| *end <= place).last().unwrap_or(0);
        if before > 0 {
            let before = show::count(before, "change");
            output::error(&format!("{before} before it would be done, as writes of their own"));
        }
        Failure::from(error)
    })?;
    if !left.is_empty() {
        let (tried, left) = (tried.len(), show::count(left.len(), "change"));
        output::error(&format!("the first {tried} were tried; {left} behind them were not"));
    }
    Ok(vec![changed])
}

/// Says which step was refused, and gives its place.
fn tell_step(error: &grantor_client::Error, batch: &[Step]) -> Option<usize> {
    let grantor_client::Error::Problem(problem) = error else { return None };
    let place = problem.change.or(Some(1).filter(|_| batch.len() == 1))?;
    let place = (place as usize).checked_sub(1)?;
    let step = batch.get(place)?;
    output::error(&format!("refused: {} {}", step.sign, step.text));
    Some(place)
}

fn refused(error: grantor_client::Error, done: u32) -> Failure {
    if done > 0 {
        output::error(&format!(
            "{} were done before; run it again for the rest",
            show::count(done as usize, "change")
        ));
    }
    error.into()
}

fn finish(
    done: &[(String, Vec<Step>, Vec<Changed>)],
    intervals: &[Interval],
    dry_run: bool,
    json: bool,
) -> Result<ExitCode, Failure> {
    if json {
        let step = |step: &Step| json!({ "sign": step.sign, "text": step.text, "change": step.change });
        let tenant = |(tenant, steps, changed): &(String, Vec<Step>, Vec<Changed>)| json!({ "tenant": tenant, "plan": steps.iter().map(step).collect::<Vec<_>>(), "done": changed });
        let interval =
            |(of, now, wanted): &Interval| json!({ "license_type": of, "before": now, "after": wanted });
        let tenants: Vec<_> = done.iter().map(tenant).collect();
        let intervals: Vec<_> = intervals.iter().map(interval).collect();
        output::json(&json!({ "dry_run": dry_run, "tenants": tenants, "disconnects": intervals }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if done.iter().all(|(_, steps, _)| steps.is_empty()) && intervals.is_empty() {
        output::error("nothing is to be done");
    }
    for changed in done.iter().flat_map(|(_, _, changed)| changed) {
        show::changed(changed, false)?;
    }
    Ok(ExitCode::SUCCESS)
}
