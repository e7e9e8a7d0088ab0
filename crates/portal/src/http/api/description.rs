//! The API's description for programs that read it (OpenAPI 3.1), made from the handlers and their types.

use axum::http::header;
use axum::response::IntoResponse;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{__path_activate, __path_report, read, requests, write};

#[derive(OpenApi)]
#[openapi(
    info(title = "Grantor portal", description = "Accounts, orders, install sites and license files, for programs with a token"),
    paths(
        activate, read::accounts, read::summary, read::list_sites, read::list_orders, read::list_files, read::document,
        write::create_account, write::book, write::create_site, write::generate, write::deactivate,
        report, read::still_used,
        requests::of_account, requests::file, requests::one_of_account, requests::reply, requests::queue, requests::one,
        requests::answer, requests::note, requests::change,
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
