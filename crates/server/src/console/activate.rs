//! Activation by files: a request for the publisher's portal, and the file that comes back. The portal knows what to do with
//! it; here it is only written down.

use std::collections::BTreeMap;

use askama::Template;
use axum::response::Response;
use grantor_site::access::Scope;
use grantor_web::answer::{download, page};
use grantor_web::frame::Frame;
use serde_json::{Value, json};

use super::form::Form;
use super::licenses::registration_key;
use super::visit::Visit;
use crate::hostid;
use crate::http::{Failure, required};

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
}

pub(crate) async fn ask(visit: Visit) -> Result<Response, Failure> {
    visit.need(Scope::Licenses)?;
    let site = visit.app.consensus.view();
    let today = visit.app.rules().loader.today(visit.app.now());
    let files = site.files().filter(|file| file.tenant == visit.tenant);
    let inactive = files.flat_map(|file| &file.licenses);
    let inactive = inactive.filter(|license| crate::loader::state_name(license, today) == "NOT_ACTIVATED");
    Ok(page(&Page {
        frame: visit.frame(),
        tenant: visit.tenant.to_string(),
        key: registration_key(&visit),
        host_ids: host_ids(),
        waiting: inactive.map(|license| license.lrn.clone()).collect(),
    }))
}

/// What licenses may be locked to here, as `grantor hostid` shows it.
fn host_ids() -> Vec<String> {
    hostid::machine().ethernet.iter().map(|address| crate::tls::hex(address)).collect()
}

/// The request file that the portal's page Activate takes.
pub(crate) async fn request(visit: Visit, Form(form): Form) -> Result<Response, Failure> {
    visit.need(Scope::Licenses)?;
    let lrn = form.text("lrn");
    required("lrn", lrn, LRN)?;
    let mut asked = json!({
        "lrn": lrn,
        "registration_key": registration_key(&visit),
        "host_id": form.text("host_id"),
        "machine": visit.app.host,
    });
    if let Some(loaded) = loaded(&visit) {
        asked["loaded"] = loaded;
    }
    let text = serde_json::to_string_pretty(&asked).unwrap_or_default();
    Ok(download(&format!("activation-{lrn}.json"), "application/json", format!("{text}\n")))
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
