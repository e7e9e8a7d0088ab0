//! The API's description for programs that read it (OpenAPI 3.1), made from the handlers and their types.

use axum::http::header;
use axum::response::IntoResponse;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{
    __path_activate, __path_report, account, attachments, catalogues, files, filters, hooks, imports, log,
    orders, people, requests, sites, still_used, upgrades,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Grantor portal", description = "Accounts, orders, install sites and license files, for programs with a token"),
    paths(
        activate, account::list, account::create, account::one, account::summary, account::software, account::everything,
        sites::list, sites::create, sites::one, sites::edit,
        orders::book, orders::all, orders::list, orders::one, orders::letter,
        files::list, files::generate, files::document, files::details, files::move_to, files::deactivate,
        report, still_used::of_account, still_used::all,
        requests::of_account, requests::file, requests::one_of_account, requests::reply, requests::queue, requests::one,
        requests::answer, requests::note, requests::change,
        upgrades::list, upgrades::upgrade,
        imports::check, imports::begin, imports::latest, imports::one, imports::outcome, imports::stop,
        catalogues::list, catalogues::one, catalogues::load,
        people::list, people::invite, people::one, people::edit, people::certify, people::link, people::end_visits,
        people::end_visit,
        hooks::list, hooks::add, hooks::resume, hooks::remove, hooks::sent, log::search, log::export,
        attachments::attach, attachments::get, attachments::attach_as_staff, attachments::get_as_staff,
        filters::list, filters::save, filters::remove, account::edit, account::under,
    ),
    modifiers(&Token)
)]
struct Api;

/// Everything needs a token but what says otherwise.
struct Token;

impl Modify for Token {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let bearer =
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("Begins with `grp_`"));
        let schemes = api.components.get_or_insert_default();
        schemes.add_security_scheme("token", SecurityScheme::Http(bearer.build()));
        api.security = Some(vec![SecurityRequirement::new("token", Vec::<String>::new())]);
    }
}

/// The description as JSON.
fn openapi() -> String {
    Api::openapi().to_pretty_json().unwrap_or_default()
}

pub(super) async fn show() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], openapi())
}
