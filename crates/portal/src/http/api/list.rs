//! Lists as programs get them: a page, and how many rows there are in all.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::form::Fields;

/// Rows of a page.
pub(super) const PER_PAGE: u64 = 200;

/// A page of a list, and how many rows there are in all.
#[derive(Serialize, ToSchema)]
pub(super) struct Rows<T> {
    total: u64,
    rows: Vec<T>,
}

pub(super) fn rows<T>(total: u64, rows: Vec<T>) -> Json<Rows<T>> {
    Json(Rows { total, rows })
}

/// The page that is asked for, of all rows.
pub(super) fn page_of<T>(all: Vec<T>, asked: &Fields) -> Json<Rows<T>> {
    let total = all.len() as u64;
    let count = |rows: u64| usize::try_from(rows).unwrap_or(usize::MAX);
    let here = all.into_iter().skip(count(asked.page() * PER_PAGE)).take(count(PER_PAGE));
    rows(total, here.collect())
}
