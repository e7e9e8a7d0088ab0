//! Groups, workgroups and roles: who is a member, which queue, which roles, and what they consume (seed 001, "Consuming a
//! License"; seed 002, "ACD Workgroup Queues").

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use grantor_site::access::Scope;
use grantor_site::directory::{Change, Group, Media, Named, Queue, Warning};
use grantor_site::{Refusal, Site};
use grantor_web::answer::{page, quoted};
use grantor_web::form::Fields;
use grantor_web::frame::Frame;

use super::direct::{confirm, direct, warning};
use super::form::Form;
use super::users::{ROWS, Ways, media, spelled, ways};
use super::visit::Visit;
use crate::http::{Failure, bad_request};

/// Queues as forms and people name them.
const QUEUES: [(Queue, &str, &str); 3] = [
    (Queue::Acd, "acd", "ACD"),
    (Queue::HuntGroup, "hunt-group", "Hunt group"),
    (Queue::SimultaneousRing, "simultaneous-ring", "Simultaneous ring"),
];

fn queue(form: &Fields) -> Option<Queue> {
    QUEUES.iter().find(|(_, key, _)| *key == form.text("queue")).map(|(queue, ..)| *queue)
}

fn label(queue: Option<Queue>) -> &'static str {
    QUEUES.iter().find(|(one, ..)| Some(*one) == queue).map_or("", |(.., label)| label)
}

