//! People: found, invited, changed, certified, their visits ended. On pages whoever does it proved lately who they are; here the
//! token has a scope of its own for it. May make nobody an administrator: those decide on keys, which takes people at a page.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ask::{Body, Path};
use super::list::{PER_PAGE, Rows, rows};
use super::{Caller, Problem, Refused, body};
use crate::http::ask::now;
use crate::http::door::Ticket;
use crate::http::form::Fields;
use crate::http::house::keeps_own;
use crate::http::{Need, Route};
use crate::people::{self, Details, Person};
use crate::rights::{Right, Role};
use crate::{Failure, accounts, certifications, signin};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/people", Need::Token, list),
        Route::post("/api/v1/people", Need::Token, invite),
        Route::get("/api/v1/people/{id}", Need::Token, one),
        Route::post("/api/v1/people/{id}", Need::Token, edit),
        Route::post("/api/v1/people/{id}/certifications", Need::Token, certify),
        Route::post("/api/v1/people/{id}/link", Need::Token, link),
        Route::post("/api/v1/people/{id}/visits/end", Need::Token, end_visits),
        Route::post("/api/v1/people/{id}/visits/{name}/end", Need::Token, end_visit),
    ]
}

/// Somebody.
#[derive(Serialize, ToSchema)]
pub(super) struct Listed {
    id: i64,
    /// What they sign in with.
    mail: String,
    name: String,
    /// `catalogue`, `orders`, `analyst`, `administrator`, `partner`, `customer` or `auditor`.
    roles: Vec<&'static str>,
    /// Whether they may sign in.
    active: bool,
    /// Whether they took their invitation.
    has_password: bool,
    /// Whether they show a code when they sign in.
    has_codes: bool,
    /// Which change of them this is; an edit names it.
    version: i64,
}

fn listed(person: Person) -> Listed {
    let Person { id, mail, name, roles, active, has_password, has_codes, version, account: _ } = person;
    let roles = roles.into_iter().map(Role::word).collect();
    Listed { id, mail, name, roles, active, has_password, has_codes, version }
}

/// A visit that goes on.
#[derive(Serialize, ToSchema)]
pub(super) struct Visit {
    /// What it is called.
    name: String,
    /// In milliseconds since 1970.
    began_at: i64,
    seen_at: i64,
}

/// Somebody, with everything that is known of them.
#[derive(Serialize, ToSchema)]
pub(super) struct Whole {
    #[serde(flatten)]
    person: Listed,
    /// Reference number of their account; null: the publisher's.
    account: Option<String>,
    /// Through which day by product, yyyy-mm-dd.
    certifications: BTreeMap<String, String>,
    visits: Vec<Visit>,
}

async fn whole(caller: &Caller, person: Person) -> Result<Json<Whole>, Problem> {
    let (store, db) = (&caller.app.store, caller.app.store.read());
    let account = match person.account {
        Some(id) => Some(accounts::by_id(db, id).await?.reference),
        None => None,
    };
    let visit = |(began_at, seen_at, hash): (i64, i64, String)| Visit {
        name: signin::visit_name(&hash).to_owned(),
        began_at,
        seen_at,
    };
    Ok(Json(Whole {
        account,
        certifications: certifications::of(db, person.id).await?,
        visits: signin::visits(store, person.id, now()).await?.into_iter().map(visit).collect(),
        person: listed(person),
    }))
}

/// The person of that number, for who may change people.
async fn found(caller: &Caller, id: i64) -> Result<Person, Problem> {
    caller.needs(Right::People)?;
    Ok(people::by_id(caller.app.store.read(), id).await?)
}

/// People with this in their name or mail address, by name.
#[utoipa::path(get, path = "/api/v1/people", params(("text" = Option<String>, Query, description = "A part of name or mail address"), ("page" = Option<u64>, Query, description = "From 0")), responses((status = 200, body = Rows<Listed>), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn list(caller: Caller, asked: Fields) -> Result<Json<Rows<Listed>>, Problem> {
    caller.needs(Right::People)?;
    let store = &caller.app.store;
    let (total, found) = people::search(store, asked.text("text"), asked.page(), PER_PAGE).await?;
    Ok(rows(total, found.into_iter().map(listed).collect()))
}

/// Somebody, with certifications and visits.
#[utoipa::path(get, path = "/api/v1/people/{id}", params(("id" = i64, Path)), responses((status = 200, body = Whole), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn one(caller: Caller, Path(id): Path<i64>) -> Result<Json<Whole>, Problem> {
    let person = found(&caller, id).await?;
    whole(&caller, person).await
}

