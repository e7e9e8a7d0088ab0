//! License files: found, looked at, made, moved to another machine, ended. What makes a file names its request by the header
//! `Idempotency-Key`, so that it is made once however often it is asked for.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use grantor_license::Change;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::ask::{Body, Path, own_key, request_key};
use super::list::{PER_PAGE, Rows, rows};
use super::{Caller, Problem, Refused, body, sign};
use crate::Failure;
use crate::accounts::Account;
use crate::activation::{self, Move, StillUsed};
use crate::files::binding::is_bound;
use crate::files::{self, LicenseFile, Machine, Preview, Request, Selection};
use crate::http::account::{file_filter, file_lines, file_order};
use crate::http::ask::now;
use crate::http::form::Fields;
use crate::http::{Need, Route};
use crate::people::Actor;
use crate::rights::Right;
use crate::sites;

/// What a list of files can be sorted by.
const SORTS: [&str; 6] = ["generated", "expires", "machine", "product", "type", "by"];
/// Servers with an ended file that its details name, at most.
const SHOWN: u64 = 20;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/accounts/{account}/files", Need::Token, list),
        Route::post("/api/v1/accounts/{account}/files", Need::Token, generate),
        Route::get("/api/v1/accounts/{account}/files/{number}", Need::Token, document),
        Route::get("/api/v1/accounts/{account}/files/{number}/details", Need::Token, details),
        Route::post("/api/v1/accounts/{account}/files/{number}/move", Need::Token, move_to),
        Route::post("/api/v1/accounts/{account}/files/{number}/deactivate", Need::Token, deactivate),
    ]
}

/// License files that every filter lets through, the latest first unless something else is wanted.
#[utoipa::path(get, path = "/api/v1/accounts/{account}/files", params(("account" = String, Path, description = "Reference number"), ("site" = Option<String>, Query, description = "Name of the install site"), ("from" = Option<String>, Query, description = "Generated on this day or later, yyyy-mm-dd"), ("until" = Option<String>, Query, description = "Generated on this day or before, yyyy-mm-dd"), ("active" = Option<String>, Query, description = "yes (default), no or all"), ("product" = Option<String>, Query, description = "A catalogue's name"), ("type" = Option<String>, Query, description = "A license type's name"), ("by" = Option<String>, Query, description = "A part of who generated it"), ("machine" = Option<String>, Query, description = "A part of the machine's name"), ("sort" = Option<String>, Query, description = "generated, expires, machine, product, type or by"), ("falling" = Option<String>, Query, description = "yes: with `sort`, the last one first"), ("page" = Option<u64>, Query, description = "From 0")), responses((status = 200, body = Rows<LicenseFile>), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn list(
    caller: Caller,
    Path(account): Path<String>,
    asked: Fields,
) -> Result<Json<Rows<LicenseFile>>, Problem> {
    let account = caller.account(&account, Right::See).await?;
    let store = &caller.app.store;
    one_of(&asked, "sort", &SORTS)?;
    one_of(&asked, "active", &["yes", "no", "all"])?;
    let mut filter = file_filter(&asked);
    if let Some(name) = asked.given("site") {
        filter.site = Some(sites::find(store.read(), &account, &name).await?.id);
    }
    let (total, found) =
        files::list(store, &account, &filter, file_order(&asked), asked.page(), PER_PAGE).await?;
    Ok(rows(total, found))
}

/// A word of a query that is none is told, and not taken for another.
pub(super) fn one_of(asked: &Fields, name: &'static str, words: &[&str]) -> Result<(), Problem> {
    let said = asked.text(name);
    if said.is_empty() || words.contains(&said) {
        return Ok(());
    }
    Err(Failure::field(name, format!("`{said}` is none of {}", words.join(", "))).into())
}

/// The signed text itself: of a license file, or of the deactivation file that ended one.
#[utoipa::path(get, path = "/api/v1/accounts/{account}/files/{number}", params(("account" = String, Path, description = "Reference number"), ("number" = String, Path)), responses((status = 200, body = String, content_type = "text/plain"), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn document(
    caller: Caller,
    Path((account, number)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let account = caller.account(&account, Right::See).await?;
    Ok(files::document(&caller.app.store, &account, &number).await?.into_response())
}

