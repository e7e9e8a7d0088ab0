//! Finds what an order's lines name in the catalogues, and refuses what cannot be ordered.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue::Catalogue;
use crate::contribution::{Amount, contents};
use crate::item::Item;
use crate::license::TechnicalLicense;
use crate::nearest::{did_you_mean, listed};
use crate::order::{Order, OrderItem, Place};
use crate::problem::Problem;

/// What was bought under one name, from all lines of the order.
pub(crate) struct Purchase<'a> {
    pub(crate) thing: Thing<'a>,
    pub(crate) amount: Amount,
    /// Keys of the optional technical licenses that are wanted.
    pub(crate) options: BTreeSet<&'a str>,
    /// Its first line in the order.
    pub(crate) place: Place,
}

/// What a line of an order names.
#[derive(Clone, Copy)]
pub(crate) enum Thing<'a> {
    Item(&'a Item),
    License(&'a TechnicalLicense),
}

/// Everything bought from one catalogue, by name.
pub(crate) struct Basket<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) purchases: BTreeMap<String, Purchase<'a>>,
}

/// One basket for each catalogue, or every problem of the order.
pub(crate) fn baskets<'a>(
    order: &Order,
    catalogues: &'a BTreeMap<String, Catalogue>,
) -> Result<Vec<Basket<'a>>, Vec<Problem>> {
    let mut baskets: BTreeMap<&str, Basket<'a>> = BTreeMap::new();
    let mut problems = Vec::new();
    for line in &order.items {
        match find(order, line, catalogues) {
            Ok((catalogue, purchase, name)) => {
                let basket = baskets.entry(&catalogue.name);
                let basket = basket.or_insert_with(|| Basket { catalogue, purchases: BTreeMap::new() });
                basket.add(name, purchase);
            }
            Err(problem) => problems.push(problem),
        }
    }
    for basket in baskets.values() {
        problems.extend(wrong_license_type(order, basket.catalogue));
        problems.extend(wrong_servers(order, basket));
    }
    if order.items.is_empty() {
        problems.push(problem(
            order,
            Place { line: 1, column: 1 },
            "the order has no items".to_owned(),
            None,
        ));
    }
    if problems.is_empty() { Ok(baskets.into_values().collect()) } else { Err(problems) }
}

impl<'a> Basket<'a> {
    fn add(&mut self, name: String, purchase: Purchase<'a>) {
        match self.purchases.get_mut(&name) {
            Some(bought) => {
                bought.amount = bought.amount.plus(purchase.amount);
                bought.options.extend(purchase.options);
                bought.place = bought.place.min(purchase.place);
            }
            None => {
                self.purchases.insert(name, purchase);
            }
        }
    }
}

/// A problem of the order at a place in it.
pub(crate) fn problem(order: &Order, place: Place, message: String, hint: Option<String>) -> Problem {
    Problem { file: order.file.clone(), line: place.line, column: place.column, message, hint }
}

type Found<'a> = (&'a Catalogue, Purchase<'a>, String);

/// What is wrong with a line of an order, and what to do about it.
type Refused = (String, Option<String>);

fn find<'a>(
    order: &Order,
    line: &OrderItem,
    catalogues: &'a BTreeMap<String, Catalogue>,
) -> Result<Found<'a>, Problem> {
    let found = catalogue(line, catalogues).and_then(|catalogue| {
        let thing = thing(catalogue, line)?;
        let amount = amount(line, thing)?;
        let options = options(catalogue, thing, line)?;
        Ok((catalogue, Purchase { thing, amount, options, place: line.place }, thing.name()))
    });
    found.map_err(|(message, hint)| problem(order, line.place, message, hint))
}

fn catalogue<'a>(
    line: &OrderItem,
    catalogues: &'a BTreeMap<String, Catalogue>,
) -> Result<&'a Catalogue, Refused> {
    catalogues.get(&line.catalogue).ok_or_else(|| {
        let names = || catalogues.keys().map(String::as_str);
        let all = || format!("there are {}", listed(names()));
        let hint = did_you_mean(&line.catalogue, names()).unwrap_or_else(all);
        (format!("no catalogue is called `{}`", line.catalogue), Some(hint))
    })
}

impl Thing<'_> {
    /// The name as the catalogue writes it.
    fn name(self) -> String {
        match self {
            Self::Item(item) => item.name.clone(),
            Self::License(license) => license.key(),
        }
    }
}

