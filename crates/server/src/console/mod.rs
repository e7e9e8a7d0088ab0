//! The administrator's console, served by every license server: pages on the kit of crate `web`, which work without
//! JavaScript. A server that doesn't lead passes them on as it does the API. Shows and asks; every change is a command that
//! the API has, too, and what may be done is the token's to say. No page holds anything between two requests.

mod activate;
mod cluster;
mod door;
mod fault;
mod features;
mod form;
mod in_use;
mod licenses;
mod live;
mod overview;
mod render;
mod settings;
mod violations;
mod visit;

use axum::Router;
use axum::routing::{get, post};
use grantor_web::{assets, guard};

use crate::http::App;

/// Pages that the leader answers.
pub(crate) fn pages() -> Router<App> {
    Router::new()
        .route("/", get(overview::show))
        .route("/sign-in", get(door::ask).post(door::sign_in))
        .route("/sign-out", post(door::sign_out))
        .route("/set-up", get(door::ask_first).post(door::first))
        .route("/licenses", get(licenses::show))
        .route("/licenses/import", get(licenses::ask).post(licenses::preview))
        .route("/licenses/load", post(licenses::load))
        .route("/licenses/{name}", get(licenses::detail).post(licenses::remove))
        .route("/licenses/{name}/text", get(licenses::text))
        .route("/features", get(features::show))
        .route("/features/{name}", get(features::detail))
        .route("/activate", get(activate::ask).post(activate::request))
        .route("/in-use", get(in_use::show))
        .route("/in-use/by/{what}", get(in_use::summed))
        .route("/in-use/{grant}", post(in_use::release))
        .route("/refusals", get(violations::refusals))
        .route("/violations", get(violations::show))
        .route("/violations/clock", post(violations::confirm_clock))
        .route("/violations/{number}", post(violations::clear))
        .route("/cluster/join", post(cluster::join))
        .route("/cluster/lead/{server}", post(cluster::transfer))
        .route("/cluster/remove/{server}", post(cluster::remove))
        .route("/settings", get(settings::show))
        .route("/settings/tokens", post(settings::new_token))
        .route("/settings/tokens/{name}", post(settings::revoke))
        .route("/audit", get(settings::audit))
}

/// Pages that each server answers for itself.
pub(crate) fn own() -> Router<App> {
    Router::new()
        .route(assets::ROUTE, get(assets::serve))
        .route("/cluster", get(cluster::show))
        .route("/live", get(live::stream))
}

/// Pages with what surrounds them: failures in words, headers, and no change on another site's behalf.
pub(crate) fn dressed(pages: Router<App>) -> Router<App> {
    pages.layer(axum::middleware::from_fn(fault::in_words)).layer(axum::middleware::from_fn(guard::guard))
}
