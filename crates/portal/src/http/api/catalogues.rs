//! What is sold: catalogues in their latest editions, and loading a new one.

use axum::Json;
use axum::http::StatusCode;
use grantor_web::form::Fields;
use serde::Serialize;
use utoipa::ToSchema;

use super::ask::{File, Path, bytes};
use super::{Caller, Problem, Refused};
use crate::catalogues::{self, Edition, Kept};
use crate::http::house::{CatalogueItem, catalogue_items, checked_name};
use crate::http::{Need, Route};
use crate::rights::Right;
use crate::{Failure, Refusal};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/catalogues", Need::Token, list),
        Route::get("/api/v1/catalogues/{name}", Need::Token, one),
        Route::upload("/api/v1/catalogues/{name}", Need::Token, load),
    ]
}

/// A catalogue in its latest edition.
#[derive(Serialize, ToSchema)]
pub(super) struct Listed {
    name: String,
    title: String,
    edition: String,
    /// How many sellable items it has, retired ones too.
    items: usize,
}

fn listed(name: &str, edition: &Edition) -> Listed {
    let catalogue = &edition.catalogue;
    Listed {
        name: name.to_owned(),
        title: catalogue.title.clone(),
        edition: catalogue.edition.clone(),
        items: catalogue.items.len(),
    }
}

/// A catalogue with what it sells.
#[derive(Serialize, ToSchema)]
pub(super) struct Whole {
    #[serde(flatten)]
    catalogue: Listed,
    parts: Vec<CatalogueItem>,
    /// Every edition that was loaded, the latest first: ask for one by its `id`.
    editions: Vec<Kept>,
}

/// Catalogues in their latest editions.
#[utoipa::path(get, path = "/api/v1/catalogues", responses((status = 200, body = Vec<Listed>), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn list(caller: Caller) -> Result<Json<Vec<Listed>>, Problem> {
    caller.needs(Right::Catalogue)?;
    let editions = catalogues::current(&caller.app.store, caller.app.store.read()).await?;
    Ok(Json(editions.iter().map(|(name, edition)| listed(name, edition)).collect()))
}

fn whole(name: &str, edition: &Edition, editions: Vec<Kept>) -> Whole {
    Whole { catalogue: listed(name, edition), parts: catalogue_items(edition), editions }
}

/// A catalogue in its latest edition or an earlier one, with what it sells.
#[utoipa::path(get, path = "/api/v1/catalogues/{name}", params(("name" = String, Path), ("edition" = Option<i64>, Query, description = "The `id` of one of its editions; the latest if left out")), responses((status = 200, body = Whole), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn one(
    caller: Caller,
    Path(name): Path<String>,
    asked: Fields,
) -> Result<Json<Whole>, Problem> {
    caller.needs(Right::Catalogue)?;
    let unknown = || Failure::from(Refusal::UnknownCatalogue(name.clone()));
    let wanted = match asked.text("edition") {
        "" => None,
        id => Some(id.parse().map_err(|_| unknown())?),
    };
    let found = catalogues::one(&caller.app.store, &name, wanted).await?;
    let (edition, editions) = found.ok_or_else(unknown)?;
    Ok(Json(whole(&name, &edition, editions)))
}

/// Loads an edition of a catalogue; the same text twice is the same edition. Every mistake of it is told, and nothing loaded then.
#[utoipa::path(post, path = "/api/v1/catalogues/{name}", params(("name" = String, Path, description = "Small letters, digits, - and _, up to 60")), request_body(content = String, content_type = "application/toml"), responses((status = 201, body = Whole), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn load(
    caller: Caller,
    Path(name): Path<String>,
    text: File,
) -> Result<(StatusCode, Json<Whole>), Problem> {
    caller.needs(Right::Catalogue)?;
    checked_name(&name).map_err(Failure::from)?;
    let text = bytes(text)?;
    let text = String::from_utf8_lossy(&text);
    let edition = catalogues::load(&caller.app.store, &name, &text, caller.by()).await?;
    let editions = catalogues::kept(caller.app.store.read(), &name).await?;
    Ok((StatusCode::CREATED, Json(whole(&name, &edition, editions))))
}
