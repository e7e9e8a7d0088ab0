//! License allocation: the seven columns, and the dialog that gives a license to users, stations and members of workgroups,
//! or takes it away, after a look at what it comes to (seed 002, "License Allocation in Interaction Administrator").

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use grantor_site::access::Scope;
use grantor_site::directory::views::AllocationRow;
use grantor_site::directory::{Change, HolderName, Licensing, Method};
use grantor_site::{Refusal, Site};
use grantor_web::answer::{page, quoted};
use grantor_web::form::Fields;
use grantor_web::frame::Frame;

use super::direct::{confirm, direct};
use super::form::Form;
use super::visit::Visit;
use crate::http::Failure;

/// Holders and names found that a dialog shows, each.
const SHOWN: usize = 100;
/// Names found of each kind.
const FOUND: usize = 20;

#[derive(Template)]
#[template(path = "allocation.html")]
struct Page {
    frame: Frame,
    tenant: String,
    tenants: Vec<String>,
    rows: Vec<AllocationRow>,
    /// Whether license files may be loaded.
    may_load: bool,
}

pub(crate) async fn show(visit: Visit) -> Response {
    let rows = visit.app.consensus.view().allocation(&visit.tenant);
    let (tenant, tenants) = (visit.tenant.to_string(), visit.tenants());
    page(&Page { frame: visit.frame(), tenant, tenants, rows, may_load: visit.may(Scope::Licenses) })
}

/// "Allowed" as a cell.
pub(crate) fn allowed(count: &Option<u32>) -> String {
    count.map_or_else(|| "any number".to_owned(), |count| count.to_string())
}

/// What the notes column says.
pub(crate) fn notes(row: &AllocationRow) -> String {
    let mut notes = Vec::new();
    if row.exceeded_by > 0 {
        notes.push(format!("exceeded by {}: take it from somebody, or order more", row.exceeded_by));
    }
    if row.concurrent_allowed.is_some_and(|allowed| row.concurrent_configured > allowed) {
        notes.push("more people are configured than may use it at once".to_owned());
    }
    if row.assignable_allowed.is_some_and(|allowed| allowed > 0 && row.assignable_configured >= allowed) {
        notes.push("every assignable license is configured".to_owned());
    }
    notes.join("; ")
}

#[derive(Template)]
#[template(path = "allocate.html")]
struct Dialog {
    frame: Frame,
    tenant: String,
    row: AllocationRow,
    holders: Vec<Holder>,
    more: usize,
    text: String,
    found: Vec<Holder>,
    may: bool,
    is_for_users: bool,
}

/// Somebody to whom a license is given or can be.
struct Holder {
    /// How the form names it: `user/ann`.
    value: String,
    name: String,
    what: &'static str,
    note: String,
}

fn holder(what: &'static str, name: &str, note: String) -> Holder {
    Holder { value: format!("{what}/{name}"), name: name.to_owned(), what, note }
}

fn row(site: &Site, visit: &Visit, feature: &str) -> Result<AllocationRow, Failure> {
    let rows = site.allocation(&visit.tenant);
    let found = rows.into_iter().find(|row| row.feature.eq_ignore_ascii_case(feature));
    let unknown = || Refusal::UnknownFeature { feature: feature.to_owned(), nearest: Vec::new() };
    Ok(found.ok_or_else(unknown)?)
}

pub(crate) async fn dialog(visit: Visit, Path(feature): Path<String>) -> Result<Response, Failure> {
    let site = visit.app.consensus.view();
    let row = row(&site, &visit, &feature)?;
    let text = visit.asked.text("text").to_owned();
    let folded = feature.to_lowercase();
    let mut holders = holders(&site, &visit.tenant, &folded);
    holders.sort_by(|one, other| one.name.cmp(&other.name));
    let more = holders.len().saturating_sub(SHOWN);
    holders.truncate(SHOWN);
    let is_for_users = row.kind.is_for_users();
    let found =
        if text.is_empty() { Vec::new() } else { found(&site, &visit.tenant, &text, &folded, row.kind) };
    let may = visit.may(Scope::Allocate);
    let (frame, tenant) = (visit.frame(), visit.tenant.to_string());
    Ok(page(&Dialog { frame, tenant, row, holders, more, text, found, may, is_for_users }))
}

