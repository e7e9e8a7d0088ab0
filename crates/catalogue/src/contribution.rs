//! What one item of an order adds to the count of one technical license, and why.

use std::collections::BTreeMap;

use crate::catalogue::Catalogue;
use crate::environment::Environment;
use crate::item::{Item, Need, Unit};
use crate::license::{Model, TechnicalLicense};
use crate::quantity::Quantity;

/// A quantity in its two parts; without a split, all of it is assigned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) assigned: u64,
    pub(crate) pooled: u64,
}

impl Amount {
    pub(crate) fn whole(count: u64) -> Self {
        Self { assigned: count, pooled: 0 }
    }

    pub(crate) fn sum(self) -> u64 {
        self.assigned.saturating_add(self.pooled)
    }

    pub(crate) fn times(self, factor: u64) -> Self {
        Self { assigned: self.assigned.saturating_mul(factor), pooled: self.pooled.saturating_mul(factor) }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            assigned: self.assigned.saturating_add(other.assigned),
            pooled: self.pooled.saturating_add(other.pooled),
        }
    }

    /// The larger of each part.
    pub(crate) fn or_more(self, other: Self) -> Self {
        Self { assigned: self.assigned.max(other.assigned), pooled: self.pooled.max(other.pooled) }
    }
}

/// Where a count comes from, which decides how several are merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Basis {
    /// Ordered by the seat: the same people may work with several items.
    People,
    /// Ordered by something else: adds up.
    Ordered,
    /// Said of the installation, or taken for granted: the same thing, whichever item needs it.
    Installation,
}

/// What one item adds.
#[derive(Debug, Clone)]
pub(crate) struct Contribution {
    /// The item that was ordered, which may be a bundle.
    pub(crate) root: String,
    /// The item that needs the license.
    pub(crate) item: String,
    pub(crate) basis: Basis,
    pub(crate) amount: Amount,
    pub(crate) text: String,
    /// Nothing says how many: a guess that may be wrong.
    pub(crate) guess: bool,
}

/// What the rules look at besides the item.
pub(crate) struct Rules<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) environment: &'a Environment,
    /// The seats of the installation: as the environment says, or of all items sold by the seat.
    pub(crate) seats: u64,
}

/// An item that was ordered, and how many.
pub(crate) struct Bought<'a> {
    pub(crate) root: &'a str,
    pub(crate) amount: Amount,
}

/// What is missing from an order.
pub(crate) struct Missing {
    /// The name of a figure of the environment.
    pub(crate) figure: &'static str,
    /// What to count instead if other items bring the license.
    pub(crate) shared: Contribution,
}

/// A license as one item needs it.
pub(crate) struct Case<'a> {
    pub(crate) bought: &'a Bought<'a>,
    pub(crate) item: &'a Item,
    pub(crate) need: &'a Need,
    pub(crate) license: &'a TechnicalLicense,
}

/// How many a case comes to, where the number comes from, and why.
struct Count {
    basis: Basis,
    amount: Amount,
    guess: bool,
    why: String,
}

impl Count {
    fn ordered(basis: Basis, amount: Amount, why: String) -> Self {
        Self { basis, amount, guess: false, why }
    }

    fn of_installation(figure: u64, why: String) -> Self {
        Self { basis: Basis::Installation, amount: Amount::whole(figure), guess: false, why }
    }
}

/// Applies the rule of a license to an item of so many units. First what is ordered, then what is said of the
/// installation, then what may stand for it, then what is taken for granted.
pub(crate) fn contribution(rules: &Rules<'_>, case: &Case<'_>) -> Result<Contribution, Missing> {
    let Some(count) = by_order(case).or_else(|| by_installation(rules, case)).or_else(|| by_assumption(case))
    else {
        let (figure, _) = case.license.quantity.figure(rules.environment);
        return Err(Missing { figure, shared: case.shared() });
    };
    let amount = count.amount.times(u64::from(case.need.count));
    let feature = &case.license.feature;
    let what = match case.license.model {
        Model::Uncounted => format!("{feature} (not counted)"),
        _ => format!("{feature} {} ({})", counts(amount), count.why),
    };
    Ok(case.contribution(count.basis, amount, count.guess, &what))
}

