//! Who may use what at the command line: one change or a few at a time. Turns arguments into changes; the server decides.

mod bulk;
mod fetch;
mod ldap;
mod show;

use std::process::ExitCode;

use grantor_api::directory::{
    AllocationRow, Beyond, Change, Changed, Changes, Holder, Page, Station, User, Warning,
};
use grantor_client::Http;

use crate::cli::{
    AllocateAction, Allocation, Assign, GroupAction, Members, MembersAction, RoleAction, Search,
    StationAction, UserAction, Way,
};
use crate::commands::remote;
use crate::failure::Failure;
use crate::output;

pub(crate) use bulk::{apply, export, import};
use fetch::{all, encoded, one};

/// Sends changes, all of them or none, and shows what came of them.
fn carry_out(way: &Way, changes: Vec<Change>) -> Result<ExitCode, Failure> {
    let changed = send(&remote::connect(&way.at)?, &way.tenant, changes, way.dry_run)?;
    show::changed(&changed, way.json)?;
    Ok(ExitCode::SUCCESS)
}

fn send(
    http: &Http,
    tenant: &str,
    changes: Vec<Change>,
    dry_run: bool,
) -> Result<Changed, grantor_client::Error> {
    http.post(&format!("/v1/tenants/{}/changes", encoded(tenant)), &Changes { changes, dry_run })
}

/// `grantor user`.
pub(crate) fn user(action: UserAction) -> Result<ExitCode, Failure> {
    match action {
        UserAction::List(search) => list::<User>(&search, "users", show::users),
        UserAction::Show(named) => {
            let user: User = one(&remote::connect(&named.way.at)?, &named.way.tenant, "users", &named.name)?;
            show::alone(&user, named.way.json, show::user)
        }
        UserAction::Add { name, mail, disabled, default_user, role, group, way } => {
            let add = Change::AddUser { name: name.clone(), mail, enabled: !disabled, default_user };
            let into = group.into_iter().map(|group| Change::AddMembers { group, users: vec![name.clone()] });
            let roles = role.into_iter().map(|role| Change::AssignRole { role, user: name.clone() });
            carry_out(&way, std::iter::once(add).chain(into).chain(roles).collect())
        }
        UserAction::Change { name: user, mail, own_number, media, method, licenses, way } => {
            let mail = mail.map(|mail| Some(mail).filter(|mail| !mail.is_empty()));
            let changes = [
                mail.map(|mail| Change::SetMail { user: user.clone(), mail }),
                own_number.map(|to| Change::SetOwnNumber { user: user.clone(), granted: to.is_on() }),
                method.map(|method| Change::SetMethod { user: user.clone(), method }),
                media.map(|media| Change::SetMedia { user: user.clone(), media }),
                licenses.map(|to| enable_licenses(Holder::User(user.clone()), to.is_on())),
            ];
            carry_out(&way, changes.into_iter().flatten().collect())
        }
        UserAction::Enable(of) => carry_out(&of.way, vec![Change::EnableUser { user: of.name }]),
        UserAction::Disable(of) => carry_out(&of.way, vec![Change::DisableUser { user: of.name }]),
        UserAction::Rename(of) => {
            carry_out(&of.way, vec![Change::RenameUser { user: of.name, name: of.new }])
        }
        UserAction::Remove(of) => carry_out(&of.way, vec![Change::RemoveUser { user: of.name }]),
    }
}

fn enable_licenses(of: Holder, enabled: bool) -> Change {
    Change::EnableLicenses { of, enabled }
}

/// `grantor station`.
pub(crate) fn station(action: StationAction) -> Result<ExitCode, Failure> {
    match action {
        StationAction::List(search) => list::<Station>(&search, "stations", show::stations),
        StationAction::Show(of) => {
            let http = remote::connect(&of.way.at)?;
            let station: Station = one(&http, &of.way.tenant, "stations", &of.name)?;
            show::alone(&station, of.way.json, show::station)
        }
        StationAction::Add { name, machine, kind, disabled, way } => {
            let machine = machine.unwrap_or_else(|| name.clone());
            carry_out(&way, vec![Change::AddStation { name, machine, kind, enabled: !disabled }])
        }
        StationAction::Change { name, machine, kind, enabled, licenses, way } => {
            let known: Station = one(&remote::connect(&way.at)?, &way.tenant, "stations", &name)?;
            let set = Change::SetStation {
                station: name.clone(),
                machine: machine.unwrap_or(known.machine),
                kind: kind.unwrap_or(known.kind),
                enabled: enabled.map_or(known.enabled, |to| to.is_on()),
            };
            let licenses = licenses.map(|to| enable_licenses(Holder::Station(name), to.is_on()));
            carry_out(&way, std::iter::once(set).chain(licenses).collect())
        }
        StationAction::Rename(of) => {
            carry_out(&of.way, vec![Change::RenameStation { station: of.name, name: of.new }])
        }
        StationAction::Remove(of) => carry_out(&of.way, vec![Change::RemoveStation { station: of.name }]),
    }
}

