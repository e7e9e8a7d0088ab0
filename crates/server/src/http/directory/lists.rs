//! Lists of users, stations, groups, members and roles, page by page, and each of them alone.

use axum::Json;
use axum::extract::State;
use grantor_api::directory::{Group, Page, Role, Station, User};
use grantor_site::Refusal;
use grantor_site::directory::Named;

use super::super::answer::Failure;
use super::super::auth::Caller;
use super::super::body::{Path, Query};
use super::{App, Part, cut, reads, show};

fn nobody(what: Named, name: &str) -> Failure {
    Refusal::NoSuchName { what, name: name.into() }.into()
}

/// A tenant's users.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/users", tag = "directory", params(("tenant" = String, Path), Part),
    responses((status = 200, body = Page<User>), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn users(
    State(app): State<App>,
    caller: Caller,
    Path(tenant): Path<String>,
    Query(part): Query<Part>,
) -> Result<Json<Page<User>>, Failure> {
    reads(&caller, &tenant)?;
    let (site, limit) = (app.consensus.view(), part.bounded()?);
    let found = site.find_users(&tenant, &part.search, &part.after, limit + 1);
    let users = found.into_iter().filter_map(|id| Some(show::user(&site, id, site.user(id)?)));
    Ok(Json(cut(users.collect(), limit, |user| &user.name)))
}

/// One user.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/users/{user}", tag = "directory", params(("tenant" = String, Path), ("user" = String, Path)),
    responses((status = 200, body = User), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn user(
    State(app): State<App>,
    caller: Caller,
    Path((tenant, name)): Path<(String, String)>,
) -> Result<Json<User>, Failure> {
    reads(&caller, &tenant)?;
    let site = app.consensus.view();
    let (id, user) = site.user_named(&tenant, &name).ok_or_else(|| nobody(Named::User, &name))?;
    Ok(Json(show::user(&site, id, user)))
}

/// A tenant's stations.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/stations", tag = "directory", params(("tenant" = String, Path), Part),
    responses((status = 200, body = Page<Station>), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn stations(
    State(app): State<App>,
    caller: Caller,
    Path(tenant): Path<String>,
    Query(part): Query<Part>,
) -> Result<Json<Page<Station>>, Failure> {
    reads(&caller, &tenant)?;
    let (site, limit) = (app.consensus.view(), part.bounded()?);
    let found = site.find_stations(&tenant, &part.search, &part.after, limit + 1);
    let stations = found.into_iter().filter_map(|id| Some(show::station(&site, site.station(id)?)));
    Ok(Json(cut(stations.collect(), limit, |station| &station.name)))
}

/// One station.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/stations/{station}", tag = "directory", params(("tenant" = String, Path), ("station" = String, Path)),
    responses((status = 200, body = Station), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn station(
    State(app): State<App>,
    caller: Caller,
    Path((tenant, name)): Path<(String, String)>,
) -> Result<Json<Station>, Failure> {
    reads(&caller, &tenant)?;
    let site = app.consensus.view();
    let (_, station) = site.station_named(&tenant, &name).ok_or_else(|| nobody(Named::Station, &name))?;
    Ok(Json(show::station(&site, station)))
}

/// A tenant's groups and workgroups.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/groups", tag = "directory", params(("tenant" = String, Path), Part),
    responses((status = 200, body = Page<Group>), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn groups(
    State(app): State<App>,
    caller: Caller,
    Path(tenant): Path<String>,
    Query(part): Query<Part>,
) -> Result<Json<Page<Group>>, Failure> {
    reads(&caller, &tenant)?;
    let site = app.consensus.view();
    let own = site.groups().filter(|(_, group)| *group.tenant == *tenant);
    let page = part.of(own.map(|(id, group)| (group.name.to_string(), (id, group))))?;
    let items = page.items.into_iter().map(|(_, (id, group))| show::group(&site, id, group)).collect();
    Ok(Json(Page { items, next: page.next }))
}

/// One group or workgroup.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/groups/{group}", tag = "directory", params(("tenant" = String, Path), ("group" = String, Path)),
    responses((status = 200, body = Group), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn group(
    State(app): State<App>,
    caller: Caller,
    Path((tenant, name)): Path<(String, String)>,
) -> Result<Json<Group>, Failure> {
    reads(&caller, &tenant)?;
    let site = app.consensus.view();
    let (id, group) = site.group_named(&tenant, &name).ok_or_else(|| nobody(Named::Group, &name))?;
    Ok(Json(show::group(&site, id, group)))
}

/// The names of a group's members.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/groups/{group}/members", tag = "directory", params(("tenant" = String, Path), ("group" = String, Path), Part),
    responses((status = 200, body = Page<String>), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn members(
    State(app): State<App>,
    caller: Caller,
    Path((tenant, name)): Path<(String, String)>,
    Query(part): Query<Part>,
) -> Result<Json<Page<String>>, Failure> {
    reads(&caller, &tenant)?;
    let site = app.consensus.view();
    let (_, group) = site.group_named(&tenant, &name).ok_or_else(|| nobody(Named::Group, &name))?;
    let members = group.members().filter_map(|id| site.user(id));
    let page = part.of(members.map(|user| (user.name.to_string(), ())))?;
    Ok(Json(Page { items: page.items.into_iter().map(|(name, ())| name).collect(), next: page.next }))
}

/// A tenant's roles.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/roles", tag = "directory", params(("tenant" = String, Path), Part),
    responses((status = 200, body = Page<Role>), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn roles(
    State(app): State<App>,
    caller: Caller,
    Path(tenant): Path<String>,
    Query(part): Query<Part>,
) -> Result<Json<Page<Role>>, Failure> {
    reads(&caller, &tenant)?;
    let site = app.consensus.view();
    let own = site.roles().filter(|(_, role)| *role.tenant == *tenant);
    let page = part.of(own.map(|(_, role)| (role.name.to_string(), role)))?;
    let role = |(name, role): (String, &grantor_site::directory::Role)| {
        let application = role.application.as_deref().map(|feature| show::spelled(&site, &tenant, feature));
        Role { name, application }
    };
    Ok(Json(Page { items: page.items.into_iter().map(role).collect(), next: page.next }))
}