impl Case<'_> {
    fn contribution(&self, basis: Basis, amount: Amount, guess: bool, what: &str) -> Contribution {
        let (root, item) = (self.bought.root.to_owned(), self.item.name.clone());
        let part = if root == item { String::new() } else { format!(" in {root}") };
        let ordered = self.item.unit.counted(self.bought.amount.sum());
        let text = format!("{}{part} ×{ordered} → {what}", self.item.full_name());
        Contribution { root, item, basis, amount, text, guess }
    }

    /// Nothing says a number for it, but other items of the order bring the license: it shares theirs.
    fn shared(&self) -> Contribution {
        let what = format!("shares the {} of the others", self.license.feature);
        self.contribution(Basis::Installation, Amount::default(), false, &what)
    }
}

/// The ordered quantity counts the very thing, or the item says how many it brings.
fn by_order(case: &Case<'_>) -> Option<Count> {
    let (rule, amount) = (case.license.quantity, case.bought.amount);
    if let Some(fixed) = case.need.fixed {
        let each = Amount { assigned: u64::from(fixed.assigned), pooled: u64::from(fixed.pooled) };
        let why = format!("{} for each", counts(each));
        return Some(Count::ordered(Basis::Ordered, each.times(amount.sum()), why));
    }
    if let Quantity::PerUnit(count) = rule {
        return Some(Count::ordered(Basis::Ordered, amount.times(u64::from(count)), rule.in_words()));
    }
    rule.counts(case.item.unit).then(|| Count::ordered(basis(case.item.unit), amount, rule.in_words()))
}

/// The order's environment says how many, or the seats may stand for what it does not say.
fn by_installation(rules: &Rules<'_>, case: &Case<'_>) -> Option<Count> {
    let (rule, unit) = (case.license.quantity, case.item.unit);
    let words = rule.in_words();
    if let (_, Some(figure)) = rule.figure(rules.environment) {
        let why = format!("{words}; the order's environment says {figure}");
        return Some(Count::of_installation(u64::from(figure), why));
    }
    if rule.accepts(unit) {
        return Some(Count::ordered(basis(unit), case.bought.amount, stand_in(rule, unit)));
    }
    (rule.accepts_seats_of_order() && rules.seats > 0).then(|| {
        let why = format!("{words}; there are {}", Unit::Seat.counted(rules.seats));
        Count::of_installation(rules.seats, why)
    })
}

fn by_assumption(case: &Case<'_>) -> Option<Count> {
    let rule = case.license.quantity;
    let assumed = rule.assumed()?;
    let count = Count::of_installation(u64::from(assumed), assumption(rule, assumed));
    Some(Count { guess: rule.is_guess(), ..count })
}

fn basis(unit: Unit) -> Basis {
    if unit.is_people() { Basis::People } else { Basis::Ordered }
}

fn stand_in(rule: Quantity, unit: Unit) -> String {
    let each = match unit {
        Unit::Port => "port",
        Unit::User => "user",
        _ => "seat",
    };
    format!("{}; nothing says how many, so one for every {each}", rule.in_words())
}

fn assumption(rule: Quantity, assumed: u32) -> String {
    match rule {
        Quantity::TechnicalDn => {
            format!("{}; nothing says how many, so {assumed} are issued", rule.in_words())
        }
        Quantity::RedundantPair | Quantity::Site => {
            format!("{}; nothing says how many, so {assumed} is taken", rule.in_words())
        }
        _ => rule.in_words(),
    }
}

/// "5", or "5 assigned and 25 pooled".
pub(crate) fn counts(amount: Amount) -> String {
    if amount.pooled == 0 {
        amount.assigned.to_string()
    } else {
        format!("{} assigned and {} pooled", amount.assigned, amount.pooled)
    }
}

/// Items with all that comes with them, each once, by name.
pub(crate) fn contents<'a>(catalogue: &'a Catalogue, item: &'a Item) -> BTreeMap<&'a str, &'a Item> {
    let mut found = BTreeMap::new();
    let mut open = vec![item];
    while let Some(item) = open.pop() {
        if found.insert(item.name.as_str(), item).is_none() {
            open.extend(item.includes.iter().filter_map(|name| catalogue.items.get(name)));
        }
    }
    found
}
