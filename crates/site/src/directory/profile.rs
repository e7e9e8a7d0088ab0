//! What an identity provider or a directory service says of users and groups: by which id it knows them, and how people
//! are called. Kept behind the rest of the directory, as the first formats have no place for it. Gives nobody anything.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Site;
use crate::ids::{GroupId, UserId};
use crate::outcome::Refusal;
use crate::shards::Shards;

use super::{NameKey, Named};

/// What is known of a user beyond the license server's own needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The id by which the identity provider knows the user; compared with case.
    pub external_id: Option<Box<str>>,
    /// How the user is called on pages and in reports.
    pub display_name: Option<Box<str>>,
    /// First name.
    pub given_name: Option<Box<str>>,
    /// Last name.
    pub family_name: Option<Box<str>>,
}

impl Profile {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Profiles of those who have one.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Profiles {
    users: Shards<UserId, Profile>,
    /// Ids by which an identity provider knows groups.
    groups: Shards<GroupId, Box<str>>,
}

impl Profiles {
    pub(crate) fn is_empty(&self) -> bool {
        self.users.len() == 0 && self.groups.len() == 0
    }

    /// How many ids of identity providers there are.
    pub(crate) fn ids(&self) -> usize {
        self.users.iter().filter(|(_, of)| of.external_id.is_some()).count() + self.groups.len()
    }

    /// Everybody who has a profile, and every group that has an id.
    pub(crate) fn holders(&self) -> (impl Iterator<Item = UserId>, impl Iterator<Item = GroupId>) {
        (self.users.iter().map(|(id, _)| id), self.groups.iter().map(|(id, _)| id))
    }
}

impl super::Directory {
    fn external_key(tenant: &str, what: Named, id: &str) -> NameKey {
        NameKey::of_text(tenant, what as u8 | 0x80, id)
    }

    /// Works out who is known by which id, after reading.
    pub(super) fn index_profiles(&mut self) {
        let users = self.profiles.users.iter().filter_map(|(id, of)| {
            let tenant = &self.users.get(id)?.tenant;
            Some((Self::external_key(tenant, Named::User, of.external_id.as_ref()?), id.0))
        });
        let groups = self.profiles.groups.iter().filter_map(|(id, external)| {
            let tenant = &self.groups.get(id)?.tenant;
            Some((Self::external_key(tenant, Named::Group, external), id.0))
        });
        let known: Vec<(NameKey, u32)> = users.chain(groups).collect();
        for (key, number) in known {
            self.names.insert(key, number);
        }
    }

    /// Who is known by an id.
    pub(crate) fn external(&self, tenant: &str, what: Named, id: &str) -> Option<u32> {
        self.names.get(Self::external_key(tenant, what, id)).copied()
    }

    /// Takes an id for `number` in the place of the one that it had. Two can't be known by one.
    fn claim_external(
        &mut self,
        tenant: &str,
        what: Named,
        number: u32,
        (old, new): (Option<Box<str>>, Option<&str>),
    ) -> Result<(), Refusal> {
        if let Some(id) = new
            && let Some(other) = self.external(tenant, what, id).filter(|other| *other != number)
        {
            return Err(Refusal::ExternalIdInUse { what, id: id.into(), by: self.name_of(what, other) });
        }
        if let Some(old) = old {
            self.names.remove(Self::external_key(tenant, what, &old));
        }
        if let Some(id) = new {
            self.names.insert(Self::external_key(tenant, what, id), number);
        }
        Ok(())
    }

    fn name_of(&self, what: Named, number: u32) -> Arc<str> {
        let name = match what {
            Named::Group => self.groups.get(GroupId(number)).map(|group| &group.name),
            _ => self.users.get(UserId(number)).map(|user| &user.name),
        };
        name.cloned().unwrap_or_default()
    }

    /// Forgets what was said of a user who is deleted.
    pub(super) fn forget_user(&mut self, tenant: &str, id: UserId) {
        if let Some(external) = self.profiles.users.remove(id).and_then(|profile| profile.external_id) {
            self.names.remove(Self::external_key(tenant, Named::User, &external));
        }
    }

