//! The publisher's own pages: accounts, orders, catalogues, people, requests, mail and the log.

mod accounts;
mod catalogues;
mod hooks;
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
        log::routes(),
    ];
    all.into_iter().flatten().collect()
}
