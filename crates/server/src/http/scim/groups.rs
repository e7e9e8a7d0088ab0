//! Groups by SCIM: found, shown, made, changed and deleted. A group with a queue is a workgroup; that is changed elsewhere.

use axum::body::Body;
use axum::http::{Method, header};
use axum::response::Response;
use grantor_api::limits;
use grantor_site::Site;
use grantor_site::directory::{Change, Group};
use grantor_site::ids::GroupId;
use serde_json::{Map, Value};

use super::answer::{self, Fault};
use super::crew::{Crew, Listed, Place, group_number};
use super::filter::Filter;
use super::shown::Part;
use super::{App, Call, no_such_method, patch, users};

/// Most members that one list shows; a page ends where it would have more.
const MEMBERS: usize = 100_000;

pub(super) async fn answer(
    call: &Call,
    method: &Method,
    id: Option<&str>,
    body: Body,
) -> Result<Response, Fault> {
    let most = limits::CHANGES_BODY;
    match (method, id) {
        (&Method::GET, None) => list(call).await,
        (&Method::POST, None) => create(call, &call.object(body, most).await?).await,
        (&Method::GET, Some(id)) => show(call, &call.app.consensus.view(), 200, id),
        (&Method::PUT, Some(id)) => replace(call, id, &call.object(body, most).await?).await,
        (&Method::PATCH, Some(id)) => change(call, id, &call.object(body, most).await?).await,
        (&Method::DELETE, Some(id)) => remove(call, id).await,
        _ => Err(no_such_method(method)),
    }
}

fn needed<'a>(call: &Call, site: &'a Site, id: &str) -> Result<(GroupId, &'a Group), Fault> {
    let own = |group: &&Group| *group.tenant == *call.tenant;
    let found = group_number(id).and_then(|id| Some((id, site.group(id).filter(own)?)));
    found.ok_or_else(|| Fault::no_such("group", id))
}

fn show(call: &Call, site: &Site, status: u16, id: &str) -> Result<Response, Fault> {
    let (id, group) = needed(call, site, id)?;
    Ok(answer::resource(status, &Listed { site, id, group }.show(&call.base, &call.shown)))
}

async fn list(call: &Call) -> Result<Response, Fault> {
    let (part, site) = (Part::of(&call.query)?, call.app.consensus.view());
    let (tenant, base, shown) = (call.tenant.clone(), call.base.clone(), call.shown.clone());
    let listed = tokio::task::spawn_blocking(move || {
        let found = matching(&site, &tenant, part.filter.as_ref());
        let page = part.page(&found);
        let page = if shown.has("members") { &page[..most_members(page)] } else { page };
        let show =
            |(id, group): &(GroupId, &Group)| Listed { site: &site, id: *id, group }.show(&base, &shown);
        answer::list(found.len(), part.start, page.iter().map(show).collect())
    });
    listed.await.map_err(|_| Fault::from(App::confused()))
}

/// How many groups from the first on have no more members than a list shows; one at least, if there is one.
fn most_members(groups: &[(GroupId, &Group)]) -> usize {
    let mut members = 0;
    let fits = |(_, group): &&(GroupId, &Group)| {
        members += group.size();
        members <= MEMBERS
    };
    groups.iter().take_while(fits).count().max(groups.len().min(1))
}

/// Groups that fit, in the order in which they came.
fn matching<'a>(site: &'a Site, tenant: &str, filter: Option<&Filter>) -> Vec<(GroupId, &'a Group)> {
    let one = |id: Option<GroupId>| id.and_then(|id| Some((id, site.group(id)?))).into_iter().collect();
    let wants = |attribute: &str| filter.and_then(|filter| filter.wants(attribute));
    let mut all: Vec<(GroupId, &Group)> = if let Some(id) = wants("id") {
        one(group_number(id))
    } else if let Some(id) = wants("externalid") {
        one(site.group_of_external_id(tenant, id))
    } else if let Some(name) = wants("displayname") {
        site.group_named(tenant, name).into_iter().collect()
    } else if let Some(user) = wants("members") {
        let groups = users::found(site, tenant, user).into_iter().flat_map(|(_, user)| user.groups());
        groups.filter_map(|id| Some((id, site.group(id)?))).collect()
    } else {
        site.groups().collect()
    };
    let fits =
        |id: GroupId, group: &Group| filter.is_none_or(|filter| filter.fits(&Listed { site, id, group }));
    all.retain(|(id, group)| *group.tenant == *tenant && fits(*id, group));
    all.sort_unstable_by_key(|(id, _)| *id);
    all
}

async fn create(call: &Call, body: &Map<String, Value>) -> Result<Response, Fault> {
    let read = |site: &Site| Crew::read(body, Place { site, tenant: &call.tenant, group: None });
    let name = read(&call.app.consensus.view())?.name().to_owned();
    let site = call.write(|site| Ok(read(site)?.made())).await?;
    let made = site.group_named(&call.tenant, &name).map(|(id, _)| id.to_string());
    show(call, &site, 201, &made.unwrap_or_default())
}

async fn replace(call: &Call, id: &str, body: &Map<String, Value>) -> Result<Response, Fault> {
    let site = write(call, id, |_, place| Crew::read(body, place)).await?;
    show(call, &site, 200, id)
}

/// What is changed of a group is not shown unless the client names what it wants to see: it may have many members.
async fn change(call: &Call, id: &str, body: &Map<String, Value>) -> Result<Response, Fault> {
    let operations = patch::read(body)?;
    let site = write(call, id, |before, place| before.clone().changed(&operations, place)).await?;
    match call.shown.is_asked() {
        true => show(call, &site, 200, id),
        false => Ok(answer::done()),
    }
}

/// Makes a group what `wanted` works out from what it is. Its version is compared only where that matters: working it out
/// takes a look at every member.
async fn write(
    call: &Call,
    id: &str,
    wanted: impl Fn(&Crew, Place<'_>) -> Result<Crew, Fault>,
) -> Result<std::sync::Arc<Site>, Fault> {
    call.write(|site| {
        let (number, group) = needed(call, site, id)?;
        let is_conditional = call.headers.contains_key(header::IF_MATCH);
        if is_conditional {
            call.expects(site.group_version(number))?;
        }
        let before = Crew::of(site, number, group);
        let crew = wanted(&before, Place { site, tenant: &call.tenant, group: Some(number) })?;
        let version = match is_conditional || crew.depends_on_members {
            true => site.group_version(number),
            false => None,
        };
        let expect = Change::ExpectGroup { group: group.name.as_ref().into(), number, version };
        Ok(std::iter::once(expect).chain(crew.changes(&before)).collect())
    })
    .await
}

async fn remove(call: &Call, id: &str) -> Result<Response, Fault> {
    let gone = |site: &Site| {
        let (number, group) = needed(call, site, id)?;
        let version = site.group_version(number).filter(|_| call.headers.contains_key(header::IF_MATCH));
        call.expects(version)?;
        let name: Box<str> = group.name.as_ref().into();
        Ok(vec![
            Change::ExpectGroup { group: name.clone(), number, version },
            Change::RemoveGroup { group: name },
        ])
    };
    call.write(gone).await?;
    Ok(answer::done())
}