#[derive(Template)]
#[template(path = "groups.html")]
struct Groups {
    frame: Frame,
    tenant: String,
    tenants: Vec<String>,
    rows: Vec<(String, &'static str, usize, String)>,
    text: String,
    may: bool,
}

pub(crate) async fn show(visit: Visit) -> Response {
    let site = visit.app.consensus.view();
    let text = visit.asked.text("text").to_owned();
    let wanted = text.to_lowercase();
    let fits = |group: &&Group| group.tenant == visit.tenant && group.name.to_lowercase().contains(&wanted);
    let row = |group: &Group| {
        let roles: Vec<_> =
            group.roles().filter_map(|role| site.role(role)).map(|role| role.name.to_string()).collect();
        (group.name.to_string(), label(group.queue), group.size(), roles.join(", "))
    };
    let mut rows: Vec<_> = site.groups().map(|(_, group)| group).filter(fits).map(row).collect();
    rows.sort();
    let may = visit.may(Scope::Allocate);
    page(&Groups {
        frame: visit.frame(),
        tenant: visit.tenant.to_string(),
        tenants: visit.tenants(),
        rows,
        text,
        may,
    })
}

pub(crate) async fn add(visit: Visit, Form(form): Form) -> Result<Response, Failure> {
    let name = form.text("name");
    let media = if queue(&form).is_some() { media(&form)? } else { Media::NONE };
    let add = Change::AddGroup { name: name.into(), queue: queue(&form), media };
    direct(&visit, vec![add], &format!("/groups/{}", quoted(name))).await
}

#[derive(Template)]
#[template(path = "group.html")]
struct Detail {
    frame: Frame,
    tenant: String,
    name: String,
    queue: &'static str,
    queues: Vec<(&'static str, &'static str)>,
    media: Vec<(&'static str, bool)>,
    size: usize,
    members: Vec<String>,
    ways: Ways,
    roles: Vec<(String, String)>,
    other_roles: Vec<String>,
    warnings: Vec<String>,
    may: bool,
}

/// Warnings about a workgroup's members, at most.
const WARNINGS: usize = 20;

pub(crate) async fn detail(visit: Visit, Path(name): Path<String>) -> Result<Response, Failure> {
    let site = visit.app.consensus.view();
    let unknown = || Refusal::NoSuchName { what: Named::Group, name: name.clone().into() };
    let (_, group) = site.group_named(&visit.tenant, &name).ok_or_else(unknown)?;
    let members = members(&site, group, visit.asked.text("text"), visit.asked.text("after"));
    let own: Vec<_> = group.roles().filter_map(|role| site.role(role)).collect();
    let all = site.roles().map(|(_, role)| role).filter(|role| role.tenant == visit.tenant);
    let application = |role: &&grantor_site::directory::Role| {
        role.application.as_deref().map(|one| spelled(&site, &visit.tenant, one)).unwrap_or_default()
    };
    Ok(page(&Detail {
        frame: visit.frame(),
        tenant: visit.tenant.to_string(),
        name: group.name.to_string(),
        queue: QUEUES.iter().find(|(one, ..)| Some(*one) == group.queue).map_or("", |(_, key, _)| key),
        queues: QUEUES.iter().map(|(_, key, label)| (*key, *label)).collect(),
        media: Media::ALL.words().map(|word| (word, group.media.words().any(|own| own == word))).collect(),
        size: group.size(),
        warnings: warnings(&site, group),
        ways: ways(&visit.asked, members.last().map(String::as_str), members.len() == ROWS),
        members,
        other_roles: all
            .filter(|role| own.iter().all(|has| has.name != role.name))
            .map(|role| role.name.to_string())
            .collect(),
        roles: own.iter().map(|role| (role.name.to_string(), application(role))).collect(),
        may: visit.may(Scope::Allocate),
    }))
}

/// What its members don't get of its queue.
fn warnings(site: &Site, group: &Group) -> Vec<String> {
    let about = |one: &Warning| match one {
        Warning::MediaLimited { workgroup, .. } | Warning::NoAcdAccess { workgroup, .. } => {
            *workgroup == group.name
        }
        Warning::NeedsBasicStation { .. } => false,
    };
    let all = group.members().flat_map(|id| site.media_warnings(id)).filter(about);
    all.take(WARNINGS).map(|one| warning(&one)).collect()
}

/// A page of members' names behind `after`.
fn members(site: &Site, group: &Group, text: &str, after: &str) -> Vec<String> {
    let (text, after) = (text.to_lowercase(), after.to_lowercase());
    let names = group.members().filter_map(|id| site.user(id)).map(|user| user.name.to_string());
    let fits = |name: &String| {
        let folded = name.to_lowercase();
        folded.contains(&text) && (after.is_empty() || folded > after)
    };
    let mut names: Vec<String> = names.filter(fits).collect();
    names.sort_by_key(|name| name.to_lowercase());
    names.truncate(ROWS);
    names
}

/// Names, one a line or with commas between.
fn names(text: &str) -> Vec<Box<str>> {
    text.split([',', ';', '\n']).map(str::trim).filter(|name| !name.is_empty()).map(Into::into).collect()
}

pub(crate) async fn change(
    visit: Visit,
    Path(name): Path<String>,
    Form(form): Form,
) -> Result<Response, Failure> {
    let group = || Box::<str>::from(name.as_str());
    let role = || Box::<str>::from(form.text("role"));
    let mut to = format!("/groups/{}", quoted(&name));
    let change = match form.text("do") {
        "rename" => {
            to = format!("/groups/{}", quoted(form.text("name")));
            Change::RenameGroup { group: group(), name: form.text("name").into() }
        }
        "remove" => {
            "/groups".clone_into(&mut to);
            Change::RemoveGroup { group: group() }
        }
        "queue" => Change::SetQueue { group: group(), queue: queue(&form), media: media(&form)? },
        "members" => Change::AddMembers { group: group(), users: names(form.raw("users")) },
        "unmember" => {
            Change::RemoveMembers { group: group(), users: form.all("user").map(Into::into).collect() }
        }
        "empty" => Change::EmptyGroup { group: group() },
        "role" => Change::AssignGroupRole { role: role(), group: group() },
        "unrole" => Change::WithdrawGroupRole { role: role(), group: group() },
        other => return Err(bad_request(format!("`{other}` is nothing that can be done to a group")).into()),
    };
    if form.has("sure") || !matches!(change, Change::AddMembers { .. } | Change::AssignGroupRole { .. }) {
        return direct(&visit, vec![change], &to).await;
    }
    let step = match &change {
        Change::AddMembers { users, .. } => format!("{} users become members of {name}", users.len()),
        _ => format!("every member of {name} gets the role {}", form.text("role")),
    };
    let mut fields = form.clone();
    fields.add("sure".to_owned(), "1".to_owned());
    confirm(&visit, format!("Change {name}"), (vec![step], vec![change]), &fields, (&to, &to))
}

#[derive(Template)]
#[template(path = "roles.html")]
struct Roles {
    frame: Frame,
    tenant: String,
    tenants: Vec<String>,
    rows: Vec<(String, String)>,
    applications: Vec<String>,
    may: bool,
}

pub(crate) async fn roles(visit: Visit) -> Response {
    let site = visit.app.consensus.view();
    let all = site.roles().map(|(_, role)| role).filter(|role| role.tenant == visit.tenant);
    let row = |role: &grantor_site::directory::Role| {
        let application = role.application.as_deref().map(|one| spelled(&site, &visit.tenant, one));
        (role.name.to_string(), application.unwrap_or_default())
    };
    let mut rows: Vec<_> = all.map(row).collect();
    rows.sort();
    let is_role = |key: &&grantor_site::pool::FeatureKey| {
        key.tenant == visit.tenant
            && site.pools_of(key).any(|pool| pool.terms.model == grantor_license::Model::Role)
    };
    let keys = site.index().features.keys().filter(is_role);
    let applications = keys.map(|key| spelled(&site, &visit.tenant, &key.feature)).collect();
    let may = visit.may(Scope::Allocate);
    let (frame, tenant, tenants) = (visit.frame(), visit.tenant.to_string(), visit.tenants());
    page(&Roles { frame, tenant, tenants, rows, applications, may })
}

pub(crate) async fn change_role(visit: Visit, Form(form): Form) -> Result<Response, Failure> {
    let role = form.text("role").into();
    let change = match form.text("do") {
        "remove" => Change::RemoveRole { role },
        _ => Change::DefineRole { role, application: form.given("application").map(Into::into) },
    };
    direct(&visit, vec![change], "/roles").await
}
