//! Orders: what was bought, for whom, for which site. Booked once however often they are sent, as a whole or not at all.

mod book;
pub mod bulk;
mod csv;
mod letter;
mod problems;
mod search;
mod show;

use std::fmt;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::entity::order;
use crate::lrn::Lrn;
use crate::store::Store;

pub use book::{Booked, book, check, check_csv};
pub use csv::{CsvOrders, read_csv};
pub use letter::{send_letter, send_letter_once};
pub use search::{Found, MOST_FOUND, search};
pub use show::{BookedOrder, LATEST, OrderLine, Sort, list, one, sold_to};

/// Lines of one order, at most.
pub const MAX_LINES: usize = 10_000;

/// How long what was bought may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Term {
    /// For ever; shown as permanent, 1/1/2100 in PureConnect's words.
    #[default]
    Perpetual,
    /// Through a day.
    Term,
    /// Through a day, and renewed by further orders.
    Subscription,
    /// Through a day, for a pilot installation: activated, it stands alone (seed 000, "License activation").
    Pilot,
    /// Through a day, for a short time: activated, it stands alone, too.
    Temporary,
}

impl Term {
    /// As it is kept and shown.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Perpetual => "perpetual",
            Self::Term => "term",
            Self::Subscription => "subscription",
            Self::Pilot => "pilot",
            Self::Temporary => "temporary",
        }
    }

    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Perpetual, Self::Term, Self::Subscription, Self::Pilot, Self::Temporary];

    /// The term with that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|term| term.word() == word)
    }

    /// The license type of the file that an order of this term is activated into.
    #[must_use]
    pub fn license_type(self) -> &'static str {
        match self {
            Self::Perpetual => "permanent",
            Self::Term | Self::Subscription => "term",
            Self::Pilot => "pilot",
            Self::Temporary => "temporary",
        }
    }

    /// Whether it is for products only that have the license type, as files of no other stand alone.
    #[must_use]
    pub fn needs_its_type(self) -> bool {
        matches!(self, Self::Pilot | Self::Temporary)
    }
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLine {
    /// Which catalogue sells it.
    pub catalogue: String,
    /// Its part number.
    pub part: String,
    /// How many, from 1 to the catalogue's `MAX_QUANTITY`.
    pub quantity: u32,
}

/// An order as it comes in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// The order's number in the publisher's books, up to 80 characters. The same number is the same order.
    pub number: String,
    /// The reference number of the account that uses it.
    pub account: String,
    /// The reference number of the account that is invoiced; `None`: the same.
    #[serde(default)]
    pub sold_to: Option<String>,
    /// The install site's name.
    pub site: String,
    /// How long.
    #[serde(default)]
    pub term: Term,
    /// Through which day, `yyyy-mm-dd`; for all but perpetual ones.
    #[serde(default)]
    pub last_day: Option<String>,
    /// Through which day maintenance is paid, `yyyy-mm-dd`.
    #[serde(default)]
    pub maintenance_until: Option<String>,
    /// What was bought: from 1 to [`MAX_LINES`].
    pub lines: Vec<NewLine>,
}

/// What is wrong with an order, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct OrderProblem {
    /// Its number.
    pub order: String,
    /// The line of the order, from 1; in a CSV file the line of the file. `None`: the order as a whole.
    pub line: Option<usize>,
    /// Which field.
    pub field: &'static str,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for OrderProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.order.is_empty() {
            write!(f, "order {}, ", self.order)?;
        }
        if let Some(line) = self.line {
            write!(f, "line {line}, ")?;
        }
        write!(f, "{}: {}", self.field, self.message)
    }
}

/// The number of the order with that license reference number.
///
/// # Errors
/// The database's.
pub async fn number_of(store: &Store, lrn: Lrn) -> Result<Option<String>, Failure> {
    let found =
        order::Entity::find().filter(order::Column::Lrn.eq(lrn.to_string())).one(store.read()).await?;
    Ok(found.map(|row| row.number))
}
