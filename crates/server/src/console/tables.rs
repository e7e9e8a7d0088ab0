//! Many people and things at once: a table is chosen, looked at line by line and change by change, and done only then; and what
//! a page shows is given as such a table. Tables and plans are [`crate::directory_table`]'s, as for the command line.

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use axum::response::Response;
use grantor_api::directory::Difference;
use grantor_api::{Problem as Refused, limits};
use grantor_site::access::Scope;
use grantor_site::directory::Change;
use grantor_site::{Command, Entry, Reply, Site, Timestamp};
use grantor_web::answer::{done, download, page, refused};
use grantor_web::frame::Frame;
use sha2::{Digest, Sha256};

use super::direct::{MOST, warning};
use super::form::{Form, Upload};
use super::visit::Visit;
use crate::directory_table::{COLUMNS, Current, Part, Problem, Step, fold, plan, read, write};
use crate::http::{App, Failure, bad_request, differences, problem, site_change};

/// Pages whose rows are a table, by the key that names them in addresses.
const PAGES: [(&str, Part); 4] =
    [("users", Part::Users), ("stations", Part::Stations), ("groups", Part::Groups), ("roles", Part::Roles)];

/// The page that somebody came from.
fn origin(what: &str) -> &'static str {
    PAGES.iter().find(|(key, _)| *key == what).map_or("users", |(key, _)| key)
}

#[derive(Template)]
#[template(path = "tables.html")]
struct Import {
    frame: Frame,
    tenant: String,
    /// The page to go back to.
    what: &'static str,
    text: String,
    columns: String,
    found: Found,
}

/// What a table comes to.
enum Found {
    /// None was chosen yet.
    Nothing,
    /// Bad lines; how many lines.
    Bad(Vec<Problem>, usize),
    Plan(Box<Preview>),
}

/// What would be done.
struct Preview {
    steps: Vec<Step>,
    /// What the steps are told by: another plan has another.
    digest: String,
    differences: Vec<Difference>,
    warnings: Vec<String>,
    /// Why it can't be done, and the step that it is about.
    refused: Option<(Refused, Option<Step>)>,
    /// Whether something else was looked at before, and was not done because of that.
    changed: bool,
}

pub(crate) async fn ask(visit: Visit) -> Result<Response, Failure> {
    visit.need(Scope::Allocate)?;
    let what = origin(visit.asked.text("what"));
    Ok(page(&import(&visit, what, String::new(), Found::Nothing)))
}

fn import(visit: &Visit, what: &'static str, text: String, found: Found) -> Import {
    Import {
        frame: visit.frame(),
        tenant: visit.tenant.to_string(),
        what,
        text,
        columns: COLUMNS.iter().skip(1).copied().collect::<Vec<_>>().join(", "),
        found,
    }
}

/// Shows every change and every bad line; does nothing.
pub(crate) async fn preview(visit: Visit, upload: Upload) -> Result<Response, Failure> {
    visit.need(Scope::Allocate)?;
    let text = match upload.file.is_empty() {
        true => upload.fields.raw("text").to_owned(),
        false => String::from_utf8(upload.file).map_err(|_| {
            bad_request(format!("`{}` is no text in UTF-8", upload.name))
                .hint("save it as \"CSV UTF-8\" and choose it again")
        })?,
    };
    let what = origin(upload.fields.text("what"));
    bounded(&text)?;
    let planned = planned(&visit, text.clone()).await?;
    shown(&visit, what, text, planned, false).await
}

/// Does what was looked at, all of it or nothing; if it would be something else by now, shows that instead.
pub(crate) async fn carry_out(visit: Visit, Form(form): Form) -> Result<Response, Failure> {
    let by = visit.need(Scope::Allocate)?;
    let (text, what) = (form.raw("text").to_owned(), origin(form.text("what")));
    bounded(&text)?;
    let planned = planned(&visit, text.clone()).await?;
    let as_shown = planned.as_ref().ok().filter(|steps| digest(steps) == form.text("plan"));
    if let Some(steps) = as_shown.filter(|steps| !steps.is_empty() && steps.len() <= MOST) {
        let command = Command::Direct { tenant: visit.tenant.clone(), changes: Arc::new(changes(steps)), by };
        if visit.app.ask(command).await?.is_ok() {
            return Ok(done(&visit.to(&format!("/{what}")), "imported"));
        }
        // What was possible a moment ago is not any more: others were faster.
        let now = self::planned(&visit, text.clone()).await?;
        return shown(&visit, what, text, now, true).await;
    }
    shown(&visit, what, text, planned, true).await
}

