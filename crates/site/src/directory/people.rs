//! Users: added, enabled, renamed, deleted. What they consume follows in `roles` and `allocate`.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::Site;
use crate::command::EndReason;
use crate::ids::{SessionId, UserId};
use crate::outcome::Refusal;

use super::access_license::{AccessKind, Level};
use super::media::Media;
use super::{Holder, Licensing, Named, User};

impl Site {
    pub(crate) fn user_mut(&mut self, tenant: &str, name: &str) -> Result<(UserId, &mut User), Refusal> {
        let id = self.directory.user_id(tenant, name)?;
        let missing = || Refusal::NoSuchName { what: Named::User, name: name.into() };
        Ok((id, self.directory.user_mut(id).ok_or_else(missing)?))
    }

    pub(crate) fn add_user(
        &mut self,
        tenant: &Arc<str>,
        name: &str,
        mail: Option<Box<str>>,
        is_enabled: bool,
        is_default: bool,
    ) -> Result<(), Refusal> {
        let number = self.directory.next();
        self.directory.claim(tenant, Named::User, name, number)?;
        let user = User {
            tenant: tenant.clone(),
            name: name.trim().into(),
            mail,
            is_enabled,
            is_default,
            has_own_number: true,
            licensing: Licensing::default(),
            media: Media::NONE,
            groups: BTreeSet::new(),
            roles: BTreeSet::new(),
            consumed: Vec::new(),
        };
        self.directory.users.insert(UserId(number), Arc::new(user));
        Ok(())
    }

    pub(crate) fn enable_user(&mut self, tenant: &Arc<str>, name: &str) -> Result<(), Refusal> {
        let (id, user) = self.user_mut(tenant, name)?;
        user.is_enabled = true;
        self.settle_roles(tenant, &[id])
    }

    pub(crate) fn disable_user(&mut self, tenant: &Arc<str>, name: &str, by: &str) -> Result<(), Refusal> {
        let (id, user) = self.user_mut(tenant, name)?;
        user.is_enabled = false;
        self.end_presence(id, by, "the user was disabled");
        self.settle_roles(tenant, &[id])
    }

    pub(crate) fn rename_user(&mut self, tenant: &Arc<str>, old: &str, new: &str) -> Result<(), Refusal> {
        let id = self.directory.user_id(tenant, old)?;
        self.directory.rename(tenant, Named::User, old, new, id.0)?;
        let (_, user) = self.user_mut(tenant, new)?;
        user.name = new.trim().into();
        let seats: Vec<_> = user.licensing.seats.iter().chain(&user.consumed).cloned().collect();
        self.rename_seats(Holder::User(id), &seats);
        let taken = self.directory.presences.get(id).map(|presence| presence.seats.clone());
        self.rename_seats(Holder::LogOn(id), &taken.unwrap_or_default());
        Ok(())
    }

    pub(crate) fn remove_user(&mut self, tenant: &Arc<str>, name: &str, by: &str) -> Result<(), Refusal> {
        let id = self.directory.user_id(tenant, name)?;
        self.end_presence(id, by, "the user was deleted");
        self.directory.disclaim(tenant, Named::User, name);
        self.directory.forget_user(tenant, id);
        let Some(user) = self.directory.users.remove(id) else { return Ok(()) };
        for group in &user.groups {
            if let Some(group) = self.directory.groups.get_mut(*group) {
                group.members.remove(id);
            }
        }
        let seats = user.licensing.seats.iter().chain(&user.consumed);
        seats.for_each(|seat| self.unseat(seat.grant));
        Ok(())
    }

    /// No more types than the user's level allows to choose (seed 002, "You can choose only one type of interaction").
    pub(crate) fn set_media(&mut self, tenant: &Arc<str>, name: &str, media: Media) -> Result<(), Refusal> {
        let (_, user) = self.user_mut(tenant, name)?;
        let level = user.licensing.features.iter().find_map(|feature| level_of(feature));
        if let Some(level) = level.filter(|level| media.len() > level.types()) {
            return Err(Refusal::TooManyMedia { level, chosen: media });
        }
        user.media = media;
        Ok(())
    }

    /// Ends every session by which the person is present.
    pub(crate) fn end_presence(&mut self, user: UserId, by: &str, reason: &str) {
        let presence = self.directory.presences.get(user);
        let sessions: Vec<SessionId> =
            presence.into_iter().flat_map(|presence| presence.sessions()).collect();
        let why = EndReason::Removed { by: by.to_owned(), reason: reason.to_owned() };
        for session in sessions {
            let _ended = self.end_session(session, &why);
        }
    }
}

/// The ACD level that a feature is, if it is one.
pub(crate) fn level_of(feature: &str) -> Option<Level> {
    match AccessKind::of(feature) {
        AccessKind::Acd(level) => Some(level),
        _ => None,
    }
}
