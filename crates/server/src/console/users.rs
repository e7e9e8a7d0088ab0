//! Users: found by a part of a name, and each with licensing, roles and groups (seed 002, "User Licensing"; seed 001).

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use grantor_site::access::Scope;
use grantor_site::directory::{Change, HolderName, Media, Method, Named, Profile, User};
use grantor_site::ids::UserId;
use grantor_site::{Refusal, Site};
use grantor_web::answer::{page, quoted};
use grantor_web::form::Fields;
use grantor_web::frame::Frame;

use super::direct::{direct, warning};
use super::form::Form;
use super::visit::Visit;
use crate::http::{Failure, bad_request};

/// Rows on a page.
pub(super) const ROWS: usize = 50;

/// The ways through a list that is ordered by name.
pub(crate) struct Ways {
    pub(crate) text: String,
    /// Empty at the end of the list.
    pub(crate) next: String,
    /// Whether this is not the first page.
    pub(crate) is_on: bool,
}

/// The ways on from a page whose last row is `last`; `full` if there may be more.
pub(super) fn ways(asked: &Fields, last: Option<&str>, full: bool) -> Ways {
    let next = last.filter(|_| full).map_or_else(String::new, |last| asked.with(&[("after", last)]));
    Ways { text: asked.text("text").to_owned(), next, is_on: asked.has("after") }
}

#[derive(Template)]
#[template(path = "users.html")]
struct Users {
    frame: Frame,
    tenant: String,
    tenants: Vec<String>,
    rows: Vec<Row>,
    ways: Ways,
    may: bool,
}

struct Row {
    name: String,
    mail: String,
    is_enabled: bool,
    is_default: bool,
    is_present: bool,
    licenses: usize,
    consumed: usize,
}

pub(crate) async fn show(visit: Visit) -> Response {
    let site = visit.app.consensus.view();
    let (text, after) = (visit.asked.text("text"), visit.asked.text("after"));
    let found = site.find_users(&visit.tenant, text, after, ROWS);
    let row = |id: &UserId| site.user(*id).map(|user| self::row(&site, *id, user));
    let rows: Vec<Row> = found.iter().filter_map(row).collect();
    let ways = ways(&visit.asked, rows.last().map(|row| row.name.as_str()), rows.len() == ROWS);
    let may = visit.may(Scope::Allocate);
    let (frame, tenant, tenants) = (visit.frame(), visit.tenant.to_string(), visit.tenants());
    page(&Users { frame, tenant, tenants, rows, ways, may })
}

fn row(site: &Site, id: UserId, user: &User) -> Row {
    Row {
        name: user.name.to_string(),
        mail: user.mail.as_deref().unwrap_or_default().to_owned(),
        is_enabled: user.is_enabled,
        is_default: user.is_default,
        is_present: site.presence(id).is_some(),
        licenses: user.licensing.features().count(),
        consumed: user.consumed().len(),
    }
}

pub(crate) async fn add(visit: Visit, Form(form): Form) -> Result<Response, Failure> {
    let name = form.text("name");
    let add = Change::AddUser {
        name: name.into(),
        mail: form.given("mail").map(Into::into),
        is_enabled: true,
        is_default: false,
    };
    direct(&visit, vec![add], &format!("/users/{}", quoted(name))).await
}

