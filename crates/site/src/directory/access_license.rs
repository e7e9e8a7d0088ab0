//! What the access licenses of a contact centre are, by their feature names (seed 002, "Access License Key Examples" and
//! "User Licensing"): on whom they may stand, and which exclude each other. A table; every other feature is an add-on.

use serde::{Deserialize, Serialize};

/// How many interaction types an ACD access license allows (seed 002, "ACD Access License").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    /// Media 1: one type.
    One,
    /// Media 2: two types.
    Two,
    /// Media 3 Plus: any number.
    Three,
}

/// What an Interaction Process Automation license allows (seed 002, "Interaction Process Automation License").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Ipa {
    /// Start processes, receive work items routed directly.
    DirectRouted,
    /// The same, and work items routed to a workgroup.
    GroupRouted,
    /// See the status of processes; users only.
    ProcessMonitor,
    /// Create and change processes; users only.
    ProcessDesigner,
}

/// An analytics tier; each allows what the ones before it do (seed 002, "Analytics License").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Tier {
    /// Log on and view dashboards.
    Core,
    /// Create and edit dashboards.
    Designer,
    /// Merge in external data sources.
    Enterprise,
}

/// What sort of access license a feature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AccessKind {
    /// Station audio: stations only, assignable only.
    BasicStation,
    /// Lets the client run.
    Client,
    /// ACD, at one of three levels.
    Acd(Level),
    /// Routed social media interactions.
    SocialMedia,
    /// One of four sorts of process automation.
    Ipa(Ipa),
    /// One of three tiers; users only.
    Analytics(Tier),
    /// Everything else that can be bought.
    AddOn,
}

/// The feature of the Basic Station license, folded.
pub const BASIC_STATION: &str = "i3_license_basic_station";
/// The feature of the Client Access license, folded.
pub const CLIENT: &str = "i3_access_client";

const KNOWN: [(&str, AccessKind); 13] = [
    (BASIC_STATION, AccessKind::BasicStation),
    (CLIENT, AccessKind::Client),
    ("i3_access_acd_media_1", AccessKind::Acd(Level::One)),
    ("i3_access_acd_media_2", AccessKind::Acd(Level::Two)),
    ("i3_access_acd_media_3_plus", AccessKind::Acd(Level::Three)),
    ("i3_access_acd_social_media", AccessKind::SocialMedia),
    ("i3_access_ipa_user", AccessKind::Ipa(Ipa::DirectRouted)),
    ("i3_access_ipa_user_acd", AccessKind::Ipa(Ipa::GroupRouted)),
    ("i3_access_ipa_monitor", AccessKind::Ipa(Ipa::ProcessMonitor)),
    ("i3_access_ipa_designer", AccessKind::Ipa(Ipa::ProcessDesigner)),
    ("i3_access_analytics_core", AccessKind::Analytics(Tier::Core)),
    ("i3_access_analytics_designer", AccessKind::Analytics(Tier::Designer)),
    ("i3_access_analytics_enterprise", AccessKind::Analytics(Tier::Enterprise)),
];

impl AccessKind {
    /// What the feature of this folded name is.
    #[must_use]
    pub fn of(feature: &str) -> Self {
        KNOWN.iter().find(|(name, _)| *name == feature).map_or(Self::AddOn, |(_, kind)| *kind)
    }

    /// Whether a user may have it.
    #[must_use]
    pub fn is_for_users(self) -> bool {
        self != Self::BasicStation
    }

    /// Whether a station may have it.
    #[must_use]
    pub fn is_for_stations(self) -> bool {
        !matches!(self, Self::Ipa(Ipa::ProcessMonitor | Ipa::ProcessDesigner) | Self::Analytics(_))
    }

    /// Whether one holder may not have both: the dialogs offer one level, one IPA type and one tier.
    #[must_use]
    pub fn excludes(self, other: Self) -> bool {
        self != other
            && matches!(
                (self, other),
                (Self::Acd(_), Self::Acd(_))
                    | (Self::Ipa(_), Self::Ipa(_))
                    | (Self::Analytics(_), Self::Analytics(_))
            )
    }

    /// Whether it lets the client run for who is logged on (seed 002, "CIC Client Licensing").
    #[must_use]
    pub fn lets_client_run(self) -> bool {
        matches!(self, Self::Client | Self::Acd(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(wanted: impl Fn(AccessKind) -> bool) -> Vec<&'static str> {
        KNOWN.iter().filter(|(_, kind)| wanted(*kind)).map(|(name, _)| *name).collect()
    }

    #[test]
    fn one_license_is_for_stations_only_and_five_are_for_users_only() {
        assert_eq!(on(|kind| !kind.is_for_users()), [BASIC_STATION]);
        let for_users = [
            "i3_access_ipa_monitor",
            "i3_access_ipa_designer",
            "i3_access_analytics_core",
            "i3_access_analytics_designer",
            "i3_access_analytics_enterprise",
        ];
        assert_eq!(on(|kind| !kind.is_for_stations()), for_users);
        assert!(AccessKind::AddOn.is_for_users() && AccessKind::AddOn.is_for_stations());
    }

    #[test]
    fn there_are_three_media_levels_four_types_of_process_automation_and_three_tiers() {
        assert_eq!(on(|kind| matches!(kind, AccessKind::Acd(_))).len(), 3);
        assert_eq!(on(|kind| matches!(kind, AccessKind::Ipa(_))).len(), 4);
        assert_eq!(on(|kind| matches!(kind, AccessKind::Analytics(_))).len(), 3);
        for (_, kind) in KNOWN {
            let excluded = on(|other| kind.excludes(other)).len();
            let expected = match kind {
                AccessKind::Acd(_) | AccessKind::Analytics(_) => 2,
                AccessKind::Ipa(_) => 3,
                _ => 0,
            };
            assert_eq!(excluded, expected);
        }
    }

    #[test]
    fn every_name_in_the_table_is_a_license_of_the_catalogue() {
        let text = include_str!("../../../../catalogues/pureconnect-4.toml");
        for (name, kind) in KNOWN {
            let line = format!("feature = \"{}\"", name.to_uppercase());
            let (_, rest) = text.split_once(&line).expect("a license of the catalogue");
            let (_, sort) = rest.split_once("kind = ").expect("its kind");
            let expected = if kind == AccessKind::BasicStation { "\"station\"" } else { "\"access\"" };
            assert!(sort.starts_with(expected), "{name}");
        }
    }
}
