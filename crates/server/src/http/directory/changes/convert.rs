//! Changes as they cross the network, in the site's words. A translation; decides nothing.

use grantor_api::directory::{Change as Api, Holder, Medium, Method, Queue, StationKind};
use grantor_site::directory::{self as site, Change, HolderName, Media};

fn holder(holder: Holder) -> HolderName {
    match holder {
        Holder::User(name) => HolderName::User(name.into()),
        Holder::Station(name) => HolderName::Station(name.into()),
        Holder::Members(name) => HolderName::Members(name.into()),
    }
}

fn holders(of: Vec<Holder>) -> Vec<HolderName> {
    of.into_iter().map(holder).collect()
}

fn media(of: &[Medium]) -> Media {
    let one = |medium: &Medium| match medium {
        Medium::Call => Media::CALL,
        Medium::Chat => Media::CHAT,
        Medium::Email => Media::EMAIL,
        Medium::Generic => Media::GENERIC,
    };
    of.iter().map(one).fold(Media::NONE, Media::and)
}

fn method(method: Method) -> site::Method {
    match method {
        Method::Assignable => site::Method::Assignable,
        Method::Concurrent => site::Method::Concurrent,
    }
}

fn queue(queue: Queue) -> site::Queue {
    match queue {
        Queue::Acd => site::Queue::Acd,
        Queue::HuntGroup => site::Queue::HuntGroup,
        Queue::SimultaneousRing => site::Queue::SimultaneousRing,
    }
}

fn kind(kind: StationKind) -> site::StationKind {
    match kind {
        StationKind::Workstation => site::StationKind::Workstation,
        StationKind::ManagedWorkstation => site::StationKind::ManagedWorkstation,
        StationKind::StandAlonePhone => site::StationKind::StandAlonePhone,
        StationKind::StandAloneFax => site::StationKind::StandAloneFax,
        StationKind::ConfiguredRemote => site::StationKind::ConfiguredRemote,
        StationKind::SipWorkstation => site::StationKind::SipWorkstation,
    }
}

fn names(of: Vec<String>) -> Vec<Box<str>> {
    of.into_iter().map(Into::into).collect()
}

fn b(text: String) -> Box<str> {
    text.into()
}

/// The change in the site's words.
pub(crate) fn change(change: Api) -> Change {
    match change {
        Api::AddUser { name, mail, enabled: is_enabled, default_user: is_default } => {
            Change::AddUser { name: b(name), mail: mail.map(b), is_enabled, is_default }
        }
        Api::EnableUser { user } => Change::EnableUser { user: b(user) },
        Api::DisableUser { user } => Change::DisableUser { user: b(user) },
        Api::RenameUser { user, name } => Change::RenameUser { user: b(user), name: b(name) },
        Api::SetMail { user, mail } => Change::SetMail { user: b(user), mail: mail.map(b) },
        Api::RemoveUser { user } => Change::RemoveUser { user: b(user) },
        Api::SetOwnNumber { user, granted } => Change::SetOwnNumber { user: b(user), is_granted: granted },
        Api::SetMedia { user, media: m } => Change::SetMedia { user: b(user), media: media(&m) },
        Api::AddGroup { name, queue: q, media: m } => {
            Change::AddGroup { name: b(name), queue: q.map(queue), media: media(&m) }
        }
        Api::SetQueue { group, queue: q, media: m } => {
            Change::SetQueue { group: b(group), queue: q.map(queue), media: media(&m) }
        }
        Api::RenameGroup { group, name } => Change::RenameGroup { group: b(group), name: b(name) },
        Api::RemoveGroup { group } => Change::RemoveGroup { group: b(group) },
        Api::AddMembers { group, users } => Change::AddMembers { group: b(group), users: names(users) },
        Api::RemoveMembers { group, users } => Change::RemoveMembers { group: b(group), users: names(users) },
        Api::EmptyGroup { group } => Change::EmptyGroup { group: b(group) },
        Api::DefineRole { role, application: a } => {
            Change::DefineRole { role: b(role), application: a.map(b) }
        }
        Api::RemoveRole { role } => Change::RemoveRole { role: b(role) },
        Api::AssignRole { role, user } => Change::AssignRole { role: b(role), user: b(user) },
        Api::WithdrawRole { role, user } => Change::WithdrawRole { role: b(role), user: b(user) },
        Api::AssignGroupRole { role, group } => Change::AssignGroupRole { role: b(role), group: b(group) },
        Api::WithdrawGroupRole { role, group } => {
            Change::WithdrawGroupRole { role: b(role), group: b(group) }
        }
        Api::AddStation { name, machine, kind: k, enabled: is_enabled } => {
            Change::AddStation { name: b(name), machine: b(machine), kind: kind(k), is_enabled }
        }
        Api::SetStation { station, machine, kind: k, enabled: is_enabled } => {
            Change::SetStation { station: b(station), machine: b(machine), kind: kind(k), is_enabled }
        }
        Api::RenameStation { station, name } => Change::RenameStation { station: b(station), name: b(name) },
        Api::RemoveStation { station } => Change::RemoveStation { station: b(station) },
        Api::License { feature, method: m, to } => {
            Change::License { feature: b(feature), method: method(m), to: holders(to) }
        }
        Api::Unlicense { feature, from } => Change::Unlicense { feature: b(feature), from: holders(from) },
        Api::SetMethod { user, method: m } => Change::SetMethod { user: b(user), method: method(m) },
        Api::EnableLicenses { of, enabled: is_enabled } => {
            Change::EnableLicenses { of: holder(of), is_enabled }
        }
        Api::SetExternalId { user, external_id } => {
            Change::SetExternalId { user: b(user), id: external_id.map(b) }
        }
        Api::SetGroupExternalId { group, external_id } => {
            Change::SetGroupExternalId { group: b(group), id: external_id.map(b) }
        }
        Api::SetPersonNames { user, display_name, given_name, family_name } => Change::SetPersonNames {
            user: b(user),
            display: display_name.map(b),
            given: given_name.map(b),
            family: family_name.map(b),
        },
    }
}

