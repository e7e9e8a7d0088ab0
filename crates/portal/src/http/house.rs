//! The publisher's own pages: accounts, orders, catalogues, people, keys, mail and the log.

mod accounts;
mod catalogues;
mod keys;
mod log;
mod orders;
mod people;

use super::Route;

pub(super) fn routes() -> Vec<Route> {
    let all = [
        accounts::routes(),
        orders::routes(),
        catalogues::routes(),
        people::routes(),
        keys::routes(),
        log::routes(),
    ];
    all.into_iter().flatten().collect()
}
