//! What lists share: columns that sort, and the ways to a list's other pages. Knows no rows.

use crate::form::Fields;
use crate::frame::Pages;

/// Rows on a page of a list.
pub const PER_PAGE: u64 = 50;

/// A column that a list can be sorted by.
#[derive(Debug, Clone)]
pub struct Column {
    /// What its head says.
    pub label: &'static str,
    /// Where its head leads: the list sorted by it.
    pub address: String,
    /// `ascending`, `descending`, or nothing.
    pub sorted: &'static str,
    /// Whether it shows numbers.
    pub number: bool,
}

/// A list's columns: key, label, and whether it shows numbers. A link sorts by its column, or turns it round.
#[must_use]
pub fn columns(asked: &Fields, all: &[(&str, &'static str, bool)]) -> Vec<Column> {
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
#[derive(Debug, Clone)]
pub struct Turn {
    /// Which rows these are.
    pub pages: Pages,
    /// The page before.
    pub before: String,
    /// The page after.
    pub after: String,
    /// The same rows as CSV.
    pub csv: String,
}

/// The ways to the other pages of a list.
#[must_use]
pub fn turn(asked: &Fields, total: u64) -> Turn {
    let pages = Pages { total, page: asked.page(), per_page: PER_PAGE };
    let to = |page: u64| asked.with(&[("page", &page.to_string())]);
    Turn {
        pages,
        before: to(pages.page.saturating_sub(1)),
        after: to(pages.page + 1),
        csv: asked.with(&[("format", "csv"), ("page", "")]),
    }
}
