//! The one write: changes of a tenant's directory, all of them or none, or only what would come of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use grantor_api::directory::{Changed, Changes, Difference};
use grantor_api::{Code, Problem, limits};
use grantor_license::Model;
use grantor_site::access::Scope;
use grantor_site::directory::Change;
use grantor_site::{Command, Entry, Reply, Site};

use super::super::answer::{Failure, bad_request};
use super::super::auth::Caller;
use super::super::body::{self, Path, name, required};
use super::{App, show};

mod convert;

pub(crate) use convert::change as site_change;

/// Changes a tenant's directory: all in their order, or none. With `dry_run`, says what would come of it.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/changes", tag = "directory", params(("tenant" = String, Path)), request_body = Changes,
    responses((status = 200, body = Changed), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(tenant): Path<String>,
    request: Request,
) -> Result<Json<Changed>, Failure> {
    let by = caller.need_for(Scope::Allocate, &tenant)?;
    required("tenant", &tenant, limits::NAME)?;
    let (body, bytes): (Changes, usize) =
        body::measured(request.into_body(), limits::TRIED_BODY, &app).await?;
    let (dry_run, changes) = (body.dry_run, checked(body, bytes)?);
    let count = u32::try_from(changes.len()).unwrap_or(u32::MAX);
    let tenant: Arc<str> = tenant.into();
    let command = Command::Direct { tenant: tenant.clone(), changes: Arc::new(changes), by };
    let before = app.consensus.view();
    let (reply, after) = match dry_run {
        true => try_out(&app, &before, command).await?,
        false => (app.propose(command).await?, app.consensus.view()),
    };
    let Reply::Directed { warnings } = reply else { return Err(App::confused()) };
    Ok(Json(Changed {
        dry_run,
        changes: count,
        warnings: warnings.iter().map(show::warning).collect(),
        allocation: differences(&before, &after, &tenant),
    }))
}

/// Carries the command out on a copy of the site, off the threads that answer.
async fn try_out(app: &App, before: &Arc<Site>, command: Command) -> Result<(Reply, Arc<Site>), Failure> {
    let (mut site, at) = (Site::clone(before), app.now());
    let tried = tokio::task::spawn_blocking(move || {
        let outcome = site.apply(&Entry { at, command });
        (outcome.reply, Arc::new(site))
    });
    let (reply, site) = tried.await.map_err(|_| App::confused())?;
    Ok((reply?, site))
}

/// The changes in the site's words, within their bounds: more may be asked about than is written at once, so that what
/// takes several writes can be tried as a whole.
fn checked(body: Changes, bytes: usize) -> Result<Vec<Change>, Failure> {
    let (most, most_bytes) = match body.dry_run {
        true => (limits::TRIED, limits::TRIED_BODY),
        false => (limits::CHANGES, limits::CHANGES_BODY),
    };
    if bytes > most_bytes {
        return Err(too_many(format!("the body has {bytes} bytes, and {most_bytes} are the most")));
    }
    let changes = body.changes;
    if changes.is_empty() {
        return Err(bad_request("`changes` is empty").into());
    }
    let names: usize = changes.iter().map(convert::size).sum();
    if names > most {
        return Err(too_many(format!("there are {names} changes and names in all, and {most} are the most")));
    }
    for (number, change) in changes.iter().enumerate() {
        for text in convert::texts(change) {
            name(&format!("changes[{number}]"), text, limits::NAME)?;
        }
    }
    Ok(changes.into_iter().map(convert::change).collect())
}

fn too_many(detail: String) -> Failure {
    Problem::new(Code::TooLarge, "too many changes at once", detail)
        .hint("send them in several requests; `grantor import` does so")
        .into()
}

/// What is counted of a feature in one model.
#[derive(Clone, Copy, Default, PartialEq)]
struct Count {
    allowed: Option<u32>,
    configured: u32,
    in_use: u32,
}

/// Features of a tenant whose use is another than before.
pub(crate) fn differences(before: &Site, after: &Site, tenant: &str) -> Vec<Difference> {
    let (then, now) = (counts(before, tenant), counts(after, tenant));
    let changed = now.into_iter().filter_map(|((feature, model), now)| {
        let then = then.get(&(feature.clone(), model)).copied().unwrap_or_default();
        (then.configured != now.configured || then.in_use != now.in_use).then(|| Difference {
            feature,
            model: model.to_owned(),
            allowed: now.allowed,
            configured_before: then.configured,
            configured_after: now.configured,
            in_use_before: then.in_use,
            in_use_after: now.in_use,
        })
    });
    changed.collect()
}

fn counts(site: &Site, tenant: &str) -> BTreeMap<(String, &'static str), Count> {
    let mut counts = BTreeMap::new();
    for row in site.allocation(tenant) {
        let (allowed, configured, in_use) =
            (row.assignable_allowed, row.assignable_configured, row.assignable_in_use);
        let assignable = Count { allowed, configured, in_use };
        let (allowed, configured, in_use) =
            (row.concurrent_allowed, row.concurrent_configured, row.concurrent_in_use);
        let concurrent = Count { allowed, configured, in_use };
        counts.insert((row.feature.to_string(), Model::Assignable.name()), assignable);
        counts.insert((row.feature.to_string(), Model::Concurrent.name()), concurrent);
    }
    let own = site.index().features.iter().filter(|(key, _)| &*key.tenant == tenant);
    for (key, known) in own {
        let pools: Vec<_> =
            site.pools_and_remnants(key).filter(|pool| pool.terms.model == Model::Role).collect();
        let in_use = pools.iter().map(|pool| pool.used).fold(0, u32::saturating_add);
        let allowed = pools.iter().try_fold(0u32, |sum, pool| Some(sum.saturating_add(pool.terms.capacity?)));
        if !pools.is_empty() {
            let count = Count { allowed, configured: in_use, in_use };
            counts.insert((known.spelled.to_string(), Model::Role.name()), count);
        }
    }
    counts
}
