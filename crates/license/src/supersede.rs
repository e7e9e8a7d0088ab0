//! Which lines a newer line puts out of force (flexnet-formats §1.5). May not know packages or counts.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::offer::{Offer, OfferKind, Supersede};

/// Publisher, feature without case, and whether it is a package: packages supersede packages, features features.
type Name = (String, String, bool);

fn name_of(offer: &Offer, feature: &str) -> Name {
    let package = matches!(offer.kind, OfferKind::Package { .. });
    (offer.publisher.clone(), feature.to_lowercase(), package)
}

/// For each superseded offer the one that takes its place. Only lines in force (`active`) supersede.
pub(crate) fn superseded(offers: &[Offer], active: &[usize]) -> BTreeMap<usize, usize> {
    let mut newest: BTreeMap<Name, (Date, usize)> = BTreeMap::new();
    let mut signed: BTreeMap<(Name, &str), usize> = BTreeMap::new();
    for &i in active {
        let offer = &offers[i];
        match (&offer.supersede, offer.issued) {
            (Supersede::Features(features), Some(issued)) => {
                for feature in features {
                    let entry = newest.entry(name_of(offer, feature)).or_insert((issued, i));
                    *entry = (*entry).max((issued, i));
                }
            }
            (Supersede::Signatures(pairs), _) => {
                signed.extend(
                    pairs.iter().map(|(feature, sign)| ((name_of(offer, feature), sign.as_str()), i)),
                );
            }
            _ => {}
        }
    }
    let mut result = BTreeMap::new();
    for &i in active {
        let offer = &offers[i];
        let name = name_of(offer, &offer.feature);
        let older =
            newest.get(&name).filter(|(issued, by)| *by != i && offer.issued.is_none_or(|own| own < *issued));
        let named = signed.get(&(name.clone(), offer.sign.as_str())).filter(|by| **by != i);
        if let Some(by) = older.map(|(_, by)| by).or(named) {
            result.insert(i, *by);
        }
    }
    result
}
