//! The people who administer a site: who they are, what they may do, how they show who they are, and their visits. Checking
//! passwords, codes and passkeys is the server's; here stand what comes of it and the rules that every server keeps alike.

mod change;
mod show;
mod sign_in;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::access::{Administrator, Scope, Secret};
use crate::time::Timestamp;

pub use change::{NewPerson, PersonAct, PersonChange};
pub use show::{Bearer, Right};
pub use sign_in::{Beginning, Means, Proof, Second, Which};

/// Most people that may administer one site.
pub const PEOPLE: usize = 1000;
/// Most roles of one person.
pub const ROLES: usize = 100;
/// Most passkeys of one person.
pub const PASSKEYS: usize = 20;
/// Most accounts elsewhere of one person.
pub const ACCOUNTS: usize = 20;
/// Most visits of one person at a time: one more ends the earliest.
pub const VISITS: usize = 50;

/// What a person is: a set of rights that has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Does everything.
    Administrator,
    /// Loads, replaces and removes license files.
    ManageLicenses,
    /// Gives licenses to users, stations and roles.
    Allocate,
    /// Takes seats back, ends sessions, dismisses violations.
    Release,
    /// Looks.
    Read,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Administrator, Self::ManageLicenses, Self::Allocate, Self::Release, Self::Read];

    /// What the role lets its person do. Whoever changes something sees what there is, too.
    #[must_use]
    pub const fn scopes(self) -> &'static [Scope] {
        match self {
            Self::Administrator => &[Scope::Admin],
            Self::ManageLicenses => &[Scope::Licenses, Scope::Read],
            Self::Allocate => &[Scope::Allocate, Scope::Read],
            Self::Release => &[Scope::Release, Scope::Read],
            Self::Read => &[Scope::Read],
        }
    }
}

/// A role, and where it counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Post {
    /// The role.
    pub role: Role,
    /// Only for this tenant; `None` = for all, and for what concerns the whole site.
    pub tenant: Option<Arc<str>>,
}

/// A text that is no secret by itself, but of no use in a log: a password's hash, a key that is sealed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hidden(pub String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden(…)")
    }
}

/// Codes that a person shows beside the password (RFC 6238).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Codes {
    /// The key, sealed by the servers.
    pub sealed: Hidden,
    /// The step of the latest code that was used: neither it nor one before it counts again.
    pub last: u64,
    /// Hashes of the codes that each count once in place of the telephone's.
    pub spare: Vec<Secret>,
}

/// A passkey. Nothing of it is secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passkey {
    /// Its number.
    pub id: Vec<u8>,
    /// What its person calls it.
    pub name: String,
    /// By which its authenticator knows the person.
    pub handle: [u8; 16],
    /// Its public key.
    pub key: Vec<u8>,
    /// What changes when it is used.
    pub counter: [u8; 7],
    /// When it was made.
    pub since: Timestamp,
    /// When it last signed the person in.
    pub used: Option<Timestamp>,
}

/// A person's account at another house, which vouches for the person (OpenID Connect).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Who vouches.
    pub issuer: String,
    /// By what it knows the person for good.
    pub subject: String,
    /// What the person is called there.
    pub name: String,
    /// When it was linked.
    pub since: Timestamp,
    /// When it last signed the person in.
    pub used: Option<Timestamp>,
}

/// Somebody who administers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// What the person signs in with; no two differ in case alone.
    pub name: String,
    /// What the person is called.
    pub display: String,
    /// What the person may do; in order, none twice.
    pub posts: Vec<Post>,
    /// When the person was entered.
    pub since: Timestamp,
    /// By whom.
    pub by: String,
    /// argon2id in PHC format.
    pub password: Option<Hidden>,
    /// The second factor beside the password.
    pub codes: Option<Codes>,
    /// What signs in without a password.
    pub passkeys: Vec<Passkey>,
    /// Who else vouches.
    pub accounts: Vec<Account>,
    /// The hash of the secret by which the person chooses how to sign in, and until when it is of use.
    pub invitation: Option<(Secret, Timestamp)>,
}

impl Person {
    /// An administrator of before people had roles.
    fn of_old(name: &str, administrator: &Administrator) -> Self {
        Self {
            name: name.to_owned(),
            display: String::new(),
            posts: vec![Post { role: Role::Administrator, tenant: None }],
            since: administrator.since,
            by: String::new(),
            password: Some(Hidden(administrator.password_hash.clone())),
            codes: None,
            passkeys: Vec::new(),
            accounts: Vec::new(),
            invitation: None,
        }
    }

    /// What the person is called; the name where nothing else is said.
    #[must_use]
    pub fn called(&self) -> &str {
        if self.display.is_empty() { &self.name } else { &self.display }
    }

    /// Whether the person may do everything, for all tenants.
    #[must_use]
    pub fn is_administrator(&self) -> bool {
        self.posts.iter().any(|post| post.role == Role::Administrator && post.tenant.is_none())
    }

    /// Whether there is anything that signs the person in.
    #[must_use]
    pub fn can_sign_in(&self) -> bool {
        self.password.is_some() || !self.passkeys.is_empty() || !self.accounts.is_empty()
    }
}

/// A person who is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// Who.
    pub person: String,
    /// Since when: that long ago the person showed who they are.
    pub since: Timestamp,
    /// Until when, at the latest.
    pub until: Timestamp,
    /// How the person showed it.
    pub means: Means,
    /// The address from where.
    pub from: Box<str>,
}

/// All of them. Administrators of before stand in [`crate::access::Access`] until something of theirs changes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct People {
    people: BTreeMap<String, Person>,
    visits: BTreeMap<Secret, Visit>,
}

impl People {
    pub(crate) fn is_empty(&self) -> bool {
        self.people.is_empty() && self.visits.is_empty()
    }
}
