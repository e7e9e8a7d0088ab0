//! What the portal's pages show beside the kit's: its name, days and instants as people read them.

use axum::response::Response;
use grantor_web::answer;
pub(super) use grantor_web::answer::{done, download, file_name, page, quoted, refused};
pub(super) use grantor_web::list::{Column, PER_PAGE, Turn, columns, turn};

use super::fault::Fault;
use crate::entitlements::NEVER;

/// What the portal calls itself.
pub(super) const PRODUCT: &str = "Licensing portal";
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Rows of a list as CSV, at most.
pub(super) const CSV_ROWS: u64 = 10_000;

/// The last day as people read it.
pub(super) fn until(day: &str) -> String {
    if day == NEVER { "permanent".to_owned() } else { day.to_owned() }
}

/// An instant as people read it, in UTC.
pub(super) fn instant(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at)
        .map_or_else(|_| "-".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// A table as CSV.
pub(super) fn csv<R: IntoIterator<Item = String>>(
    name: &str,
    heading: &[&str],
    rows: impl IntoIterator<Item = R>,
) -> Result<Response, Fault> {
    answer::csv(name, heading, rows).map_err(|_| Fault::Bug)
}
