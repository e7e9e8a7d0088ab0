//! Checks that every name in a catalogue leads somewhere, and that nothing contains itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue::Catalogue;
use crate::fields::{At, Reader};
use crate::nearest::did_you_mean;

/// What a name should lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    /// An item that another contains.
    Item,
    /// An item that takes another's place, or that a measure is compared with.
    OtherItem,
    Kind,
    License,
    Measure,
}

impl To {
    fn what(self) -> &'static str {
        match self {
            Self::Item | Self::OtherItem => "item",
            Self::Kind => "kind",
            Self::License => "technical license",
            Self::Measure => "measure",
        }
    }

    fn names(self, catalogue: &Catalogue) -> BTreeSet<&str> {
        fn keys<T>(map: &BTreeMap<String, T>) -> BTreeSet<&str> {
            map.keys().map(String::as_str).collect()
        }
        match self {
            Self::Item | Self::OtherItem => keys(&catalogue.items),
            Self::Kind => keys(&catalogue.kinds),
            Self::License => keys(&catalogue.technical_licenses),
            Self::Measure => keys(&catalogue.measures),
        }
    }
}

struct Reference {
    owner: String,
    to: To,
    name: At<String>,
}

/// Every name that one entry uses of another, with its place.
#[derive(Default)]
pub(crate) struct References {
    owner: String,
    all: Vec<Reference>,
}

impl References {
    /// What follows is used by the entry of this name.
    pub(crate) fn enter(&mut self, owner: Option<&At<String>>) {
        self.owner = owner.map(|at| at.value.clone()).unwrap_or_default();
    }

    /// Notes a name that is used, and gives it back.
    pub(crate) fn to(&mut self, to: To, name: At<String>) -> String {
        let value = name.value.clone();
        self.all.push(Reference { owner: self.owner.clone(), to, name });
        value
    }

    /// Notes several names, and gives them back.
    pub(crate) fn all_to(&mut self, to: To, names: Vec<At<String>>) -> Vec<String> {
        names.into_iter().map(|name| self.to(to, name)).collect()
    }
}

/// Reports names that lead nowhere, and items and measures that contain themselves.
pub(crate) fn check(reader: &mut Reader<'_>, catalogue: &Catalogue, references: &References) {
    for reference in &references.all {
        dangling(reader, catalogue, reference);
    }
    cycles(reader, references, To::Item);
    cycles(reader, references, To::Measure);
}

fn dangling(reader: &mut Reader<'_>, catalogue: &Catalogue, reference: &Reference) {
    let name = &reference.name.value;
    let names = reference.to.names(catalogue);
    if names.contains(name.as_str()) {
        return;
    }
    let what = reference.to.what();
    let hint = did_you_mean(name, names).unwrap_or_else(|| format!("add the {what}, or take the name out"));
    reader.error(reference.name.at, format!("no {what} is called `{name}`"), Some(hint));
}

/// Walks what contains what, depth first; a name met again on its own path closes a cycle, reported where it closes.
fn cycles(reader: &mut Reader<'_>, references: &References, to: To) {
    let mut contains: BTreeMap<&str, Vec<&Reference>> = BTreeMap::new();
    for reference in references.all.iter().filter(|reference| reference.to == to) {
        contains.entry(&reference.owner).or_default().push(reference);
    }
    let mut done = BTreeSet::new();
    for start in contains.keys() {
        walk(reader, &contains, &mut vec![*start], &mut done);
    }
}

fn walk<'a>(
    reader: &mut Reader<'_>,
    contains: &BTreeMap<&'a str, Vec<&'a Reference>>,
    path: &mut Vec<&'a str>,
    done: &mut BTreeSet<&'a str>,
) {
    let Some(here) = path.last().copied().filter(|here| !done.contains(here)) else { return };
    for next in contains.get(here).into_iter().flatten() {
        let name = next.name.value.as_str();
        if let Some(begin) = path.iter().position(|step| *step == name) {
            let round = path[begin..].iter().chain([&name]).map(|step| format!("`{step}`"));
            let message = format!("`{name}` contains itself");
            let hint = format!("the way round: {}", round.collect::<Vec<_>>().join(" → "));
            reader.error(next.name.at, message, Some(hint));
            continue;
        }
        path.push(name);
        walk(reader, contains, path, done);
        path.pop();
    }
    done.insert(here);
}
