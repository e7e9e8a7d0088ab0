//! Changes of people: who there is, what they may do, how they sign in. The last administrator who can sign in stays one,
//! and what somebody could do ends with the right to it.

use serde::{Deserialize, Serialize};

use super::{Account, Codes, Hidden, PASSKEYS, PEOPLE, Passkey, Person, Post, ROLES, Which};
use crate::access::{Access, Secret};
use crate::event::Event;
use crate::outcome::Refusal;
use crate::time::Timestamp;

/// What is to be different about a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PersonChange {
    /// What the person is called.
    Display(String),
    /// What the person may do. All visits end.
    Posts(Vec<Post>),
    /// Everything that signs the person in is taken away, and an invitation given. All visits end.
    Reset {
        /// Its hash.
        invitation: Secret,
        /// Of no use from here on.
        until: Timestamp,
    },
    /// A new password. All visits end but one.
    Password {
        /// Its hash.
        password: Hidden,
        /// The visit that goes on.
        keep: Option<Secret>,
    },
    /// Codes beside the password from now on, or no more.
    Codes(Option<Codes>),
    /// Other spare codes in place of those there are.
    Spare(Vec<Secret>),
    /// A passkey more.
    AddPasskey(Passkey),
    /// The passkey with this number is no more.
    RemovePasskey(Vec<u8>),
    /// Another house vouches from now on.
    Link(Account),
    /// It does no more.
    Unlink {
        /// Which.
        issuer: String,
    },
}

/// What was different about a person, for those who read of it: without what is of no use in a log.
#[allow(missing_docs, reason = "the fields are named for what they hold")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PersonAct {
    /// The person is called something else.
    Display,
    /// The person may do something else.
    Posts(Vec<Post>),
    /// Everything that signed the person in was taken away.
    Reset,
    /// The person took the invitation.
    InvitationTaken,
    /// There is a new password.
    Password,
    /// Codes are asked for.
    CodesOn,
    /// Codes are not asked for any more.
    CodesOff,
    /// There are other spare codes.
    Spare,
    /// There is a passkey more.
    PasskeyAdded { name: String },
    /// There is a passkey less.
    PasskeyRemoved { name: String },
    /// Another house vouches.
    Linked { issuer: String, name: String },
    /// It does no more.
    Unlinked { issuer: String },
}

/// Somebody who is to be let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPerson {
    /// What the person signs in with.
    pub name: String,
    /// What the person is called; empty = the same.
    pub display: String,
    /// What the person may do.
    pub posts: Vec<Post>,
    /// The hash of the secret by which the person chooses a password.
    pub invitation: Secret,
    /// Of no use from here on.
    pub until: Timestamp,
}

/// In order, none twice; at least one.
fn orderly(posts: &[Post]) -> Result<Vec<Post>, Refusal> {
    let mut posts = posts.to_vec();
    posts.sort();
    posts.dedup();
    if posts.is_empty() || posts.len() > ROLES {
        Err(Refusal::NoRole { most: ROLES as u32 })
    } else {
        Ok(posts)
    }
}

impl Access {
    pub(super) fn known(&self, name: &str) -> Result<Person, Refusal> {
        self.person(name).ok_or_else(|| Refusal::NoSuchPerson { name: name.to_owned() })
    }

    /// Writes a person down, in the place of whoever had the name.
    pub(super) fn put(&mut self, person: Person) {
        self.forget_old(&person.name);
        self.people.people.insert(person.name.clone(), person);
    }

    /// Whether somebody is left who may do everything and can sign in.
    fn stays_in_hand(&self) -> Result<(), Refusal> {
        let able = |person: Person| person.is_administrator() && person.can_sign_in();
        if self.everybody().any(able) { Ok(()) } else { Err(Refusal::LastAdministrator) }
    }

    pub(crate) fn add_person(
        &mut self,
        new: &NewPerson,
        by: &str,
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        if new.name.trim().is_empty() || self.person(&new.name).is_some() {
            return Err(Refusal::PersonExists { name: new.name.clone() });
        }
        if self.head_count() >= PEOPLE {
            return Err(Refusal::TooManyPeople { most: PEOPLE as u32 });
        }
        let posts = orderly(&new.posts)?;
        let event = Event::PersonAdded { name: new.name.clone(), posts: posts.clone(), by: by.to_owned() };
        self.put(Person {
            name: new.name.clone(),
            display: new.display.clone(),
            posts,
            since: now,
            by: by.to_owned(),
            password: None,
            codes: None,
            passkeys: Vec::new(),
            accounts: Vec::new(),
            invitation: Some((new.invitation, new.until)),
        });
        Ok(vec![event])
    }

    pub(crate) fn remove_person(&mut self, name: &str, by: &str) -> Result<Vec<Event>, Refusal> {
        let name = self.known(name)?.name;
        self.forget_old(&name);
        self.people.people.remove(&name);
        self.stays_in_hand()?;
        let mut events = vec![Event::PersonRemoved { name: name.clone(), by: by.to_owned() }];
        events.extend(self.sign_out(&name, &Which::All, by));
        events.extend(self.end_tokens_of(&name, by));
        Ok(events)
    }

