//! Carries out a batch of changes of a tenant's directory: all of them in their order, or none.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::Site;
use crate::event::Event;
use crate::ids::{StationId, UserId};
use crate::outcome::{Refusal, Reply};
use crate::pool::FeatureKey;
use crate::violation::Breach;

use super::Named;
use super::change::{Change, HolderName};
use super::media::Warning;

/// Most warnings that one answer carries.
const WARNINGS: usize = 100;

impl Site {
    /// A batch that is refused changes nothing. An attempt to take more than there is becomes known, so that those who
    /// manage licenses can be told (seed 001, "If there is an attempt to exceed the number of licenses").
    pub(crate) fn direct(
        &mut self,
        tenant: &Arc<str>,
        changes: &Arc<Vec<Change>>,
        by: &str,
    ) -> Result<Reply, Refusal> {
        let tenant = (*self.known_tenant(tenant)).clone();
        let done = self.whole(|site| {
            let (tenant, changes, by) = (tenant.clone(), changes.clone(), by.to_owned());
            site.tell(Event::DirectoryChanged {
                tenant: tenant.clone(),
                changes: changes.clone(),
                by: by.clone(),
            });
            for (number, change) in changes.iter().enumerate() {
                site.change(&tenant, change, &by).map_err(|why| (number, why))?;
            }
            Ok(Reply::Directed { warnings: site.warnings_after(&tenant, &changes) })
        });
        done.map_err(|(number, why)| {
            self.tell_of_shortfall(&tenant, changes.get(number), &why, by);
            match changes.len() {
                0 | 1 => why,
                _ => Refusal::InBatch { number: number as u32, why: Box::new(why) },
            }
        })
    }

    fn tell_of_shortfall(&mut self, tenant: &Arc<str>, attempt: Option<&Change>, why: &Refusal, by: &str) {
        let (Refusal::Shortfall(short), Some(attempt)) = (why, attempt) else { return };
        let (feature, needed, free) = (short.feature.clone(), short.needed, short.free);
        let (attempt, by) = (Box::new(attempt.clone()), by.to_owned());
        self.tell(Event::LimitReached {
            tenant: tenant.clone(),
            feature: feature.clone(),
            needed,
            free,
            attempt,
            by,
        });
        self.note_none_left(tenant, &feature);
    }

    /// A refusal for want of seats stands as a violation until one is free.
    pub(crate) fn note_none_left(&mut self, tenant: &Arc<str>, feature: &Arc<str>) {
        if !self.pools_of(&FeatureKey::new(tenant, feature)).any(|pool| pool.free() > 0) {
            self.start_violation(Breach::NoneLeft { tenant: tenant.clone(), feature: feature.clone() });
        }
    }

    fn change(&mut self, tenant: &Arc<str>, change: &Change, by: &str) -> Result<(), Refusal> {
        match change {
            Change::AddUser { name, mail, is_enabled, is_default } => {
                self.add_user(tenant, name, mail.clone(), *is_enabled, *is_default)
            }
            Change::EnableUser { user } => self.enable_user(tenant, user),
            Change::DisableUser { user } => self.disable_user(tenant, user, by),
            Change::RenameUser { user, name } => self.rename_user(tenant, user, name),
            Change::SetMail { user, mail } => {
                self.user_mut(tenant, user)?.1.mail.clone_from(mail);
                Ok(())
            }
            Change::RemoveUser { user } => self.remove_user(tenant, user, by),
            Change::SetOwnNumber { user, is_granted } => {
                self.user_mut(tenant, user)?.1.has_own_number = *is_granted;
                Ok(())
            }
            Change::SetMedia { user, media } => self.set_media(tenant, user, *media),
            other => self.change_groups(tenant, other, by),
        }
    }

    fn change_groups(&mut self, tenant: &Arc<str>, change: &Change, by: &str) -> Result<(), Refusal> {
        match change {
            Change::AddGroup { name, queue, media } => self.add_group(tenant, name, *queue, *media),
            Change::SetQueue { group, queue, media } => self.set_queue(tenant, group, *queue, *media),
            Change::RenameGroup { group, name } => self.rename_group(tenant, group, name),
            Change::RemoveGroup { group } => self.remove_group(tenant, group),
            Change::AddMembers { group, users } => self.add_members(tenant, group, users),
            Change::RemoveMembers { group, users } => self.remove_members(tenant, group, users),
            Change::EmptyGroup { group } => self.empty_group(tenant, group),
            Change::DefineRole { role, application } => {
                self.define_role(tenant, role, application.as_deref())
            }
            Change::RemoveRole { role } => self.remove_role(tenant, role),
            Change::AssignRole { role, user } => self.assign_role(tenant, role, user),
            Change::WithdrawRole { role, user } => self.withdraw_role(tenant, role, user),
            Change::AssignGroupRole { role, group } => self.assign_group_role(tenant, role, group),
            Change::WithdrawGroupRole { role, group } => self.withdraw_group_role(tenant, role, group),
            other => self.change_licenses(tenant, other, by),
        }
    }

