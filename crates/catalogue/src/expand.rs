//! Turns an order into technical licenses with counts, and says why each count is what it is.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::catalogue::Catalogue;
use crate::contribution::{
    Amount, Basis, Bought, Case, Contribution, Missing, Rules, contents, contribution,
};
use crate::environment::Deployment;
use crate::item::{Item, Need};
use crate::license::{Model, TechnicalLicense, VersionRule};
use crate::merge::{Merged, merge};
use crate::order::{MAX_QUANTITY, Order};
use crate::problem::Problem;
use crate::resolve::{Basket, Purchase, Thing, baskets, problem};

/// Why a count is what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The item it comes from; `None`: how several were merged.
    pub item: Option<String>,
    /// A sentence for people, without a full stop.
    pub text: String,
}

/// A technical license with its count: one `INCREMENT` line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TechnicalLine {
    /// The catalogue it comes from.
    pub catalogue: String,
    /// The name that applications ask for.
    pub feature: String,
    /// A decimal number.
    pub version: String,
    /// From 1 to [`MAX_QUANTITY`]; 0 for the model `uncounted`, and only for that.
    pub count: u32,
    /// How it is consumed.
    pub model: Model,
    /// For how many seconds a grant outlives its release.
    pub hold_seconds: Option<u32>,
    /// Which checkouts share one license, as `DUP_GROUP=` writes it.
    pub dup_group: Option<String>,
    /// Which versions of an application it serves.
    pub version_rule: VersionRule,
    /// Why there are so many: at least one reason.
    pub why: Vec<Reason>,
}

/// What an order comes to, from one publisher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expansion {
    /// Who grants.
    pub publisher: String,
    /// Its technical licenses, by catalogue, feature and version.
    pub lines: Vec<TechnicalLine>,
    /// What to ask the customer about before a license file is made.
    pub warnings: Vec<String>,
    /// Minutes after which interactions are disconnected, if the license type does that; of several catalogues' the least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disconnect_minutes: Option<u32>,
}

/// Expands an order; one expansion for each publisher, by name. The order of the order's lines does not matter.
///
/// # Errors
/// Every problem of the order, at its place: unknown catalogues, items and options; counts that the order does not
/// say enough for, or that are over [`MAX_QUANTITY`]; a server item too few or too many; an unknown license type.
pub fn expand(
    order: &Order,
    catalogues: &BTreeMap<String, Catalogue>,
) -> Result<Vec<Expansion>, Vec<Problem>> {
    let mut expansions: BTreeMap<&str, Expansion> = BTreeMap::new();
    let mut problems = Vec::new();
    for basket in &baskets(order, catalogues)? {
        let publisher = basket.catalogue.publisher.as_str();
        let expansion = expansions.entry(publisher).or_insert_with(|| Expansion {
            publisher: publisher.to_owned(),
            lines: Vec::new(),
            warnings: Vec::new(),
            disconnect_minutes: None,
        });
        let of_type = basket.catalogue.license_types.get(&order.license_type);
        let minutes = of_type.and_then(|of_type| of_type.disconnect_minutes);
        expansion.disconnect_minutes = expansion.disconnect_minutes.into_iter().chain(minutes).min();
        problems.extend(expand_basket(order, basket, expansion));
    }
    if problems.is_empty() { Ok(expansions.into_values().collect()) } else { Err(problems) }
}

fn expand_basket(order: &Order, basket: &Basket<'_>, into: &mut Expansion) -> Vec<Problem> {
    let deployment = order.environment.deployment.unwrap_or(Deployment::Blended);
    let (needed, mut problems) = needed(order, basket, deployment);
    let mut by_deployment = false;
    for (license, contributions) in needed.values() {
        let merged = merge(contributions, deployment);
        by_deployment |= merged.by_deployment;
        if merged.amount.sum() > u64::from(MAX_QUANTITY) {
            problems.push(too_many(order, basket, license, &merged, contributions));
            continue;
        }
        into.warnings.extend(guess(license, contributions));
        into.lines.extend(lines(basket.catalogue, license, contributions, &merged));
    }
    if by_deployment && order.environment.deployment.is_none() {
        let says = "the order does not say whether the same agents handle all items: blended is taken; write \
                    `deployment = \"blended\"` or `\"separate\"` under `[environment]`";
        into.warnings.push(says.to_owned());
    }
    into.warnings.extend(without_licenses(basket));
    into.warnings.extend(exclusions(basket.catalogue, &into.lines));
    into.warnings.extend(over_instance(basket.catalogue, &into.lines));
    problems
}

/// A technical license with all that adds to it.
type Needed<'a> = BTreeMap<String, (&'a TechnicalLicense, Vec<Contribution>)>;

