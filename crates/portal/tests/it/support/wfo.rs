//! An office that sells what has to be activated.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "a test's support")]

use grantor_portal::accounts::{self, Account, Kind, NewAccount};
use grantor_portal::activation::{Asked, activate};
use grantor_portal::orders::{NewLine, NewOrder, Term, book};
use grantor_portal::sites::{self, Details, Site};
use grantor_portal::store::Store;
use grantor_portal::{Failure, catalogues};

use super::{NOW, TODAY};

pub const WFO: &str = include_str!("../../../../../catalogues/wfo.toml");
const ELEVEO: &str = include_str!("../../../../../catalogues/eleveo.toml");
pub const KEY: &str = "0123456789ABCDEF0123456789ABCDEF";

pub async fn office(store: &Store) -> (Account, Site) {
    catalogues::load(store, "wfo", WFO, ("ann", NOW)).await.unwrap();
    catalogues::load(store, "eleveo", ELEVEO, ("ann", NOW)).await.unwrap();
    let new = NewAccount {
        reference: "ACME".to_owned(),
        name: "Acme".to_owned(),
        kind: Kind::EndUser,
        parent: None,
    };
    let account = accounts::create(store, &new, ("ann", NOW)).await.unwrap();
    let details = Details { name: "Berlin".to_owned(), ..Details::default() };
    let site = sites::create(store, &account, &details, ("ann", NOW)).await.unwrap();
    (account, site)
}

/// Books an order of so many of the catalogue's first part that stands alone; gives its license reference number and the part.
pub async fn ordered(
    store: &Store,
    number: u64,
    catalogue: &str,
    quantity: u32,
    until: Option<&str>,
) -> (String, String) {
    let term = if until.is_some() { Term::Term } else { Term::Perpetual };
    ordered_as(store, number, catalogue, quantity, (term, until)).await
}

/// The same for that long.
pub async fn ordered_as(
    store: &Store,
    number: u64,
    catalogue: &str,
    quantity: u32,
    (term, until): (Term, Option<&str>),
) -> (String, String) {
    let edition = catalogues::current(store, store.read()).await.unwrap().remove(catalogue).unwrap();
    let part =
        edition.catalogue.items.values().find(|item| !item.retired && !item.server).unwrap().name.clone();
    let order = NewOrder {
        number: number.to_string(),
        account: "ACME".to_owned(),
        sold_to: None,
        site: "Berlin".to_owned(),
        term,
        last_day: until.map(str::to_owned),
        maintenance_until: None,
        lines: vec![NewLine { catalogue: catalogue.to_owned(), part: part.clone(), quantity }],
    };
    (book(store, &order, "ann", NOW, number).await.unwrap().lrn, part)
}

pub fn asked(lrn: &str, key: &str) -> Asked {
    Asked {
        lrn: lrn.to_owned(),
        registration_key: key.to_owned(),
        host_id: None,
        machine: None,
        loaded: None,
    }
}

pub async fn try_it(store: &Store, asked: &Asked) -> Result<String, Failure> {
    Ok(activate(store, asked, TODAY.parse().unwrap(), NOW).await?.file)
}