/// All that is known of a license file.
#[derive(Serialize, ToSchema)]
pub(super) struct Known {
    #[serde(flatten)]
    file: LicenseFile,
    /// What was chosen, as an update begins with it.
    selection: Selection,
    /// Why it is not active any more.
    ended: Option<String>,
    /// The number of the file that it took the place of.
    replaces: Option<String>,
    /// Whether it is a deactivation file: it grants nothing, and says so.
    deactivates: bool,
    /// The number of the deactivation file, where the file was deactivated.
    deactivation: Option<String>,
    /// The ordered items that it uses: part number and quantity.
    used: BTreeMap<String, u32>,
    /// What is there or not.
    features: Vec<String>,
    /// What is counted.
    licenses: Vec<String>,
    /// Whether it is bound to a machine's host id, and not only to an installation's key.
    bound: bool,
    /// How many moves to another machine are left this year; null: as many as needed.
    moves_left: Option<u64>,
    /// Installations that use it though it does not count any more, at most 20.
    still_used: Vec<StillUsed>,
}

/// All that is known of one of the account's files.
#[utoipa::path(get, path = "/api/v1/accounts/{account}/files/{number}/details", params(("account" = String, Path, description = "Reference number"), ("number" = String, Path)), responses((status = 200, body = Known), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn details(
    caller: Caller,
    Path((account, number)): Path<(String, String)>,
) -> Result<Json<Known>, Problem> {
    let account = caller.account(&account, Right::See).await?;
    Ok(Json(known(&caller, &account, &number).await?))
}

async fn known(caller: &Caller, account: &Account, number: &str) -> Result<Known, Problem> {
    let store = &caller.app.store;
    let details = files::details(store, account, number).await?;
    let moves_left = match caller.app.most_moves(&caller.person) {
        Some(most) => Some(activation::moves_left(store, account, most, now()).await?),
        None => None,
    };
    let still_used = activation::still_used(store, Some(account), Some(number), now(), (0, SHOWN)).await?.1;
    let (features, licenses) = file_lines(&details.text);
    Ok(Known {
        bound: is_bound(&details.selection.machine.host_id),
        file: details.file,
        selection: details.selection,
        ended: details.ended,
        replaces: details.replaces,
        deactivates: details.deactivates,
        deactivation: details.deactivation,
        used: details.used,
        features,
        licenses,
        moves_left,
        still_used,
    })
}

/// A license file that was made.
#[derive(Serialize, ToSchema)]
pub(super) struct Made {
    file: String,
}

/// A line that is different from the file before.
#[derive(Serialize, ToSchema)]
pub(super) struct Different {
    /// `added`, `removed` or `changed`.
    #[schema(value_type = String)]
    kind: grantor_license::ChangeKind,
    /// `FEATURE`, `LICENSE`, `SERVER`, ….
    keyword: String,
    /// Feature, license reference number, host or key id.
    name: String,
    /// What is different of a changed line.
    fields: Vec<Field>,
}

/// A field that differs.
#[derive(Serialize, ToSchema)]
pub(super) struct Field {
    /// `count`, `expiry`, or the name of the attribute.
    name: String,
    /// In the file before; null: not there.
    old: Option<String>,
    /// In the file as it would be; null: not there.
    new: Option<String>,
}

/// A license file as it would be.
#[derive(Serialize, ToSchema)]
pub(super) struct Shown {
    text: String,
    explained: String,
    warnings: Vec<String>,
    /// What is different from the file that it takes the place of.
    changes: Vec<Different>,
    /// Through which day, yyyy-mm-dd.
    last_day: String,
}

fn shown(preview: Preview) -> Shown {
    let Preview { text, explained, warnings, changes, last_day } = preview;
    Shown { text, explained, warnings, changes: changes.into_iter().map(different).collect(), last_day }
}