    fn change_licenses(&mut self, tenant: &Arc<str>, change: &Change, by: &str) -> Result<(), Refusal> {
        match change {
            Change::AddStation { name, machine, kind, is_enabled } => {
                self.add_station(tenant, name, machine, *kind, *is_enabled)
            }
            Change::SetStation { station, machine, kind, is_enabled } => {
                self.set_station(tenant, station, machine, *kind, *is_enabled)
            }
            Change::RenameStation { station, name } => self.rename_station(tenant, station, name),
            Change::RemoveStation { station } => self.remove_station(tenant, station, by),
            Change::License { feature, method, to } => self.license(tenant, feature, *method, to),
            Change::Unlicense { feature, from } => self.unlicense(tenant, feature, from),
            Change::SetMethod { user, method } => self.set_method(tenant, user, *method),
            Change::EnableLicenses { of, is_enabled } => self.enable_licenses(tenant, of, *is_enabled),
            other => self.change_profiles(tenant, other),
        }
    }

    fn change_profiles(&mut self, tenant: &Arc<str>, change: &Change) -> Result<(), Refusal> {
        match change {
            Change::SetExternalId { user, id } => self.set_external_id(tenant, user, id.as_deref()),
            Change::SetGroupExternalId { group, id } => {
                self.set_group_external_id(tenant, group, id.as_deref())
            }
            Change::SetPersonNames { user, display, given, family } => {
                let names = [display.as_deref(), given.as_deref(), family.as_deref()];
                self.set_person_names(tenant, user, names)
            }
            Change::ChangeMembers { group, add, remove } => self.change_members(tenant, group, add, remove),
            Change::ExpectUser { user, number, version } => {
                self.expect(tenant, (Named::User, user), number.0, *version)
            }
            Change::ExpectGroup { group, number, version } => {
                self.expect(tenant, (Named::Group, group), number.0, *version)
            }
            _ => Ok(()),
        }
    }

    /// What an administrator should see to, judged when the whole batch is done.
    fn warnings_after(&self, tenant: &Arc<str>, changes: &[Change]) -> Vec<Warning> {
        let stations = changes.iter().flat_map(touched_stations);
        let stations: BTreeSet<StationId> =
            stations.filter_map(|name| self.directory.station_id(tenant, name).ok()).collect();
        let silent = stations.into_iter().filter_map(|id| self.silent_station(id));
        let limited = changes.iter().flat_map(|change| self.limited_members(tenant, change));
        let mut told = Vec::new();
        for warning in silent.chain(limited) {
            if told.len() < WARNINGS && !told.contains(&warning) {
                told.push(warning);
            }
        }
        told
    }

    /// Whom a change of a workgroup leaves with a level that does not cover its queue.
    fn limited_members(&self, tenant: &Arc<str>, change: &Change) -> Vec<Warning> {
        let (Change::AddMembers { group, .. }
        | Change::ChangeMembers { group, .. }
        | Change::SetQueue { group, .. }) = change
        else {
            return Vec::new();
        };
        let Ok(group) = self.directory.group_id(tenant, group) else { return Vec::new() };
        let members: Vec<UserId> = match change {
            Change::AddMembers { users, .. } => {
                users.iter().filter_map(|name| self.directory.user_id(tenant, name).ok()).collect()
            }
            Change::ChangeMembers { add, .. } => add.clone(),
            _ => self.directory.groups.get(group).into_iter().flat_map(super::Group::members).collect(),
        };
        members.into_iter().filter_map(|user| self.media_warning(user, group)).take(WARNINGS).collect()
    }
}

fn touched_stations(change: &Change) -> Vec<&str> {
    match change {
        Change::AddStation { name, .. } | Change::RenameStation { name, .. } => vec![name],
        Change::SetStation { station, .. } => vec![station],
        Change::License { to, .. } => to.iter().filter_map(station_name).collect(),
        Change::Unlicense { from, .. } => from.iter().filter_map(station_name).collect(),
        Change::EnableLicenses { of, .. } => station_name(of).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn station_name(holder: &HolderName) -> Option<&str> {
    match holder {
        HolderName::Station(name) => Some(name),
        _ => None,
    }
}