/// `grantor group`.
pub(crate) fn group(action: GroupAction) -> Result<ExitCode, Failure> {
    match action {
        GroupAction::List(search) => list(&search, "groups", show::groups),
        GroupAction::Show(of) => {
            let http = remote::connect(&of.way.at)?;
            let group = one(&http, &of.way.tenant, "groups", &of.name)?;
            let path = format!("groups/{}/members", encoded(&of.name));
            let members: Vec<String> = all(&http, &of.way.tenant, &path)?;
            show::group(&group, &members, of.way.json)
        }
        GroupAction::Add { name, queue, media, way } => {
            carry_out(&way, vec![Change::AddGroup { name, queue, media }])
        }
        GroupAction::Change { name, queue, media, way } => {
            carry_out(&way, vec![Change::SetQueue { group: name, queue, media }])
        }
        GroupAction::Rename(of) => {
            carry_out(&of.way, vec![Change::RenameGroup { group: of.name, name: of.new }])
        }
        GroupAction::Remove(of) => carry_out(&of.way, vec![Change::RemoveGroup { group: of.name }]),
        GroupAction::Members(MembersAction::Add(Members { group, users, way })) => {
            carry_out(&way, vec![Change::AddMembers { group, users }])
        }
        GroupAction::Members(MembersAction::Remove(Members { group, users, way })) => {
            carry_out(&way, vec![Change::RemoveMembers { group, users }])
        }
    }
}

/// `grantor role`.
pub(crate) fn role(action: RoleAction) -> Result<ExitCode, Failure> {
    match action {
        RoleAction::List(search) => list(&search, "roles", show::roles),
        RoleAction::Add { name, application, way } => {
            carry_out(&way, vec![Change::DefineRole { role: name, application }])
        }
        RoleAction::Remove(of) => carry_out(&of.way, vec![Change::RemoveRole { role: of.name }]),
        RoleAction::Assign(Assign { role, user, group, way }) => {
            let user = user.into_iter().map(|user| Change::AssignRole { role: role.clone(), user });
            let group = group.into_iter().map(|group| Change::AssignGroupRole { role: role.clone(), group });
            carry_out(&way, user.chain(group).collect())
        }
        RoleAction::Withdraw(Assign { role, user, group, way }) => {
            let user = user.into_iter().map(|user| Change::WithdrawRole { role: role.clone(), user });
            let group =
                group.into_iter().map(|group| Change::WithdrawGroupRole { role: role.clone(), group });
            carry_out(&way, user.chain(group).collect())
        }
    }
}

/// `grantor allocate`.
pub(crate) fn allocate(action: AllocateAction) -> Result<ExitCode, Failure> {
    match action {
        AllocateAction::Add { to, method } => {
            let (feature, to, way) = holders(to);
            carry_out(&way, vec![Change::License { feature, method, to }])
        }
        AllocateAction::Remove(from) => {
            let (feature, from, way) = holders(from);
            carry_out(&way, vec![Change::Unlicense { feature, from }])
        }
        AllocateAction::Table(of) => {
            let path = format!("/v1/tenants/{}/allocation", encoded(&of.way.tenant));
            let rows: Vec<AllocationRow> = remote::connect(&of.way.at)?.get(&path)?;
            show::many(&rows, of.way.json, show::allocation)
        }
        AllocateAction::Beyond(of) => {
            let beyond: Vec<Beyond> = all(&remote::connect(&of.way.at)?, &of.way.tenant, "beyond-capacity")?;
            show::many(&beyond, of.way.json, show::beyond)
        }
        AllocateAction::Warnings(of) => {
            let warnings: Vec<Warning> = all(&remote::connect(&of.way.at)?, &of.way.tenant, "warnings")?;
            show::many(&warnings, of.way.json, |all| all.iter().for_each(|one| output::data(&one.text)))
        }
    }
}

fn holders(of: Allocation) -> (String, Vec<Holder>, Way) {
    let users = of.user.into_iter().map(Holder::User);
    let stations = of.station.into_iter().map(Holder::Station);
    let members = of.members.into_iter().map(Holder::Members);
    (of.feature, users.chain(stations).chain(members).collect(), of.way)
}

fn list<T: serde::de::DeserializeOwned + serde::Serialize>(
    search: &Search,
    what: &str,
    show: impl Fn(&[T]),
) -> Result<ExitCode, Failure> {
    let http = remote::connect(&search.way.at)?;
    let found: Vec<Page<T>> = fetch::pages(&http, &search.way.tenant, what, &search.search)?;
    let found: Vec<T> = found.into_iter().flat_map(|page| page.items).collect();
    show::many(&found, search.way.json, show)
}