/// A table within its bounds.
fn bounded(text: &str) -> Result<(), Failure> {
    if text.trim().is_empty() {
        return Err(bad_request("no table was chosen").hint("choose a file, or paste its lines").into());
    }
    let lines = text.lines().count().saturating_sub(1);
    if lines > limits::TABLE_LINES || text.len() > limits::TABLE {
        let (most, bytes) = (limits::TABLE_LINES, limits::TABLE);
        let text = format!(
            "the table has {lines} lines and {} bytes; {most} lines and {bytes} bytes are the most here",
            text.len()
        );
        return Err(bad_request(text)
            .hint("import it in several parts, or with `grantor import`, which takes any number of lines")
            .into());
    }
    Ok(())
}

/// The steps that make the site what the table says, or its bad lines; worked out off the threads that answer.
async fn planned(visit: &Visit, text: String) -> Result<Result<Vec<Step>, Vec<Problem>>, Failure> {
    let (site, tenant) = (visit.app.consensus.view(), visit.tenant.clone());
    let planned = tokio::task::spawn_blocking(move || {
        let features: BTreeSet<String> =
            site.allocation(&tenant).iter().map(|row| fold(&row.feature)).collect();
        let now = Current::at(&site, &tenant);
        read(&text, &now, &features).map(|wanted| plan(&now, &wanted))
    });
    planned.await.map_err(|_| App::confused())
}

async fn shown(
    visit: &Visit,
    what: &'static str,
    text: String,
    planned: Result<Vec<Step>, Vec<Problem>>,
    changed: bool,
) -> Result<Response, Failure> {
    let steps = match planned {
        Ok(steps) => steps,
        Err(problems) => {
            let lines = problems.iter().map(|problem| problem.line).collect::<BTreeSet<_>>().len();
            return Ok(refused(&import(visit, what, text, Found::Bad(problems, lines))));
        }
    };
    let (site, tenant, at) = (visit.app.consensus.view(), visit.tenant.clone(), visit.app.now());
    let preview = tokio::task::spawn_blocking(move || tried(&site, &tenant, steps, at));
    let preview = Preview { changed, ..preview.await.map_err(|_| App::confused())? };
    let is_good = preview.refused.is_none() && !changed;
    let import = import(visit, what, text, Found::Plan(Box::new(preview)));
    Ok(if is_good { page(&import) } else { refused(&import) })
}

/// What the steps come to, tried on a copy of the site.
fn tried(site: &Arc<Site>, tenant: &Arc<str>, steps: Vec<Step>, at: Timestamp) -> Preview {
    let (mut copy, digest) = (Site::clone(site), digest(&steps));
    let command =
        Command::Direct { tenant: tenant.clone(), changes: Arc::new(changes(&steps)), by: String::new() };
    let (mut warnings, mut refused) = (Vec::new(), None);
    if steps.len() > MOST {
        let text = format!("the table comes to {} changes, and {MOST} are the most at once", steps.len());
        refused =
            Some((bad_request(text).hint("import it in several parts, or with `grantor import`"), None));
    } else if !steps.is_empty() {
        match copy.apply(&Entry { at, command }).reply {
            Ok(Reply::Directed { warnings: all }) => warnings = all.iter().map(warning).collect(),
            Ok(_) => {}
            Err(why) => {
                let problem = problem(why);
                let place = problem.change.map_or(0, |place| place.saturating_sub(1)) as usize;
                refused = Some((problem, steps.get(place).cloned()));
            }
        }
    }
    let differences = if refused.is_none() { differences(site, &copy, tenant) } else { Vec::new() };
    Preview { steps, digest, differences, warnings, refused, changed: false }
}

fn changes(steps: &[Step]) -> Vec<Change> {
    steps.iter().map(|step| site_change(step.change.clone())).collect()
}

fn digest(steps: &[Step]) -> String {
    let changes: Vec<_> = steps.iter().map(|step| &step.change).collect();
    crate::tls::hex(&Sha256::digest(serde_json::to_vec(&changes).unwrap_or_default()))
}

/// What a page shows, all of its pages, as a table that can be imported again.
pub(crate) async fn export(visit: Visit) -> Result<Response, Failure> {
    let what = visit.asked.text("what").to_owned();
    let part = PAGES.iter().find(|(key, _)| *key == what).map_or(Part::All, |(_, part)| *part);
    let (site, tenant, text) =
        (visit.app.consensus.view(), visit.tenant.clone(), fold(visit.asked.text("text")));
    let table = tokio::task::spawn_blocking(move || {
        let mut now = Current::at(&site, &tenant);
        match part {
            Part::Users => now.users.retain(|name, _| name.contains(&text)),
            Part::Stations => now.stations.retain(|name, _| name.contains(&text)),
            Part::Groups => now.groups.retain(|name, _| name.contains(&text)),
            Part::Roles | Part::All => {}
        }
        write(&now, part)
    });
    let table = table.await.map_err(|_| App::confused())?.map_err(|_| App::confused())?;
    let name = if part == Part::All { "site" } else { origin(&what) };
    Ok(download(&format!("{name}.csv"), "text/csv; charset=utf-8", table))
}
