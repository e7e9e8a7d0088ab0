//! `/v1/admin/people`: who administers the site, and what each may do. Only administrators for all tenants have it.

use axum::extract::State;
use axum::http::StatusCode;
use grantor_api::limits;
use grantor_api::people::{
    ChangedPerson, Invitation, NewPerson, PersonInfo, Post as ApiPost, Role as ApiRole, VisitInfo,
};
use grantor_site::Command;
use grantor_site::access::{Access, Scope};
use grantor_site::people::{self, Means, Person, PersonChange, Post, Role, Visit, Which};

use super::App;
use super::answer::Failure;
use super::auth::Caller;
use super::body::{Json, Path, name, required};
use crate::clock::instant;
use crate::signin;

fn to_site(post: &ApiPost) -> Result<Post, Failure> {
    let role = match post.role {
        ApiRole::Administrator => Role::Administrator,
        ApiRole::ManageLicenses => Role::ManageLicenses,
        ApiRole::Allocate => Role::Allocate,
        ApiRole::Release => Role::Release,
        ApiRole::Read => Role::Read,
    };
    if let Some(tenant) = &post.tenant {
        required("tenant", tenant, limits::NAME)?;
    }
    Ok(Post { role, tenant: post.tenant.as_deref().map(Into::into) })
}

fn to_api(post: &Post) -> ApiPost {
    let role = match post.role {
        Role::Administrator => ApiRole::Administrator,
        Role::ManageLicenses => ApiRole::ManageLicenses,
        Role::Allocate => ApiRole::Allocate,
        Role::Release => ApiRole::Release,
        Role::Read => ApiRole::Read,
    };
    ApiPost { role, tenant: post.tenant.as_deref().map(str::to_owned) }
}

/// How a visit began, in words.
pub(crate) fn means(means: &Means) -> String {
    match means {
        Means::Password => "password".to_owned(),
        Means::PasswordAndCode => "password and code".to_owned(),
        Means::PasswordAndSpare => "password and spare code".to_owned(),
        Means::Passkey { name } => format!("passkey `{name}`"),
        Means::Elsewhere { issuer } => format!("account at {issuer}"),
        Means::Invitation => "invitation".to_owned(),
    }
}

fn visit(visit: &Visit) -> VisitInfo {
    VisitInfo {
        since: instant(visit.since),
        until: instant(visit.until),
        means: means(&visit.means),
        from: visit.from.to_string(),
    }
}

fn show(app: &App, access: &Access, person: &Person) -> PersonInfo {
    let now = app.now();
    PersonInfo {
        name: person.name.clone(),
        display_name: person.called().to_owned(),
        roles: person.posts.iter().map(to_api).collect(),
        since: instant(person.since),
        has_password: person.password.is_some(),
        has_codes: person.codes.is_some(),
        passkeys: person.passkeys.len() as u32,
        accounts: person.accounts.iter().map(|account| account.issuer.clone()).collect(),
        invited_until: person.invitation.filter(|(_, until)| now < *until).map(|(_, until)| instant(until)),
        visits: access.visits(&person.name, now).map(|(_, one)| visit(one)).collect(),
    }
}

/// Everybody who administers the site.
#[utoipa::path(get, path = "/v1/admin/people", tag = "administration", responses((status = 200, body = [PersonInfo]), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
) -> Result<axum::Json<Vec<PersonInfo>>, Failure> {
    caller.need(Scope::Admin)?;
    let site = app.consensus.view();
    let all = site.access().everybody().map(|person| show(&app, site.access(), &person));
    Ok(axum::Json(all.collect()))
}

/// Lets somebody in: the answer has the invitation, shown this once, by which the person chooses a password.
#[utoipa::path(post, path = "/v1/admin/people", tag = "administration", request_body = NewPerson,
    responses((status = 201, body = Invitation), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn add(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<NewPerson>,
) -> Result<(StatusCode, axum::Json<Invitation>), Failure> {
    let by = caller.need(Scope::Admin)?;
    let posts = body.roles.iter().map(to_site).collect::<Result<_, _>>()?;
    let given = invite(&app, (&body.name, &body.display_name), posts, by).await?;
    Ok((StatusCode::CREATED, axum::Json(given)))
}

/// The same for those who have read the request themselves.
pub(crate) async fn invite(
    app: &App,
    (person, display): (&str, &str),
    posts: Vec<Post>,
    by: String,
) -> Result<Invitation, Failure> {
    required("name", person, limits::NAME)?;
    name("display_name", display, limits::NAME)?;
    let (invitation, until, given) = signin::invitation(app, person.trim())?;
    let (name, display) = (person.trim().to_owned(), display.trim().to_owned());
    let new = people::NewPerson { name, display, posts, invitation, until };
    app.propose(Command::AddPerson { new, by }).await?;
    Ok(given)
}

/// Changes what somebody is called or may do. Other roles end the person's visits; who is no administrator any more loses the
/// access tokens that they made, too.
#[utoipa::path(put, path = "/v1/admin/people/{person}", tag = "administration", params(("person" = String, Path)), request_body = ChangedPerson,
    responses((status = 204), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(person): Path<String>,
    Json(body): Json<ChangedPerson>,
) -> Result<StatusCode, Failure> {
    let by = caller.need(Scope::Admin)?;
    let posts =
        body.roles.map(|roles| roles.iter().map(to_site).collect::<Result<Vec<_>, _>>()).transpose()?;
    changed(&app, &person, body.display_name.as_deref(), posts, &by).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The same for those who have read the request themselves. What stays as it is ends no visit.
pub(crate) async fn changed(
    app: &App,
    person: &str,
    display: Option<&str>,
    posts: Option<Vec<Post>>,
    by: &str,
) -> Result<(), Failure> {
    let before = app.person(person)?;
    name("display_name", display.unwrap_or_default(), limits::NAME)?;
    if let Some(mut posts) = posts {
        posts.sort();
        posts.dedup();
        if posts != before.posts {
            app.change_person(person, PersonChange::Posts(posts), by).await?;
        }
    }
    if let Some(display) = display.map(str::trim).filter(|display| *display != before.display) {
        app.change_person(person, PersonChange::Display(display.to_owned()), by).await?;
    }
    Ok(())
}

/// Locks somebody out: the person's visits end, and so do the access tokens that the person made.
#[utoipa::path(delete, path = "/v1/admin/people/{person}", tag = "administration", params(("person" = String, Path)),
    responses((status = 204), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Failure> {
    let by = caller.need(Scope::Admin)?;
    app.propose(Command::RemovePerson { name, by }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes away everything that signs somebody in, and gives a new invitation. The person's visits end.
#[utoipa::path(post, path = "/v1/admin/people/{person}/reset", tag = "administration", params(("person" = String, Path)),
    responses((status = 201, body = Invitation), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn reset(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<(StatusCode, axum::Json<Invitation>), Failure> {
    let by = caller.need(Scope::Admin)?;
    Ok((StatusCode::CREATED, axum::Json(signin::reset(&app, &name, &by).await?)))
}

/// Ends every visit of somebody.
#[utoipa::path(delete, path = "/v1/admin/people/{person}/visits", tag = "administration", params(("person" = String, Path)),
    responses((status = 204), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn end_visits(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Failure> {
    let by = caller.need(Scope::Admin)?;
    let name = app.person(&name)?.name;
    signin::sign_out(&app, &name, Which::All, &by).await?;
    Ok(StatusCode::NO_CONTENT)
}
