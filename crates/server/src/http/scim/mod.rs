//! `/scim/v2/{tenant}/…`: identity providers keep the users and groups of a tenant's directory (RFC 7643 and 7644). A
//! translation: everything is done by the same changes as the API's, all of a request's or none, and the site alone decides
//! what is refused. It describes itself (`Schemas`, `ResourceTypes`), so it is not in the API's description.

mod answer;
mod crew;
mod filter;
mod groups;
mod json;
mod patch;
mod person;
mod schema;
mod shown;
mod users;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, Query as UriQuery, Request, State};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, header};
use axum::response::{IntoResponse, Response};
use grantor_api::limits;
use grantor_site::access::Scope;
use grantor_site::directory::Change;
use grantor_site::{Command, Refusal, Site};
use serde_json::{Map, Value};

use super::App;
use super::answer::Failure;
use super::auth::Caller;
use super::body::{self, Path, required};
use answer::{Fault, Kind};
use shown::{Query, Shown};

/// How often a change is worked out anew when others change the same thing meanwhile.
const TRIES: usize = 8;

/// A request that may be answered.
struct Call {
    app: App,
    tenant: Arc<str>,
    /// Whose token it is, for the log.
    by: String,
    /// What every place of a resource begins with.
    base: String,
    query: Query,
    shown: Shown,
    headers: HeaderMap,
}

/// Answers everything below `/scim/v2/{tenant}/`.
pub(super) async fn serve(
    State(app): State<App>,
    path: Result<Path<(String, String)>, Failure>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let answered = match path {
        Ok(Path((tenant, rest))) => answered(app, tenant, &rest, parts, body).await,
        Err(failure) => Err(failure.into()),
    };
    answered.unwrap_or_else(IntoResponse::into_response)
}

async fn answered(
    app: App,
    tenant: String,
    rest: &str,
    mut parts: Parts,
    body: Body,
) -> Result<Response, Fault> {
    let caller = Caller::from_request_parts(&mut parts, &app).await?;
    let by = caller.need_for(Scope::Allocate, &tenant)?;
    required("tenant", &tenant, limits::NAME)?;
    let UriQuery(query): UriQuery<Query> = UriQuery::try_from_uri(&parts.uri)
        .map_err(|error| Fault::bad(Kind::InvalidValue, format!("query: {error}")))?;
    let (base, shown) = (base(&app, &parts), Shown::of(&query));
    let call = Call { app, tenant: tenant.into(), by, base, query, shown, headers: parts.headers };
    let (place, id) = match rest.trim_end_matches('/').split_once('/') {
        Some((place, id)) => (place, Some(id)),
        None => (rest.trim_end_matches('/'), None),
    };
    match place {
        "Users" => users::answer(&call, &parts.method, id, body).await,
        "Groups" => groups::answer(&call, &parts.method, id, body).await,
        _ => described(&call, &parts.method, place, id),
    }
}

/// What the server says of itself.
fn described(call: &Call, method: &Method, place: &str, id: Option<&str>) -> Result<Response, Fault> {
    let all = match (place, id) {
        ("ServiceProviderConfig", None) => vec![schema::abilities(&call.base)],
        ("ResourceTypes", _) => schema::kinds(&call.base),
        ("Schemas", _) => schema::schemas(&call.base),
        ("Me" | "Bulk" | ".search", _) => {
            return Err(Fault::new(
                501,
                format!("this server has no `{place}`; ServiceProviderConfig says what it has"),
            ));
        }
        _ => {
            return Err(Fault::new(
                404,
                "there is Users, Groups, ServiceProviderConfig, ResourceTypes and Schemas",
            ));
        }
    };
    if method != Method::GET {
        return Err(no_such_method(method));
    }
    match id {
        None if place == "ServiceProviderConfig" => Ok(answer::answer(200, &all[0])),
        None => Ok(answer::list(all.len(), 1, all)),
        Some(id) => {
            let one = all.iter().find(|one| one["id"] == id).ok_or_else(|| Fault::no_such(place, id))?;
            Ok(answer::answer(200, one))
        }
    }
}

fn no_such_method(method: &Method) -> Fault {
    Fault::new(405, format!("{method} is not possible here"))
}

/// The part that all places of this tenant's resources have in common: by the name under which the client reaches the
/// server, or the server's own where a request was passed on.
fn base(app: &App, parts: &Parts) -> String {
    let named = parts.uri.authority().cloned().or_else(|| {
        let host = parts.headers.get(header::HOST)?.to_str().ok()?;
        host.parse::<Authority>().ok()
    });
    let host = named.map_or_else(|| app.cluster.me.address.clone(), |host| host.to_string());
    let tenant = parts.uri.path().split('/').nth(3).unwrap_or_default();
    format!("https://{host}/scim/v2/{tenant}")
}

/// A resource's version as a header has it.
fn etag(version: u64) -> String {
    format!("W/\"{version:016x}\"")
}

impl Call {
    /// The body as an object of at most `most` bytes.
    async fn object(&self, body: Body, most: usize) -> Result<Map<String, Value>, Fault> {
        let bytes = body::read(body, most, self.app.body_time()).await?;
        json::object(&bytes)
    }

    /// Refuses what was sent for another version of the resource (`If-Match`).
    fn expects(&self, version: Option<u64>) -> Result<(), Fault> {
        let Some(wanted) = self.headers.get(header::IF_MATCH) else { return Ok(()) };
        let now = version.map(etag).unwrap_or_default();
        let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        let wanted = wanted.to_str().unwrap_or_default();
        match wanted.split(',').any(|tag| tag.trim() == "*" || bare(tag) == bare(&now)) {
            true => Ok(()),
            false => Err(Fault::new(412, format!("the resource has the version {now} by now; get it again"))),
        }
    }

    /// Has changes carried out that are worked out from the site as it is, all of them or none; works them out anew when
    /// what they were worked out from changed meanwhile. Gives the site with them.
    async fn write(&self, plan: impl Fn(&Site) -> Result<Vec<Change>, Fault>) -> Result<Arc<Site>, Fault> {
        for _ in 0..TRIES {
            let site = self.app.consensus.view();
            let changes = plan(&site)?;
            let is_nothing =
                changes.iter().all(|of| matches!(of, Change::ExpectUser { .. } | Change::ExpectGroup { .. }));
            if is_nothing {
                return Ok(site);
            }
            let (tenant, by) = (self.tenant.clone(), self.by.clone());
            let reply = self.app.ask(Command::Direct { tenant, changes: Arc::new(changes), by }).await?;
            match reply {
                Ok(_) => return Ok(self.app.consensus.view()),
                Err(refusal) if changed_meanwhile(&refusal) => {}
                Err(refusal) => return Err(refusal.into()),
            }
        }
        Err(Fault::new(503, "others change the same resource all the time; try again in a second"))
    }
}

fn changed_meanwhile(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::InBatch { why, .. } => changed_meanwhile(why),
        refusal => matches!(refusal, Refusal::ChangedMeanwhile { .. }),
    }
}

/// The number in a resource's id.
fn number(id: &str) -> Option<u32> {
    id.parse().ok().filter(|number: &u32| number.to_string() == id)
}
