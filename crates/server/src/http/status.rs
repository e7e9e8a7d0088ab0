//! `/v1/admin/status`: the site as `grantor stat` and dashboards see it.

use std::sync::Arc;

use axum::extract::State;
use grantor_api::status::{Feature, File, Holding, License, Pool, Queued, Server, Status, Violation};
use grantor_site::pool::FeatureKey;
use grantor_site::violation::Breach;
use grantor_site::{Site, pool};
use jiff::civil::Date;
use serde::Deserialize;
use utoipa::IntoParams;

use super::App;
use super::answer::Failure;
use super::auth::Caller;
use super::body::Query;
use crate::clock::instant;

/// What part of the status is wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Only this feature; compared without case.
    feature: Option<String>,
    /// Only this tenant.
    tenant: Option<String>,
    /// So many holders of each pool at most; all if left out.
    holders: Option<usize>,
}

/// The server, its license files, features, holders, queues and violations.
#[utoipa::path(get, path = "/v1/admin/status", tag = "administration", params(Wanted),
    responses((status = 200, body = Status), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn status(
    State(app): State<App>,
    caller: Caller,
    Query(wanted): Query<Wanted>,
) -> Result<axum::Json<Status>, Failure> {
    let bound = caller.reads()?;
    let site = app.consensus.view();
    let today = app.rules().loader.today(app.now());
    let sees = |tenant: &str| {
        bound.as_ref().is_none_or(|of| of.iter().any(|of| **of == *tenant))
            && wanted.tenant.as_deref().is_none_or(|of| of == tenant)
    };
    let folded = wanted.feature.as_ref().map(|feature| feature.to_lowercase());
    let keys = site
        .index()
        .features
        .keys()
        .filter(|key| sees(&key.tenant) && folded.as_deref().is_none_or(|f| f == &*key.feature));
    let features: Vec<Feature> =
        keys.map(|key| feature(&site, key, wanted.holders.unwrap_or(usize::MAX))).collect();
    let violations = site
        .violations()
        .iter()
        .map(violation)
        .filter(|violation| violation.tenant.as_deref().is_none_or(&sees));
    let (sessions, grants) = counts(&site, bound.as_deref());
    Ok(axum::Json(Status {
        server: server(&app),
        now: instant(app.now()),
        files: site.files().filter(|file| sees(&file.tenant)).map(|file| self::file(file, today)).collect(),
        features,
        violations: violations.collect(),
        sessions,
        grants,
    }))
}

/// How many sessions and grants there are, of what the caller may see.
fn counts(site: &Site, bound: Option<&[Arc<str>]>) -> (u64, u64) {
    let Some(bound) = bound else { return (site.session_count() as u64, site.grant_count() as u64) };
    let theirs = site.sessions().filter(|(_, session)| bound.contains(&session.tenant));
    theirs.fold((0, 0), |(sessions, grants), (_, session)| {
        (sessions + 1, grants + session.grants().len() as u64)
    })
}

fn server(app: &App) -> Server {
    let status = app.consensus.status();
    Server {
        host: app.host.clone(),
        port: app.port,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        role: format!("{:?}", status.role).to_lowercase(),
        started: instant(app.started),
        applied: status.applied.unwrap_or(0),
        log_bytes: status.log_bytes,
        zone: app.rules().loader.zone_name(),
    }
}

fn file(file: &grantor_site::command::LicenseFile, today: Date) -> File {
    let licenses = file.licenses.iter().map(|license| License {
        lrn: license.lrn.clone(),
        customer: license.customer.clone(),
        state: crate::loader::state_name(license, today).to_owned(),
    });
    File {
        tenant: file.tenant.to_string(),
        name: file.name.clone(),
        sha256: crate::tls::hex(&file.digest),
        lines: u32::try_from(file.lines.len()).unwrap_or(u32::MAX),
        licenses: licenses.collect(),
    }
}

/// A feature with all its pools, so many holders of each at most.
pub(crate) fn feature(site: &Site, key: &FeatureKey, holders: usize) -> Feature {
    let pools: Vec<Pool> = site.pools_and_remnants(key).map(|pool| self::pool(site, pool, holders)).collect();
    let spelled =
        site.index().features.get(key).map_or_else(|| key.feature.clone(), |known| known.spelled.clone());
    let uncounted = pools.iter().any(|pool| pool.capacity.is_none());
    Feature {
        tenant: key.tenant.to_string(),
        feature: spelled.to_string(),
        capacity: (!uncounted).then(|| pools.iter().filter_map(|pool| pool.capacity).sum()),
        in_use: pools.iter().map(|pool| pool.in_use).sum(),
        pools,
        queue: queue(site, key),
    }
}

fn pool(site: &Site, pool: &pool::Pool, holders: usize) -> Pool {
    let terms = &pool.terms;
    Pool {
        publisher: terms.publisher.to_string(),
        version: terms.version.to_string(),
        model: terms.model.name().to_owned(),
        capacity: terms.capacity,
        overdraft: terms.overdraft,
        in_use: pool.used,
        ends: terms.ends.map(instant),
        locked_to: terms.locks.iter().map(ToString::to_string).collect(),
        vendor_string: terms.vendor_string.clone(),
        holders: site.holders(pool).take(holders).filter_map(|held| holding(site, &held)).collect(),
    }
}

/// A grant as the API shows it.
pub(crate) fn holding(site: &Site, held: &grantor_site::outcome::Held) -> Option<Holding> {
    let grant = site.grant_by_id(held.grant)?;
    let borrowed = site.borrowed_until(held.grant);
    Some(Holding {
        grant: held.grant.0,
        user: held.who.user().to_owned(),
        host: held.who.host().to_owned(),
        display: held.who.display().to_owned(),
        application: held.who.application().to_owned(),
        process: held.who.process(),
        version: grant.asked.to_string(),
        count: held.count,
        since: instant(held.since),
        held_until: grant.until().filter(|_| borrowed.is_none()).map(instant),
        borrowed_until: borrowed.map(instant),
    })
}

fn queue(site: &Site, key: &FeatureKey) -> Vec<Queued> {
    let waiting = site.waiting(key).filter_map(|(ticket, waiting)| {
        let who = &site.session(waiting.ask.session)?.who;
        Some(Queued {
            ticket: ticket.0,
            user: who.user().to_owned(),
            host: who.host().to_owned(),
            display: who.display().to_owned(),
            version: waiting.ask.version.to_string(),
            count: waiting.ask.amount.at_least,
            since: instant(waiting.since),
        })
    });
    waiting.collect()
}

fn violation(violation: &grantor_site::violation::Violation) -> Violation {
    let (tenant, feature) = match &violation.breach {
        Breach::Expired { tenant, feature }
        | Breach::OverCapacity { tenant, feature }
        | Breach::NoneLeft { tenant, feature }
        | Breach::UnknownFeature { tenant, feature } => (Some(tenant.to_string()), Some(feature.to_string())),
        Breach::ClockSetBack { .. } | Breach::ClockSetAhead { .. } => (None, None),
    };
    Violation {
        number: violation.number,
        kind: violation.breach.kind().to_owned(),
        tenant,
        feature,
        since: instant(violation.since),
    }
}
