//! Consumption by role (seed 001, "Consuming a License"): an enabled user with at least one role of an application
//! consumes one license of it, however the role came; default users consume none. First come, first served: beyond
//! capacity the change that would take more fails as a whole.

use std::collections::BTreeSet;
use std::sync::Arc;

use grantor_license::Model;

use crate::Site;
use crate::ids::{GrantId, RoleId, UserId};
use crate::outcome::Refusal;
use crate::pool::FeatureKey;

use super::{Directory, Holder, Named, Role, fold};

impl Directory {
    /// The applications that a user consumes a license of: those of all roles, direct and by groups, each once.
    pub(crate) fn applications_of(&self, user: UserId) -> BTreeSet<Arc<str>> {
        let user = self.users.get(user).filter(|user| user.is_enabled && !user.is_default);
        let Some(user) = user else { return BTreeSet::new() };
        let groups = user.groups.iter().filter_map(|group| self.groups.get(*group));
        let roles = groups.flat_map(|group| &group.roles).chain(&user.roles);
        roles.filter_map(|role| self.roles.get(*role)?.application.clone()).collect()
    }

    /// Mail addresses of the enabled users who have the role.
    pub(crate) fn mails_of(&self, tenant: &str, role: &str) -> BTreeSet<Box<str>> {
        let users = self.role_id(tenant, role).map(|role| self.users_with(role)).unwrap_or_default();
        let enabled = users.into_iter().filter_map(|id| self.users.get(id)).filter(|user| user.is_enabled);
        enabled.filter_map(|user| user.mail.clone()).collect()
    }

    /// Everybody who has the role, directly or by a group.
    fn users_with(&self, role: RoleId) -> Vec<UserId> {
        let direct = self.users.iter().filter(|(_, user)| user.roles.contains(&role)).map(|(id, _)| id);
        let groups = self.groups.iter().filter(|(_, group)| group.roles.contains(&role));
        let mut users: BTreeSet<UserId> = groups.flat_map(|(_, group)| group.members()).collect();
        users.extend(direct);
        users.into_iter().collect()
    }
}

/// What a user's roles ask for, compared with what the user has.
struct Settlement {
    user: UserId,
    surplus: Vec<GrantId>,
    missing: Vec<Arc<str>>,
}

impl Site {
    /// Takes what the roles of these users ask for and frees what they no longer do: for all of them or, with the
    /// shortfall named, for none.
    pub(crate) fn settle_roles(&mut self, tenant: &Arc<str>, users: &[UserId]) -> Result<(), Refusal> {
        let settlements: Vec<Settlement> = users.iter().filter_map(|user| self.settlement(*user)).collect();
        for settlement in &settlements {
            self.free_consumed(settlement);
        }
        let missing = settlements.iter().flat_map(|settlement| &settlement.missing);
        self.require_all(tenant, Model::Role, missing)?;
        for settlement in settlements {
            self.consume(tenant, settlement)?;
        }
        Ok(())
    }

    /// `None` = the user has what the roles ask for.
    fn settlement(&self, id: UserId) -> Option<Settlement> {
        let wanted = self.directory.applications_of(id);
        let has = &self.directory.users.get(id)?.consumed;
        let surplus: Vec<GrantId> =
            has.iter().filter(|seat| !wanted.contains(&seat.feature)).map(|seat| seat.grant).collect();
        let has_not = |feature: &Arc<str>| !has.iter().any(|seat| seat.feature == *feature);
        let missing: Vec<Arc<str>> = wanted.into_iter().filter(has_not).collect();
        let is_settled = surplus.is_empty() && missing.is_empty();
        (!is_settled).then_some(Settlement { user: id, surplus, missing })
    }

    fn free_consumed(&mut self, settlement: &Settlement) {
        if let Some(user) = self.directory.user_mut(settlement.user) {
            user.consumed.retain(|seat| !settlement.surplus.contains(&seat.grant));
        }
        settlement.surplus.iter().for_each(|grant| self.unseat(*grant));
    }

    fn consume(&mut self, tenant: &Arc<str>, settlement: Settlement) -> Result<(), Refusal> {
        for feature in settlement.missing {
            let key = FeatureKey { tenant: tenant.clone(), feature };
            let seat = self.seat(Holder::User(settlement.user), &key, Model::Role)?;
            if let Some(user) = self.directory.user_mut(settlement.user) {
                user.consumed.push(seat);
            }
        }
        Ok(())
    }

    /// A new role, or another application for a known one.
    pub(crate) fn define_role(
        &mut self,
        tenant: &Arc<str>,
        name: &str,
        application: Option<&str>,
    ) -> Result<(), Refusal> {
        let application: Option<Arc<str>> = application.map(|feature| fold(feature).into());
        if let Ok(id) = self.directory.role_id(tenant, name) {
            if let Some(role) = self.directory.roles.get_mut(id) {
                role.application = application;
            }
            return self.settle_roles(tenant, &self.directory.users_with(id));
        }
        let number = self.directory.next();
        self.directory.claim(tenant, Named::Role, name, number)?;
        let role = Role { tenant: tenant.clone(), name: name.trim().into(), application };
        self.directory.roles.insert(RoleId(number), role);
        Ok(())
    }

    pub(crate) fn remove_role(&mut self, tenant: &Arc<str>, name: &str) -> Result<(), Refusal> {
        let id = self.directory.role_id(tenant, name)?;
        let users = self.directory.users_with(id);
        for user in &users {
            if let Some(user) = self.directory.user_mut(*user) {
                user.roles.remove(&id);
            }
        }
        let groups: Vec<_> = self.directory.groups.iter().map(|(group, _)| group).collect();
        for group in groups {
            if let Some(group) = self.directory.groups.get_mut(group) {
                group.roles.remove(&id);
            }
        }
        self.directory.disclaim(tenant, Named::Role, name);
        self.directory.roles.remove(id);
        self.settle_roles(tenant, &users)
    }

    pub(crate) fn assign_role(&mut self, tenant: &Arc<str>, role: &str, user: &str) -> Result<(), Refusal> {
        let role = self.directory.role_id(tenant, role)?;
        let (id, user) = self.user_mut(tenant, user)?;
        user.roles.insert(role);
        self.settle_roles(tenant, &[id])
    }

    pub(crate) fn withdraw_role(&mut self, tenant: &Arc<str>, role: &str, user: &str) -> Result<(), Refusal> {
        let role = self.directory.role_id(tenant, role)?;
        let (id, user) = self.user_mut(tenant, user)?;
        user.roles.remove(&role);
        self.settle_roles(tenant, &[id])
    }

    /// "Each group member will consume one license": all of them, or the role is not assigned.
    pub(crate) fn assign_group_role(
        &mut self,
        tenant: &Arc<str>,
        role: &str,
        group: &str,
    ) -> Result<(), Refusal> {
        let role = self.directory.role_id(tenant, role)?;
        let (_, group) = self.group_mut(tenant, group)?;
        group.roles.insert(role);
        let members: Vec<UserId> = group.members().collect();
        self.settle_roles(tenant, &members)
    }

    pub(crate) fn withdraw_group_role(
        &mut self,
        tenant: &Arc<str>,
        role: &str,
        group: &str,
    ) -> Result<(), Refusal> {
        let role = self.directory.role_id(tenant, role)?;
        let (_, group) = self.group_mut(tenant, group)?;
        group.roles.remove(&role);
        let members: Vec<UserId> = group.members().collect();
        self.settle_roles(tenant, &members)
    }
}
