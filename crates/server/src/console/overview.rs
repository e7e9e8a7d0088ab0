//! The first page: what needs somebody's attention, with what to do, and what is in use now. Reads only.

use askama::Template;
use axum::response::Response;
use grantor_site::Site;
use grantor_site::access::Scope;
use grantor_web::answer::page;
use grantor_web::frame::Frame;
use jiff::Span;

use super::render::{Use, instant};
use super::violations::explained;
use super::visit::Visit;
use crate::clock::instant as moment;
use crate::http::feature_status;

/// Days before the end of a license from which on the page tells of it.
const SOON: i64 = 90;
/// Refusals of the last hour are counted.
const HOUR: u64 = 3_600_000;

#[derive(Template)]
#[template(path = "overview.html")]
struct Page {
    frame: Frame,
    tenant: String,
    tenants: Vec<String>,
    concerns: Vec<Concern>,
    rows: Vec<Row>,
    sessions: usize,
    grants: usize,
    waiting: usize,
    now: String,
    /// Whether license files may be loaded.
    may: bool,
}

/// Something that somebody should look at.
struct Concern {
    /// `bad` or `warn`.
    state: &'static str,
    what: String,
    todo: String,
    address: String,
}

struct Row {
    feature: String,
    use_: Use,
    waiting: usize,
    address: String,
}

pub(crate) async fn show(visit: Visit) -> Response {
    let site = visit.app.consensus.view();
    let rows = rows(&visit, &site);
    let (sessions, grants) = counts(&visit, &site);
    page(&Page {
        frame: visit.frame(),
        tenant: visit.tenant.to_string(),
        tenants: visit.tenants(),
        concerns: concerns(&visit, &site, &rows),
        sessions,
        grants,
        may: visit.may(Scope::Licenses),
        waiting: rows.iter().map(|row| row.waiting).sum(),
        now: instant(visit.app.now()),
        rows,
    })
}

/// How many sessions and grants there are, of what the visitor may see.
fn counts(visit: &Visit, site: &Site) -> (usize, usize) {
    if !visit.caller.is_bound() {
        return (site.session_count(), site.grant_count());
    }
    let theirs = site.sessions().filter(|(_, session)| *session.tenant == visit.tenant);
    theirs.fold((0, 0), |(sessions, grants), (_, session)| (sessions + 1, grants + session.grants().len()))
}

/// The features of the tenant, the fullest first.
fn rows(visit: &Visit, site: &Site) -> Vec<Row> {
    let keys = site.index().features.keys().filter(|key| key.tenant == visit.tenant);
    let mut rows: Vec<Row> = keys
        .map(|key| {
            let feature = feature_status(site, key, 0);
            let address = visit.to(&format!("/features/{}", grantor_web::answer::quoted(&feature.feature)));
            let use_ = Use { used: feature.in_use, of: feature.capacity };
            Row { feature: feature.feature, use_, waiting: feature.queue.len(), address }
        })
        .collect();
    rows.sort_by_key(|row| (std::cmp::Reverse(row.use_.percent()), std::cmp::Reverse(row.use_.used)));
    rows
}

fn concerns(visit: &Visit, site: &Site, rows: &[Row]) -> Vec<Concern> {
    let mut all = violations(visit, site);
    all.extend(licenses(visit, site));
    all.extend(rows.iter().filter_map(|row| scarce(visit, row)));
    all.extend(refused(visit));
    let may = visit.may(Scope::Licenses);
    if site.index().features.keys().all(|key| key.tenant != visit.tenant) {
        all.push(Concern {
            state: "warn",
            what: "No license file is loaded.".to_owned(),
            todo: if may { "Load one" } else { "Look" }.to_owned(),
            address: visit.to(if may { "/licenses/import" } else { "/licenses" }),
        });
    }
    all.sort_by_key(|concern| concern.state);
    all
}

fn violations(visit: &Visit, site: &Site) -> Vec<Concern> {
    let standing = site.violations().iter().filter_map(|violation| explained(violation, &visit.tenant));
    standing
        .map(|(what, todo)| Concern { state: "bad", what, todo, address: visit.to("/violations") })
        .collect()
}

fn licenses(visit: &Visit, site: &Site) -> Vec<Concern> {
    let today = visit.app.rules().loader.today(visit.app.now());
    let soon = today.checked_add(Span::new().days(SOON)).unwrap_or(today);
    let files = site.files().filter(|file| file.tenant == visit.tenant);
    let told = files.flat_map(|file| &file.licenses).filter_map(|license| {
        let (state, what) = match (crate::loader::state_name(license, today), license.expires, license.dies) {
            ("EXPIRED", ..) => ("bad", format!("The license {} has expired.", license.lrn)),
            ("NOT_ACTIVATED", _, Some(dies)) => {
                ("warn", format!("The license {} is not activated and stops working on {dies}.", license.lrn))
            }
            ("OK", Some(last), _) if last <= soon => {
                ("warn", format!("The license {} ends after {last}.", license.lrn))
            }
            _ => return None,
        };
        let (todo, path) = match (visit.may(Scope::Licenses), what.contains("not activated")) {
            (false, _) => ("Look at it", "/licenses"),
            (true, true) => ("Activate it", "/activate"),
            (true, false) => ("Renew it and load the new file", "/licenses/import"),
        };
        Some(Concern { state, what, todo: todo.to_owned(), address: visit.to(path) })
    });
    told.collect()
}

fn scarce(visit: &Visit, row: &Row) -> Option<Concern> {
    let what = match row.use_.state() {
        "bad" if row.use_.of == Some(0) => return None,
        "bad" => format!("Every license of {} is in use.", row.feature),
        "warn" => format!("{} is nearly used up: {}.", row.feature, row.use_.text()),
        _ => return None,
    };
    let address = visit.to(&format!("/in-use?feature={}", grantor_web::answer::quoted(&row.feature)));
    Some(Concern { state: "warn", what, todo: "See who has held one longest".to_owned(), address })
}

fn refused(visit: &Visit) -> Option<Concern> {
    let now = visit.app.now();
    let late = |refused: &&crate::recent::Refused| {
        *refused.tenant == *visit.tenant && now.millis_since(refused.at) < HOUR
    };
    let count = visit.app.recent.refused().iter().filter(late).count();
    (count > 0).then(|| Concern {
        state: "warn",
        what: format!("{count} requests were refused in the last hour."),
        todo: "See why".to_owned(),
        address: visit.to("/refusals"),
    })
}

/// When this server started, for pages that tell of what happened since.
pub(super) fn started(visit: &Visit) -> String {
    super::render::moment(&moment(visit.app.started))
}
