//! Which commands all servers of a site know. Servers are upgraded one at a time, and one that can't read an entry of the log
//! has to stop: so what came later is proposed only once every server has said that it knows it, and the site remembers
//! that (ARCHITECTURE.md, "An upgrade"). Asks nobody itself.

use crate::Site;
use crate::command::Command;
use crate::directory::Change;
use crate::outcome::Reply;

/// Levels known to this program: all up to this one. Level 0 is what the first versions knew; each version that adds
/// commands, changes of the directory or parts of the saved state adds a level.
pub const LEVEL: u16 = 2;

impl Command {
    /// The level that a server must know to carry it out. Whatever is new must say it here.
    #[must_use]
    pub fn level(&self) -> u16 {
        match self {
            Self::Direct { changes, .. } => changes.iter().map(Change::level).max().unwrap_or(0),
            Self::Tick
            | Self::Configure(_)
            | Self::SetPolicy { .. }
            | Self::LoadFile(_)
            | Self::RemoveFile { .. }
            | Self::OpenSession(_)
            | Self::RenewSession { .. }
            | Self::EndSession { .. }
            | Self::CheckOut(_)
            | Self::CheckIn { .. }
            | Self::LeaveQueue { .. }
            | Self::RemoveGrant { .. }
            | Self::ReportClockSetBack { .. }
            | Self::ConfirmClock { .. }
            | Self::ClearViolation { .. }
            | Self::OfferSetup { .. }
            | Self::CreateAdministrator { .. }
            | Self::AddToken { .. }
            | Self::RevokeToken { .. }
            | Self::ReplaceFiles { .. }
            | Self::OpenInstance { .. }
            | Self::CheckOutReserved { .. }
            | Self::Borrow { .. }
            | Self::ReturnLoan { .. }
            | Self::ReportClockSetAhead { .. }
            | Self::LogOn { .. }
            | Self::OpenModule { .. }
            | Self::LogOff { .. }
            | Self::SetDisconnect { .. }
            | Self::CheckOutOnce(_)
            | Self::RememberGenerations { .. }
            // By the time it is proposed, all know it.
            | Self::AgreeOnLevel { .. } => 0,
            Self::SetNoticeRules(_)
            | Self::ReportServer { .. }
            | Self::MarkTold { .. }
            | Self::TryNotices { .. }
            | Self::AddPerson { .. }
            | Self::ChangePerson { .. }
            | Self::RemovePerson { .. }
            | Self::SignIn(_)
            | Self::SignOut { .. } => 1,
        }
    }
}

impl Change {
    /// The same of a change of the directory.
    const fn level(&self) -> u16 {
        match self {
            Self::AddUser { .. }
            | Self::RenameUser { .. }
            | Self::SetMail { .. }
            | Self::SetOwnNumber { .. }
            | Self::SetMedia { .. }
            | Self::EnableUser { .. }
            | Self::DisableUser { .. }
            | Self::RemoveUser { .. }
            | Self::AddGroup { .. }
            | Self::SetQueue { .. }
            | Self::RenameGroup { .. }
            | Self::RemoveGroup { .. }
            | Self::AddMembers { .. }
            | Self::RemoveMembers { .. }
            | Self::EmptyGroup { .. }
            | Self::DefineRole { .. }
            | Self::RemoveRole { .. }
            | Self::AssignRole { .. }
            | Self::WithdrawRole { .. }
            | Self::AssignGroupRole { .. }
            | Self::WithdrawGroupRole { .. }
            | Self::AddStation { .. }
            | Self::SetStation { .. }
            | Self::RenameStation { .. }
            | Self::RemoveStation { .. }
            | Self::License { .. }
            | Self::Unlicense { .. }
            | Self::SetMethod { .. }
            | Self::EnableLicenses { .. } => 0,
            Self::SetExternalId { .. }
            | Self::SetGroupExternalId { .. }
            | Self::SetPersonNames { .. }
            | Self::ExpectUser { .. }
            | Self::ExpectGroup { .. }
            | Self::ChangeMembers { .. } => 1,
        }
    }
}

impl Site {
    /// The level that all servers have said they know. It only grows.
    #[must_use]
    pub const fn level(&self) -> u16 {
        self.level
    }

    pub(crate) fn agree_on_level(&mut self, level: u16) -> Reply {
        self.level = self.level.max(level);
        Reply::Done
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::notices::NoticeRules;
    use crate::{Entry, Timestamp};

    fn direct(changes: Vec<Change>) -> Command {
        Command::Direct { tenant: "t".into(), changes: Arc::new(changes), by: "ada".to_owned() }
    }

    #[test]
    fn a_command_needs_the_level_of_the_newest_that_it_has_in_it() {
        let old = Change::RemoveGroup { group: "g".into() };
        let new = Change::SetExternalId { user: "u".into(), id: None };
        assert_eq!(direct(vec![old.clone()]).level(), 0);
        assert_eq!(direct(vec![old, new]).level(), 1);
        assert_eq!(direct(Vec::new()).level(), 0);
        assert_eq!(Command::SetNoticeRules(Arc::new(NoticeRules::default())).level(), 1);
    }

    #[test]
    fn what_was_agreed_on_only_grows_and_is_kept_with_the_state() {
        let mut site = Site::new();
        assert_eq!(site.level(), 0);
        for (asked, known) in [(1, 1), (0, 1), (LEVEL, LEVEL), (1, LEVEL)] {
            let command = Command::AgreeOnLevel { level: asked };
            assert!(site.apply(&Entry { at: Timestamp(1), command }).reply.is_ok());
            assert_eq!(site.level(), known);
            assert_eq!(Site::from_snapshot(&site.to_snapshot()).map(|site| site.level()), Ok(known));
        }
    }
}
