//! An account's pages: the six tabs of seed 002 ("Activation File Management Tool"), its orders and its requests.

mod activity;
mod new;
mod orders;
mod parts;
mod requests;
mod sites;
mod upgrade;

use grantor_web::frame::Link;

pub(super) use activity::{filter as file_filter, lines as file_lines, order as file_order};
pub(super) use orders::{as_csv as orders_as_csv, order as orders_order};
pub(super) use sites::order as sites_order;

use super::Route;
use super::ask::{Ask, now};
use super::fault::Fault;
use super::render::{instant, quoted};
use crate::accounts::Account;
use crate::activation::{self, StillUsed};
use crate::rights::Right;

/// Servers with ended files on a page that is about something else, at most.
const SHOWN: u64 = 20;

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
    /// Whether its name, kind and place are changed here: by the publisher's staff.
    pub(super) may_edit: bool,
}

impl Top {
    /// The tabs that this person can open.
    pub(super) fn shown(&self) -> impl Iterator<Item = &Link> {
        self.tabs.iter().filter(|tab| self.may_files || !tab.address.ends_with("/new"))
    }
}

/// The account's address; its tabs are below it.
pub(super) fn home(account: &Account) -> String {
    home_of(&account.reference)
}

fn home_of(reference: &str) -> String {
    format!("/accounts/{}", quoted(reference))
}

/// A server that uses a license file which does not count any more.
pub(super) struct Lingering {
    pub(super) used: StillUsed,
    /// The account's address.
    pub(super) home: String,
    pub(super) since: String,
    pub(super) seen: String,
}

impl From<StillUsed> for Lingering {
    fn from(used: StillUsed) -> Self {
        let (since, seen) = (instant(used.since), instant(used.seen_at));
        Self { home: home_of(&used.account), since, seen, used }
    }
}

/// How many of the account's servers use ended files, and the first of them: of all files, or of one.
async fn lingering(ask: &Ask, account: &Account, file: Option<&str>) -> Result<(u64, Vec<Lingering>), Fault> {
    let pages = (0, SHOWN);
    let (total, rows) = activation::still_used(&ask.app.store, Some(account), file, now(), pages).await?;
    Ok((total, rows.into_iter().map(Lingering::from).collect()))
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
        may_edit: ask.may(Right::Accounts),
    }
}