/// Everybody on whom the license is configured.
fn holders(site: &Site, tenant: &str, feature: &str) -> Vec<Holder> {
    let has = |licensing: &Licensing| licensing.features().any(|one| **one == *feature);
    let note = |licensing: &Licensing| {
        let how = match licensing.method {
            Method::Assignable => "assignable",
            Method::Concurrent => "concurrent",
        };
        if licensing.is_enabled { how.to_owned() } else { format!("{how}, licenses off") }
    };
    let users = site.users().map(|(_, user)| (&user.tenant, "user", &user.name, &user.licensing));
    let stations =
        site.stations().map(|(_, station)| (&station.tenant, "station", &station.name, &station.licensing));
    let ours = users.chain(stations).filter(|(of, _, _, licensing)| ***of == *tenant && has(licensing));
    ours.map(|(_, what, name, licensing)| holder(what, name, note(licensing))).collect()
}

/// Those whose names have `text` and who lack the license.
fn found(
    site: &Site,
    tenant: &str,
    text: &str,
    feature: &str,
    kind: grantor_site::directory::AccessKind,
) -> Vec<Holder> {
    let lacks = |licensing: &Licensing| licensing.features().all(|one| **one != *feature);
    let mut all = Vec::new();
    if kind.is_for_users() {
        let users = site.find_users(tenant, text, "", FOUND).into_iter().filter_map(|id| site.user(id));
        all.extend(users.filter(|user| lacks(&user.licensing)).map(|user| {
            holder("user", &user.name, if user.is_enabled { String::new() } else { "disabled".to_owned() })
        }));
        let wanted = text.to_lowercase();
        let fits = |name: &str| name.to_lowercase().contains(&wanted);
        let groups = site.groups().map(|(_, group)| group);
        let groups = groups.filter(|group| *group.tenant == *tenant && fits(&group.name)).take(FOUND);
        all.extend(groups.map(|group| holder("members", &group.name, format!("{} members", group.size()))));
    }
    if kind.is_for_stations() {
        let stations =
            site.find_stations(tenant, text, "", FOUND).into_iter().filter_map(|id| site.station(id));
        let stations = stations.filter(|station| lacks(&station.licensing));
        all.extend(stations.map(|station| holder("station", &station.name, station.machine.to_string())));
    }
    all
}

/// What a form chose, and what it says in words.
fn chosen(form: &Fields, feature: &str) -> (Vec<String>, Vec<Change>) {
    let names = |field: &'static str| form.all(field).filter_map(named).collect::<Vec<_>>();
    let (to, from) = (names("to"), names("from"));
    let method = if form.text("method") == "concurrent" { Method::Concurrent } else { Method::Assignable };
    let words = |verb: &str, all: &[HolderName]| {
        all.iter().map(|one| format!("{verb} {}", words(one))).collect::<Vec<_>>()
    };
    let mut steps = words("take it from", &from);
    steps.extend(words("give it to", &to));
    let mut changes = Vec::new();
    if !from.is_empty() {
        changes.push(Change::Unlicense { feature: feature.into(), from });
    }
    let (stations, people): (Vec<_>, Vec<_>) =
        to.into_iter().partition(|one| matches!(one, HolderName::Station(_)));
    for (to, method) in [(stations, Method::Assignable), (people, method)] {
        if !to.is_empty() {
            changes.push(Change::License { feature: feature.into(), method, to });
        }
    }
    (steps, changes)
}

fn named(value: &str) -> Option<HolderName> {
    let (what, name) = value.split_once('/')?;
    match what {
        "user" => Some(HolderName::User(name.into())),
        "station" => Some(HolderName::Station(name.into())),
        "members" => Some(HolderName::Members(name.into())),
        _ => None,
    }
}

fn words(one: &HolderName) -> String {
    match one {
        HolderName::User(name) => format!("the user {name}"),
        HolderName::Station(name) => format!("the station {name}"),
        HolderName::Members(name) => format!("each member of {name}"),
    }
}

/// Shows what it comes to; the button sends the same fields again, to be done.
pub(crate) async fn change(
    visit: Visit,
    Path(feature): Path<String>,
    Form(form): Form,
) -> Result<Response, Failure> {
    let path = format!("/allocation/{}", quoted(&feature));
    let (steps, changes) = chosen(&form, &feature);
    if form.has("sure") {
        return direct(&visit, changes, &path).await;
    }
    let mut fields = form.clone();
    fields.add("sure".to_owned(), "1".to_owned());
    confirm(&visit, format!("Allocate {feature}"), (steps, changes), &fields, (&path, &path))
}
