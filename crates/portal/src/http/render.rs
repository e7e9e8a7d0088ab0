//! From a template to an answer, and the small things that templates show: links with their queries, columns that sort, tables
//! as CSV.

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use grantor_web::frame::Pages;

use super::fault::Fault;
use super::form::Fields;
use crate::entitlements::NEVER;
use crate::export::harmless;

/// What the portal calls itself.
pub(super) const PRODUCT: &str = "Licensing portal";
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Rows on a page of a list.
pub(super) const PER_PAGE: u64 = 50;
/// Rows of a list as CSV, at most.
pub(super) const CSV_ROWS: u64 = 10_000;

/// Renders a page.
pub(super) fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page can't be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Renders a form again, with what is wrong in it.
pub(super) fn refused(template: &impl Template) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, page(template)).into_response()
}

/// What was done, seen at that address. A reload does not do it again.
pub(super) fn done(address: &str, code: &str) -> Response {
    let joint = if address.contains('?') { '&' } else { '?' };
    Redirect::to(&format!("{address}{joint}done={code}")).into_response()
}

/// A part of an address or a value of a query.
pub(super) fn quoted(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// The last day as people read it.
pub(super) fn until(day: &str) -> String {
    if day == NEVER { "permanent".to_owned() } else { day.to_owned() }
}

/// An instant as people read it, in UTC.
pub(super) fn instant(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at)
        .map_or_else(|_| "-".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// A file's name that needs no quoting anywhere.
pub(super) fn file_name(name: &str) -> String {
    let plain = |sign: char| sign.is_ascii_alphanumeric() || "-_.".contains(sign);
    name.chars().map(|sign| if plain(sign) { sign } else { '_' }).collect()
}

/// A file to download.
pub(super) fn download(name: &str, kind: &'static str, text: String) -> Response {
    let name = file_name(name);
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, text).into_response()
}

/// A table as CSV. A cell that a spreadsheet would take for a formula is quoted.
pub(super) fn csv<R: IntoIterator<Item = String>>(
    name: &str,
    heading: &[&str],
    rows: impl IntoIterator<Item = R>,
) -> Result<Response, Fault> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let wrong = |_| Fault::Bug;
    writer.write_record(heading).map_err(wrong)?;
    for row in rows {
        writer.write_record(row.into_iter().map(harmless)).map_err(wrong)?;
    }
    let bytes = writer.into_inner().map_err(|_| Fault::Bug)?;
    let text = String::from_utf8(bytes).map_err(|_| Fault::Bug)?;
    Ok(download(name, "text/csv; charset=utf-8", text))
}

/// A column that a list can be sorted by.
pub(super) struct Column {
    pub(super) label: &'static str,
    pub(super) address: String,
    /// `ascending`, `descending`, or nothing.
    pub(super) sorted: &'static str,
    pub(super) number: bool,
}

/// A list's columns: key, label, and whether it shows numbers. A link sorts by its column, or turns it round.
pub(super) fn columns(asked: &Fields, all: &[(&str, &'static str, bool)]) -> Vec<Column> {
    let (by, falling) = (asked.text("sort"), asked.has("falling"));
    let column = |&(key, label, number): &(&str, &'static str, bool)| {
        let sorted = match (by == key, falling) {
            (true, false) => "ascending",
            (true, true) => "descending",
            _ => "",
        };
        let turned = if sorted == "ascending" { "1" } else { "" };
        let address = asked.with(&[("sort", key), ("falling", turned), ("page", "")]);
        Column { label, address, sorted, number }
    };
    all.iter().map(column).collect()
}

/// A list's pages and the ways to the others.
pub(super) struct Turn {
    pub(super) pages: Pages,
    pub(super) before: String,
    pub(super) after: String,
    /// The same rows as CSV.
    pub(super) csv: String,
}

/// The ways to the other pages of a list.
pub(super) fn turn(asked: &Fields, total: u64) -> Turn {
    let pages = Pages { total, page: asked.page(), per_page: PER_PAGE };
    let to = |page: u64| asked.with(&[("page", &page.to_string())]);
    Turn {
        pages,
        before: to(pages.page.saturating_sub(1)),
        after: to(pages.page + 1),
        csv: asked.with(&[("format", "csv"), ("page", "")]),
    }
}
