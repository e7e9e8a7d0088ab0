//! Activation: asked of the publisher's portal at once where the configuration names it, or by files, a request for the portal and
//! the license file that comes back. Either way the next page shows what the file changes before it is loaded.

use std::collections::BTreeMap;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use grantor_api::Problem;
use grantor_site::access::Scope;
use grantor_web::answer::{download, page};
use grantor_web::form::Fields;
use grantor_web::frame::Frame;
use serde_json::{Value, json};

use super::form::Form;
use super::licenses::{self, registration_key};
use super::visit::Visit;
use crate::hostid;
use crate::http::{App, Failure, required};

/// Longest number of an order.
const LRN: usize = 64;

#[derive(Template)]
#[template(path = "activate.html")]
struct Page {
    frame: Frame,
    tenant: String,
    key: String,
    host_ids: Vec<String>,
    waiting: Vec<String>,
    /// The portal's address, if it can be asked from here.
    portal: Option<String>,
    lrn: String,
    wrong: Option<Problem>,
}

pub(crate) async fn ask(visit: Visit) -> Result<Response, Failure> {
    visit.need(Scope::Licenses)?;
    Ok(page(&shown(&visit, "", None)))
}

/// Asks the portal, and shows what its file would change.
pub(crate) async fn online(visit: Visit, Form(form): Form) -> Result<Response, Failure> {
    visit.need(Scope::Licenses)?;
    let asked = asked(&visit, &form)?;
    let rules = visit.app.rules();
    let answer =
        tokio::task::spawn_blocking(move || rules.portal.as_ref().map(|portal| portal.activate(&asked)));
    let lrn = form.text("lrn");
    match answer.await.map_err(|_| App::confused())? {
        Some(Ok(text)) => {
            let name = licenses::name_for(&visit, &text).unwrap_or_else(|| format!("{lrn}.lic"));
            licenses::previewed(&visit, &name, text, "")
        }
        Some(Err(problem)) => {
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&shown(&visit, lrn, Some(problem)))).into_response())
        }
        None => Ok(page(&shown(&visit, lrn, None))),
    }
}

fn shown(visit: &Visit, lrn: &str, wrong: Option<Problem>) -> Page {
    let site = visit.app.consensus.view();
    let today = visit.app.rules().loader.today(visit.app.now());
    let files = site.files().filter(|file| file.tenant == visit.tenant);
    let inactive = files.flat_map(|file| &file.licenses);
    let inactive = inactive.filter(|license| crate::loader::state_name(license, today) == "NOT_ACTIVATED");
    Page {
        frame: visit.frame(),
        tenant: visit.tenant.to_string(),
        key: registration_key(visit),
        host_ids: host_ids(),
        waiting: inactive.map(|license| license.lrn.clone()).collect(),
        portal: visit.app.rules().portal.as_ref().map(|portal| portal.address.clone()),
        lrn: lrn.to_owned(),
        wrong,
    }
}

/// What licenses may be locked to here, as `grantor hostid` shows it.
fn host_ids() -> Vec<String> {
    hostid::machine().ethernet.iter().map(|address| crate::tls::hex(address)).collect()
}

/// The request file that the portal's page Activate takes.
pub(crate) async fn request(visit: Visit, Form(form): Form) -> Result<Response, Failure> {
    visit.need(Scope::Licenses)?;
    let text = serde_json::to_string_pretty(&asked(&visit, &form)?).unwrap_or_default();
    let name = format!("activation-{}.json", form.text("lrn"));
    Ok(download(&name, "application/json", format!("{text}\n")))
}

/// What the portal is asked.
fn asked(visit: &Visit, form: &Fields) -> Result<Value, Failure> {
    let lrn = form.text("lrn");
    required("lrn", lrn, LRN)?;
    let mut asked = json!({
        "lrn": lrn,
        "registration_key": registration_key(visit),
        "host_id": form.text("host_id"),
        "machine": visit.app.host,
    });
    if let Some(loaded) = loaded(visit) {
        asked["loaded"] = loaded;
    }
    Ok(asked)
}

/// What the installation has loaded, for the portal to see what of it does not count any more. Where other tenants have files of
/// their own, nothing is said: theirs are nobody else's business.
fn loaded(visit: &Visit) -> Option<Value> {
    let site = visit.app.consensus.view();
    if site.files().any(|file| file.tenant != visit.tenant) {
        return None;
    }
    let mut loaded: BTreeMap<String, (String, u32)> = BTreeMap::new();
    for file in site.files() {
        let document = grantor_license::parse(&file.name, file.text.as_bytes()).document;
        for statement in document.statements() {
            let grantor_license::Body::License(line) = &statement.body else { continue };
            let latest = loaded.entry(line.serial.clone()).or_default();
            if !line.serial.is_empty() && latest.1 < line.generation {
                *latest = (line.lrn.clone(), line.generation);
            }
        }
    }
    loaded.retain(|_, (_, generation)| *generation > 0);
    let one = |(serial, (lrn, generation)): (String, (String, u32))| json!({ "lrn": lrn, "serial": serial, "generation": generation });
    Some(loaded.into_iter().map(one).collect())
}