fn different(change: Change) -> Different {
    let field =
        |field: grantor_license::FieldChange| Field { name: field.field, old: field.old, new: field.new };
    let fields = change.fields.into_iter().map(field).collect();
    Different { kind: change.kind, keyword: change.keyword, name: change.name, fields }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FileBody {
    site: String,
    selection: Selection,
    #[serde(default)]
    replaces: Option<String>,
    /// Only shows what would come of it.
    #[serde(default)]
    preview: bool,
}

/// Makes a license file, or shows what it would be.
#[utoipa::path(post, path = "/api/v1/accounts/{account}/files", params(("account" = String, Path, description = "Reference number"), ("Idempotency-Key" = Option<String>, Header, description = "8 to 200 characters, needed without `preview`: the same again gives the same file")), request_body = FileBody, responses((status = 201, body = Made), (status = 200, body = Shown, description = "A preview"), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn generate(
    caller: Caller,
    Path(account): Path<String>,
    headers: HeaderMap,
    asked: Body<FileBody>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let account = caller.account(&account, Right::Files).await?;
    let (store, asked) = (&caller.app.store, body(asked)?);
    let site = sites::find(store.read(), &account, &asked.site).await?;
    let request = Request {
        account: &account,
        site: &site,
        selection: &asked.selection,
        replaces: asked.replaces.as_deref(),
        by: Actor::Person(&caller.person),
        at: now(),
        today: jiff::Zoned::now().date(),
    };
    if asked.preview {
        return Ok((StatusCode::OK, Json(json!(shown(files::preview(store, &request).await?)))));
    }
    let number = files::generate(store, &request, &request_key(&caller, &headers)?).await?;
    sign(&caller.app).await;
    Ok((StatusCode::CREATED, Json(json!(Made { file: number }))))
}

/// A machine that takes another's place.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewMachine {
    /// Its host id, as `grantor hostid` tells it there.
    host_id: String,
    /// Its name; left out: that of the machine before.
    #[serde(default)]
    name: String,
}

impl From<NewMachine> for Machine {
    fn from(new: NewMachine) -> Self {
        Self { host_id: new.host_id, name: new.name }
    }
}

/// Where a license goes: another registration key, another machine, or both. What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MoveBody {
    /// The registration key of the new installation.
    #[serde(default)]
    registration_key: String,
    /// The new machine.
    #[serde(default)]
    machine: Option<NewMachine>,
    /// The new second machine of a switchover pair.
    #[serde(default)]
    switchover: Option<NewMachine>,
    /// Why; kept, up to 500 characters.
    reason: String,
}

/// Moves a license to another machine; gives the new machine's file. People of an account do it so many times a year.
#[utoipa::path(post, path = "/api/v1/accounts/{account}/files/{number}/move", params(("account" = String, Path, description = "Reference number"), ("number" = String, Path), ("Idempotency-Key" = String, Header, description = "8 to 200 characters: the same again is moved once")), request_body = MoveBody, responses((status = 201, body = Made), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn move_to(
    caller: Caller,
    Path((account, number)): Path<(String, String)>,
    headers: HeaderMap,
    asked: Body<MoveBody>,
) -> Result<(StatusCode, Json<Made>), Problem> {
    let account = caller.account(&account, Right::Files).await?;
    let asked = body(asked)?;
    let request = own_key(&caller, "move", &headers)?;
    let wanted = Move {
        file: &number,
        to: &asked.registration_key,
        machine: asked.machine.map(Machine::from),
        switchover: asked.switchover.map(Machine::from),
        reason: &asked.reason,
        request: &request,
    };
    let by = (Actor::Person(&caller.person), jiff::Zoned::now().date(), now());
    let most = caller.app.most_moves(&caller.person);
    let file = activation::move_to(&caller.app.store, &account, &wanted, most, by).await?;
    sign(&caller.app).await;
    Ok((StatusCode::CREATED, Json(Made { file })))
}

/// A license file that has ended.
#[derive(Serialize, ToSchema)]
pub(super) struct Ended {
    file: String,
    active: bool,
    /// The number of the deactivation file: load it on the server in the file's place.
    deactivation: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reason {
    /// Kept, up to 500 characters.
    reason: String,
}

/// Ends a license file; what it used is available again.
#[utoipa::path(post, path = "/api/v1/accounts/{account}/files/{number}/deactivate", params(("account" = String, Path, description = "Reference number"), ("number" = String, Path)), request_body = Reason, responses((status = 200, body = Ended), (status = "default", body = Refused, content_type = "application/problem+json")))]
pub(super) async fn deactivate(
    caller: Caller,
    Path((account, number)): Path<(String, String)>,
    asked: Body<Reason>,
) -> Result<Json<Ended>, Problem> {
    let account = caller.account(&account, Right::Files).await?;
    let (store, reason) = (&caller.app.store, body(asked)?.reason);
    let deactivation = files::deactivate(store, &account, &number, &reason, caller.by()).await?;
    sign(&caller.app).await;
    Ok(Json(Ended { file: number, active: false, deactivation }))
}
