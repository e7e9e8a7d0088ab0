//! Upgrade Software: which parts have a newer version, and upgrading them, with quantities or mirroring all.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ask::{Body, Path, once};
use super::{Caller, Problem, Refused, body};
use crate::Failure;
use crate::accounts::Account;
use crate::entitlements::{Owner, Part};
use crate::http::form::Fields;
use crate::http::{Need, Route};
use crate::orders::NewLine;
use crate::rights::Right;
use crate::sites::{self, Site};
use crate::upgrades::{self, Choice, Offer};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/accounts/{account}/upgrades", Need::Token, list),
        Route::post("/api/v1/accounts/{account}/upgrades", Need::Token, upgrade),
    ]
}

/// A site's parts, with and without an upgrade.
#[derive(Serialize, ToSchema)]
pub(super) struct Offers {
    /// The install site's name.
    site: String,
    /// By catalogue and part number. Without `to`, no upgrade is offered.
    parts: Vec<Offer>,
}

/// What is owned at a site and was not mirrored yet, and what it can be upgraded to.
#[utoipa::path(get, path = "/api/v1/accounts/{account}/upgrades", params(("account" = String, Path, description = "Reference number"), ("site" = String, Query, description = "Name of the install site")), responses((status = 200, body = Offers), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn list(
    caller: Caller,
    Path(account): Path<String>,
    asked: Fields,
) -> Result<Json<Offers>, Problem> {
    let account = caller.account(&account, Right::See).await?;
    let site = sites::find(caller.app.store.read(), &account, asked.text("site")).await?;
    Ok(Json(offers(&caller, &account, site).await?))
}

async fn offers(caller: &Caller, account: &Account, site: Site) -> Result<Offers, Problem> {
    let owner = Owner { account: account.id, site: site.id };
    let today = jiff::Zoned::now().date().to_string();
    let parts = upgrades::offers(&caller.app.store, owner, &today).await?;
    Ok(Offers { site: site.details.name, parts })
}

/// Either `parts`, or `mirror`.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UpgradeBody {
    /// The install site's name.
    site: String,
    /// So many of each, which must be in no license file; the old ones go.
    #[serde(default)]
    parts: Vec<NewLine>,
    /// Everything that has an upgrade, the old version staying usable beside the new one; once for each.
    #[serde(default)]
    mirror: bool,
}

fn choice(asked: &UpgradeBody) -> Result<Choice, Failure> {
    if asked.mirror != asked.parts.is_empty() {
        return Err(Failure::field("parts", "say which parts, or `mirror`, and not both"));
    }
    if asked.mirror {
        return Ok(Choice::MirrorAll);
    }
    let mut chosen = BTreeMap::new();
    for line in &asked.parts {
        let part = Part { catalogue: line.catalogue.clone(), number: line.part.clone() };
        if chosen.insert(part, line.quantity).is_some() {
            return Err(Failure::field("parts", format!("{} is chosen twice", line.part)));
        }
    }
    Ok(Choice::Some(chosen))
}

/// Upgrades, and gives what can be upgraded now. License files are made anew to use it.
#[utoipa::path(post, path = "/api/v1/accounts/{account}/upgrades", params(("account" = String, Path, description = "Reference number"), ("Idempotency-Key" = String, Header, description = "8 to 200 characters: the same again is upgraded once")), request_body = UpgradeBody, responses((status = 200, body = Offers), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn upgrade(
    caller: Caller,
    Path(account): Path<String>,
    headers: HeaderMap,
    asked: Body<UpgradeBody>,
) -> Result<Json<Offers>, Problem> {
    let account = caller.account(&account, Right::Files).await?;
    let (store, asked) = (&caller.app.store, body(asked)?);
    let site = sites::find(store.read(), &account, &asked.site).await?;
    let choice = choice(&asked)?;
    let once = once(&caller, "upgrade", &headers, &(&account.reference, &asked))?;
    let today = jiff::Zoned::now().date().to_string();
    let of = (&account, &site);
    upgrades::apply_once(store, of, &choice, &today, caller.by(), Some(&once)).await?;
    Ok(Json(offers(&caller, &account, site).await?))
}