    /// Changes a person. What is refused leaves a state that is not to be kept.
    pub(crate) fn change_person(
        &mut self,
        name: &str,
        change: &PersonChange,
        by: &str,
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        let mut person = self.known(name)?;
        let was_administrator = person.is_administrator();
        let what = self.changed(&mut person, change, now)?;
        let (name, is_administrator) = (person.name.clone(), person.is_administrator());
        self.put(person);
        self.stays_in_hand()?;
        let mut events = vec![Event::PersonChanged { name: name.clone(), what, by: by.to_owned() }];
        if let Some(which) = ends(change) {
            events.extend(self.sign_out(&name, &which, by));
        }
        if was_administrator && !is_administrator {
            events.extend(self.end_tokens_of(&name, by));
        }
        Ok(events)
    }

    fn changed(
        &self,
        person: &mut Person,
        change: &PersonChange,
        now: Timestamp,
    ) -> Result<PersonAct, Refusal> {
        match change {
            PersonChange::Display(display) => person.display.clone_from(display),
            PersonChange::Posts(posts) => person.posts = orderly(posts)?,
            PersonChange::Reset { invitation, until } => reset(person, *invitation, *until),
            PersonChange::Password { password, .. } => person.password = Some(password.clone()),
            PersonChange::Codes(codes) => person.codes.clone_from(codes),
            PersonChange::Spare(spare) => {
                person.codes.as_mut().ok_or(Refusal::NotSignedInSo)?.spare.clone_from(spare);
            }
            PersonChange::AddPasskey(passkey) => self.add_passkey(person, passkey, now)?,
            PersonChange::RemovePasskey(id) => {
                let place = person.passkeys.iter().position(|passkey| passkey.id == *id);
                let removed = person.passkeys.remove(place.ok_or(Refusal::NotSignedInSo)?);
                can_still(person)?;
                return Ok(PersonAct::PasskeyRemoved { name: removed.name });
            }
            PersonChange::Link(account) => drop(self.link(person, account, now)?),
            PersonChange::Unlink { issuer } => {
                person.accounts.retain(|account| account.issuer != *issuer);
                can_still(person)?;
            }
        }
        Ok(act(change, person))
    }

    fn add_passkey(&self, person: &mut Person, new: &Passkey, now: Timestamp) -> Result<(), Refusal> {
        if self.with_passkey(&new.id).is_some() {
            return Err(Refusal::PasskeyTaken);
        }
        if person.passkeys.len() >= PASSKEYS {
            return Err(Refusal::TooManyWays { most: PASSKEYS as u32 });
        }
        person.passkeys.push(Passkey { since: now, used: None, ..new.clone() });
        Ok(())
    }

    /// Ends the tokens that somebody made: whoever may no longer make any has none.
    fn end_tokens_of(&mut self, name: &str, by: &str) -> Vec<Event> {
        let theirs = self.take_tokens_of(name);
        theirs.into_iter().map(|name| Event::TokenRevoked { name, by: by.to_owned() }).collect()
    }
}

fn reset(person: &mut Person, invitation: Secret, until: Timestamp) {
    (person.password, person.codes) = (None, None);
    person.passkeys.clear();
    person.accounts.clear();
    person.invitation = Some((invitation, until));
}

/// Nobody takes away the last thing that signs them in.
fn can_still(person: &Person) -> Result<(), Refusal> {
    if person.can_sign_in() { Ok(()) } else { Err(Refusal::LastWayIn) }
}

/// Which visits the change ends.
fn ends(change: &PersonChange) -> Option<Which> {
    match change {
        PersonChange::Posts(_) | PersonChange::Reset { .. } => Some(Which::All),
        PersonChange::Password { keep: Some(keep), .. } => Some(Which::AllBut(*keep)),
        PersonChange::Password { keep: None, .. } => Some(Which::All),
        _ => None,
    }
}

fn act(change: &PersonChange, person: &Person) -> PersonAct {
    match change {
        PersonChange::Display(_) => PersonAct::Display,
        PersonChange::Posts(_) => PersonAct::Posts(person.posts.clone()),
        PersonChange::Reset { .. } => PersonAct::Reset,
        PersonChange::Password { .. } => PersonAct::Password,
        PersonChange::Codes(Some(_)) => PersonAct::CodesOn,
        PersonChange::Codes(None) => PersonAct::CodesOff,
        PersonChange::Spare(_) => PersonAct::Spare,
        PersonChange::AddPasskey(passkey) => PersonAct::PasskeyAdded { name: passkey.name.clone() },
        PersonChange::RemovePasskey(_) => PersonAct::PasskeyRemoved { name: String::new() },
        PersonChange::Link(account) => {
            PersonAct::Linked { issuer: account.issuer.clone(), name: account.name.clone() }
        }
        PersonChange::Unlink { issuer } => PersonAct::Unlinked { issuer: issuer.clone() },
    }
}
