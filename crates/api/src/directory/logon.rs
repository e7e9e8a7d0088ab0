//! Log-ons, modules and log-offs of applications: `/v1/sessions/{session}/logon` and `…/modules`.

use serde::{Deserialize, Serialize};

use super::{Medium, Warning};

/// Where a session's user logs on; exactly one of both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogOn {
    /// At a station, by its name.
    pub station: Option<String>,
    /// With a telephone number of one's own.
    pub number: Option<String>,
}

/// The user is logged on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LoggedOn {
    /// As the directory spells it.
    pub user: String,
    /// The station's name, or the telephone number.
    pub station: String,
    /// The interaction types that the user receives.
    pub media: Vec<Medium>,
    /// What keeps the user from receiving more.
    pub warnings: Vec<Warning>,
}

/// The application opens a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OpenModule {
    /// The feature that the module needs.
    pub feature: String,
}

/// The user may use the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModuleOpened {
    /// The seat by which the user may: the user's own, or the station's.
    pub grants: Vec<crate::checkout::Grant>,
}
