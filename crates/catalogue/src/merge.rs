//! Merges what several items add to the count of one technical license.

use std::collections::BTreeMap;

use crate::contribution::{Amount, Basis, Contribution};
use crate::environment::Deployment;

/// A merged count, and why it is what it is if there was anything to merge.
pub(crate) struct Merged {
    pub(crate) amount: Amount,
    pub(crate) reason: Option<String>,
    /// It matters whether agents are shared.
    pub(crate) by_deployment: bool,
}

/// Seats by the deployment mode, everything else ordered is added, and what is said of the installation is a floor.
pub(crate) fn merge(contributions: &[Contribution], deployment: Deployment) -> Merged {
    let of = |basis: Basis| contributions.iter().filter(move |contribution| contribution.basis == basis);
    let people = people(of(Basis::People), deployment);
    let ordered = of(Basis::Ordered).fold(Amount::default(), |sum, next| sum.plus(next.amount));
    let installation =
        of(Basis::Installation).fold(Amount::default(), |most, next| most.or_more(next.amount));
    let amount = people.amount.plus(ordered).or_more(installation);
    let several = contributions.len() > 1;
    let mut parts: Vec<&str> = Vec::new();
    if of(Basis::People).count() > 1 {
        parts.push(people.reason);
    }
    if of(Basis::Ordered).next().is_some() && several {
        parts.push(if people.roots == 0 { "these add up" } else { "the rest is added" });
    }
    if of(Basis::Installation).next().is_some() && several {
        parts.push("what is said of the installation holds for all of them, so the largest number counts");
    }
    let reason = (!parts.is_empty()).then(|| parts.join("; "));
    Merged { amount, reason, by_deployment: people.roots > 1 }
}

struct People {
    amount: Amount,
    roots: usize,
    reason: &'static str,
}

/// Items of one bundle are for the same people; bundles and items of their own as the deployment mode says.
fn people<'a>(contributions: impl Iterator<Item = &'a Contribution>, deployment: Deployment) -> People {
    let mut roots: BTreeMap<&str, Amount> = BTreeMap::new();
    for contribution in contributions {
        let most = roots.entry(&contribution.root).or_default();
        *most = most.or_more(contribution.amount);
    }
    let start = Amount::default();
    let blended = deployment == Deployment::Blended;
    let amount =
        roots.values().fold(start, |sum, next| if blended { sum.or_more(*next) } else { sum.plus(*next) });
    let reason = match (roots.len(), deployment) {
        (0 | 1, _) => "items of one bundle are for the same agents, so the largest number counts",
        (_, Deployment::Blended) => {
            "blended: the same agents handle all of these, so the largest number counts"
        }
        (_, Deployment::Separate) => "separate: dedicated agents handle each of these, so the numbers add up",
    };
    People { amount, roots: roots.len(), reason }
}
