//! The set-up assistant behind its first step: the license file, stations with licenses, and a test checkout at the end
//! (seed 002, "Licensing in IC Setup Assistant"). Each step can be left out and done later on its own page.

use askama::Template;
use axum::response::Response;
use grantor_license::Model;
use grantor_site::access::Scope;
use grantor_site::command::{Amount, CheckOut, EndReason, Identity, OpenSession};
use grantor_site::ids::{RequestKey, SessionId};
use grantor_site::pool::FeatureKey;
use grantor_site::{Command, Reply, Site};
use grantor_web::answer::{done, page};
use grantor_web::form::{Fields, Senseless};
use grantor_web::frame::Frame;

use super::direct::direct;
use super::form::Form;
use super::stations;
use super::visit::Visit;
use crate::http::{App, Failure, bad_request};
use crate::secret;

/// Stations that one step makes, at most.
const MOST: u32 = 1000;

#[derive(Template)]
#[template(path = "set_up_licenses.html")]
struct Licenses {
    frame: Frame,
    tenant: String,
    loaded: Vec<String>,
    is_pair: bool,
}

pub(crate) async fn licenses(visit: Visit) -> Result<Response, Failure> {
    visit.need(Scope::Licenses)?;
    let site = visit.app.consensus.view();
    let ours = || site.files().filter(|file| file.tenant == visit.tenant);
    let is_pair =
        ours().any(|file| file.text.lines().filter(|line| line.starts_with("SERVER ")).count() == 2);
    let loaded = ours().map(|file| file.name.clone()).collect();
    Ok(page(&Licenses { frame: visit.frame(), tenant: visit.tenant.to_string(), loaded, is_pair }))
}

#[derive(Template)]
#[template(path = "set_up_stations.html")]
struct Stations {
    frame: Frame,
    tenant: String,
    has_basic: bool,
    left: String,
    there: usize,
}

pub(crate) async fn ask_stations(visit: Visit) -> Result<Response, Failure> {
    visit.need(Scope::Allocate)?;
    let site = visit.app.consensus.view();
    let rows = site.allocation(&visit.tenant);
    let basic = rows.iter().find(|row| row.feature.eq_ignore_ascii_case(stations::BASIC));
    let left = basic.map(|row| match row.assignable_allowed {
        Some(allowed) => format!("{} of {allowed} are left", allowed.saturating_sub(row.assignable_in_use)),
        None => "there are as many as you like".to_owned(),
    });
    Ok(page(&Stations {
        frame: visit.frame(),
        tenant: visit.tenant.to_string(),
        has_basic: basic.is_some(),
        left: left.unwrap_or_default(),
        there: site.stations().filter(|(_, station)| station.tenant == visit.tenant).count(),
    }))
}

/// Makes stations `prefix1` … `prefixN`, all or none.
pub(crate) async fn make_stations(visit: Visit, Form(form): Form) -> Result<Response, Failure> {
    let number = |field: &str| form.number(field).map_err(|Senseless(why)| Failure::from(bad_request(why)));
    let (first, count) = (number("first")?, number("count")?);
    if !(1..=MOST).contains(&count) {
        return Err(bad_request(format!("{count} stations: 1 to {MOST} at once")).into());
    }
    let one = |number: u32| {
        let name = format!("{}{number}", form.text("prefix"));
        let mut fields = vec![("name".to_owned(), name), ("kind".to_owned(), form.text("kind").to_owned())];
        fields.extend(form.given("basic").map(|basic| ("basic".to_owned(), basic)));
        stations::new(&Fields::of(fields))
    };
    let changes: Result<Vec<_>, Failure> = (first..first.saturating_add(count)).map(one).collect();
    direct(&visit, changes?.into_iter().flatten().collect(), "/set-up/test").await
}

#[derive(Template)]
#[template(path = "set_up_test.html")]
struct Test {
    frame: Frame,
    tenant: String,
    features: Vec<String>,
    chosen: String,
    went_well: Option<String>,
    wrong: Option<String>,
    hint: String,
}

impl Test {
    fn of(visit: &Visit, site: &Site) -> Self {
        let can = |key: &&FeatureKey| {
            let by_checkout = |model| matches!(model, Model::Floating | Model::Uncounted);
            key.tenant == visit.tenant && site.pools_of(key).any(|pool| by_checkout(pool.terms.model))
        };
        let keys = site.index().features.iter();
        let features = keys.filter(|(key, _)| can(key)).map(|(_, known)| known.spelled.to_string()).collect();
        let (frame, tenant) = (visit.frame(), visit.tenant.to_string());
        let (chosen, hint) = (String::new(), String::new());
        Self { frame, tenant, features, chosen, went_well: None, wrong: None, hint }
    }
}

pub(crate) async fn ask_test(visit: Visit) -> Result<Response, Failure> {
    visit.need(Scope::Licenses)?;
    Ok(page(&Test::of(&visit, &visit.app.consensus.view())))
}

/// Takes a seat as an application would, and gives it back.
pub(crate) async fn test(visit: Visit, Form(form): Form) -> Result<Response, Failure> {
    visit.need(Scope::Licenses)?;
    let feature = form.text("feature");
    let outcome = try_out(&visit, feature).await;
    let mut shown = Test::of(&visit, &visit.app.consensus.view());
    feature.clone_into(&mut shown.chosen);
    match outcome {
        Ok(what) => shown.went_well = Some(what),
        Err(Failure(problem)) => {
            shown.hint = problem.hint.unwrap_or_default();
            shown.wrong = Some(format!("{}: {}", problem.title, problem.detail));
        }
    }
    Ok(page(&shown))
}

async fn try_out(visit: &Visit, feature: &str) -> Result<String, Failure> {
    let app = &visit.app;
    let random = || secret::random_id().map_err(|_| App::confused());
    let (session, request) = (SessionId(random()?), RequestKey(random()?));
    let key = FeatureKey::new(&visit.tenant, feature);
    let version = {
        let site = app.consensus.view();
        site.pools_of(&key).next().map(|pool| pool.terms.version.clone())
    };
    let version = version.ok_or_else(|| bad_request("choose a feature that is licensed"))?;
    let who = Identity {
        user: visit.person_name().into(),
        host: app.host.as_str().into(),
        application: "set-up assistant".into(),
        ..Identity::default()
    };
    let tenant = visit.tenant.clone();
    let open = OpenSession { session, tenant, who, machine: None, heartbeat_seconds: 0, lease_until: None };
    app.propose(Command::OpenSession(open)).await?;
    let ask = CheckOut {
        session,
        request,
        feature: feature.to_owned(),
        version,
        amount: Amount::exactly(1),
        queue_until: None,
        share: None,
    };
    let reply = app.propose(Command::CheckOutOnce(ask)).await;
    // Whatever came of it: the session is over, and with it the seat.
    app.propose(Command::EndSession { session, why: EndReason::Closed }).await?;
    match reply? {
        Reply::CheckedOut { grants } => {
            let granted = grants.first().map(|grant| format!("{} {}", grant.feature, grant.version));
            Ok(format!("One seat of {} was taken and given back.", granted.unwrap_or_default()))
        }
        _ => Err(App::confused()),
    }
}

pub(crate) async fn finish(visit: Visit) -> Response {
    done(&visit.to("/"), "ready")
}
