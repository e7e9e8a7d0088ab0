//! License servers that use license files which don't count any more: of one account, and of all.

use axum::Json;

use super::ask::Path;
use super::list::{PER_PAGE, Rows, rows};
use super::{Caller, Problem, Refused};
use crate::activation::{self, StillUsed};
use crate::http::ask::now;
use crate::http::form::Fields;
use crate::http::{Need, Route};
use crate::rights::Right;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/accounts/{account}/still-used", Need::Token, of_account),
        Route::get("/api/v1/still-used", Need::Token, all),
    ]
}

/// License servers that use files which don't count any more.
#[utoipa::path(get, path = "/api/v1/accounts/{account}/still-used", params(("account" = String, Path, description = "Reference number"), ("page" = Option<u64>, Query, description = "From 0")), responses((status = 200, body = Rows<StillUsed>), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn of_account(
    caller: Caller,
    Path(account): Path<String>,
    asked: Fields,
) -> Result<Json<Rows<StillUsed>>, Problem> {
    let account = caller.account(&account, Right::See).await?;
    let (store, pages) = (&caller.app.store, (asked.page(), PER_PAGE));
    let (total, found) = activation::still_used(store, Some(&account), None, now(), pages).await?;
    Ok(rows(total, found))
}

/// License servers of all accounts that use files which don't count any more, for the publisher's staff.
#[utoipa::path(get, path = "/api/v1/still-used", params(("page" = Option<u64>, Query, description = "From 0")), responses((status = 200, body = Rows<StillUsed>), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn all(caller: Caller, asked: Fields) -> Result<Json<Rows<StillUsed>>, Problem> {
    caller.needs(Right::Requests)?;
    let pages = (asked.page(), PER_PAGE);
    let (total, found) = activation::still_used(&caller.app.store, None, None, now(), pages).await?;
    Ok(rows(total, found))
}
