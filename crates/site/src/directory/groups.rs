//! Groups and workgroups, and who is in them. What members consume follows in `roles`.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::Site;
use crate::ids::{GroupId, UserId};
use crate::outcome::Refusal;
use crate::shards::Shards;

use super::change::Queue;
use super::media::Media;
use super::{Group, Named};

impl Site {
    pub(crate) fn group_mut(&mut self, tenant: &str, name: &str) -> Result<(GroupId, &mut Group), Refusal> {
        let id = self.directory.group_id(tenant, name)?;
        let missing = || Refusal::NoSuchName { what: Named::Group, name: name.into() };
        Ok((id, self.directory.groups.get_mut(id).ok_or_else(missing)?))
    }

    pub(crate) fn add_group(
        &mut self,
        tenant: &Arc<str>,
        name: &str,
        queue: Option<Queue>,
        media: Media,
    ) -> Result<(), Refusal> {
        let number = self.directory.next();
        self.directory.claim(tenant, Named::Group, name, number)?;
        let group = Group {
            tenant: tenant.clone(),
            name: name.trim().into(),
            queue,
            media,
            roles: BTreeSet::new(),
            members: Shards::default(),
        };
        self.directory.groups.insert(GroupId(number), group);
        Ok(())
    }

    pub(crate) fn set_queue(
        &mut self,
        tenant: &Arc<str>,
        name: &str,
        queue: Option<Queue>,
        media: Media,
    ) -> Result<(), Refusal> {
        let (_, group) = self.group_mut(tenant, name)?;
        (group.queue, group.media) = (queue, media);
        Ok(())
    }

    pub(crate) fn rename_group(&mut self, tenant: &Arc<str>, old: &str, new: &str) -> Result<(), Refusal> {
        let id = self.directory.group_id(tenant, old)?;
        self.directory.rename(tenant, Named::Group, old, new, id.0)?;
        self.group_mut(tenant, new)?.1.name = new.trim().into();
        Ok(())
    }

    pub(crate) fn remove_group(&mut self, tenant: &Arc<str>, name: &str) -> Result<(), Refusal> {
        self.empty_group(tenant, name)?;
        let id = self.directory.group_id(tenant, name)?;
        self.directory.disclaim(tenant, Named::Group, name);
        self.directory.forget_group(tenant, id);
        self.directory.groups.remove(id);
        Ok(())
    }

    pub(crate) fn add_members(
        &mut self,
        tenant: &Arc<str>,
        group: &str,
        users: &[Box<str>],
    ) -> Result<(), Refusal> {
        let users = self.users_named(tenant, users)?;
        let id = self.directory.group_id(tenant, group)?;
        self.enter_group(id, &users);
        self.settle_roles(tenant, &users)
    }

    fn enter_group(&mut self, id: GroupId, users: &[UserId]) {
        if let Some(group) = self.directory.groups.get_mut(id) {
            for user in users {
                group.members.insert(*user, ());
            }
        }
        for user in users {
            if let Some(user) = self.directory.user_mut(*user) {
                user.groups.insert(id);
            }
        }
    }

    /// Some out and others in, settled together: who comes gets what those who go give back. Who is deleted already is out;
    /// who comes must be there.
    pub(crate) fn change_members(
        &mut self,
        tenant: &Arc<str>,
        group: &str,
        add: &[UserId],
        remove: &[UserId],
    ) -> Result<(), Refusal> {
        let id = self.directory.group_id(tenant, group)?;
        let is_own = |user: &UserId| self.directory.users.get(*user).is_some_and(|of| of.tenant == *tenant);
        if let Some(nobody) = add.iter().find(|user| !is_own(user)) {
            return Err(Refusal::NoSuchName { what: Named::User, name: nobody.to_string().into() });
        }
        let gone: Vec<UserId> = remove.iter().copied().filter(is_own).collect();
        self.quit_group(id, &gone);
        self.enter_group(id, add);
        let touched: BTreeSet<UserId> = gone.iter().chain(add).copied().collect();
        self.settle_roles(tenant, &touched.into_iter().collect::<Vec<_>>())
    }

    pub(crate) fn remove_members(
        &mut self,
        tenant: &Arc<str>,
        group: &str,
        users: &[Box<str>],
    ) -> Result<(), Refusal> {
        let (id, users) = (self.directory.group_id(tenant, group)?, self.users_named(tenant, users)?);
        self.leave_group_of(tenant, id, &users)
    }

    pub(crate) fn empty_group(&mut self, tenant: &Arc<str>, group: &str) -> Result<(), Refusal> {
        let (id, group) = self.group_mut(tenant, group)?;
        let members: Vec<UserId> = group.members().collect();
        self.leave_group_of(tenant, id, &members)
    }

    fn leave_group_of(&mut self, tenant: &Arc<str>, id: GroupId, users: &[UserId]) -> Result<(), Refusal> {
        self.quit_group(id, users);
        self.settle_roles(tenant, users)
    }

    fn quit_group(&mut self, id: GroupId, users: &[UserId]) {
        for user in users {
            if let Some(group) = self.directory.groups.get_mut(id) {
                group.members.remove(*user);
            }
            if let Some(user) = self.directory.user_mut(*user) {
                user.groups.remove(&id);
            }
        }
    }

    fn users_named(&self, tenant: &str, names: &[Box<str>]) -> Result<Vec<UserId>, Refusal> {
        let ids: Result<BTreeSet<UserId>, Refusal> =
            names.iter().map(|name| self.directory.user_id(tenant, name)).collect();
        Ok(ids?.into_iter().collect())
    }
}
