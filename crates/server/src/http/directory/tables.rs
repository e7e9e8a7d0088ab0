//! What can be allocated, who has more than was purchased, who works, what is to be warned of, and which license types
//! disconnect.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use grantor_api::directory::{
    AllocationRow, Beyond, Disconnect, Disconnecting, Method as ApiMethod, Page, Presence, Warning,
};
use grantor_api::limits;
use grantor_site::access::Scope;
use grantor_site::directory::views::AllocationRow as Row;
use grantor_site::directory::{Holder, Method};
use grantor_site::outcome::Held;
use grantor_site::{Command, Site};
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::answer::Failure;
use super::super::auth::Caller;
use super::super::body::{self, Path, Query, required, within};
use super::{App, Part, reads, show};
use crate::clock::instant;

/// The table "License allocation": every access license that was purchased.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/allocation", tag = "directory", params(("tenant" = String, Path)),
    responses((status = 200, body = [AllocationRow]), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn allocation(
    State(app): State<App>,
    caller: Caller,
    Path(tenant): Path<String>,
) -> Result<Json<Vec<AllocationRow>>, Failure> {
    reads(&caller, &tenant)?;
    Ok(Json(app.consensus.view().allocation(&tenant).iter().map(row).collect()))
}

fn row(row: &Row) -> AllocationRow {
    AllocationRow {
        feature: row.feature.to_string(),
        assignable_allowed: row.assignable_allowed,
        assignable_configured: row.assignable_configured,
        assignable_in_use: row.assignable_in_use,
        concurrent_allowed: row.concurrent_allowed,
        concurrent_configured: row.concurrent_configured,
        concurrent_in_use: row.concurrent_in_use,
        notes: notes(row),
    }
}

fn notes(row: &Row) -> String {
    if row.exceeded_by > 0 {
        return format!("{} more are out than were purchased", row.exceeded_by);
    }
    match row.concurrent_allowed {
        Some(allowed) if row.concurrent_configured > allowed => {
            format!(
                "{} more are configured than can be in use at a time",
                row.concurrent_configured - allowed
            )
        }
        _ => String::new(),
    }
}

/// Whom something is to be offered to.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    /// For a station instead of a user.
    #[serde(default)]
    station: bool,
    /// In which way; assignable if left out.
    #[serde(default)]
    #[param(inline)]
    method: ApiMethod,
}