/// Every contribution of every purchase, by license.
fn needed<'a>(order: &'a Order, basket: &Basket<'a>, deployment: Deployment) -> (Needed<'a>, Vec<Problem>) {
    let rules = Rules {
        catalogue: basket.catalogue,
        environment: &order.environment,
        seats: order.environment.seats.map_or_else(|| seats(basket, deployment), u64::from),
    };
    let mut needed: Needed<'a> = BTreeMap::new();
    let mut without = Vec::new();
    for (name, purchase) in &basket.purchases {
        for (license, contribution) in contributions(&rules, name, purchase) {
            match contribution {
                Ok(found) => needed.entry(license.key()).or_insert((license, Vec::new())).1.push(found),
                Err(missing) => without.push((name, purchase, license, missing)),
            }
        }
    }
    let mut problems = Vec::new();
    for (name, purchase, license, missing) in without {
        match needed.get_mut(&license.key()) {
            Some((_, contributions)) => contributions.push(missing.shared),
            None => problems.push(missing_figure(order, purchase, name, license, &missing)),
        }
    }
    (needed, problems)
}

/// The seats of the order as a whole: of all items sold by the seat, merged by the deployment mode.
fn seats(basket: &Basket<'_>, deployment: Deployment) -> u64 {
    let seats = |purchase: &Purchase<'_>| match purchase.thing {
        Thing::Item(item) if item.unit.is_people() => Some(purchase.amount.sum()),
        _ => None,
    };
    let all = basket.purchases.values().filter_map(seats);
    match deployment {
        Deployment::Blended => all.max().unwrap_or(0),
        Deployment::Separate => all.fold(0, u64::saturating_add),
    }
}

type Contributed<'a> = Vec<(&'a TechnicalLicense, Result<Contribution, Missing>)>;

fn contributions<'a>(rules: &Rules<'a>, name: &str, purchase: &Purchase<'a>) -> Contributed<'a> {
    let bought = Bought { root: name, amount: purchase.amount };
    match purchase.thing {
        Thing::License(license) => vec![(license, Ok(by_itself(name, purchase, license)))],
        Thing::Item(item) => contents(rules.catalogue, item)
            .into_values()
            .flat_map(|part| of_item(rules, &bought, part, purchase))
            .collect(),
    }
}

/// A technical license that was ordered by its own name.
fn by_itself(name: &str, purchase: &Purchase<'_>, license: &TechnicalLicense) -> Contribution {
    let amount = purchase.amount;
    let counts = crate::contribution::counts(amount);
    let text = format!("{name} ×{} → {} {counts} (ordered by itself)", amount.sum(), license.feature);
    let name = name.to_owned();
    Contribution { root: name.clone(), item: name, basis: Basis::Ordered, amount, text, guess: false }
}

fn of_item<'a>(
    rules: &Rules<'a>,
    bought: &Bought<'_>,
    item: &'a Item,
    purchase: &Purchase<'_>,
) -> Contributed<'a> {
    let wanted = |need: &&Need| !need.optional || purchase.options.contains(need.license.as_str());
    let licenses = &rules.catalogue.technical_licenses;
    let named = item.needs.iter().filter(wanted).cloned();
    let every = item.every.iter().flat_map(|every| {
        let of_kind = licenses.iter().filter(|(_, license)| license.kind.as_ref() == Some(&every.kind));
        of_kind.map(|(key, _)| Need {
            license: key.clone(),
            optional: false,
            count: every.count,
            fixed: None,
        })
    });
    let apply = |need: Need| {
        let license = licenses.get(&need.license)?;
        Some((license, contribution(rules, &Case { bought, item, need: &need, license })))
    };
    named.chain(every).filter_map(apply).collect()
}

/// One line, or one for the assigned and one for the pooled part if they are consumed differently.
fn lines(
    catalogue: &Catalogue,
    license: &TechnicalLicense,
    contributions: &[Contribution],
    merged: &Merged,
) -> Vec<TechnicalLine> {
    let mut why: Vec<Reason> = contributions
        .iter()
        .map(|contribution| Reason { item: Some(contribution.item.clone()), text: contribution.text.clone() })
        .collect();
    why.extend(merged.reason.clone().map(|text| Reason { item: None, text }));
    let pooled_model = license.pooled_model.unwrap_or(license.model);
    if pooled_model == license.model && merged.amount.pooled > 0 {
        let text = format!("pooled ones are {} like assigned ones", license.model.word());
        why.push(Reason { item: None, text });
    }
    let parts = if pooled_model == license.model {
        vec![(license.model, merged.amount.sum())]
    } else {
        let Amount { assigned, pooled } = merged.amount;
        vec![(license.model, assigned), (pooled_model, pooled)]
    };
    let line = |(model, count): (Model, u64)| TechnicalLine {
        catalogue: catalogue.name.clone(),
        feature: license.feature.clone(),
        version: license.version.clone(),
        count: if model == Model::Uncounted { 0 } else { u32::try_from(count).unwrap_or(MAX_QUANTITY) },
        model,
        hold_seconds: license.hold_seconds,
        dup_group: license.dup_group.clone(),
        version_rule: license.version_rule,
        why: why.clone(),
    };
    parts.into_iter().filter(|(_, count)| *count > 0).map(line).collect()
}