/// A sellable item that is still sold, or a technical license by itself.
fn thing<'a>(catalogue: &'a Catalogue, line: &OrderItem) -> Result<Thing<'a>, Refused> {
    match catalogue.items.get(&line.item) {
        Some(item) if item.retired => {
            let hint = item.upgrades_to.as_ref().map(|name| format!("order its successor `{name}`"));
            Err((format!("`{}` is no longer sold", item.full_name()), hint))
        }
        Some(item) => Ok(Thing::Item(item)),
        None => catalogue.license(&line.item).map(Thing::License).ok_or_else(|| not_sold(catalogue, line)),
    }
}

fn not_sold(catalogue: &Catalogue, line: &OrderItem) -> Refused {
    let features = catalogue.technical_licenses.values().map(|license| license.feature.as_str());
    let keys = catalogue.items.keys().chain(catalogue.technical_licenses.keys()).map(String::as_str);
    let names = keys.chain(features);
    let list = || format!("`grantor catalogue list {}` shows what it sells", catalogue.name);
    let hint = did_you_mean(&line.item, names).unwrap_or_else(list);
    (format!("`{}` sells no `{}`", catalogue.name, line.item), Some(hint))
}

/// The quantity in its two parts; what the order does not divide is assigned.
fn amount(line: &OrderItem, thing: Thing<'_>) -> Result<Amount, Refused> {
    let (assigned, pooled) = (line.assigned.map(u64::from), line.pooled.map(u64::from));
    let divisible = match thing {
        Thing::Item(item) => item.split,
        Thing::License(license) => license.pooled_model.is_some(),
    };
    match (assigned, pooled) {
        (None, None) => Ok(Amount::whole(u64::from(line.quantity))),
        (assigned, pooled) if divisible => {
            Ok(Amount { assigned: assigned.unwrap_or(0), pooled: pooled.unwrap_or(0) })
        }
        _ => {
            let message = format!("`{}` is not divided into assigned and pooled", line.item);
            Err((message, Some("write `quantity` alone".to_owned())))
        }
    }
}

/// Keys of the wanted licenses, each of which the item must have as an optional one.
fn options<'a>(
    catalogue: &'a Catalogue,
    thing: Thing<'a>,
    line: &OrderItem,
) -> Result<BTreeSet<&'a str>, Refused> {
    let offered: BTreeSet<&str> = match thing {
        Thing::Item(item) => {
            let all = contents(catalogue, item);
            all.into_values().flat_map(Item::optional).map(|need| need.license.as_str()).collect()
        }
        Thing::License(_) => BTreeSet::new(),
    };
    let find = |wanted: &String| {
        let by_feature = |key: &&&str| key.split(' ').next() == Some(wanted);
        offered.get(wanted.as_str()).or_else(|| offered.iter().find(by_feature)).copied().ok_or_else(|| {
            let names = || offered.iter().copied();
            let none = || "it has none: leave `options` out".to_owned();
            let all = || if offered.is_empty() { none() } else { format!("it has {}", listed(names())) };
            let hint = did_you_mean(wanted, names()).unwrap_or_else(all);
            (format!("`{}` has no optional technical license `{wanted}`", line.item), Some(hint))
        })
    };
    line.options.iter().map(find).collect()
}

/// A license type must be one of the catalogue's, if that has any.
fn wrong_license_type(order: &Order, catalogue: &Catalogue) -> Option<Problem> {
    let types = &catalogue.license_types;
    if types.is_empty() || types.contains_key(&order.license_type) {
        return None;
    }
    let names = || types.keys().map(String::as_str);
    let hint =
        did_you_mean(&order.license_type, names()).unwrap_or_else(|| format!("it has {}", listed(names())));
    let message = format!("`{}` has no license type `{}`", catalogue.name, order.license_type);
    Some(problem(order, order.license_type_place, message, Some(hint)))
}

/// "Select One Valid Server Item": where a catalogue has server items, an order needs exactly one of them, once.
fn wrong_servers(order: &Order, basket: &Basket<'_>) -> Option<Problem> {
    let is_server = |purchase: &&Purchase<'_>| matches!(purchase.thing, Thing::Item(item) if item.server);
    let bought = basket.purchases.values();
    let servers = || bought.clone().filter(is_server);
    let count = servers().fold(0, |sum: u64, purchase| sum.saturating_add(purchase.amount.sum()));
    let items = basket.catalogue.items.values().filter(|item| item.server && !item.retired);
    let names: Vec<&str> = items.map(|item| item.name.as_str()).collect();
    if names.is_empty() || count == 1 {
        return None;
    }
    let first = bought.clone().map(|purchase| purchase.place).min();
    let place = servers().map(|purchase| purchase.place).max().or(first);
    let message =
        format!("a license file of `{}` has exactly one server item, not {count}", basket.catalogue.name);
    let hint = format!("order one of {}, with `quantity = 1`", listed(names));
    Some(problem(order, place.unwrap_or_default(), message, Some(hint)))
}
