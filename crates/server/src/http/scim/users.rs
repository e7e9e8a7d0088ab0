//! Users by SCIM: found, shown, made, changed and deleted.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Method;
use axum::response::Response;
use grantor_api::limits;
use grantor_site::Site;
use grantor_site::directory::{Change, User};
use grantor_site::ids::UserId;
use serde_json::{Map, Value};

use super::answer::{self, Fault};
use super::filter::Filter;
use super::person::{Listed, Person};
use super::shown::Part;
use super::{App, Call, no_such_method, number, patch};

pub(super) async fn answer(
    call: &Call,
    method: &Method,
    id: Option<&str>,
    body: Body,
) -> Result<Response, Fault> {
    match (method, id) {
        (&Method::GET, None) => list(call).await,
        (&Method::POST, None) => create(call, &call.object(body, limits::BODY).await?).await,
        (&Method::GET, Some(id)) => show(call, &call.app.consensus.view(), 200, id),
        (&Method::PUT, Some(id)) => replace(call, id, &call.object(body, limits::BODY).await?).await,
        (&Method::PATCH, Some(id)) => change(call, id, &call.object(body, limits::BODY).await?).await,
        (&Method::DELETE, Some(id)) => remove(call, id).await,
        _ => Err(no_such_method(method)),
    }
}

/// The user of an id, if it is this tenant's.
pub(super) fn found<'a>(site: &'a Site, tenant: &str, id: &str) -> Option<(UserId, &'a User)> {
    let id = UserId(number(id)?);
    Some((id, site.user(id).filter(|user| *user.tenant == *tenant)?))
}

fn needed<'a>(call: &Call, site: &'a Site, id: &str) -> Result<(UserId, &'a User), Fault> {
    found(site, &call.tenant, id).ok_or_else(|| Fault::no_such("user", id))
}

fn show(call: &Call, site: &Site, status: u16, id: &str) -> Result<Response, Fault> {
    let (id, user) = needed(call, site, id)?;
    Ok(answer::resource(status, &Listed::new(site, id, user).show(&call.base, &call.shown)))
}

async fn list(call: &Call) -> Result<Response, Fault> {
    let (part, site) = (Part::of(&call.query)?, call.app.consensus.view());
    let (tenant, base, shown) = (call.tenant.clone(), call.base.clone(), call.shown.clone());
    let listed = tokio::task::spawn_blocking(move || {
        let found = matching(&site, &tenant, part.filter.as_ref());
        let show = |(id, user): &(UserId, &User)| Listed::new(&site, *id, user).show(&base, &shown);
        answer::list(found.len(), part.start, part.page(&found).iter().map(show).collect())
    });
    listed.await.map_err(|_| Fault::from(App::confused()))
}

/// Users who fit, in the order in which they came.
fn matching<'a>(site: &'a Site, tenant: &str, filter: Option<&Filter>) -> Vec<(UserId, &'a User)> {
    let one = |id: Option<UserId>| id.and_then(|id| Some((id, site.user(id)?))).into_iter().collect();
    let wants = |attribute: &str| filter.and_then(|filter| filter.wants(attribute));
    let mut all: Vec<(UserId, &User)> = if let Some(id) = wants("id") {
        one(number(id).map(UserId))
    } else if let Some(id) = wants("externalid") {
        one(site.user_of_external_id(tenant, id))
    } else if let Some(name) = wants("username") {
        site.user_named(tenant, name).into_iter().collect()
    } else {
        site.users().collect()
    };
    let fits =
        |id: UserId, user: &User| filter.is_none_or(|filter| filter.fits(&Listed::new(site, id, user)));
    all.retain(|(id, user)| *user.tenant == *tenant && fits(*id, user));
    all.sort_unstable_by_key(|(id, _)| *id);
    all
}

async fn create(call: &Call, body: &Map<String, Value>) -> Result<Response, Fault> {
    let person = Person::read(body, true)?;
    let site = call.write(|_| Ok(person.made())).await?;
    let made = site.user_named(&call.tenant, &person.user_name).map(|(id, _)| id.to_string());
    show(call, &site, 201, &made.unwrap_or_default())
}

async fn replace(call: &Call, id: &str, body: &Map<String, Value>) -> Result<Response, Fault> {
    let site = write(call, id, |before| Person::read(body, before.is_active)).await?;
    show(call, &site, 200, id)
}

async fn change(call: &Call, id: &str, body: &Map<String, Value>) -> Result<Response, Fault> {
    let operations = patch::read(body)?;
    let changed = |before: &Person| {
        let mut person = before.clone();
        for operation in &operations {
            person.change(operation.act, &operation.path, operation.value.as_ref())?;
        }
        person.bounded()
    };
    let site = write(call, id, changed).await?;
    show(call, &site, 200, id)
}

/// Makes a user what `wanted` works out from what the user is.
async fn write(
    call: &Call,
    id: &str,
    wanted: impl Fn(&Person) -> Result<Person, Fault>,
) -> Result<Arc<Site>, Fault> {
    call.write(|site| {
        let (number, user) = needed(call, site, id)?;
        let version = site.user_version(number);
        call.expects(version)?;
        let before = Person::of(site, number, user);
        let expect = Change::ExpectUser { user: user.name.as_ref().into(), number, version };
        Ok(std::iter::once(expect).chain(wanted(&before)?.changes(&before)).collect())
    })
    .await
}

async fn remove(call: &Call, id: &str) -> Result<Response, Fault> {
    let gone = |site: &Site| {
        let (number, user) = needed(call, site, id)?;
        if user.is_default {
            let detail = format!("`{}` is one of the product's own users; they stay", user.name);
            return Err(Fault::new(403, detail));
        }
        let version = site.user_version(number);
        call.expects(version)?;
        let name: Box<str> = user.name.as_ref().into();
        // Without a condition the user goes, whatever became of the user meanwhile.
        let version = version.filter(|_| call.headers.contains_key(axum::http::header::IF_MATCH));
        Ok(vec![
            Change::ExpectUser { user: name.clone(), number, version },
            Change::RemoveUser { user: name },
        ])
    };
    call.write(gone).await?;
    Ok(answer::done())
}
