//! Who may do what: roles and the rights that come with them. Pure: knows no database.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

/// What a person is to the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Publisher's staff: what is sold.
    Catalogue,
    /// Publisher's staff: accounts and orders.
    Orders,
    /// Publisher's staff: license files of all accounts.
    Analyst,
    /// Publisher's staff: everything, and people.
    Administrator,
    /// Of a partner: its account and those under it.
    Partner,
    /// Of a customer: its account and those under it.
    Customer,
    /// Reads, and changes nothing; of the publisher or of one account.
    Auditor,
}

/// Something that not everybody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// Look at what an account has.
    See,
    /// Create and edit install sites.
    Sites,
    /// Generate, update and deactivate license files, and upgrade software.
    Files,
    /// Create accounts.
    Accounts,
    /// Load catalogues.
    Catalogue,
    /// Book orders.
    Orders,
    /// Look after requests.
    Requests,
    /// Invite people, give them roles and certifications.
    People,
    /// Read the log of everything.
    Log,
    /// Ask for and decide on changes of signing keys.
    Keys,
}

impl Right {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::See,
        Self::Sites,
        Self::Files,
        Self::Accounts,
        Self::Catalogue,
        Self::Orders,
        Self::Requests,
        Self::People,
        Self::Log,
        Self::Keys,
    ];

    /// Whether it is about the publisher's own house, which nobody of an account has.
    #[must_use]
    pub fn is_of_the_house(self) -> bool {
        !matches!(self, Self::See | Self::Sites | Self::Files)
    }
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Catalogue,
        Self::Orders,
        Self::Analyst,
        Self::Administrator,
        Self::Partner,
        Self::Customer,
        Self::Auditor,
    ];

    /// As it is kept.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Catalogue => "catalogue",
            Self::Orders => "orders",
            Self::Analyst => "analyst",
            Self::Administrator => "administrator",
            Self::Partner => "partner",
            Self::Customer => "customer",
            Self::Auditor => "auditor",
        }
    }

    /// As people read it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Catalogue => "Catalogue: what is sold",
            Self::Orders => "Orders: accounts and what they bought",
            Self::Analyst => "Licensing analyst: license files of all accounts",
            Self::Administrator => "Administrator: everything, and people",
            Self::Partner => "Partner: its account and those under it",
            Self::Customer => "Customer: its account and those under it",
            Self::Auditor => "Auditor: reads only",
        }
    }

    /// The role with that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }

    /// Whether it is one of the publisher's.
    #[must_use]
    pub fn is_staff(self) -> bool {
        matches!(self, Self::Catalogue | Self::Orders | Self::Analyst | Self::Administrator)
    }

    /// Whether the right comes with it.
    #[must_use]
    pub fn has(self, right: Right) -> bool {
        match self {
            Self::Administrator => true,
            Self::Catalogue => matches!(right, Right::See | Right::Catalogue),
            Self::Orders => matches!(right, Right::See | Right::Sites | Right::Accounts | Right::Orders),
            Self::Analyst => matches!(right, Right::See | Right::Sites | Right::Files | Right::Requests),
            Self::Partner | Self::Customer => matches!(right, Right::See | Right::Sites | Right::Files),
            Self::Auditor => matches!(right, Right::See | Right::Log),
        }
    }
}

/// What somebody may do who has these roles; `of_account`: somebody of an account, who has no right in the publisher's house.
#[must_use]
pub fn may(roles: &BTreeSet<Role>, of_account: bool, right: Right) -> bool {
    !(of_account && right.is_of_the_house()) && roles.iter().any(|role| role.has(right))
}

/// Why nobody can have these roles together; `of_account` as for [`may`].
#[must_use]
pub fn contradiction(roles: &BTreeSet<Role>, of_account: bool) -> Option<&'static str> {
    let staff = roles.iter().filter(|role| role.is_staff()).count();
    if roles.is_empty() {
        return Some("choose at least one");
    }
    if staff > 0 && staff < roles.len() {
        return Some("the publisher's staff can't be partner, customer or auditor as well");
    }
    if staff > 0 && of_account {
        return Some("the publisher's staff belong to no account");
    }
    let needs = roles.contains(&Role::Partner) || roles.contains(&Role::Customer);
    if needs && !of_account {
        return Some("partners and customers belong to an account: name it");
    }
    (roles.len() > 1 && staff == 0).then_some("partner, customer and auditor exclude each other")
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Roles as they are kept.
#[must_use]
pub fn words(roles: &BTreeSet<Role>) -> String {
    roles.iter().map(|role| role.word()).collect::<Vec<_>>().join(" ")
}

/// Roles as they were kept; words that are none are left out.
#[must_use]
pub fn from_words(words: &str) -> BTreeSet<Role> {
    words.split_whitespace().filter_map(Role::parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_of_an_account_has_a_right_in_the_publishers_house() {
        for role in Role::ALL {
            for right in Right::ALL.into_iter().filter(|right| right.is_of_the_house()) {
                assert!(!may(&BTreeSet::from([role]), true, right), "{role} {right:?}");
            }
        }
    }

    #[test]
    fn an_auditor_changes_nothing() {
        let rights = Right::ALL.into_iter().filter(|right| Role::Auditor.has(*right));
        assert_eq!(rights.collect::<Vec<_>>(), [Right::See, Right::Log]);
    }

    #[test]
    fn roles_that_exclude_each_other_are_told() {
        let of = |roles: &[Role]| roles.iter().copied().collect::<BTreeSet<_>>();
        assert_eq!(contradiction(&of(&[Role::Orders, Role::Analyst]), false), None);
        assert_eq!(contradiction(&of(&[Role::Customer]), true), None);
        assert_eq!(contradiction(&of(&[Role::Auditor]), false), None);
        for (roles, of_account) in [
            (of(&[]), false),
            (of(&[Role::Analyst]), true),
            (of(&[Role::Analyst, Role::Customer]), true),
            (of(&[Role::Customer]), false),
            (of(&[Role::Customer, Role::Auditor]), true),
        ] {
            assert!(contradiction(&roles, of_account).is_some(), "{roles:?} {of_account}");
        }
    }

    #[test]
    fn roles_survive_being_kept() {
        let all: BTreeSet<Role> = Role::ALL.into_iter().collect();
        assert_eq!(from_words(&words(&all)), all);
    }
}
