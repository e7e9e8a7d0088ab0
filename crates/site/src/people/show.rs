//! Reading who administers: people, what a token or a visit lets its bearer do. Changes nothing.

use std::sync::Arc;

use super::{Account, Person, Visit};
use crate::access::{Access, Scope, Secret};
use crate::time::Timestamp;

/// What somebody may do, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    /// Any of these.
    pub scopes: Vec<Scope>,
    /// Only for this tenant; `None` = for all.
    pub tenant: Option<Arc<str>>,
}

/// Whom a secret stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// The token's name, or the person's.
    pub name: String,
    /// What the bearer may do.
    pub rights: Vec<Right>,
    /// Whether it is a person who is signed in, and since when.
    pub signed_in: Option<Timestamp>,
}

impl Access {
    /// The person of that name; case makes no other name.
    #[must_use]
    pub fn person(&self, name: &str) -> Option<Person> {
        let exact = || self.people.people.get(name).cloned().or_else(|| self.of_old(name));
        exact().or_else(|| {
            let folded = name.to_lowercase();
            self.everybody().find(|person| person.name.to_lowercase() == folded)
        })
    }

    fn of_old(&self, name: &str) -> Option<Person> {
        self.administrator(name).map(|one| Person::of_old(name, one))
    }

    /// Everybody who administers, those of before first.
    pub fn everybody(&self) -> impl Iterator<Item = Person> {
        let before = self.administrators().filter_map(|name| self.of_old(name));
        before.chain(self.people.people.values().cloned())
    }

    /// How many people administer.
    #[must_use]
    pub fn head_count(&self) -> usize {
        self.administrators().count() + self.people.people.len()
    }

    /// The visit with that hash, if it goes on at `now`.
    #[must_use]
    pub fn visit(&self, secret: &Secret, now: Timestamp) -> Option<&Visit> {
        self.people.visits.get(secret).filter(|visit| now < visit.until)
    }

    /// A person's visits that go on at `now`, with their hashes.
    pub fn visits<'a>(
        &'a self,
        person: &'a str,
        now: Timestamp,
    ) -> impl Iterator<Item = (&'a Secret, &'a Visit)> {
        self.people.visits.iter().filter(move |(_, visit)| visit.person == person && now < visit.until)
    }

    /// Whom the secret with that hash stands for at `now`: a token, or a person's visit with what the person may do now.
    #[must_use]
    pub fn bearer(&self, secret: &Secret, now: Timestamp) -> Option<Bearer> {
        if let Some(token) = self.token(secret, now) {
            let right = Right { scopes: token.scopes.clone(), tenant: token.tenant.clone() };
            return Some(Bearer { name: token.name.clone(), rights: vec![right], signed_in: None });
        }
        let visit = self.visit(secret, now)?;
        let person = self.person(&visit.person)?;
        let right =
            |post: &super::Post| Right { scopes: post.role.scopes().to_vec(), tenant: post.tenant.clone() };
        let rights = person.posts.iter().map(right).collect();
        Some(Bearer { name: person.name, rights, signed_in: Some(visit.since) })
    }

    /// Who may take the invitation with that hash at `now`.
    #[must_use]
    pub fn invited(&self, secret: &Secret, now: Timestamp) -> Option<Person> {
        let fits =
            |person: &Person| person.invitation.is_some_and(|(hash, until)| hash == *secret && now < until);
        self.people.people.values().find(|person| fits(person)).cloned()
    }

    /// Whose passkey that is.
    #[must_use]
    pub fn with_passkey(&self, id: &[u8]) -> Option<Person> {
        let has = |person: &Person| person.passkeys.iter().any(|passkey| passkey.id == id);
        self.people.people.values().find(|person| has(person)).cloned()
    }

    /// Whose account elsewhere that is.
    #[must_use]
    pub fn with_account(&self, issuer: &str, subject: &str) -> Option<Person> {
        let same = |account: &Account| account.issuer == issuer && account.subject == subject;
        self.people.people.values().find(|person| person.accounts.iter().any(same)).cloned()
    }
}
