//! A catalogue: products, sellable items, the technical licenses each expands to, and how use is measured.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::item::Item;
use crate::license::TechnicalLicense;
use crate::license_type::LicenseType;
use crate::measure::Measure;

/// What sort of thing is licensed: access, session, feature ….
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kind {
    /// The word that items and technical licenses refer to.
    pub name: String,
    /// What it means.
    pub description: String,
}

/// A program, and the technical licenses that it asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Application {
    /// Its name.
    pub name: String,
    /// Key of each technical license, with the publisher's own words for how many the program needs.
    pub uses: BTreeMap<String, String>,
    /// What else to know.
    pub note: Option<String>,
}

/// What one publisher sells, from one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Catalogue {
    /// The file's name without `.toml`: what orders call it.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Who grants: the name on the `VENDOR` line.
    pub publisher: String,
    /// Which edition of the publisher's price list or guide it follows.
    pub edition: String,
    /// The documents it was made from.
    pub sources: Vec<String>,
    /// The most licenses of one feature that one running component can check out.
    pub max_per_instance: Option<u32>,
    /// Users who consume nothing.
    pub exempt_users: Vec<String>,
    /// Every tenant has a license of its own.
    pub per_tenant: bool,
    /// By key: feature and version.
    pub technical_licenses: BTreeMap<String, TechnicalLicense>,
    /// By name.
    pub items: BTreeMap<String, Item>,
    /// By name.
    pub measures: BTreeMap<String, Measure>,
    /// By name.
    pub applications: BTreeMap<String, Application>,
    /// By name; none: any word will do.
    pub license_types: BTreeMap<String, LicenseType>,
    /// By name.
    pub kinds: BTreeMap<String, Kind>,
}

impl Catalogue {
    /// The items on sale, by heading and name.
    #[must_use]
    pub fn list(&self) -> Vec<&Item> {
        let mut items: Vec<&Item> = self.items.values().filter(|item| !item.retired).collect();
        items.sort_by_key(|item| (item.group.as_deref().unwrap_or_default(), item.name.as_str()));
        items
    }

    /// The items under one heading, by name.
    pub fn group<'a>(&'a self, group: &'a str) -> impl Iterator<Item = &'a Item> {
        self.items.values().filter(move |item| item.group.as_deref() == Some(group))
    }

    /// A technical license by its key, or by its feature alone if that has only one version.
    #[must_use]
    pub fn license(&self, name: &str) -> Option<&TechnicalLicense> {
        self.technical_licenses.get(name).or_else(|| {
            let mut found = self.technical_licenses.values().filter(|license| license.feature == name);
            found.next().filter(|_| found.next().is_none())
        })
    }

    /// The measures that report the use of an item.
    pub fn measures_of<'a>(&'a self, item: &'a str) -> impl Iterator<Item = &'a Measure> {
        self.measures.values().filter(move |measure| measure.items.iter().any(|name| name == item))
    }
}