fn missing_figure(
    order: &Order,
    purchase: &Purchase<'_>,
    name: &str,
    license: &TechnicalLicense,
    missing: &Missing,
) -> Problem {
    let message = format!(
        "`{name}` needs `{}`, {}, and nothing says how many",
        license.feature,
        license.quantity.in_words()
    );
    let or_seats = if license.quantity.accepts_seats_of_order() { " or `seats = …`" } else { "" };
    let or_seats = if missing.figure == "seats" { "" } else { or_seats };
    let hint = Some(format!("write `{} = …`{or_seats} under `[environment]`", missing.figure));
    problem(order, purchase.place, message, hint)
}

fn too_many(
    order: &Order,
    basket: &Basket<'_>,
    license: &TechnicalLicense,
    merged: &Merged,
    contributions: &[Contribution],
) -> Problem {
    let places = contributions.iter().filter_map(|contribution| basket.purchases.get(&contribution.root));
    let place = places.map(|purchase| purchase.place).max().unwrap_or_default();
    let message = format!("`{}` comes to {}, over {MAX_QUANTITY}", license.feature, merged.amount.sum());
    problem(order, place, message, Some("order less, or divide the order by sites".to_owned()))
}

fn guess(license: &TechnicalLicense, contributions: &[Contribution]) -> Option<String> {
    let all = contributions.iter().any(|one| one.guess) && contributions.iter().all(|one| one.guess);
    let (figure, _) = license.quantity.figure(&crate::environment::Environment::default());
    all.then(|| {
        format!(
            "`{}` is {}, and nothing says how many: 1 is taken; write `{figure} = …` under `[environment]`",
            license.feature,
            license.quantity.in_words()
        )
    })
}

/// Items that are sold and measured, and ask for nothing.
fn without_licenses(basket: &Basket<'_>) -> Vec<String> {
    let asks_nothing = |purchase: &&Purchase<'_>| match purchase.thing {
        Thing::Item(item) => contents(basket.catalogue, item)
            .into_values()
            .all(|part| part.every.is_empty() && part.needs.iter().all(|need| need.optional)),
        Thing::License(_) => false,
    };
    let silent = basket.purchases.iter().filter(|(_, purchase)| asks_nothing(purchase));
    silent
        .filter(|(_, purchase)| purchase.options.is_empty())
        .map(|(name, _)| format!("`{name}` needs no technical license: its use is measured only"))
        .collect()
}

/// Licenses that one component cannot use together.
fn exclusions(catalogue: &Catalogue, lines: &[TechnicalLine]) -> Vec<String> {
    let ours = |key: &&String| {
        let mut lines = lines.iter().filter(|line| line.catalogue == catalogue.name);
        lines.any(|line| format!("{} {}", line.feature, line.version) == **key)
    };
    let licenses = catalogue.technical_licenses.iter().filter(|(key, _)| ours(key));
    let pairs = licenses
        .flat_map(|(key, license)| license.excludes.iter().filter(ours).map(move |other| (key, other)));
    pairs
        .map(|(key, other)| {
            format!("one component cannot use both `{key}` and `{other}`; it uses one of them")
        })
        .collect()
}

/// Counts over what one running component can check out.
fn over_instance(catalogue: &Catalogue, lines: &[TechnicalLine]) -> Vec<String> {
    let Some(most) = catalogue.max_per_instance else { return Vec::new() };
    let over = lines.iter().filter(|line| line.catalogue == catalogue.name && line.count > most);
    let assumed = |line: &&TechnicalLine| {
        let license = catalogue.license(&format!("{} {}", line.feature, line.version));
        license.is_some_and(|license| license.quantity == crate::quantity::Quantity::TechnicalDn)
    };
    over.filter(|line| !assumed(line))
        .map(|line| {
            let (feature, count) = (&line.feature, line.count);
            format!("`{feature}` is {count}; one running instance can check out {most} at most, so more are needed")
        })
        .collect()
}
