//! Technical licenses: what the software asks for.

use serde::Serialize;

use crate::quantity::Quantity;

/// How a pool is consumed: what `MODEL=` says in the license file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// Checked out by application sessions.
    Floating,
    /// Allocated to users or stations.
    Assignable,
    /// Configured on users, taken at log-on.
    Concurrent,
    /// Consumed by enabled users with a role.
    Role,
    /// Granted to everyone.
    Uncounted,
}

impl Model {
    pub(crate) const WORDS: [(&'static str, Self); 5] = [
        ("floating", Self::Floating),
        ("assignable", Self::Assignable),
        ("concurrent", Self::Concurrent),
        ("role", Self::Role),
        ("uncounted", Self::Uncounted),
    ];

    /// The word as `MODEL=` and the catalogue write it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Floating => "floating",
            Self::Assignable => "assignable",
            Self::Concurrent => "concurrent",
            Self::Role => "role",
            Self::Uncounted => "uncounted",
        }
    }
}

/// Which versions of an application a line serves: what `VERSION_RULE=` says in the license file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VersionRule {
    /// Its version and older ones.
    AtLeast,
    /// Only the same major version: "Genesys 8.x products will check out only 8.0 license features".
    SameMajor,
}

impl VersionRule {
    pub(crate) const WORDS: [(&'static str, Self); 2] =
        [("at-least", Self::AtLeast), ("same-major", Self::SameMajor)];

    /// The word as `VERSION_RULE=` and the catalogue write it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::AtLeast => "at-least",
            Self::SameMajor => "same-major",
        }
    }
}

/// One technical license: a feature in a version, and the rule for how many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TechnicalLicense {
    /// The name that applications ask for.
    pub feature: String,
    /// A decimal number, such as `8.0`.
    pub version: String,
    /// What it enables.
    pub description: String,
    /// The publisher's own words for how many are needed.
    pub rule: Option<String>,
    /// How many are needed.
    pub quantity: Quantity,
    /// How it is consumed; where a quantity is split, how the assigned part is.
    pub model: Model,
    /// How the pooled part of a split quantity is consumed; `None`: like the assigned part.
    pub pooled_model: Option<Model>,
    /// What sort of license it is: one of the catalogue's kinds.
    pub kind: Option<String>,
    /// For how many seconds a grant outlives its release; 3600 for callbacks.
    pub hold_seconds: Option<u32>,
    /// Which checkouts share one license, as `DUP_GROUP=` writes it; `V` for the servers of a redundant pair.
    pub dup_group: Option<String>,
    /// Which versions of an application it serves.
    pub version_rule: VersionRule,
    /// Used by applications of an earlier release only.
    pub earlier: bool,
    /// The name was formed for this catalogue, because the source gives none.
    pub formed: bool,
    /// Serves while maintenance is paid, and no longer.
    pub maintenance: bool,
    /// Technical licenses that one component cannot use together with this one.
    pub excludes: Vec<String>,
    /// Roles whose users consume it, for the model `role`.
    pub roles: Vec<String>,
}

impl TechnicalLicense {
    /// Feature and version: what items, orders and measures call it by.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{} {}", self.feature, self.version)
    }
}