#[derive(Template)]
#[template(path = "user.html")]
struct Detail {
    frame: Frame,
    tenant: String,
    name: String,
    mail: String,
    is_enabled: bool,
    has_own_number: bool,
    is_concurrent: bool,
    licenses_on: bool,
    licenses: Vec<(String, bool)>,
    offered: Vec<String>,
    roles: Vec<(String, String)>,
    groups: Vec<String>,
    other_roles: Vec<String>,
    other_groups: Vec<String>,
    consumed: Vec<String>,
    media: Vec<(&'static str, bool)>,
    warnings: Vec<String>,
    present: Option<String>,
    /// How the user is called; empty if that is not known.
    called: String,
    /// By which id an identity provider knows the user.
    external_id: Option<String>,
    may: bool,
}

pub(super) fn spelled(site: &Site, tenant: &std::sync::Arc<str>, feature: &str) -> String {
    let key = grantor_site::pool::FeatureKey::new(tenant, feature);
    site.index().features.get(&key).map_or_else(|| feature.to_owned(), |known| known.spelled.to_string())
}

pub(crate) async fn detail(visit: Visit, Path(name): Path<String>) -> Result<Response, Failure> {
    let site = visit.app.consensus.view();
    let unknown = || Refusal::NoSuchName { what: Named::User, name: name.clone().into() };
    let (id, user) = site.user_named(&visit.tenant, &name).ok_or_else(unknown)?;
    Ok(page(&detail_of(&visit, &site, id, user)))
}

fn detail_of(visit: &Visit, site: &Site, id: UserId, user: &User) -> Detail {
    let tenant = &visit.tenant;
    let own_roles: Vec<_> = user.roles().filter_map(|role| site.role(role)).collect();
    let own_groups: Vec<_> = user.groups().filter_map(|group| site.group(group)).collect();
    let application = |role: &grantor_site::directory::Role| {
        role.application.as_deref().map(|one| spelled(site, tenant, one)).unwrap_or_default()
    };
    let held = |feature: &str| user.licensing.seats().iter().any(|seat| *seat.feature == *feature);
    let licenses: Vec<_> =
        user.licensing.features().map(|one| (spelled(site, tenant, one), held(one))).collect();
    let lacks = |one: &std::sync::Arc<str>| licenses.iter().all(|(has, _)| **has != **one);
    let offered = site.offered(tenant, false, user.licensing.method);
    let roles = site.roles().map(|(_, role)| role).filter(|role| role.tenant == *tenant);
    let groups = site.groups().map(|(_, group)| group).filter(|group| group.tenant == *tenant);
    let profile = site.profile(id);
    Detail {
        frame: visit.frame(),
        tenant: tenant.to_string(),
        name: user.name.to_string(),
        mail: user.mail.as_deref().unwrap_or_default().to_owned(),
        is_enabled: user.is_enabled,
        has_own_number: user.has_own_number,
        is_concurrent: user.licensing.method == Method::Concurrent,
        licenses_on: user.licensing.is_enabled,
        offered: offered.iter().filter(|one| lacks(one)).map(ToString::to_string).collect(),
        other_roles: roles
            .filter(|role| own_roles.iter().all(|own| own.name != role.name))
            .map(|role| role.name.to_string())
            .collect(),
        other_groups: groups
            .filter(|group| own_groups.iter().all(|own| own.name != group.name))
            .map(|group| group.name.to_string())
            .collect(),
        roles: own_roles.iter().map(|role| (role.name.to_string(), application(role))).collect(),
        groups: own_groups.iter().map(|group| group.name.to_string()).collect(),
        consumed: user.consumed().iter().map(|seat| spelled(site, tenant, &seat.feature)).collect(),
        media: Media::ALL.words().map(|word| (word, user.media.words().any(|own| own == word))).collect(),
        warnings: site.media_warnings(id).iter().map(warning).collect(),
        present: site.presence(id).map(|presence| {
            let since = super::render::instant(presence.since);
            if presence.host.is_empty() {
                format!("since {since}")
            } else {
                format!("at {} since {since}", presence.host)
            }
        }),
        licenses,
        called: called(&profile),
        external_id: profile.external_id.map(String::from),
        may: visit.may(Scope::Allocate),
    }
}

fn called(profile: &Profile) -> String {
    let parts = [&profile.given_name, &profile.family_name].into_iter().flatten();
    let parts: Vec<&str> = parts.map(|part| &**part).collect();
    profile.display_name.as_deref().map_or_else(|| parts.join(" "), str::to_owned)
}

pub(crate) async fn change(
    visit: Visit,
    Path(name): Path<String>,
    Form(form): Form,
) -> Result<Response, Failure> {
    let user = || Box::<str>::from(name.as_str());
    let field = |field: &str| Box::<str>::from(form.text(field));
    let holder = || HolderName::User(user());
    let method = if form.text("method") == "concurrent" { Method::Concurrent } else { Method::Assignable };
    let mut to = format!("/users/{}", quoted(&name));
    let change = match form.text("do") {
        "enable" => Change::EnableUser { user: user() },
        "disable" => Change::DisableUser { user: user() },
        "rename" => {
            to = format!("/users/{}", quoted(form.text("name")));
            Change::RenameUser { user: user(), name: field("name") }
        }
        "mail" => Change::SetMail { user: user(), mail: form.given("mail").map(Into::into) },
        "remove" => {
            "/users".clone_into(&mut to);
            Change::RemoveUser { user: user() }
        }
        "number" => Change::SetOwnNumber { user: user(), is_granted: form.has("granted") },
        "media" => Change::SetMedia { user: user(), media: media(&form)? },
        "licenses" => Change::EnableLicenses { of: holder(), is_enabled: form.has("on") },
        "method" => Change::SetMethod { user: user(), method },
        "license" => Change::License { feature: field("feature"), method, to: vec![holder()] },
        "unlicense" => Change::Unlicense { feature: field("feature"), from: vec![holder()] },
        "role" => Change::AssignRole { role: field("role"), user: user() },
        "unrole" => Change::WithdrawRole { role: field("role"), user: user() },
        "group" => Change::AddMembers { group: field("group"), users: vec![user()] },
        "ungroup" => Change::RemoveMembers { group: field("group"), users: vec![user()] },
        other => return Err(bad_request(format!("`{other}` is nothing that can be done to a user")).into()),
    };
    direct(&visit, vec![change], &to).await
}

/// The interaction types that a form chose.
pub(super) fn media(form: &Fields) -> Result<Media, Failure> {
    Media::parse(form.all("media"))
        .map_err(|word| bad_request(format!("`{word}` is no interaction type")).into())
}