/// How much a change counts against the bound: itself, or every name in its list.
pub(super) fn size(change: &Api) -> usize {
    match change {
        Api::AddMembers { users, .. } | Api::RemoveMembers { users, .. } => users.len().max(1),
        Api::License { to, .. } | Api::Unlicense { from: to, .. } => to.len().max(1),
        _ => 1,
    }
}

/// Every text of a change, to be held to its bounds.
pub(super) fn texts(change: &Api) -> Vec<&str> {
    match change {
        Api::AddUser { name: one, mail: more, .. }
        | Api::SetMail { user: one, mail: more }
        | Api::DefineRole { role: one, application: more } => {
            [Some(one), more.as_ref()].into_iter().flatten().map(String::as_str).collect()
        }
        Api::RenameUser { user: one, name: other }
        | Api::RenameGroup { group: one, name: other }
        | Api::RenameStation { station: one, name: other }
        | Api::AssignRole { role: one, user: other }
        | Api::WithdrawRole { role: one, user: other }
        | Api::AssignGroupRole { role: one, group: other }
        | Api::WithdrawGroupRole { role: one, group: other }
        | Api::AddStation { name: one, machine: other, .. }
        | Api::SetStation { station: one, machine: other, .. } => vec![one, other],
        Api::AddMembers { group, users } | Api::RemoveMembers { group, users } => {
            [group].into_iter().chain(users).map(String::as_str).collect()
        }
        Api::License { feature, to: of, .. } | Api::Unlicense { feature, from: of } => {
            [feature.as_str()].into_iter().chain(of.iter().map(holder_name)).collect()
        }
        Api::EnableLicenses { of, .. } => vec![holder_name(of)],
        Api::EnableUser { user: name }
        | Api::DisableUser { user: name }
        | Api::RemoveUser { user: name }
        | Api::SetOwnNumber { user: name, .. }
        | Api::SetMedia { user: name, .. }
        | Api::SetMethod { user: name, .. }
        | Api::AddGroup { name, .. }
        | Api::SetQueue { group: name, .. }
        | Api::RemoveGroup { group: name }
        | Api::EmptyGroup { group: name }
        | Api::RemoveRole { role: name }
        | Api::RemoveStation { station: name } => vec![name],
        Api::SetExternalId { user: one, external_id: more }
        | Api::SetGroupExternalId { group: one, external_id: more } => {
            [Some(one), more.as_ref()].into_iter().flatten().map(String::as_str).collect()
        }
        Api::SetPersonNames { user, display_name, given_name, family_name } => {
            let names = [display_name.as_ref(), given_name.as_ref(), family_name.as_ref()];
            [Some(user)].into_iter().chain(names).flatten().map(String::as_str).collect()
        }
    }
}

fn holder_name(holder: &Holder) -> &str {
    match holder {
        Holder::User(name) | Holder::Station(name) | Holder::Members(name) => name,
    }
}
