//! Sellable items: what is bought, by part number and quantity.

use serde::Serialize;

/// What the quantity of an item counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// An agent's seat.
    Seat,
    /// A person.
    User,
    /// A port of a voice server.
    Port,
    /// A running server.
    Instance,
    /// A configuration environment.
    Environment,
    /// A primary server and its backup.
    RedundantPair,
    /// A site, with one server or one redundant pair.
    Site,
    /// A client connected at the same time as others.
    Connection,
    /// A callback request within 60 minutes.
    CallbackPerHour,
    /// A license, counted as such.
    License,
}

impl Unit {
    pub(crate) const WORDS: [(&'static str, Self); 10] = [
        ("seat", Self::Seat),
        ("user", Self::User),
        ("port", Self::Port),
        ("instance", Self::Instance),
        ("environment", Self::Environment),
        ("redundant-pair", Self::RedundantPair),
        ("site", Self::Site),
        ("connection", Self::Connection),
        ("callback-per-hour", Self::CallbackPerHour),
        ("license", Self::License),
    ];

    /// In words, for one or for several: "1 seat", "100 seats".
    #[must_use]
    pub fn counted(self, quantity: u64) -> String {
        let (one, many) = match self {
            Self::Seat => ("seat", "seats"),
            Self::User => ("user", "users"),
            Self::Port => ("port", "ports"),
            Self::Instance => ("instance", "instances"),
            Self::Environment => ("environment", "environments"),
            Self::RedundantPair => ("redundant pair", "redundant pairs"),
            Self::Site => ("site", "sites"),
            Self::Connection => ("connection", "connections"),
            Self::CallbackPerHour => ("callback per hour", "callbacks per hour"),
            Self::License => ("license", "licenses"),
        };
        format!("{quantity} {}", if quantity == 1 { one } else { many })
    }

    /// Whether it counts people at work: the same people may work with several items.
    pub(crate) fn is_people(self) -> bool {
        matches!(self, Self::Seat | Self::User)
    }
}

/// An assigned and a pooled count that one unit of an item brings, whatever split the order asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Fixed {
    /// Allocated to users or stations.
    pub assigned: u32,
    /// Taken at log-on.
    pub pooled: u32,
}

/// A technical license that an item needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Need {
    /// Its key: feature and version.
    pub license: String,
    /// Comes only if the order asks for it.
    pub optional: bool,
    /// How many times what the rule says, from 1.
    pub count: u32,
    /// Counts in place of the rule's, for one unit of the item.
    pub fixed: Option<Fixed>,
}

/// All technical licenses of one kind at once, as development systems have them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Every {
    /// One of the catalogue's kinds.
    pub kind: String,
    /// How many of each, from 1.
    pub count: u32,
}

/// One thing that is sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Its name, or its part number.
    pub name: String,
    /// What people call it, if the name is a part number.
    pub title: Option<String>,
    /// The heading it is listed under.
    pub group: Option<String>,
    /// What it is good for.
    pub description: Option<String>,
    /// What its quantity counts.
    pub unit: Unit,
    /// A license file has exactly one such item, once.
    pub server: bool,
    /// Its quantity is divided into an assigned and a pooled part.
    pub split: bool,
    /// No longer sold.
    pub retired: bool,
    /// The item that takes its place.
    pub upgrades_to: Option<String>,
    /// The technical licenses that it needs.
    pub needs: Vec<Need>,
    /// All technical licenses of these kinds.
    pub every: Vec<Every>,
    /// Items that come with it, each in the same quantity.
    pub includes: Vec<String>,
    /// The development system that comes with this server at no cost, on a license of its own.
    pub development: Option<String>,
}

impl Item {
    /// Name and title: "SW-001-4.0-AL02 Business Client".
    #[must_use]
    pub fn full_name(&self) -> String {
        match &self.title {
            Some(title) => format!("{} {title}", self.name),
            None => self.name.clone(),
        }
    }

    /// The technical licenses that an order may add.
    pub fn optional(&self) -> impl Iterator<Item = &Need> {
        self.needs.iter().filter(|need| need.optional)
    }
}
