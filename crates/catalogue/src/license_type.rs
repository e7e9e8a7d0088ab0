//! License types: production, trial, development …, and how each behaves.

use serde::Serialize;

/// What a license is for, and what follows from it. Facts only: the portal and the server act on them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LicenseType {
    /// The word in orders and license files.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// What it is for.
    pub description: String,
    /// It stops working this many days after the day of issue.
    pub expires_after_days: Option<u32>,
    /// Interactions are disconnected every so many minutes.
    pub disconnect_minutes: Option<u32>,
    /// It works this many days without activation.
    pub grace_days: Option<u32>,
    /// It is bound to an installation by its registration key.
    pub needs_activation: bool,
    /// It comes without an order.
    pub free: bool,
    /// It may be used in production.
    pub production: bool,
    /// Components cannot be added to its predefined configuration.
    pub fixed: bool,
    /// Only the publisher's staff make its files.
    pub staff_only: bool,
    /// Certified employees of partners make any number of its files, of any configuration, without an order.
    pub partners_only: bool,
    /// No more of a part than the account's production licenses have.
    pub within_production: bool,
    /// It joins the license that the site already has, rather than replacing or standing beside it.
    pub merges: bool,
    /// What is tried: its files have what the account does not own, beside a production license of the same site, and spend nothing.
    pub not_owned: bool,
    /// The only items its files may have beside the server item; `None`: every item.
    pub contains: Option<Vec<String>>,
}
