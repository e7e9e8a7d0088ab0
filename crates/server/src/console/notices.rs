//! What those who look after licenses were told, and whether it arrived.

use askama::Template;
use axum::response::Response;
use grantor_api::admin::Notice;
use grantor_site::Command;
use grantor_site::access::Scope;
use grantor_web::answer::{done, page};
use grantor_web::frame::Frame;

use super::visit::Visit;
use crate::http::{Failure, notices};

#[derive(Template)]
#[template(path = "notices.html")]
struct Page {
    frame: Frame,
    rows: Vec<Notice>,
    /// Where notices go, in words.
    ways: Vec<String>,
    may: bool,
    tenant: String,
    is_admin: bool,
}

pub(crate) async fn show(visit: Visit) -> Response {
    let site = visit.app.consensus.view();
    let own = (!visit.may_everywhere(Scope::Read)).then(|| vec![visit.tenant.clone()]);
    let rules = visit.app.rules().channels.setting.rules();
    let plan = rules.tenants.get(&visit.tenant).unwrap_or(&rules.plan);
    page(&Page {
        frame: visit.frame(),
        rows: notices::latest(&visit.app, &site, own.as_deref()),
        ways: plan.channels.iter().map(ToString::to_string).collect(),
        may: visit.may(Scope::Licenses),
        tenant: visit.tenant.to_string(),
        is_admin: visit.may_everywhere(Scope::Admin),
    })
}

pub(crate) async fn try_out(visit: Visit) -> Result<Response, Failure> {
    let by = visit.need(Scope::Licenses)?;
    visit.app.propose(Command::TryNotices { tenant: visit.tenant.clone(), by }).await?;
    Ok(done(&visit.to("/notices"), "sent"))
}
