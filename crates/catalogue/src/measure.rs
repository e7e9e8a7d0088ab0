//! Measures: what usage of a sellable item means.

use serde::Serialize;

/// What the peak of a measure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Peak {
    /// Seats in use at the same time.
    Seat,
    /// Ports in use at the same time.
    Port,
}

impl Peak {
    pub(crate) const WORDS: [(&'static str, Self); 2] = [("seat", Self::Seat), ("port", Self::Port)];
}

/// How the use of sellable items is reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Measure {
    /// The name in usage reports.
    pub name: String,
    /// Counts the seats that are enabled.
    pub enabled_seats: bool,
    /// Counts the most seats or ports in use at the same time.
    pub peak: Option<Peak>,
    /// The first release measured.
    pub since: Option<String>,
    /// The sellable items whose entitlement is compared with it.
    pub items: Vec<String>,
    /// The technical licenses whose grants are counted; empty: the use is reported by the product itself.
    pub licenses: Vec<String>,
    /// Other measures that this one adds together, as a bundle.
    pub measures: Vec<String>,
}
