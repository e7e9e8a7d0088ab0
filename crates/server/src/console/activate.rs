//! Activation by files: a request for the publisher's portal, and the file that comes back. The portal knows what to do with
//! it; here it is only written down.

use askama::Template;
use axum::response::Response;
use grantor_site::access::Scope;
use grantor_web::answer::{download, page};
use grantor_web::frame::Frame;
use serde_json::json;

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
    let asked = json!({
        "lrn": lrn,
        "registration_key": registration_key(&visit),
        "host_id": form.text("host_id"),
        "machine": visit.app.host,
    });
    let text = serde_json::to_string_pretty(&asked).unwrap_or_default();
    Ok(download(&format!("activation-{lrn}.json"), "application/json", format!("{text}\n")))
}
