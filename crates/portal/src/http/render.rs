//! What the portal's pages show beside the kit's: its name, days and instants as people read them.

use axum::response::Response;
use grantor_web::answer;
pub(super) use grantor_web::answer::{done, download, file_name, page, quoted, refused};
pub(super) use grantor_web::list::{Column, PER_PAGE, Turn, columns, turn};

use super::fault::Fault;
use crate::Failure;
use crate::entitlements::NEVER;

/// What the portal calls itself.
pub(super) const PRODUCT: &str = "Licensing portal";
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Rows of a list as CSV, at most.
const CSV_ROWS: usize = 100_000;
/// Rows that are read at a time.
const CSV_PAGE: u64 = 200;

/// Every row of a list, for a file; `fetch` gives a page of so many. Too many are refused: a file that ends before its list does
/// would say something wrong.
pub(super) async fn every<T, E, F>(fetch: impl Fn(u64, u64) -> F) -> Result<Vec<T>, Fault>
where
    F: Future<Output = Result<Vec<T>, E>>,
    Fault: From<E>,
{
    let mut all = Vec::new();
    for page in 0.. {
        let some = fetch(page, CSV_PAGE).await?;
        let is_last = (some.len() as u64) < CSV_PAGE;
        all.extend(some);
        if is_last {
            break;
        }
        if all.len() >= CSV_ROWS {
            let message =
                format!("finds more than the {CSV_ROWS} rows that a file has at most; search for fewer");
            return Err(Failure::field("search", message).into());
        }
    }
    Ok(all)
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

/// A table as CSV.
pub(super) fn csv<R: IntoIterator<Item = String>>(
    name: &str,
    heading: &[&str],
    rows: impl IntoIterator<Item = R>,
) -> Result<Response, Fault> {
    answer::csv(name, heading, rows).map_err(|_| Fault::Bug)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn every_of(rows: usize) -> Result<usize, Fault> {
        let page = |page: u64, count: u64| async move {
            let before = usize::try_from(page * count).unwrap_or(usize::MAX);
            let here = rows.saturating_sub(before).min(usize::try_from(count).unwrap_or(usize::MAX));
            Ok::<_, Failure>(vec![(); here])
        };
        every(page).await.map(|all| all.len())
    }

    #[tokio::test]
    async fn a_file_has_every_row_of_its_list_or_is_refused() {
        for rows in [0, 1, 199, 200, 201, 450, CSV_ROWS - 1] {
            assert!(matches!(every_of(rows).await, Ok(all) if all == rows), "{rows}");
        }
        assert!(every_of(CSV_ROWS + 1).await.is_err());
    }
}
