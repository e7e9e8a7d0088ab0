//! What several tests need: the catalogues that come with the product.

#![allow(dead_code, reason = "every test file uses a part of this")]

use std::collections::BTreeMap;

use grantor_catalogue::{Catalogue, Expansion, Order, Problem, expand};

pub(crate) const GENESYS: &str = include_str!("../../../../../catalogues/genesys-8.toml");
pub(crate) const PURECONNECT: &str = include_str!("../../../../../catalogues/pureconnect-4.toml");
pub(crate) const ELEVEO: &str = include_str!("../../../../../catalogues/eleveo.toml");
pub(crate) const WFO: &str = include_str!("../../../../../catalogues/wfo.toml");

/// All catalogues that come with the product, by name.
pub(crate) fn catalogues() -> BTreeMap<String, Catalogue> {
    [("genesys-8", GENESYS), ("pureconnect-4", PURECONNECT), ("eleveo", ELEVEO), ("wfo", WFO)]
        .into_iter()
        .map(|(name, text)| (name.to_owned(), catalogue(name, text)))
        .collect()
}

/// A catalogue that must be right.
pub(crate) fn catalogue(name: &str, text: &str) -> Catalogue {
    Catalogue::parse(name, text).unwrap_or_else(|problems| panic!("{}", listed(&problems)))
}

/// Problems, one after the other.
pub(crate) fn listed(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// An order with the usual head, an environment and items, as TOML.
pub(crate) fn order(rest: &str) -> Order {
    let text = format!("lrn = \"L-1\"\ncustomer = \"Acme\"\nsite = \"Main\"\n{rest}");
    Order::parse("order.toml", &text).unwrap_or_else(|problems| panic!("{}", listed(&problems)))
}

/// One item of an order, as TOML.
pub(crate) fn item(catalogue: &str, name: &str, quantity: u32) -> String {
    format!("[[items]]\ncatalogue = \"{catalogue}\"\nitem = \"{name}\"\nquantity = {quantity}\n")
}

/// The expansion of an order from one publisher.
pub(crate) fn expanded(order: &Order, catalogues: &BTreeMap<String, Catalogue>) -> Expansion {
    let mut all = expand(order, catalogues).unwrap_or_else(|problems| panic!("{}", listed(&problems)));
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// Feature, model and count of every line.
pub(crate) fn counts(expansion: &Expansion) -> Vec<(String, &'static str, u32)> {
    expansion.lines.iter().map(|line| (line.feature.clone(), line.model.word(), line.count)).collect()
}

/// The count of a feature, all models together; 0 if it is not there.
pub(crate) fn count(expansion: &Expansion, feature: &str) -> u32 {
    expansion.lines.iter().filter(|line| line.feature == feature).map(|line| line.count).sum()
}
