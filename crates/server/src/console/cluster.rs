//! The servers: who leads, how far each has got, its disk and clock; letting one in, taking one out, handing the lead over.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use grantor_api::cluster::{Cluster, Member, NewJoinToken, Transfer};
use grantor_site::access::Scope;
use grantor_web::answer::{done, page};
use grantor_web::frame::Frame;

use super::form::Form;
use super::visit::Visit;
use crate::http::{Failure, cluster as servers, describe};

#[derive(Template)]
#[template(path = "cluster.html")]
struct Page {
    frame: Frame,
    cluster: Cluster,
    may: bool,
    token: Option<String>,
}

impl Page {
    async fn of(visit: &Visit, token: Option<String>) -> Self {
        let cluster = describe(&visit.app).await;
        Self { frame: visit.frame(), cluster, may: visit.caller.need(Scope::Admin).is_ok(), token }
    }

    fn may_lead(&self, member: &Member) -> bool {
        member.own.is_some() && self.cluster.leader != Some(member.server)
    }

    /// Entries that a server has still to apply.
    fn lag(&self, member: &Member) -> u64 {
        let most =
            self.cluster.servers.iter().filter_map(|one| one.own.as_ref()).map(|own| own.applied).max();
        most.unwrap_or(0).saturating_sub(member.own.as_ref().map_or(0, |own| own.applied))
    }
}

pub(crate) async fn show(visit: Visit) -> Result<Response, Failure> {
    visit.caller.need(Scope::Read)?;
    Ok(page(&Page::of(&visit, None).await))
}

/// Shows a join token, this once.
pub(crate) async fn join(visit: Visit, Form(form): Form) -> Result<Response, Failure> {
    let wanted = NewJoinToken { backup: form.has("backup") };
    let made =
        servers::new_token(State(visit.app.clone()), visit.caller.clone(), crate::http::Json(wanted)).await?;
    Ok(page(&Page::of(&visit, Some(made.1.0.token)).await))
}

pub(crate) async fn transfer(visit: Visit, Path(to): Path<u64>) -> Result<Response, Failure> {
    let wanted = Transfer { to: Some(to) };
    let caller = visit.caller.clone();
    servers::transfer(State(visit.app.clone()), caller, crate::http::Json(wanted)).await?;
    Ok(done("/cluster", "saved"))
}

pub(crate) async fn remove(visit: Visit, Path(server): Path<u64>) -> Result<Response, Failure> {
    let caller = visit.caller.clone();
    servers::remove(State(visit.app.clone()), caller, crate::http::Path(server.to_string())).await?;
    Ok(done("/cluster", "removed"))
}