    /// Forgets what was said of a group that is deleted.
    pub(super) fn forget_group(&mut self, tenant: &str, id: GroupId) {
        if let Some(external) = self.profiles.groups.remove(id) {
            self.names.remove(Self::external_key(tenant, Named::Group, &external));
        }
    }
}

/// A text that says something.
fn said(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

impl Site {
    fn change_profile(&mut self, id: UserId, change: impl FnOnce(&mut Profile)) {
        let profiles = &mut self.directory.profiles.users;
        let mut profile = profiles.get(id).cloned().unwrap_or_default();
        change(&mut profile);
        match profile.is_empty() {
            true => drop(profiles.remove(id)),
            false => drop(profiles.insert(id, profile)),
        }
    }

    pub(super) fn set_external_id(
        &mut self,
        tenant: &str,
        user: &str,
        external: Option<&str>,
    ) -> Result<(), Refusal> {
        let (id, new) = (self.directory.user_id(tenant, user)?, said(external));
        let old = self.directory.profiles.users.get(id).and_then(|profile| profile.external_id.clone());
        self.directory.claim_external(tenant, Named::User, id.0, (old, new))?;
        self.change_profile(id, |profile| profile.external_id = new.map(Into::into));
        Ok(())
    }

    pub(super) fn set_group_external_id(
        &mut self,
        tenant: &str,
        group: &str,
        external: Option<&str>,
    ) -> Result<(), Refusal> {
        let (id, new) = (self.directory.group_id(tenant, group)?, said(external));
        let old = self.directory.profiles.groups.get(id).cloned();
        self.directory.claim_external(tenant, Named::Group, id.0, (old, new))?;
        match new {
            Some(new) => drop(self.directory.profiles.groups.insert(id, new.into())),
            None => drop(self.directory.profiles.groups.remove(id)),
        }
        Ok(())
    }

    pub(super) fn set_person_names(
        &mut self,
        tenant: &str,
        user: &str,
        [display, given, family]: [Option<&str>; 3],
    ) -> Result<(), Refusal> {
        let id = self.directory.user_id(tenant, user)?;
        let kept = |text| said(text).map(Into::into);
        self.change_profile(id, |profile| {
            profile.display_name = kept(display);
            profile.given_name = kept(given);
            profile.family_name = kept(family);
        });
        Ok(())
    }

    /// Whether a name is still that of the user or group that was looked at, and that one as it was.
    pub(super) fn expect(
        &self,
        tenant: &str,
        (what, name): (Named, &str),
        number: u32,
        version: Option<u64>,
    ) -> Result<(), Refusal> {
        let is_as_it_was = match what {
            Named::Group => self.directory.group_id(tenant, name).is_ok_and(|id| {
                id.0 == number && version.is_none_or(|version| self.group_version(id) == Some(version))
            }),
            _ => self.directory.user_id(tenant, name).is_ok_and(|id| {
                id.0 == number && version.is_none_or(|version| self.user_version(id) == Some(version))
            }),
        };
        match is_as_it_was {
            true => Ok(()),
            false => Err(Refusal::ChangedMeanwhile { what, name: name.into() }),
        }
    }

    /// What is known of a user; the same as of anybody if nothing is.
    #[must_use]
    pub fn profile(&self, id: UserId) -> Profile {
        self.directory.profiles.users.get(id).cloned().unwrap_or_default()
    }

    /// The id by which an identity provider knows a group.
    #[must_use]
    pub fn group_external_id(&self, id: GroupId) -> Option<&str> {
        self.directory.profiles.groups.get(id).map(|id| &**id)
    }

    /// The user whom an identity provider knows by this id.
    #[must_use]
    pub fn user_of_external_id(&self, tenant: &str, id: &str) -> Option<UserId> {
        self.directory.external(tenant, Named::User, id).map(UserId)
    }

    /// The group that an identity provider knows by this id.
    #[must_use]
    pub fn group_of_external_id(&self, tenant: &str, id: &str) -> Option<GroupId> {
        self.directory.external(tenant, Named::Group, id).map(GroupId)
    }

    /// A number that is another when a user's settings, names or groups are: for changes of what was looked at. Replicas
    /// compare it when they apply [`super::Change::ExpectUser`], so what goes into it never changes.
    #[must_use]
    pub fn user_version(&self, id: UserId) -> Option<u64> {
        let (user, profile) = (self.directory.users.get(id)?, self.profile(id));
        let mut digest = Sha256::new_with_prefix(b"grantor user version 1");
        text(&mut digest, Some(&user.name));
        let said = [&user.mail, &profile.external_id, &profile.display_name, &profile.given_name];
        said.into_iter().chain([&profile.family_name]).for_each(|said| text(&mut digest, said.as_deref()));
        digest.update([u8::from(user.is_enabled)]);
        user.groups.iter().for_each(|group| digest.update(group.0.to_le_bytes()));
        Some(first(digest))
    }

    /// The same of a group: its name, its id at the identity provider and its members.
    #[must_use]
    pub fn group_version(&self, id: GroupId) -> Option<u64> {
        let group = self.directory.groups.get(id)?;
        let mut digest = Sha256::new_with_prefix(b"grantor group version 1");
        text(&mut digest, Some(&group.name));
        text(&mut digest, self.group_external_id(id));
        let mut members: Vec<UserId> = group.members().collect();
        members.sort_unstable();
        members.iter().for_each(|member| digest.update(member.0.to_le_bytes()));
        Some(first(digest))
    }
}

fn text(digest: &mut Sha256, text: Option<&str>) {
    let length = text.map_or(u64::MAX, |text| text.len() as u64);
    digest.update(length.to_le_bytes());
    digest.update(text.unwrap_or_default());
}

fn first(digest: Sha256) -> u64 {
    let digest: [u8; 32] = digest.finalize().into();
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}