/// The features that can be offered to a user or a station: only those that were purchased, in that way.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/offered", tag = "directory", params(("tenant" = String, Path), Wish),
    responses((status = 200, body = [String]), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn offered(
    State(app): State<App>,
    caller: Caller,
    Path(tenant): Path<String>,
    Query(wish): Query<Wish>,
) -> Result<Json<Vec<String>>, Failure> {
    reads(&caller, &tenant)?;
    let method = match wish.method {
        ApiMethod::Assignable => Method::Assignable,
        ApiMethod::Concurrent => Method::Concurrent,
    };
    let offered = app.consensus.view().offered(&tenant, wish.station, method);
    Ok(Json(offered.iter().map(ToString::to_string).collect()))
}

/// Whom it concerns that more is out than was purchased: those who came last and would not fit, by name; a holder of
/// several features stands there once for each.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/beyond-capacity", tag = "directory", params(("tenant" = String, Path), Part),
    responses((status = 200, body = Page<Beyond>), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn beyond_capacity(
    State(app): State<App>,
    caller: Caller,
    Path(tenant): Path<String>,
    Query(part): Query<Part>,
) -> Result<Json<Page<Beyond>>, Failure> {
    reads(&caller, &tenant)?;
    let site = app.consensus.view();
    let keys = site.index().features.iter().filter(|(key, _)| *key.tenant == *tenant);
    let beyond = keys.flat_map(|(key, known)| {
        let spelled = known.spelled.to_string();
        let site = &site;
        site.beyond_capacity(key).into_iter().map(move |held| beyond_one(site, &spelled, &held))
    });
    // Places are told apart by grant: a page never ends between two lines of the same place.
    let place = |beyond: Beyond| (format!("{} {:020}", beyond.holder, beyond.grant), beyond);
    let page = part.of(beyond.map(place))?;
    Ok(Json(Page { items: page.items.into_iter().map(|(_, beyond)| beyond).collect(), next: page.next }))
}

fn beyond_one(site: &Site, feature: &str, held: &Held) -> Beyond {
    let known = match site.holder_of(held.grant) {
        Some(Holder::User(id) | Holder::LogOn(id)) => site.user(id).map(|user| user.name.to_string()),
        Some(Holder::Station(id)) => site.station(id).map(|station| station.name.to_string()),
        None => None,
    };
    Beyond {
        feature: feature.to_owned(),
        holder: known.unwrap_or_else(|| format!("{}@{}", held.who.user(), held.who.host())),
        count: held.count,
        since: instant(held.since),
        grant: held.grant.0,
    }
}

/// Who works, and where.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/presences", tag = "directory", params(("tenant" = String, Path), Part),
    responses((status = 200, body = Page<Presence>), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn presences(
    State(app): State<App>,
    caller: Caller,
    Path(tenant): Path<String>,
    Query(part): Query<Part>,
) -> Result<Json<Page<Presence>>, Failure> {
    reads(&caller, &tenant)?;
    let site = app.consensus.view();
    let present = site.presences().filter_map(|(id, at)| Some((site.user(id)?, at)));
    let own = present.filter(|(user, _)| *user.tenant == *tenant);
    let page = part.of(own.map(|(user, at)| (user.name.to_string(), at)))?;
    let items = page.items.into_iter().map(|(name, at)| show::presence(&site, &name, at)).collect();
    Ok(Json(Page { items, next: page.next }))
}

/// Users whose licenses do not cover the media of their workgroups, by user; `limit` counts users.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/warnings", tag = "directory", params(("tenant" = String, Path), Part),
    responses((status = 200, body = Page<Warning>), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn warnings(
    State(app): State<App>,
    caller: Caller,
    Path(tenant): Path<String>,
    Query(part): Query<Part>,
) -> Result<Json<Page<Warning>>, Failure> {
    reads(&caller, &tenant)?;
    let site = app.consensus.view();
    let own = site.users().filter(|(_, user)| *user.tenant == *tenant);
    let warned = own.map(|(id, user)| (user.name.to_string(), site.media_warnings(id)));
    let page = part.of(warned.filter(|(_, warnings)| !warnings.is_empty()))?;
    let items = page.items.iter().flat_map(|(_, warnings)| warnings.iter().map(show::warning)).collect();
    Ok(Json(Page { items, next: page.next }))
}

/// The license types under which interactions disconnect at an interval.
#[utoipa::path(get, path = "/v1/admin/disconnects", tag = "administration",
    responses((status = 200, body = [Disconnecting]), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn disconnects(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Vec<Disconnecting>>, Failure> {
    caller.reads()?;
    let site = app.consensus.view();
    let types = site.disconnecting_types();
    let one = |(license_type, minutes): (&str, u32)| Disconnecting {
        license_type: license_type.to_owned(),
        minutes,
    };
    Ok(Json(types.map(one).collect()))
}

/// Sets how often interactions disconnect under a license type, for every tenant.
#[utoipa::path(put, path = "/v1/admin/disconnects/{license_type}", tag = "administration", params(("license_type" = String, Path)), request_body = Disconnect,
    responses((status = 204), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn set_disconnect(
    State(app): State<App>,
    caller: Caller,
    Path(license_type): Path<String>,
    body::Json(body): body::Json<Disconnect>,
) -> Result<StatusCode, Failure> {
    caller.need(Scope::Licenses)?;
    required("license_type", &license_type, limits::NAME)?;
    within("minutes", body.minutes.unwrap_or(0), &(0..=limits::DISCONNECT))?;
    app.propose(Command::SetDisconnect { license_type, minutes: body.minutes }).await?;
    Ok(StatusCode::NO_CONTENT)
}
