//! Orders: what was bought, for whom, for which machines. The portal and `grantor issue` read the same file.

use serde::Serialize;

use crate::environment::Environment;

/// The most of anything that one line of an order may ask for, and the most that one feature may come to.
pub const MAX_QUANTITY: u32 = 1_000_000;

/// Where in a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
}

/// How far the license has got: what `STATE=` says in the license file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderState {
    /// Works during the grace period, until it is activated.
    Inactive,
    /// Works.
    Active,
    /// Works without activation until it expires.
    Temporary,
}

impl OrderState {
    pub(crate) const WORDS: [(&'static str, Self); 3] =
        [("inactive", Self::Inactive), ("active", Self::Active), ("temporary", Self::Temporary)];

    /// The word as `STATE=` and the order write it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Active => "active",
            Self::Temporary => "temporary",
        }
    }
}

/// A machine that the license file is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderServer {
    /// Its host name.
    pub host: String,
    /// Its host id, or those of a switchover pair separated by a blank.
    pub hostid: String,
    /// Where it listens; `None`: the default port.
    pub port: Option<u16>,
    /// Where in the order.
    pub place: Place,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderItem {
    /// Which catalogue sells it.
    pub catalogue: String,
    /// A sellable item by name, or a technical license by itself, by its key.
    pub item: String,
    /// How many, from 1 to [`MAX_QUANTITY`]; where it is split, both parts together.
    pub quantity: u32,
    /// The assigned part of a split quantity.
    pub assigned: Option<u32>,
    /// The pooled part of a split quantity.
    pub pooled: Option<u32>,
    /// Optional technical licenses that are wanted.
    pub options: Vec<String>,
    /// Where in the order.
    pub place: Place,
}

/// A purchase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Order {
    /// The order's file as the caller named it, for problems.
    pub file: String,
    /// Unique license reference number.
    pub lrn: String,
    /// Who bought.
    pub customer: String,
    /// Where it is installed.
    pub site: String,
    /// `production`, `trial`, …: one of the catalogue's license types, if it has any.
    pub license_type: String,
    /// Where in the order; the beginning if it does not say.
    pub license_type_place: Place,
    /// What the license file calls the purchase.
    pub product: Option<String>,
    /// How far the license has got.
    pub state: OrderState,
    /// Day of issue, `dd-mmm-yyyy`; `None`: today.
    pub issued: Option<String>,
    /// Last day, `dd-mmm-yyyy` or `permanent`; `None`: what the license type says, else permanent.
    pub expires: Option<String>,
    /// The installation that the license is bound to.
    pub registration_key: Option<String>,
    /// None, one, or the three of a redundant set.
    pub servers: Vec<OrderServer>,
    /// What the rules need to know about the installation.
    pub environment: Environment,
    /// What was bought: at least one line.
    pub items: Vec<OrderItem>,
}
