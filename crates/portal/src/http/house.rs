//! The publisher's own pages: accounts, orders, catalogues, people, requests, webhooks, keys, mail, the log, and ended files in use.

mod accounts;
mod catalogues;
mod hooks;
mod keys;
mod log;
mod orders;
mod people;
mod requests;
mod still_used;

pub(super) use catalogues::{Item as CatalogueItem, checked_name, items as catalogue_items};
pub(super) use log::PATIENCE as LOG_PATIENCE;
pub(super) use orders::found_or_meant as found_orders;
pub(super) use people::keeps_own;

use super::Route;

pub(super) fn routes() -> Vec<Route> {
    let all = [
        accounts::routes(),
        orders::routes(),
        catalogues::routes(),
        people::routes(),
        requests::routes(),
        hooks::routes(),
        keys::routes(),
        log::routes(),
        still_used::routes(),
    ];
    all.into_iter().flatten().collect()
}