/// Roles by their words. Nobody becomes an administrator by a program.
fn roles(words: &[String], before: &BTreeSet<Role>) -> Result<BTreeSet<Role>, Failure> {
    let role = |word: &String| {
        Role::parse(word).ok_or_else(|| Failure::field("roles", format!("there is no role `{word}`")))
    };
    let roles: BTreeSet<Role> = words.iter().map(role).collect::<Result<_, _>>()?;
    if roles.contains(&Role::Administrator) && !before.contains(&Role::Administrator) {
        let says = "administrators are made on the page People, by somebody who proves there who they are";
        return Err(Failure::field("roles", says));
    }
    Ok(roles)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InviteBody {
    mail: String,
    name: String,
    /// All but `administrator`.
    roles: Vec<String>,
    /// Reference number; without, they are the publisher's.
    #[serde(default)]
    account: Option<String>,
}

/// Invites somebody: they get a mail with a link to choose a password.
#[utoipa::path(post, path = "/api/v1/people", request_body = InviteBody, responses((status = 201, body = Whole), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn invite(
    caller: Caller,
    asked: Body<InviteBody>,
) -> Result<(StatusCode, Json<Whole>), Problem> {
    caller.needs(Right::People)?;
    let InviteBody { mail, name, roles: words, account } = body(asked)?;
    let details = Details { name, roles: roles(&words, &BTreeSet::new())?, account, active: true };
    let (app, ticket) = (&caller.app, Ticket::new()?);
    let person = signin::invite(&app.store, &mail, &details, &ticket.link(app), caller.by()).await?;
    app.wake.notify_one();
    Ok((StatusCode::CREATED, whole(&caller, person).await?))
}

/// The whole of somebody as they are to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PersonBody {
    name: String,
    /// `administrator` only for who is one.
    roles: Vec<String>,
    /// Reference number; without, they are the publisher's.
    #[serde(default)]
    account: Option<String>,
    /// Whether they may sign in; if not, their visits end at once.
    active: bool,
    /// Which change of them you saw; refused (409) if somebody changed them since.
    version: i64,
}

/// Changes somebody: name, roles, account, and whether they may sign in.
#[utoipa::path(post, path = "/api/v1/people/{id}", params(("id" = i64, Path)), request_body = PersonBody, responses((status = 200, body = Whole), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn edit(
    caller: Caller,
    Path(id): Path<i64>,
    asked: Body<PersonBody>,
) -> Result<Json<Whole>, Problem> {
    let now = found(&caller, id).await?;
    let PersonBody { name, roles: words, account, active, version } = body(asked)?;
    let details = Details { name, roles: roles(&words, &now.roles)?, account, active };
    keeps_own(&caller.person, &now, &details).map_err(Failure::from)?;
    let seen = Person { version, ..now };
    let person = people::edit(&caller.app.store, &seen, &details, caller.by()).await?;
    whole(&caller, person).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CertificationBody {
    /// A catalogue's name.
    product: String,
    /// yyyy-mm-dd; the same product again changes its day.
    last_day: String,
}

/// Enters a certification: through that day they generate files of the product.
#[utoipa::path(post, path = "/api/v1/people/{id}/certifications", params(("id" = i64, Path)), request_body = CertificationBody, responses((status = 200, body = Whole), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn certify(
    caller: Caller,
    Path(id): Path<i64>,
    asked: Body<CertificationBody>,
) -> Result<Json<Whole>, Problem> {
    let person = found(&caller, id).await?;
    let CertificationBody { product, last_day } = body(asked)?;
    certifications::enter(&caller.app.store, &person, &product, &last_day, caller.by()).await?;
    whole(&caller, person).await
}

/// Sends somebody who lost theirs a new link to choose a password.
#[utoipa::path(post, path = "/api/v1/people/{id}/link", params(("id" = i64, Path)), responses((status = 200, body = Whole), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn link(caller: Caller, Path(id): Path<i64>) -> Result<Json<Whole>, Problem> {
    let person = found(&caller, id).await?;
    let app = &caller.app;
    signin::send_link(&app.store, &person, &Ticket::new()?.link(app), caller.by()).await?;
    app.wake.notify_one();
    whole(&caller, person).await
}

async fn end(caller: &Caller, id: i64, name: Option<&str>) -> Result<Json<Whole>, Problem> {
    let person = found(caller, id).await?;
    signin::end_visits(&caller.app.store, &person, name, "", caller.by()).await?;
    whole(caller, person).await
}

/// Ends all visits of somebody: they sign in anew.
#[utoipa::path(post, path = "/api/v1/people/{id}/visits/end", params(("id" = i64, Path)), responses((status = 200, body = Whole), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn end_visits(caller: Caller, Path(id): Path<i64>) -> Result<Json<Whole>, Problem> {
    end(&caller, id, None).await
}

/// Ends one visit of somebody.
#[utoipa::path(post, path = "/api/v1/people/{id}/visits/{name}/end", params(("id" = i64, Path), ("name" = String, Path)), responses((status = 200, body = Whole), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn end_visit(
    caller: Caller,
    Path((id, name)): Path<(i64, String)>,
) -> Result<Json<Whole>, Problem> {
    end(&caller, id, Some(&name)).await
}
