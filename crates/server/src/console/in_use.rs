//! Who holds what: live grants, the one held longest first, by feature, person or host; and taking one back with a reason.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use grantor_api::status::Holding;
use grantor_site::access::Scope;
use grantor_site::ids::GrantId;
use grantor_site::pool::{FeatureKey, Pool};
use grantor_site::{Command, Refusal, Site};
use grantor_web::answer::{done, page};
use grantor_web::frame::Frame;
use grantor_web::list::{PER_PAGE, Turn, turn};

use super::form::Form;
use super::visit::Visit;
use crate::clock::instant as at;
use crate::http::{Failure, feature_status, holding, name};

/// Pages that can be turned to: whoever looks for somebody searches.
const PAGES: u64 = 100;

#[derive(Template)]
#[template(path = "in_use.html")]
struct Page {
    frame: Frame,
    tenant: String,
    features: Vec<String>,
    feature: String,
    text: String,
    rows: Vec<Row>,
    turn: Turn,
    may: bool,
    now: jiff::Timestamp,
}

struct Row {
    feature: String,
    held: Holding,
}

/// What is looked for.
struct Wanted {
    key: Option<FeatureKey>,
    text: String,
}

impl Wanted {
    fn of(visit: &Visit) -> Self {
        let key = visit.asked.given("feature").map(|feature| FeatureKey::new(&visit.tenant, &feature));
        Self { key, text: visit.asked.text("text").to_lowercase() }
    }

    fn pools<'a>(&'a self, site: &'a Site, visit: &'a Visit) -> impl Iterator<Item = &'a Pool> {
        let is_ours = |key: &&FeatureKey| {
            key.tenant == visit.tenant && self.key.as_ref().is_none_or(|wanted| wanted == *key)
        };
        site.index().features.keys().filter(is_ours).flat_map(|key| site.pools_and_remnants(key))
    }

    fn fits(&self, user: &str, host: &str) -> bool {
        self.text.is_empty()
            || user.to_lowercase().contains(&self.text)
            || host.to_lowercase().contains(&self.text)
    }
}

pub(crate) async fn show(visit: Visit) -> Response {
    let site = visit.app.consensus.view();
    let wanted = Wanted::of(&visit);
    let first = visit.asked.page().min(PAGES) * PER_PAGE;
    let (rows, total) = rows(&visit, &site, &wanted, first as usize);
    let keys = site.index().features.iter().filter(|(key, _)| key.tenant == visit.tenant);
    page(&Page {
        frame: visit.frame(),
        tenant: visit.tenant.to_string(),
        features: keys.map(|(_, known)| known.spelled.to_string()).collect(),
        feature: visit.asked.text("feature").to_owned(),
        text: visit.asked.text("text").to_owned(),
        rows,
        turn: Turn { csv: String::new(), ..turn(&visit.asked, total as u64) },
        may: visit.may(Scope::Release),
        now: at(visit.app.now()),
    })
}

/// The rows from the `first` one on, oldest first, and how many there are.
fn rows(visit: &Visit, site: &Site, wanted: &Wanted, first: usize) -> (Vec<Row>, usize) {
    let most = first + PER_PAGE as usize;
    let (mut all, mut total) = (Vec::new(), 0);
    for pool in wanted.pools(site, visit) {
        let fitting = site.holders(pool).filter(|held| wanted.fits(held.who.user(), held.who.host()));
        for (place, held) in fitting.enumerate() {
            total += 1;
            // Holders come oldest first: behind so many of its own no pool has one for this page.
            if place < most {
                all.push((held.since, pool.terms.feature.clone(), held));
            }
        }
        all.sort_by_key(|(since, _, held)| (*since, held.grant));
        all.truncate(most);
    }
    let row = |(_, feature, held): (_, std::sync::Arc<str>, _)| {
        Some(Row { feature: feature.to_string(), held: holding(site, &held)? })
    };
    (all.into_iter().skip(first).filter_map(row).collect(), total)
}

pub(crate) async fn release(
    visit: Visit,
    Path(id): Path<u64>,
    Form(form): Form,
) -> Result<Response, Failure> {
    let reason = form.text("reason").to_owned();
    name("reason", &reason, grantor_api::limits::REASON)?;
    let grant = GrantId(id);
    let tenant = {
        let site = visit.app.consensus.view();
        let pool = site.grant_by_id(grant).and_then(|grant| site.pool(grant.pool));
        pool.map(|pool| pool.terms.key.tenant.clone())
    };
    let tenant = tenant.ok_or(Refusal::AlreadyReturned)?;
    let by = visit.caller.need_for(Scope::Release, &tenant)?;
    visit.app.propose(Command::RemoveGrant { grant, by, reason }).await?;
    Ok(done(&visit.to("/in-use"), "released"))
}

#[derive(Template)]
#[template(path = "holders.html")]
struct By {
    frame: Frame,
    what: &'static str,
    tenant: String,
    rows: Vec<(String, u32, String)>,
    more: usize,
}

/// Lines of a summary.
const SUMMED: usize = 200;

/// How much each person or host holds, the one with most first.
pub(crate) async fn summed(visit: Visit, Path(by): Path<String>) -> Response {
    let (site, is_host) = (visit.app.consensus.view(), by == "host");
    let mut sums: BTreeMap<String, (u32, BTreeMap<String, u32>)> = BTreeMap::new();
    let wanted = Wanted::of(&visit);
    for pool in wanted.pools(&site, &visit) {
        for held in site.holders(pool) {
            let who = if is_host { held.who.host() } else { held.who.user() };
            let (sum, features) = sums.entry(who.to_owned()).or_default();
            *sum = sum.saturating_add(held.count);
            *features.entry(pool.terms.feature.to_string()).or_default() += held.count;
        }
    }
    let mut rows: Vec<_> = sums.into_iter().collect();
    rows.sort_by_key(|(_, (sum, _))| std::cmp::Reverse(*sum));
    let more = rows.len().saturating_sub(SUMMED);
    let text = |features: BTreeMap<String, u32>| {
        features.iter().map(|(feature, count)| format!("{feature} {count}")).collect::<Vec<_>>().join(", ")
    };
    let rows = rows.into_iter().take(SUMMED).map(|(who, (sum, features))| (who, sum, text(features)));
    let what = if is_host { "host" } else { "person" };
    page(&By { frame: visit.frame(), what, tenant: visit.tenant.to_string(), rows: rows.collect(), more })
}

/// A feature's use, for its own page.
pub(super) fn waiting(site: &Site, key: &FeatureKey) -> Vec<grantor_api::status::Queued> {
    feature_status(site, key, 0).queue
}
