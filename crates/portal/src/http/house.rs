//! The publisher's own pages: accounts, orders, catalogues, people, requests, webhooks, keys, mail and the log.

mod accounts;
mod catalogues;
mod hooks;
mod keys;
mod log;
mod orders;
mod people;
mod requests;

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
    ];
    all.into_iter().flatten().collect()
}
