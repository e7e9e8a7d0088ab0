//! From a template to an answer: pages, forms that are shown again, files to download, tables as CSV.

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};

/// Renders a page.
#[must_use]
pub fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page can't be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Renders a form again, with what is wrong in it.
#[must_use]
pub fn refused(template: &impl Template) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, page(template)).into_response()
}

/// What was done, seen at that address. A reload does not do it again.
#[must_use]
pub fn done(address: &str, code: &str) -> Response {
    let joint = if address.contains('?') { '&' } else { '?' };
    Redirect::to(&format!("{address}{joint}done={code}")).into_response()
}

/// A part of an address or a value of a query.
#[must_use]
pub fn quoted(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// A file's name that needs no quoting anywhere.
#[must_use]
pub fn file_name(name: &str) -> String {
    let plain = |sign: char| sign.is_ascii_alphanumeric() || "-_.".contains(sign);
    name.chars().map(|sign| if plain(sign) { sign } else { '_' }).collect()
}

/// A file to download.
#[must_use]
pub fn download(name: &str, kind: &'static str, text: String) -> Response {
    let name = file_name(name);
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, text).into_response()
}

/// A table as CSV. A cell that a spreadsheet would take for a formula is quoted.
///
/// # Errors
/// None that a table in memory has.
pub fn csv<R: IntoIterator<Item = String>>(
    name: &str,
    heading: &[&str],
    rows: impl IntoIterator<Item = R>,
) -> Result<Response, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(heading)?;
    for row in rows {
        writer.write_record(row.into_iter().map(harmless))?;
    }
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(download(name, "text/csv; charset=utf-8", String::from_utf8_lossy(&bytes).into_owned()))
}

/// A cell that a spreadsheet would take for a formula is quoted.
#[must_use]
pub fn harmless(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell }
}
