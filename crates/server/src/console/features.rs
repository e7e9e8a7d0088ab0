//! Features: how much of each there is, under which terms, who waits, and how use went over the last hour. Reads only.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use grantor_api::status::{Feature, Queued};
use grantor_site::Refusal;
use grantor_site::access::Scope;
use grantor_site::pool::FeatureKey;
use grantor_web::answer::page;
use grantor_web::frame::Frame;

use super::in_use::waiting;
use super::render::{Use, points};
use super::visit::Visit;
use crate::http::{Failure, feature_status};

#[derive(Template)]
#[template(path = "features.html")]
struct Features {
    frame: Frame,
    tenant: String,
    tenants: Vec<String>,
    rows: Vec<(Feature, Use)>,
    /// Whether license files may be loaded.
    may: bool,
}

fn used(feature: &Feature) -> Use {
    Use { used: feature.in_use, of: feature.capacity }
}

pub(crate) async fn show(visit: Visit) -> Response {
    let site = visit.app.consensus.view();
    let keys = site.index().features.keys().filter(|key| key.tenant == visit.tenant);
    let rows = keys.map(|key| feature_status(&site, key, 0)).map(|feature| {
        let use_ = used(&feature);
        (feature, use_)
    });
    page(&Features {
        frame: visit.frame(),
        tenant: visit.tenant.to_string(),
        tenants: visit.tenants(),
        rows: rows.collect(),
        may: visit.may(Scope::Licenses),
    })
}

#[derive(Template)]
#[template(path = "feature.html")]
struct Detail {
    frame: Frame,
    tenant: String,
    feature: Feature,
    use_: Use,
    queue: Vec<Queued>,
    points: String,
    most: u32,
    beyond: Vec<String>,
}

pub(crate) async fn detail(visit: Visit, Path(name): Path<String>) -> Result<Response, Failure> {
    let site = visit.app.consensus.view();
    let key = FeatureKey::new(&visit.tenant, &name);
    if !site.index().features.contains_key(&key) {
        return Err(Refusal::UnknownFeature { feature: name, nearest: Vec::new() }.into());
    }
    let feature = feature_status(&site, &key, 0);
    let samples = visit.app.recent.used(&key);
    let beyond = site.beyond_capacity(&key);
    Ok(page(&Detail {
        frame: visit.frame(),
        tenant: visit.tenant.to_string(),
        use_: used(&feature),
        points: points(&samples, feature.capacity),
        most: samples.iter().copied().max().unwrap_or(feature.in_use),
        queue: waiting(&site, &key),
        beyond: beyond.iter().map(|held| format!("{} at {}", held.who.user(), held.who.host())).collect(),
        feature,
    }))
}
