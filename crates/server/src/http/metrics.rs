//! `/metrics` for Prometheus: the site's pools and the server's counters. Needs a token with the scope `read`: feature
//! names and use are license data.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use grantor_site::access::Scope;
use grantor_site::{Event, Site};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::App;
use super::answer::Failure;
use super::auth::Caller;

/// Events counted since the server started.
#[derive(Default)]
pub(crate) struct Counters {
    granted: AtomicU64,
    returned: AtomicU64,
    revoked: AtomicU64,
    denied: AtomicU64,
    violations: AtomicU64,
    notices: AtomicU64,
}

impl Counters {
    /// Counts one event.
    pub(crate) fn count(&self, event: &Event) {
        let counter = match event {
            Event::CheckedOut(_) => &self.granted,
            Event::CheckedIn { .. } => &self.returned,
            Event::Revoked { .. } => &self.revoked,
            Event::Denied { .. } => &self.denied,
            Event::ViolationStarted(_) => &self.violations,
            Event::Noticed(_) => &self.notices,
            _ => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Feature {
    tenant: String,
    feature: String,
    version: String,
}

/// Pools and counters in the OpenMetrics text format.
#[utoipa::path(get, path = "/metrics", tag = "operation",
    responses((status = 200, body = String, content_type = "text/plain"), (status = "default", body = grantor_api::Problem, content_type = "application/problem+json")))]
pub(crate) async fn metrics(State(app): State<App>, caller: Caller) -> Result<Response, Failure> {
    caller.need(Scope::Read)?;
    let mut registry = Registry::with_prefix("grantor");
    pools(&mut registry, &app.consensus.view());
    counters(&mut registry, &app);
    let mut text = String::new();
    encode(&mut text, &registry).map_err(|_| App::confused())?;
    Ok(([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
        .into_response())
}

fn pools(registry: &mut Registry, site: &Site) {
    let (capacity, used) = (Family::<Feature, Gauge>::default(), Family::<Feature, Gauge>::default());
    let queued = Family::<Feature, Gauge>::default();
    for (key, known) in &site.index().features {
        for pool in site.pools_and_remnants(key) {
            let terms = &pool.terms;
            let labels = Feature {
                tenant: key.tenant.to_string(),
                feature: known.spelled.to_string(),
                version: terms.version.to_string(),
            };
            if let Some(seats) = terms.capacity {
                capacity.get_or_create(&labels).inc_by(seats.into());
            }
            used.get_or_create(&labels).inc_by(pool.used.into());
        }
        let waiting = i64::try_from(site.waiting(key).count()).unwrap_or(i64::MAX);
        if waiting > 0 {
            queued
                .get_or_create(&Feature {
                    tenant: key.tenant.to_string(),
                    feature: known.spelled.to_string(),
                    version: String::new(),
                })
                .set(waiting);
        }
    }
    registry.register("pool_seats", "Seats bought and in force; uncounted pools are left out", capacity);
    registry.register("pool_seats_used", "Seats that are out", used);
    registry.register("queue_length", "Requests that wait", queued);
    gauge(registry, "sessions", "Open sessions", site.session_count() as u64);
    gauge(registry, "grants", "Grants that are out", site.grant_count() as u64);
    let waits = site.notices().filter(|notice| !notice.open.is_empty()).count();
    gauge(registry, "notices_waiting", "Notices that have yet to be sent somewhere", waits as u64);
    gauge(registry, "violations_standing", "Standing violations", site.violations().iter().count() as u64);
}

fn gauge(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let gauge: Gauge = Gauge::default();
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    registry.register(name, help, gauge);
}

fn counter(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let counter: Counter = Counter::default();
    counter.inc_by(value);
    registry.register(name, help, counter);
}

fn counters(registry: &mut Registry, app: &App) {
    let events = &app.counters;
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    counter(registry, "checkouts", "Grants made since the server started", read(&events.granted));
    counter(registry, "checkins", "Grants given back since the server started", read(&events.returned));
    counter(registry, "revocations", "Grants taken away since the server started", read(&events.revoked));
    counter(registry, "denials", "Requests refused since the server started", read(&events.denied));
    counter(registry, "violations", "Violations that started since the server did", read(&events.violations));
    counter(registry, "notices", "Notices made since the server started", read(&events.notices));
    let status = app.consensus.status();
    counter(registry, "fsyncs", "Writes flushed to disk", status.fsyncs);
    counter(registry, "log_batches", "Entries written to the log", status.batches);
    counter(registry, "log_commands", "Commands in these entries", status.commands);
    gauge(registry, "log_bytes", "Bytes of log on disk", status.log_bytes);
    gauge(registry, "applied_index", "The entry applied last", status.applied.unwrap_or(0));
    gauge(
        registry,
        "fsync_last_microseconds",
        "How long the last flush took",
        u64::try_from(status.last_fsync.as_micros()).unwrap_or(u64::MAX),
    );
    gauge(registry, "sessions_watched", "Sessions whose signs of life are watched", app.living.len() as u64);
}
