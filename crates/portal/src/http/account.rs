//! An account's pages: the six tabs of seed 002 ("Activation File Management Tool"), its orders and its requests.

mod activity;
mod new;
mod orders;
mod parts;
mod requests;
mod sites;
mod upgrade;

use grantor_web::frame::Link;

pub(super) use orders::as_csv as orders_as_csv;

use super::Route;
use super::ask::Ask;
use super::render::quoted;
use crate::accounts::Account;
use crate::rights::Right;

pub(super) fn routes() -> Vec<Route> {
    let all = [
        parts::routes(),
        activity::routes(),
        upgrade::routes(),
        new::routes(),
        sites::routes(),
        orders::routes(),
        requests::routes(),
    ];
    all.into_iter().flatten().collect()
}

/// What stands over each tab.
pub(super) struct Top {
    pub(super) account: Account,
    pub(super) tabs: Vec<Link>,
    pub(super) may_sites: bool,
    pub(super) may_files: bool,
}

/// The account's address; its tabs are below it.
pub(super) fn home(account: &Account) -> String {
    format!("/accounts/{}", quoted(&account.reference))
}

/// What stands over the tab with that address below the account's.
pub(super) fn top(ask: &Ask, account: &Account, current: &str) -> Top {
    let home = home(account);
    let all = [
        ("Account Summary", ""),
        ("Software Details", "/software"),
        ("Activation File Activity", "/files"),
        ("Upgrade Software", "/upgrade"),
        ("New Activation File", "/new"),
        ("Install Sites", "/sites"),
        ("Orders", "/orders"),
        ("Requests", "/requests"),
    ];
    let tab = |(label, tab): (&'static str, &str)| Link {
        label,
        address: format!("{home}{tab}"),
        current: tab == current,
    };
    Top {
        account: account.clone(),
        tabs: all.into_iter().map(tab).collect(),
        may_sites: ask.may(Right::Sites),
        may_files: ask.may(Right::Files),
    }
}
