//! What surrounds every page: the bar at the top, who is signed in, and what was just done. The frame of `layout.html`.

use crate::assets;

/// A link of the bar.
#[derive(Debug, Clone)]
pub struct Link {
    /// What it says.
    pub label: &'static str,
    /// Where it leads.
    pub address: String,
    /// Whether this is the page.
    pub current: bool,
}

/// What `layout.html` needs; a page's template has it as `frame`.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    /// What the service calls itself.
    pub product: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The bar's links.
    pub links: Vec<Link>,
    /// Who is signed in.
    pub person: Option<String>,
    /// What was just done.
    pub said: Option<String>,
    /// A narrow page, for a short form.
    pub small: bool,
}

impl Frame {
    /// The address of an asset.
    #[must_use]
    pub fn asset(&self, name: &str) -> String {
        assets::address(name)
    }
}

/// A page of a long list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pages {
    /// How many rows there are.
    pub total: u64,
    /// Which page this is, from 0.
    pub page: u64,
    /// Rows on a page.
    pub per_page: u64,
}

impl Pages {
    /// How many pages there are; one if there is nothing.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.total.div_ceil(self.per_page.max(1)).max(1)
    }

    /// Whether there is a page after this one.
    #[must_use]
    pub fn has_next(&self) -> bool {
        self.page + 1 < self.count()
    }

    /// The first row of this page, counted from 1; 0 if there is none.
    #[must_use]
    pub fn first(&self) -> u64 {
        if self.total == 0 { 0 } else { self.page.saturating_mul(self.per_page) + 1 }
    }

    /// The last row of this page, counted from 1.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.total.min((self.page + 1).saturating_mul(self.per_page))
    }
}

#[cfg(test)]
mod tests {
    use super::Pages;

    #[test]
    fn the_last_page_ends_with_the_last_row() {
        let pages = Pages { total: 101, page: 2, per_page: 50 };
        assert_eq!((pages.count(), pages.first(), pages.last(), pages.has_next()), (3, 101, 101, false));
        let none = Pages { total: 0, page: 0, per_page: 50 };
        assert_eq!((none.count(), none.first(), none.last(), none.has_next()), (1, 0, 0, false));
    }
}
