//! What changes of who may use what are called once they are done, for the audit log. Pure: knows nothing but the changes.

use grantor_site::directory::{Change, HolderName};

/// Changes that are told; the others are counted.
const TOLD: usize = 3;
/// Names in a list that are told; the others are counted.
const NAMES: usize = 5;

/// The first of so many changes in words, and in which tenant.
pub(super) fn told(tenant: &str, changes: &[Change], count: u32) -> String {
    let first: Vec<String> = changes.iter().filter_map(deed).take(TOLD).collect();
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let counted = if count == 1 { "1 change".to_owned() } else { format!("{count} changes") };
    match (first.len(), count) {
        (0, _) => format!("{tenant}: {counted}"),
        (told, count) if told < count && changes.len() > TOLD => {
            format!("{tenant}: {}; {counted} in all", first.join("; "))
        }
        _ => format!("{tenant}: {}", first.join("; ")),
    }
}

fn list<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = names.len().saturating_sub(NAMES);
    let told: Vec<&str> = names.take(NAMES).collect();
    if more == 0 { told.join(", ") } else { format!("{} and {more} more", told.join(", ")) }
}

fn named(names: &[Box<str>]) -> String {
    list(names.iter().map(AsRef::as_ref))
}

fn holder(holder: &HolderName) -> &str {
    match holder {
        HolderName::User(name) | HolderName::Station(name) | HolderName::Members(name) => name,
    }
}

fn holders(of: &[HolderName]) -> String {
    list(of.iter().map(holder))
}

const fn on(is_on: bool) -> &'static str {
    if is_on { "on" } else { "off" }
}

/// One change; `None` for what only compares.
fn deed(change: &Change) -> Option<String> {
    of_users(change)
        .or_else(|| of_groups(change))
        .or_else(|| of_roles(change))
        .or_else(|| of_stations(change))
}

fn of_users(change: &Change) -> Option<String> {
    Some(match change {
        Change::AddUser { name, .. } => format!("user {name} added"),
        Change::EnableUser { user } => format!("user {user} enabled"),
        Change::DisableUser { user } => format!("user {user} disabled"),
        Change::RenameUser { user, name } => format!("user {user} renamed to {name}"),
        Change::SetMail { user, mail: Some(mail) } => format!("mail address of {user}: {mail}"),
        Change::SetMail { user, mail: None } => format!("mail address of {user} removed"),
        Change::RemoveUser { user } => format!("user {user} deleted"),
        Change::SetOwnNumber { user, is_granted: true } => format!("{user} may log on with a number"),
        Change::SetOwnNumber { user, is_granted: false } => {
            format!("{user} may not log on with a number any more")
        }
        Change::SetMedia { user, .. } => format!("interaction types of {user}"),
        Change::SetMethod { user, method } => format!("licenses of {user} are {method:?} now").to_lowercase(),
        Change::SetExternalId { user, .. } => format!("id of {user} at the provider"),
        Change::SetPersonNames { user, .. } => format!("how {user} is called"),
        _ => return None,
    })
}

fn of_groups(change: &Change) -> Option<String> {
    Some(match change {
        Change::AddGroup { name, queue: Some(_), .. } => format!("workgroup {name} added"),
        Change::AddGroup { name, .. } => format!("group {name} added"),
        Change::SetQueue { group, .. } => format!("queue of {group}"),
        Change::RenameGroup { group, name } => format!("group {group} renamed to {name}"),
        Change::RemoveGroup { group } => format!("group {group} deleted"),
        Change::AddMembers { group, users } => format!("into {group}: {}", named(users)),
        Change::RemoveMembers { group, users } => format!("out of {group}: {}", named(users)),
        Change::EmptyGroup { group } => format!("group {group} emptied"),
        Change::ChangeMembers { group, add, remove } => {
            format!("members of {group}: {} put in, {} taken out", add.len(), remove.len())
        }
        Change::SetGroupExternalId { group, .. } => format!("id of {group} at the provider"),
        _ => return None,
    })
}

fn of_roles(change: &Change) -> Option<String> {
    Some(match change {
        Change::DefineRole { role, application: Some(application) } => {
            format!("role {role} of the application {application}")
        }
        Change::DefineRole { role, application: None } => format!("role {role} of no application"),
        Change::RemoveRole { role } => format!("role {role} deleted"),
        Change::AssignRole { role, user } => format!("role {role} given to {user}"),
        Change::WithdrawRole { role, user } => format!("role {role} taken from {user}"),
        Change::AssignGroupRole { role, group } => format!("role {role} given to the group {group}"),
        Change::WithdrawGroupRole { role, group } => format!("role {role} taken from the group {group}"),
        _ => return None,
    })
}

fn of_stations(change: &Change) -> Option<String> {
    Some(match change {
        Change::AddStation { name, .. } => format!("station {name} added"),
        Change::SetStation { station, machine, .. } => {
            format!("station {station}, machine {machine}, changed")
        }
        Change::RenameStation { station, name } => format!("station {station} renamed to {name}"),
        Change::RemoveStation { station } => format!("station {station} deleted"),
        Change::License { feature, to, .. } => format!("{feature} given to {}", holders(to)),
        Change::Unlicense { feature, from } => format!("{feature} taken from {}", holders(from)),
        Change::EnableLicenses { of, is_enabled } => {
            format!("licenses of {} {}", holder(of), on(*is_enabled))
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use grantor_site::directory::Method;

    use super::*;

    fn user(name: &str) -> Change {
        Change::AddUser { name: name.into(), mail: None, is_enabled: true, is_default: false }
    }

    #[test]
    fn the_first_changes_are_told_and_all_are_counted() {
        assert_eq!(told("t", &[user("ann")], 1), "t: user ann added");
        let four: Vec<Change> = ["a", "b", "c", "d"].map(user).into();
        assert_eq!(told("t", &four, 40), "t: user a added; user b added; user c added; 40 changes in all");
    }

    #[test]
    fn long_lists_are_cut() {
        let to = (0..7).map(|n| HolderName::User(format!("u{n}").into())).collect();
        let license = Change::License { feature: "f".into(), method: Method::Assignable, to };
        assert_eq!(told("t", &[license], 1), "t: f given to u0, u1, u2, u3, u4 and 2 more");
    }

    #[test]
    fn what_only_compares_is_counted_and_not_told() {
        let expect = Change::ExpectUser { user: "ann".into(), number: Default::default(), version: None };
        let gone = Change::RemoveUser { user: "ann".into() };
        assert_eq!(told("t", &[expect.clone(), gone], 2), "t: user ann deleted");
        assert_eq!(told("t", &[expect], 1), "t: 1 change");
    }
}
