//! The directory's people and things as the API shows them.

use grantor_api::directory::{
    Group, Licensing, Medium, Method, Presence, Queue, Station, StationKind, User, Warning,
};
use grantor_site::Site;
use grantor_site::directory::logon::At;
use grantor_site::directory::{self as site, Media};
use grantor_site::ids::{GroupId, UserId};
use grantor_site::pool::FeatureKey;

use crate::clock::instant;

pub(crate) fn media(media: Media) -> Vec<Medium> {
    let all = [
        (Media::CALL, Medium::Call),
        (Media::CHAT, Medium::Chat),
        (Media::EMAIL, Medium::Email),
        (Media::GENERIC, Medium::Generic),
    ];
    all.into_iter().filter(|(one, _)| !media.within(*one).is_empty()).map(|(_, medium)| medium).collect()
}

pub(crate) fn method(method: site::Method) -> Method {
    match method {
        site::Method::Assignable => Method::Assignable,
        site::Method::Concurrent => Method::Concurrent,
    }
}

fn kind(kind: site::StationKind) -> StationKind {
    match kind {
        site::StationKind::Workstation => StationKind::Workstation,
        site::StationKind::ManagedWorkstation => StationKind::ManagedWorkstation,
        site::StationKind::StandAlonePhone => StationKind::StandAlonePhone,
        site::StationKind::StandAloneFax => StationKind::StandAloneFax,
        site::StationKind::ConfiguredRemote => StationKind::ConfiguredRemote,
        site::StationKind::SipWorkstation => StationKind::SipWorkstation,
    }
}

fn queue(queue: site::Queue) -> Queue {
    match queue {
        site::Queue::Acd => Queue::Acd,
        site::Queue::HuntGroup => Queue::HuntGroup,
        site::Queue::SimultaneousRing => Queue::SimultaneousRing,
    }
}

/// A folded feature as its line spells it; as it is if no line names it any more.
pub(crate) fn spelled(site: &Site, tenant: &str, feature: &str) -> String {
    let known = site.index().features.get(&FeatureKey::new(&tenant.into(), feature));
    known.map_or_else(|| feature.to_owned(), |known| known.spelled.to_string())
}

fn licensing(site: &Site, tenant: &str, of: &site::Licensing) -> Licensing {
    let spell = |feature: &str| spelled(site, tenant, feature);
    Licensing {
        enabled: of.is_enabled,
        method: method(of.method),
        features: of.features().map(|feature| spell(feature)).collect(),
        held: of.seats().iter().map(|seat| spell(&seat.feature)).collect(),
    }
}

fn role_names(site: &Site, roles: impl Iterator<Item = grantor_site::ids::RoleId>) -> Vec<String> {
    sorted(roles.filter_map(|id| site.role(id)).map(|role| role.name.to_string()))
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.collect();
    names.sort_by_key(|name| name.to_lowercase());
    names
}

/// A user with everything.
pub(crate) fn user(site: &Site, id: UserId, user: &site::User) -> User {
    let groups = user.groups().filter_map(|group| site.group(group)).map(|group| group.name.to_string());
    let consumed = user.consumed().iter().map(|seat| spelled(site, &user.tenant, &seat.feature));
    let (profile, kept) = (site.profile(id), |text: Option<Box<str>>| text.map(String::from));
    User {
        name: user.name.to_string(),
        mail: user.mail.as_deref().map(str::to_owned),
        enabled: user.is_enabled,
        default_user: user.is_default,
        own_number: user.has_own_number,
        licensing: licensing(site, &user.tenant, &user.licensing),
        media: media(user.media),
        receives: media(site.media_of(id)),
        groups: sorted(groups),
        roles: role_names(site, user.roles()),
        consumes: sorted(consumed),
        present: site.presence(id).map(|at| presence(site, &user.name, at)),
        external_id: kept(profile.external_id),
        display_name: kept(profile.display_name),
        given_name: kept(profile.given_name),
        family_name: kept(profile.family_name),
    }
}

/// Where somebody works.
pub(crate) fn presence(site: &Site, user: &str, of: &site::Presence) -> Presence {
    let (station, number) = match &of.at {
        Some(At::Station(id)) => (site.station(*id).map(|station| station.name.to_string()), None),
        Some(At::Number(number)) => (None, Some(number.to_string())),
        None => (None, None),
    };
    Presence {
        user: user.to_owned(),
        since: instant(of.since),
        host: of.host.to_string(),
        station,
        number,
        sessions: u32::try_from(of.sessions().count()).unwrap_or(u32::MAX),
    }
}

pub(crate) fn station(site: &Site, station: &site::Station) -> Station {
    Station {
        name: station.name.to_string(),
        machine: station.machine.to_string(),
        kind: kind(station.kind),
        enabled: station.is_enabled,
        licensing: licensing(site, &station.tenant, &station.licensing),
        user: station.user().and_then(|id| site.user(id)).map(|user| user.name.to_string()),
    }
}

pub(crate) fn group(site: &Site, id: GroupId, group: &site::Group) -> Group {
    Group {
        name: group.name.to_string(),
        queue: group.queue.map(queue),
        media: media(group.media),
        roles: role_names(site, group.roles()),
        size: u32::try_from(group.size()).unwrap_or(u32::MAX),
        external_id: site.group_external_id(id).map(str::to_owned),
    }
}

/// A warning in words (seed 002, "Notes for ACD Routing of Multimedia").
pub(crate) fn warning(warning: &site::Warning) -> Warning {
    match warning {
        site::Warning::NeedsBasicStation { station } => Warning {
            kind: "needs-basic-station".to_owned(),
            about: station.to_string(),
            workgroup: None,
            missing: Vec::new(),
            text: format!(
                "the station `{station}` is enabled and has no audio: allocate a Basic Station license to it"
            ),
        },
        site::Warning::MediaLimited { user, workgroup, missing, .. } => {
            let words: Vec<&str> = missing.words().collect();
            let words = words.join(", ");
            Warning {
                kind: "media-limited".to_owned(),
                about: user.to_string(),
                workgroup: Some(workgroup.to_string()),
                missing: media(*missing),
                text: format!(
                    "`{user}` does not receive {words} of the workgroup `{workgroup}`: allocate a higher ACD level, or choose other types"
                ),
            }
        }
        site::Warning::NoAcdAccess { user, workgroup } => Warning {
            kind: "no-acd-access".to_owned(),
            about: user.to_string(),
            workgroup: Some(workgroup.to_string()),
            missing: Vec::new(),
            text: format!(
                "`{user}` is in the workgroup `{workgroup}` and has no ACD access license: ACD is not active"
            ),
        },
    }
}
