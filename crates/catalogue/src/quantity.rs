//! Quantity rules: how many technical licenses an item needs.

use serde::{Serialize, Serializer};

use crate::environment::Environment;
use crate::item::Unit;

/// Of technical DNs, the publisher issues as many as this if the order does not say how many.
/// (Ordering Licenses, "Media Layer resources".)
const ALL_TECHNICAL_DNS: u32 = 999_999;

/// What one license is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantity {
    /// An agent's seat.
    Seat,
    /// A place for routing: an agent's place, or a port that is represented as one.
    Place,
    /// A DN that agents use, such as an extension or a position, or that a port uses.
    SeatDn,
    /// Any other DN, such as a queue or a routing point.
    TechnicalDn,
    /// A person logged on at the same time as others.
    ConcurrentUser,
    /// A port, or a call that occupies one.
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
    /// So many for each unit of the item, from 1.
    PerUnit(u32),
}

impl Quantity {
    pub(crate) const WORDS: [(&'static str, Self); 12] = [
        ("seat", Self::Seat),
        ("place", Self::Place),
        ("seat-dn", Self::SeatDn),
        ("technical-dn", Self::TechnicalDn),
        ("concurrent-user", Self::ConcurrentUser),
        ("port", Self::Port),
        ("instance", Self::Instance),
        ("environment", Self::Environment),
        ("redundant-pair", Self::RedundantPair),
        ("site", Self::Site),
        ("connection", Self::Connection),
        ("callback-per-hour", Self::CallbackPerHour),
    ];

    /// The word in the catalogue; `per-unit` whatever the number.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, rule)| *rule == self).map_or("per-unit", |(word, _)| word)
    }

    /// In words: "one per seat".
    #[must_use]
    pub fn in_words(self) -> String {
        match self {
            Self::Place => "one per place for routing".to_owned(),
            Self::SeatDn => "one per agent's DN".to_owned(),
            Self::TechnicalDn => "one per technical DN".to_owned(),
            Self::CallbackPerHour => "one per callback request in 60 minutes".to_owned(),
            Self::ConcurrentUser => "one per concurrent user".to_owned(),
            Self::Instance => "one per running instance".to_owned(),
            Self::Environment => "one per configuration environment".to_owned(),
            Self::RedundantPair => "one per redundant pair".to_owned(),
            Self::Connection => "one per concurrent client connection".to_owned(),
            Self::PerUnit(1) => "one for each".to_owned(),
            Self::PerUnit(count) => format!("{count} for each"),
            Self::Seat | Self::Port | Self::Site => format!("one per {}", self.word()),
        }
    }

    /// Whether an item's quantity counts the very thing the rule asks for.
    pub(crate) fn counts(self, unit: Unit) -> bool {
        matches!(
            (self, unit),
            (Self::PerUnit(_), _)
                | (Self::Seat, Unit::Seat | Unit::User)
                | (Self::Place, Unit::Seat | Unit::User | Unit::Port)
                | (Self::Port, Unit::Port)
                | (Self::Instance, Unit::Instance)
                | (Self::Environment, Unit::Environment)
                | (Self::RedundantPair, Unit::RedundantPair)
                | (Self::Site, Unit::Site)
                | (Self::Connection, Unit::Connection)
                | (Self::CallbackPerHour, Unit::CallbackPerHour)
        )
    }

    /// Whether an item's quantity may stand for what the rule asks for, as long as the order does not say more.
    pub(crate) fn accepts(self, unit: Unit) -> bool {
        match self {
            Self::SeatDn => unit.is_people() || unit == Unit::Port,
            Self::ConcurrentUser | Self::Connection => unit.is_people(),
            _ => false,
        }
    }

    /// Whether the seats of the order as a whole may stand for what the rule asks for.
    pub(crate) fn accepts_seats_of_order(self) -> bool {
        matches!(self, Self::Seat | Self::Place | Self::SeatDn | Self::ConcurrentUser | Self::Connection)
    }

    /// What the order says about the installation: the name of the figure, and the figure.
    pub(crate) fn figure(self, environment: &Environment) -> (&'static str, Option<u32>) {
        match self {
            Self::Seat | Self::Place => ("seats", environment.seats),
            Self::SeatDn => ("seat_dns", environment.seat_dns),
            Self::TechnicalDn => ("technical_dns", environment.technical_dns),
            Self::ConcurrentUser => ("concurrent_users", environment.concurrent_users),
            Self::Port => ("ports", environment.ports),
            Self::Instance => ("instances", environment.instances),
            Self::Environment => ("environments", environment.environments),
            Self::RedundantPair => ("redundant_pairs", environment.redundant_pairs),
            Self::Site => ("sites", sites(environment)),
            Self::Connection => ("connections", environment.connections),
            Self::CallbackPerHour => ("callbacks_per_hour", environment.callbacks_per_hour),
            Self::PerUnit(_) => ("quantity", None),
        }
    }

    /// What is taken if nothing says how many.
    pub(crate) fn assumed(self) -> Option<u32> {
        match self {
            Self::Instance | Self::Environment | Self::RedundantPair | Self::Site => Some(1),
            Self::TechnicalDn => Some(ALL_TECHNICAL_DNS),
            _ => None,
        }
    }

    /// Whether taking [`Self::assumed`] may well be wrong, so that the customer should be told.
    pub(crate) fn is_guess(self) -> bool {
        matches!(self, Self::RedundantPair | Self::Site)
    }
}

/// One for each T-Server, and one more for each IVR Server. (T-Server and IVR Server, "Multi-Site Functionality".)
fn sites(environment: &Environment) -> Option<u32> {
    let ivr_servers = environment.ivr_servers;
    let known = environment.sites.is_some() || ivr_servers.is_some();
    known.then(|| environment.sites.unwrap_or(1) + ivr_servers.unwrap_or(0))
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::PerUnit(count) => serializer.serialize_str(&format!("per-unit {count}")),
            other => serializer.serialize_str(other.word()),
        }
    }
}
