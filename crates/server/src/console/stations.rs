//! Stations: what they are, their licensed machine, their licenses (seed 002, "Allocate Licenses When Adding a Station").

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use grantor_site::access::Scope;
use grantor_site::directory::{Change, HolderName, Method, Named, Station, StationKind};
use grantor_site::{Refusal, Site};
use grantor_web::answer::{page, quoted};
use grantor_web::frame::Frame;

use super::direct::direct;
use super::form::Form;
use super::users::{ROWS, Ways, spelled, ways};
use super::visit::Visit;
use crate::http::{Failure, bad_request};

/// Kinds as forms and people name them.
pub(super) const KINDS: [(StationKind, &str, &str); 6] = [
    (StationKind::Workstation, "workstation", "Workstation"),
    (StationKind::ManagedWorkstation, "managed-workstation", "Managed workstation"),
    (StationKind::StandAlonePhone, "stand-alone-phone", "Stand-alone phone"),
    (StationKind::StandAloneFax, "stand-alone-fax", "Stand-alone fax"),
    (StationKind::ConfiguredRemote, "configured-remote", "Configured remote station"),
    (StationKind::SipWorkstation, "sip-workstation", "SIP as workstation"),
];

fn kind(key: &str) -> Result<StationKind, Failure> {
    let found = KINDS.iter().find(|(_, word, _)| *word == key).map(|(kind, ..)| *kind);
    found.ok_or_else(|| bad_request(format!("`{key}` is no kind of station")).into())
}

fn label(kind: StationKind) -> &'static str {
    KINDS.iter().find(|(one, ..)| *one == kind).map_or("", |(.., label)| label)
}

fn key(kind: StationKind) -> &'static str {
    KINDS.iter().find(|(one, ..)| *one == kind).map_or("", |(_, key, _)| key)
}

#[derive(Template)]
#[template(path = "stations.html")]
struct Stations {
    frame: Frame,
    tenant: String,
    tenants: Vec<String>,
    rows: Vec<Row>,
    ways: Ways,
    may: bool,
    has_basic: bool,
}

struct Row {
    name: String,
    machine: String,
    kind: &'static str,
    is_enabled: bool,
    licenses: Vec<String>,
    user: String,
}

pub(crate) async fn show(visit: Visit) -> Response {
    let site = visit.app.consensus.view();
    let (text, after) = (visit.asked.text("text"), visit.asked.text("after"));
    let found = site.find_stations(&visit.tenant, text, after, ROWS);
    let rows: Vec<Row> = found.iter().filter_map(|id| site.station(*id)).map(|one| row(&site, one)).collect();
    let ways = ways(&visit.asked, rows.last().map(|row| row.name.as_str()), rows.len() == ROWS);
    let offered = site.offered(&visit.tenant, true, Method::Assignable);
    page(&Stations {
        frame: visit.frame(),
        tenant: visit.tenant.to_string(),
        tenants: visit.tenants(),
        rows,
        ways,
        may: visit.may(Scope::Allocate),
        has_basic: offered.iter().any(|one| one.eq_ignore_ascii_case(BASIC)),
    })
}

/// The license without which a station has no audio.
pub(super) const BASIC: &str = "I3_LICENSE_BASIC_STATION";

fn row(site: &Site, station: &Station) -> Row {
    Row {
        name: station.name.to_string(),
        machine: station.machine.to_string(),
        kind: label(station.kind),
        is_enabled: station.is_enabled,
        licenses: station.licensing.features().map(|one| spelled(site, &station.tenant, one)).collect(),
        user: station
            .user()
            .and_then(|id| site.user(id))
            .map(|user| user.name.to_string())
            .unwrap_or_default(),
    }
}

/// A station, with the license that its audio needs if it is asked for.
pub(super) fn new(form: &grantor_web::form::Fields) -> Result<Vec<Change>, Failure> {
    let name = form.text("name");
    let machine = form.given("machine").unwrap_or_else(|| name.to_owned());
    let kind = kind(form.text("kind"))?;
    let mut changes =
        vec![Change::AddStation { name: name.into(), machine: machine.into(), kind, is_enabled: true }];
    if form.has("basic") {
        let to = vec![HolderName::Station(name.into())];
        changes.push(Change::License { feature: BASIC.into(), method: Method::Assignable, to });
    }
    Ok(changes)
}

pub(crate) async fn add(visit: Visit, Form(form): Form) -> Result<Response, Failure> {
    direct(&visit, new(&form)?, &format!("/stations/{}", quoted(form.text("name")))).await
}

#[derive(Template)]
#[template(path = "station.html")]
struct Detail {
    frame: Frame,
    tenant: String,
    name: String,
    machine: String,
    kind: &'static str,
    is_enabled: bool,
    licenses_on: bool,
    licenses: Vec<(String, bool)>,
    offered: Vec<String>,
    user: String,
    no_audio: bool,
    may: bool,
}

pub(crate) async fn detail(visit: Visit, Path(name): Path<String>) -> Result<Response, Failure> {
    let site = visit.app.consensus.view();
    let unknown = || Refusal::NoSuchName { what: Named::Station, name: name.clone().into() };
    let (_, station) = site.station_named(&visit.tenant, &name).ok_or_else(unknown)?;
    let held = |feature: &str| station.licensing.seats().iter().any(|seat| *seat.feature == *feature);
    let own = station.licensing.features();
    let licenses: Vec<_> = own.map(|one| (spelled(&site, &visit.tenant, one), held(one))).collect();
    let offered = site.offered(&visit.tenant, true, Method::Assignable);
    let lacks = |one: &std::sync::Arc<str>| licenses.iter().all(|(has, _)| **has != **one);
    let has_audio = licenses.iter().any(|(has, held)| *held && has.eq_ignore_ascii_case(BASIC));
    let row = row(&site, station);
    Ok(page(&Detail {
        frame: visit.frame(),
        tenant: visit.tenant.to_string(),
        name: row.name,
        machine: row.machine,
        kind: key(station.kind),
        is_enabled: station.is_enabled,
        licenses_on: station.licensing.is_enabled,
        offered: offered.iter().filter(|one| lacks(one)).map(ToString::to_string).collect(),
        user: row.user,
        no_audio: station.is_enabled && station.kind.needs_audio() && !has_audio,
        licenses,
        may: visit.may(Scope::Allocate),
    }))
}

pub(crate) async fn change(
    visit: Visit,
    Path(name): Path<String>,
    Form(form): Form,
) -> Result<Response, Failure> {
    let station = || Box::<str>::from(name.as_str());
    let field = |field: &str| Box::<str>::from(form.text(field));
    let holder = || HolderName::Station(station());
    let mut to = format!("/stations/{}", quoted(&name));
    let change = match form.text("do") {
        "set" => Change::SetStation {
            station: station(),
            machine: field("machine"),
            kind: kind(form.text("kind"))?,
            is_enabled: form.has("enabled"),
        },
        "rename" => {
            to = format!("/stations/{}", quoted(form.text("name")));
            Change::RenameStation { station: station(), name: field("name") }
        }
        "remove" => {
            "/stations".clone_into(&mut to);
            Change::RemoveStation { station: station() }
        }
        "licenses" => Change::EnableLicenses { of: holder(), is_enabled: form.has("on") },
        "license" => {
            Change::License { feature: field("feature"), method: Method::Assignable, to: vec![holder()] }
        }
        "unlicense" => Change::Unlicense { feature: field("feature"), from: vec![holder()] },
        other => {
            return Err(bad_request(format!("`{other}` is nothing that can be done to a station")).into());
        }
    };
    direct(&visit, vec![change], &to).await
}
