//! The administrator's console, served by every license server: pages on the kit of crate `web`, which work without
//! JavaScript. A server that doesn't lead passes them on as it does the API. Shows and asks; every change is a command that
//! the API has, too, and what may be done is the token's to say. No page holds anything between two requests.

mod activate;
mod allocation;
mod assistant;
mod audit;
mod cluster;
mod deeds;
mod direct;
mod door;
mod fault;
mod features;
mod form;
mod groups;
mod in_use;
mod invitation;
mod licenses;
mod live;
mod me;
mod notices;
mod overview;
mod passkey;
mod people;
mod provider;
mod render;
mod settings;
mod stations;
mod tables;
mod users;
mod violations;
mod visit;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use grantor_api::limits;
use grantor_web::{assets, guard};

use crate::http::App;

/// Pages that the leader answers.
pub(crate) fn pages() -> Router<App> {
    Router::new()
        .route("/", get(overview::show))
        .route("/sign-in", get(door::ask).post(door::sign_in))
        .route("/sign-out", post(door::sign_out))
        .route("/set-up", get(door::ask_first).post(door::first))
        .route("/set-up/licenses", get(assistant::licenses))
        .route("/set-up/stations", get(assistant::ask_stations).post(assistant::make_stations))
        .route("/set-up/test", get(assistant::ask_test).post(assistant::test))
        .route("/set-up/done", post(assistant::finish))
        .route("/licenses", get(licenses::show))
        .route("/licenses/import", get(licenses::ask).post(licenses::preview).layer(with_a_file()))
        .route("/licenses/load", post(licenses::load))
        .route("/licenses/{name}", get(licenses::detail).post(licenses::remove))
        .route("/licenses/{name}/text", get(licenses::text))
        .route("/features", get(features::show))
        .route("/features/{name}", get(features::detail))
        .route("/activate", get(activate::ask).post(activate::request))
        .route("/activate/online", post(activate::online))
        .route("/allocation", get(allocation::show))
        .route("/allocation/{feature}", get(allocation::dialog).post(allocation::change))
        .route("/users", get(users::show).post(users::add))
        .route("/users/{name}", get(users::detail).post(users::change))
        .route("/stations", get(stations::show).post(stations::add))
        .route("/stations/{name}", get(stations::detail).post(stations::change))
        .route("/groups", get(groups::show).post(groups::add))
        .route("/groups/{name}", get(groups::detail).post(groups::change))
        .route("/roles", get(groups::roles).post(groups::change_role))
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
        .route("/me", get(me::show))
        .route("/settings", get(settings::show))
        .route("/settings/tokens", post(settings::new_token))
        .route("/settings/tokens/{name}", post(settings::revoke))
        .route("/audit", get(audit::show))
        .route("/notices", get(notices::show))
        .route("/notices/test", post(notices::try_out))
        .merge(signing_in())
        .merge(own_ways())
        .route("/settings/people", get(people::show).post(people::invite))
        .route("/settings/people/{name}", get(people::detail).post(people::change))
        .route("/settings/people/{name}/reset", post(people::reset))
        .route("/settings/people/{name}/remove", post(people::remove))
        .route("/settings/people/{name}/visits/end", post(people::end_visits))
        .route("/directory/import", get(tables::ask).post(tables::preview).layer(with_a_file()))
        .route("/directory/import/done", post(tables::carry_out))
        .route("/directory/export", get(tables::export))
}

/// Forms with a file in them are larger than what the framework takes unasked.
fn with_a_file() -> DefaultBodyLimit {
    DefaultBodyLimit::max(limits::LICENSE_FILE)
}

/// The door beyond the password, and invitations.
fn signing_in() -> Router<App> {
    Router::new()
        .route("/sign-in/code", get(door::ask_code).post(door::show_code))
        .route("/sign-in/passkey/ask", post(passkey::ask))
        .route("/sign-in/passkey", post(passkey::sign_in))
        .route("/sign-in/with/{name}", get(provider::sign_in))
        .route("/sign-in/with/{name}/back", get(provider::back))
        .route("/invitation/{secret}", get(invitation::ask).post(invitation::take))
        .route("/invitation/{secret}/with/{name}", post(provider::take_invitation))
}

/// What a person does about signing in.
fn own_ways() -> Router<App> {
    Router::new()
        .route("/me/password", post(me::change_password))
        .route("/me/codes", get(me::ask_codes).post(me::turn_codes_on))
        .route("/me/codes/off", post(me::turn_codes_off))
        .route("/me/codes/spare", post(me::make_spare))
        .route("/me/passkeys/ask", post(passkey::ask_new))
        .route("/me/passkeys", post(passkey::add))
        .route("/me/passkeys/{id}/remove", post(passkey::remove))
        .route("/me/accounts/{name}", post(provider::link))
        .route("/me/accounts/{name}/remove", post(provider::unlink))
        .route("/me/visits/end", post(me::end_others))
        .route("/me/visits/{name}/end", post(me::end_visit))
}

/// Pages that each server answers for itself.
pub(crate) fn own() -> Router<App> {
    Router::new()
        .route(assets::ROUTE, get(assets::serve))
        .route("/cluster", get(cluster::show))
        .route("/live", get(live::stream))
}

pub(crate) use fault::for_people;
pub(crate) use people::post_text;

/// Pages with what surrounds them: failures in words, headers, and no change on another site's behalf.
pub(crate) fn dressed(pages: Router<App>) -> Router<App> {
    pages.layer(axum::middleware::from_fn(fault::in_words)).layer(axum::middleware::from_fn(guard::guard))
}
