//! `/v1/tenants/{tenant}/…`: who may use what, for tools and other programs. Reading and one write; what is refused is
//! decided by the site alone.

mod changes;
mod lists;
mod sessions;
pub(crate) mod show;
mod tables;

pub(crate) use changes::{differences, site_change};
use grantor_api::directory::Page;
use serde::Deserialize;
pub(crate) use show::warning;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Failure, bad_request};
use super::body::name;
use super::{App, auth};
use grantor_api::limits;
use grantor_site::access::Scope;

/// The routes, answered by the leader.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(lists::users))
        .routes(routes!(lists::user))
        .routes(routes!(lists::stations))
        .routes(routes!(lists::station))
        .routes(routes!(lists::groups))
        .routes(routes!(lists::group))
        .routes(routes!(lists::members))
        .routes(routes!(lists::roles))
        .routes(routes!(tables::allocation))
        .routes(routes!(tables::offered))
        .routes(routes!(tables::beyond_capacity))
        .routes(routes!(tables::presences))
        .routes(routes!(tables::warnings))
        .routes(routes!(tables::disconnects))
        .routes(routes!(tables::set_disconnect))
        .routes(routes!(changes::change))
        .routes(routes!(sessions::log_on, sessions::log_off))
        .routes(routes!(sessions::open_module))
}

/// What part of a list is wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    /// Only names that contain this, without regard to case.
    #[serde(default)]
    search: String,
    /// Only names behind this one.
    #[serde(default)]
    after: String,
    /// So many at most, 1 to 500; 100 if left out.
    limit: Option<usize>,
}

impl Part {
    /// Its limit, once everything about it is within bounds.
    fn bounded(&self) -> Result<usize, Failure> {
        name("search", &self.search, limits::NAME)?;
        // The place of a grant on a page is a name with a number.
        name("after", &self.after, 2 * limits::NAME + 32)?;
        let limit = self.limit.unwrap_or(100);
        if (1..=limits::PAGE).contains(&limit) {
            return Ok(limit);
        }
        Err(bad_request(format!("`limit` is {limit}, and may be 1 to {}", limits::PAGE)).into())
    }

    /// The page of `items`, each with its name, in no order, all of which are looked at.
    fn of<T>(&self, items: impl Iterator<Item = (String, T)>) -> Result<Page<(String, T)>, Failure> {
        let limit = self.bounded()?;
        let (search, after) = (fold(&self.search), fold(&self.after));
        let fits = |name: &str| name.contains(&search) && (after.is_empty() || *name > *after);
        let mut found: Vec<(String, (String, T))> =
            items.map(|item| (fold(&item.0), item)).filter(|(name, _)| fits(name)).collect();
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(cut(found.into_iter().map(|(_, item)| item).take(limit + 1).collect(), limit, |item| &item.0))
    }
}

/// The first `limit` of what was found, and where to go on if there is more.
fn cut<T>(mut found: Vec<T>, limit: usize, name: impl Fn(&T) -> &str) -> Page<T> {
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| has_more).map(|last| name(last).to_owned());
    Page { items: found, next }
}

fn fold(name: &str) -> String {
    name.trim().to_lowercase()
}

/// Whether the caller may read the tenant's directory.
fn reads(caller: &auth::Caller, tenant: &str) -> Result<(), Failure> {
    name("tenant", tenant, limits::NAME)?;
    caller.need_for(Scope::Read, tenant).map(drop)
}
